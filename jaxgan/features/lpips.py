"""LPIPS: how different two images look, by the features of a classifier of photographs."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgan.core.errors import FeatureError, bad_value
from jaxgan.core.typing import Array, Params
from jaxgan.features import weights
from jaxgan.features.base import Distance
from jaxgan.features.inception_network import conv, max_pool
from jaxgan.features.weights import Published, Recipe, Shapes, Weights

SHIFT = (-0.030, -0.088, -0.188)
SCALE = (0.458, 0.448, 0.450)
"""ImageNet's mean and standard deviation per channel, for images in [-1, 1]."""

EPS = 1e-10

_TORCHVISION = "https://download.pytorch.org/models/"
_HEADS = "https://github.com/richzhang/PerceptualSimilarity/raw/master/lpips/weights/v0.1/"


class Layer(NamedTuple):
    """A convolution with bias and ReLU of a network without branches.

    Attributes:
      number: its place in PyTorch's list of layers.
      shape: of its kernel, HWIO.
      stride: of both axes.
      pool: size of the maximum pool of stride 2 before it; 0 for none.
      tapped: whether its output is compared.
    """

    number: int
    shape: tuple[int, int, int, int]
    stride: int
    pool: int
    tapped: bool


def _vgg16() -> tuple[Layer, ...]:
    layers: list[Layer] = []
    index, inputs = 0, 3
    for block, (features, depth) in enumerate(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))):
        for place in range(depth):
            pool = 2 if block and not place else 0
            last = place == depth - 1
            layers.append(Layer(index, (3, 3, inputs, features), 1, pool, last))
            index, inputs = index + 2, features
        index += 1
    return tuple(layers)


NETWORKS: dict[str, tuple[Layer, ...]] = {
    "alex": (
        Layer(0, (11, 11, 3, 64), 4, 0, True),
        Layer(3, (5, 5, 64, 192), 1, 3, True),
        Layer(6, (3, 3, 192, 384), 1, 3, True),
        Layer(8, (3, 3, 384, 256), 1, 0, True),
        Layer(10, (3, 3, 256, 256), 1, 0, True),
    ),
    "vgg16": _vgg16(),
}
"""The networks whose features are compared."""

_FILES = {
    "alex": (
        Published(
            "alexnet-owt-7be5be79.pth",
            f"{_TORCHVISION}alexnet-owt-7be5be79.pth",
            "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
        ),
        Published(
            "alex.pth",
            f"{_HEADS}alex.pth",
            "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
        ),
    ),
    "vgg16": (
        Published(
            "vgg16-397923af.pth",
            f"{_TORCHVISION}vgg16-397923af.pth",
            "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
        ),
        Published(
            "vgg.pth",
            f"{_HEADS}vgg.pth",
            "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868",
        ),
    ),
}

# Below, nothing is left after the last pool.
_MIN_SIZE = {"alex": 31, "vgg16": 16}


def lpips(loaded: Weights | Path | None = None, *, network: str = "vgg16") -> Distance:
    """The learned perceptual distance, version 0.1, of two batches of images.

    Σ_l mean_hw Σ_c w_lc (x̂_lhwc - ŷ_lhwc)², where x̂_l are the features of x after layer l, divided
    by their length at each pixel, and w_l ≥ 0 weights that were fitted to what people say. Grey
    images are repeated to three channels; nothing is resized.

    Args:
      loaded: weights, or the file that holds them; None for the file in `$JAXGAN_WEIGHTS` or the
        cache.
      network: "alex", the authors' choice for comparing, or "vgg16", that for optimising and for
        perceptual path lengths.

    Returns:
      A `Distance` named `lpips-NETWORK`.

    Raises:
      FeatureError: if there is no such network, or no weights; when applied, for other than one or
        three channels or images too small.

    References:
      Zhang et al., 2018 (arXiv:1801.03924).
    """
    if network not in NETWORKS:
        raise FeatureError(bad_value("network", network, NETWORKS))
    if not isinstance(loaded, Weights):
        loaded = weights.load(recipe(network), loaded)
    protocol: dict[str, str | int | float] = {
        "network": f"lpips-{network} 0.1",
        "weights": f"sha256:{loaded.sha256}",
        "published": int(loaded.published),
        "resize": "none",
        "grey": "repeated to 3 channels",
    }
    return Distance(
        name=f"lpips-{network}",
        params=loaded.params,
        apply=functools.partial(distance, network),
        protocol=protocol,
    )


def distance(network: str, params: Params, x: Array, y: Array) -> Array:
    """The distance itself.

    Args:
      network: one of `NETWORKS`.
      params: as `recipe` converts them.
      x: float32 [B, H, W, 1 or 3] in [-1, 1].
      y: of the same shape.

    Returns:
      float32 [B].

    Raises:
      FeatureError: for other shapes.
    """
    least = _MIN_SIZE[network]
    if x.shape != y.shape or x.ndim != 4 or x.shape[3] not in (1, 3) or min(x.shape[1:3]) < least:
        raise FeatureError(
            f"lpips-{network}: images of shape {x.shape} and {y.shape}; they must be the same, "
            f"[B, H, W, 1 or 3] of at least {least} pixels"
        )
    total = jnp.zeros(len(x), jnp.float32)
    heads = iter(range(5))
    both = _scaled(jnp.concatenate([x, y]))
    for layer in NETWORKS[network]:
        if layer.pool:
            both = max_pool(both, layer.pool, 2)
        own = params[f"conv{layer.number}"]
        pad = 2 if layer.shape[0] == 11 else layer.shape[0] // 2
        padding = ((pad, pad), (pad, pad))
        both = jnp.maximum(conv(both, own["kernel"], own["bias"], layer.stride, padding), 0.0)
        if layer.tapped:
            unit = both / (jnp.sqrt(jnp.sum(both**2, axis=-1, keepdims=True)) + EPS)
            squares = jnp.square(unit[: len(x)] - unit[len(x) :]).mean(axis=(1, 2))
            head = params[f"head{next(heads)}"]["kernel"]
            total = total + jnp.dot(squares, head, precision=lax.Precision.HIGHEST)
    return total


def _scaled(images: Array) -> Array:
    if images.shape[-1] == 1:
        images = jnp.repeat(images, 3, axis=-1)
    shift, scale = (jnp.asarray(v, jnp.float32).reshape(1, 1, 1, 3) for v in (SHIFT, SCALE))
    return (images - shift) / scale


# The weights


@functools.cache
def recipe(network: str = "vgg16") -> Recipe:
    """How the published weights become ours.

    Args:
      network: one of `NETWORKS`.

    Returns:
      A `Recipe` of two files: the features are torchvision's, the heads those of the authors.
    """
    layers = NETWORKS[network]
    tapped = [layer.shape[3] for layer in layers if layer.tapped]
    shapes: Shapes = {}
    state_shapes: Shapes = {}
    for layer in layers:
        height, width, inputs, features = layer.shape
        state_shapes[f"features.{layer.number}.weight"] = (features, inputs, height, width)
        state_shapes[f"features.{layer.number}.bias"] = (features,)
        shapes[f"conv{layer.number}/kernel"] = layer.shape
        shapes[f"conv{layer.number}/bias"] = (features,)
    for index, features in enumerate(tapped):
        state_shapes[f"lin{index}.model.1.weight"] = (1, features, 1, 1)
        shapes[f"head{index}/kernel"] = (features,)

    def convert(state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        arrays = {}
        for name, array in state.items():
            part, index = name.split(".")[0], name.split(".")[1]
            if part != "features":
                arrays[f"head{part.removeprefix('lin')}/kernel"] = array.reshape(-1)
            elif name.endswith(".bias"):
                arrays[f"conv{index}/bias"] = array
            else:
                arrays[f"conv{index}/kernel"] = array.transpose(2, 3, 1, 0)
        return arrays

    return Recipe(
        f"lpips-{network}",
        _FILES[network],
        lambda: state_shapes,
        lambda name: name.startswith("classifier."),
        lambda: shapes,
        convert,
    )
