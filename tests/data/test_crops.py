"""Random parts of pictures: where they are cut, what they become, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from jaxgan.core.pixels import to_uint8
from jaxgan.data import DataError, Source, open_source, pipeline

SIZES = [(11, 9), (8, 8), (10, 14)]
SIZE, FACTOR = 8, 4


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Three pictures whose pixels are all different: red is the picture, green x, blue y."""
    for index, (width, height) in enumerate(SIZES):
        image = np.zeros((height, width, 3), np.uint8)
        image[..., 0] = 10 * index
        image[..., 1] = 10 * np.arange(width)[None, :]
        image[..., 2] = 10 * np.arange(height)[:, None]
        Image.fromarray(image).save(tmp_path / f"{index}.png")
    return tmp_path


def open_cropped(folder: Path, **options: Any) -> Source:
    full = {"image_size": SIZE, "factor": FACTOR, "crop": True, **options}
    source = open_source(f"super_resolution:{folder}", **full)
    assert isinstance(source, Source)
    return source


def stream(source: Source, num: int, seed: int = 0, **options: Any) -> dict[str, np.ndarray]:
    options = {"batch_size": 8, **options}
    batches = pipeline(source, seed=seed, prefetch=0, **options)
    found = [next(batches) for _ in range(num // options["batch_size"])]
    return {key: to_uint8(np.concatenate([one[key] for one in found])) for key in found[0]}


def place_of(image: np.ndarray) -> tuple[int, int, int]:
    """(picture, left, top) of an unmirrored part, every pixel of which is checked."""
    picture, left, top = (int(value) // 10 for value in image[0, 0])
    expected = np.zeros_like(image)
    expected[..., 0] = 10 * picture
    expected[..., 1] = 10 * (left + np.arange(SIZE))[None, :]
    expected[..., 2] = 10 * (top + np.arange(SIZE))[:, None]
    np.testing.assert_array_equal(image, expected)
    return picture, left, top


def test_parts_are_cut_anywhere_in_pictures_as_they_are(pictures: Path) -> None:
    source = open_cropped(pictures)
    assert source.element_spec["source"].shape == (2, 2, 3)
    found = stream(source, 480)
    places = [place_of(image) for image in found["image"]]
    possible = {
        (index, left, top)
        for index, (width, height) in enumerate(SIZES)
        for left in range(width - SIZE + 1)
        for top in range(height - SIZE + 1)
    }
    assert set(places) == possible
    # Every picture once an epoch, and its places evenly: 160 of 8 for the first.
    counts = [places.count((0, left, top)) for left in range(4) for top in range(2)]
    assert sum(counts) == 160
    assert max(np.abs(np.asarray(counts) - 20)) < 4 * np.sqrt(20)
    small = Image.fromarray(found["image"][3]).resize((2, 2), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(found["source"][3], np.asarray(small))


def test_places_depend_on_the_seed_and_the_element_alone(pictures: Path) -> None:
    source = open_cropped(pictures, flip=True)
    found, again = stream(source, 48), stream(source, 48, batch_size=12)
    for key in found:
        np.testing.assert_array_equal(found[key], again[key])
    assert (stream(source, 48, seed=1)["image"] != found["image"]).any()
    # Mirrored, both of a pair: green falls from left to right.
    is_mirrored = [image[0, 0, 1] > image[0, -1, 1] for image in found["image"]]
    assert is_mirrored == [image[0, 0, 1] > image[0, -1, 1] for image in found["source"]]
    assert 8 < sum(is_mirrored) < 40


def test_what_is_read_is_the_middle(pictures: Path) -> None:
    batch = open_cropped(pictures, flip=True).read(np.asarray([2, 0]))
    places = [place_of(to_uint8(image)) for image in batch["image"]]
    assert places == [(2, 1, 3), (0, 2, 1)]


def test_what_is_refused(pictures: Path) -> None:
    with pytest.raises(DataError, match=r"0.png has a side of 9 pixels, too few for parts of 12; "):
        open_cropped(pictures, image_size=12)
    with pytest.raises(
        DataError, match=r"super_resolution: crop is true for 2 folders; it is for one"
    ):
        open_cropped(Path(f"{pictures},{pictures}"))
    (pictures / "3.png").write_text("no picture")
    with pytest.raises(DataError, match=r"cannot read .*3.png \(not an image\)"):
        open_cropped(pictures)
