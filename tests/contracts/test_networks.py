"""One contract for both of Flax's module systems: the same tests over Linen and over NNX."""

from __future__ import annotations

from typing import Any

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxgan import Network, from_linen, from_nnx

NUM, DIM, WIDTH = 16, 4, 3
RATE, MOMENTUM, EPSILON = 0.5, 0.9, 1e-5


class LinenModule(nn.Module):
    """Batch norm of the input itself, so that its statistics are known in closed form."""

    batch_norm: bool
    dropout: bool

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        if self.batch_norm:
            x = nn.BatchNorm(not train, momentum=MOMENTUM, epsilon=EPSILON)(x)
        if self.dropout:
            x = nn.Dropout(RATE, deterministic=not train)(x)
        calls = self.variable("calls", "count", lambda: jnp.zeros(()))
        if train and not self.is_initializing():
            calls.value = calls.value + 1.0
        return nn.Dense(WIDTH)(x)


class Calls(nnx.Variable):
    pass


class NnxModule(nnx.Module):
    def __init__(self, batch_norm: bool, dropout: bool, rngs: nnx.Rngs) -> None:
        norm = nnx.BatchNorm(DIM, momentum=MOMENTUM, epsilon=EPSILON, rngs=rngs)
        self.norm = norm if batch_norm else None
        self.dropout = nnx.Dropout(RATE, rngs=rngs) if dropout else None
        self.calls = Calls(jnp.zeros(()))
        self.dense = nnx.Linear(DIM, WIDTH, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = x if self.norm is None else self.norm(x)
        x = x if self.dropout is None else self.dropout(x)
        self.calls[...] = self.calls[...] + 1.0
        return self.dense(x)


def make(kind: str, *, batch_norm: bool = False, dropout: bool = False) -> Network:
    if kind == "linen":
        return from_linen(LinenModule(batch_norm, dropout), jnp.zeros((1, DIM)))
    return from_nnx(lambda rngs: NnxModule(batch_norm, dropout, rngs))


def inputs(seed: int = 0) -> jax.Array:
    draw = np.random.default_rng(seed).normal(loc=2.0, scale=3.0, size=(NUM, DIM))
    return jnp.asarray(draw, jnp.float32)


def key(seed: int) -> jax.Array:
    return jax.random.key(seed)


def the_leaf(tree: Any, name: str) -> np.ndarray:
    """The one leaf whose path ends in `name`, whatever the module system calls the way there."""
    leaves = jax.tree.leaves_with_path(tree)
    (found,) = [leaf for path, leaf in leaves if jax.tree_util.keystr(path[-1:]) == f"['{name}']"]
    return np.asarray(found)


BOTH = pytest.mark.parametrize("kind", ["linen", "nnx"])
PARTS = pytest.mark.parametrize(
    "parts",
    [{}, {"batch_norm": True, "dropout": True}],
    ids=["plain", "norm+dropout"],
)


@BOTH
@PARTS
def test_init_depends_on_the_key_alone(kind: str, parts: dict[str, bool]) -> None:
    network = make(kind, **parts)
    first = network.init(key(0))
    chex.assert_trees_all_equal(first, network.init(key(0)), make(kind, **parts).init(key(0)))
    kernels = [the_leaf(network.init(key(seed))[0], "kernel") for seed in (0, 1)]
    assert np.abs(kernels[0] - kernels[1]).max() > 0.1
    chex.assert_trees_all_equal_shapes_and_dtypes(first, network.init(key(1)))


@BOTH
@PARTS
def test_apply_is_pure(kind: str, parts: dict[str, bool]) -> None:
    network = make(kind, **parts)
    params, net_state = network.init(key(0))
    before = jax.tree.map(np.array, (params, net_state))
    eager = network.apply(params, net_state, inputs(), train=True, key=key(1))
    again = network.apply(params, net_state, inputs(), train=True, key=key(1))
    chex.assert_trees_all_equal(eager, again)
    chex.assert_trees_all_equal(before, jax.tree.map(np.array, (params, net_state)))
    jitted = jax.jit(network.apply, static_argnames="train")
    chex.assert_trees_all_close(
        jitted(params, net_state, inputs(), train=True, key=key(1)), eager, rtol=1e-5, atol=1e-5
    )
    assert eager[0].shape == (NUM, WIDTH)
    chex.assert_trees_all_equal_shapes_and_dtypes(eager[1], net_state)


@BOTH
@PARTS
def test_the_gradient_is_that_of_finite_differences(kind: str, parts: dict[str, bool]) -> None:
    network = make(kind, **parts)
    params, net_state = network.init(key(0))

    @jax.jit
    def loss(params: Any) -> jax.Array:
        output, _ = network.apply(params, net_state, inputs(), train=True, key=key(1))
        return jnp.mean(output**2)

    grads = jax.grad(loss)(params)
    chex.assert_trees_all_equal_shapes_and_dtypes(grads, params)
    h = 1e-2
    moved = [jax.tree.map(lambda p, g, s=s: p + s * h * g, params, grads) for s in (1, -1)]
    slope = (loss(moved[0]) - loss(moved[1])) / (2 * h)
    squares = sum(jnp.sum(g**2) for g in jax.tree.leaves(grads))
    np.testing.assert_allclose(slope, squares, rtol=2e-2)


@BOTH
@PARTS
def test_vmap_over_seeds_is_each_seed(kind: str, parts: dict[str, bool]) -> None:
    network = make(kind, **parts)

    def forward(seed: jax.Array) -> Any:
        params, net_state = network.init(seed)
        return network.apply(params, net_state, inputs(), train=True, key=seed)

    keys = jax.random.split(key(0), 3)
    together = jax.jit(jax.vmap(forward))(keys)
    for index in range(3):
        one = jax.tree.map(lambda x, i=index: x[i], together)
        chex.assert_trees_all_close(one, forward(keys[index]), rtol=1e-4, atol=1e-4)


@BOTH
def test_batch_norm_tracks_and_then_uses_running_statistics(kind: str) -> None:
    network = make(kind, batch_norm=True)
    params, net_state = network.init(key(0))
    x = np.asarray(inputs())
    kernel = the_leaf(params, "kernel")

    normed = (x - x.mean(0)) / np.sqrt(x.var(0) + EPSILON)
    output, new_state = network.apply(params, net_state, inputs(), train=True, key=key(1))
    np.testing.assert_allclose(output, normed @ kernel, rtol=1e-3, atol=1e-4)
    mean = (1 - MOMENTUM) * x.mean(0)
    var = MOMENTUM * 1.0 + (1 - MOMENTUM) * x.var(0)
    np.testing.assert_allclose(the_leaf(new_state["batch_stats"], "mean"), mean, rtol=1e-4)
    np.testing.assert_allclose(the_leaf(new_state["batch_stats"], "var"), var, rtol=1e-4)

    output, kept = network.apply(params, new_state, inputs(), train=False)
    normed = (x - mean) / np.sqrt(var + EPSILON)
    np.testing.assert_allclose(output, normed @ kernel, rtol=1e-3, atol=1e-4)
    chex.assert_trees_all_equal(kept, new_state)


@BOTH
def test_dropout_follows_the_key_in_training_only(kind: str) -> None:
    network = make(kind, dropout=True)
    params, net_state = network.init(key(0))

    def output(seed: int, train: bool = True) -> np.ndarray:
        return np.asarray(network.apply(params, net_state, inputs(), train=train, key=key(seed))[0])

    np.testing.assert_array_equal(output(1), output(1))
    assert np.abs(output(1) - output(2)).max() > 0.1
    kernel = the_leaf(params, "kernel")
    for seed in (1, 2):
        np.testing.assert_allclose(
            output(seed, train=False), np.asarray(inputs()) @ kernel, rtol=1e-4, atol=1e-4
        )
    without_key, _ = network.apply(params, net_state, inputs(), train=False)
    np.testing.assert_array_equal(without_key, output(1, train=False))


@BOTH
def test_other_collections_are_state_in_training_only(kind: str) -> None:
    network = make(kind)
    params, net_state = network.init(key(0))
    counts = []
    for train in (True, True, False, True):
        _, net_state = network.apply(params, net_state, inputs(), train=train, key=key(1))
        counts.append(float(jax.tree.leaves(net_state)[0]))
    assert counts == [1.0, 2.0, 2.0, 3.0]
    assert all(isinstance(name, str) for name in net_state)


@BOTH
def test_batch_norm_shows_as_coupling(kind: str) -> None:
    assert make(kind, batch_norm=True).couples_batch
    assert not make(kind, dropout=True).couples_batch


@BOTH
def test_second_derivatives_leak_no_tracer(kind: str) -> None:
    network = make(kind, batch_norm=True, dropout=True)
    params, net_state = network.init(key(0))

    def penalty(params: Any) -> jax.Array:
        def critic(x: jax.Array) -> jax.Array:
            output, _ = network.apply(params, net_state, x, train=True, key=key(1))
            return jnp.sum(jnp.tanh(output))

        return jnp.sum(jax.grad(critic)(inputs()) ** 2)

    with jax.checking_leaks():
        grads = jax.jit(jax.grad(penalty))(params)
    assert np.abs(the_leaf(grads, "kernel")).max() > 0.0
    # The network is as good as new: no tracer stayed in a module.
    output, _ = network.apply(params, net_state, inputs(), train=True, key=key(1))
    assert np.isfinite(output).all()


def test_linen_modules_need_not_take_train() -> None:
    network = from_linen(nn.Dense(WIDTH), jax.ShapeDtypeStruct((1, DIM), jnp.float32))
    params, net_state = network.init(key(0))
    for train in (True, False):
        output, new_state = network.apply(params, net_state, inputs(), train=train)
        np.testing.assert_allclose(output, inputs() @ params["kernel"], rtol=1e-5, atol=1e-5)
        assert new_state == net_state == {}


class TwoInputs(nn.Module):
    @nn.compact
    def __call__(self, x: jax.Array, label: jax.Array) -> jax.Array:
        return nn.Dense(WIDTH)(x) + nn.Embed(5, WIDTH)(label)


def test_linen_modules_may_take_several_inputs() -> None:
    specs = jax.ShapeDtypeStruct((1, DIM), jnp.float32), jax.ShapeDtypeStruct((1,), jnp.int32)
    network = from_linen(TwoInputs(), *specs)
    params, net_state = network.init(key(0))
    outputs = [
        network.apply(params, net_state, inputs(), jnp.full(NUM, label, jnp.int32))[0]
        for label in (0, 1)
    ]
    table = params["Embed_0"]["embedding"]
    gap = np.broadcast_to(table[1] - table[0], (NUM, WIDTH))
    np.testing.assert_allclose(outputs[1] - outputs[0], gap, rtol=1e-4, atol=1e-5)


def test_what_is_no_linen_module_is_refused() -> None:
    with pytest.raises(TypeError, match=r"flax\.linen\.Module"):
        from_linen(lambda x: x, jnp.zeros((1, DIM)))
    with pytest.raises(TypeError, match=r"flax\.linen\.Module"):
        from_linen(nnx.Linear(DIM, WIDTH, rngs=nnx.Rngs(0)), jnp.zeros((1, DIM)))
