"""What many tests share: a GAN of a few dozen parameters, its data, and how to compare states."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import Algorithm, Game, Loss, Network, Penalty, TrainState, from_linen, optimizers


def rows(names: Iterable[Any], slow: Sequence[Any]) -> list[Any]:
    """The rows of a table; those named `slow` add little to the others, and wait for their turn."""
    names = list(names)
    assert set(slow) <= set(names)
    return [pytest.param(n, marks=pytest.mark.slow) if n in slow else n for n in names]


LATENT = 3
DIM = 2
BATCH = 8


class Mlp(nn.Module):
    """Dense layers with tanh between (smooth, so that finite differences hold)."""

    features: Sequence[int]
    dtype: Any = jnp.float32
    batch_norm: bool = False
    dropout: float = 0.0
    squeeze: bool = False

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = True) -> jax.Array:
        for width in self.features[:-1]:
            # A bias in front of batch norm has gradient zero, and Adam would normalise its noise.
            x = nn.Dense(width, use_bias=not self.batch_norm, param_dtype=self.dtype)(x)
            if self.batch_norm:
                x = nn.BatchNorm(
                    use_running_average=not train,
                    momentum=0.9,
                    dtype=self.dtype,
                    param_dtype=self.dtype,
                    force_float32_reductions=self.dtype == jnp.float32,
                )(x)
            x = jnp.tanh(x)
            if self.dropout:
                x = nn.Dropout(self.dropout, deterministic=not train)(x)
        x = nn.Dense(self.features[-1], param_dtype=self.dtype)(x)
        return x[:, 0] if self.squeeze else x


def mlp_gen(dtype: Any = jnp.float32, **options: Any) -> Network:
    module = Mlp((8, DIM), dtype, **options)
    return from_linen(module, jax.ShapeDtypeStruct((2, LATENT), dtype))


def mlp_disc(dtype: Any = jnp.float32, **options: Any) -> Network:
    module = Mlp((8, 8, 1), dtype, squeeze=True, **options)
    return from_linen(module, jax.ShapeDtypeStruct((2, DIM), dtype))


def mlp_gan(
    dtype: Any = jnp.float32,
    *,
    loss: Loss | None = None,
    penalty: Penalty | None = None,
    gen_batch_norm: bool = False,
    disc_batch_norm: bool = False,
) -> Game:
    game = jaxgan.gan(
        mlp_gen(dtype, batch_norm=gen_batch_norm),
        mlp_disc(dtype, batch_norm=disc_batch_norm),
        latent=lambda key, shape: jax.random.normal(key, (*shape, LATENT), dtype),
        loss=loss,
    )
    return game if penalty is None else jaxgan.with_penalty(game, penalty)


def adams(learning_rate: float = 1e-2) -> dict[str, Any]:
    return {player: optimizers.adam(learning_rate, b1=0.5) for player in ("gen", "disc")}


def sgds(learning_rate: float) -> dict[str, Any]:
    return {player: optimizers.sgd(learning_rate) for player in ("gen", "disc")}


def real_batch(
    leading: tuple[int, ...] = (), seed: int = 0, dtype: Any = np.float32
) -> dict[str, jax.Array]:
    """Points around (1, -1), with whatever axes the algorithm wants in front."""
    noise = np.random.default_rng(seed).normal(size=(*leading, BATCH, DIM))
    return {"image": jnp.asarray(0.5 * noise + np.array([1.0, -1.0]), dtype)}


def run(algorithm: Algorithm, state: TrainState, num_steps: int, dtype: Any = np.float32) -> Any:
    """That many jitted steps, each with its own batch; the last state and all metrics."""
    step = jax.jit(algorithm.step)
    history = []
    for index in range(num_steps):
        batch = real_batch(algorithm.num_batches, seed=index, dtype=dtype)
        state, metrics = step(state, batch)
        history.append(metrics)
    return state, history


def plain(tree: Any) -> Any:
    """The same tree with typed keys as their bits, so that NumPy can compare it."""

    def leaf(x: Any) -> Any:
        is_key = jnp.issubdtype(x.dtype, jax.dtypes.prng_key)
        # A copy: a view would keep the buffer alive and so from being donated.
        return np.array(jax.random.key_data(x) if is_key else x)

    return jax.tree.map(leaf, tree)


def assert_same_bits(tree: Any, other: Any) -> None:
    assert jax.tree.structure(tree) == jax.tree.structure(other)
    pairs = zip(jax.tree.leaves_with_path(plain(tree)), jax.tree.leaves(plain(other)), strict=True)
    for (path, x), y in pairs:
        assert x.dtype == y.dtype, jax.tree_util.keystr(path)
        np.testing.assert_array_equal(x, y, err_msg=jax.tree_util.keystr(path))


def max_difference(tree: Any, other: Any) -> float:
    """The largest absolute difference between two trees of numbers."""
    gaps = jax.tree.map(
        lambda x, y: float(np.max(np.abs(x - y), initial=0.0)) if x.dtype.kind == "f" else 0.0,
        plain(tree),
        plain(other),
    )
    return max(jax.tree.leaves(gaps), default=0.0)


def num_dots(function: Callable[..., Any], *arguments: Any) -> int:
    """Products of matrices that a function needs for what it gives."""
    jaxpr = jax.make_jaxpr(function)(*arguments).jaxpr
    live, _ = jax.interpreters.partial_eval.dce_jaxpr(jaxpr, [True] * len(jaxpr.outvars))
    return _count_dots(live)


def _count_dots(jaxpr: Any) -> int:
    total = 0
    for equation in jaxpr.eqns:
        repeats = equation.params["length"] if equation.primitive.name == "scan" else 1
        total += equation.primitive.name == "dot_general"
        for value in equation.params.values():
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                total += repeats * _count_dots(inner)
    return total
