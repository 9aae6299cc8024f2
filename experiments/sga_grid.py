"""Symplectic gradient adjustment on a grid of Gaussians: Balduzzi et al., 2018, section 5.

    python experiments/sga_grid.py                   # small
    python experiments/sga_grid.py --budget full     # the protocol

trains RMSProp alone and with the adjustment, and writes results/sga_grid.json and .png: modes,
share of samples within three standard deviations (HQ) and losses over time, and the samples.

The protocol is that of the authors' notebook: 16 modes at {-1.5, -0.5, 0.5, 1.5}², standard
deviation 0.02, batches of 16 samples of each mode; 64 normal latents; both networks six layers of
384 ReLU, initialised as Sonnet's (normal truncated at two deviations, 1/√fan-in before that); the
non-saturating loss; simultaneous RMSProp with learning rate 1e-4, decay 0.9 and ε = 1e-10 inside
the root; 10,000 iterations. λ = 1 with the sign of the alignment, ε = 0.1, whose d is the number of
tensors as in the notebook's code. TensorFlow's RMSProp starts its average at 1, ours at 0.

The small budget is the same with 128 units a layer instead of 384, a ninth of the arithmetic:
eleven minutes on two busy cores, where the full one takes more than an hour. It shows half of the
effect: RMSProp ends on 4 modes with a discriminator's loss of 0.59; with the adjustment the samples
stay spread over all modes, near the equilibrium's loss, but they are not sharp after 8,000 steps
and training then leaves the equilibrium. The full budget shows all of it; it is the one whose
results are kept: RMSProp 4 modes and a loss of 0.576; with the adjustment 16 modes, losses of 1.386
and 0.6935.

Expected of the protocol, by the losses that the notebook logs at its end: RMSProp alone is stuck
with a discriminator that wins (loss 0.58); with the adjustment all 16 modes are found and both
losses are at the equilibrium's, 2 log 2 = 1.386 and log 2 = 0.693.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import flax.linen as nn
import jax.numpy as jnp
import matplotlib as mpl
from consensus_mixture import (
    NUM_SAMPLES,
    RADIUS,
    make_algorithm,
    make_sampler,
    stratified,
    train,
)
from consensus_mixture_figure import Run, draw_curves, draw_samples
from reporting import Row, parser, positive, write_report

import jaxgan as jg
from jaxgan.cli.program import run_script
from jaxgan.data import grid
from jaxgan.fields import symplectic
from jaxgan.models import MLPDiscriminator, MLPGenerator

mpl.use("Agg")
import matplotlib.pyplot as plt

LATENT, DEPTH, BATCH = 64, 6, 256
DATA = grid(num_side=4, spacing=1.0, std=0.02)


class Budget(NamedTuple):
    """What is affordable."""

    width: int
    num_steps: int
    seeds: int


BUDGETS = {
    "small": Budget(width=128, num_steps=10_000, seeds=1),
    "full": Budget(width=384, num_steps=10_000, seeds=1),
}
PAPER = {
    "RMSProp": {"modes": "stuck on some", "disc": 0.58, "gen": None},
    "SGA": {"modes": "all 16", "disc": 1.3857, "gen": 0.6932},
}


def make_game(width: int) -> jg.Game:
    """The game of the paper; its width is 384."""
    # Sonnet's does not make up for the variance lost in truncation.
    init = nn.initializers.variance_scaling(0.87962566**2, "fan_in", "truncated_normal")
    gen = MLPGenerator((width,) * DEPTH, (2,), kernel_init=init)
    disc = MLPDiscriminator((width,) * DEPTH, kernel_init=init)
    return jg.gan(
        jg.from_linen(gen, jnp.zeros((1, LATENT))),
        jg.from_linen(disc, jnp.zeros((1, 2))),
        latent=LATENT,
        loss=jg.losses.non_saturating(),
    )


def make_fields(game: jg.Game) -> dict[str, jg.Field]:
    """What is compared."""
    plain = jg.gradient(game)
    return {
        "RMSProp": plain,
        "SGA": symplectic(plain, lam=1.0, align=True, eps=0.1, count="tensors"),
    }


def rows_of(runs: Mapping[str, Run]) -> list[Row]:
    """The last scores and losses; losses are means over the last `eval_every` steps and seeds."""
    rows = []
    for name, run in runs.items():
        last, paper = {entry: values[-1] for entry, values in run.curves.items()}, PAPER[name]
        modes, hq = last["modes"], last["hq"]
        num_seeds = len(modes)
        best = max(min(values) for values in run.curves["modes"])
        text = f"{modes} of 16; most at once {best}" if num_seeds == 1 else f"{modes} of 16"
        rows.append(Row(f"{name}: modes at step {last['step']}", text, paper["modes"], num_seeds))
        shares = " ".join(f"{share:.1%}" for share in hq)
        rows.append(Row(f"{name}: HQ", shares, None, num_seeds))
        for player, label in (("disc", "discriminator"), ("gen", "generator")):
            ours = last[f"loss/{player}"]
            rows.append(Row(f"{name}: loss of the {label}", ours, paper[player], num_seeds))
    return rows


def draw(path: Path, runs: Mapping[str, Run]) -> None:
    """Samples over time, and scores and losses over time."""
    figure = plt.figure(figsize=(13, 8.2), layout="constrained")
    parts: Any = figure.subfigures(2, 1, height_ratios=(5.4, 2.8))
    top, bottom = parts
    draw_samples(top, runs, DATA)
    draw_curves(bottom, runs, len(DATA.modes), 2 * math.log(2))
    figure.savefig(path, dpi=100)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> None:
    """Trains both, then writes the table and the figure."""
    args_parser = parser(__doc__)
    args_parser.add_argument("--budget", choices=tuple(BUDGETS), default="small")
    args_parser.add_argument("--width", type=positive, help="by default the budget's")
    args_parser.add_argument("--num-steps", type=positive, help="by default the budget's")
    args_parser.add_argument("--seeds", type=positive, help="by default the budget's")
    args_parser.add_argument("--eval-every", type=positive, default=500)
    args_parser.add_argument("--batch-size", type=positive, default=BATCH)
    args = args_parser.parse_args(argv)
    for name, value in BUDGETS[args.budget]._asdict().items():
        if getattr(args, name) is None:
            setattr(args, name, value)
    if args.num_steps % args.eval_every:
        args_parser.error(f"--num-steps: {args.num_steps} is no multiple of --eval-every")
    if args.batch_size % len(DATA.modes):
        args_parser.error(f"--batch-size: {args.batch_size} is no multiple of {len(DATA.modes)}")

    game = make_game(args.width)
    sampler = make_sampler(game, LATENT, NUM_SAMPLES)
    settings = {name: value for name, value in vars(args).items() if name != "out"}
    runs: dict[str, Run] = {}
    for name, field in make_fields(game).items():
        algorithm = make_algorithm(
            field, stratified(DATA), args.batch_size, args.seeds, args.eval_every
        )
        runs[name] = train(
            algorithm, sampler, DATA, RADIUS / DATA.std, args.num_steps, args.eval_every, name
        )
        # After each: an interrupted run leaves what it has.
        curves = {name: {**run.curves, "seconds": run.seconds} for name, run in runs.items()}
        write_report(args.out, "sga_grid", rows_of(runs), settings=settings, runs=curves)
    draw(args.out / "sga_grid.png", runs)


if __name__ == "__main__":
    run_script(main)
