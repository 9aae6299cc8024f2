"""Modules of other people's are told whether they train, whatever they call it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxgan import Network, from_linen, from_nnx

X = np.random.default_rng(0).normal(3.0, 1.0, (16, 5)).astype(np.float32)


def body(x: jax.Array, train: bool) -> jax.Array:
    x = nn.BatchNorm(use_running_average=not train, momentum=0.5)(x)
    return nn.Dropout(0.5, deterministic=not train)(x)


class Train(nn.Module):
    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        return body(x, train)


class Training(nn.Module):
    @nn.compact
    def __call__(self, x: jax.Array, *, training: bool) -> jax.Array:
        return body(x, training)


class IsTraining(nn.Module):
    @nn.compact
    def __call__(self, x: jax.Array, is_training: bool = False) -> jax.Array:
        return body(x, is_training)


class UpdateStats(nn.Module):
    @nn.compact
    def __call__(self, x: jax.Array, update_stats: bool) -> jax.Array:
        return body(x, update_stats)


class Deterministic(nn.Module):
    @nn.compact
    def __call__(self, x: jax.Array, deterministic: bool = True) -> jax.Array:
        return body(x, not deterministic)


class UseRunningAverage(nn.Module):
    @nn.compact
    def __call__(self, x: jax.Array, use_running_average: bool = True) -> jax.Array:
        return body(x, not use_running_average)


class Both(nn.Module):
    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False, deterministic: bool = True) -> jax.Array:
        assert train != deterministic
        return body(x, train)


class Attribute(nn.Module):
    deterministic: bool = True

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        return body(x, not self.deterministic)


class NnxArgument(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.norm = nnx.BatchNorm(5, momentum=0.5, rngs=rngs)
        self.dropout = nnx.Dropout(0.5, rngs=rngs)

    def __call__(self, x: jax.Array, deterministic: bool = True) -> jax.Array:
        x = self.norm(x, use_running_average=deterministic)
        return self.dropout(x, deterministic=deterministic)


class NnxAttribute(NnxArgument):
    def __init__(self, rngs: nnx.Rngs) -> None:
        super().__init__(rngs)
        self.is_training = False

    def __call__(self, x: jax.Array, deterministic: bool | None = None) -> jax.Array:
        return super().__call__(x, deterministic=not self.is_training)


LINEN = (
    *(Train, Training, IsTraining, UpdateStats),
    *(Deterministic, UseRunningAverage, Both, Attribute),
)


def of_linen(module: Callable[[], nn.Module]) -> Network:
    return from_linen(module(), X)


NETWORKS = {
    **{module.__name__: partial(of_linen, module) for module in LINEN},
    "NnxArgument": lambda: from_nnx(NnxArgument),
    "NnxAttribute": lambda: from_nnx(NnxAttribute),
}


def check_modes(network: Network) -> None:
    params, net_state = network.init(jax.random.key(0))
    assert network.couples_batch
    y, moved = network.apply(params, net_state, X, key=jax.random.key(1))
    dropped = np.mean(np.asarray(y) == 0)
    assert 0.3 < dropped < 0.7
    # Each of the rest is x in deviations of this batch, twice.
    expected = 2 * (X - X.mean(axis=0)) / np.sqrt(X.var(axis=0) + 1e-5)
    np.testing.assert_allclose(y, np.where(np.asarray(y) == 0, 0, expected), atol=1e-4)
    means = [np.asarray(leaf) for leaf in jax.tree.leaves(moved)]
    assert any(np.allclose(mean, 0.5 * X.mean(axis=0), atol=1e-5) for mean in means)
    y, kept = network.apply(params, net_state, X, train=False)
    np.testing.assert_allclose(y, X / np.sqrt(1 + 1e-5), rtol=1e-5)  # running statistics: 0 and 1
    jax.tree.map(np.testing.assert_array_equal, kept, net_state)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_module_is_told_whether_it_trains(name: str) -> None:
    check_modes(NETWORKS[name]())


def test_flax_layers_are_told_too() -> None:
    dropout = from_linen(nn.Dropout(0.5), X)
    params, net_state = dropout.init(jax.random.key(0))
    y, _ = dropout.apply(params, net_state, X, key=jax.random.key(1))
    assert (np.asarray(y) == 0).any()
    np.testing.assert_array_equal(dropout.apply(params, net_state, X, train=False)[0], X)
    spectral = from_linen(nn.SpectralNorm(nn.Dense(3)), X)
    params, net_state = spectral.init(jax.random.key(0))
    _, moved = spectral.apply(params, net_state, X)
    _, kept = spectral.apply(params, net_state, X, train=False)
    assert any(
        (a != b).any()
        for a, b in zip(jax.tree.leaves(moved), jax.tree.leaves(net_state), strict=True)
    )
    jax.tree.map(np.testing.assert_array_equal, kept, net_state)


def test_what_the_constructor_says_holds() -> None:
    for fixed in (True, False):
        dropout = from_linen(nn.Dropout(0.5, deterministic=fixed), X)
        params, net_state = dropout.init(jax.random.key(0))
        y, _ = dropout.apply(params, net_state, X, key=jax.random.key(1))
        assert (np.asarray(y) == X).all() == fixed


class Needs(nn.Module):
    @nn.compact
    def __call__(self, x: jax.Array, mode: str, scale: float = 2.0) -> jax.Array:
        return scale * x


class NeedsByKeyword(nn.Module):
    @nn.compact
    def __call__(self, x: jax.Array, *, mode: str) -> jax.Array:
        return x


class NnxNeeds(nnx.Module):
    def __call__(self, x: jax.Array, mode: str) -> jax.Array:
        return x


class TrainFirst(nn.Module):
    @nn.compact
    def __call__(self, x: jax.Array, train: bool, label: Any) -> jax.Array:
        return x


def test_what_cannot_be_told_is_refused_in_one_line() -> None:
    words = "^{}.__call__ needs 'mode'; it must be an input, have a default, or be one of tr.*$"
    for module in (Needs, NeedsByKeyword):
        with pytest.raises(ValueError, match=words.format(module.__name__)):
            from_linen(module(), X)
    network = from_nnx(lambda rngs: NnxNeeds())
    with pytest.raises(ValueError, match=words.format("NnxNeeds")):
        network.apply(*network.init(jax.random.key(0)), X)
    with pytest.raises(ValueError, match=r"^TrainFirst.__call__ takes 'train' among its first 2 "):
        from_linen(TrainFirst(), X, X)
    from_linen(Needs(), X, X)  # an input like any other
    assert from_linen(nn.Sequential([nn.Dense(2)]), jnp.zeros((1, 2))).detached == ()
