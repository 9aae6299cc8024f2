"""Examples that are trees of arrays: as the same numbers in one array, wherever that is defined."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import Context, Game, Network, data, games, penalties
from jaxgan.augment import adjustable, bgc
from jaxgan.core.examples import example_mean, num_examples
from jaxgan.games import with_penalty
from jaxgan.penalties import Penalty
from tests import helpers

NUM, LATENT = 8, 3
CONTEXT = Context(jax.random.key(1))


def split(x: jax.Array) -> dict[str, jax.Array]:
    """Two numbers and a row of three."""
    return {"point": x[:, :2], "row": x[:, 2:].reshape(-1, 3, 1)}


def joined(x: Any) -> jax.Array:
    if not isinstance(x, dict):
        return x
    return jnp.concatenate([x["point"], x["row"].reshape(-1, 3)], axis=1)


def game_of(is_tree: bool) -> Game:
    def gen(w: Any, state: Any, z: Any, **_: Any) -> Any:
        made = jnp.tanh(z @ w)
        return (split(made) if is_tree else made), state

    def disc(w: Any, state: Any, x: Any, **_: Any) -> Any:
        assert isinstance(x, dict) == is_tree
        return jnp.tanh(joined(x)) @ w, state

    return jaxgan.gan(
        Network(init=lambda key: (jax.random.normal(key, (LATENT, 5)), {}), apply=gen),
        Network(init=lambda key: (jax.random.normal(key, (5,)), {}), apply=disc),
        latent=LATENT,
    )


def batch_of(is_tree: bool) -> dict[str, Any]:
    x = jnp.asarray(np.random.default_rng(0).normal(size=(NUM, 5)), jnp.float32)
    return {"image": split(x) if is_tree else x}


def halved(key: Any, x: Any) -> Any:
    return jax.tree.map(lambda leaf: 0.5 * leaf * jax.random.uniform(key), x)


SAME: dict[str, Callable[[], Penalty]] = {
    "r1": penalties.r1,
    "r2": penalties.r2,
    "wgan_gp": penalties.wgan_gp,
    "zero_centered_gp": penalties.zero_centered_gp,
    "max_gp": penalties.max_gp,
    "mode_seeking": penalties.mode_seeking,
    "consistency": lambda: penalties.balanced_consistency(halved),
    "latent_consistency": penalties.latent_consistency,
}


def pull(game: Game, batch: Any) -> Any:
    params, net_state = game.init(jax.random.key(0))
    grads, _, (_, metrics) = jaxgan.gradient(game).apply(params, (), net_state, batch, CONTEXT)
    return grads, metrics


def test_terms_of_trees_are_those_of_the_same_numbers_in_one_array() -> None:
    terms = Penalty(tuple(term for make in SAME.values() for term in make().terms))

    @jax.jit
    def both() -> Any:
        return [pull(with_penalty(game_of(tree), terms), batch_of(tree)) for tree in (True, False)]

    (tree, tree_metrics), (array, array_metrics) = both()
    names = {name for own in tree_metrics.values() for name in own}
    assert {term.name for term in terms.terms} <= names
    for found, expected in ((tree, array), (tree_metrics, array_metrics)):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-4), found, expected)


def test_every_part_has_its_own_noise() -> None:
    seen: list[Any] = []

    def disc(w: Any, state: Any, x: Any, **_: Any) -> Any:
        seen.append(x)
        return jnp.zeros(NUM), state

    same = {"point": jnp.zeros((NUM, 2)), "row": jnp.zeros((NUM, 2))}
    gen = Network(init=lambda key: (jnp.zeros(()), {}), apply=lambda w, s, z, **_: (same, s))
    game = jaxgan.gan(gen, Network(init=lambda key: (jnp.zeros(()), {}), apply=disc), latent=5)
    pull(games.instance_noise(game, std=0.5), {"image": same})
    noise = [np.asarray(leaf) for x in seen for leaf in x.values()]
    assert len(noise) == 4  # of real and generated examples
    assert len(np.unique(np.stack(noise))) == 4 * NUM * 2
    assert 0.3 < np.std(noise) < 0.7


WRAPS: dict[str, Callable[[Game], Game]] = {
    "apa": lambda game: games.apa(games.augmented(game, halved)),
    "ada": lambda game: games.ada(game, augment=adjustable(halved)),
    "terms": lambda game: with_penalty(game, penalties.dragan() + penalties.path_length()),
    "balanced": lambda game: jaxgan.balanced(game, penalties.latent_consistency(), player="gen"),
}


@pytest.mark.parametrize("name", helpers.rows(WRAPS, ["apa", "balanced"]))
def test_games_of_trees_train(name: str) -> None:
    algorithm = jaxgan.simultaneous(
        jaxgan.gradient(WRAPS[name](game_of(True))), optimizers=helpers.sgds(0.1)
    )
    state = algorithm.init(jax.random.key(0))
    moved, metrics = jax.jit(algorithm.step)(state, batch_of(True))
    assert helpers.max_difference(moved.params, state.params) > 1e-4
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((moved.params, metrics)))


def test_parts_that_do_not_fit_are_refused_by_shape() -> None:
    game, batch = game_of(True), batch_of(True)
    batch["image"]["row"] = batch["image"]["row"][:, :2]
    words = r"the generator makes examples of shape {'point': \(2,\), 'row': \(3, 1\)}; the data's"
    with pytest.raises(ValueError, match=words):
        pull(game, batch)
    with pytest.raises(ValueError, match=r"ada: examples have shape {'point': .* it takes images"):
        pull(games.ada(game_of(True), augment=bgc()), batch_of(True))
    with pytest.raises(ValueError, match=r"shapes .*; they must share their first axis$"):
        num_examples({"a": jnp.zeros(2), "b": jnp.zeros(3)})


def test_the_mean_of_an_example_counts_elements() -> None:
    x = np.random.default_rng(0).normal(size=(NUM, 5)).astype(np.float32)
    np.testing.assert_allclose(example_mean(split(x)), x.mean(axis=1), rtol=1e-5, atol=1e-7)


def test_data_in_memory_may_be_trees_and_sequences() -> None:
    draw = np.random.default_rng(0)
    parts = {"point": draw.normal(size=(20, 2)), "row": draw.uniform(-1, 1, (20, 3, 1))}
    source = data.array_source("mine", parts, np.arange(20) % 2)
    assert source.element_spec["image"]["row"].shape == (3, 1)
    batches = data.prefetch_to_device(data.pipeline(source, batch_size=NUM, seed=0))
    batch = next(batches)
    assert set(batch) == {"image", "label"}
    is_same = [
        np.abs(parts["point"] - x).sum(axis=1) < 1e-5 for x in np.asarray(batch["image"]["point"])
    ]
    chosen = [int(np.argmax(row)) for row in is_same]
    np.testing.assert_allclose(batch["image"]["row"], parts["row"][chosen], rtol=1e-6)
    np.testing.assert_array_equal(batch["label"], np.asarray(chosen) % 2)
    algorithm = jaxgan.simultaneous(jaxgan.gradient(game_of(True)), optimizers=helpers.sgds(0.1))
    moved, _ = algorithm.step(algorithm.init(jax.random.key(0)), batch)
    assert int(moved.step) == 1
    sequences = data.array_source("sequences", parts["row"])
    assert sequences.read(np.arange(3))["image"].shape == (3, 3, 1)
    with pytest.raises(data.DataError, match=r"^mine: arrays of 2 and 3 examples; "):
        data.array_source("mine", {"a": np.zeros((2, 1)), "b": np.zeros((3, 1))})
    with pytest.raises(data.DataError, match=r"^mine/b: 1 NaN or infinite"):
        data.array_source("mine", {"a": np.zeros((2, 1)), "b": np.array([[0.0], [np.nan]])})


def test_samples_need_no_data() -> None:
    game = game_of(True)
    params, net_state = game.init(jax.random.key(0))
    scene, _ = game.generate(params, net_state, {"latent": jnp.ones((2, LATENT))}, CONTEXT)
    assert scene["real"] is None
    assert scene["fake"]["row"].shape == (2, 3, 1)
