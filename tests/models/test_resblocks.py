"""Blocks that resample, attention as the official code has it, batch norm told by a code."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.models import layers
from jaxgan.models.layers.conv import conv2d
from jaxgan.models.layers.resblocks import enlarge


def draw(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def moved(variables: Any) -> Any:
    """Every parameter somewhere else than where it begins."""
    leaves, tree = jax.tree.flatten(variables)
    drawn = [leaf + 0.3 * draw(*leaf.shape, seed=i) for i, leaf in enumerate(leaves)]
    return jax.tree.unflatten(tree, drawn)


def means(x: np.ndarray) -> np.ndarray:
    b, h, w, c = x.shape
    return x.reshape(b, h // 2, 2, w // 2, 2, c).mean((2, 4))


@pytest.mark.parametrize("direction", ["up", "down"])
def test_a_resampled_convolution_is_its_two_parts(direction: Any) -> None:
    x = draw(2, 6, 4, 3)
    layer = layers.ResampledConv(5, direction)
    variables = moved(layer.init(jax.random.key(0), x))
    kernel, bias = (np.asarray(variables["params"][name]) for name in ("kernel", "bias"))
    if direction == "up":
        expected = conv2d(x.repeat(2, 1).repeat(2, 2), kernel) + bias.reshape(1, 1, 1, -1)
    else:
        expected = means(np.asarray(conv2d(x, kernel))) + bias
    np.testing.assert_allclose(layer.apply(variables, x), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("how", ["nearest", "bilinear"])
def test_enlarging_is_resizing(how: Any) -> None:
    x = draw(2, 3, 5, 2)
    expected = jax.image.resize(x, (2, 6, 10, 2), how)
    np.testing.assert_allclose(enlarge(x, how), expected, rtol=1e-5, atol=1e-6)


def test_attention_as_the_official_code_has_it() -> None:
    """Keys and values are maxima over 2x2 pixels, values have half the channels."""
    x = 0.3 * draw(2, 4, 6, 16)
    layer = layers.SelfAttention(value_reduction=2, pool=2)
    variables = moved(layer.init(jax.random.key(0), x))
    params = jax.tree.map(np.asarray, variables["params"])
    assert params["h"]["kernel"].shape == (16, 8)

    def pooled(y: np.ndarray) -> np.ndarray:
        return y.reshape(2, 2, 3, 2, -1).max((1, 3)).reshape(6, -1)

    y = layer.apply(variables, x)
    for image, found in zip(x, y, strict=True):
        keys, values = (pooled(image @ params[name]["kernel"]) for name in "fh")
        queries = image.reshape(24, 16) @ params["g"]["kernel"]
        weights = np.exp(queries @ keys.T)
        weights /= weights.sum(1, keepdims=True)
        added = (weights @ values @ params["v"]["kernel"]).reshape(4, 6, 16)
        np.testing.assert_allclose(found, image + params["gamma"] * added, rtol=1e-4, atol=1e-5)


def test_attention_that_cannot_pool_is_refused() -> None:
    with pytest.raises(ValueError, match="pool is 2; it must divide the map of 3x4"):
        layers.SelfAttention(pool=2).init(jax.random.key(0), jnp.ones((1, 3, 4, 8)))


def test_code_batch_norm_has_gain_and_bias_of_the_code() -> None:
    x, code = draw(4, 2, 3, 5), draw(4, 7, seed=1)
    layer = layers.CodeBatchNorm()
    params = moved(layer.init(jax.random.key(0), x, code)["params"])
    y, new = layer.apply({"params": params}, x, code, mutable=["batch_stats"])
    gain, bias = (code @ np.asarray(params[name]["kernel"]) for name in ("scale", "bias"))
    normed = (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) + 1e-5)
    whole = slice(None), None, None
    np.testing.assert_allclose(y, normed * (1 + gain[whole]) + bias[whole], rtol=1e-4, atol=1e-4)
    mean = new["batch_stats"]["BatchNorm_0"]["mean"]
    np.testing.assert_allclose(mean, 0.1 * x.mean((0, 1, 2)), rtol=1e-4, atol=1e-6)


def test_the_shortcut_may_be_of_the_rectified_map() -> None:
    x = draw(2, 4, 4, 3)

    def play(rectified: bool) -> Any:
        block = layers.ResBlockDown(
            3, 3, downsample=False, rectified_shortcut=rectified, kernel_norm="none"
        )
        return block.apply(variables, x)

    block = layers.ResBlockDown(3, 3, downsample=False, kernel_norm="none")
    variables = block.init(jax.random.key(0), x)
    np.testing.assert_allclose(play(False) - play(True), np.minimum(x, 0), rtol=1e-4, atol=1e-5)
