"""Every algorithm against its contract and against the same play in NumPy: a row each."""

from __future__ import annotations

import functools
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import Algorithm, Context, Game, Network, Penalty, penalties
from jaxgan.fields import gradient
from tests import helpers
from tests.algorithms.plays import (
    Play,
    extra_anchored_by_hand,
    extragradient_by_hand,
    in_turn,
    past_extragradient_by_hand,
    recorder,
)


class Row(NamedTuple):
    name: str
    make: Callable[..., Algorithm]  # of a field and `optimizers`
    num_batches: tuple[int, ...]
    moves: tuple[tuple[str, ...], ...]  # whose gradients each evaluation of the field gives
    bilinear: Play
    half_steps: int = 1  # optimizer updates in what counts as one update of the player
    memory: tuple[str, ...] = ()

    def passes(self, player: str) -> int:
        """Evaluations for a player, per step."""
        return sum(player in move for move in self.moves)

    def updates(self, player: str) -> int:
        """What the context counts as a player's updates, per step."""
        return 1 if self.half_steps > 1 else self.passes(player)


BOTH = ("gen", "disc")


def pattern_row(name: str, *pattern: str | tuple[str, ...]) -> Row:
    moves = tuple((move,) if isinstance(move, str) else move for move in pattern)
    letters = ["".join({"gen": "x", "disc": "y"}[player] for player in move) for move in moves]
    return Row(
        name,
        lambda field, optimizers: jaxgan.sequence(field, optimizers=optimizers, pattern=pattern),
        (len(moves),),
        moves,
        in_turn(*letters),
    )


TABLE = [
    Row("simultaneous", jaxgan.simultaneous, (), (BOTH,), in_turn("xy")),
    Row("alternating", jaxgan.alternating, (2,), (("disc",), ("gen",)), in_turn("y", "x")),
    Row(
        "alternating5",
        lambda field, optimizers: jaxgan.alternating(field, optimizers=optimizers, n_critic=5),
        (6,),
        (*(("disc",),) * 5, ("gen",)),
        in_turn(*"yyyyyx"),
    ),
    Row(
        "extragradient",
        jaxgan.extragradient,
        (2,),
        (BOTH, BOTH),
        extragradient_by_hand,
        half_steps=2,
    ),
    Row(
        "past_extragradient",
        jaxgan.past_extragradient,
        (),
        (BOTH,),
        past_extragradient_by_hand,
        half_steps=2,
        memory=("field", "past"),
    ),
    Row(
        "extra_anchored",
        jaxgan.algorithms.extra_anchored,
        (2,),
        (BOTH, BOTH),
        extra_anchored_by_hand,
        half_steps=2,
        memory=("field", "anchor"),
    ),
    Row(
        "extragradient_same",
        partial(jaxgan.extragradient, batches="same"),
        (),
        (BOTH, BOTH),
        extragradient_by_hand,
        half_steps=2,
    ),
    pattern_row("sequence", "disc", "gen", "gen"),
    pattern_row("sequence_at_once", BOTH, "gen", ("disc",)),
    Row(
        "alternating_gen2",
        lambda field, optimizers: jaxgan.alternating(
            field, optimizers=optimizers, n_critic=2, critic="gen"
        ),
        (3,),
        (("gen",), ("gen",), ("disc",)),
        in_turn(*"xxy"),
    ),
]
ROWS = pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in TABLE])
# Compiling a GAN takes seconds: rows that are like another are left out there.
GANS = pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in TABLE[:6]])


NUM_STEPS = 4


def full_game(row: Row) -> Game:
    """Batch norm, a lazy penalty and one that remembers: a state of every kind."""
    lazy = penalties.r1(weight=1.0, every=2)
    game = helpers.mlp_gan(penalty=lazy, gen_batch_norm=True, disc_batch_norm=True)
    for player in BOTH:
        log = recorder(NUM_STEPS * row.passes(player))
        game = jaxgan.with_penalty(game, log, player=player)
    return game


class Program(NamedTuple):
    algorithm: Algorithm
    step: Callable[[Any, Any], Any]  # donates the state
    traces: list[int]


@functools.cache
def program(name: str) -> Program:
    """Compiled once for all tests of a row."""
    row = next(row for row in TABLE if row.name == name)
    algorithm, traces = row.make(gradient(full_game(row)), optimizers=helpers.adams()), []

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
    disc = {"disc/r1", "disc/real_out", "disc/fake_out", "disc/recorder"}
    assert set(metrics) == {"loss/gen", "loss/disc", "gen/recorder"} | disc
    # The key never changes; every player moves.
    np.testing.assert_array_equal(jax.random.key_data(state.key), kept.key)
    for player in ("gen", "disc"):
        assert helpers.max_difference(state.params[player], kept.params[player]) > 1e-3
        counts = [x for x in jax.tree.leaves(state.opt_state[player]) if x.dtype == jnp.int32]
        assert counts, "Adam counts its updates"
        expected = 3 * row.half_steps * row.updates(player)
        assert all(int(count) == expected for count in counts)


@GANS
def test_a_state_is_arrays_only(row: Row) -> None:
    state = program(row.name).algorithm.init(jax.random.key(0))
    for leaf in jax.tree.leaves(state):
        assert isinstance(leaf, jax.Array)
        kinds = (jnp.floating, jnp.integer, jax.dtypes.prng_key)
        assert any(jnp.issubdtype(leaf.dtype, kind) for kind in kinds)
    assert state.step.dtype == jnp.int32
    assert state.ema == {}
    assert set(state.memory) == set(row.memory)


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
    rates = (0.3, 0.2)  # each player its own, as in two-time-scale play
    optimizers = dict(zip(BOTH, map(jaxgan.optimizers.sgd, rates), strict=True))
    algorithm = row.make(gradient(jaxgan.bilinear()), optimizers=optimizers)
    state, step = algorithm.init(jax.random.key(0)), jax.jit(algorithm.step)
    here: tuple[float, ...] = (1.0, 1.0)
    for _ in range(20):
        here = row.bilinear(rates, *here)
        state, _ = step(state, {})
        np.testing.assert_allclose(state.params["gen"], [here[0]], rtol=1e-12)
        np.testing.assert_allclose(state.params["disc"], [here[1]], rtol=1e-12)
    assert int(state.step) == 20


@ROWS
def test_what_a_field_remembers_goes_from_evaluation_to_evaluation(row: Row) -> None:
    plain = gradient(jaxgan.bilinear())

    def apply(params: Any, memory: Any, *rest: Any) -> Any:
        pull, _, aux = plain.apply(params, (), *rest)
        return pull, memory + 1, aux

    counting = plain._replace(init=lambda params: jnp.int32(0), apply=apply)
    algorithm = row.make(counting, optimizers=helpers.sgds(0.1))
    state, _ = helpers.run(algorithm, algorithm.init(jax.random.key(0)), 3)
    found = state.memory["field"] if row.memory else state.memory
    assert int(found) == 3 * len(row.moves)


def test_metrics_of_a_sequence_are_means_over_the_moves_of_the_player(float64: None) -> None:
    made = jaxgan.sequence(
        gradient(jaxgan.bilinear()),
        optimizers=helpers.sgds(0.1),
        pattern=("disc", "gen", "gen", "disc"),
    )
    _, metrics = made.step(made.init(jax.random.key(0)), {})
    # The generator's loss is x y, the discriminator's -x y, at the points before the moves.
    x, y = 1.0, 1.1
    np.testing.assert_allclose(metrics["loss/gen"], (x * y + (x - 0.1 * y) * y) / 2, rtol=1e-12)
    x -= 0.2 * y
    np.testing.assert_allclose(metrics["loss/disc"], (-1.0 - x * y) / 2, rtol=1e-12)


def bilinear_orbit(algorithm: Algorithm, num_steps: int) -> np.ndarray:
    def body(state: Any, _: Any) -> Any:
        state, _ = algorithm.step(state, {})
        return state, jnp.concatenate([state.params["gen"], state.params["disc"]])

    state = algorithm.init(jax.random.key(0))
    _, orbit = jax.jit(lambda s: jax.lax.scan(body, s, None, length=num_steps))(state)
    return np.concatenate([np.ones((1, 2)), np.asarray(orbit)])


@pytest.mark.parametrize("rate", [0.1, 0.5, 2.0])
def test_simultaneous_descent_leaves_by_a_fixed_factor(rate: float, float64: None) -> None:
    made = jaxgan.simultaneous(gradient(jaxgan.bilinear()), optimizers=helpers.sgds(rate))
    norms = np.linalg.norm(bilinear_orbit(made, 100), axis=1)
    np.testing.assert_allclose(norms[1:] / norms[:-1], np.sqrt(1 + rate**2), rtol=1e-12)


@pytest.mark.parametrize("rate", [0.1, 0.5, 1.9])
def test_alternating_descent_stays_on_an_ellipse(rate: float, float64: None) -> None:
    made = jaxgan.alternating(gradient(jaxgan.bilinear()), optimizers=helpers.sgds(rate))
    x, y = bilinear_orbit(made, 1000).T
    # The step keeps x² + y² + η x y, an ellipse as long as η < 2.
    np.testing.assert_allclose(x**2 + y**2 + rate * x * y, 2 + rate, rtol=1e-9)
    assert np.max(x**2 + y**2) <= (2 + rate) / (1 - rate / 2) * (1 + 1e-9)


# What the updates saw.


@functools.cache
def record(name: str) -> tuple[list[Any], dict[str, Any]]:
    """The states of some steps, the first one included, and what the updates saw."""
    algorithm, step, _ = program(name)
    state = algorithm.init(jax.random.key(0))
    states = [helpers.plain(state)]
    for index in range(NUM_STEPS):
        state, _ = step(state, helpers.real_batch(algorithm.num_batches, seed=index))
        states.append(helpers.plain(state))
    return states, {player: states[-1].net_state[player]["recorder"] for player in BOTH}


@GANS
def test_every_update_has_fresh_data_and_latents(row: Row) -> None:
    _, logs = record(row.name)
    batches = [helpers.real_batch(row.num_batches, seed=index) for index in range(NUM_STEPS)]
    reals = np.stack([np.asarray(batch["image"]) for batch in batches])
    reals = reals.reshape(NUM_STEPS, len(row.moves), *reals.shape[-2:])
    latents: dict[tuple[int, int], np.ndarray] = {}
    for player in BOTH:
        own = [i for i, move in enumerate(row.moves) if player in move]
        found = logs[player]["real"].reshape(NUM_STEPS, len(own), *reals.shape[-2:])
        np.testing.assert_array_equal(found, reals[:, own])
        places = [(step, i) for step in range(NUM_STEPS) for i in own]
        for place, latent in zip(places, logs[player]["latent"], strict=True):
            # Players that are pulled at once see the same latents.
            np.testing.assert_array_equal(latents.setdefault(place, latent), latent)
    drawn = np.stack(list(latents.values()))
    assert len(drawn) == NUM_STEPS * len(row.moves)
    assert len(np.unique(drawn)) == drawn.size, "a latent was used twice"
    assert abs(drawn.mean()) < 5 / np.sqrt(drawn.size)
    assert abs(drawn.std() - 1) < 5 / np.sqrt(drawn.size)


@GANS
def test_the_context_counts_steps_and_updates(row: Row) -> None:
    _, logs = record(row.name)
    for player in BOTH:
        num = row.passes(player)
        assert logs[player]["row"] == NUM_STEPS * num
        np.testing.assert_array_equal(logs[player]["step"], np.repeat(np.arange(NUM_STEPS), num))
        counts = np.arange(NUM_STEPS * num) * row.updates(player) // num
        np.testing.assert_array_equal(logs[player][player], counts)


@GANS
def test_batch_statistics_are_those_of_the_players_own_update(row: Row) -> None:
    states, logs = record(row.name)
    gen, seen, num = helpers.mlp_gen(batch_norm=True), logs["gen"], row.passes("gen")
    for index in range(NUM_STEPS):
        before, after = (state.net_state["gen"]["network"] for state in states[index : index + 2])
        expected = before
        for i in range(index * num, (index + 1) * num):
            params = jax.tree.map(lambda x, i=i: jnp.asarray(x[i]), seen["params"])
            _, expected = gen.apply(params, expected, jnp.asarray(seen["latent"][i]))
        chex.assert_trees_all_close(after, expected, rtol=1e-5, atol=1e-6)
        assert helpers.max_difference(before, after) > 1e-3


def counting_game() -> Game:
    """Linear networks that count in their own state how often they are applied."""

    def network(shape: tuple[int, ...]) -> Network:
        def apply(w: Any, state: Any, x: Any, *, train: bool = True, key: Any = None) -> Any:
            return x @ w, {"calls": state["calls"] + 1}

        return Network(init=lambda key: (jnp.ones(shape), {"calls": jnp.int32(0)}), apply=apply)

    gen, disc = network((helpers.LATENT, helpers.DIM)), network((helpers.DIM,))
    return jaxgan.gan(gen, disc, latent=helpers.LATENT)


@ROWS
def test_only_a_players_own_update_keeps_its_network_state(row: Row) -> None:
    algorithm = row.make(gradient(counting_game()), optimizers=helpers.sgds(0.1))
    state, _ = helpers.run(algorithm, algorithm.init(jax.random.key(0)), 3)
    calls = {p: int(state.net_state[p]["network"]["calls"]) for p in ("gen", "disc")}
    # One forward pass of the generator per evaluation, two (real, fake) of the discriminator.
    assert calls == {"gen": 3 * row.passes("gen"), "disc": 2 * 3 * row.passes("disc")}


# What a step computes, counted in its jaxpr after dead code is gone.


def separate_dots(game: Game) -> dict[str, int]:
    """Products in `jax.grad` of each player's loss alone, and in the loss of `gen` itself."""
    params, net_state = game.init(jax.random.key(0))
    context, batch = Context(jax.random.key(1)), helpers.real_batch()

    def loss(own: Any, player: str) -> jax.Array:
        everyone = {**params, player: own}
        scene, new_state = game.generate(everyone, net_state, batch, context)
        return game.losses(everyone, new_state, scene, context)[0][player]

    counts = {
        p: helpers.num_dots(lambda own, p=p: jax.grad(loss)(own, p), params[p])
        for p in ("gen", "disc")
    }
    return {**counts, "forward": helpers.num_dots(lambda own: loss(own, "gen"), params["gen"])}


@ROWS
@pytest.mark.parametrize("penalty", [None, penalties.r2()], ids=["plain", "r2"])
def test_nothing_is_computed_twice_or_in_vain(row: Row, penalty: Penalty | None) -> None:
    # R2 is a part of the discriminator's loss that depends on the generator all the same.
    game = helpers.mlp_gan(penalty=penalty)
    separate = separate_dots(game)
    assert separate["forward"] == 2 + 3  # two layers of the generator, three of the discriminator
    algorithm = row.make(gradient(game), optimizers=helpers.sgds(0.1))
    state, batch = algorithm.init(jax.random.key(0)), helpers.real_batch(row.num_batches)
    found = helpers.num_dots(algorithm.step, state, batch)
    # Players that are pulled at once share one forward pass; in turns nothing is shared, and
    # nothing of the other player's is computed, not even to be logged.
    shared = sum(len(move) - 1 for move in row.moves) * separate["forward"]
    assert found == sum(row.passes(player) * separate[player] for player in BOTH) - shared


@ROWS
def test_wrong_optimizers_are_refused(row: Row) -> None:
    field, sgd = gradient(jaxgan.bilinear()), jaxgan.optimizers.sgd(0.1)
    for names in (("gen",), ("gen", "disc", "critic"), ("generator", "disc"), ()):
        with pytest.raises(ValueError, match="optimizers are given for"):
            row.make(field, optimizers=dict.fromkeys(names, sgd))
