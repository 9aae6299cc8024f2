"""Mirrored images: half of them, by the seed and the element alone, in training only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from jaxgan.data import DataError, Source, digits, mirrored, open_source, partly_labelled, pipeline
from jaxgan.data.pipeline import example_order
from jaxgan.evaluation.reference import digest_of, make_reference


def stream(source: Source, seed: int = 0, num: int = 4000, **options: Any) -> np.ndarray:
    """The first elements of a source: more than two epochs of the digits."""
    batches = pipeline(source, seed=seed, prefetch=0, **{"batch_size": 400, **options})
    count = num // options.get("batch_size", 400)
    return np.concatenate([next(batches)["image"] for _ in range(count)])


def flips(found: np.ndarray, plain: np.ndarray) -> np.ndarray:
    """Which elements are mirrored; all others are what they were."""
    is_mirrored = (found != plain).any(axis=(1, 2, 3))
    expected = np.where(is_mirrored[:, None, None, None], plain[:, :, ::-1], plain)
    np.testing.assert_array_equal(found, expected)
    return is_mirrored


def test_every_second_element_is_mirrored_by_seed_and_element() -> None:
    source, plain = mirrored(digits()), stream(digits())
    first = flips(stream(source), plain)
    assert abs(first.mean() - 0.5) < 4 * np.sqrt(0.25 / len(first))
    np.testing.assert_array_equal(stream(source, batch_size=100), stream(source))
    # Neighbours, epochs of one example, and seeds are drawn independently.
    second = flips(stream(source, seed=1), stream(digits(), seed=1))
    order = example_order(1797, seed=0)(np.arange(4000))
    by_example = np.argsort(order, kind="stable")
    for one, other in (
        (first[1:], first[:-1]),
        (first, second),
        (first[by_example][1:], first[by_example][:-1]),
    ):
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.07


def test_processes_and_resumed_runs_mirror_the_same() -> None:
    source = mirrored(digits())
    whole = stream(source)
    parts = [
        pipeline(source, batch_size=400, seed=0, prefetch=0, process_index=i, num_processes=2)
        for i in range(2)
    ]
    for part in parts:
        part.set_state({"next": 7})
    found = np.concatenate([next(part)["image"] for part in parts])
    np.testing.assert_array_equal(found, whole[2800:3200])


def test_what_is_read_stays_as_it_is() -> None:
    source = open_source("digits", mirror=True)
    everything = np.arange(1797)
    np.testing.assert_array_equal(
        source.read(everything)["image"], digits().read(everything)["image"]
    )
    digests = {digest_of(make_reference(one, 500, 0)) for one in (source, digits())}
    assert len(digests) == 1


def test_every_source_of_images_takes_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (8, 4, 4, 3), np.uint8)
    np.savez(tmp_path / "images.npz", images=pictures)
    (tmp_path / "folder").mkdir()
    for index, picture in enumerate(pictures):
        Image.fromarray(picture).save(tmp_path / "folder" / f"{index}.png")
    for spec, options in (
        (f"npz:{tmp_path / 'images.npz'}", {}),
        (f"folder:{tmp_path / 'folder'}", {}),
        (f"folder:{tmp_path / 'folder'}", {"decode_limit_bytes": 0}),
        ("digits", {"image_size": 4}),
    ):
        off, on = (open_source(spec, mirror=mirror, **options) for mirror in (False, True))
        assert off.read_elements is None
        found, plain = (stream(one, num=64, batch_size=32) for one in (on, off))
        assert 0 < flips(found, plain).mean() < 1


def test_labelled_images_are_mirrored_for_themselves() -> None:
    source = open_source("digits", num_labels=20, mirror=True)
    plain = pipeline(partly_labelled(digits(), 20), batch_size=400, seed=0, prefetch=0)
    found = pipeline(source, batch_size=400, seed=0, prefetch=0)
    one, other = next(found), next(plain)
    assert sorted(one) == sorted(other)
    both = [flips(one[name], other[name]) for name in ("image", "labelled_image")]
    assert abs(np.corrcoef(*both)[0, 1]) < 0.2
    np.testing.assert_array_equal(one["labelled_label"], other["labelled_label"])
    with pytest.raises(
        DataError, match=r"digits: num_labels is 20 of a stream with draws of its own"
    ):
        partly_labelled(mirrored(digits()), 20)


@pytest.mark.parametrize(
    ("spec", "mirror", "message"),
    [
        ("ring", True, "ring: mirror is true; it is for stored images only"),
        ("paired_digits", True, "paired_digits: mirror is true for images made of .* flip mirrors"),
        ("digits", 1, "digits: mirror is 1; it must be true or false"),
        ("npz:points", True, r"mirror is true; it must be false for points"),
    ],
)
def test_what_cannot_be_mirrored_is_refused(
    spec: str, mirror: Any, message: str, tmp_path: Path
) -> None:
    np.savez(tmp_path / "points.npz", points=np.zeros((10, 2), np.float32))
    with pytest.raises(DataError, match=message):
        open_source(spec.replace("npz:points", f"npz:{tmp_path / 'points.npz'}"), mirror=mirror)
