"""The layers of Progressive GAN, StyleGAN and StyleGAN2 against their formulas."""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from scipy.signal import upfirdn

from jaxgan.models import layers
from jaxgan.models.layers import Equalised
from jaxgan.models.layers.activation import scaled_leaky_relu
from jaxgan.models.layers.resample import SMOOTH
from jaxgan.models.layers.resblocks import ResampledConv
from jaxgan.models.layers.sizes import check_resolution, num_channels, num_styles, sizes_of
from jaxgan.models.stylegan import StyleGANGenerator


def draw(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def close(actual: Any, expected: Any, tolerance: float = 2e-5) -> None:
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


def convolved(x: Any, kernel: Any) -> Any:
    return lax.conv_general_dilated(
        x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def filtered(x: np.ndarray, taps: tuple[float, ...], up: int, down: int, before: int) -> np.ndarray:
    """Both axes by SciPy; `before` zeros in front of the zero-stuffed signal."""
    weights = np.asarray(taps) / np.sum(taps) * up
    for axis in (1, 2):
        skip = len(taps) - 1 - before  # upfirdn is a full convolution
        full = upfirdn(weights, x, up, 1, axis=axis)
        length = up * x.shape[axis]
        pad = [(0, 0)] * 4
        pad[axis] = (0, max(0, skip + length - full.shape[axis]))
        full = np.pad(full, pad)
        x = np.take(full, range(skip, skip + length, down), axis=axis)
    return x


@pytest.mark.parametrize("taps", [SMOOTH, (1.0, 1.0), (1.0, 2.0, 1.0)])
def test_resampling_is_scipys(taps: tuple[float, ...]) -> None:
    x = draw(2, 4, 6, 3)
    with jax.disable_jit():
        close(layers.upsample(x, taps), filtered(x, taps, 2, 1, len(taps) // 2))
        close(layers.downsample(x, taps), filtered(x, taps, 1, 2, (len(taps) - 1) // 2))
        same = (len(taps) // 2, len(taps) - 1 - len(taps) // 2)
        close(layers.blur(x, taps, same, gain=3.0), 3 * filtered(x, taps, 1, 1, same[0]), 1e-4)


def test_upsampling_is_four_times_the_transpose_of_downsampling() -> None:
    x, y = draw(1, 4, 4, 2), draw(1, 8, 8, 2, seed=1)
    down, up = np.vdot(x, layers.downsample(jnp.asarray(y))), np.vdot(layers.upsample(x), y)
    close(up, 4 * down)


def test_resampling_keeps_a_constant_inside_and_refuses_no_filter() -> None:
    flat = jnp.ones((1, 8, 8, 1))
    close(layers.upsample(flat)[:, 2:-2, 2:-2], 1.0)
    close(layers.downsample(flat, gain=2.0)[:, 1:-1, 1:-1], 2.0)
    with pytest.raises(ValueError, match=r"taps is \(\); it must be"):
        layers.blur(flat, ())


def test_scaled_convolutions_are_a_convolution_and_repeated_or_averaged_pixels() -> None:
    x, kernel, bias = draw(2, 4, 4, 3), draw(3, 3, 3, 5, seed=1), draw(5, seed=2)
    params = {"params": {"kernel": jnp.asarray(kernel), "bias": jnp.asarray(bias)}}
    up = ResampledConv(5, "up").apply(params, jnp.asarray(x))
    close(up, np.asarray(convolved(x.repeat(2, 1).repeat(2, 2), kernel)) + bias, 1e-4)
    down = ResampledConv(5, "down", equalised=Equalised(gain=2.0)).apply(params, jnp.asarray(x))
    whole = np.asarray(convolved(x, kernel)) * 2 / np.sqrt(27)
    close(down, whole.reshape(2, 2, 2, 2, 2, 5).mean((2, 4)) + bias, 1e-4)


@pytest.mark.parametrize("up", [False, True])
def test_modulated_convolution_is_one_of_each_examples_own_kernel(up: bool) -> None:
    x, style = draw(3, 4, 4, 6), draw(3, 5, seed=1)
    layer = layers.ModulatedConv(7, up=up)
    variables = layer.init(jax.random.key(0), x, style)
    affine = jax.tree.map(np.asarray, variables["params"]["affine"])
    scale = style @ affine["kernel"] / np.sqrt(5) + affine["bias"]
    kernel = np.asarray(variables["params"]["kernel"])
    kernel = np.flip(kernel.swapaxes(2, 3), (0, 1)) if up else kernel
    expected = []
    for image, own in zip(x, np.asarray(scale), strict=True):
        scaled = kernel * own[:, None]
        scaled = scaled / np.sqrt((scaled**2).sum((0, 1, 2)) + 1e-8)
        if up:  # zeros between pixels, the kernel, then the filter
            stuffed = np.zeros((1, 11, 11, 6), np.float32)
            stuffed[:, 2:9:2, 2:9:2] = image
            image = lax.conv_general_dilated(
                stuffed, scaled, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
            )
            expected.append(layers.blur(image, SMOOTH, (1, 1), gain=4.0)[0])
        else:
            expected.append(convolved(image[None], scaled)[0])
    close(layer.apply(variables, x, style), np.stack(expected), 1e-4)


def test_demodulation_gives_unit_variance_whatever_the_style() -> None:
    x, style = draw(4, 16, 16, 32), 10 * draw(4, 8, seed=1)
    layer = layers.ModulatedConv(64)
    y, _ = layer.init_with_output(jax.random.key(0), x, style)
    inside = np.asarray(y)[:, 1:-1, 1:-1]
    deviations = inside.std((1, 2, 3))
    np.testing.assert_allclose(deviations, 1.0, atol=0.05)
    plain = layers.ModulatedConv(64, demodulate=False)
    assert np.asarray(plain.init_with_output(jax.random.key(0), x, style)[0]).std() > 2


def test_noise_is_drawn_in_training_and_fixed_elsewhere() -> None:
    x = jnp.zeros((3, 4, 4, 2))
    layer = layers.Noise(per_channel=True)
    variables = layer.init(jax.random.key(0), x)
    assert not np.asarray(layer.apply(variables, x, train=False)).any()
    params = {"strength": jnp.asarray([2.0, 0.0])}
    variables = {**variables, "params": params}
    fixed = np.asarray(layer.apply(variables, x, train=False))
    close(fixed[..., 0], np.broadcast_to(2 * variables["noise"]["const"], (3, 4, 4)))
    assert not fixed[..., 1].any()
    drawn = np.asarray(layer.apply(variables, x, rngs={"params": jax.random.key(1)}))
    assert len({example.tobytes() for example in drawn}) == 3


def test_the_mapping_network_and_its_mean() -> None:
    z, label = draw(4, 3), np.asarray([0, 1, 2, -1])
    layer = layers.MappingNetwork(5, num_layers=2, num_classes=3, decay=0.9)
    variables = layer.init(jax.random.key(0), z, label)
    params = jax.tree.map(np.asarray, variables["params"])
    codes = np.eye(4)[:, :3][label]

    def normed(x: np.ndarray) -> np.ndarray:
        return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-8)

    embedded = normed(codes @ params["embed"]["kernel"] / np.sqrt(3) + params["embed"]["bias"])
    x = np.concatenate([normed(z), embedded], -1)
    for name in ("fc0", "fc1"):
        x = x @ params[name]["kernel"] * 0.01 / np.sqrt(x.shape[1]) + 0.01 * params[name]["bias"]
        x = np.sqrt(2) * np.where(x > 0, x, 0.2 * x)
    w, moved = layer.apply(variables, z, label, mutable=["styles"])
    close(w, x)
    close(moved["styles"]["mean"], 0.1 * x.mean(0))
    _, kept = layer.apply(variables, z, label, False, mutable=["styles"])
    assert not np.asarray(kept["styles"]["mean"]).any()


def test_style_mixing_changes_late_layers_of_a_share_of_the_images() -> None:
    first, second = jnp.zeros((2000, 6, 1)), jnp.ones((2000, 1, 1))
    mixed = np.asarray(layers.mix_styles(jax.random.key(0), first, second, probability=0.6))[..., 0]
    assert (np.diff(mixed, axis=1) >= 0).all()  # once the second latent's, always
    assert not mixed[:, 0].any()
    counts = np.bincount(mixed.sum(1).astype(int), minlength=6)
    np.testing.assert_allclose(counts / 2000, [0.4, *[0.12] * 5], atol=0.03)


def test_scaled_leaky_relu() -> None:
    x = jnp.asarray([4.0, -1.0])
    close(scaled_leaky_relu(x), np.sqrt(2) * np.asarray([4.0, -0.2]))
    close(scaled_leaky_relu(x, 1.0, clamp=2.0), [np.sqrt(2), -0.2])


def test_sizes() -> None:
    assert sizes_of(8) == (4, 8)
    assert num_styles(8) == 4
    assert [num_channels(size, 16384, 512) for size in (4, 32, 64, 1024)] == [512, 512, 256, 16]
    for size in (4, 24):
        with pytest.raises(ValueError, match=f"image_size is {size}; it must be a power of two"):
            sizes_of(size)
    with pytest.raises(ValueError, match="channel_base is 8; it must be at least 16, the pixels"):
        num_channels(16, 8, 4)
    with pytest.raises(ValueError, match="resolution is 12; it must be 4, 8 or 16"):
        check_resolution(16, 12)


@pytest.mark.slow
def test_layers_differentiate_twice() -> None:
    """A step of `check_grads` by hand: R1's gradient against finite differences."""
    x, style = jnp.asarray(draw(1, 4, 4, 2)), jnp.asarray(draw(1, 3, seed=1))
    layer: nn.Module = layers.ModulatedConv(2, up=True)
    variables = layer.init(jax.random.key(0), x, style)

    @jax.jit
    def slope(style: jax.Array) -> Any:
        gradient = jax.grad(lambda x: jnp.sum(jnp.sin(layer.apply(variables, x, style))))(x)
        return jnp.sum(jnp.square(gradient))

    found, h = jax.jit(jax.grad(slope))(style), 1e-2
    direction = found / jnp.linalg.norm(found)
    rise = (slope(style + h * direction) - slope(style - h * direction)) / (2 * h)
    np.testing.assert_allclose(rise, jnp.linalg.norm(found), rtol=1e-2)


def test_styles_are_mixed_among_the_layers_in_use() -> None:
    """Of the 6 layers of 16 pixels 2 are in use at 4, as in the authors' code: the cutoff is 1."""

    @jax.jit
    def styles(key: jax.Array) -> list[jax.Array]:
        made = []
        for resolution in (4, 8, None):
            module = StyleGANGenerator(
                16, 1, 32, 2, 4, num_mapping_layers=1, mixing=1.0, resolution=resolution
            )
            z = jax.random.normal(key, (64, 3))
            variables = module.init(key, z)
            rngs = {"params": key}
            made.append(module.apply(variables, z, rngs=rngs, method="styles", mutable=True)[0])
        return made

    for w, used in zip(styles(jax.random.key(0)), (2, 4, 6), strict=True):
        is_first = np.asarray((w == w[:, :1]).all(axis=-1))
        cutoffs = is_first.sum(axis=1)
        assert set(cutoffs) == set(range(1, used))
        np.testing.assert_array_equal(is_first, np.arange(6) < cutoffs[:, None])
