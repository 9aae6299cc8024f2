"""The pixels themselves as features."""

from __future__ import annotations

from jaxgan.core.errors import FeatureError, bad_value
from jaxgan.core.typing import Array, PyTree
from jaxgan.features.base import Extractor


def pixels() -> Extractor:
    """Images flattened, black being 0 and white 1; points as they are.

    The Fréchet distance of pixels sees means and covariances of colours and of large shapes. It is
    a distance that anyone can recompute, and says little of what people see.

    Returns:
      An `Extractor` named `pixels`.

    Raises:
      FeatureError: when applied, for other than images [B, H, W, C] or points [B, D].

    Example:
      >>> import jax.numpy as jnp
      >>> extractor = pixels()
      >>> extractor.apply(extractor.params, jnp.asarray([[[[-1.0], [0.0], [1.0]]]]))["features"]
      Array([[0. , 0.5, 1. ]], dtype=float32)
      >>> extractor.apply(extractor.params, jnp.asarray([[-1.0, 2.0]]))["features"]
      Array([[-1.,  2.]], dtype=float32)
    """

    def apply(params: PyTree, images: Array) -> dict[str, Array]:
        del params
        if images.ndim == 2:
            return {"features": images}
        if images.ndim != 4:
            shape = images.shape[1:]
            raise FeatureError(bad_value("pixels: shape of an example", shape, "[H, W, C] or [D]"))
        return {"features": (images.reshape(len(images), -1) + 1.0) / 2.0}

    protocol: dict[str, str | int | float] = {
        "network": "pixels",
        "published": 0,
        "resize": "none",
        "normalise": "images (x + 1) / 2, points as they are",
    }
    return Extractor(name="pixels", params=(), apply=apply, protocol=protocol)
