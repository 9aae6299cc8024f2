"""Reference values of other implementations, where they lie beside the repository."""

from __future__ import annotations

import functools
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SHARED = Path(os.environ.get("JAXGAN_SHARED_DIR", Path(__file__).parents[3] / "shared"))
FOLDER = SHARED / "references" / "metrics"
CASES = ("gauss_1000x64", "relu_2000x128")

needs_references = pytest.mark.skipif(
    not (FOLDER / "feature_inputs.npz").is_file(),
    reason="reference values are not beside the repository",
)


@functools.cache
def arrays() -> dict[str, np.ndarray]:
    with np.load(FOLDER / "feature_inputs.npz") as found:
        return dict(found)


@functools.cache
def expected(case: str) -> dict[str, Any]:
    return json.loads((FOLDER / "feature_refs.json").read_text())[case]


def features(case: str) -> tuple[np.ndarray, np.ndarray]:
    return arrays()[f"{case}/real"], arrays()[f"{case}/fake"]
