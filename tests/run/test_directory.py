"""What a run's folder says of the run."""

from __future__ import annotations

import hashlib
from pathlib import Path

from jaxgan.run import directory

PACKAGE = Path(__file__).parents[2] / "jaxgan"


def test_processes_of_other_code_are_told_apart() -> None:
    files = sorted(PACKAGE.rglob("*.py"))
    assert len(files) > 200
    code = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
    assert directory.describe({}, {})["code of jaxgan"] == code[:16]
