"""Features of a convolutional network that nobody trained."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgan.core.errors import FeatureError
from jaxgan.core.typing import Array, Params
from jaxgan.features.base import Extractor
from jaxgan.features.weights import content_sha256

SEED = 0
WIDTH = 32
MAX_STAGES = 5
GRID = 2


def random_conv(shape: tuple[int, ...], *, seed: int = SEED) -> Extractor:
    """Fixed random convolutional features, for data without labels and without a known network.

    Stages of a 3x3 convolution of stride 2 and a ReLU, 32 features each, until an image is 2 pixels
    wide or there are five of them; the features are each stage's mean over the four quarters of the
    image, 128 numbers a stage. The kernels are normal with variance 2 / (9 inputs), drawn by
    NumPy's frozen `RandomState`, so they are the same everywhere.

    Random features know nothing of what is in a picture; unlike those of ImageNet they favour no
    kind of picture either. They see blur, noise and missing classes, and their distances are
    comparable for one shape of image only.

    Args:
      shape: of an image, (H, W, C).
      seed: of the kernels.

    Returns:
      An `Extractor` named `random-conv`.

    Raises:
      FeatureError: if `shape` is not of an image, or smaller than 4 pixels; when applied, for
        another number of channels.

    Example:
      >>> extractor = random_conv((8, 8, 1))
      >>> extractor.apply(extractor.params, jnp.zeros((5, 8, 8, 1)))["features"].shape
      (5, 256)

    References:
      Naeem et al., 2020 (arXiv:2002.09797).
    """
    if len(shape) != 3 or min(shape[:2]) < 2 * GRID:
        raise FeatureError(
            f"random-conv: examples of shape {tuple(shape)}; they must be images of at least "
            f"{2 * GRID} pixels; for points take pixels"
        )
    draw = np.random.RandomState(seed)
    side, inputs = min(shape[:2]), shape[2]
    kernels: dict[str, np.ndarray] = {}
    while side > GRID and len(kernels) < MAX_STAGES:
        scale = np.sqrt(2.0 / (9 * inputs))
        kernel = draw.standard_normal((3, 3, inputs, WIDTH)) * scale
        kernels[f"conv{len(kernels)}"] = kernel.astype(np.float32)
        side, inputs = -(-side // 2), WIDTH

    def apply(params: Params, images: Array) -> dict[str, Array]:
        if images.ndim != 4 or images.shape[-1] != shape[2]:
            raise FeatureError(
                f"random-conv: examples of shape {images.shape[1:]}; "
                f"they must be [H, W, {shape[2]}], as it was made for"
            )
        parts, x = [], images
        for name in sorted(params):
            x = lax.conv_general_dilated(
                x,
                params[name],
                (2, 2),
                "SAME",
                dimension_numbers=("NHWC", "HWIO", "NHWC"),
                precision=lax.Precision.HIGHEST,
            )
            x = jnp.maximum(x, 0.0)
            parts.append(_quarters(x))
        return {"features": jnp.concatenate(parts, axis=1)}

    protocol: dict[str, str | int | float] = {
        "network": f"random-conv, {len(kernels)} stages",
        "weights": f"sha256:{content_sha256(kernels)}",
        "published": 0,
        "resize": "none",
        "normalise": "[-1, 1]",
        "features_seed": seed,
    }
    return Extractor(name="random-conv", params=kernels, apply=apply, protocol=protocol)


def _quarters(x: Array) -> Array:
    """Means over the quarters of an image; where a side is odd both halves have its middle."""
    height, width = x.shape[1:3]
    rows = (slice(0, -(-height // 2)), slice(height // 2, height))
    columns = (slice(0, -(-width // 2)), slice(width // 2, width))
    means = [x[:, row, column].mean(axis=(1, 2)) for row in rows for column in columns]
    return jnp.concatenate(means, axis=1)
