"""Verdicts on spectra made by hand; the step bound against the radius of the step's own map."""

from __future__ import annotations

import numpy as np
import pytest

from jaxgan.analysis import stability


def pair(gamma: float, slope: float = 0.5) -> np.ndarray:
    """The Dirac-GAN with R1: -γ/2 ± √(γ²/4 - f'²)."""
    root = np.sqrt(complex(gamma**2 / 4 - slope**2))
    return np.array([-gamma / 2 + root, -gamma / 2 - root])


def test_the_plain_dirac_gan_is_neutral() -> None:
    found = stability(np.array([0.5j, -0.5j]))
    assert (found.max_real, found.max_rate, found.rotation, found.is_stable) == (0, 0, 1, False)
    assert isinstance(found.is_stable, bool)
    assert found.text.startswith("Neutral: it rotates without getting nearer")
    assert "extragradient" in found.text
    # As rounding would have it.
    nearly = stability(np.array([1e-9 + 0.5j, 1e-9 - 0.5j]))
    assert nearly.text == found.text
    assert nearly.max_rate == 0.0


def test_the_dirac_gan_with_the_best_penalty() -> None:
    found = stability(pair(1.0))
    assert (found.max_real, found.max_rate, found.rotation) == (-0.5, 4.0, 0.0)
    assert found.is_stable
    assert found.text == (
        "Locally stable: every direction shrinks (largest real part -0.5). Plain descent converges "
        "with a learning rate below 4; 0 % rotation, expect few turns."
    )


@pytest.mark.parametrize("gamma", [0.1, 0.4, 0.8])
def test_a_weak_penalty_leaves_spirals(gamma: float) -> None:
    # |λ| = f' = 1/2 for every γ < 1, hence h < γ / f'².
    found = stability(pair(gamma))
    assert found.is_stable
    np.testing.assert_allclose(found.max_real, -gamma / 2, rtol=1e-12)
    np.testing.assert_allclose(found.max_rate, 4 * gamma, rtol=1e-12)
    np.testing.assert_allclose(found.rotation, np.sqrt(1 - gamma**2), rtol=1e-12)
    assert "spirals" in found.text


@pytest.mark.parametrize("seed", range(5))
def test_the_rate_is_where_the_step_stops_contracting(seed: int) -> None:
    draw = np.random.default_rng(seed)
    flow = draw.normal(size=(8, 8))
    flow -= (np.linalg.eigvals(flow).real.max() + draw.uniform(0.1, 1.0)) * np.eye(8)
    rate = stability(np.linalg.eigvals(flow)).max_rate
    assert rate > 0

    def radius(h: float) -> float:
        return float(np.abs(np.linalg.eigvals(np.eye(8) + h * flow)).max())

    assert radius(0.99 * rate) < 1 < radius(1.01 * rate)
    np.testing.assert_allclose(radius(rate), 1.0, rtol=1e-12)


def test_one_growing_direction_decides() -> None:
    found = stability(np.array([33.8 + 0j, -1.0, -2.0 + 50j, -2.0 - 50j]))
    assert (found.max_real, found.max_rate, found.is_stable) == (33.8, 0.0, False)
    assert found.text == (
        "Unstable: it grows along 1 of 4 directions, fastest at rate 33.8 without rotation; "
        "no learning rate helps."
    )
    spiral = stability(np.array([1 + 2j, 1 - 2j, -5.0]))
    assert "along 2 of 3 directions, fastest at rate 1 spiralling outwards" in spiral.text


def test_a_neutral_pair_among_stable_ones_is_neutral() -> None:
    found = stability(np.array([-1.0, -2.0, 0.3j, -0.3j]))
    assert found.text.startswith("Neutral")
    assert (found.max_rate, found.is_stable) == (0.0, False)


def test_zeros_are_counted_and_do_not_decide() -> None:
    found = stability(np.array([-2.0, -1.0, 1e-9, -1e-9, 0.0]))
    assert found.is_stable
    assert (found.max_real, found.max_rate, found.num_zero) == (-1.0, 1.0, 3)
    assert "3 of 5 eigenvalues are 0 (to 1e-06 of the largest)" in found.text
    # What is above the tolerance does decide.
    strict = stability(np.array([-2.0, -1.0, 1e-9, -1e-9, 0.0]), tolerance=1e-12)
    assert (strict.is_stable, strict.num_zero) == (False, 1)
    assert strict.text.startswith("Unstable")


def test_single_precision_is_judged_by_its_own_rounding() -> None:
    values = np.array([-2.0, 1e-4], np.complex64)
    assert stability(values).is_stable
    assert not stability(values.astype(np.complex128)).is_stable


def test_nothing_moves() -> None:
    found = stability(np.zeros(3))
    assert found[:4] == (0.0, 0.0, 0.0, False)
    assert found.text.startswith("Flat")
    assert found.num_zero == 3


@pytest.mark.parametrize(
    ("values", "tolerance", "message"),
    [
        (np.zeros(0), None, "eigenvalues is .*; it must be at least one"),
        (np.array([1.0, np.nan]), None, "all finite"),
        (np.ones(2), 1.0, r"tolerance is 1.0; it must be at least 0 and below 1"),
    ],
)
def test_bad_input(values: np.ndarray, tolerance: float | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        stability(values, tolerance=tolerance)
