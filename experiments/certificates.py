"""Which ends of training are Nash equilibria, which only minimax points, which neither.

    python experiments/certificates.py

Two parts, in float64. The three test functions of Follow-the-Ridge (Wang, Zhang & Ba, 2020,
arXiv:1910.07512) with the starts of the authors' code, 1,000 steps at its rates, by six methods:
where each ends, and the certificate there. Then a GAN of 386 and 337 parameters on 128 fixed points
of a ring and 128 fixed latents, zero-sum (a quadratic term of 0.001 for either player, so that
rescaled layers are no flat directions), by four methods from two seeds: at the end the norm of
the gradients, both Hessians, the Schur complement and a lower bound of the duality gap. It writes
results/certificates.json and .png.

Methods that the JSON holds already, with the same flags, are not trained again (`--fresh` does).

Expected: the origin is local minimax of the first and third function and not Nash, and neither of
the second; follow the ridge alone ends there in the first and third and leaves it in the second.
On the ring no method ends in a Nash equilibrium, nor in a minimax point: both Hessians have
eigenvalues of the wrong sign, also where the gradients are shorter than 0.001.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypedDict

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from certificates_figure import Function, draw
from reporting import Row, parser, positive, write_report

import jaxgan as jg
from jaxgan import analysis, fields, metrics
from jaxgan.cli.program import run_script
from jaxgan.core.typing import Array
from jaxgan.data import ring
from jaxgan.files import read_json
from jaxgan.models import MLPDiscriminator, MLPGenerator
from jaxgan.transforms import member

Change = Callable[[jg.Field], jg.Field]
PLAYERS = ("gen", "disc")
FUNCTION_STEPS = 1000


# The test functions.


def third(x: Any, y: Any) -> Any:
    """The function that is no quadratic."""
    ridge = y - 3 * x + 0.05 * x**3
    return (0.4 * x**2 - 0.1 * ridge**2 - 0.01 * y**4) * jnp.exp(-0.01 * (x**2 + y**2))


FUNCTIONS: Mapping[str, Function] = {
    "g1": Function(
        "-3x² - y² + 4xy",
        lambda x, y: -3 * x**2 - y**2 + 4 * x * y,
        (5.0, 7.0),
        12,
        "local minimax",
    ),
    "g2": Function(
        "3x² + y² + 4xy",
        lambda x, y: 3 * x**2 + y**2 + 4 * x * y,
        (6.0, 5.0),
        12,
        "not local minimax",
    ),
    "g3": Function(
        "(0.4x² - 0.1(y - 3x + 0.05x³)² - 0.01y⁴) exp(-0.01(x² + y²))",
        third,
        (7.0, 5.0),
        8,
        "local minimax",
    ),
}


def descent(change: Change, rate: float) -> Callable[[jg.Field], jg.Algorithm]:
    """Simultaneous descent along a changed field."""
    sgds = dict.fromkeys(PLAYERS, jg.optimizers.sgd(rate))
    return lambda field: jg.simultaneous(change(field), optimizers=sgds)


def same(field: jg.Field) -> jg.Field:
    """The plain gradients."""
    return field


RATE = 0.05
ON_FUNCTIONS: Mapping[str, Callable[[jg.Field], jg.Algorithm]] = {
    "GDA": descent(same, RATE),
    "extragradient": lambda field: jg.extragradient(
        field, optimizers=dict.fromkeys(PLAYERS, jg.optimizers.sgd(RATE))
    ),
    "OGDA": lambda field: jg.simultaneous(
        field,
        optimizers=dict.fromkeys(PLAYERS, jg.optimizers.optimistic(RATE)),
    ),
    "SGA": descent(partial(fields.symplectic, lam=1.0, align=False), 0.01),
    "consensus": descent(partial(fields.consensus, gamma=0.1), RATE),
    "follow the ridge": descent(partial(fields.follow_the_ridge, damping=0.0), RATE),
}


def game_of(function: Function) -> jg.Game:
    """The zero-sum game of a function of two numbers."""
    x, y = function.start

    def value(params: Any, batch: Any, context: Any) -> Array:
        out: Array = function.value(params["gen"][0], params["disc"][0])
        return out

    return jg.zero_sum(lambda key: {"gen": jnp.full(1, x), "disc": jnp.full(1, y)}, value)


def walk(algorithm: jg.Algorithm, num_steps: int) -> np.ndarray:
    """The points of a run, [num_steps + 1, 2]."""

    @jax.jit
    def run(state: jg.TrainState) -> Array:
        def step(state: jg.TrainState, _: None) -> tuple[jg.TrainState, Array]:
            here = jnp.concatenate([state.params["gen"], state.params["disc"]])
            return algorithm.step(state, {})[0], here

        return jax.lax.scan(step, state, None, length=num_steps + 1)[1]

    return np.asarray(run(algorithm.init(jax.random.key(0))))


def certify(field: jg.Field, x: float, y: float) -> analysis.Certificate:
    """The certificate at a point of a function."""
    here = {"gen": jnp.full(1, x), "disc": jnp.full(1, y)}
    states: dict[str, Any] = {"gen": {}, "disc": {}}
    return analysis.certificate(field, here, states, {}, jg.Context(jax.random.key(0)))


def end_of(field: jg.Field, path: np.ndarray) -> str:
    """Where a run ends, and what that is, in words."""
    x, y = path[-1]
    if not np.isfinite(path[-1]).all() or np.abs(path[-1]).max() > 1e3:
        return "leaves"
    found = certify(field, x, y)
    place = "(0, 0)" if np.abs(path[-1]).max() < 1e-2 else f"({x:.2f}, {y:.2f})"
    return f"{place}: {found.kind}, norm {found.norm:.1g}"


# The ring.

LATENT, WIDTH, BATCH, DECAY, LR = 4, 16, 128, 1e-3, 2e-3
DATA = ring(num_modes=8, radius=1.0, std=0.02)


def ring_game() -> jg.Game:
    """A smooth zero-sum GAN whose latents are the same at every step."""
    gen = MLPGenerator((WIDTH, WIDTH), (2,), activation=nn.tanh)
    disc = MLPDiscriminator((WIDTH, WIDTH), activation=nn.tanh)
    as_float64 = partial(jax.tree.map, lambda x: x.astype(jnp.float64))
    base = jg.gan(
        jg.from_linen(gen, jnp.zeros((1, LATENT))),
        jg.from_linen(disc, jnp.zeros((1, 2))),
        latent=lambda key, shape: jax.random.normal(jax.random.key(7), (*shape, LATENT)),
        loss=jg.losses.minimax(),
    )

    def square(tree: Any) -> Array:
        total = sum(jnp.sum(x**2) for x in jax.tree.leaves(tree))
        return 0.5 * DECAY * jnp.asarray(total)

    def init(key: jax.Array) -> Any:
        params, net_state = base.init(key)
        return as_float64(params), net_state

    def losses(params: Any, *rest: Any) -> Any:
        values, others = base.losses(params, *rest)
        own = square(params["gen"]) - square(params["disc"])
        return {"gen": values["gen"] + own, "disc": values["disc"] - own}, others

    return base._replace(init=init, losses=losses)


def on_ring(num_steps: int) -> Mapping[str, Callable[[jg.Field], jg.Algorithm]]:
    """The methods by name, each with Adam whose rate falls to a hundredth."""
    adam = jg.optimizers.adam(jg.cosine(LR, 0.01 * LR, num_steps=num_steps), b1=0.5)
    adams = dict.fromkeys(PLAYERS, adam)

    def along(change: Change) -> Callable[[jg.Field], jg.Algorithm]:
        return lambda field: jg.simultaneous(change(field), optimizers=adams)

    return {
        "simultaneous": along(same),
        "extragradient": lambda field: jg.extragradient(field, optimizers=adams),
        "consensus": along(partial(fields.consensus, gamma=1.0)),
        "unrolled, k = 5": lambda field: jg.simultaneous(
            jg.gradient(jg.unrolled(field.game, num_steps=5, remat=False)), optimizers=adams
        ),
    }


RING_METHODS = tuple(on_ring(1))


def ring_batch() -> dict[str, Array]:
    """The data: the same points at every step."""
    return {"image": DATA.sample(jax.random.key(3), BATCH)["image"].astype(jnp.float64)}


def train(algorithm: jg.Algorithm, num_steps: int, num_seeds: int) -> jg.TrainState:
    """The ends of runs on the fixed points."""
    algorithm = jg.seeds(algorithm, num_seeds=num_seeds)
    shape = algorithm.num_batches
    batch = jax.tree.map(lambda x: jnp.broadcast_to(x, (*shape, *x.shape)), ring_batch())

    @jax.jit
    def run(key: jax.Array) -> jg.TrainState:
        def step(state: jg.TrainState, _: None) -> tuple[jg.TrainState, None]:
            return algorithm.step(state, batch)[0], None

        return jax.lax.scan(step, algorithm.init(key), None, length=num_steps)[0]

    states: jg.TrainState = run(jax.random.key(0))
    return states


def look(field: jg.Field, state: jg.TrainState, responder: Any, gap_steps: int) -> dict[str, Any]:
    """What the end of a run is."""
    context = jg.Context(jax.random.key(0))
    at = (field, state.params, state.net_state, ring_batch(), context)
    # As many products as a player has parameters: nothing is left to chance.
    found = analysis.certificate(*at, num_vectors=512, num_starts=1, max_iterations=2000)
    gap = analysis.duality_gap(*at, optimizer=responder, num_steps=gap_steps, num_starts=3)
    scene, _ = field.game.generate(state.params, state.net_state, ring_batch(), context)
    score = metrics.mixture_score(np.asarray(scene["fake"]), DATA.modes, DATA.std, num_stds=5.0)
    return {
        "kind": found.kind,
        "norm": found.norm,
        "gap": gap.gap,
        "value": gap.value,
        "modes": int(score.num_modes),
        "blocks": {
            name: {
                "is_definite": block.is_definite,
                "smallest": block.smallest,
                "residual": block.residual,
                "largest": block.largest,
            }
            for name, block in found.blocks.items()
        },
        "text": found.text,
    }


# Report.


class Settled(TypedDict, total=False):
    """What the file holds, of this script's."""

    settings: dict[str, Any]
    ring: dict[str, Any]


def verdict(block: Mapping[str, Any] | None) -> str:
    """A cell of the table of the ring."""
    if block is None:
        return "not formed"
    words = {True: "definite", False: "indefinite", None: "undecided"}
    return f"{words[block['is_definite']]}, {block['smallest']:.2g}"


def rows_of(ends: Mapping[str, Any], runs: Mapping[str, Any]) -> list[Row]:
    """Every function and every method."""
    rows = []
    for name, found in ends.items():
        rows.append(Row(f"{name}: the origin", found["origin"], FUNCTIONS[name].says, 1))
        rows += [Row(f"{name}, {method}", end, None, 1) for method, end in found["ends"].items()]
    for method, seeds in runs.items():
        for index, run in enumerate(seeds):
            blocks = run["blocks"]
            said = "; ".join(
                f"{part} {verdict(blocks.get(part))}" for part in ("gen", "disc", "stackelberg")
            )
            text = f"{run['kind']}, norm {run['norm']:.2g}, gap {run['gap']:.2g}; {said}"
            rows.append(Row(f"ring, {method}, seed {index}", text, None, 1))
    return rows


def main() -> None:
    """Plays, certifies and writes the report."""
    flags = parser(__doc__)
    flags.add_argument("--methods", nargs="+", choices=RING_METHODS, default=[*RING_METHODS])
    flags.add_argument("--num-steps", type=positive, default=3000, help="on the ring")
    flags.add_argument("--gap-steps", type=positive, default=500, help="of each best response")
    flags.add_argument("--seeds", type=positive, default=2, help="on the ring")
    flags.add_argument("--fresh", action="store_true", help="train every method again")
    args = flags.parse_args()
    methods = on_ring(args.num_steps)
    path = args.out / "certificates.json"
    held = read_json(path, Settled) if path.exists() and not args.fresh else Settled()
    settings = {"num_steps": args.num_steps, "gap_steps": args.gap_steps, "seeds": args.seeds}
    runs = held.get("ring", {}) if held.get("settings") == settings else {}
    with jax.enable_x64(True):
        paths, ends = play_functions()
        field, responder = jg.gradient(ring_game()), jg.optimizers.adam(1e-3)
        for method in args.methods:
            if method in runs:
                continue
            states = train(methods[method](field), args.num_steps, args.seeds)
            runs[method] = [
                look(field, member(states, index), responder, args.gap_steps)
                for index in range(args.seeds)
            ]
            print(method, [run["text"] for run in runs[method]], flush=True)
            # Written after each method: an interrupted run goes on from there.
            write_report(
                args.out, "certificates", rows_of(ends, runs), settings=settings, ring=runs
            )
    runs = {method: runs[method] for method in RING_METHODS if method in runs}
    write_report(args.out, "certificates", rows_of(ends, runs), settings=settings, ring=runs)
    draw(FUNCTIONS, paths, ends, runs).savefig(args.out / "certificates.png", dpi=100)


def play_functions() -> tuple[dict[str, dict[str, np.ndarray]], dict[str, Any]]:
    """Trajectories on the test functions, and what the origin and their ends are."""
    paths: dict[str, dict[str, np.ndarray]] = {}
    ends: dict[str, Any] = {}
    for name, function in FUNCTIONS.items():
        field = jg.gradient(game_of(function))
        paths[name] = {
            method: walk(make(field), FUNCTION_STEPS) for method, make in ON_FUNCTIONS.items()
        }
        ends[name] = {
            "origin": certify(field, 0.0, 0.0).kind,
            "ends": {method: end_of(field, path) for method, path in paths[name].items()},
        }
    return paths, ends


if __name__ == "__main__":
    run_script(main)
