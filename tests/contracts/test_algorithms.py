"""Every algorithm against its contract and against the same play in NumPy: a row each."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxgan
from jaxgan import Algorithm, Context, Game, Network, Penalty, penalties
from jaxgan.algorithms.base import Optimizers
from jaxgan.fields import Field, gradient
from jaxgan.penalties import Term, View
from tests import helpers

Pair = tuple[float, float]


def simultaneous_reference(x: float, y: float, rate: float) -> Pair:
    return x - rate * y, y + rate * x


def alternating_reference(n_critic: int, critic: str = "disc") -> Callable[..., Pair]:
    def step(x: float, y: float, rate: float) -> Pair:
        if critic == "gen":
            for _ in range(n_critic):
                x = x - rate * y
            return x, y + rate * x
        for _ in range(n_critic):
            y = y + rate * x
        return x - rate * y, y

    return step


class Row(NamedTuple):
    name: str
    make: Callable[[Field, Optimizers], Algorithm]
    num_batches: tuple[int, ...]
    updates: dict[str, int]  # of each player, per step
    bilinear: Callable[..., Pair]  # the same play of f = xy, by hand


TABLE = [
    Row(
        "simultaneous",
        jaxgan.simultaneous,
        (),
        {"gen": 1, "disc": 1},
        simultaneous_reference,
    ),
    Row(
        "alternating",
        jaxgan.alternating,
        (2,),
        {"gen": 1, "disc": 1},
        alternating_reference(1),
    ),
    Row(
        "alternating5",
        lambda field, optimizers: jaxgan.alternating(field, optimizers, n_critic=5),
        (6,),
        {"gen": 1, "disc": 5},
        alternating_reference(5),
    ),
    Row(
        "alternating_gen2",
        lambda field, optimizers: jaxgan.alternating(field, optimizers, 2, critic="gen"),
        (3,),
        {"gen": 2, "disc": 1},
        alternating_reference(2, "gen"),
    ),
]
ROWS = pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in TABLE])
# Compiling a GAN takes seconds: the row that is another's mirror image is left out there.
GANS = pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in TABLE[:3]])


def full_game() -> Game:
    """Batch norm and a lazy penalty: a state of every kind."""
    return helpers.mlp_gan(penalty=penalties.r1(weight=1.0, every=2), gen_batch_norm=True)


class Program(NamedTuple):
    algorithm: Algorithm
    step: Callable[[Any, Any], Any]  # donates the state
    traces: list[int]


@functools.cache
def program(name: str) -> Program:
    """Compiled once for all tests of a row."""
    row = next(row for row in TABLE if row.name == name)
    algorithm, traces = row.make(gradient(full_game()), helpers.adams()), []

    def counted(state: Any, batch: Any) -> Any:
        traces.append(1)
        return algorithm.step(state, batch)

    return Program(algorithm, jax.jit(counted, donate_argnums=0), traces)


@GANS
def test_the_contract_of_a_step(row: Row) -> None:
    algorithm, step, traces = program(row.name)
    assert algorithm.num_batches == row.num_batches
    state = first = algorithm.init(jax.random.key(0))
    kept = helpers.plain(state)
    for index in range(3):
        state, metrics = step(state, helpers.real_batch(row.num_batches, seed=index))
        chex.assert_trees_all_equal_shapes_and_dtypes(helpers.plain(state), kept)
        assert int(state.step) == index + 1
        assert {v.shape for v in metrics.values()} == {()}
        assert all(np.isfinite(v) for v in metrics.values())
    assert len(traces) == 1, "a step changes what jit sees of the state"
    assert jax.tree.leaves(first.params)[0].is_deleted(), "the state was not donated"
    assert set(metrics) == {"loss/gen", "loss/disc", "disc/r1", "disc/real_out", "disc/fake_out"}
    # The key never changes; every player moves.
    np.testing.assert_array_equal(jax.random.key_data(state.key), kept.key)
    for player in ("gen", "disc"):
        assert helpers.max_difference(state.params[player], kept.params[player]) > 1e-3
        counts = [x for x in jax.tree.leaves(state.opt_state[player]) if x.dtype == jnp.int32]
        assert counts, "Adam counts its updates"
        assert all(int(count) == 3 * row.updates[player] for count in counts)


@GANS
def test_a_state_is_arrays_only(row: Row) -> None:
    state = program(row.name).algorithm.init(jax.random.key(0))
    for leaf in jax.tree.leaves(state):
        assert isinstance(leaf, jax.Array)
        kinds = (jnp.floating, jnp.integer, jax.dtypes.prng_key)
        assert any(jnp.issubdtype(leaf.dtype, kind) for kind in kinds)
    assert state.step.dtype == jnp.int32
    assert state.ema == {}
    assert state.memory == ()


@GANS
def test_resuming_is_exact(row: Row) -> None:
    algorithm, step, _ = program(row.name)

    def play(state: Any, first: int, last: int) -> Any:
        for index in range(first, last):
            state, _ = step(state, helpers.real_batch(row.num_batches, seed=index))
        return state

    whole = play(algorithm.init(jax.random.key(7)), 0, 4)
    saved = helpers.plain(play(algorithm.init(jax.random.key(7)), 0, 2))
    saved = saved._replace(key=jax.random.wrap_key_data(saved.key))
    resumed = play(jax.tree.map(jnp.asarray, saved), 2, 4)
    helpers.assert_same_bits(resumed, whole)


@ROWS
def test_the_bilinear_game_is_played_by_the_book(row: Row, float64: None) -> None:
    rate = 0.3
    algorithm = row.make(gradient(jaxgan.bilinear()), helpers.sgds(rate))
    state, step = algorithm.init(jax.random.key(0)), jax.jit(algorithm.step)
    x, y = 1.0, 1.0
    for _ in range(20):
        x, y = row.bilinear(x, y, rate)
        state, _ = step(state, {})
        np.testing.assert_allclose(state.params["gen"], [x], rtol=1e-12)
        np.testing.assert_allclose(state.params["disc"], [y], rtol=1e-12)


def bilinear_orbit(algorithm: Algorithm, num_steps: int) -> np.ndarray:
    def body(state: Any, _: None) -> Any:
        state, _ = algorithm.step(state, {})
        return state, jnp.concatenate([state.params["gen"], state.params["disc"]])

    state = algorithm.init(jax.random.key(0))
    _, orbit = jax.jit(lambda s: jax.lax.scan(body, s, None, length=num_steps))(state)
    return np.concatenate([np.ones((1, 2)), np.asarray(orbit)])


@pytest.mark.parametrize("rate", [0.1, 0.5, 2.0])
def test_simultaneous_descent_leaves_by_a_fixed_factor(rate: float, float64: None) -> None:
    made = jaxgan.simultaneous(gradient(jaxgan.bilinear()), helpers.sgds(rate))
    norms = np.linalg.norm(bilinear_orbit(made, 100), axis=1)
    np.testing.assert_allclose(norms[1:] / norms[:-1], np.sqrt(1 + rate**2), rtol=1e-12)


@pytest.mark.parametrize("rate", [0.1, 0.5, 1.9])
def test_alternating_descent_stays_on_an_ellipse(rate: float, float64: None) -> None:
    made = jaxgan.alternating(gradient(jaxgan.bilinear()), helpers.sgds(rate))
    x, y = bilinear_orbit(made, 1000).T
    # The step keeps x² + y² + η x y, an ellipse as long as η < 2.
    np.testing.assert_allclose(x**2 + y**2 + rate * x * y, 2 + rate, rtol=1e-9)
    assert np.max(x**2 + y**2) <= (2 + rate) / (1 - rate / 2) * (1 + 1e-9)


# What an update sees, written down by a penalty of weight zero that remembers.


def recorder(size: int) -> Penalty:
    def init() -> Any:
        shapes = {"real": (helpers.DIM,), "latent": (helpers.LATENT,)}
        logs = {k: jnp.zeros((size, helpers.BATCH, *shape)) for k, shape in shapes.items()}
        counts = dict.fromkeys(("step", "gen", "disc"), jnp.zeros(size, jnp.int32))
        return {**logs, **counts, "row": jnp.int32(0)}

    def values(view: View, state: Any) -> tuple[jax.Array, Any]:
        row, context = state["row"], view.context
        seen = {
            "real": view.scene["real"],
            "latent": view.scene["latent"],
            "step": context.step,
            "gen": context.num_updates("gen"),
            "disc": context.num_updates("disc"),
        }
        logs = {name: state[name].at[row].set(value) for name, value in seen.items()}
        return jnp.zeros(()), {**state, **logs, "row": row + 1}

    return Penalty((Term("recorder", values, weight=0.0, init=init),))


@functools.cache
def record(name: str) -> tuple[list[Any], dict[str, Any]]:
    """The states of three steps, the first one included, and what the updates saw."""
    row = next(row for row in TABLE if row.name == name)
    game = helpers.mlp_gan(gen_batch_norm=True, disc_batch_norm=True)
    for player in ("gen", "disc"):
        game = jaxgan.with_penalty(game, recorder(3 * row.updates[player]), player)
    algorithm = row.make(gradient(game), helpers.adams())
    states, step = [algorithm.init(jax.random.key(0))], jax.jit(algorithm.step)
    for index in range(3):
        batch = helpers.real_batch(algorithm.num_batches, seed=index)
        states.append(step(states[-1], batch)[0])
    net_state = states[-1].net_state
    return states, {p: jax.tree.map(np.asarray, net_state[p]["recorder"]) for p in row.updates}


@GANS
def test_every_update_has_fresh_data_and_latents(row: Row) -> None:
    _, logs = record(row.name)
    batches = [helpers.real_batch(row.num_batches, seed=index) for index in range(3)]
    reals = np.stack([np.asarray(batch["image"]) for batch in batches])
    if row.name == "simultaneous":
        for player in ("gen", "disc"):
            np.testing.assert_array_equal(logs[player]["real"], reals)
        np.testing.assert_array_equal(logs["gen"]["latent"], logs["disc"]["latent"])
        latents = logs["gen"]["latent"]
    else:
        by_disc = reals[:, :-1].reshape(-1, *reals.shape[2:])
        np.testing.assert_array_equal(logs["disc"]["real"], by_disc)
        np.testing.assert_array_equal(logs["gen"]["real"], reals[:, -1])
        latents = np.concatenate([logs["disc"]["latent"], logs["gen"]["latent"]])
    assert len(np.unique(latents)) == latents.size, "a latent was used twice"
    assert abs(latents.mean()) < 5 / np.sqrt(latents.size)
    assert abs(latents.std() - 1) < 5 / np.sqrt(latents.size)


@GANS
def test_the_context_counts_steps_and_updates(row: Row) -> None:
    _, logs = record(row.name)
    for player, num in row.updates.items():
        assert logs[player]["row"] == 3 * num
        np.testing.assert_array_equal(logs[player]["step"], np.repeat([0, 1, 2], num))
        np.testing.assert_array_equal(logs[player][player], np.arange(3 * num))


@GANS
def test_batch_statistics_are_those_of_the_players_own_update(row: Row) -> None:
    states, logs = record(row.name)
    gen = helpers.mlp_gen(batch_norm=True)
    for index in range(3):  # the generator has one update per step, hence one pass
        before, after = (state.net_state["gen"]["network"] for state in states[index : index + 2])
        z = jnp.asarray(logs["gen"]["latent"][index])
        _, expected = gen.apply(states[index].params["gen"], before, z)
        chex.assert_trees_all_close(after, expected, rtol=1e-5, atol=1e-6)
        assert helpers.max_difference(before, after) > 1e-3


def counting_game() -> Game:
    """Linear networks that count in their own state how often they are applied."""

    def network(shape: tuple[int, ...]) -> Network:
        def apply(w: Any, state: Any, x: Any, *, train: bool = True, key: Any = None) -> Any:
            return x @ w, {"calls": state["calls"] + 1}

        return Network(lambda key: (jnp.ones(shape), {"calls": jnp.int32(0)}), apply)

    gen, disc = network((helpers.LATENT, helpers.DIM)), network((helpers.DIM,))
    return jaxgan.gan(gen, disc, latent=helpers.LATENT)


@ROWS
def test_only_a_players_own_update_keeps_its_network_state(row: Row) -> None:
    algorithm = row.make(gradient(counting_game()), helpers.sgds(0.1))
    state, _ = helpers.run(algorithm, algorithm.init(jax.random.key(0)), 3)
    calls = {p: int(state.net_state[p]["network"]["calls"]) for p in ("gen", "disc")}
    # One forward pass of the generator per update, two (real, fake) of the discriminator.
    assert calls == {"gen": 3 * row.updates["gen"], "disc": 2 * 3 * row.updates["disc"]}


# What a step computes, counted in its jaxpr after dead code is gone.


def num_dots(function: Callable[..., Any], *arguments: Any) -> int:
    jaxpr = jax.make_jaxpr(function)(*arguments).jaxpr
    live, _ = jax.interpreters.partial_eval.dce_jaxpr(jaxpr, [True] * len(jaxpr.outvars))
    return count_dots(live)


def count_dots(jaxpr: Any) -> int:
    total = 0
    for equation in jaxpr.eqns:
        repeats = equation.params["length"] if equation.primitive.name == "scan" else 1
        total += equation.primitive.name == "dot_general"
        for value in equation.params.values():
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                total += repeats * count_dots(inner)
    return total


def separate_dots(game: Game) -> dict[str, int]:
    """Products in `jax.grad` of each player's loss alone, and in the loss of `gen` itself."""
    params, net_state = game.init(jax.random.key(0))
    context, batch = Context(jax.random.key(1)), helpers.real_batch()

    def loss(own: Any, player: str) -> jax.Array:
        everyone = {**params, player: own}
        scene, new_state = game.generate(everyone, net_state, batch, context)
        return game.losses(everyone, new_state, scene, context)[0][player]

    counts = {
        p: num_dots(lambda own, p=p: jax.grad(loss)(own, p), params[p]) for p in ("gen", "disc")
    }
    return {**counts, "forward": num_dots(lambda own: loss(own, "gen"), params["gen"])}


@ROWS
@pytest.mark.parametrize("penalty", [None, penalties.r2()], ids=["plain", "r2"])
def test_nothing_is_computed_twice_or_in_vain(row: Row, penalty: Penalty | None) -> None:
    # R2 is a part of the discriminator's loss that depends on the generator all the same.
    game = helpers.mlp_gan(penalty=penalty)
    separate = separate_dots(game)
    assert separate["forward"] == 2 + 3  # two layers of the generator, three of the discriminator
    algorithm = row.make(gradient(game), helpers.sgds(0.1))
    state, batch = algorithm.init(jax.random.key(0)), helpers.real_batch(row.num_batches)
    found = num_dots(algorithm.step, state, batch)
    alone = sum(num * separate[player] for player, num in row.updates.items())
    # Simultaneous play shares one forward pass; in alternating play nothing is shared, and
    # nothing of the other player's is computed, not even to be logged.
    assert found == (alone - separate["forward"] if row.name == "simultaneous" else alone)


# Optimizers and players.


OPTIMIZERS = {
    "adam": lambda: optax.adam(1e-2),
    "adamw": lambda: optax.adamw(1e-2),
    "nadam": lambda: optax.nadam(1e-2),
    "amsgrad": lambda: optax.amsgrad(1e-2),
    "rmsprop": lambda: optax.rmsprop(1e-2, momentum=0.9),
    "optimistic": lambda: optax.optimistic_gradient_descent(1e-2),
    "clipped, scheduled": lambda: optax.chain(
        optax.clip_by_global_norm(1.0), optax.adam(optax.cosine_decay_schedule(1e-2, 10))
    ),
    "our adam, b2 scheduled": lambda: jaxgan.optimizers.adam(
        jaxgan.linear(0.0, 1e-2, 2), b2=jaxgan.cosine(0.9, 0.99, 10)
    ),
    "our rmsprop, decay scheduled": lambda: jaxgan.optimizers.rmsprop(
        1e-2, decay=jaxgan.linear(0.5, 0.9, 10)
    ),
    "our sgd, momentum scheduled": lambda: jaxgan.optimizers.sgd(
        1e-2, momentum=jaxgan.linear(0.0, 0.5, 10)
    ),
    "accumulating": lambda: optax.MultiSteps(optax.adam(1e-2), 2).gradient_transformation(),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_any_optax_optimizer_serves(name: str) -> None:
    optimizers = {"gen": OPTIMIZERS[name](), "disc": OPTIMIZERS[name]()}
    algorithm = jaxgan.alternating(gradient(jaxgan.dirac()), optimizers, n_critic=2)
    state = start = algorithm.init(jax.random.key(0))
    step = jax.jit(algorithm.step)
    for _ in range(3):
        state, _ = step(state, {"image": jnp.zeros((3, 4, 1))})
    chex.assert_trees_all_equal_shapes_and_dtypes(helpers.plain(state), helpers.plain(start))
    for player in ("gen", "disc"):
        moved = helpers.max_difference(state.params[player], start.params[player])
        assert 1e-4 < moved < 1.0


def test_a_learning_rate_schedule_counts_the_players_own_updates(float64: None) -> None:
    rates = {"gen": jaxgan.linear(0.5, 0.0, 8), "disc": jaxgan.linear(0.0, 0.5, 8)}
    optimizers = {player: jaxgan.optimizers.sgd(rate) for player, rate in rates.items()}
    algorithm = jaxgan.alternating(gradient(jaxgan.bilinear()), optimizers, n_critic=3)
    state, step = algorithm.init(jax.random.key(0)), jax.jit(algorithm.step)
    x, y, count = 1.0, 1.0, 0
    for index in range(4):
        for _ in range(3):
            y += 0.5 * min(count / 8, 1.0) * x
            count += 1
        x -= 0.5 * (1 - index / 8) * y
        state, _ = step(state, {})
    np.testing.assert_allclose(state.params["gen"], [x], rtol=1e-12)
    np.testing.assert_allclose(state.params["disc"], [y], rtol=1e-12)


@ROWS
def test_wrong_optimizers_are_refused(row: Row) -> None:
    field, sgd = gradient(jaxgan.bilinear()), jaxgan.optimizers.sgd(0.1)
    for names in (("gen",), ("gen", "disc", "critic"), ("generator", "disc"), ()):
        with pytest.raises(ValueError, match="optimizers are given for"):
            row.make(field, dict.fromkeys(names, sgd))


def test_alternation_of_nobody_is_refused() -> None:
    field = gradient(jaxgan.bilinear())
    with pytest.raises(ValueError, match="n_critic is 0"):
        jaxgan.alternating(field, helpers.sgds(0.1), n_critic=0)
    with pytest.raises(ValueError, match="critic is 'critic'"):
        jaxgan.alternating(field, helpers.sgds(0.1), critic="critic")


def ring_game() -> Game:
    """Three players in a ring: L_a = a b, L_b = b c, L_c = c a."""

    def init(key: Any) -> Any:
        players = {
            name: jnp.asarray(value) for name, value in zip("abc", (1.0, 2.0, 3.0), strict=True)
        }
        return players, {name: {} for name in "abc"}

    def losses(p: Any, net_state: Any, scene: Any, context: Context) -> Any:
        values = {"a": p["a"] * p["b"], "b": p["b"] * p["c"], "c": p["c"] * p["a"]}
        return values, (net_state, {name: {} for name in "abc"})

    return Game(init, lambda params, state, batch, context: ({}, state), losses, lambda *a: None)


def test_games_of_three_players(float64: None) -> None:
    game, rate = ring_game(), 0.1
    optimizers = dict.fromkeys("abc", jaxgan.optimizers.sgd(rate))
    both = jaxgan.simultaneous(gradient(game), optimizers)
    state, metrics = both.step(both.init(jax.random.key(0)), {})
    moved = [float(state.params[name]) for name in "abc"]
    np.testing.assert_allclose(moved, [1 - 0.2, 2 - 0.3, 3 - 0.1], rtol=1e-12)
    assert metrics.keys() == {"loss/a", "loss/b", "loss/c"}
    turns = jaxgan.alternating(gradient(game), optimizers, n_critic=2, critic="b")
    state, _ = turns.step(turns.init(jax.random.key(0)), {})
    moved = [float(state.params[name]) for name in "abc"]  # b twice, then a and c at once
    np.testing.assert_allclose(moved, [1 - 0.14, 2 - 0.6, 3 - 0.1], rtol=1e-12)
