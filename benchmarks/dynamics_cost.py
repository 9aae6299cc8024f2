"""What each method of the dynamics laboratory costs, in steps of simultaneous gradient descent.

    python benchmarks/dynamics_cost.py
    python benchmarks/dynamics_cost.py --methods logan stackelberg   # these, beside the base

One process, one run, interleaved. The game is a ring of eight Gaussians, batch 512, latents of 16,
two layers of 128 ReLU for both players, the minimax loss, Adam with b1 = 0.5 for all; data and
latents are drawn inside the step. A call is 10 steps. Then unrolling once more, and its base, with
the discriminator of Metz et al., one layer of 128. Then the temporary memory of a step with exact
unrolling, as the compiler plans it. Prints ratios and bars, and writes
benchmarks/results/dynamics_cost.json.

The bars of unrolling are for a discriminator that is cheap beside the generator. Where it has a
product of its hidden layers, 128 x 128 on 1024 examples, count these: simultaneous descent takes 5;
an inner step takes 3, and 6 more where it is differentiated. Five of them take at least 45, so that
exact unrolling with k = 5 cannot cost less than about 10 there, and first order less than about 4.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import timing

import jaxgan as jg
from jaxgan import fields, games
from jaxgan.algorithms import Algorithm
from jaxgan.cli.program import Parser, run_script, whole
from jaxgan.data import ring
from jaxgan.models import MLPDiscriminator, MLPGenerator

BATCH, LATENT, WIDTH, STEPS, RATE = 512, 16, 128, 10, 1e-3
DATA = ring(num_modes=8, radius=2.0, std=0.02)
BASE = "simultaneous"
NEVER = 1e-12
"""A tolerance that no solver reaches in float32, so that it takes all its iterations."""
MEMORY_STEPS = (5, 10, 20, 100)
MEMORY_BAR = 2.0
APART = "two layers each, lines measured apart"


class Method(NamedTuple):
    """A line of the table.

    Attributes:
      algorithm: the method.
      bar: the most that it may cost.
      goal: what would be good.
    """

    algorithm: Algorithm
    bar: float | None = None
    goal: float | None = None


def make_game(num_layers: int = 2) -> jg.Game:
    """The ring game without lookahead; `num_layers` of the discriminator."""
    gen = MLPGenerator((WIDTH, WIDTH), (2,))
    disc = MLPDiscriminator((WIDTH,) * num_layers)
    return jg.gan(
        jg.from_linen(gen, jnp.zeros((1, LATENT))),
        jg.from_linen(disc, jnp.zeros((1, 2))),
        latent=LATENT,
        loss=jg.losses.minimax(),
    )


ADAM = jg.optimizers.adam(RATE, b1=0.5)
ADAMS = {"gen": ADAM, "disc": ADAM}


def unrolling(
    game: jg.Game, num_steps: int, mode: Literal["exact", "first_order"] = "exact", **options: Any
) -> Algorithm:
    """Simultaneous play of an unrolled game."""
    unrolled = jg.unrolled(game, num_steps=num_steps, mode=mode, **options)
    return jg.simultaneous(jg.gradient(unrolled), optimizers=ADAMS)


def unrolled_methods(game: jg.Game) -> dict[str, Method]:
    """Unrolling as a user of small networks sets it, and two lines with the default, `remat`."""
    bars = {1: (None, None), 5: (5.0, 4.0), 10: (None, None), 20: (None, None)}
    exact = {
        f"unrolled, exact, k={k}": Method(unrolling(game, k, remat=False), *bars[k]) for k in bars
    }
    return {
        **exact,
        "unrolled, exact, k=5, remat": Method(unrolling(game, 5)),
        "unrolled, exact, k=10, remat": Method(unrolling(game, 10)),
        "unrolled, first order, k=5": Method(unrolling(game, 5, "first_order"), 2.0),
        "unrolled, first order, k=10": Method(unrolling(game, 10, "first_order")),
    }


def many_players() -> dict[str, Method]:
    """Two generators, and two discriminators, of the same networks."""
    gen = jg.from_linen(MLPGenerator((WIDTH, WIDTH), (2,)), jnp.zeros((1, LATENT)))
    disc = MLPDiscriminator((WIDTH, WIDTH))
    one = jg.from_linen(disc, jnp.zeros((1, 2)))
    classes = jg.from_linen(MLPGenerator((WIDTH, WIDTH), (3,)), jnp.zeros((1, 2)))
    made = {
        "mad_gan, 2 generators": games.mad_gan([gen, gen], classes, latent=LATENT),
        "gman, 2 discriminators": games.gman(gen, [one, one], latent=LATENT),
    }
    return {
        name: Method(
            jg.simultaneous(jg.gradient(game), optimizers=dict.fromkeys(game.players, ADAM))
        )
        for name, game in made.items()
    }


def svre(field: jg.Field) -> Algorithm:
    """On 16 batches of data, a snapshot in every 16th step or so."""
    data = jax.jit(lambda key: DATA.sample(key, 16 * BATCH))(jax.random.key(1))
    reduced = fields.variance_reduced(field, data=data, refresh=1 / 16)
    return jg.extragradient(reduced, optimizers=ADAMS)


def all_methods() -> dict[str, Method]:
    """Every method on the game of two layers each."""
    game = make_game()
    field = jg.gradient(game)

    def play(transform: Callable[[jg.Field], jg.Field]) -> Algorithm:
        return jg.simultaneous(transform(field), optimizers=ADAMS)

    def cgd(num: int, eta: Any = RATE) -> Algorithm:
        return play(partial(fields.competitive, eta=eta, tol=NEVER, max_iterations=num))

    optimistic = dict.fromkeys(ADAMS, jg.optimizers.optimistic_adam(RATE, b1=0.5))
    return {
        BASE: Method(jg.simultaneous(field, optimizers=ADAMS)),
        "alternating": Method(jg.alternating(field, optimizers=ADAMS)),
        "consensus": Method(play(fields.consensus), 3.5),
        "consensus of two_batches": Method(
            play(lambda field: fields.consensus(fields.two_batches(field)))
        ),
        "fictitious_play, 5 past": Method(play(fields.fictitious_play)),
        "runge_kutta": Method(play(partial(fields.runge_kutta, step_size=RATE))),
        "anchored": Method(play(partial(fields.anchored, weight=RATE))),
        "symplectic": Method(play(fields.symplectic), 4.0),
        "extragradient": Method(jg.extragradient(field, optimizers=ADAMS), 2.2),
        "extragradient, same batch": Method(
            jg.extragradient(field, optimizers=ADAMS, batches="same")
        ),
        "extragradient of variance_reduced (SVRE)": Method(svre(field)),
        "extra_anchored": Method(jg.algorithms.extra_anchored(field, optimizers=ADAMS)),
        "past extragradient": Method(jg.past_extragradient(field, optimizers=ADAMS)),
        "optimistic": Method(jg.simultaneous(field, optimizers=optimistic)),
        "lookahead-minimax": Method(jg.lookahead(jg.simultaneous(field, optimizers=ADAMS))),
        "lookahead_opponent": Method(play(partial(fields.lookahead_opponent, alpha=RATE))),
        "lola": Method(play(partial(fields.lola, alpha=RATE))),
        "sos": Method(play(partial(fields.sos, alpha=RATE))),
        "competitive, 5 cg iterations": Method(cgd(5)),
        "competitive, two rates, 5 cg iterations": Method(cgd(5, {"gen": RATE, "disc": 2 * RATE})),
        "competitive, 10 cg iterations": Method(cgd(10)),
        "competitive, cg to 1e-6": Method(play(partial(fields.competitive, eta=RATE))),
        "follow_the_ridge": Method(play(partial(fields.follow_the_ridge, tol=NEVER))),
        "stackelberg": Method(play(partial(fields.stackelberg, tol=NEVER))),
        "symplectic_surgery": Method(play(partial(fields.symplectic_surgery, tol=NEVER))),
        "implicit, 5 steps, 5 cg iterations": Method(
            jg.simultaneous(
                jg.gradient(
                    jg.implicit(game, num_steps=5, damping=1.0, tol=NEVER, max_iterations=5)
                ),
                optimizers=ADAMS,
            )
        ),
        "logan": Method(jg.simultaneous(jg.gradient(games.logan(game)), optimizers=ADAMS)),
        **many_players(),
        **unrolled_methods(game),
    }


def metz_methods() -> dict[str, Method]:
    """Unrolling of a discriminator of one layer."""
    game = make_game(num_layers=1)
    return {
        BASE: Method(jg.simultaneous(jg.gradient(game), optimizers=ADAMS)),
        **unrolled_methods(game),
    }


def runner(algorithm: Algorithm) -> Callable[[], None]:
    """A call of `STEPS` steps that keeps its state, donated."""
    many = jg.substeps(
        jg.device_data(algorithm, sample=DATA.sample, batch_size=BATCH), num_steps=STEPS
    )
    step = jax.jit(many.step, donate_argnums=0)
    # Not compiled: that would take longer than all the calls of most methods.
    states = [many.init(jax.random.key(0))]

    def run() -> None:
        state, _ = step(states.pop(), {})
        states.append(jax.block_until_ready(state))

    return run


def measure_costs(
    title: str, methods: Mapping[str, Method], num_rounds: int, num_calls: int
) -> dict[str, dict[str, Any]]:
    """Times the methods in turn, prints them, and compares with their bars."""
    seconds = timing.seconds_per_call(
        {name: runner(method.algorithm) for name, method in methods.items()},
        num_rounds=num_rounds,
        num_calls=num_calls,
    )
    print(f"\n{title}\n{'method':34s} {'ms/step':>8s} {'cost':>6s} {'bar':>5s} {'goal':>5s}")
    found = {}
    for name, method in methods.items():
        cost = seconds[name] / seconds[BASE]
        passed = None if method.bar is None else cost <= method.bar
        entry = {
            "ms_per_step": round(1e3 * seconds[name] / STEPS, 4),
            "cost": round(cost, 3),
            "bar": method.bar,
            "goal": method.goal,
            "passed": passed,
        }
        found[name] = entry
        print(
            f"{name:34s} {entry['ms_per_step']:8.3f} {cost:6.2f} {_text(method.bar):>5s} "
            f"{_text(method.goal):>5s} {_verdict(passed)}",
            flush=True,
        )
    return found


def temporary_bytes(num_steps: int, remat: bool) -> int:
    """What the compiled step of exact unrolling allocates beyond its arguments and results."""
    algorithm = unrolling(make_game(), num_steps, remat=remat)
    fed = jg.device_data(algorithm, sample=DATA.sample, batch_size=BATCH)
    state = jax.eval_shape(fed.init, jax.random.key(0))
    planned = jax.jit(fed.step).lower(state, {}).compile().memory_analysis()
    if planned is None:
        raise RuntimeError(f"the compiler plans no memory on {jax.default_backend()!r}")
    size: int = planned.temp_size_in_bytes
    return size


def measure_memory() -> dict[str, Any]:
    """Temporary memory by number of inner steps, with and without recomputation."""
    rows = {
        name: {str(k): temporary_bytes(k, remat) for k in MEMORY_STEPS}
        for name, remat in (("remat", True), ("no_remat", False))
    }
    print(f"\ntemporary memory, MiB{'':13s}" + "".join(f"{f'k={k}':>9s}" for k in MEMORY_STEPS))
    for name, row in rows.items():
        print(f"{name:34s}" + "".join(f"{value / 2**20:9.2f}" for value in row.values()))
    ratio = rows["remat"]["100"] / rows["remat"]["10"]
    passed = ratio <= MEMORY_BAR
    print(f"remat, k=100 / k=10: {ratio:.2f}, bar {MEMORY_BAR} {_verdict(passed)}")
    return {"bytes": rows, "ratio": round(ratio, 3), "bar": MEMORY_BAR, "passed": passed}


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _verdict(passed: bool | None) -> str:
    return "" if passed is None else "pass" if passed else "FAIL"


def main() -> None:
    """Prints and writes the figures."""
    parser = Parser(description=__doc__)
    parser.add_argument("--rounds", type=whole(1), default=5)
    parser.add_argument("--calls", type=whole(1), default=1)
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent / "results/dynamics_cost.json"
    )
    methods = all_methods()
    parser.add_argument(
        "--methods",
        nargs="+",
        choices=methods,
        help="measure these alone, and keep the other lines",
    )
    args = parser.parse_args()
    if args.methods:
        asked = {name: methods[name] for name in (BASE, *args.methods)}
        kept = json.loads(args.out.read_text())
        found = measure_costs(APART, asked, args.rounds, args.calls)
        timing.save_results(args.out, {**kept, APART: {**kept.get(APART, {}), **found}})
        return
    results = {
        "two layers each": measure_costs(
            "G 16-128-128-2, D 2-128-128-1", methods, args.rounds, args.calls
        ),
        "discriminator of one layer": measure_costs(
            "G 16-128-128-2, D 2-128-1", metz_methods(), args.rounds, args.calls
        ),
        "temporary_memory": measure_memory(),
    }
    timing.save_results(args.out, results)


if __name__ == "__main__":
    run_script(main)
