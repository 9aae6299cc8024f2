"""Each primitive as ONNX against JAX itself, at odd shapes, in onnxruntime."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export, lax

from jaxgan.core.errors import InputError
from jaxgan.export.onnx_ops.convert import CALLS, ROWS
from jaxgan.export.onnx_ops.model import make_model

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
Function = Callable[..., jax.Array]


def conv(lhs: str, rhs: str, out: str, **options: Any) -> Function:
    """A convolution with a kernel of normal numbers."""
    shape = options.pop("kernel")
    options = {"window_strides": (1, 1), "padding": ((0, 0), (0, 0)), **options}

    def call(kernel: jax.Array, x: jax.Array) -> jax.Array:
        return lax.conv_general_dilated(x, kernel, dimension_numbers=(lhs, rhs, out), **options)

    return lambda w, x: call(normal(shape), x)


def normal(shape: tuple[int, ...], seed: int = 7) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def number(truth: jax.Array) -> jax.Array:
    return truth.astype(jnp.float32)


def dot(other: tuple[int, ...], sums: Any, batch: Any = ((), ())) -> Function:
    return lambda w, x: lax.dot_general(x, normal(other), (sums, batch))


@jax.custom_vjp
def doubled(x: jax.Array) -> jax.Array:
    return 2 * x


doubled.defvjp(lambda x: (2 * x, None), lambda _, g: (2 * g,))

NHWC = ("NHWC", "HWIO", "NHWC")
IMAGES = (5, 7, 3)
"""Shapes are without the batch, which is symbolic; all arrays are normal but for labels."""

ELEMENTWISE: dict[str, Function] = {
    "abs": lambda w, x: jnp.abs(x),
    "and": lambda w, x: ((x > 0) & (w > 0)).astype(x.dtype),
    "ceil, floor, round, sign": lambda w, x: (
        jnp.ceil(x) + 3 * jnp.floor(x) + 5 * lax.round(4 * x, lax.RoundingMethod(1)) + jnp.sign(x)
    ),
    "clamp": lambda w, x: lax.clamp(-0.5, x, 0.25),
    "exp, expm1": lambda w, x: jnp.exp(x) + jnp.expm1(x),
    "erf": lambda w, x: lax.erf(x),
    "integers": lambda w, x: lax.rem(lax.div((9 * x).astype(jnp.int32), 2), 3).astype(x.dtype),
    "is_finite": lambda w, x: jnp.isfinite(x / jnp.maximum(x, 0)).astype(x.dtype),
    "log, log1p": lambda w, x: jnp.log(x * x + 0.1) + jnp.log1p(jnp.abs(x)),
    "logistic": lambda w, x: jax.nn.sigmoid(x),
    "lt, le, ne, eq": lambda w, x: (
        number((x < w) ^ (x <= 0)) + 2.0 * number(x != w) + number(jnp.sign(x) == 1)
    ),
    "min, neg, not": lambda w, x: jnp.minimum(x, -w) + number(~(x >= 0)),
    "or, bits": lambda w, x: (
        ((9 * x).astype(jnp.int32).astype(jnp.uint32) | np.uint32(5)) & np.uint32(255)
    ).astype(x.dtype),
    "pow, integer_pow": lambda w, x: jnp.abs(x) ** 1.5 + x**3 + x**-2,
    "reduce_precision, copy": lambda w, x: lax.reduce_precision(jnp.array(x), 8, 23),
    "rsqrt, sqrt": lambda w, x: lax.rsqrt(x * x + 1) + jnp.sqrt(jnp.abs(x)),
    "select_n": lambda w, x: jnp.where(w[0, 0, 0] > 9, x, jnp.where(x > w, x, 2 * w)),
    "shifts": lambda w, x: (
        ((9 * jnp.abs(x)).astype(jnp.uint32) << np.uint32(3)) >> np.uint32(1)
    ).astype(x.dtype),
    "sin, cos, tanh, square": lambda w, x: jnp.square(jnp.sin(x)) + jnp.cos(x) * jnp.tanh(x),
    "stop_gradient": lambda w, x: jax.nn.gelu(lax.stop_gradient(x)),
}
SHAPES: dict[str, Function] = {
    "broadcast of the batch": lambda w, x: jnp.zeros((x.shape[0], 2)).sum(1) + x.mean((1, 2, 3)),
    "concatenate": lambda w, x: jnp.concatenate([x, x[:, 1:], jnp.zeros((x.shape[0], 1, 7, 3))], 1),
    "concatenate the batch": lambda w, x: jnp.concatenate([x, 2 * x]),
    "dynamic_slice": lambda w, x: lax.dynamic_slice_in_dim(x, 4, 3, axis=2),
    "gather part": lambda w, x: x[:, 2:4, 5] + x[:, 1:3, -1],
    "gather rows": lambda w, x: jnp.asarray(normal((5, 4)))[jnp.argmax(x, axis=1)],
    "gather rows of axis 1": lambda w, x: jnp.take(
        normal((2, 5, 4)), jnp.argmax(x[:, :, 0, 0], axis=1), axis=1, mode="clip"
    ),
    "iota": lambda w, x: x + lax.broadcasted_iota(jnp.float32, x.shape, 2),
    "iota of the batch": lambda w, x: x + lax.broadcasted_iota(jnp.float32, x.shape, 0),
    "pad": lambda w, x: lax.pad(x, np.float32(2), [(0, 0, 0), (2, -1, 0), (-3, 1, 0), (0, 0, 0)]),
    "pad between": lambda w, x: lax.pad(
        x, np.float32(2), [(0, 0, 0), (1, 0, 2), (-1, 2, 1), (0, 0, 0)]
    ),
    "pad the edge": lambda w, x: jnp.pad(x, ((0, 0), (1, 1), (2, 0), (0, 0)), mode="edge"),
    "pad by reflection": lambda w, x: jnp.pad(x, ((0, 0), (1, 2), (2, 1), (0, 0)), mode="reflect"),
    "reshape": lambda w, x: x.reshape(-1, 7, 15),
    "reshape merges the batch": lambda w, x: (x.reshape(-1, 3) @ normal((3, 2))).reshape(-1, 70),
    "rev": lambda w, x: jnp.flip(x, (1, 3)),
    "slice": lambda w, x: lax.slice_in_dim(x, 1, 6, 3, axis=2),
    "split": lambda w, x: jnp.split(x, [2, 3], axis=2)[2] + lax.split(x, (3, 4), axis=2)[1],
    "squeeze, stack": lambda w, x: jnp.stack([x[:, :1].squeeze(1), x[:, 1]], axis=2),
    "transpose": lambda w, x: x.transpose(2, 0, 3, 1),
    "unstack": lambda w, x: jnp.unstack(x, axis=2)[4],
}
REDUCTIONS: dict[str, Function] = {
    "argmax, argmin": lambda w, x: (jnp.argmax(x, 2) - 3 * jnp.argmin(x, 2)).astype(x.dtype),
    "reduce_and, reduce_or": lambda w, x: (
        number(jnp.all(x > -1, (1, 3))) + 2.0 * number(jnp.any(x > 1, (1, 3)))
    ),
    "reduce_max, reduce_min": lambda w, x: x.max((1, 2)) + 3 * x.min((1, 2)),
    "reduce_prod": lambda w, x: x.prod(3),
    "reduce_sum": lambda w, x: x.sum((2, 1)),
    "softmax": lambda w, x: jax.nn.softmax(x, axis=1),
}
PRODUCTS: dict[str, Function] = {
    "conv": conv(*NHWC, kernel=(3, 2, 3, 4), padding=((1, 0), (2, 1))),
    "conv of any layout": conv(
        "HCNW", "OWIH", "CNHW", kernel=(4, 2, 5, 2), padding=((1, 1), (1, 0))
    ),
    "conv, cropped": conv(*NHWC, kernel=(2, 2, 3, 4), padding=((-1, 0), (1, -2))),
    "conv, dilated": conv(*NHWC, kernel=(2, 3, 3, 1), rhs_dilation=(2, 3)),
    "conv, groups": conv(*NHWC, kernel=(3, 3, 1, 6), feature_group_count=3),
    "conv, strided": conv(
        *NHWC, kernel=(4, 3, 3, 2), window_strides=(2, 3), padding=((1, 2), (0, 1))
    ),
    "conv, transposed": conv(
        *NHWC, kernel=(4, 3, 3, 2), lhs_dilation=(2, 3), padding=((2, 1), (0, 2))
    ),
    "conv, transposed and all": conv(
        *NHWC,
        kernel=(3, 2, 3, 2),
        lhs_dilation=(2, 1),
        rhs_dilation=(2, 3),
        window_strides=(3, 2),
        padding=((6, -1), (5, 4)),
    ),
    "conv of a kernel that is made": lambda w, x: lax.conv_general_dilated(
        x, x.mean(0)[:3, :2, :, None], (1, 1), ((1, 1), (1, 0)), (2, 2), dimension_numbers=NHWC
    ),
    "dot": dot((3, 6), ((3,), (0,))),
    "dot transposed": dot((6, 3), ((3,), (1,))),
    "dot of two axes": dot((3, 5, 2), ((1, 3), (1, 0))),
    "dot of a batch": lambda w, x: jnp.einsum("bhwc,bhvc->bhwv", x, x * x),
}
PROGRAMS: dict[str, Function] = {
    "checkpoint": lambda w, x: jax.checkpoint(jnp.sin)(x),
    "cond of what is known": lambda w, x: lax.cond(w.sum() > 99, jnp.sin, jnp.cos, x),
    "custom_jvp": lambda w, x: jax.nn.relu(x),
    "custom_vjp": lambda w, x: doubled(x),
}
RANDOM: dict[str, Function] = {
    "bernoulli": lambda w, x: x * number(jax.random.bernoulli(jax.random.key(3), 0.3, x.shape)),
    "uniform": lambda w, x: jax.random.uniform(jax.random.key(3), (x.shape[0], 4), minval=-2),
}
TABLE = {**ELEMENTWISE, **SHAPES, **REDUCTIONS, **PRODUCTS, **PROGRAMS, **RANDOM}


def seen(jaxpr: Any) -> set[str]:
    """The primitives of a jaxpr and of those that it calls."""
    found = set()
    for eqn in jaxpr.eqns:
        found.add(eqn.primitive.name)
        for value in jax.tree.leaves(
            tuple(eqn.params.values()), is_leaf=lambda v: hasattr(v, "eqns")
        ):
            inner = getattr(value, "jaxpr", value)
            found |= seen(inner) if hasattr(inner, "eqns") else set()
    return found


def batch_of_images() -> jax.ShapeDtypeStruct:
    (batch,) = export.symbolic_shape("b")
    return jax.ShapeDtypeStruct((batch, *IMAGES), jnp.float32)


@pytest.mark.parametrize("name", TABLE)
def test_a_primitive_is_jax_s(name: str) -> None:
    function, w = TABLE[name], normal(IMAGES)[None]
    model = make_model(function, w, {"x": batch_of_images()})
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    for num in (1, 4):
        x = normal((num, *IMAGES), seed=num)
        (found,) = session.run(None, {"x": x})
        expected = np.asarray(jax.jit(function)(w, x))
        assert found.shape == expected.shape
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_every_row_is_tried() -> None:
    w, spec = normal(IMAGES)[None], batch_of_images()
    tried = [seen(jax.make_jaxpr(function)(w, spec).jaxpr) for function in TABLE.values()]
    # Older versions of JAX have neither of the two.
    assert {*ROWS, *CALLS} - set().union(*tried) <= {"stack", "unstack"}


@pytest.mark.parametrize(
    ("problem", "function"),
    {
        r"the primitive 'erf_inv', which it has no row for": lambda w, x: lax.erf_inv(x),
        r"the primitive 'sort', which": lambda w, x: jnp.sort(x),
        r"'conv_general_dilated' with batch_group_count=2; it must be 1": lambda w, x: (
            lax.conv_general_dilated(
                normal((2, 3, 3, 1)),
                x.mean(0)[:2, :2, :1, None] @ np.ones((1, 2), np.float32),
                (1, 1),
                "SAME",
                dimension_numbers=NHWC,
                batch_group_count=2,
            )
        ),
        r"'convert_element_type' with the dtype bfloat16": lambda w, x: x.astype(jnp.bfloat16),
        r"'cond', which": lambda w, x: lax.cond(x.sum() > 0, jnp.sin, jnp.cos, x),
        r"cannot be exported: Symbolic dimension comparison 'b' > '3'": lambda w, x: (
            x if x.shape[0] > 3 else 2 * x
        ),
        r"'while', which": lambda w, x: lax.while_loop(lambda x: x.sum() < 9, lambda x: x + 1, x),
        r"onnx cannot have the size b \+ 1; it must be a multiple": lambda w, x: (
            jnp.zeros(x.shape[0] + 1) + x.max()
        ),
        r"\(in outer/inner\)": lambda w, x: jax.named_scope("outer")(
            jax.named_scope("inner")(lax.lgamma)
        )(x),
    }.items(),
)
def test_what_cannot_be_written_is_named(problem: str, function: Function) -> None:
    with pytest.raises(InputError, match=problem) as caught:
        make_model(function, np.zeros((1, *IMAGES), np.float32), {"x": batch_of_images()})
    assert "\n" not in str(caught.value)
