"""Who saturates: the generator's gradient while the discriminator gets the better of it.

    python experiments/saturation.py

The classic figure, from our own losses. Left: what the generator pays for one sample, by the
probability D(G(z)) that the discriminator calls it real, as in Goodfellow's tutorial of 2016,
figure 16. Right: a generator stands still while a discriminator is trained against it, under the
same objective, and gets the better of it; how strong the generator's gradient is. Arjovsky &
Bottou, 2017 (arXiv:1701.04862), figures 2 and 3, show the two ends of that: the minimax gradient
vanishes, the non-saturating one grows.

The generator is a fresh MLP of 2x128 on the ring of eight Gaussians, the discriminator has the same
widths, Adam with learning rate 1e-3; lines are means over seeds, of the gradient's norm relative to
its first value. Writes results/saturation.json and .png.

Expected, with D almost perfect: minimax and maximum likelihood vanish, non-saturating and
Wasserstein, whose critic nothing restrains here, grow, and least squares falls to where the
discriminator's targets leave it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
import optax
from reporting import Row, parser, positive, write_report

import jaxgan as jg
from jaxgan.cli.program import run_script
from jaxgan.core.typing import Array, PlayerTree
from jaxgan.data import ring
from jaxgan.losses import Loss
from jaxgan.models import MLPDiscriminator, MLPGenerator

mpl.use("Agg")
import matplotlib.pyplot as plt

OBJECTIVES: Mapping[str, Callable[[], Loss]] = {
    "minimax": jg.losses.minimax,
    "non-saturating": jg.losses.non_saturating,
    "maximum likelihood": jg.losses.maximum_likelihood,
    "least squares": jg.losses.least_squares,
    "Wasserstein": jg.losses.wasserstein,
}
# What the literature says of the gradient where the discriminator wins.
LITERATURE = {
    "minimax": "vanishes",
    "non-saturating": "grows",
    "maximum likelihood": "vanishes",
    "least squares": "stays",
    "Wasserstein": "does not vanish",
}
BATCH, LATENT, FEATURES, RATE = 512, 16, (128, 128), 1e-3
NUM_LOOKED_AT = 2_048
NUM_POINTS = 50
NUM_LAST = NUM_POINTS // 10
# So wide that no sample of a fresh generator is near a mode: the two can be told apart.
RING = ring(radius=4.0)


class Trace(dict[str, Any]):
    """`mistaken`, `gradient`: arrays of shape [seeds, points]."""


def make_game(loss: Loss) -> jg.Game:
    """MLPs on the ring."""
    gen = jg.from_linen(MLPGenerator(FEATURES, (2,)), jnp.zeros((1, LATENT)))
    disc = jg.from_linen(MLPDiscriminator(FEATURES), jnp.zeros((1, 2)))
    return jg.gan(gen, disc, latent=LATENT, loss=loss)


def watch(loss: Loss, num_steps: int, num_seeds: int) -> Trace:
    """Trains the discriminator alone.

    Args:
      loss: the objective of both players.
      num_steps: the discriminator's.
      num_seeds: trainings side by side.

    Returns:
      The share of examples on the wrong side of the mean logit and the norm of the generator's
      gradient, at `NUM_POINTS` moments.
    """
    game, optimizer = make_game(loss), jg.optimizers.adam(RATE)

    def evaluate(params: PlayerTree, state: PlayerTree, key: Array, num: int = BATCH) -> Any:
        context = jg.Context(key)
        batch = RING.sample(context.stream("data"), num)
        scene, state = game.generate(params, state, batch, context)
        return game.losses(params, state, scene, context)

    def step(carry: Any, key: Array) -> tuple[Any, None]:
        params, state, opt_state = carry

        def disc_loss(disc: Any) -> tuple[Array, PlayerTree]:
            losses, (new_state, _, _) = evaluate({**params, "disc": disc}, state, key)
            return losses["disc"], new_state

        grads, state = jax.grad(disc_loss, has_aux=True)(params["disc"])
        disc, opt_state = jg.optimizers.update(optimizer, grads, opt_state, params["disc"])
        return ({**params, "disc": disc}, state, opt_state), None

    def look(carry: Any, keys: Array) -> tuple[Any, tuple[Array, Array]]:
        carry, _ = jax.lax.scan(step, carry, keys)
        params, state, _ = carry

        def gen_loss(gen: Any) -> tuple[Array, Any]:
            losses, (_, _, outputs) = evaluate(
                {**params, "gen": gen}, state, keys[-1], NUM_LOOKED_AT
            )
            return losses["gen"], outputs

        grads, outputs = jax.grad(gen_loss, has_aux=True)(params["gen"])
        middle = (jnp.mean(outputs["real"]) + jnp.mean(outputs["fake"])) / 2
        wrong = jnp.mean(outputs["real"] < middle) + jnp.mean(outputs["fake"] > middle)
        return carry, (wrong / 2, optax.tree.norm(grads))

    @jax.jit
    @jax.vmap
    def run(key: Array) -> tuple[Array, Array]:
        params, state = game.init(key)
        carry = (params, state, jg.optimizers.init(optimizer, params["disc"]))
        keys = jax.random.split(key, (NUM_POINTS, num_steps // NUM_POINTS))
        return jax.lax.scan(look, carry, keys)[1]

    mistaken, gradient = run(jax.random.split(jax.random.key(0), num_seeds))
    return Trace(mistaken=np.asarray(mistaken), gradient=np.asarray(gradient))


def price(loss: Loss, logits: np.ndarray) -> np.ndarray:
    """What the generator pays for each of its samples, beside real examples at logit 0."""
    real, context = jnp.zeros(logits.shape), jg.Context(jax.random.key(0))
    return np.asarray(loss.gen(real, jnp.asarray(logits), loss.init(), context))


def relative(trace: Trace) -> np.ndarray:
    """The gradient's norm over its first value, a geometric mean over seeds, [points]."""
    norms = np.log(np.maximum(trace["gradient"], 1e-30))
    ratio: np.ndarray = np.exp(np.mean(norms - norms[:, :1], axis=0))
    return ratio


def draw(traces: Mapping[str, Trace], num_steps: int) -> plt.Figure:
    """Both panels."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    probability = np.linspace(0.01, 0.99, 199)
    logits = np.log(probability / (1 - probability)).astype(np.float32)
    for name, make in OBJECTIVES.items():
        values = price(make(), logits)
        left.plot(probability, values - values[len(values) // 2], label=name)
        if name in traces:
            steps = num_steps // NUM_POINTS * np.arange(1, NUM_POINTS + 1)
            right.plot(steps, relative(traces[name]), label=name)
    left.set(
        xlabel="D(G(z)), the sigmoid of the logit",
        ylabel="the generator's loss, less that at ½",
        ylim=(-8, 6),
        title="one sample",
    )
    right.set(
        xlabel="discriminator's steps",
        ylabel="generator's gradient, relative to its first",
        yscale="log",
        title="a generator that stands still",
    )
    left.legend()
    return figure


def main() -> None:
    """Watches every objective and writes the report."""
    flags = parser(__doc__)
    flags.add_argument("--objectives", nargs="+", choices=OBJECTIVES, default=[*OBJECTIVES])
    flags.add_argument("--num-steps", type=positive, default=1_000)
    flags.add_argument("--seeds", type=positive, default=4)
    args = flags.parse_args()
    if args.num_steps % NUM_POINTS:
        flags.error(f"--num-steps is {args.num_steps}; it must be a multiple of {NUM_POINTS}")
    traces = {
        name: watch(OBJECTIVES[name](), args.num_steps, args.seeds) for name in args.objectives
    }
    rows = []
    for name, trace in traces.items():
        change = float(np.exp(np.mean(np.log(relative(trace)[-NUM_LAST:]))))
        mistaken = float(np.mean(trace["mistaken"][:, -NUM_LAST:]))
        rows += [
            Row(f"{name}: gradient, last tenth / first", change, LITERATURE[name], args.seeds),
            Row(f"{name}: examples mistaken, last tenth", mistaken, None, args.seeds),
        ]
    write_report(
        args.out,
        "saturation",
        rows,
        settings={"num_steps": args.num_steps, "batch": BATCH, "learning_rate": RATE},
        curves={
            name: {key: np.mean(values, axis=0).tolist() for key, values in trace.items()}
            for name, trace in traces.items()
        },
    )
    figure = draw(traces, args.num_steps)
    figure.savefig(args.out / "saturation.png", dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    run_script(main)
