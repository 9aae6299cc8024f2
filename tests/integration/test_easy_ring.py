"""Every objective finds all modes of a ring that is easy: wide modes, R1."""

from __future__ import annotations

import pytest

from jaxgan.data import ring
from tests.experiments import imported

EXPERIMENT = imported("losses_on_ring")
FEWEST = {"BEGAN": 1}
"""Modes that are found at least, where not all are: BEGAN's docstring says why it may miss some."""


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPERIMENT.OBJECTIVES)
def test_modes_are_found(name: str) -> None:
    data = ring(std=0.2)
    points = EXPERIMENT.train(EXPERIMENT.OBJECTIVES[name], data, "r1", 2_000, 2)
    modes = EXPERIMENT.measure(points, data)["modes"]
    assert min(modes) >= FEWEST.get(name, 8), modes
