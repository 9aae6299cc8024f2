"""Training as an ordinary differential equation: Qin et al., 2020 (arXiv:2010.15040).

    python experiments/ode_gan.py                   # small: about 350 s of a CPU's time
    python experiments/ode_gan.py --budget full     # the authors' 30,001 steps

First the order of convergence of Euler's, Heun's and the classical Runge-Kutta method on the
bilinear game, whose flow is a circle: the slope of the error at time 1 over the step size. Then the
mixture of 16 Gaussians of the authors' notebook: modes at {-1.5, -0.5, 0.5, 1.5} squared, standard
deviation 0.02, 32 normal latents, both networks two layers of 25 ReLU, batches of 512 with as many
of each mode, the non-saturating loss, steps of h = 0.1, and lambda = 0.07 for the norm of the
generator's gradient in the discriminator's pull. The players' slopes are taken apart, as in the
notebook. Compared: Runge-Kutta of order 4 and Euler, each with and without the norm, and Adam (1e-3
and b1 = 0.5, which are ours). Writes results/ode_gan.json and .png: modes, share of samples within
three standard deviations (HQ), losses over time, samples beside real ones.

The small budget trains each method for 4,000 steps, two fifteenths of the authors'; the seeds are
members of one program, and after each method the files are written. A mode counts if at least 1 %
of 10,000 samples lie within 0.1 of it.

Expected: orders 1, 2 and 4. On the mixture the paper has figures and no numbers; the small budget
shows where its training is after that part of it, not where it ends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
from consensus_mixture import NUM_SAMPLES, NUM_SHOWN, make_sampler, stratified, train
from consensus_mixture_figure import Run, draw_curves
from reporting import Row, parser, positive, write_report

import jaxgan as jg
from jaxgan.cli.program import run_script
from jaxgan.data import grid
from jaxgan.fields import consensus, runge_kutta
from jaxgan.models import MLPDiscriminator, MLPGenerator
from jaxgan.optimizers import adam, sgd

mpl.use("Agg")
import matplotlib.pyplot as plt

LATENT, WIDTH, DEPTH, BATCH = 32, 25, 2, 512
STEP_SIZE, GEN_NORM, RADIUS = 0.1, 0.07, 0.1
DATA = grid(num_side=4, spacing=1.0, std=0.02)
STEPS = (0.2, 0.1, 0.05, 0.025)
ORDERS: Mapping[str, Literal[1, 2, 4]] = {"Euler": 1, "Heun": 2, "Runge-Kutta": 4}


class Budget(NamedTuple):
    """What is affordable."""

    num_steps: int
    seeds: int


BUDGETS = {"small": Budget(num_steps=4_000, seeds=3), "full": Budget(num_steps=30_001, seeds=3)}


def bilinear_error(order: Literal[1, 2, 4], step_size: float) -> float:
    """How far from the flow's circle, of f = x y from (1, 1), a method is at time 1."""
    plain = jg.gradient(jg.bilinear())
    field = plain if order == 1 else runge_kutta(plain, step_size=step_size, order=order)
    both = dict.fromkeys(("gen", "disc"), sgd(step_size))
    algorithm = jg.simultaneous(field, optimizers=both)
    state, step = algorithm.init(jax.random.key(0)), jax.jit(algorithm.step)
    for _ in range(round(1 / step_size)):
        state, _ = step(state, {})
    found = [float(state.params[player][0]) for player in ("gen", "disc")]
    turned = [np.cos(1) - np.sin(1), np.cos(1) + np.sin(1)]
    return float(np.hypot(*np.subtract(found, turned)))


def measure_orders() -> dict[str, dict[str, Any]]:
    """Errors by step size, and the slope of their logarithms."""
    found = {}
    with jax.enable_x64(True):
        for name, order in ORDERS.items():
            errors = [bilinear_error(order, step_size) for step_size in STEPS]
            slope = float(np.polyfit(np.log(STEPS), np.log(errors), 1)[0])
            found[name] = {"errors": errors, "order": round(slope, 3)}
    return found


def make_game() -> jg.Game:
    """The game of the notebook, whose layers start as Haiku's do."""
    init = nn.initializers.variance_scaling(0.87962566**2, "fan_in", "truncated_normal")
    gen = MLPGenerator((WIDTH,) * DEPTH, (2,), kernel_init=init)
    disc = MLPDiscriminator((WIDTH,) * DEPTH, kernel_init=init)
    return jg.gan(
        jg.from_linen(gen, jnp.zeros((1, LATENT))),
        jg.from_linen(disc, jnp.zeros((1, 2))),
        latent=LATENT,
        loss=jg.losses.non_saturating(),
    )


def make_methods(game: jg.Game) -> dict[str, jg.Algorithm]:
    """What is compared."""
    plain = jg.gradient(game)

    def played(field: jg.Field, optimizer: Any) -> jg.Algorithm:
        return jg.simultaneous(field, optimizers=dict.fromkeys(("gen", "disc"), optimizer))

    def rk4(gen_norm: float) -> jg.Field:
        return runge_kutta(plain, step_size=STEP_SIZE, moves="apart", gen_norm=gen_norm)

    normed = consensus(plain, gamma=2 * GEN_NORM, norms={"disc": ("gen",)})
    return {
        "RK4, norm": played(rk4(GEN_NORM), sgd(STEP_SIZE)),
        "RK4": played(rk4(0.0), sgd(STEP_SIZE)),
        "Euler, norm": played(normed, sgd(STEP_SIZE)),
        "Euler": played(plain, sgd(STEP_SIZE)),
        "Adam": played(plain, adam(1e-3, b1=0.5)),
    }


def rows_of(orders: Mapping[str, Mapping[str, Any]], runs: Mapping[str, Run]) -> list[Row]:
    """Orders, then the last scores."""
    rows = [
        Row(f"bilinear game, {name}: order", orders[name]["order"], order, 1)
        for name, order in ORDERS.items()
    ]
    for name, run in runs.items():
        last = {entry: values[-1] for entry, values in run.curves.items()}
        modes = last["modes"]
        label = f"{name}: modes of 16 at step {last['step']}"
        rows.append(Row(label, " ".join(map(str, modes)), None, len(modes)))
        shares = " ".join(f"{share:.1%}" for share in last["hq"])
        rows.append(Row(f"{name}: HQ", shares, None, len(modes)))
    return rows


def draw(path: Path, orders: Mapping[str, Mapping[str, Any]], runs: Mapping[str, Run]) -> None:
    """Errors on the bilinear game, samples beside real ones, scores and losses over time."""
    figure = plt.figure(figsize=(13, 8.6), layout="constrained")
    parts: Any = figure.subfigures(2, 1, height_ratios=(4.6, 4.0))
    axes, *panels = parts[0].subplots(2, 4).ravel()
    for name, found in orders.items():
        axes.loglog(STEPS, found["errors"], marker="o", ms=3, label=f"{name}: {found['order']:.2f}")
    axes.set_title("bilinear game: error at time 1, and order", fontsize=9)
    axes.set_xlabel("step size", fontsize=8)
    axes.set_xticks(STEPS, STEPS)
    axes.minorticks_off()
    axes.tick_params(labelsize=7)
    axes.legend(fontsize=7)
    real = np.asarray(stratified(DATA)(jax.random.key(3), NUM_SHOWN)["image"])
    shown = {"real": real} | {
        f"{name}, step {max(run.snapshots)}": run.snapshots[max(run.snapshots)]
        for name, run in runs.items()
    }
    for panel in panels:
        panel.axis("off")
    for panel, (title, points) in zip(panels, shown.items(), strict=False):
        panel.axis("on")
        panel.scatter(*DATA.modes.T, s=60, facecolors="none", edgecolors="tab:red", linewidths=0.7)
        panel.scatter(*points.T, s=3, c="tab:blue", linewidths=0)
        panel.set(xlim=(-2.2, 2.2), ylim=(-2.2, 2.2), aspect="equal", xticks=(), yticks=())
        panel.set_title(title, fontsize=9)
    parts[0].suptitle("samples of seed 0 (blue) on the modes (red)", fontsize=11)
    draw_curves(parts[1], runs, len(DATA.modes), 2 * np.log(2))
    figure.savefig(path, dpi=100)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> None:
    """Measures the orders, trains all methods, then writes the table and the figure."""
    flags = parser(__doc__)
    flags.add_argument("--budget", choices=tuple(BUDGETS), default="small")
    flags.add_argument("--num-steps", type=positive, help="by default the budget's")
    flags.add_argument("--seeds", type=positive, help="by default the budget's")
    flags.add_argument("--eval-every", type=positive, default=500)
    flags.add_argument("--batch-size", type=positive, default=BATCH)
    args = flags.parse_args(argv)
    for name, value in BUDGETS[args.budget]._asdict().items():
        if getattr(args, name) is None:
            setattr(args, name, value)
    args.num_steps -= args.num_steps % args.eval_every  # 30,001 counts the state before the first
    if not args.num_steps:
        flags.error("--num-steps: it is less than --eval-every")
    if args.batch_size % len(DATA.modes):
        flags.error(f"--batch-size: {args.batch_size} is no multiple of {len(DATA.modes)}")
    orders, runs = measure_orders(), {}
    game = make_game()
    sampler = make_sampler(game, LATENT, NUM_SAMPLES)
    settings = {name: value for name, value in vars(args).items() if name != "out"}
    for name, algorithm in make_methods(game).items():
        fed = jg.device_data(algorithm, sample=stratified(DATA), batch_size=args.batch_size)
        many = jg.substeps(jg.seeds(fed, num_seeds=args.seeds), num_steps=args.eval_every)
        runs[name] = train(
            many, sampler, DATA, RADIUS / DATA.std, args.num_steps, args.eval_every, name
        )
        # After each: an interrupted run leaves what it has.
        curves = {name: {**run.curves, "seconds": run.seconds} for name, run in runs.items()}
        write_report(
            args.out,
            "ode_gan",
            rows_of(orders, runs),
            settings=settings,
            orders=orders,
            runs=curves,
        )
        draw(args.out / "ode_gan.png", orders, runs)


if __name__ == "__main__":
    run_script(main)
