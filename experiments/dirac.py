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

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
from bilinear import radius_of, start_at, step_matrix, trajectory
from reporting import Row, parser, positive, write_report

import jaxgan as jg
from jaxgan import analysis, fields, losses, penalties
from jaxgan.cli.program import run_script
from jaxgan.core.typing import Array, Batch, PlayerTree, Scene
from jaxgan.optimizers import optimistic, sgd

mpl.use("Agg")
import matplotlib.pyplot as plt

SLOPE, CURVATURE = 0.5, -0.25
"""f'(0) and f''(0) of f(t) = -log(1 + exp(-t))."""
RATE = 0.2
BATCH = 16
EXTENT = 2.2
PLAYERS = ("gen", "disc")
Closed = Sequence[complex] | None


class Method(NamedTuple):
    """One portrait, and three lines of the table.

    Attributes:
      name: its title.
      algorithm: how it is played.
      eigenvalues: closed form of those of the flow at (0, 0); None where there is none.
      radius: closed form of the radius of a step; by default max |1 + eta lambda|.
      verdict: what the paper says; by default what the radius says.
      period: after so many steps the map repeats itself: a lookahead's k.
    """

    name: str
    algorithm: jg.Algorithm
    eigenvalues: Closed
    radius: float | None = None
    verdict: str | None = None
    period: int = 1

    @property
    def closed_radius(self) -> float | None:
        """The closed form of the radius of a step."""
        if self.radius is not None or self.eigenvalues is None:
            return self.radius
        return max(abs(1 + RATE * value) for value in self.eigenvalues)

    @property
    def closed_verdict(self) -> str:
        """Whether it converges."""
        if self.verdict is not None or self.closed_radius is None:
            return str(self.verdict)
        if abs(self.closed_radius - 1) < 1e-9:
            return "neutral at (0, 0)"
        return "converges" if self.closed_radius < 1 else "does not converge"


def with_noise(game: jg.Game, std: float) -> jg.Game:
    """Instance noise: the discriminator sees real and fake examples through normal noise.

    The noise is the same for every batch, the quantiles of the normal distribution scaled to
    variance 1, so that what is measured is the expectation over the noise.
    """

    def generate(
        params: PlayerTree, net_state: PlayerTree, batch: Batch, context: jg.Context
    ) -> tuple[Scene, PlayerTree]:
        scene, new_state = game.generate(params, net_state, batch, context)
        num, dtype = scene["fake"].shape[0], scene["fake"].dtype
        noise = jax.scipy.special.ndtri((jnp.arange(num, dtype=dtype) + 0.5) / num)
        noise = (std * noise / jnp.std(noise))[:, None]
        return {**scene, "real": scene["real"] + noise, "fake": scene["fake"] + noise}, new_state

    return game._replace(generate=generate)


# Closed forms.


def one_sided(damping: float, slope: float = SLOPE) -> list[complex]:
    """-d/2 +- sqrt(d^2/4 - f'^2): one player is damped by d."""
    root = complex(np.emath.sqrt(damping**2 / 4 - slope**2))
    return [-damping / 2 + root, -damping / 2 - root]


def spiral(damping: float, slope: float = SLOPE) -> list[complex]:
    """-d +- i f': both players are damped by d."""
    return [complex(-damping, slope), complex(-damping, -slope)]


# Methods.


def sgds() -> dict[str, Any]:
    """Plain descent for both players."""
    return dict.fromkeys(PLAYERS, sgd(RATE))


def descend(game: jg.Game, transform: Callable[[jg.Field], jg.Field] | None = None) -> jg.Algorithm:
    """Simultaneous descent, along the gradients or what a transformation makes of them."""
    field = jg.gradient(game)
    return jg.simultaneous(field if transform is None else transform(field), optimizers=sgds())


def plain_methods() -> list[Method]:
    """The losses, without any help."""
    rotation = spiral(0.0)

    def take_turns(field: jg.Field, n_critic: int = 1) -> jg.Algorithm:
        return jg.alternating(field, optimizers=sgds(), n_critic=n_critic)

    never = "does not converge"
    sublinear = "sublinearly at best"
    labels = losses.least_squares(fake_label=-1.0, real_label=1.0, gen_label=1.0)
    minimax = jg.gradient(jg.dirac())
    non_saturating = jg.gradient(jg.dirac(losses.non_saturating()))
    wasserstein = jg.dirac(losses.wasserstein())
    return [
        Method("minimax", jg.simultaneous(minimax, optimizers=sgds()), rotation, None, never),
        Method("minimax, alternating", take_turns(minimax), rotation, 1.0, never),
        Method("minimax, n_critic = 5", take_turns(minimax, 5), rotation, 1.0, never),
        Method(
            "non-saturating",
            jg.simultaneous(non_saturating, optimizers=sgds()),
            rotation,
            None,
            sublinear,
        ),
        Method("non-saturating, alternating", take_turns(non_saturating), rotation, 1.0, sublinear),
        Method("relativistic", descend(jg.dirac(losses.relativistic())), rotation),
        Method("Wasserstein", descend(wasserstein), spiral(0.0, 1.0), None, never),
        Method("hinge", descend(jg.dirac(losses.hinge())), spiral(0.0, 1.0)),
        Method("least squares, labels -1 and 1", descend(jg.dirac(labels)), spiral(0.0, 1.0)),
    ]


def regularised_methods() -> list[Method]:
    """Penalties on the discriminator and noise on what it sees."""

    def penalised(penalty: jg.Penalty, loss: jg.Loss | None = None) -> jg.Algorithm:
        return descend(jg.with_penalty(jg.dirac(loss), penalty))

    wgan_gp = penalised(penalties.wgan_gp(0.5, target=0.3), losses.wasserstein())
    both = penalties.r1(0.3) + penalties.r2(0.3)
    non_saturating = losses.non_saturating()
    yes, no = "converges", "does not converge"
    return [
        Method("R1, gamma = 0.3", penalised(penalties.r1(0.3)), one_sided(0.3), None, yes),
        Method("R1, gamma = 1", penalised(penalties.r1(1.0)), one_sided(1.0), None, yes),
        Method("R2, gamma = 0.3", penalised(penalties.r2(0.3)), one_sided(0.3), None, yes),
        Method("R1 + R2, gamma = 0.3", penalised(both), one_sided(0.6), None, yes),
        Method(
            "non-saturating, R1, gamma = 0.3",
            penalised(penalties.r1(0.3), non_saturating),
            one_sided(0.3),
            None,
            yes,
        ),
        Method("WGAN-GP, target 0.3", wgan_gp, None, None, no),
        *(
            Method(
                f"instance noise, std = {name}",
                descend(with_noise(jg.dirac(), std)),
                one_sided(-2 * std**2 * CURVATURE),
                None,
                yes,
            )
            for name, std in (("1", 1.0), ("sqrt 2", float(np.sqrt(2))))
        ),
    ]


def second_order_methods() -> list[Method]:
    """Fields that look at the game's Jacobian."""
    square = SLOPE**2
    game, wasserstein = jg.dirac(), jg.dirac(losses.wasserstein())
    smoothing = partial(fields.consensus, gamma=1.0, norms={"disc": ("gen",)})
    jare = partial(fields.consensus, gamma=1.0, norms={"gen": ("disc",), "disc": ("gen",)})
    cgd = partial(fields.competitive, eta=1.0, tol=1e-12)
    # (I + J_off)^-1 J has the eigenvalues i f' / (1 + i f').
    inner = 1 / (1 + square)
    yes = "converges"
    return [
        Method(
            "consensus, gamma = 1",
            descend(game, partial(fields.consensus, gamma=1.0)),
            spiral(square),
            None,
            yes,
        ),
        Method(
            "consensus, gamma = 10",
            descend(game, partial(fields.consensus, gamma=10.0)),
            spiral(10 * square),
            None,
            yes,
        ),
        Method(
            "Wasserstein, consensus, gamma = 1",
            descend(wasserstein, partial(fields.consensus, gamma=1.0)),
            spiral(1.0, 1.0),
            None,
            yes,
        ),
        Method("gradient norm, eta = 0.5", descend(game, fields.gradient_norm), one_sided(square)),
        Method("smoothing, gamma = 1", descend(game, smoothing), one_sided(square)),
        Method("JARE, gamma = 1", descend(game, jare), spiral(square)),
        Method("SGA, lambda = 1", descend(game, fields.symplectic), spiral(square)),
        Method("CGD, eta = 1", descend(game, cgd), spiral(square * inner, SLOPE * inner)),
        Method(
            "LookAhead, alpha = 1",
            descend(game, partial(fields.lookahead_opponent, alpha=1.0)),
            spiral(square),
        ),
        Method(
            "LOLA, alpha = 1", descend(game, partial(fields.lola, alpha=1.0)), spiral(2 * square)
        ),
        Method(
            "LOLA exact, alpha = 1",
            descend(game, partial(fields.lola, alpha=1.0, mode="exact")),
            spiral(2 * square),
        ),
        Method("SOS, alpha = 1", descend(game, partial(fields.sos, alpha=1.0)), spiral(square)),
        Method("follow the ridge", descend(game, fields.follow_the_ridge), spiral(0.0)),
    ]


def unrolled_methods() -> list[Method]:
    """The generator sees k of the discriminator's steps ahead."""
    found = []
    kinds = (("minimax", losses.minimax()), ("non-saturating", losses.non_saturating()))
    for loss_name, loss in kinds:
        for num_steps in (1, 10) if loss_name == "minimax" else (10,):
            for mode, share in (("exact", 2), ("first_order", 1)):
                game = jg.unrolled(
                    jg.dirac(loss),
                    num_steps=num_steps,
                    mode="exact" if mode == "exact" else "first_order",
                    inner=sgd(RATE),
                    inner_state="fresh",
                )
                prefix = "" if loss_name == "minimax" else "NS, "
                name = f"{prefix}unrolled k = {num_steps}, {mode.replace('_', ' ')}"
                damping = share * num_steps * RATE * SLOPE**2
                found.append(Method(name, descend(game), one_sided(damping)))
    return found


def algorithm_methods() -> list[Method]:
    """Ways to play the plain field."""
    field, rotation = jg.gradient(jg.dirac()), spiral(0.0)
    e = RATE * SLOPE
    shrink = abs(complex(1 - e * e, e))
    ogda = float(np.sqrt((1 + np.sqrt(1 - 4 * e * e)) / 2))
    optimistic_descent = jg.simultaneous(field, optimizers=dict.fromkeys(PLAYERS, optimistic(RATE)))
    ahead = jg.lookahead(jg.simultaneous(field, optimizers=sgds()), num_steps=5, alpha=0.5)
    return [
        Method("extragradient", jg.extragradient(field, optimizers=sgds()), rotation, shrink),
        Method(
            "past extragradient", jg.past_extragradient(field, optimizers=sgds()), rotation, ogda
        ),
        Method("OGDA", optimistic_descent, rotation, ogda),
        Method(
            "lookahead k = 5, alpha = 0.5",
            ahead,
            rotation,
            abs(0.5 + 0.5 * complex(1, e) ** 5) ** 0.2,
            None,
            5,
        ),
    ]


def all_methods() -> list[Method]:
    """Everything, in the order of the figure."""
    return [
        *plain_methods(),
        *regularised_methods(),
        *second_order_methods(),
        *unrolled_methods(),
        *algorithm_methods(),
    ]


# Measurements.


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
