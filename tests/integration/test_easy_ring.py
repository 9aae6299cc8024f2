"""Every objective finds all modes of a ring that is easy: wide modes, R1."""

from __future__ import annotations

import pytest

from jaxgan.data import ring
from tests.experiments import imported

EXPERIMENT = imported("losses_on_ring")
# Their docstrings say why these may miss some.
EXCUSED = ("minimax", "maximum likelihood", "Wasserstein, clipped", "BEGAN")


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPERIMENT.OBJECTIVES)
def test_all_modes_are_found(name: str) -> None:
    data = ring(std=0.2)
    points = EXPERIMENT.train(EXPERIMENT.OBJECTIVES[name], data, "r1", 2_000, 2)
    modes = EXPERIMENT.measure(points, data)["modes"]
    assert min(modes) == 8 or name in EXCUSED, modes
