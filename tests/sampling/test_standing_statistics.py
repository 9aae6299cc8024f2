"""Standing statistics against means over the same batches, drawn by hand."""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import TrainState, from_linen, gan
from jaxgan.core.state import Context, stream
from jaxgan.models.layers import ConditionalBatchNorm, Dense
from jaxgan.sampling.standing_statistics import standing_statistics
from tests.helpers import mlp_gan

CLASSES, NUM, BATCH = 3, 4, 8
SPEC = {
    "image": jax.ShapeDtypeStruct((2,), jnp.float32),
    "label": jax.ShapeDtypeStruct((), jnp.int32),
}


class Generator(nn.Module):
    """Two batch norms of other momenta, one told the class, and what is no statistic."""

    @nn.compact
    def __call__(self, z: jax.Array, label: jax.Array, train: bool = True) -> jax.Array:
        self.sow("seen", "input", z)
        h = nn.BatchNorm(not train, momentum=0.99, name="first")(2 * z + 1)
        h = Dense(2)(nn.relu(h))
        return ConditionalBatchNorm(CLASSES, momentum=0.5, name="second")(h, label, train)


class Discriminator(nn.Module):
    @nn.compact
    def __call__(self, x: jax.Array, label: jax.Array) -> jax.Array:
        return Dense(1)(x)[:, 0]


def make() -> tuple[Any, TrainState]:
    label = jnp.zeros(1, jnp.int32)
    gen = from_linen(Generator(), jnp.zeros((1, 2)), label)
    disc = from_linen(Discriminator(), jnp.zeros((1, 2)), label)
    game = gan(gen, disc, latent=2, num_classes=CLASSES)
    params, net_state = game.init(jax.random.key(0))
    params = jax.tree.map(lambda p: p + 0.3 * jnp.cos(jnp.arange(p.size)).reshape(p.shape), params)
    return game, TrainState(
        step=jnp.int32(7),
        key=jax.random.key(1),
        params=params,
        net_state=net_state,
        opt_state={},
        memory=(),
        ema={},
    )


def settle(game: Any, state: TrainState) -> TrainState:
    return standing_statistics(
        jax.random.key(2),
        game,
        state,
        SPEC,
        num_batches=NUM,
        batch_size=BATCH,
        num_classes=CLASSES,
    )


def test_they_are_means_over_batches() -> None:
    game, state = make()
    found = settle(game, state)
    means, variances, mixed = [], [], []
    for i in range(NUM):
        key = stream(jax.random.key(2), "standing", i)
        z = np.asarray(jax.random.normal(Context(key).stream("latent"), (BATCH, 2)))
        h = 2 * z + 1
        means.append(h.mean(0))
        variances.append(h.var(0))
        params = jax.tree.map(np.asarray, state.params["gen"])
        normed = (h - h.mean(0)) / np.sqrt(h.var(0) + 1e-5)
        h = np.maximum(normed * params["first"]["scale"] + params["first"]["bias"], 0)
        dense = params["Dense_0"]
        mixed.append((h @ dense["kernel"] + dense["bias"]).var(0))
    own = found.net_state["gen"]["network"]["batch_stats"]
    np.testing.assert_allclose(own["first"]["mean"], np.mean(means, 0), rtol=1e-4)
    np.testing.assert_allclose(own["first"]["var"], np.mean(variances, 0), rtol=1e-4)
    second = own["second"]["BatchNorm_0"]
    np.testing.assert_allclose(second["var"], np.mean(mixed, 0), rtol=1e-4)


def test_nothing_else_changes_and_where_they_began_does_not_matter() -> None:
    game, state = make()
    found = settle(game, state)
    again = settle(game, found)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(again), strict=True):
        if jnp.issubdtype(one.dtype, jnp.floating):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    rest = found.net_state["gen"]["network"]["seen"]
    np.testing.assert_array_equal(
        jax.tree.leaves(rest)[0], jax.tree.leaves(state.net_state["gen"]["network"]["seen"])[0]
    )
    np.testing.assert_array_equal(
        found.params["gen"]["first"]["scale"], state.params["gen"]["first"]["scale"]
    )


def test_those_of_the_average_are_of_its_weights() -> None:
    game, state = make()
    other = jax.tree.map(lambda p: 2 * p, state.params["gen"])
    kept = {"params": other, "net_state": state.net_state["gen"]}
    found = settle(game, state._replace(ema={"gen": kept}))
    expected = settle(game, state._replace(params={**state.params, "gen": other}))
    average = found.ema["gen"]["net_state"]["network"]["batch_stats"]
    live = expected.net_state["gen"]["network"]["batch_stats"]
    np.testing.assert_allclose(
        average["second"]["BatchNorm_0"]["mean"], live["second"]["BatchNorm_0"]["mean"], rtol=1e-5
    )
    untouched = found.net_state["gen"]["network"]["batch_stats"]["first"]["mean"]
    np.testing.assert_array_equal(untouched, np.zeros(2))


def test_what_is_refused() -> None:
    game, state = make()
    with pytest.raises(ValueError, match="num_batches is 0; it must be at least 1"):
        standing_statistics(jax.random.key(0), game, state, SPEC, num_batches=0)
    plain = mlp_gan()
    params, net_state = plain.init(jax.random.key(0))
    state = TrainState(
        step=jnp.int32(0),
        key=jax.random.key(1),
        params=params,
        net_state=net_state,
        opt_state={},
        memory=(),
        ema={},
    )
    with pytest.raises(ValueError, match="player 'gen' has no batch statistics"):
        standing_statistics(jax.random.key(0), plain, state, {"image": SPEC["image"]})
