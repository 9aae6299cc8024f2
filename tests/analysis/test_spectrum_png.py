"""Pictures of spectra and paths: what is red, how many panels, and no half file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from jaxgan.writers import path_png, spectrum_png

STABLE = np.array([-1 + 1j, -1 - 1j, -2.0])


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def count_strong(image: np.ndarray, channel: int, other: int) -> int:
    """Pixels of dots; the shade of the unstable half plane is far paler."""
    return int((image[..., channel] - image[..., other] > 100).sum())


def test_dots_are_red_where_the_flow_repels(tmp_path: Path) -> None:
    file = tmp_path / "new" / "spectrum.png"
    spectrum_png(file, {"a": STABLE})
    calm = pixels(file)
    spectrum_png(file, {"a": -STABLE})
    alarmed = pixels(file)
    assert count_strong(calm, 0, 2) == 0 < count_strong(calm, 2, 0)
    assert count_strong(alarmed, 2, 0) == 0 < count_strong(alarmed, 0, 2)
    # Imaginary up to rounding is on the axis, not beyond it.
    for rounding, dtype in ((1e-12, np.complex128), (1e-5, np.complex64)):
        spectrum_png(file, {"a": np.array([rounding + 1j, rounding - 1j], dtype)})
        assert count_strong(pixels(file), 0, 2) == 0
    spectrum_png(file, {"a": np.array([1e-5 + 1j, 1e-5 - 1j])})
    assert count_strong(pixels(file), 0, 2) > 0
    assert [path.name for path in file.parent.iterdir()] == ["spectrum.png"]


@pytest.mark.parametrize(
    ("num_panels", "size"), [(1, (500, 340)), (2, (680, 340)), (4, (1360, 340)), (5, (1360, 680))]
)
def test_one_panel_a_name(tmp_path: Path, num_panels: int, size: tuple[int, int]) -> None:
    spectra = {f"field {index}": STABLE * (1 + index) for index in range(num_panels)}
    spectrum_png(tmp_path / "a.png", spectra, title="Dirac-GAN")
    assert pixels(tmp_path / "a.png").shape == (*size[::-1], 3)
    alone = {name: count_strong(pixels(tmp_path / "a.png"), 2, 0) for name in spectra}
    assert min(alone.values()) > 50 * num_panels


def test_panels_share_a_window_unless_told(tmp_path: Path) -> None:
    # Beside a spectrum a thousand times as large the small one is a spot, or has a window itself.
    spots = []
    for share_axes in (True, False):
        spectrum_png(tmp_path / "a.png", {"a": STABLE, "b": 1000 * STABLE}, share_axes=share_axes)
        left = pixels(tmp_path / "a.png")[:, :340]
        spots.append(count_strong(left, 2, 0))
    assert spots[0] < 0.6 * spots[1]


def test_degenerate_spectra_have_a_window(tmp_path: Path) -> None:
    spectra = {"zero": np.zeros(2), "point": np.array([-0.5, -0.5]), "axis": np.array([2j, -2j])}
    spectrum_png(tmp_path / "a.png", spectra, share_axes=False)
    image = pixels(tmp_path / "a.png")
    for left in (0, 340, 680):
        assert count_strong(image[:, left : left + 340], 2, 0) > 20


@pytest.mark.parametrize(
    ("spectra", "message"),
    [
        ({}, "spectra is empty"),
        ({"a": np.zeros((2, 2))}, r"spectra 'a'.shape is \(2, 2\)"),
        ({"a": np.zeros(0)}, "not empty"),
        ({"a": np.array([np.nan])}, "finite"),
    ],
)
def test_spectra_refused(tmp_path: Path, spectra: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        spectrum_png(tmp_path / "a.png", spectra)
    assert not list(tmp_path.iterdir())


def test_paths(tmp_path: Path) -> None:
    alphas = np.linspace(-0.1, 1.1, 100)
    path_png(tmp_path / "a.png", alphas, np.sign(alphas - 1), np.abs(1 - alphas), title="a GAN")
    image = pixels(tmp_path / "a.png")
    assert image.shape == (460, 520, 3)
    for half in (image[:230], image[230:]):
        assert count_strong(half, 2, 0) > 100
    with pytest.raises(ValueError, match=r"is \[\(100,\), \(100,\), \(99,\)\]; it must be"):
        path_png(tmp_path / "b.png", alphas, alphas, alphas[1:])
