"""How different samples are: closed forms, and collapses of every kind."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist, pdist

from jaxgan.data import digits
from jaxgan.training.collapse import diversity

DRAW = np.random.default_rng(0)
REAL = DRAW.normal(size=(2, 120, 3)) + 50.0


def of(fake: np.ndarray, real: np.ndarray = REAL[0]) -> tuple[float, float]:
    found = diversity(fake, real)
    return found["samples/spread"], found["samples/nearest"]


def test_it_is_a_ratio_of_distances() -> None:
    fake = 3.0 * DRAW.normal(size=(120, 3)) ** 3
    tables = [cdist(x, x) + np.diag([np.inf] * 120) for x in (fake, REAL[0])]
    expected = (
        pdist(fake).mean() / pdist(REAL[0]).mean(),
        tables[0].min(axis=1).mean() / tables[1].min(axis=1).mean(),
    )
    np.testing.assert_allclose(of(fake), expected, rtol=1e-6)
    # As many of both are compared.
    np.testing.assert_allclose(of(fake[:50]), of(fake[:50], REAL[0][:50]), rtol=1e-12)


def test_one_output_and_a_handful_of_outputs_are_told_apart() -> None:
    one = np.broadcast_to(REAL[1][:1], (120, 3))
    handful = REAL[1][np.arange(120) % 5]
    np.testing.assert_allclose(of(one), (0.0, 0.0), atol=1e-6)
    spread, nearest = of(handful)
    assert spread > 0.7
    assert nearest < 1e-5
    assert min(of(REAL[1])) > 0.8


def test_the_worst_member_counts() -> None:
    members = np.stack([REAL[1], 0.1 * REAL[1]])
    np.testing.assert_allclose(of(members), of(0.1 * REAL[1]), rtol=1e-9)


def test_a_collapse_within_each_class_shows_with_labels() -> None:
    source = digits()
    real = source.read(np.arange(200))
    labels = np.arange(200) % 10
    examples = source.read(np.arange(10))["image"]
    fake = np.repeat(examples, 20, axis=0).reshape(10, 20, 8, 8, 1).swapaxes(0, 1)
    fake = fake.reshape(200, 8, 8, 1)
    blind = diversity(fake, real["image"])["samples/spread"]
    seeing = diversity(fake, real["image"], (labels, real["label"]))["samples/spread"]
    assert blind > 0.8
    assert seeing < 1e-3


def test_images_are_compared_coarsely() -> None:
    real, fake = DRAW.normal(size=(2, 20, 8, 8, 1))
    large = [x.repeat(16, axis=1).repeat(16, axis=2) for x in (fake, real)]
    np.testing.assert_allclose(of(*large), of(fake, real), rtol=1e-9)
    odd = DRAW.normal(size=(20, 45, 33, 2))
    np.testing.assert_allclose(of(odd, odd), 1.0)


@pytest.mark.parametrize(
    "fake",
    [REAL[1][:7], np.full((120, 3), np.nan), np.full((120, 3), np.inf)],
    ids=["too few", "NaN", "infinite"],
)
def test_nothing_is_said_where_nothing_can_be(fake: np.ndarray) -> None:
    assert diversity(fake, REAL[0]) == {}
    assert diversity(REAL[0], np.ones((120, 3))) == {}
