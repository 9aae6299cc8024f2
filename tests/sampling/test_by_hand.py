"""Pictures of settings and principal directions, on generators that show their latents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA

from jaxgan.games import Code
from jaxgan.sampling.explore import (
    Directions,
    ExploreError,
    Explorer,
    Settings,
    check_settings,
    interpolate,
    make_controls,
    mixing,
    principal_directions,
    truncation,
)

DIM, LAYERS, NUM = 5, 4, 6
CODES = (Code("kind", "categorical", 1, 3),)
PIXELS = np.random.default_rng(1).normal(size=(DIM, 12))
SHEAR = np.random.default_rng(2).normal(size=(DIM, DIM))
LABELS = np.zeros(1, int)


def draw(seed: int, num: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(num, DIM))


def linear_pixels(given: Mapping[str, np.ndarray], labels: np.ndarray) -> np.ndarray:
    return (given["latent"] @ PIXELS).reshape(len(labels), 3, 4, 1)


def show(given: Mapping[str, np.ndarray], labels: np.ndarray) -> np.ndarray:
    return given["latent"].reshape(len(labels), -1, DIM, 1)


def styles(latent: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return np.repeat((latent @ SHEAR)[:, None], LAYERS, axis=1)


def show_styles(given: Mapping[str, np.ndarray], labels: np.ndarray) -> np.ndarray:
    w = given["w"] if "w" in given else styles(given["latent"], labels)
    return (given.get("truncation", 1.0) * w).reshape(len(labels), LAYERS, DIM, 1)


PLAIN = Explorer(draw, None, show)
STYLED = Explorer(draw, styles, show_styles)
NOWHERE = Directions(np.zeros((0, DIM)), np.zeros(0))


def picture(explorer: Explorer, along: Directions = NOWHERE, **settings: Any) -> np.ndarray:
    controls = make_controls(explorer, along, num_samples=NUM)
    value = {"start": {"seed": 3, "number": 1}, **settings}
    return controls.picture(check_settings(value, controls))


def test_of_a_linear_generator_they_are_its_singular_vectors() -> None:
    explorer = Explorer(draw, None, linear_pixels)
    made: list[int] = []
    found = principal_directions(explorer, 3, progress=lambda done, total: made.append(total))
    vectors, scales, _ = np.linalg.svd(PIXELS)
    np.testing.assert_allclose(np.abs(np.sum(found.vectors * vectors.T[:3], axis=1)), 1, rtol=1e-9)
    np.testing.assert_allclose(found.shares, scales[:3] ** 2 / np.sum(scales**2), rtol=1e-9)
    assert found.vectors.max(axis=1) == pytest.approx(np.abs(found.vectors).max(axis=1))
    assert made == [4 * (DIM + 1)] * len(made)
    assert len(made) == 4 * (DIM + 1)


def test_codes_keep_still_and_other_latents_move_by_their_own_spread() -> None:
    def uneven(seed: int, num: int) -> np.ndarray:
        return draw(seed, num) * [3.0, 1.0, 1.0, 1.0, 0.5]

    explorer = Explorer(uneven, None, show, codes=CODES, is_normal=False)
    found = principal_directions(explorer, 8)
    assert found.vectors.shape == (2, DIM)
    spread = uneven(0, 256).std(axis=0)
    expected = [[spread[0], 0, 0, 0, 0], [0, 0, 0, 0, spread[4]]]
    np.testing.assert_allclose(found.vectors, expected, atol=1e-9)


def test_of_styles_they_are_the_principal_components() -> None:
    found = principal_directions(STYLED, 2)
    assert found.vectors.shape == (2, LAYERS, DIM)
    analysis = PCA(n_components=2).fit(draw(0, 1000) @ SHEAR)
    np.testing.assert_allclose(found.shares, analysis.explained_variance_ratio_, rtol=1e-6)
    steps = analysis.components_ * np.sqrt(analysis.explained_variance_)[:, None]
    for layer in range(LAYERS):
        same = np.abs(np.sum(found.vectors[:, layer] * steps, axis=1))
        np.testing.assert_allclose(same, np.sum(steps**2, axis=1), rtol=1e-6)
    assert principal_directions(STYLED, 0).vectors.size == 0


def test_a_way_is_that_of_interpolation_and_ends_at_the_other_sample() -> None:
    a, b = draw(3, NUM)[1], draw(9, NUM)[4]
    end = {"seed": 9, "number": 4}
    for explorer, how in ((PLAIN, {}), (STYLED, {"path": "linear", "space": "w"})):
        ends = np.stack([a, b])
        row = interpolate(explorer, ends, np.zeros(2, int), num_frames=4, **how)[0]
        for share, image in zip((0.0, 0.25, 0.5, 0.75), row, strict=True):
            np.testing.assert_allclose(picture(explorer, end=end, share=share), image, atol=1e-12)
        at_end = picture(explorer, start=end)
        np.testing.assert_array_equal(picture(explorer, end=end, share=1), at_end)
    np.testing.assert_array_equal(picture(PLAIN)[0, :, 0], a)


def test_truncation_and_mixing_are_those_of_the_pictures() -> None:
    z = draw(3, NUM)[[1]]
    for explorer in (PLAIN, STYLED):
        (expected,) = truncation(explorer, z, LABELS, [0.7])[0]
        np.testing.assert_array_equal(picture(explorer, truncation=0.7), expected)
    other = draw(3, NUM)[[2]]
    mixed = mixing(STYLED, other, z, 0, (1, 2))[1, 1]
    end = {"seed": 3, "number": 2}
    np.testing.assert_array_equal(picture(STYLED, end=end, layers=[1, 2]), mixed)


def test_coordinates_codes_and_directions_move_the_latent() -> None:
    along = Directions(np.asarray([[0.0, 0.0, 0.0, 0.0, 2.0]]), np.ones(1))
    coded = PLAIN._replace(codes=CODES, is_normal=False)
    moves = {"coordinates": {"0": -0.5}, "directions": {"0": 1.5}}
    expected = draw(3, NUM)[1] + [-0.5, 0, 0, 0, 3.0]
    np.testing.assert_allclose(picture(PLAIN, along, **moves)[0, :, 0], expected)
    expected[1:4] = [0, 0, 1]
    np.testing.assert_allclose(picture(coded, along, **moves, codes={"kind": 2})[0, :, 0], expected)
    in_styles = Directions(np.ones((1, LAYERS, DIM)), np.ones(1))
    moved = picture(STYLED, in_styles, directions={"0": -2})
    np.testing.assert_allclose(moved, picture(STYLED) - 2)
    # Samples of a seed are kept; no picture changes them.
    np.testing.assert_array_equal(picture(PLAIN)[0, :, 0], draw(3, NUM)[1])


def test_only_what_a_generator_has_can_be_set() -> None:
    start: Settings = {"start": {"seed": 0, "number": 0}}
    known = {
        "classes": make_controls(PLAIN._replace(num_classes=3), NOWHERE, num_samples=2),
        "codes": make_controls(
            PLAIN._replace(codes=CODES, is_normal=False), NOWHERE, num_samples=2
        ),
        "styles": make_controls(STYLED, NOWHERE, num_samples=2),
    }
    for kind, wrong, message in (
        ("classes", {"label": 3}, "label is 3; it must be from 0 to 2"),
        ("classes", {"codes": {"kind": 1}}, "a name in codes is 'kind'"),
        ("codes", {"codes": {"kind": 3}}, "codes.kind is 3; it must be from 0 to 2"),
        ("codes", {"truncation": 0.5}, "truncation is 0.5; the run is without normal latents"),
        ("styles", {"layers": [0, 4]}, "layers is 4; it must be from 0 to 3"),
        ("styles", {"layers": [0]}, "end is missing"),
        ("styles", {"directions": {"0": 1}}, "a name in directions is '0'; it must be left out"),
    ):
        with pytest.raises(ExploreError, match=message.replace("(", r"\(")):
            check_settings({**start, **wrong}, known[kind])
    assert check_settings({**start, "truncation": 0}, known["styles"])["truncation"] == 0
