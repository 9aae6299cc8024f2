"""Convolutions against loops, XLA's own convolution and finite differences, to second order."""

from __future__ import annotations

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxgan.models.layers import Conv, ConvTranspose, conv2d, conv2d_transpose
from tests import helpers

DIMENSIONS = ("NHWC", "HWIO", "NHWC")

# height, width, kernel, stride, padding, in_features, out_features
WINOGRAD_CASES = [
    (8, 8, 4, 2, "SAME", 16, 32),
    (7, 7, 4, 2, 1, 16, 32),
    (5, 6, 3, 1, "SAME", 64, 32),
    (9, 11, 5, 2, "SAME", 16, 32),
]
PATCH_CASES = [
    (8, 8, 4, 2, "SAME", 3, 5),
    (10, 7, 3, 2, "SAME", 2, 4),
    (9, 9, 4, 2, ((2, 1), (0, 3)), 2, 3),
    (11, 8, (3, 5), (2, 1), "VALID", 2, 3),
    (8, 8, 1, 2, 0, 3, 2),
    (6, 5, 3, 1, "SAME", 8, 2),
    (7, 6, (5, 6), 1, 2, 6, 2),
    (5, 5, 2, 3, "SAME", 2, 2),
]
CASES = WINOGRAD_CASES + PATCH_CASES


def _pair(value):
    return (value, value) if isinstance(value, int) else value


def _arrays(case, seed=0):
    height, width, kernel, _, _, in_features, out_features = case
    generator = np.random.default_rng(seed)
    x = generator.standard_normal((2, height, width, in_features))
    w = generator.standard_normal((*_pair(kernel), in_features, out_features))
    return x, w


def _pads(case):
    height, width, kernel, stride, padding, *_ = case
    if isinstance(padding, str):
        return lax.padtype_to_pads((height, width), _pair(kernel), _pair(stride), padding)
    return [(padding, padding)] * 2 if isinstance(padding, int) else padding


def _loop(x, w, stride, pads):
    """The definition, one output pixel at a time."""
    x = np.pad(x, ((0, 0), *pads, (0, 0)))
    (rows, columns), (s, t) = w.shape[:2], stride
    height, width = (x.shape[1] - rows) // s + 1, (x.shape[2] - columns) // t + 1
    y = np.zeros((x.shape[0], height, width, w.shape[3]))
    for i, j in itertools.product(range(height), range(width)):
        window = x[:, i * s : i * s + rows, j * t : j * t + columns]
        y[:, i, j] = np.einsum("buvc,uvcf->bf", window, w)
    return y


def _transpose_loop(y, w, stride, pads, size):
    """Every input pixel stamps its kernel onto the padded output."""
    (rows, columns), (s, t) = w.shape[:2], stride
    ((top, bottom), (left, right)) = pads
    x = np.zeros((y.shape[0], size[0] + top + bottom, size[1] + left + right, w.shape[2]))
    for i, j in itertools.product(range(y.shape[1]), range(y.shape[2])):
        stamp = np.einsum("bf,uvcf->buvc", y[:, i, j], w)
        x[:, i * s : i * s + rows, j * t : j * t + columns] += stamp
    return x[:, top : top + size[0], left : left + size[1]]


def _convolve(case, lowering=None):
    return lambda x, w: conv2d(x, w, stride=case[3], padding=case[4], lowering=lowering)


def _reference(case):
    stride, pads = _pair(case[3]), _pads(case)
    return lambda x, w: lax.conv_general_dilated(x, w, stride, pads, dimension_numbers=DIMENSIONS)


def _wiggle(convolve):
    """A scalar of a convolution whose derivatives of every order are not zero."""
    return lambda x, w: jnp.sum(jnp.sin(convolve(x, w)))


def _close(actual, expected, tolerance=1e-11):
    scale = np.max(np.abs(expected))
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance * scale)


def _uses(function, *args):
    """Names of the primitives that a function is made of."""
    text = str(jax.make_jaxpr(function)(*args))
    return {name for name in ("conv_general_dilated", "dot_general") if name in text}


@pytest.mark.parametrize("lowering", ["native", "matmul", None])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_convolution_is_the_loop(case, lowering):
    x, w = _arrays(case)
    with jax.enable_x64(True):
        y = jax.jit(_convolve(case, lowering))(x, w)
    _close(y, _loop(x, w, _pair(case[3]), _pads(case)))


@pytest.mark.parametrize("lowering", ["native", "matmul", None])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_transposed_convolution_is_the_stamping_loop(case, lowering):
    height, width, _, stride, padding, _, features = case
    _, w = _arrays(case)
    y = np.random.default_rng(1).standard_normal((2, height, width, features))
    with jax.enable_x64(True):
        x = jax.jit(
            lambda y, w: conv2d_transpose(y, w, stride=stride, padding=padding, lowering=lowering)
        )(y, w)
    size = x.shape[1:3]
    if padding == "SAME":
        assert size == (height * _pair(stride)[0], width * _pair(stride)[1])
    pads = _pads((*size, *case[2:]))
    _close(x, _transpose_loop(y, w, _pair(stride), pads, size))


def test_transpose_matches_laxs_conv_transpose():
    generator = np.random.default_rng(2)
    y = generator.standard_normal((2, 6, 5, 4))
    w = generator.standard_normal((4, 4, 3, 4))
    with jax.enable_x64(True):
        ours = conv2d_transpose(y, w, stride=2)
        theirs = lax.conv_transpose(
            y, w, (2, 2), "SAME", dimension_numbers=DIMENSIONS, transpose_kernel=True
        )
    _close(ours, theirs)


SECOND_ORDER = [*WINOGRAD_CASES, *PATCH_CASES[:2], PATCH_CASES[5]]


@pytest.mark.parametrize("case", helpers.rows(SECOND_ORDER, WINOGRAD_CASES[2:]), ids=str)
def test_derivatives_to_second_order_are_those_of_the_native_convolution(case):
    x, w = _arrays(case)
    dx, dw = _arrays(case, seed=3)

    def derivatives(convolve):
        wiggle = _wiggle(convolve)
        gradient = jax.grad(wiggle, (0, 1))
        penalty = jax.grad(lambda x, w: jnp.sum(jnp.square(gradient(x, w)[0])), (0, 1))
        return gradient(x, w), penalty(x, w), jax.jvp(gradient, (x, w), (dx, dw))[1]

    with jax.enable_x64(True):
        ours = jax.jit(lambda: derivatives(_convolve(case)))()
        theirs = jax.jit(lambda: derivatives(_reference(case)))()
    jax.tree.map(_close, ours, theirs)


@pytest.mark.parametrize("case", [WINOGRAD_CASES[0], PATCH_CASES[0]], ids=str)
def test_transposed_derivatives_are_finite_differences(case):
    y, w = _arrays(case)
    w = np.swapaxes(w, 2, 3)
    dy, dw = _arrays(case, seed=4)
    dw = np.swapaxes(dw, 2, 3)
    wiggle = _wiggle(lambda y, w: conv2d_transpose(y, 0.05 * w, stride=case[3]))
    slope = jax.jit(lambda y, w: jax.jvp(wiggle, (y, w), (dy, dw))[1])
    gradient = jax.jit(jax.grad(wiggle, (0, 1)))
    h = 1e-5
    with jax.enable_x64(True):
        value = jax.jit(wiggle)
        first = (value(y + h * dy, w + h * dw) - value(y - h * dy, w - h * dw)) / (2 * h)
        second = (slope(y + h * dy, w + h * dw) - slope(y - h * dy, w - h * dw)) / (2 * h)
        gy, gw = gradient(y, w)
        assert float(jnp.vdot(gy, dy) + jnp.vdot(gw, dw)) == pytest.approx(float(first), rel=1e-6)
        curvature = jax.jit(lambda: jax.jvp(gradient, (y, w), (dy, dw))[1])()
        quadratic = jnp.vdot(curvature[0], dy) + jnp.vdot(curvature[1], dw)
        assert float(quadratic) == pytest.approx(float(second), rel=1e-6)


@pytest.mark.parametrize("case", [WINOGRAD_CASES[0], PATCH_CASES[0]], ids=str)
def test_vmap_over_seeds_is_a_loop_over_seeds(case):
    pairs = [_arrays(case, seed) for seed in range(3)]
    xs, ws = (np.stack(arrays) for arrays in zip(*pairs, strict=True))
    with jax.enable_x64(True):
        gradient = jax.jit(jax.grad(_wiggle(_convolve(case)), (0, 1)))
        together = jax.jit(jax.vmap(jax.grad(_wiggle(_convolve(case)), (0, 1))))(xs, ws)
        for i, (x, w) in enumerate(pairs):
            for actual, expected in zip(together, gradient(x, w), strict=True):
                _close(actual[i], expected)


@pytest.mark.parametrize("case", [WINOGRAD_CASES[0], PATCH_CASES[0]], ids=str)
def test_scan_and_checkpoint_change_nothing(case):
    x, w = _arrays(case)
    wiggle = _wiggle(_convolve(case))

    def descend(w, _):
        return w - 1e-3 * jax.grad(jax.checkpoint(wiggle), 1)(x, w), None

    with jax.enable_x64(True):
        scanned = jax.jit(lambda w: lax.scan(descend, w, length=3)[0])(w)
        step, expected = jax.jit(jax.grad(_wiggle(_reference(case)), 1)), w
        for _ in range(3):
            expected = expected - 1e-3 * step(x, expected)
    _close(scanned, expected)


def test_float32_is_equal_to_rounding():
    x, w = (a.astype(np.float32) for a in _arrays((16, 16, 4, 2, "SAME", 64, 64)))
    exact = _loop(x.astype(np.float64), w.astype(np.float64), (2, 2), ((1, 1), (1, 1)))
    for lowering in ("native", "matmul"):
        _close(conv2d(x, w, stride=2, lowering=lowering), exact, tolerance=3e-6)


@pytest.mark.parametrize("lowering", ["native", "matmul"])
@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_half_precision_is_rounded_once(dtype, lowering):
    """Its products and sums are float32's: 4,096 ones, of which bfloat16 could count 256."""
    y = conv2d(
        jnp.ones((1, 6, 6, 256), dtype),
        jnp.ones((4, 4, 256, 32), dtype),
        stride=2,
        padding="VALID",
        lowering=lowering,
    )
    assert y.dtype == dtype
    np.testing.assert_array_equal(y.astype(jnp.float32), np.full((1, 2, 2, 32), 4096.0))


@pytest.mark.parametrize("convolve", [conv2d, conv2d_transpose])
@pytest.mark.parametrize(
    "case", helpers.rows([WINOGRAD_CASES[0], (8, 8, 4, 2, "SAME", 8, 8)], WINOGRAD_CASES[:1])
)
def test_gradients_in_half_precision_are_rounded_once(convolve, case):
    """Each is that of the same numbers in float64, to half a unit in the last of eight bits."""
    x, w = (jnp.asarray(a, jnp.bfloat16) for a in _arrays(case))
    if convolve is conv2d_transpose:
        x = jax.random.normal(jax.random.key(0), (*x.shape[:3], w.shape[3]), jnp.bfloat16)
    y, pullback = jax.vjp(partial(convolve, stride=2, lowering="matmul"), x, w)
    cotangent = jax.random.normal(jax.random.key(1), y.shape, jnp.bfloat16)
    with jax.enable_x64(True):
        wide = [np.asarray(a, np.float64) for a in (x, w)]
        native = partial(convolve, stride=2, lowering="native")
        expected = jax.vjp(native, *wide)[1](np.asarray(cotangent, np.float64))
    for found, exact in zip(pullback(cotangent), expected, strict=True):
        assert found.dtype == jnp.bfloat16
        # Where a sum cancels, what float32 loses shows beside the rounding of the result.
        np.testing.assert_allclose(found.astype(jnp.float32), exact, rtol=2.0**-8, atol=1e-4)


@pytest.mark.parametrize("transposed", [False, True])
def test_the_platform_of_the_lowering_decides(transposed):
    x, w = (jnp.asarray(a, jnp.float32) for a in _arrays((8, 8, 4, 2, "SAME", 32, 32)))
    convolve = conv2d_transpose if transposed else conv2d
    gradient = jax.grad(lambda w: jnp.sum(jnp.sin(convolve(x, w, stride=2))))
    assert _uses(gradient, w) == {"conv_general_dilated", "dot_general"}
    text = {}
    for platform in ("cpu", "tpu", "cuda"):
        lowered = jax.jit(gradient).trace(w).lower(lowering_platforms=(platform,))
        text[platform] = lowered.as_text()
    assert "stablehlo.convolution" not in text["cpu"]
    assert "stablehlo.dot_general" in text["cpu"]
    for platform in ("tpu", "cuda"):
        assert "stablehlo.convolution" in text[platform]
        assert "stablehlo.dot_general" not in text[platform]


def test_matmul_lowering_holds_no_convolution_at_any_order():
    x, w = (jnp.asarray(a, jnp.float32) for a in _arrays(WINOGRAD_CASES[0]))
    gradient = jax.grad(_wiggle(_convolve(WINOGRAD_CASES[0], "matmul")), (0, 1))
    assert _uses(lambda: jax.jvp(gradient, (x, w), (x, w))) == {"dot_general"}


@pytest.mark.parametrize(
    ("layer", "shape", "kernel_shape", "out_shape"),
    [
        (Conv(5, 3), (2, 6, 6, 4), (3, 3, 4, 5), (2, 6, 6, 5)),
        (Conv(5, (4, 2), (2, 1), "VALID"), (2, 6, 6, 4), (4, 2, 4, 5), (2, 2, 5, 5)),
        (ConvTranspose(5), (2, 6, 6, 4), (4, 4, 5, 4), (2, 12, 12, 5)),
        (ConvTranspose(5, 5, 2, 1), (2, 6, 6, 4), (5, 5, 5, 4), (2, 13, 13, 5)),
    ],
)
def test_layers_hold_a_kernel_and_a_bias(layer, shape, kernel_shape, out_shape):
    x = jax.random.normal(jax.random.key(0), shape)
    variables = jax.jit(layer.init)(jax.random.key(1), x)
    params = variables["params"]
    assert jax.tree.map(jnp.shape, params) == {"kernel": kernel_shape, "bias": (5,)}
    apply = jax.jit(layer.apply)
    y = apply(variables, x)
    assert y.shape == out_shape
    shifted = {"params": {**params, "bias": params["bias"] + 2.0}}
    np.testing.assert_allclose(apply(shifted, x), y + 2.0, rtol=1e-5, atol=1e-5)
    no_bias = layer.clone(use_bias=False)
    assert list(jax.eval_shape(no_bias.init, jax.random.key(1), x)["params"]) == ["kernel"]
    # The default initialiser keeps the variance, by the fan-in that this layer really has.
    assert float(jnp.var(params["kernel"])) * np.prod(kernel_shape[:2]) * 4 == pytest.approx(
        1.0, rel=0.35
    )


def test_layers_compute_in_their_dtype():
    layer = Conv(5, dtype=jnp.bfloat16)
    x = jnp.ones((1, 4, 4, 3))
    y, variables = jax.eval_shape(layer.init_with_output, jax.random.key(0), x)
    assert variables["params"]["kernel"].dtype == jnp.float32
    assert y.dtype == jnp.bfloat16


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x, w: conv2d(x, w[:, :, :2]), "kernel has 2 input channels"),
        (lambda x, w: conv2d_transpose(x, w[..., :2]), "kernel has 2 input channels"),
        (lambda x, w: conv2d(x, w, stride=0), "stride is 0"),
        (lambda x, w: conv2d(x, w, padding=-1), "padding is -1"),
        (lambda x, w: conv2d(x, w, padding="FULL"), "padding is 'FULL'"),
        (lambda x, w: conv2d(x[:, :1], w, padding="VALID"), "must fit into the padded image"),
        (lambda x, w: conv2d_transpose(x, w, padding=7), "must leave a pixel"),
        (lambda x, w: conv2d(x, w, lowering="fft"), "lowering is 'fft'"),
    ],
)
def test_bad_input_is_named_in_one_line(call, words):
    x, w = jnp.ones((1, 4, 4, 3)), jnp.ones((3, 3, 3, 3))
    with pytest.raises(ValueError, match=words) as error:
        call(x, w)
    assert "\n" not in str(error.value)
