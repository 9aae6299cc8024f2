"""Runs that several tests read."""

from __future__ import annotations

from pathlib import Path

import pytest

from jaxgan.cli.main import main

RING = f"{Path(__file__).parents[2] / 'configs' / 'ring.py'}:smoke"


@pytest.fixture(scope="session")
def ring_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smallest ring, trained with one seed; whoever changes it takes a copy."""
    folder = tmp_path_factory.mktemp("runs") / "ring"
    flags = ["--workdir", str(folder), "--config.num_seeds=1"]
    assert main(["train", "--config", RING, *flags]) == 0
    return folder
