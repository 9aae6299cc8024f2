"""A score with all that its value depends on: two numbers may be compared if that is the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from jaxgan.version import __version__

KEYS = (
    "network",
    "weights",
    "resize",
    "normalise",
    "reference",
    "split",
    "data",
    "n_real",
    "n_fake",
    "seed",
    "step",
    "member",
    "ema",
    "truncation",
    "jaxgan",
)
"""What the protocol of every score has; a metric's own options come on top."""

MODEL_KEYS = ("step", "member")
"""Which model was measured; all other keys say how."""


class Score(NamedTuple):
    """One number, and what it depends on.

    Attributes:
      name: such as `fd_digits-cnn`: metric, and the network whose features it is on.
      value: the number; it may be infinite.
      std: an estimate of its standard error or spread, where the metric has one.
      protocol: at least the keys of `KEYS`; values are strings, numbers, booleans or None.
      values: those of which it is the mean; () of a single one.
    """

    name: str
    value: float
    std: float | None
    protocol: Mapping[str, Any]
    values: tuple[float, ...] = ()


def make_protocol(**entries: Any) -> dict[str, Any]:
    """A whole protocol: what is not given is None, the version is this one.

    Args:
      **entries: by key; those beyond `KEYS` are a metric's own options.

    Returns:
      The protocol, in the order of `KEYS`.

    Example:
      >>> protocol = make_protocol(n_real=1797, k=5)
      >>> protocol["n_real"], protocol["network"], list(protocol)[-1]
      (1797, None, 'k')
    """
    known = {**dict.fromkeys(KEYS), "jaxgan": __version__}
    return {**known, **entries}


def comparable(protocol: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a protocol that must be equal for two values to be compared.

    Args:
      protocol: of a score.

    Returns:
      All but which model was measured.

    Example:
      >>> "step" in comparable(make_protocol(step=100))
      False
    """
    return {key: value for key, value in protocol.items() if key not in MODEL_KEYS}


def protocol_differences(
    one: Mapping[str, Any], other: Mapping[str, Any]
) -> dict[str, tuple[Any, Any]]:
    """What keeps two values apart.

    Args:
      one: the protocol of a score.
      other: that of another.

    Returns:
      (value in one, value in other) by key; None where there is no such key.

    Example:
      >>> protocol_differences(make_protocol(n_fake=5000), make_protocol(n_fake=10000))
      {'n_fake': (5000, 10000)}
    """
    one, other = comparable(one), comparable(other)
    keys = [*one, *(key for key in other if key not in one)]
    return {key: (one.get(key), other.get(key)) for key in keys if one.get(key) != other.get(key)}
