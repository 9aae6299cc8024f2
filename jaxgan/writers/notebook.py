"""Progress and pictures in the output of a notebook's cell."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import numpy as np

from jaxgan.writers.pictures import as_image


def in_notebook() -> bool:
    """Whether this is the kernel of a notebook.

    Example:
      >>> in_notebook()
      False
    """
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None


class Cell:
    """A line and a picture below the running cell, each in place of the one before.

    Example:
      See `Progress`.
    """

    def __init__(self) -> None:
        self._display: Any = importlib.import_module("IPython.display")
        self._shown: dict[str, Any] = {}

    def line(self, text: str) -> None:
        """Shows a line.

        Args:
          text: the line.
        """
        self._show("line", self._display.Pretty(text))

    def picture(self, pixels: np.ndarray) -> None:
        """Shows a picture.

        Args:
          pixels: uint8 [height, width, 1 or 3].
        """
        self._show("picture", as_image(pixels))

    def _show(self, kind: str, content: Any) -> None:
        if kind in self._shown:
            self._shown[kind].update(content)
        else:
            self._shown[kind] = self._display.display(content, display_id=True)
