"""Hyper-parameters by their gradients: R1's gamma and both learning rates, on the ring.

    python experiments/tune_ring.py

differentiates a held-out objective after 50 whole training steps with respect to the logarithms of
gamma and of both players' learning rates (`analysis.hypergradient`, reverse mode, mean over four
seeds), and steps along it with Adam. The objective is the squared maximum mean discrepancy between
samples and data that training does not see. What is reported is that of other seeds and other data,
before and after, at the horizon of 50 steps and at ten times that, of which tuning knows nothing.
Writes results/tune_ring.json and .png.

Smooth players (tanh): with ReLUs the derivative would miss what kinks do. It takes about two
minutes on two CPU cores.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
import optax
from reporting import Row, parser, positive, write_report

import jaxgan as jg
from jaxgan import analysis
from jaxgan.cli.program import run_script
from jaxgan.data import ring
from jaxgan.models import MLPDiscriminator, MLPGenerator

mpl.use("Agg")
import matplotlib.pyplot as plt

BATCH, LATENT, WIDTH, NUM_HELD = 128, 8, 32, 512
DATA = ring(num_modes=8, radius=2.0, std=0.1)
START = {"gamma": 1.0, "gen_rate": 1e-3, "disc_rate": 1e-3}
LONGER = 10
Logs = Mapping[str, Any]


def make(gamma: Any, gen_rate: Any, disc_rate: Any) -> jg.Algorithm:
    """The training with hyper-parameters given by their logarithms."""
    game = jg.gan(
        jg.from_linen(
            MLPGenerator((WIDTH, WIDTH), (2,), activation=nn.tanh), jnp.zeros((1, LATENT))
        ),
        jg.from_linen(MLPDiscriminator((WIDTH, WIDTH), activation=nn.tanh), jnp.zeros((1, 2))),
        latent=LATENT,
    )
    at: Any = jax.tree.map(jnp.exp, {"gamma": gamma, "gen": gen_rate, "disc": disc_rate})
    game = jg.with_penalty(game, jg.penalties.r1(weight=at["gamma"]))
    adams = {player: jg.optimizers.adam(at[player], b1=0.5) for player in ("gen", "disc")}
    return jg.simultaneous(jg.gradient(game), optimizers=adams)


def samples(state: jg.TrainState, key: jax.Array) -> jax.Array:
    """NUM_HELD points of the generator."""
    game = make(**dict.fromkeys(START, 0.0)).field.game
    latents = {"latent": jax.random.normal(key, (NUM_HELD, LATENT))}
    context = jg.Context(key, train=False)
    points: jax.Array = game.generate(state.params, state.net_state, latents, context)[0]["fake"]
    return points


def discrepancy(points: jax.Array, others: jax.Array) -> jax.Array:
    """MMD² with the kernels 1 / (1 + |x - y|² / s²), s = 0.2, 1 and 5."""

    def kernel(x: jax.Array, y: jax.Array) -> jax.Array:
        squares = jnp.sum((x[:, None] - y[None]) ** 2, axis=-1)
        return jnp.mean(sum(1 / (1 + squares / s**2) for s in (0.2, 1.0, 5.0)))

    return kernel(points, points) + kernel(others, others) - 2 * kernel(points, others)


def objective(state: jg.TrainState, key: jax.Array) -> jax.Array:
    """Against data that are drawn for it alone."""
    return discrepancy(
        samples(state, key), DATA.sample(jax.random.fold_in(key, 1), NUM_HELD)["image"]
    )


def beginning(logs: Logs, key: jax.Array, num_steps: int) -> tuple[jg.TrainState, Any]:
    """A state, and batches for that many steps."""
    drawn = DATA.sample(jg.stream(key, "data"), num_steps * BATCH)["image"]
    return make(**logs).init(key), {"image": drawn.reshape(num_steps, BATCH, 2)}


def make_update(num_steps: int, keys: jax.Array, optimizer: optax.GradientTransformation) -> Any:
    """(logs, opt_state) -> (logs, opt_state, objective), one step along the mean hypergradient."""

    @jax.jit
    def update(logs: Any, opt_state: Any) -> Any:
        def one(key: jax.Array) -> Any:
            state, batches = beginning(logs, key, num_steps)
            found = analysis.hypergradient(
                make,
                lambda state: objective(state, jg.stream(key, "held out")),
                num_steps=num_steps,
                with_respect_to=logs,
                state=state,
                batches=batches,
            )
            return found.value, found.gradient

        value, gradient = jax.tree.map(lambda x: jnp.mean(x, axis=0), jax.vmap(one)(keys))
        logs, opt_state = jg.optimizers.update(optimizer, gradient, opt_state, logs)
        return logs, opt_state, value

    return update


def make_trainer(num_steps: int, keys: jax.Array) -> Any:
    """logs -> the objective of every seed in ten places of a training, [10, seeds], and samples."""

    @jax.jit
    def train(logs: Any) -> Any:
        def one(key: jax.Array) -> Any:
            state, batches = beginning(logs, key, num_steps)
            parts = jax.tree.map(lambda x: x.reshape(LONGER, -1, *x.shape[1:]), batches)
            step = make(**logs).step

            def part(state: jg.TrainState, some: Any) -> Any:
                state, _ = jax.lax.scan(lambda s, b: (step(s, b)[0], None), state, some)
                return state, objective(state, jg.stream(key, "test"))

            state, values = jax.lax.scan(part, state, parts)
            return values, samples(state, jg.stream(key, "test"))

        values, points = jax.vmap(one)(keys)
        return values.T, points

    return train


def tune(num_steps: int, num_updates: int, keys: jax.Array, rate: float) -> dict[str, list[float]]:
    """The path of the hyper-parameters, and the objective on the seeds that tune them."""
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(rate))
    logs = {name: jnp.log(jnp.float32(value)) for name, value in START.items()}
    opt_state = jg.optimizers.init(optimizer, logs)
    update = make_update(num_steps, keys, optimizer)
    path: dict[str, list[float]] = {name: [] for name in (*START, "objective")}
    for index in range(num_updates):
        here = {name: float(jnp.exp(value)) for name, value in logs.items()}
        logs, opt_state, value = update(logs, opt_state)
        for name, number in (*here.items(), ("objective", float(value))):
            path[name].append(number)
        if index % 10 == 0:
            print(f"{index}: {float(value):.5f} at {here}", flush=True)
    for name, value in logs.items():
        path[name].append(float(jnp.exp(value)))
    return path


def draw(path: Mapping[str, list[float]], ends: Mapping[str, Any], horizon: int) -> plt.Figure:
    """The objective and the hyper-parameters over updates; training before and after."""
    figure, panels = plt.subplots(1, 5, figsize=(18, 3.8), layout="constrained")
    panels[0].plot(path["objective"])
    panels[0].set(xlabel="update", ylabel="MMD²", yscale="log")
    panels[0].set_title(f"objective after {horizon} steps, tuning seeds", fontsize="medium")
    for name in START:
        panels[1].plot(path[name], label=name)
    panels[1].set(xlabel="update", yscale="log")
    panels[1].set_title("hyper-parameters", fontsize="medium")
    panels[1].legend(fontsize="small")
    steps = horizon * np.arange(1, LONGER + 1)
    for name, (values, _) in ends.items():
        low, middle, high = np.quantile(values, (0, 0.5, 1), axis=1)
        (line,) = panels[2].plot(steps, middle, label=name)
        panels[2].fill_between(steps, low, high, alpha=0.2, color=line.get_color())
    panels[2].axvline(horizon, color="0.6", linestyle=":", label="horizon of tuning")
    panels[2].set(xlabel="step", ylabel="MMD²", yscale="log")
    panels[2].set_title("other seeds and data: median, range", fontsize="medium")
    panels[2].legend(fontsize="small")
    for axis, (name, (_, points)) in zip(panels[3:], ends.items(), strict=True):
        axis.scatter(*DATA.modes.T, s=14, c="0.75")
        axis.scatter(*np.asarray(points)[0].T, s=2)
        axis.set(xlim=(-3.2, 3.2), ylim=(-3.2, 3.2), aspect="equal")
        axis.set_title(f"{name}: one seed, step {LONGER * horizon}", fontsize="medium")
    return figure


def main() -> None:
    """Tunes, trains other seeds before and after, and writes the report."""
    flags = parser(__doc__)
    flags.add_argument("--num-steps", type=positive, default=50, help="the horizon")
    flags.add_argument("--num-updates", type=positive, default=60)
    flags.add_argument("--seeds", type=positive, default=8, help="of the trainings reported")
    flags.add_argument("--tuning-seeds", type=positive, default=4)
    args = flags.parse_args()
    keys = jax.random.split(jax.random.key(0), args.tuning_seeds)
    path = tune(args.num_steps, args.num_updates, keys, rate=0.1)
    train = make_trainer(LONGER * args.num_steps, jax.random.split(jax.random.key(1), args.seeds))
    after = {name: path[name][-1] for name in START}
    ends = {
        word: train({name: jnp.log(jnp.float32(value)) for name, value in at.items()})
        for word, at in (("before", START), ("after", after))
    }
    rows = [Row(f"after: {name}", value, None, args.tuning_seeds) for name, value in after.items()]
    for word, (values, _) in ends.items():
        for index, steps in ((0, args.num_steps), (-1, LONGER * args.num_steps)):
            middle = float(np.median(values[index]))
            rows.append(Row(f"{word}: median MMD² after {steps} steps", middle, None, args.seeds))
    curves = {word: np.round(values, 6).tolist() for word, (values, _) in ends.items()}
    settings = {"start": START, "num_steps": args.num_steps, "batch_size": BATCH}
    write_report(args.out, "tune_ring", rows, settings=settings, path=path, held_out=curves)
    draw(path, ends, args.num_steps).savefig(args.out / "tune_ring.png", dpi=110)


if __name__ == "__main__":
    run_script(main)
