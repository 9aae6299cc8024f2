"""Gaussian mixtures in the plane, sampled on the device: where mode collapse can be counted."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.core.checks import is_traced
from jaxgan.core.errors import bad_value
from jaxgan.core.ranges import Positive, Repeats, checked
from jaxgan.core.typing import Batch, Key
from jaxgan.data.source import DeviceSource, element_spec_of


@checked
def mixture(name: str, modes: np.ndarray, std: Positive) -> DeviceSource:
    r"""Makes the distribution `x = m_k + std e`, k uniform over the modes, e standard normal.

    Args:
      name: what to call it in messages and logs.
      modes: [num_modes, D], the centres.
      std: standard deviation of each mode, in every coordinate; positive.

    Returns:
      A `DeviceSource`; the label of a sample is the index of its mode.

    Raises:
      ValueError: `std` is not positive, or `modes` is not a finite [num_modes, D].

    >>> source = mixture("two", np.array([[-1.0, 0.0], [1.0, 0.0]]), std=0.1)
    >>> batch = source.sample(jax.random.key(0), 5)
    >>> batch["image"].shape, batch["label"].shape
    ((5, 2), (5,))
    """
    modes = modes.astype(np.float32) if is_traced(modes) else np.asarray(modes, np.float32)
    is_known = not is_traced(modes)
    if modes.ndim != 2 or 0 in modes.shape or (is_known and not np.isfinite(modes).all()):
        raise ValueError(bad_value("modes.shape", modes.shape, "[num_modes, D], and all finite"))

    def sample(key: Key, num: int) -> Batch:
        mode_key, noise_key = jax.random.split(key)
        label = jax.random.randint(mode_key, (num,), 0, len(modes), dtype=jnp.int32)
        noise = jax.random.normal(noise_key, (num, modes.shape[1]), dtype=jnp.float32)
        return {
            "image": jnp.asarray(modes)[label] + jnp.asarray(std, jnp.float32) * noise,
            "label": label,
        }

    return DeviceSource(
        name=name,
        element_spec=element_spec_of(modes.shape[1:], labelled=True),
        num_classes=len(modes),
        sample=sample,
        modes=modes,
        std=std,
    )


@checked
def ring(*, num_modes: Repeats = 8, radius: Positive = 2.0, std: Positive = 0.02) -> DeviceSource:
    r"""Makes a ring of Gaussians: `m_k = radius (cos 2πk/K, sin 2πk/K)`, K = num_modes.

    Args:
      num_modes: K, at least 1.
      radius: of the ring; positive.
      std: standard deviation of each mode; positive.

    Returns:
      A `DeviceSource` of points [2].

    Raises:
      ValueError: a value out of its range.

    >>> ring(num_modes=4).modes.round(6).tolist()[0]
    [2.0, 0.0]

    References:
      Metz et al., "Unrolled Generative Adversarial Networks", 2017.
    """
    angles = 2 * np.pi * np.arange(num_modes) / num_modes
    return mixture("ring", radius * np.stack([np.cos(angles), np.sin(angles)], axis=1), std)


@checked
def grid(*, num_side: Repeats = 5, spacing: Positive = 2.0, std: Positive = 0.05) -> DeviceSource:
    """Makes a square grid of Gaussians, centred on 0: by default on {-4, -2, 0, 2, 4}².

    Args:
      num_side: modes along each side, at least 1; there are num_side² modes.
      spacing: distance between neighbours; positive.
      std: standard deviation of each mode; positive.

    Returns:
      A `DeviceSource` of points [2].

    Raises:
      ValueError: a value out of its range.

    >>> grid().num_classes
    25

    References:
      Dumoulin et al., "Adversarially Learned Inference", 2017.
    """
    side = np.arange(num_side) - (num_side - 1) / 2
    first, second = np.meshgrid(side, side, indexing="ij")
    return mixture("grid", spacing * np.stack([first.ravel(), second.ravel()], axis=1), std)
