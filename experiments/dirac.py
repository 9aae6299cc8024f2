"""The Dirac-GAN: which methods converge, by eigenvalue and by trajectory.

    python experiments/dirac.py

plays the game of one generated point theta and one slope psi (Mescheder et al., 2018,
arXiv:1801.04406, sections 2 and 3) with every loss, penalty, field and algorithm of the library,
from (1, 1), in float64. It writes results/dirac.json and .png (phase portraits: arrows are the
direction of one step, the line is the run), in one to two minutes.

For each method the table has the eigenvalues of the flow v' = -J at the equilibrium (0, 0), the
spectral radius of one step there as a map of the whole state, and the distance that is left after
the run; beside them, as `paper`, the closed forms (with f'(0) = 1/2 and f''(0) = -1/4) and what
they say of convergence.

Expected: eigenvalues and radii as the closed forms to 1e-7; nothing that descends plain gradients
simultaneously converges, R1, R2, instance noise, consensus, unrolling and extragradient do; exact
unrolling has twice the damping of first-order unrolling.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
from bilinear import radius_of, start_at, step_matrix, trajectory
from dirac_methods import RATE, Closed, Method, all_methods
from reporting import Row, parser, positive, write_report

import jaxgan as jg
from jaxgan import analysis
from jaxgan.cli.program import run_script
from jaxgan.core.typing import Array

mpl.use("Agg")
import matplotlib.pyplot as plt

BATCH = 16
EXTENT = 2.2


def measure(method: Method, num_steps: int) -> dict[str, Any]:
    """Eigenvalues, radius of a step, the run, and the direction of a step on a grid."""
    algorithm = method.algorithm
    batch = {"image": jnp.zeros((*algorithm.num_batches, BATCH, 1))}
    axis = np.linspace(-EXTENT, EXTENT, 11)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    starts = jnp.asarray(np.concatenate([[[0.0, 0.0], [1.0, 1.0]], grid]))

    @jax.jit
    @jax.vmap
    def run_from(start: Array) -> tuple[jg.TrainState, Array]:
        return trajectory(algorithm, start_at(algorithm, start[0], start[1]), batch, num_steps)

    ends, paths = run_from(starts)
    # It stays where it is; but what the first step of a method does differently is over.
    origin = jax.tree.map(lambda leaf: leaf[0], ends)
    matrix = jax.jit(lambda state: step_matrix(algorithm, state, batch, method.period))(origin)
    eigenvalues = analysis.flow_eigenvalues(
        algorithm.field,
        origin.params,
        origin.net_state,
        {"image": jnp.zeros((BATCH, 1))},
        jg.Context(jax.random.key(0)),
    )
    return {
        "eigenvalues": sorted(eigenvalues.tolist(), key=lambda z: (z.imag, z.real)),
        "radius": radius_of(np.asarray(matrix)) ** (1 / method.period),
        "path": np.asarray(paths[1, :: method.period]),
        "grid": grid,
        "arrows": np.asarray(paths[2:, method.period] - paths[2:, 0]),
    }


def outcome(path: np.ndarray) -> tuple[float, str]:
    """The distance left, relative to the start, and what the run does in the end.

    It compares the largest distance of the last eighth of the run with that of the eighth before
    its half: an ellipse is no trend, nor is what nears a limit cycle. Outwards it compares with the
    first quarter: the minimax loss saturates far out, and leaves ever more slowly.
    """
    distance = np.linalg.norm(path, axis=1) / np.linalg.norm(path[0])
    length = len(distance) // 8
    late = float(distance[-length:].max())
    early = float(distance[3 * length : 4 * length].max())
    if late < 1e-3 or late < 0.9 * early:
        return float(distance[-1]), "converges"
    leaves = late > 1.1 * float(distance[: 2 * length].max())
    return float(distance[-1]), "diverges" if leaves else "cycles"


def complex_text(values: Sequence[complex]) -> str:
    """Such as -0.25 ± 0.433i, or two numbers."""
    one, two = sorted(values, key=lambda z: (z.imag, z.real), reverse=True)
    if max(abs(one.imag), abs(two.imag)) < 1e-6:
        texts = [f"{value.real:.4g}" for value in (one, two)]
        return texts[0] + " (twice)" if abs(one - two) < 1e-6 else " and ".join(texts)
    real = 0.0 if abs(one.real) < 1e-9 else one.real
    return f"{real:.4g} ± {abs(one.imag):.4g}i" if real else f"± {abs(one.imag):.4g}i"


def jump(method: Method) -> float:
    """By how much the discriminator's pull jumps as psi becomes positive, at theta = 0."""
    pulls = []
    for psi in (1e-9, -1e-9):
        state = start_at(method.algorithm, 0.0, psi)
        batch = {"image": jnp.zeros((BATCH, 1))}
        grads, _, _ = method.algorithm.field.apply(
            state.params, state.memory, state.net_state, batch, jg.Context(jax.random.key(0))
        )
        pulls.append(float(grads["disc"][0]))
    return pulls[0] - pulls[1]


def rows_of(methods: Sequence[Method], found: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    """Three lines a method: eigenvalues, radius, outcome."""
    rows = []
    for method in methods:
        run = found[method.name]
        if method.eigenvalues is None:
            # -4 weight target: the penalty pulls psi away from 0 on both sides.
            rows.append(Row(f"{method.name}: jump of xi_disc at 0", jump(method), -0.6, 1))
        else:
            ours = complex_text(run["eigenvalues"])
            theirs = complex_text(method.eigenvalues)
            rows.append(Row(f"{method.name}: eigenvalues", ours, theirs, 1))
            rows.append(
                Row(f"{method.name}: radius of a step", run["radius"], method.closed_radius, 1)
            )
        left, verdict = outcome(run["path"])
        text = f"{verdict}: {left:.2g} of the start is left"
        rows.append(Row(f"{method.name}: run", text, method.closed_verdict, 1))
    return rows


def raw(methods: Sequence[Method], found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The numbers behind the table; complex ones as [real, imaginary]."""

    def pairs(values: Closed) -> list[list[float]] | None:
        return None if values is None else [[z.real, z.imag] for z in map(complex, values)]

    made = {}
    for method in methods:
        run = found[method.name]
        left, verdict = outcome(run["path"])
        made[method.name] = {
            "eigenvalues": pairs(run["eigenvalues"]),
            "closed_eigenvalues": pairs(method.eigenvalues),
            "radius": run["radius"],
            "closed_radius": method.closed_radius,
            "left": left,
            "verdict": verdict,
            "path": np.round(run["path"][::10], 6).tolist(),
        }
    return made


COLORS = {"converges": "tab:blue", "cycles": "tab:orange", "diverges": "tab:red"}


def draw(path: Path, methods: Sequence[Method], found: Mapping[str, Mapping[str, Any]]) -> None:
    """A phase portrait of each method."""
    wide = min(6, len(methods))
    tall = -(-len(methods) // wide)
    figure, axes = plt.subplots(
        tall, wide, figsize=(2.5 * wide, 2.8 * tall + 0.5), layout="constrained", squeeze=False
    )
    for axis in axes.flat[len(methods) :]:
        axis.axis("off")
    for axis, method in zip(axes.flat, methods, strict=False):
        run = found[method.name]
        left, verdict = outcome(run["path"])
        lengths = np.linalg.norm(run["arrows"], axis=1, keepdims=True)
        arrows = run["arrows"] / np.where(lengths > 0, lengths, 1.0)
        axis.quiver(*run["grid"].T, *arrows.T, color="0.7", scale=15, width=0.007, pivot="mid")
        axis.plot(*run["path"].T, color=COLORS[verdict], lw=0.7)
        axis.plot(1, 1, "o", color="k", ms=3)
        axis.plot(0, 0, "+", color="k", ms=7)
        shown = "none" if method.eigenvalues is None else complex_text(run["eigenvalues"])
        axis.set_title(f"{method.name}\nλ: {shown}\n{verdict}, {left:.1e} left", fontsize=7)
        limits = (-EXTENT, EXTENT)
        axis.set(xlim=limits, ylim=limits, aspect="equal", xticks=(-2, 0, 2), yticks=(-2, 0, 2))
        axis.tick_params(labelsize=6)
    for axis in axes[-1]:
        axis.set_xlabel("θ", fontsize=7)
    for axis in axes[:, 0]:
        axis.set_ylabel("ψ", fontsize=7)
    figure.suptitle(
        f"Dirac-GAN from (1, 1), learning rate {RATE}: arrows point along one step; λ are the "
        "eigenvalues of the flow at (0, 0)\nblue converges, orange cycles, red diverges; how much "
        "of the distance is left in the end",
        fontsize=9,
    )
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main() -> None:
    """Measures, then writes the table and the figure."""
    args_parser = parser(__doc__)
    args_parser.add_argument("--methods", nargs="+", default=[], metavar="NAME", help="only these")
    args_parser.add_argument("--num-steps", type=positive, default=1000)
    args = args_parser.parse_args()
    if args.num_steps % 40:
        args_parser.error(f"--num-steps: {args.num_steps} is no multiple of 40")
    with jax.enable_x64(True):
        methods = all_methods()
        names = [method.name for method in methods]
        if unknown := sorted(set(args.methods) - set(names)):
            args_parser.error(f"--methods: {unknown} are none of {names}")
        methods = [method for method in methods if not args.methods or method.name in args.methods]
        found = {}
        for method in methods:
            found[method.name] = measure(method, args.num_steps)
            print(method.name, *outcome(found[method.name]["path"]), flush=True)
        rows = rows_of(methods, found)
    settings = {"rate": RATE, "num_steps": args.num_steps, "start": [1.0, 1.0]}
    write_report(args.out, "dirac", rows, settings=settings, methods=raw(methods, found))
    draw(args.out / "dirac.png", methods, found)


if __name__ == "__main__":
    run_script(main)
