"""Terms as strong as the loss that they join."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import Context, Game, Network, Penalty, balanced, losses
from jaxgan.games import with_penalty
from jaxgan.penalties import Term, View, historical_averaging, path_length
from tests import helpers
from tests.contracts.terms import points, rich_batch, rich_game

CONTEXT = Context(jax.random.key(0))
TARGET = np.array([2.0, -1.0])
SLOPE = np.array([3.0, -4.0])
CALLS: list[tuple[int, ...]] = []


def linear_game() -> Game:
    """G(z) = z A, D(x) = x·w with the Wasserstein loss: the slope of L_gen at a fake is -w / B."""

    def disc(w: Any, state: Any, x: Any, *, train: bool = True, key: Any = None) -> Any:
        CALLS.append(x.shape)
        return x @ w, state

    def gen(w: Any, state: Any, z: Any, *, train: bool = True, key: Any = None) -> Any:
        return z @ w["a"], state

    return jaxgan.gan(
        Network(init=lambda key: ({"a": jnp.asarray(points(1, (3, 2)))}, {}), apply=gen),
        Network(init=lambda key: (jnp.asarray(SLOPE), {}), apply=disc),
        latent=3,
        loss=losses.wasserstein(),
    )


def to_target(weight: float = 1.0, name: str = "to_target", **options: Any) -> Penalty:
    """½ |G(z) - t|², of slope (G(z) - t) / B."""

    def values(view: View, state: Any) -> tuple[jax.Array, Any]:
        return 0.5 * jnp.sum((view.scene["fake"] - TARGET[None]) ** 2, axis=1), state

    return Penalty((Term(name=name, values=values, weight=weight, players=("gen",), **options),))


def played(game: Game, params: Any = None) -> Any:
    own, net_state = game.init(CONTEXT.key)

    def evaluate(params: Any) -> Any:
        batch = helpers.real_batch(dtype=np.float64)
        scene, state = game.generate(params, net_state, batch, CONTEXT)
        values, (state, metrics, _) = game.losses(params, state, scene, CONTEXT)
        return values["gen"], (values, metrics, scene, state)

    (_, rest), grads = jax.value_and_grad(evaluate, has_aux=True)(own if params is None else params)
    return (*rest, grads)


def expected_weight(fake: np.ndarray, ratio: float) -> float:
    return ratio * np.linalg.norm(SLOPE) * np.sqrt(len(fake)) / np.linalg.norm(fake - TARGET)


@pytest.mark.parametrize("ratio", [0.0, 1.0, 0.3])
def test_the_weight_is_the_closed_form(ratio: float, float64: None) -> None:
    values, metrics, scene, _, grads = played(balanced(linear_game(), to_target(), ratio=ratio))
    bare, _, _, _, bare_grads = played(linear_game())
    fake, z = np.asarray(scene["fake"]), np.asarray(scene["latent"])
    weight = expected_weight(fake, ratio)
    np.testing.assert_allclose(metrics["gen"]["to_target_weight"], weight, rtol=1e-12)
    term = np.mean(np.sum((fake - TARGET) ** 2, axis=1)) / 2
    np.testing.assert_allclose(metrics["gen"]["to_target"], weight * term, rtol=1e-12)
    np.testing.assert_allclose(values["gen"] - bare["gen"], weight * term, rtol=1e-9, atol=1e-12)
    assert values["disc"] == bare["disc"]
    # The weight is held constant: the slope is the weighted sum of the two slopes.
    extra = np.asarray(grads["gen"]["a"]) - np.asarray(bare_grads["gen"]["a"])
    slope = weight * z.T @ (fake - TARGET) / len(z)
    np.testing.assert_allclose(extra, slope, rtol=1e-9, atol=1e-12)


@pytest.mark.slow
def test_the_two_slopes_are_of_that_ratio_in_a_deep_game(float64: None) -> None:
    game, penalty = rich_game(), jaxgan.auxiliary.feature_matching(weight=7.0)
    params, net_state = game.init(CONTEXT.key)
    scene, _ = game.generate(params, net_state, rich_batch(), CONTEXT)

    def slope(game: Game) -> np.ndarray:
        def loss(fake: jax.Array) -> jax.Array:
            return game.losses(params, net_state, {**scene, "fake": fake}, CONTEXT)[0]["gen"]

        return np.asarray(jax.grad(loss)(scene["fake"]))

    both = balanced(game, penalty, ratio=0.5)
    own = slope(both) - slope(game)
    np.testing.assert_allclose(np.linalg.norm(own), 0.5 * np.linalg.norm(slope(game)), rtol=1e-9)
    fixed = slope(with_penalty(game, penalty)) - slope(game)
    cosine = np.sum(own * fixed) / np.linalg.norm(own) / np.linalg.norm(fixed)
    np.testing.assert_allclose(cosine, 1.0, rtol=1e-9)
    _, (_, metrics, _) = jax.jit(both.losses)(params, net_state, scene, CONTEXT)
    ratio = np.linalg.norm(own) / np.linalg.norm(fixed)
    np.testing.assert_allclose(metrics["gen"]["feature_matching_weight"], ratio, rtol=1e-9)


def test_weights_of_terms_count_among_themselves_only(float64: None) -> None:
    def found(scale: float) -> Any:
        penalty = scale * (to_target(1.0, "a") + to_target(3.0, "b"))
        return played(balanced(linear_game(), penalty))[1]["gen"]

    one, other = found(1.0), found(100.0)
    np.testing.assert_allclose(one["a"], other["a"], rtol=1e-12)
    np.testing.assert_allclose(one["b"], 3 * one["a"], rtol=1e-12)
    np.testing.assert_allclose(one["a_b_weight"], 100 * other["a_b_weight"], rtol=1e-12)


def test_the_weight_is_clipped_and_zero_where_a_term_looks_elsewhere(float64: None) -> None:
    weak = played(balanced(linear_game(), 1e-9 * to_target()))[1]["gen"]
    assert float(weak["to_target_weight"]) == 1e4
    values, metrics, _, _, grads = played(balanced(linear_game(), path_length()))
    assert float(metrics["gen"]["path_length_weight"]) == 0.0
    assert np.isfinite(np.asarray(grads["gen"]["a"])).all()
    assert np.isfinite(values["gen"])


def test_the_discriminator_is_evaluated_once_for_both(float64: None) -> None:
    counts = []
    for game in (linear_game(), balanced(linear_game(), to_target())):
        params, net_state = game.init(CONTEXT.key)
        batch = helpers.real_batch(dtype=np.float64)
        scene, _ = game.generate(params, net_state, batch, CONTEXT)
        CALLS.clear()
        jax.make_jaxpr(game.losses)(params, net_state, scene, CONTEXT)
        counts.append(len(CALLS))
    assert counts == [2, 2]  # the real and the fake examples


def test_it_trains_stacks_and_remembers() -> None:
    penalty = jaxgan.auxiliary.feature_matching() + historical_averaging(player="gen")
    game = jaxgan.unrolled(
        balanced(with_penalty(rich_game(), jaxgan.penalties.r1()), penalty), num_steps=1
    )
    field = jaxgan.fields.consensus(jaxgan.gradient(game), gamma=0.1)
    algorithm = jaxgan.simultaneous(field, optimizers=helpers.sgds(0.01))
    state, step = algorithm.init(jax.random.key(0)), jax.jit(algorithm.step)
    for _ in range(2):
        state, metrics = step(state, rich_batch())
    assert float(state.net_state["gen"]["historical_averaging_gen"]["count"]) == 2.0
    assert float(metrics["gen/feature_matching_historical_averaging_gen_weight"]) > 0
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state.params))
    assert game.couples_batch
    assert not game.is_zero_sum


def test_what_cannot_be_balanced_is_refused() -> None:
    with pytest.raises(ValueError, match=r"ratio is -1\.0; it must be at least 0"):
        balanced(rich_game(), to_target(), ratio=-1.0)
    with pytest.raises(ValueError, match="to_target: every is above 1"):
        balanced(rich_game(), to_target(every=4))
    with pytest.raises(ValueError, match="player is 'critic'"):
        balanced(rich_game(), to_target(), player="critic")
    with pytest.raises(ValueError, match="each name may appear once"):
        balanced(rich_game(), to_target() + to_target())
    game = balanced(jaxgan.bilinear(), to_target())
    params, net_state = game.init(jax.random.key(0))
    with pytest.raises(ValueError, match="balanced needs a game with generated examples"):
        game.losses(params, net_state, {}, CONTEXT)
