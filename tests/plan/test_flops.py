"""The count of FLOPs against hand counts, against brute force, and against the compiler."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.sharding import AxisType, PartitionSpec

from jaxgan.plan import count_flops

SQUARE = jax.ShapeDtypeStruct((8, 8), jnp.float32)
PRODUCT = 2 * 8**3


def array(*shape: int, dtype: Any = jnp.float32) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, dtype)


def total(function: Callable[..., Any], *args: Any, platform: str = "cpu") -> float:
    return count_flops(function, *args, platform=platform).total


def scanned(x: jax.Array, length: int = 5, unroll: int = 1) -> jax.Array:
    return lax.scan(lambda c, _: (c @ x, None), x, None, length=length, unroll=unroll)[0]


def custom() -> Callable[[jax.Array], jax.Array]:
    @jax.custom_vjp
    def square(x: jax.Array) -> jax.Array:
        return x @ x

    square.defvjp(lambda x: (x @ x, x), lambda x, g: (g @ x,))
    return square


def fori(x: jax.Array, turns: jax.Array) -> jax.Array:
    return lax.fori_loop(0, turns, lambda _, c: c @ x, x)


def twice(x: jax.Array) -> jax.Array:
    return lax.map(lambda row: row @ (x @ x), jnp.stack([x, x]))


@pytest.mark.parametrize(
    ("function", "num_products"),
    [
        (lambda x: x @ x, 1),
        (lambda x: jax.jit(lambda y: y @ y)(x) @ x, 2),
        (scanned, 5),
        (lambda x: scanned(x, unroll=5), 5),
        (lambda x: lax.scan(lambda c, _: (scanned(c, 3), None), x, None, length=4)[0], 12),
        (jax.checkpoint(lambda x: x @ x), 1),
        (custom(), 1),
        # Forward is not needed; backward is one product.
        (jax.grad(lambda x: jnp.sum(custom()(x))), 1),
        (jax.grad(lambda x: jnp.sum(x @ x)), 2),
        # Forwards is recomputed on purpose, then two backwards.
        (jax.grad(lambda x: jnp.sum(jax.checkpoint(lambda y: jnp.sin(y @ y))(x))), 3),
        (jax.vmap(lambda row: row[None] @ jnp.eye(8)), 1),
        (twice, 4),
        (lambda x: (x @ x, x @ x), 1),  # the same twice
        (lambda x: (x @ x, x.T @ x), 2),
        (lambda x: (jax.jit(jnp.dot)(x, x), jax.jit(jnp.dot)(x, x)), 1),
        (lambda x: (x, x @ x)[0], 0),  # not needed
    ],
)
def test_products_by_hand(function: Callable[..., Any], num_products: int) -> None:
    assert total(function, SQUARE) == num_products * PRODUCT


def test_batched_product_by_hand() -> None:
    einsum = "bmk,bkn->bmn"
    assert total(lambda x, y: jnp.einsum(einsum, x, y), array(7, 2, 3), array(7, 3, 5)) == 420


def test_a_cond_counts_its_dearest_branch_and_tells() -> None:
    def lazy(x: jax.Array, due: jax.Array) -> jax.Array:
        return lax.cond(due, lambda y: y @ y @ y, lambda y: y @ y, x)

    count = count_flops(lazy, SQUARE, array(dtype=jnp.bool_))
    assert (count.total, count.least) == (2 * PRODUCT, PRODUCT)
    assert "dearest" in count.notes[0]


def test_a_loop_of_unknown_length_counts_once_and_tells() -> None:
    count = count_flops(fori, SQUARE, array(dtype=jnp.int32))
    assert count.total == PRODUCT
    assert "not known" in count.notes[0]


def test_every_shard_counts() -> None:
    mesh = jax.make_mesh((4, 2), ("a", "b"), axis_types=(AxisType.Auto, AxisType.Auto))
    spec = PartitionSpec("a")
    inner = jax.shard_map(lambda x: x @ jnp.ones((8, 8)), mesh=mesh, in_specs=spec, out_specs=spec)
    # Split over 4, repeated on the 2 of the other axis.
    assert total(inner, SQUARE) == 2 * PRODUCT


def test_the_platform_chooses_a_branch_also_under_transformations() -> None:
    def both(x: jax.Array) -> jax.Array:
        return lax.platform_dependent(x, cpu=lambda y: y @ y @ y, default=lambda y: y @ y)

    assert (total(both, SQUARE), total(both, SQUARE, platform="tpu")) == (2 * PRODUCT, PRODUCT)
    in_scan = jax.grad(
        lambda x: jnp.sum(lax.scan(lambda c, _: (jax.vmap(both)(c[None])[0], None), x, None, 3)[0])
    )
    # Each turn: one product forwards, two backwards; of the last step's product no value is used.
    assert total(in_scan, SQUARE, platform="tpu") == 9 * PRODUCT


def test_kinds_say_dtype_and_precision() -> None:
    x = array(8, 8, dtype=jnp.bfloat16)
    assert dict(count_flops(lambda x: x @ x, x).by_kind) == {("dot", "bfloat16", ""): PRODUCT}
    exact = count_flops(lambda x: jnp.dot(x, x, precision="highest"), SQUARE)
    assert list(exact.by_kind) == [("dot", "float32", "highest")]


def brute_force(
    image: int, kernel: int, stride: int, padding: tuple[int, int], dilations: tuple[int, int]
) -> int:
    """Multiplications by something other than padding or a hole, one axis, one channel."""
    length = (image - 1) * dilations[0] + 1
    real = np.zeros(padding[0] + length + padding[1], bool)
    real[padding[0] : padding[0] + length : dilations[0]] = True
    reach = (kernel - 1) * dilations[1] + 1
    starts = range(0, len(real) - reach + 1, stride)
    return sum(real[s + k * dilations[1]] for s, k in itertools.product(starts, range(kernel)))


CONVOLUTIONS = [
    (8, 4, 2, (1, 1), (1, 1)),
    (8, 3, 1, (1, 1), (1, 1)),
    (7, 4, 1, (2, 1), (2, 1)),
    (9, 3, 2, (0, 0), (1, 2)),
    (5, 4, 1, (2, 2), (3, 2)),
]


@pytest.mark.parametrize(("image", "kernel", "stride", "padding", "dilations"), CONVOLUTIONS)
@pytest.mark.parametrize(("groups", "batch_groups"), [(1, 1), (2, 1), (1, 2)])
def test_convolutions_by_brute_force(
    image: int,
    kernel: int,
    stride: int,
    padding: tuple[int, int],
    dilations: tuple[int, int],
    groups: int,
    batch_groups: int,
) -> None:
    def convolve(x: jax.Array, k: jax.Array) -> jax.Array:
        return lax.conv_general_dilated(
            x,
            k,
            (stride, 1),
            (padding, (0, 0)),
            lhs_dilation=(dilations[0], 1),
            rhs_dilation=(dilations[1], 1),
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=groups,
            batch_group_count=batch_groups,
        )

    args = array(6, image, 1, 4), array(kernel, 1, 4 // groups, 10)
    met = brute_force(image, kernel, stride, padding, dilations)
    expected = 2 * (6 // batch_groups) * (4 // groups) * 10 * met
    assert total(convolve, *args) == expected
    lowered = jax.jit(convolve).lower(*args)
    assert lowered.cost_analysis()["flops"] == pytest.approx(expected, rel=1e-6)


def dcgan_like(params: dict[str, jax.Array], x: jax.Array) -> jax.Array:
    """Strided, transposed and dense, each wide enough for its products to be what counts."""
    numbers = ("NHWC", "HWIO", "NHWC")
    x = lax.conv_general_dilated(x, params["down"], (2, 2), "SAME", dimension_numbers=numbers)
    x = jax.nn.relu(x)
    x = lax.conv_transpose(x, params["up"], (2, 2), "SAME", dimension_numbers=numbers)
    return jnp.mean(jax.nn.relu(x).reshape(x.shape[0], -1) @ params["dense"])


def descend(params: Any, x: jax.Array, num_steps: int, unroll: int) -> Any:
    def step(params: Any, _: None) -> tuple[Any, None]:
        gradient = jax.grad(dcgan_like)(params, x)
        return jax.tree.map(lambda p, g: p - 0.1 * g, params, gradient), None

    return lax.scan(step, params, None, length=num_steps, unroll=unroll)[0]


def test_the_compiler_agrees_on_the_unrolled_program() -> None:
    params = {
        "down": array(4, 4, 32, 64),
        "up": array(4, 4, 64, 32),
        "dense": array(16 * 16 * 32, 64),
    }
    x, steps = array(4, 16, 16, 32), 3
    rolled = count_flops(lambda p, x: descend(p, x, steps, 1), params, x, platform="tpu")
    rows = brute_force(16, 4, 2, (1, 1), (1, 1))
    conv = 2 * 4 * 32 * 64 * rows**2
    dense = 2 * 4 * (16 * 16 * 32) * 64
    # Forwards and the kernel's gradient, of the second convolution the image's too. Of the dense
    # layer both gradients; its output is not needed for them.
    by_hand = steps * (conv * (2 + 3) + dense * 2)
    assert rolled.total == pytest.approx(by_hand, rel=0.02)
    compiled = jax.jit(lambda p, x: descend(p, x, steps, steps)).lower(params, x)
    assert rolled.total == pytest.approx(compiled.cost_analysis()["flops"], rel=0.02)
    # The reason why there is a count of our own: of a loop the compiler counts one turn.
    looped = jax.jit(lambda p, x: descend(p, x, steps, 1)).lower(params, x)
    assert rolled.total / looped.cost_analysis()["flops"] == pytest.approx(steps, rel=0.02)


def test_a_jitted_function_is_not_traced_again() -> None:
    traces = []

    @jax.jit
    def function(x: jax.Array) -> jax.Array:
        traces.append(1)
        return x @ x

    function(jnp.ones((8, 8)))
    assert total(function, SQUARE) == PRODUCT
    assert len(traces) == 1
