"""The features of the Fréchet Inception distance in both published conventions; their weights."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from jaxgan.core.errors import FeatureError, bad_value
from jaxgan.core.typing import Array, Params
from jaxgan.features import weights
from jaxgan.features.base import Extractor
from jaxgan.features.inception_network import NUM_LOGITS, Inception
from jaxgan.features.resize import CORNER, HALF_PIXEL, resize_bilinear
from jaxgan.features.weights import Published, Recipe, Shapes, Weights

SIZE = 299
TAPS = (64, 192, 768, 2048)
"""Lengths of the features: after both maximum pools, before the last three blocks, at the end."""

BATCH_NORM_EPS = 1e-3

CONVENTIONS: dict[str, dict[str, str]] = {
    "pytorch-fid": {
        "resize": "299x299 bilinear, half-pixel centres, no antialiasing",
        "normalise": "8 bits, x / 127.5 - 1",
    },
    "torch-fidelity": {
        "resize": "299x299 bilinear, corners as in TensorFlow 1, no antialiasing",
        "normalise": "8 bits, (x - 128) / 128",
    },
}


def prepare(images: Array, convention: str = "pytorch-fid") -> Array:
    """Images as the network wants them: three channels, 8 bits, resized and scaled.

    Grey images are repeated. All images are rounded to 8 bits first, as those are that other tools
    read from files, so generated images have no finer shades than the real ones.

    Args:
      images: float32 [B, H, W, 1 or 3] in [-1, 1].
      convention: one of `CONVENTIONS`.

    Returns:
      float32 [B, 299, 299, 3].

    Raises:
      FeatureError: for points, another number of channels or an unknown convention.

    Example:
      >>> white = jnp.ones((1, 4, 4, 1))
      >>> x, y = prepare(white), prepare(white, "torch-fidelity")
      >>> x.shape, float(x.max()), float(y.max())
      ((1, 299, 299, 3), 1.0, 0.9921875)
    """
    if convention not in CONVENTIONS:
        raise FeatureError(bad_value("convention", convention, CONVENTIONS))
    if images.ndim != 4 or images.shape[-1] not in (1, 3):
        shape, allowed = images.shape[1:], "[H, W, 1] or [H, W, 3]"
        raise FeatureError(bad_value("inception: shape of an example", shape, allowed))
    x = jnp.clip(jnp.rint((images + 1.0) * 127.5), 0.0, 255.0)
    if convention == "pytorch-fid":
        x = resize_bilinear(x, SIZE, HALF_PIXEL) / 127.5 - 1.0
    else:
        x = (resize_bilinear(x, SIZE, CORNER) - 128.0) / 128.0
    return jnp.repeat(x, 3, axis=-1) if x.shape[-1] == 1 else x


def taps(
    params: Params, images: Array, convention: str = "pytorch-fid", last: int = 2048
) -> dict[str, Array]:
    """What the network says of images at each of its taps.

    Args:
      params: as `recipe` converts them.
      images: float32 [B, H, W, 1 or 3] in [-1, 1].
      convention: one of `CONVENTIONS`.
      last: the last tap that is wanted.

    Returns:
      As `Inception`.

    Raises:
      FeatureError: as `prepare`.
    """
    found: Any = Inception(last).apply({"params": params}, prepare(images, convention))
    return dict(found)


def inception(
    loaded: Weights | Path | None = None, *, convention: str = "pytorch-fid", tap: int = 2048
) -> Extractor:
    """The features of the Fréchet Inception distance, and the logits of the Inception score.

    With the published weights and the last tap its `protocol["published"]` is 1: then its scores
    are `fid`, `kid` and `is`. The logits are those without the last bias, which the Inception score
    has always been computed from.

    Args:
      loaded: weights, or the file that holds them; None for the file in `$JAXGAN_WEIGHTS` or the
        cache.
      convention: "pytorch-fid" or "torch-fidelity": how images are resized and scaled.
      tap: 64, 192, 768 or 2048: how long the features are; only the last one gives logits.

    Returns:
      An `Extractor` named `inception`, with another tap `inception-TAP`.

    Raises:
      FeatureError: if there are no such weights, or an unknown convention or tap; when applied, for
        images of other than one or three channels.

    References:
      Szegedy et al., 2016 (arXiv:1512.00567); Salimans et al., 2016 (arXiv:1606.03498); Heusel et
      al., 2017 (arXiv:1706.08500).
    """
    if convention not in CONVENTIONS:
        raise FeatureError(bad_value("convention", convention, CONVENTIONS))
    if tap not in TAPS:
        raise FeatureError(bad_value("tap", tap, TAPS))
    if not isinstance(loaded, Weights):
        loaded = weights.load(recipe(), loaded)

    def apply(params: Params, images: Array) -> dict[str, Array]:
        found = taps(params, images, convention, tap)
        named = {"features": found[str(tap)]}
        return {**named, "logits": found["logits_unbiased"]} if tap == 2048 else named

    protocol: dict[str, str | int | float] = {
        "network": "inception-2015-12-05",
        "weights": f"sha256:{loaded.sha256}",
        "published": int(loaded.published and tap == 2048),
        "tap": tap,
        "convention": convention,
        **CONVENTIONS[convention],
        "grey": "repeated to 3 channels",
        **({"logits": "without bias"} if tap == 2048 else {}),
    }
    name = "inception" if tap == 2048 else f"inception-{tap}"
    return Extractor(
        name=name,
        params=loaded.params,
        apply=apply,
        protocol=protocol,
        num_classes=NUM_LOGITS if tap == 2048 else None,
    )


# The weights


@functools.cache
def recipe() -> Recipe:
    """How the published weights become ours: batch norms are folded into the convolutions."""
    published = Published(
        "pt_inception-2015-12-05-6726825d.pth",
        "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
        "pt_inception-2015-12-05-6726825d.pth",
        "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
    )
    return Recipe(
        "inception",
        (published,),
        state_shapes,
        lambda name: name.endswith(".num_batches_tracked"),
        param_shapes,
        fold,
    )


@functools.cache
def param_shapes() -> Shapes:
    """Shapes of our arrays by name, such as `Mixed_5b/branch1x1/kernel`."""
    image = jax.ShapeDtypeStruct((1, SIZE, SIZE, 3), jnp.float32)
    variables = jax.eval_shape(Inception().init, jax.random.key(0), image)
    flat = traverse_util.flatten_dict(variables["params"], sep="/")
    return {name: leaf.shape for name, leaf in flat.items()}


def state_shapes() -> Shapes:
    """Shapes of the published arrays by name, such as `Mixed_5b.branch1x1.conv.weight`."""
    shapes: Shapes = {"fc.weight": (NUM_LOGITS, 2048), "fc.bias": (NUM_LOGITS,)}
    for layer, (height, width, inputs, features) in _kernels():
        shapes[f"{layer}.conv.weight"] = (features, inputs, height, width)
        for name in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{layer}.bn.{name}"] = (features,)
    return shapes


def fold(state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Our arrays of the published ones, or of some layers of theirs; products in double precision.

    γ (w * x - μ) / √(σ² + ε) + β is the convolution with w γ / √(σ² + ε), plus a bias.
    """
    arrays: dict[str, np.ndarray] = {}
    if "fc.weight" in state:
        arrays |= {"fc/kernel": state["fc.weight"].T, "fc/bias": state["fc.bias"]}
    for layer in (name.removesuffix(".conv.weight") for name in state if ".conv." in name):
        scale, shift, mean, variance = (
            state[f"{layer}.bn.{name}"].astype(np.float64)
            for name in ("weight", "bias", "running_mean", "running_var")
        )
        scale = scale / np.sqrt(variance + BATCH_NORM_EPS)
        kernel = state[f"{layer}.conv.weight"].transpose(2, 3, 1, 0)
        name = layer.replace(".", "/")
        arrays[f"{name}/kernel"] = kernel * scale
        arrays[f"{name}/bias"] = shift - mean * scale
    return arrays


def _kernels() -> list[tuple[str, tuple[int, ...]]]:
    """The convolutions by PyTorch's names, and the shapes of our kernels."""
    return [
        (name.removesuffix("/kernel").replace("/", "."), shape)
        for name, shape in param_shapes().items()
        if len(shape) == 4
    ]
