"""How far consensus on one batch is from consensus on all data.

    python experiments/consensus_bias.py

The product J^T xi of one batch has another mean than that of all data; the gap is exactly 1 / B of
that of single examples, as losses are means over examples. A GAN of two layers of 32 ReLU each on
the ring of eight Gaussians is trained by simultaneous Adam (batch 128, rate 1e-3, b1 = 0.5, minimax
loss); every 500 steps the gap of single examples is measured on 4,096 pairs of a point and a
latent, relative to the length of J^T xi on all of them. To check it, the product is averaged over
8,192 batches of 32 drawn from these pairs, as it is and with `fields.two_batches`, in which field
and Jacobian are of independent halves. Writes results/consensus_bias.json and .png.

No paper gives a figure. Expected: two_batches is within what averaging leaves of 0, one batch of 32
within that of the prediction.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
from reporting import Row, parser, positive, write_report

import jaxgan as jg
from jaxgan.cli.program import run_script
from jaxgan.data import ring
from jaxgan.fields import linearize, trees, two_batches
from jaxgan.models import MLPDiscriminator, MLPGenerator

mpl.use("Agg")
import matplotlib.pyplot as plt

LATENT, WIDTHS, EVERY, BATCH, CHECKED = 4, (32, 32), 500, 128, 32
SIZES = (8, 16, 32, 64, 128, 256, 512, 1024)
DATA = ring(num_modes=8, radius=2.0, std=0.02)


def make_field() -> jg.Field:
    """The plain gradient of the game."""
    gen = jg.from_linen(MLPGenerator(WIDTHS, (2,)), jnp.zeros((1, LATENT)))
    disc = jg.from_linen(MLPDiscriminator(WIDTHS), jnp.zeros((1, 2)))
    return jg.gradient(jg.gan(gen, disc, latent=LATENT, loss=jg.losses.minimax()))


def product(field: jg.Field, state: jg.TrainState, batch: Any) -> Any:
    """J^T xi of a batch that has its own latents."""
    context = jg.Context(jax.random.key(0))
    at = linearize(field, state.params, (), state.net_state, batch, context)
    return at.vjp(at.pull)


def relative(found: Any, whole: Any) -> jax.Array:
    """The distance from the product of all data, in lengths of that."""
    gap = trees.add(found, -1.0, whole)
    return jnp.sqrt(trees.dot(gap, gap) / trees.dot(whole, whole))


def measure(num_pairs: int, num_batches: int, state: jg.TrainState) -> dict[str, jax.Array]:
    """The gap of single examples, and what averages over batches are away from the whole."""
    field, keys = make_field(), jax.random.split(jax.random.key(7), 3)
    latent = jax.random.normal(keys[1], (num_pairs, LATENT))
    pairs = {**DATA.sample(keys[0], num_pairs), "latent": latent}
    whole = product(field, state, pairs)

    def mean_over(field: jg.Field, indices: jax.Array) -> Any:
        def one(rows: jax.Array) -> Any:
            return product(field, state, jax.tree.map(lambda x: x[rows], pairs))

        each = jax.lax.map(one, indices, batch_size=256)
        return jax.tree.map(lambda x: jnp.mean(x, axis=0), each)

    single = mean_over(field, jnp.arange(num_pairs)[:, None])
    drawn = jax.random.randint(keys[2], (num_batches, CHECKED), 0, num_pairs)
    return {
        "single": relative(single, whole),
        "one batch": relative(mean_over(field, drawn), whole),
        "two_batches": relative(mean_over(two_batches(field), drawn), whole),
    }


def draw(steps: list[int], single: list[float]) -> plt.Figure:
    """The bias against the size of the batch, a line for each state."""
    figure, axes = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
    for step, gap in zip(steps, single, strict=True):
        axes.loglog(SIZES, gap / np.asarray(SIZES), marker="o", ms=3, label=f"step {step}")
    axes.axhline(1.0, color="gray", lw=0.8, ls="--")
    axes.set(
        xlabel="examples in the batch",
        ylabel=r"$\|E[J_B^T \xi_B] - J^T \xi\|$ / $\|J^T \xi\|$",
        title="Bias of consensus on one batch, MLPs on the ring",
        xticks=SIZES,
        xticklabels=SIZES,
    )
    axes.minorticks_off()
    axes.legend(fontsize="small")
    return figure


def main() -> None:
    """Trains, measures on the way, writes the report."""
    flags = parser(__doc__)
    flags.add_argument("--num-steps", type=positive, default=2000)
    flags.add_argument("--pairs", type=positive, default=4096)
    flags.add_argument("--batches", type=positive, default=8192)
    args = flags.parse_args()
    adams = dict.fromkeys(("gen", "disc"), jg.optimizers.adam(1e-3, b1=0.5))
    algorithm = jg.simultaneous(make_field(), optimizers=adams)
    fed = jg.device_data(algorithm, sample=DATA.sample, batch_size=BATCH)
    step = jax.jit(jg.substeps(fed, num_steps=EVERY).step)
    found = jax.jit(lambda state: measure(args.pairs, args.batches, state))
    state, steps, curves = fed.init(jax.random.key(0)), [], []
    for done in range(0, args.num_steps + 1, EVERY):
        state = step(state, {})[0] if done else state
        curves.append({name: float(value) for name, value in found(state).items()})
        steps.append(done)
    rows = [row for at, values in zip(steps, curves, strict=True) for row in rows_of(at, values)]
    write_report(
        args.out,
        "consensus_bias",
        rows,
        settings=vars(args) | {"out": None},
        steps=steps,
        gaps=curves,
    )
    figure = draw(steps, [values["single"] for values in curves])
    figure.savefig(args.out / "consensus_bias.png", dpi=110)


def rows_of(step: int, gaps: Mapping[str, float]) -> list[Row]:
    """The bias at some sizes by the closed form, and the two averages that check it."""
    rows = [Row(f"step {step}: bias, B = {b}", gaps["single"] / b, None, 1) for b in (32, 128, 512)]
    rows.append(Row(f"step {step}: mean of one batch of {CHECKED}", gaps["one batch"], None, 1))
    rows.append(Row(f"step {step}: mean of two_batches", gaps["two_batches"], None, 1))
    return rows


if __name__ == "__main__":
    run_script(main)
