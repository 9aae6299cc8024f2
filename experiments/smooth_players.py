"""What kinks do to a derivative through training: activations beside finite differences.

    python experiments/smooth_players.py

The derivative of the generator's held-out loss after ten steps of simultaneous descent on the ring,
in the logarithm of the learning rate (0.1), for perceptrons of 2 x 32 units with each activation,
with R1 and without, in float64; beside it central differences of ± 0.01. Where the slope of an
activation jumps they differ, and `analysis.kinks` says so. Writes results/smooth_players.json and
.png.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
from reporting import Row, parser, positive, write_report

import jaxgan as jg
from jaxgan import analysis
from jaxgan.cli.program import run_script
from jaxgan.data import ring
from jaxgan.models import MLPDiscriminator, MLPGenerator

mpl.use("Agg")
import matplotlib.pyplot as plt

BATCH, LATENT, WIDTH, RATE, STEP = 128, 8, 32, 0.1, 0.01
DATA = ring(num_modes=8, radius=2.0, std=0.1)
ACTIVATIONS: Mapping[str, Callable[[Any], Any]] = {
    "relu": nn.relu,
    "leaky_relu": nn.leaky_relu,
    "elu": nn.elu,
    "gelu": nn.gelu,
    "tanh": nn.tanh,
}


def make_game(activation: Any, has_penalty: bool) -> jg.Game:
    """Two perceptrons on the ring."""
    hidden = (WIDTH, WIDTH)
    game = jg.gan(
        jg.from_linen(MLPGenerator(hidden, (2,), activation=activation), jnp.zeros((1, LATENT))),
        jg.from_linen(MLPDiscriminator(hidden, activation=activation), jnp.zeros((1, 2))),
        latent=lambda key, shape: jax.random.normal(key, (*shape, LATENT)),
    )
    return jg.with_penalty(game, jg.penalties.r1()) if has_penalty else game


def derivative(activation: Any, has_penalty: bool, num_steps: int) -> tuple[float, float, str]:
    """By `hypergradient`, by central differences, and what has kinks."""
    game = make_game(activation, has_penalty)

    def make(log_rate: Any) -> jg.Algorithm:
        rate: Any = jnp.exp(log_rate)
        sgd = jg.optimizers.sgd(rate)
        return jg.simultaneous(jg.gradient(game), optimizers={"gen": sgd, "disc": sgd})

    def loss(state: jg.TrainState) -> Any:
        context = jg.Context(jax.random.key(9))
        held = {"image": DATA.sample(jax.random.key(2), 512)["image"].astype(float)}
        scene, _ = game.generate(state.params, state.net_state, held, context)
        return game.losses(state.params, state.net_state, scene, context)[0]["gen"]

    drawn = DATA.sample(jax.random.key(1), num_steps * BATCH)["image"]
    batches = {"image": drawn.reshape(num_steps, BATCH, 2).astype(float)}
    at = jnp.log(jnp.asarray(RATE, float))
    state = make(at).init(jax.random.key(0))
    params = jax.tree.map(lambda x: x.astype(float), state.params)
    state = state._replace(params=params)

    @jax.jit
    def call(log_rate: Any) -> Any:
        return analysis.hypergradient(
            make,
            loss,
            num_steps=num_steps,
            with_respect_to={"log_rate": log_rate},
            state=state,
            batches=batches,
        )

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "hypergradient: the slope jumps")
        slope = float(call(at).gradient["log_rate"])
        ends = [float(call(at + sign * STEP).value) for sign in (1, -1)]
    first = jax.tree.map(lambda x: x[0], batches)
    found = analysis.kinks(make(at), state, first)
    return slope, (ends[0] - ends[1]) / (2 * STEP), ", ".join(found)


def draw(found: Mapping[str, Mapping[str, tuple[float, float, str]]]) -> plt.Figure:
    """Both derivatives of each activation, a panel without and one with the penalty."""
    figure, panels = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
    places = np.arange(len(ACTIVATIONS))
    for panel, (title, by_name) in zip(panels, found.items(), strict=True):
        for index, label in enumerate(("hypergradient", f"differences of ± {STEP}")):
            values = [one[index] for one in by_name.values()]
            panel.bar(places + 0.4 * index - 0.2, values, 0.4, label=label)
        panel.axhline(0, color="0.5", linewidth=0.8)
        panel.set_xticks(places, by_name)
        panel.set(title=title, ylabel="d loss / d log rate")
    panels[0].legend(fontsize="small")
    return figure


def main() -> None:
    """Differentiates with every activation and writes the report."""
    flags = parser(__doc__)
    flags.add_argument("--num-steps", type=positive, default=10)
    args = flags.parse_args()
    found: dict[str, dict[str, tuple[float, float, str]]] = {}
    rows = []
    with jax.enable_x64(True):
        for title, has_penalty in (("without penalty", False), ("with R1", True)):
            found[title] = {}
            for name, activation in ACTIVATIONS.items():
                one = derivative(activation, has_penalty, args.num_steps)
                found[title][name] = one
                said = f"{one[0]:.4g}; {one[1]:.4g}; kinks: {one[2] or 'none'}"
                rows.append(Row(f"{name}, {title}: derivative; differences", said, None, 1))
                print(rows[-1].name, said, flush=True)
    write_report(args.out, "smooth_players", rows, runs=found)
    draw(found).savefig(args.out / "smooth_players.png", dpi=110)


if __name__ == "__main__":
    run_script(main)
