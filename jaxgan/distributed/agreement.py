"""What the processes of one job tell each other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from jaxgan.core.errors import ProcessError


def check_same(settings: Mapping[str, Any]) -> None:
    """Raises in every process unless all were started with the same settings.

    Args:
      settings: a flat dict of what JSON can say: dotted config keys, versions of the code.

    Raises:
      ProcessError: naming the first differing key, and the values in both processes.

    Example:
      >>> check_same({"seed": 0})
    """
    if jax.process_count() == 1:
        return
    everyone = [
        json.loads(text) for text in _gather(json.dumps(settings, sort_keys=True, default=str))
    ]
    first = everyone[0]
    for index, other in enumerate(everyone):
        for key in sorted({*first, *other}):
            if first.get(key) != other.get(key):
                raise ProcessError(
                    f"processes differ: {key} is {first.get(key)!r} in process 0 and "
                    f"{other.get(key)!r} in process {index}"
                )


def from_first(value: Any) -> Any:
    """What process 0 has to say; every process calls it.

    Args:
      value: what JSON can say; only that of the first process counts.

    Returns:
      That of the first process.

    Example:
      >>> from_first({"step": 20})
      {'step': 20}
    """
    return value if jax.process_count() == 1 else json.loads(_gather(json.dumps(value))[0])


def in_any(flag: bool) -> bool:
    """Whether it is so in any process; every process calls it.

    Args:
      flag: whether it is so in this one.

    Returns:
      Whether it is anywhere.

    Example:
      >>> in_any(False)
      False
    """
    return flag if jax.process_count() == 1 else "1" in _gather(str(int(flag)))


def in_all(flag: bool) -> bool:
    """Whether it is so in every process; every process calls it.

    Args:
      flag: whether it is so in this one.

    Returns:
      Whether it is everywhere.

    Example:
      >>> in_all(True)
      True
    """
    return not in_any(not flag)


def _gather(text: str) -> list[str]:
    """The texts of all processes."""
    encoded = text.encode()
    sizes = multihost_utils.process_allgather(np.int32(len(encoded)))
    padded = np.zeros(max(1, int(np.max(sizes))), np.uint8)
    padded[: len(encoded)] = np.frombuffer(encoded, np.uint8)
    gathered = np.asarray(multihost_utils.process_allgather(padded)).reshape(len(sizes), -1)
    return [
        row[:size].tobytes().decode() for row, size in zip(gathered, sizes.ravel(), strict=True)
    ]
