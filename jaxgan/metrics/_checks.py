"""What metrics ask of the arrays they are given."""

from __future__ import annotations

from typing import Any

import numpy as np

from jaxgan.core.errors import bad_value

FEATURES = ("N", "F")
IMAGES = ("N", "H", "W", "C")


def finite(name: str, values: Any, axes: tuple[str, ...] = FEATURES) -> np.ndarray:
    """Examples on the host, none of them empty, infinite or NaN.

    Args:
      name: what the array is called in an error.
      values: an array of any library.
      axes: of the array, by name; the first counts examples.

    Returns:
      The array, not copied where that can be helped.

    Raises:
      ValueError: if the shape is another, or a number is not finite; it says in how many examples.

    Example:
      >>> finite("features", [[1.0, 2.0], [3.0, float("nan")]])
      Traceback (most recent call last):
      ValueError: features: 1 of 2 examples is not finite, the first at 1; every number must be
    """
    array = np.asarray(values)
    shape = ", ".join(axes)
    if array.ndim != len(axes) or not array.size:
        raise ValueError(bad_value(f"{name}.shape", array.shape, f"[{shape}], none of them 0"))
    bad = np.flatnonzero(~np.isfinite(array).reshape(len(array), -1).all(axis=1))
    if len(bad):
        verb = "is" if len(bad) == 1 else "are"
        raise ValueError(
            f"{name}: {len(bad)} of {len(array)} examples {verb} not finite, the first at "
            f"{bad[0]}; every number must be"
        )
    return array


def finite_pair(
    real: Any, fake: Any, axes: tuple[str, ...] = FEATURES
) -> tuple[np.ndarray, np.ndarray]:
    """Two sets of examples of the same shape.

    Args:
      real: one set.
      fake: the other, of as many examples or not.
      axes: of both, by name.

    Returns:
      Both, on the host.

    Raises:
      ValueError: if one is not `finite`, or their examples have different shapes.

    Example:
      >>> finite_pair(np.ones([2, 3]), np.ones([2, 4]))
      Traceback (most recent call last):
      ValueError: real has examples of shape (3,), fake of (4,); they must be the same
    """
    x, y = finite("real", real, axes), finite("fake", fake, axes)
    if x.shape[1:] != y.shape[1:]:
        raise ValueError(
            f"real has examples of shape {x.shape[1:]}, fake of {y.shape[1:]}; they must be the "
            "same"
        )
    return x, y


def class_labels(name: str, labels: Any, num: int, num_classes: int) -> np.ndarray:
    """Labels of examples, on the host.

    Args:
      name: what they are called in an error.
      labels: integers in [0, num_classes), of shape [num].
      num: how many examples there are.
      num_classes: how many classes there are.

    Returns:
      int64 of shape [num].

    Raises:
      ValueError: if they are not that, as the -1 of unlabelled examples is not.

    Example:
      >>> class_labels("labels", [0, -1], 2, 10)
      Traceback (most recent call last):
      ValueError: labels are in [-1, 0]; they must be in [0, 10)
    """
    array = np.asarray(labels)
    if array.shape != (num,) or not np.issubdtype(array.dtype, np.integer):
        raise ValueError(
            f"{name} has shape {array.shape} and dtype {array.dtype}; it must be ({num},), integers"
        )
    if array.min() < 0 or array.max() >= num_classes:
        raise ValueError(
            f"{name} are in [{array.min()}, {array.max()}]; they must be in [0, {num_classes})"
        )
    return array.astype(np.int64)


def at_least(name: str, value: int, least: int) -> None:
    """A count that must not be too small.

    Args:
      name: what it is called in the error.
      value: what it is.
      least: what is allowed.

    Raises:
      ValueError: if it is smaller.

    Example:
      >>> at_least("k", 0, 1)
      Traceback (most recent call last):
      ValueError: k is 0; it must be at least 1
    """
    if value < least:
        raise ValueError(bad_value(name, value, f"at least {least}"))
