"""What turns images into vectors: a network, its weights, and the words that name both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.core.errors import FeatureError, bad_value
from jaxgan.core.typing import Array, PyTree

CHUNK = 256
"""Images per call of the compiled function in `extract`."""

Protocol = Mapping[str, str | int | float]
"""What a score must say of its features: names and plain values."""


class Extractor(NamedTuple):
    """A function from images to vectors, and how to name the scores that it gives.

    Attributes:
      name: part of the names of its scores: `digits-cnn` gives `fd_digits-cnn`.
      params: arrays; an argument of the compiled function, never a constant in it.
      apply: (params, images float32 [B, H, W, C] in [-1, 1], or points [B, D]) ->
        `{"features": float32 [B, F]}`, and `"logits": [B, K]` of a classifier. Pure and jittable;
        what it says of an example does not depend on the other ones.
      protocol: all else that makes two scores comparable: `network`, `weights`, `resize`,
        `normalise`, ... Where `published` is 1 the network and its weights are the published ones,
        and only then may a score be called `fid`, `kid` or `is`.
      num_classes: K; None without logits.
    """

    name: str
    params: PyTree
    apply: Callable[[PyTree, Array], dict[str, Array]]
    protocol: Protocol
    num_classes: int | None = None


class Distance(NamedTuple):
    """A distance of images, and how to name the scores that it gives.

    Attributes:
      name: part of the names of its scores.
      params: arrays; an argument of the compiled function.
      apply: (params, images, images), both float32 [B, H, W, C] in [-1, 1], to distances [B].
      protocol: as of an `Extractor`.
    """

    name: str
    params: PyTree
    apply: Callable[[PyTree, Array, Array], Array]
    protocol: Protocol


def squared_distance(extractor: Extractor) -> Distance:
    """‖φ(x) - φ(y)‖² of the features φ.

    Args:
      extractor: of the features.

    Returns:
      A `Distance` of the same name.

    Example:
      >>> pair = squared_distance(function("points", lambda points: points))
      >>> pair.apply(pair.params, jnp.zeros((1, 2)), jnp.asarray([[3.0, 4.0]]))
      Array([25.], dtype=float32)
    """

    def apply(params: PyTree, x: Array, y: Array) -> Array:
        a, b = (extractor.apply(params, images)["features"] for images in (x, y))
        return jnp.square(a - b).sum(axis=1)

    protocol = {**extractor.protocol, "distance": "squared"}
    return Distance(name=extractor.name, params=extractor.params, apply=apply, protocol=protocol)


def function(name: str, apply: Callable[[Array], Array]) -> Extractor:
    """An `Extractor` of any function from images to vectors.

    What the function closes over becomes part of the compiled program; large weights go into the
    `params` of an `Extractor` of one's own.

    Args:
      name: part of the names of its scores; small letters, digits, `-`, `_` and `.`.
      apply: float32 images [B, H, W, C] in [-1, 1], or points [B, D], to vectors [B, F]; jittable.

    Returns:
      An `Extractor`.

    Raises:
      FeatureError: if the name is none, or, when applied, the function does not give one vector
        per image.

    Example:
      >>> mean = function("mean-colour", lambda images: images.mean(axis=(1, 2)))
      >>> extract(mean, np.zeros((5, 4, 4, 3), np.float32))["features"].shape
      (5, 3)
    """
    check_name(name)

    def run(params: PyTree, images: Array) -> dict[str, Array]:
        del params
        features = apply(images)
        if features.ndim != 2 or len(features) != len(images):
            raise FeatureError(
                f"{name}: features of shape {features.shape} for {len(images)} images; "
                f"they must be ({len(images)}, F)"
            )
        return {"features": jnp.asarray(features, jnp.float32)}

    return Extractor(name=name, params=(), apply=run, protocol={"network": name, "published": 0})


def check_name(name: str) -> str:
    """Returns a name that may be part of the name of a score, and raises otherwise.

    >>> check_name("digits-cnn")
    'digits-cnn'
    """
    plain = name.replace("-", "").replace("_", "").replace(".", "")
    if not (plain.isascii() and plain.isalnum() and name == name.lower()):
        raise FeatureError(
            bad_value("name", name, "small letters, digits, hyphens, underscores, full stops")
        )
    return name


def extract(
    extractor: Extractor, images: np.ndarray, *, chunk: int = CHUNK
) -> dict[str, np.ndarray]:
    """Features of images in memory, in chunks of one size, so that one program serves them all.

    Args:
      extractor: what to apply.
      images: float32 [N, H, W, C] in [-1, 1], or points [N, D].
      chunk: images at a time; the last ones are filled up with zeros.

    Returns:
      `{"features": float32 [N, F]}`, and `"logits": [N, K]` if there are some.

    Raises:
      FeatureError: if there are no images, they are not floating point, or `chunk` is below 1.

    Example:
      >>> flat = function("flat", lambda images: images.reshape(len(images), -1))
      >>> extract(flat, np.ones((3, 2, 2, 1), np.float32), chunk=2)["features"].shape
      (3, 4)
    """
    if chunk < 1:
        raise FeatureError(bad_value("chunk", chunk, "at least 1"))
    if images.ndim not in (2, 4) or not len(images) or images.dtype.kind != "f":
        raise FeatureError(
            f"images is {images.dtype} of shape {images.shape}; it must be floats [N, H, W, C] in "
            "[-1, 1], or points [N, D], and at least one of them"
        )
    chunk = min(chunk, len(images))
    apply, params = jax.jit(extractor.apply), jax.device_put(extractor.params)
    parts: dict[str, list[np.ndarray]] = {}
    for start in range(0, len(images), chunk):
        part = np.asarray(images[start : start + chunk], np.float32)
        missing = chunk - len(part)
        if missing:
            part = np.concatenate([part, np.zeros((missing, *part.shape[1:]), np.float32)])
        for name, values in apply(params, part).items():
            parts.setdefault(name, []).append(np.asarray(values)[: chunk - missing])
    return {name: np.concatenate(values) for name, values in parts.items()}
