"""Unrolling under compilation, other transformations, dead units and bad input."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.nn import softplus

import jaxgan
from jaxgan import Context, Game, Network, optimizers
from jaxgan.fields import gradient
from tests import helpers
from tests.games.lookahead import (
    Setting,
    distance,
    hand_loss,
    hand_mlp,
    parts_of,
    pull,
    trained,
)

pytestmark = pytest.mark.usefixtures("float64")

unrolled = jaxgan.unrolled
# How the loop is compiled, and other transformations around it.


def curved() -> Game:
    """f = tanh(x) · A tanh(y), from a random start."""
    matrix = jnp.asarray(np.random.default_rng(0).normal(size=(3, 3)))

    def init(key: Any) -> Any:
        x, y = jax.random.normal(key, (2, 3), jnp.float64)
        return {"gen": x, "disc": y}

    return jaxgan.zero_sum(init, lambda w, *_: jnp.tanh(w["gen"]) @ matrix @ jnp.tanh(w["disc"]))


@pytest.mark.parametrize("num_steps", helpers.rows([20, 37], [37]))
def test_checkpoints_and_loops_do_not_change_the_gradient(num_steps: int) -> None:
    game, adam = curved(), helpers.adams(0.05)
    params, net_state = game.init(jax.random.key(0))
    opt_state = {p: adam[p].init(params[p]) for p in params}
    context = Context(jax.random.key(0), opt_state=opt_state, optimizers=tuple(adam.items()))
    setting = Setting(game, params, net_state, {}, context)
    reference, *others = (
        pull(unrolled(game, num_steps=num_steps, **options), setting, "gen", compiled=True)
        for options in ({"remat": False}, {}, {"unroll": 5}, {"remat": False, "unroll": 5})
    )
    assert distance(reference, pull(game, setting, "gen")) > 0.1
    for other in others:
        assert distance(other, reference) < 1e-12


def test_under_seeds_and_substeps() -> None:
    algorithm = jaxgan.alternating(
        gradient(unrolled(curved(), num_steps=3)), optimizers=helpers.adams(0.05)
    )
    key, step, expected = jax.random.key(0), jax.jit(algorithm.step), []
    for member in range(2):
        state = algorithm.init(jax.random.fold_in(key, member))
        for _ in range(3):
            state, _ = step(state, {})
        expected.append(state)
    many = jaxgan.substeps(jaxgan.seeds(algorithm, num_seeds=2), num_steps=3)
    state, _ = jax.jit(many.step)(many.init(key), {})
    for member in range(2):
        one = jaxgan.member(state, member)
        assert helpers.max_difference(one, expected[member]) < 1e-12
    assert helpers.max_difference(expected[0].params, expected[1].params) > 0.1


@pytest.mark.slow
def test_microbatches_warn_since_the_inner_steps_average() -> None:
    setting = trained()
    field = gradient(unrolled(setting.game, num_steps=2))
    with pytest.warns(UserWarning, match="couples the examples of a batch"):
        halves = jaxgan.microbatch(field, num_parts=2)
    with jax.disable_jit():
        found, _, _ = halves.apply(
            setting.params, (), setting.net_state, setting.batch, setting.context
        )
    each = [
        jax.grad(hand_loss(setting, 2, parts=[part] * 2, last=part))(setting.params["gen"])
        for part in parts_of(setting.batch, 2)
    ]
    assert distance(found["gen"], jax.tree.map(lambda x, y: (x + y) / 2, *each)) < 1e-9


def test_in_alternating_play_the_discriminator_does_not_look_ahead() -> None:
    setting = trained()
    ahead = unrolled(setting.game, num_steps=3)
    batch = helpers.real_batch((2,), dtype=np.float64)
    counts = {}
    for name, game in {"plain": setting.game, "ahead": ahead}.items():
        algorithm = jaxgan.alternating(gradient(game), optimizers=helpers.adams())
        state = algorithm.init(jax.random.key(0))
        counts[name] = {
            "disc": helpers.num_dots(
                lambda s, b, a=algorithm: a.step(s, b)[0].params["disc"], state, batch
            ),
            "step": helpers.num_dots(algorithm.step, state, batch),
        }
    assert counts["ahead"]["disc"] == counts["plain"]["disc"] > 0
    looking = helpers.num_dots(
        lambda *args: gradient(ahead).apply(args[0], (), *args[1:])[0]["gen"],
        *(setting.params, setting.net_state, setting.batch, setting.context),
    )
    assert counts["ahead"]["step"] == counts["plain"]["disc"] + looking
    assert counts["ahead"]["step"] > counts["plain"]["step"] + 3


@pytest.mark.parametrize(("opponent", "is_made_once"), [("disc", True), ("gen", False)])
def test_the_fakes_are_made_once_unless_the_generator_moves(
    opponent: str, is_made_once: bool
) -> None:
    gen, calls = helpers.mlp_gen(jnp.float64), []

    def apply(*args: Any, **options: Any) -> Any:
        calls.append(1)
        return gen.apply(*args, **options)

    setting, player = trained(), {"gen": "disc", "disc": "gen"}[opponent]
    game = jaxgan.gan(gen._replace(apply=apply), helpers.mlp_disc(jnp.float64), latent=3)
    field = gradient(unrolled(game, player=player, opponent=opponent, num_steps=3))
    calls.clear()
    args = (setting.params, (), setting.net_state, setting.batch, setting.context)
    jax.make_jaxpr(field.apply)(*args)
    # Traced once more, to see what the scene depends on.
    assert (len(calls) == 2) == is_made_once


# Dead units.


def relu_game(num_units: int, dtype: Any) -> Game:
    def init(key: Any) -> Any:
        w1, w2 = jax.random.normal(key, (2, 2, num_units), dtype)
        # The first three units never fire.
        bias = jnp.where(jnp.arange(num_units) < 3, -50.0, 0.1).astype(dtype)
        return {"w1": w1, "b1": bias, "w2": w2[0]}, {}

    def apply(w: Any, state: Any, x: Any, *, train: bool = True, key: Any = None) -> Any:
        return jax.nn.relu(x @ w["w1"] + w["b1"][None]) @ w["w2"], state

    return jaxgan.gan(
        helpers.mlp_gen(dtype),
        Network(init=init, apply=apply),
        latent=lambda key, shape: jax.random.normal(key, (*shape, 3), dtype),
    )


@pytest.mark.parametrize("dtype", helpers.rows([jnp.float32, jnp.float64], [jnp.float32]))
def test_dead_units_leave_the_gradient_of_the_others_alone(dtype: Any) -> None:
    game = relu_game(8, dtype)
    algorithm = jaxgan.alternating(gradient(game), optimizers=helpers.adams())
    state, _ = helpers.run(algorithm, algorithm.init(jax.random.key(0)), 3, dtype)
    batch = trained().batch

    def alive(tree: Any) -> Any:
        return jax.tree.map(lambda x: x[..., 3:] if x.shape else x, tree)

    found = {}
    for name, num, cut in (("whole", 8, lambda tree: tree), ("reduced", 5, alive)):
        params = {**state.params, "disc": cut(state.params["disc"])}
        opt_state = {**state.opt_state, "disc": cut(state.opt_state["disc"])}
        setting = Setting(
            relu_game(num, dtype),
            params,
            state.net_state,
            jax.tree.map(lambda x: x.astype(dtype), batch),
            Context(
                jax.random.key(0),
                opt_state=opt_state,
                optimizers=tuple(sorted(helpers.adams().items())),
            ),
        )
        found[name] = pull(unrolled(setting.game, num_steps=5), setting, "gen", compiled=True)
    whole, reduced = (
        jax.tree.map(lambda x: x.astype(jnp.float64), found[n]) for n in ("whole", "reduced")
    )
    assert distance(whole, reduced) < (1e-5 if dtype == jnp.float32 else 1e-12)
    if dtype == jnp.float64:
        # Optax's Adam as it comes: right where all units live, NaN everywhere where some do not.
        adam = optax.adam(1e-2, b1=0.5)
        for cut, is_finite in ((alive, True), (lambda tree: tree, False)):
            expected = jax.grad(relu_by_hand)(state.params["gen"], cut, state, adam, batch)
            leaves = jax.tree.leaves(expected)
            assert all(bool(jnp.isfinite(x).all()) == is_finite for x in leaves)
            if is_finite:
                assert distance(whole, expected) < 1e-8


def relu_by_hand(theta: Any, cut: Any, state: Any, optimizer: Any, batch: Any) -> jax.Array:
    psi, opt_state = cut(state.params["disc"]), cut(state.opt_state["disc"])
    fake = hand_mlp(theta, batch["latent"])

    def logits(w: Any, x: Any) -> jax.Array:
        return jnp.maximum(x @ w["w1"] + w["b1"][None], 0.0) @ w["w2"]

    for _ in range(5):
        grads = jax.grad(
            lambda w: jnp.mean(softplus(-logits(w, batch["image"])) + softplus(logits(w, fake)))
        )(psi)
        with jax.numpy_dtype_promotion("standard"):
            updates, opt_state = optimizer.update(grads, opt_state, psi)
            psi = optax.apply_updates(psi, updates)
    return jnp.mean(softplus(-logits(psi, fake)))


def contexts(optimizer: Any, game: Game) -> Context:
    params, _ = jax.eval_shape(game.init, jax.random.key(0))
    opt_state = {"disc": optimizer.init(jax.tree.map(lambda x: jnp.zeros(x.shape), params["disc"]))}
    return Context(jax.random.key(0), opt_state=opt_state, optimizers=(("disc", optimizer),))


@pytest.mark.parametrize(
    ("optimizer", "is_fine"),
    [
        (optax.adam(1e-2), False),
        (optax.adam(1e-2, eps_root=1e-16), True),
        (optax.rmsprop(1e-2, eps_in_sqrt=False), False),
        (optimizers.rmsprop(1e-2), True),
        (optax.sgd(1e-2, momentum=0.9), True),
        (optax.chain(optax.clip_by_global_norm(1.0), optimizers.adam(1e-2)), True),
        # Its norms are per unit, and their derivative is NaN at a dead one in reverse mode only.
        (optax.chain(optax.adaptive_grad_clip(0.01), optax.sgd(1e-2)), False),
    ],
    ids=["adam", "adam_root", "rmsprop_out", "rmsprop", "sgd", "global_clip", "unit_clip"],
)
def test_optimizers_that_a_dead_unit_would_break_are_refused(optimizer: Any, is_fine: bool) -> None:
    game = helpers.mlp_gan(jnp.float64)
    args = (*game.init(jax.random.key(0)), helpers.real_batch(dtype=np.float64))

    def build() -> Any:
        return unrolled(game, num_steps=1, inner=optimizer)

    def play() -> Any:
        field, context = gradient(unrolled(game, num_steps=1)), contexts(optimizer, game)
        return jax.eval_shape(field.apply, args[0], (), *args[1:], context)

    for attempt in (build, play):
        if is_fine:
            attempt()
        else:
            with pytest.raises(ValueError, match=r"inner optimizer.*eps_root"):
                attempt()


# Bad input.


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_steps": -1}, r"num_steps is -1; it must be an integer"),
        ({"num_steps": 2.5}, r"num_steps is 2\.5; it must be an integer"),
        ({"num_steps": True}, r"num_steps is True; it must be an integer"),
        ({"unroll": 0}, r"unroll is 0; it must be an integer"),
        ({"player": "generator"}, r"player is 'generator'; .*\['gen', 'disc'\]|\['disc', 'gen'\]"),
        ({"opponent": "critic"}, r"opponent is 'critic'; the game's players are"),
        ({"opponent": "gen"}, r"player and opponent are both 'gen'; they must differ"),
        ({"mode": "second_order"}, r"mode is 'second_order'; .*'exact' or 'first_order'"),
        ({"inner_state": "old"}, r"inner_state is 'old'; .*'live' or 'fresh'"),
        ({"inner_batch": "new"}, r"inner_batch is 'new'; .*'same' or 'fresh'"),
    ],
)
def test_wrong_arguments_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        unrolled(jaxgan.bilinear(), **{"num_steps": 5, **options})


@pytest.mark.parametrize(
    ("options", "without", "message"),
    [
        ({}, ("optimizers",), r"no optimizer of 'disc' .*give inner="),
        ({}, ("opt_state",), r"no live optimizer state of 'disc'; .*inner_state='fresh'"),
        ({"inner": optimizers.sgd(0.1)}, (), r"state of 'disc' is not one of the inner .*'fresh'"),
        (
            {"inner_batch": "fresh"},
            (),
            r"inner_batch is 'fresh': .*\[8\] does not split .*= 3 parts",
        ),
    ],
)
def test_what_cannot_be_played_is_refused(
    options: dict[str, Any], without: tuple[str, ...], message: str
) -> None:
    setting = trained()
    kept = {"opt_state": setting.context.opt_state, "optimizers": setting.context.optimizers}
    context = Context(jax.random.key(0), **{k: v for k, v in kept.items() if k not in without})
    field = gradient(unrolled(setting.game, num_steps=2, **options))
    with pytest.raises(ValueError, match=message):
        jax.eval_shape(field.apply, setting.params, (), setting.net_state, setting.batch, context)


def test_learning_rates_may_be_traced(float64: None) -> None:
    rates = jnp.asarray([0.1, 0.3])

    def step(rate: jax.Array) -> jax.Array:
        algorithm = jaxgan.simultaneous(
            gradient(jaxgan.unrolled(jaxgan.bilinear(), num_steps=3)), optimizers=helpers.sgds(rate)
        )
        return algorithm.step(algorithm.init(jax.random.key(0)), {})[0].params["gen"]

    # y goes to y + 3 η x, so x descends x (y + 3 η x): by y + 6 η x.
    moved = jax.vmap(step)(rates)
    np.testing.assert_allclose(moved[:, 0], 1 - rates * (1 + 6 * rates), rtol=1e-12)
