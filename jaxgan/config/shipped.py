"""The configs that come with jaxgan: of a checkout, or of what pip installed."""

from __future__ import annotations

import ast
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


def shipped() -> dict[str, Path]:
    """The configs that come with jaxgan.

    Returns:
      Their files by name.

    Example:
      >>> "digits" in shipped()
      True
    """
    installed = _PACKAGE / "configs"
    folder = installed if installed.is_dir() else _PACKAGE.with_name("configs")
    return {path.stem: path for path in sorted(folder.glob("*.py"))}


def describe(path: Path) -> str:
    """What a config trains, in one line.

    Args:
      path: its file.

    Returns:
      The first line of the file's docstring.

    Example:
      >>> describe(shipped()["digits"])
      'DCGAN on 1,797 real handwritten digits, 8x8 pixels: the main job.'
    """
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
    return docstring.partition("\n")[0]
