"""What the tests of the experiments share: how to import one, and how to run its main."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

EXPERIMENTS = Path(__file__).parents[1] / "experiments"


def imported(name: str) -> ModuleType:
    """Experiments are scripts: they import one another from their own folder."""
    sys.path.insert(0, str(EXPERIMENTS))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(EXPERIMENTS))


def report_of(
    name: str, flags: list[str], out: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """Runs an experiment's main in this process and reads what it wrote."""
    monkeypatch.setattr(sys, "argv", [name, "--out", str(out), *flags])
    imported(name).main()
    with Image.open(out / f"{name}.png") as picture:
        assert np.asarray(picture.convert("L")).std() > 0
    return json.loads((out / f"{name}.json").read_text())
