"""Every method on f(x, y) = a x y: how fast it contracts, beside its closed form.

    python experiments/bilinear.py

measures the spectral radius of one step of each method, as a map of its whole state (parameters,
optimizer state, memory), and the decay of a long trajectory, for learning rates from 0.05 to 1,
in float64. It writes results/bilinear.json and .png, in about a minute.

Simultaneous descent leaves by sqrt(1 + e^2) per step, e = eta a, and alternating descent circles;
all that is said to repair this is here: Gidel et al., 2019 (arXiv:1802.10551, 1807.04740),
Daskalakis et al., 2018 (arXiv:1711.00141), Mescheder et al., 2017 (arXiv:1705.10461), Balduzzi et
al., 2018 (arXiv:1802.05642), Letcher et al., 2019 (arXiv:1811.08469), Chavdarova et al., 2021
(arXiv:2006.14567), Metz et al., 2017 (arXiv:1611.02163). The lower row of the figure is that of
Schaefer & Anandkumar, 2019 (arXiv:1905.12103): eta = 0.2, gamma = 1, 50 steps from (0.5, 0.5).

Expected: radii as the closed forms to 1e-7 (most to 1e-15), where one of several equal roots costs
half the digits; at a = 6 competitive gradient descent alone converges.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
from bilinear_methods import Method, all_methods, optimistic_roots
from jax import lax
from jax.flatten_util import ravel_pytree
from reporting import Row, parser, write_report

import jaxgan as jg
from jaxgan.cli.program import run_script
from jaxgan.core.typing import Array, Batch

mpl.use("Agg")
import matplotlib.pyplot as plt

RATES = np.arange(1, 21) / 20
BLOCK = 9000
"""Steps that share a rate: more than any trajectory has, and a multiple of every lookahead's k."""
NUM_STEPS = 600
STRENGTHS = (1.0, 3.0, 6.0)
STRONG_RATE, STRONG_STEPS = 0.2, 50


def step_matrix(
    algorithm: jg.Algorithm, state: jg.TrainState, batch: Batch, num_steps: int = 1
) -> Array:
    """The Jacobian of `num_steps` steps as a map of the state's floating-point numbers."""
    leaves, structure = jax.tree.flatten(state)
    is_float = [jnp.issubdtype(leaf.dtype, jnp.floating) for leaf in leaves]
    vector, unravel = ravel_pytree([x for x, yes in zip(leaves, is_float, strict=True) if yes])

    def move(vector: Array) -> Array:
        numbers = iter(unravel(vector))
        mixed = [next(numbers) if yes else x for x, yes in zip(leaves, is_float, strict=True)]
        moved = jax.tree.unflatten(structure, mixed)
        for _ in range(num_steps):
            moved, _ = algorithm.step(moved, batch)
        after = jax.tree.leaves(moved)
        return ravel_pytree([x for x, yes in zip(after, is_float, strict=True) if yes])[0]

    jacobian: Array = jax.jacfwd(move)(vector)
    return jacobian


def trajectory(
    algorithm: jg.Algorithm, state: jg.TrainState, batch: Batch, num_steps: int
) -> tuple[jg.TrainState, Array]:
    """The state after a run, and its points (x, y), [num_steps + 1, 2]."""

    def point(state: jg.TrainState) -> Array:
        return jnp.concatenate([state.params["gen"], state.params["disc"]])

    def body(state: jg.TrainState, _: None) -> tuple[jg.TrainState, Array]:
        state = algorithm.step(state, batch)[0]
        return state, point(state)

    end, points = lax.scan(body, state, None, length=num_steps)
    return end, jnp.concatenate([point(state)[None], points])


def start_at(algorithm: jg.Algorithm, x: Array | float, y: Array | float) -> jg.TrainState:
    """The initial state of a game of two numbers, moved to a point."""
    state = algorithm.init(jax.random.key(0))
    here = {"gen": jnp.full(1, x), "disc": jnp.full(1, y)}
    if isinstance(state.memory, dict) and "slow" in state.memory:
        state = state._replace(memory={**state.memory, "slow": jax.tree.map(jnp.copy, here)})
    return state._replace(params=here)


def radius_of(matrix: np.ndarray) -> float:
    """The largest magnitude of an eigenvalue."""
    return float(np.abs(np.linalg.eigvals(matrix)).max())


def measure(method: Method, num_steps: int) -> dict[str, list[float]]:
    """Radius per step and decay per step, for all rates, beside the closed form."""

    # The rate is a schedule of the step, so that one compiled program serves them all.
    def rate(count: Array) -> Array:
        return jnp.asarray(RATES)[count // BLOCK]

    algorithm = method.build(jg.bilinear(1.0), rate)

    def one(index: Array) -> tuple[Array, Array]:
        def jump(leaf: Array) -> Array:
            counts = jnp.issubdtype(leaf.dtype, jnp.integer)
            return leaf + (index * BLOCK).astype(leaf.dtype) if counts else leaf

        # Near enough for SOS to be what it is at the origin; elsewhere it is LOLA.
        start = jax.tree.map(jump, start_at(algorithm, 0.05, 0.05))
        state = jax.tree.map(jump, start_at(algorithm, 0.0, 0.0))
        # What the first step of a method does differently is not its radius.
        for _ in range(method.period):
            state, _ = algorithm.step(state, {})
        matrix = step_matrix(algorithm, state, {}, method.period)
        return matrix, trajectory(algorithm, start, {}, num_steps)[1]

    indices = jnp.arange(len(RATES), dtype=jnp.int32)
    matrices, points = (np.asarray(x) for x in jax.jit(jax.vmap(one))(indices))
    return {
        "radius": [radius_of(matrix) ** (1 / method.period) for matrix in matrices],
        "decay": [decay_of(path[:: method.period]) ** (1 / method.period) for path in points],
        "closed": [float(method.radius(float(eta), 1.0)) for eta in RATES],
    }


def decay_of(path: np.ndarray) -> float:
    """The factor per step by which the distance to the origin changes, fitted to the last half."""
    distance = np.abs(path).max(axis=1)
    # What is below or above that is no longer the method's, but rounding or overflow.
    outside = ~((distance > 1e-290) & (distance < 1e290))
    distance = distance[: int(np.argmax(outside)) if outside.any() else None]
    distance = distance[len(distance) // 2 :]
    if len(distance) < 3:
        return 0.0  # It is there after two steps.
    return float(np.exp(np.polyfit(np.arange(len(distance)), np.log(distance), 1)[0]))


STRONG = ("simultaneous", "LCGD = LookAhead, alpha = eta", "OGDA", "CGD", "consensus, gamma = 1")
"""The methods of the figure of Schaefer & Anandkumar."""


def run_strong(methods: Sequence[Method]) -> dict[str, dict[str, list[float]]]:
    """Distances to the origin over 50 steps, relative to the start: {method: {a: distances}}."""
    found: dict[str, dict[str, list[float]]] = {}
    for method in (method for method in methods if method.name in STRONG):

        def distances(a: Array, method: Method = method) -> Array:
            algorithm = method.build(jg.bilinear(a), STRONG_RATE)
            _, points = trajectory(algorithm, start_at(algorithm, 0.5, 0.5), {}, STRONG_STEPS)
            distance: Array = jnp.linalg.norm(points, axis=1) * jnp.sqrt(2.0)
            return distance

        runs = np.asarray(jax.jit(jax.vmap(distances))(jnp.asarray(STRENGTHS)))
        found[method.name] = {
            f"{a:g}": run.tolist() for a, run in zip(STRENGTHS, runs, strict=True)
        }
    return found


def strong_closed(method: Method, a: float) -> float:
    """The same after the last step, in closed form."""
    if method.name != "OGDA":
        return method.radius(STRONG_RATE, a) ** STRONG_STEPS
    e = STRONG_RATE * a
    one, two = optimistic_roots(e)
    # z_0 = 1 and, as g_{-1} = g_0, z_1 = 1 + i e.
    weight = (complex(1, e) - two) / (one - two)
    return abs(weight * one**STRONG_STEPS + (1 - weight) * two**STRONG_STEPS)


# Report.


def rows_of(
    methods: Sequence[Method],
    found: dict[str, dict[str, list[float]]],
    strong: dict[str, dict[str, list[float]]],
) -> list[Row]:
    """Radii at a few rates, the largest difference over all, and the strong couplings."""
    rows = []
    for method in methods:
        run = found[method.name]
        special = (0.1, 0.2, 0.3, 0.5) if method.panel >= 2 else (0.2, 0.5)
        for eta in special:
            index = int(np.flatnonzero(np.isclose(RATES, eta))[0])
            closed = run["closed"][index]
            rows.append(Row(f"{method.name}: radius, eta = {eta}", run["radius"][index], closed, 1))
    for method in methods:
        run = found[method.name]
        for entry, what in (("radius", "radius"), ("decay", "decay of a long run")):
            gap = float(np.abs(np.subtract(run[entry], run["closed"])).max())
            rows.append(Row(f"{method.name}: max |{what} - closed form|", gap, 0.0, 1))
    for method in methods:
        for a in STRENGTHS if method.name in strong else ():
            name = f"{method.name}: distance after {STRONG_STEPS} steps, a = {a:g}"
            ours = strong[method.name][f"{a:g}"][-1]
            rows.append(Row(name, ours, float(strong_closed(method, a)), 1))
    return rows


PANELS = ("gradients alone", "adjusted fields", "unrolled", "lookahead-minimax")
MARKERS = "os^vD<>PX*"


def draw(
    path: Path,
    methods: Sequence[Method],
    found: dict[str, dict[str, list[float]]],
    strong: dict[str, dict[str, list[float]]],
) -> None:
    """Radius against rate on top; distances over time for three couplings below."""
    figure, axes = plt.subplots(2, 4, figsize=(20, 11), layout="constrained")
    fine = np.linspace(RATES[0], RATES[-1], 400)
    for panel, axis in enumerate(axes[0]):
        drawn: list[int] = []
        for method in (method for method in methods if method.panel == panel):
            color = f"C{method.curve}"
            if method.curve not in drawn:
                axis.plot(fine, [method.radius(eta, 1.0) for eta in fine], color=color, lw=1.4)
            # Markers of methods that share a curve take turns along it.
            turn = drawn.count(method.curve)
            drawn.append(method.curve)
            axis.plot(
                RATES[turn::3],
                found[method.name]["radius"][turn::3],
                MARKERS[(method.curve + 4 * turn) % len(MARKERS)],
                color=color,
                ms=6,
                label=method.name,
            )
        axis.set(xlabel="learning rate", ylim=(0.5, 1.4), title=PANELS[panel])
        axis.set_ylabel("factor per step")
    for axis, a in zip(axes[1], STRENGTHS, strict=False):
        for index, name in enumerate(strong):
            style = ("-", "-", "--", (0, (1, 2)), "-")[index]
            distances = np.clip(strong[name][f"{a:g}"], 1e-12, 1e12)
            axis.semilogy(distances, label=name, color=f"C{index}", ls=style, lw=2)
        title = f"a = {a:g}: {STRONG_STEPS} steps of {STRONG_RATE} from (0.5, 0.5)"
        axis.set(xlabel="step", ylabel="distance / start", ylim=(1e-9, 1e7), title=title)
    axes[1, 3].axis("off")
    for axis in axes.flat[:7]:
        axis.axhline(1.0, color="0.6", lw=0.8, zorder=0)
        if axis.get_legend_handles_labels()[0]:
            axis.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=2)
    figure.suptitle("f = a x y: lines closed form, markers measured (top row: a = 1)")
    figure.savefig(path, dpi=100)
    plt.close(figure)


def main() -> None:
    """Measures, then writes the table and the figure."""
    args_parser = parser(__doc__)
    names = [method.name for method in all_methods()]
    args_parser.add_argument(
        "--methods", nargs="+", choices=names, default=names, metavar="NAME", help=str(names)
    )
    args = args_parser.parse_args()
    with jax.enable_x64(True):
        methods = [method for method in all_methods() if method.name in args.methods]
        found = {}
        for method in methods:
            found[method.name] = measure(method, NUM_STEPS)
            print(method.name, flush=True)
        strong = run_strong(methods)
    rows = rows_of(methods, found, strong)
    write_report(args.out, "bilinear", rows, rates=RATES.tolist(), methods=found, strong=strong)
    draw(args.out / "bilinear.png", methods, found, strong)


if __name__ == "__main__":
    run_script(main)
