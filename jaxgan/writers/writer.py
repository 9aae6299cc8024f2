"""Writers beside the run's own: a tracking server, a file of another format."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

logger = logging.getLogger(__name__)


class Writer(Protocol):
    """What gets each logged line and picture of a run, in the process that writes."""

    def scalars(self, step: int, metrics: Mapping[str, float]) -> None:
        """Logs numbers of a step.

        Args:
          step: steps done; never less than before.
          metrics: numbers by name, such as `loss/gen`.
        """

    def image(self, step: int, name: str, pixels: np.ndarray) -> None:
        """Logs a picture of a step.

        Args:
          step: steps done.
          name: `samples`.
          pixels: uint8 [height, width, 1 or 3].
        """

    def text(self, step: int, name: str, text: str) -> None:
        """Logs a text of a step; a writer may do without.

        Args:
          step: steps done.
          name: `warnings/NAME`, of a warning of the watch.
          text: of one line or more.
        """

    def close(self) -> None:
        """Ends; called once, also where the run fails."""


METHODS = ("scalars", "image", "close")
"""What a writer must have; it may have `text`."""


class Guarded:
    """Writers of which one that fails is warned of once, and left out from then on.

    Args:
      writers: by name.

    Example:
      >>> from types import SimpleNamespace
      >>> lines = []
      >>> mine = SimpleNamespace(scalars=lambda step, metrics: lines.append((step, metrics)))
      >>> guarded = Guarded({"mine": mine, "other": None})
      >>> guarded.call("scalars", 3, {"loss": 0.5})
      >>> lines, guarded.names
      ([(3, {'loss': 0.5})], ('mine',))
    """

    def __init__(self, writers: Mapping[str, Writer]) -> None:
        self._writers = dict(writers)

    @property
    def names(self) -> tuple[str, ...]:
        """Of those that have not failed."""
        return tuple(self._writers)

    def call(self, method: str, *args: Any) -> None:
        """Calls a method of each.

        Args:
          method: one of `METHODS`, or `text`.
          *args: its arguments.
        """
        for name, writer in list(self._writers.items()):
            if method == "text" and not hasattr(writer, method):
                continue
            try:
                getattr(writer, method)(*args)
            except Exception as error:
                del self._writers[name]
                text = "writer %s fails, and is left out from now on: %s: %s"
                logger.warning(text, name, type(error).__name__, error)
