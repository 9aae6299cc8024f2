"""Pairs and two domains: which half is what, what is drawn for an element, what is refused."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from jaxgan.data import DataError, digits, open_source, pipeline
from jaxgan.data.digit_pairs import TASKS, halved

SHARED = Path(__file__).parents[3] / "shared" / "data"


def save(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


def picture(left: int, right: int, side: int = 8) -> np.ndarray:
    image = np.full((side, 2 * side, 3), left, np.uint8)
    image[:, side:] = right
    return image


@pytest.fixture
def halves(tmp_path: Path) -> Path:
    """Twelve pictures: number i is 10 i on the left and 10 i + 100 on the right."""
    for i in range(12):
        save(tmp_path / "ab" / f"{i:02d}.png", picture(10 * i, 10 * i + 100))
    return tmp_path / "ab"


@pytest.fixture
def folders(tmp_path: Path) -> str:
    """The same as two folders of one name each."""
    for i in range(12):
        image = picture(10 * i, 10 * i + 100)
        save(tmp_path / "a" / f"{i:02d}.png", image[:, :8])
        save(tmp_path / "b" / f"{i:02d}.png", image[:, 8:])
    return f"{tmp_path / 'a'},{tmp_path / 'b'}"


def greys(batch: Any) -> Any:
    return {k: np.rint(127.5 * (v.mean(axis=(-3, -2, -1)) + 1)) for k, v in batch.items()}


def stream(source: Any, num: int, **options: Any) -> Any:
    batches = pipeline(source, batch_size=4, seed=options.pop("seed", 0), prefetch=0, **options)
    found = [next(batches) for _ in range(num)]
    return {key: np.concatenate([batch[key] for batch in found]) for key in found[0]}


@pytest.mark.parametrize("kind", ["paired", "unpaired"])
@pytest.mark.parametrize("where", ["halves", "folders"])
def test_a_is_the_source_unless_it_is_turned_around(
    kind: str, where: str, request: pytest.FixtureRequest
) -> None:
    spec = f"{kind}:{request.getfixturevalue(where)}"
    source = open_source(spec, image_size=8)
    assert source.num_examples == 12
    assert source.element_spec["image"].shape == source.element_spec["source"].shape == (8, 8, 3)
    batch = greys(source.read(np.arange(12)))
    np.testing.assert_array_equal(batch["source"], 10 * np.arange(12))
    np.testing.assert_array_equal(batch["image"], 10 * np.arange(12) + 100)
    turned = greys(open_source(spec, image_size=8, direction="BtoA").read(np.arange(12)))
    np.testing.assert_array_equal(turned["source"], batch["image"])
    np.testing.assert_array_equal(turned["image"], batch["source"])


def test_pairs_stay_together_in_the_stream(halves: Path) -> None:
    batch = greys(stream(open_source(f"paired:{halves}", image_size=8), 6))
    np.testing.assert_array_equal(batch["image"] - batch["source"], 100)
    for epoch in (slice(0, 12), slice(12, 24)):
        assert sorted(batch["source"][epoch]) == sorted(10 * np.arange(12))


def test_two_domains_are_shuffled_apart_and_anew_in_every_epoch(halves: Path) -> None:
    source = open_source(f"unpaired:{halves}", image_size=8)
    batch = greys(stream(source, 6))
    for epoch in (slice(0, 12), slice(12, 24)):
        assert sorted(batch["source"][epoch]) == sorted(10 * np.arange(12))
        assert sorted(batch["image"][epoch]) == sorted(10 * np.arange(12) + 100)
    partners = dict(zip(batch["image"][:12], batch["source"][:12], strict=True))
    again = [partners[x] == y for x, y in zip(batch["image"], batch["source"], strict=True)][12:]
    assert sum(again) < 6
    assert sum(batch["image"] - batch["source"] == 100) < 12
    other = greys(stream(source, 6, seed=1))
    assert not np.array_equal(other["source"], batch["source"])


def test_domains_may_be_of_different_sizes(tmp_path: Path) -> None:
    for name, num in (("a", 5), ("b", 3)):
        for i in range(num):
            save(tmp_path / name / f"{name}{i}.png", np.full((8, 8, 3), 10 * i, np.uint8))
    source = open_source(f"unpaired:{tmp_path / 'a'},{tmp_path / 'b'}", image_size=8)
    assert source.num_examples == 3
    batch = greys(stream(source, 15))
    # 60 elements are 12 epochs of the one domain and 20 of the other.
    assert np.unique(batch["source"], return_counts=True)[1].tolist() == [12] * 5
    assert np.unique(batch["image"], return_counts=True)[1].tolist() == [20] * 3


@pytest.mark.parametrize("kind", ["paired", "unpaired"])
def test_an_element_depends_on_seed_and_number_alone(kind: str, halves: Path) -> None:
    source = open_source(f"{kind}:{halves}", image_size=16, jitter=True, flip=True)
    whole = stream(source, 6)
    parts = [stream(source, 6, process_index=i, num_processes=2) for i in range(2)]
    for key, images in whole.items():
        split = np.stack([part[key].reshape(6, 2, *images.shape[1:]) for part in parts], axis=1)
        np.testing.assert_array_equal(split.reshape(images.shape), images)
    resumed = pipeline(source, batch_size=4, seed=0, prefetch=0)
    resumed.set_state({"next": 4})
    np.testing.assert_array_equal(next(resumed)["source"], whole["source"][16:20])


def ramp(side: int) -> np.ndarray:
    """A picture whose halves are the same and say where every pixel is: rows red, columns green."""
    rows, columns = np.meshgrid(np.arange(side), np.arange(side), indexing="ij")
    half = np.stack([rows, columns, np.zeros_like(rows)], axis=-1).astype(np.uint8)
    return np.concatenate([half, half], axis=1)


@pytest.mark.parametrize("kind", ["paired", "unpaired"])
def test_jitter_and_flips_are_those_of_both_or_of_each(kind: str, tmp_path: Path) -> None:
    save(tmp_path / "one.png", ramp(36))
    options = {"image_size": 32, "jitter": True, "flip": True}
    batch = stream(open_source(f"{kind}:{tmp_path}", **options), 16)
    seen = {}
    for key, images in batch.items():
        corners = np.rint(127.5 * (images + 1)).astype(int)
        rows, columns = corners[:, 0, 0, 0], corners[:, 0, :, 1].min(axis=1)
        mirrored = corners[:, 0, 0, 1] > corners[:, 0, -1, 1]
        assert set(rows) == set(columns) == {0, 1, 2, 3, 4}
        assert 16 < mirrored.sum() < 48
        seen[key] = np.stack([rows, columns, mirrored])
    same = (seen["image"] == seen["source"]).all(axis=0)
    assert same.all() if kind == "paired" else same.sum() < 16


def test_examples_as_they_are_read_are_neither_cut_nor_mirrored(tmp_path: Path) -> None:
    save(tmp_path / "one.png", ramp(32))
    plain = open_source(f"paired:{tmp_path}", image_size=32)
    jittered = open_source(f"paired:{tmp_path}", image_size=32, jitter=True, flip=True)
    indices = np.zeros(1, int)
    for key in ("image", "source"):
        np.testing.assert_array_equal(jittered.read(indices)[key], plain.read(indices)[key])


@pytest.mark.parametrize("limit", [0, 2**30], ids=["lazy", "held"])
def test_small_images_are_read_or_made(limit: int, tmp_path: Path) -> None:
    for i in range(3):
        image = np.random.default_rng(i).integers(0, 256, (16, 16, 3), np.uint8)
        save(tmp_path / "large" / f"{i}.png", image)
        save(tmp_path / "small" / f"{i}.jpg", np.full((4, 4, 3), 10 * i, np.uint8))
    options: dict[str, Any] = {"image_size": 16, "decode_limit_bytes": limit}
    source = open_source(f"super_resolution:{tmp_path / 'large'}", **options, factor=2)
    batch = source.read(np.arange(3))
    assert batch["source"].shape == (3, 8, 8, 3)
    gap = np.abs(batch["source"] - halved(batch["image"]))
    assert gap.mean() < 0.15 < np.abs(batch["source"] - batch["image"][:, ::2, ::2]).mean()
    folders = f"{tmp_path / 'small'},{tmp_path / 'large'}"
    batch = open_source(f"super_resolution:{folders}", **options).read(np.arange(3))
    np.testing.assert_allclose(greys(batch)["source"], [0, 10, 20], atol=2)


def test_pairs_are_joined_by_name_and_not_by_place(tmp_path: Path) -> None:
    # In the order of file names "street.night.png" comes before "street.png", and after it as .jpg.
    for stem, grey in (("street", 20), ("street.night", 200)):
        save(tmp_path / "a" / f"{stem}.png", np.full((8, 8, 3), grey, np.uint8))
        suffix = ".jpg" if stem == "street" else ".bmp"
        save(tmp_path / "b" / f"{stem}{suffix}", np.full((8, 8, 3), grey, np.uint8))
    for kind, options in (("paired", {}), ("super_resolution", {"factor": 2})):
        spec = f"{kind}:{tmp_path / 'a'},{tmp_path / 'b'}"
        batch = greys(open_source(spec, image_size=8, **options).read(np.arange(2)))
        np.testing.assert_allclose(batch["image"], batch["source"], atol=1)


@pytest.mark.parametrize("kind", ["paired", "super_resolution"])
def test_names_that_are_there_twice_are_refused(kind: str, tmp_path: Path) -> None:
    for file in ("a/1.png", "a/1.jpg", "a/2.png", "a/2.bmp", "b/1.png", "b/2.png", "b/3.png"):
        save(tmp_path / file, np.zeros((8, 8, 3), np.uint8))
    spec = f"{kind}:{tmp_path / 'a'},{tmp_path / 'b'}"
    with pytest.raises(
        DataError, match=r"a' has 1\.jpg and 1\.png, 2\.bmp and 2\.png; there must be one"
    ):
        open_source(spec, image_size=8)


@pytest.mark.parametrize("kind", ["paired", "super_resolution"])
@pytest.mark.parametrize(
    ("first", "second", "fits"),
    [
        ((16, 8), (16, 8), True),
        ((33, 25), (130, 100), True),  # 130 x 100 divided by 4, in whole pixels
        ((130, 100), (33, 25), True),
        ((16, 8), (16, 16), False),
        ((16, 8), (8, 16), False),
        ((64, 60), (64, 64), False),
    ],
)
def test_one_crop_fits_both_of_a_pair(
    kind: str, first: Any, second: Any, fits: bool, tmp_path: Path
) -> None:
    for folder, (width, height) in (("a", first), ("b", second)):
        save(tmp_path / folder / "1.png", np.zeros((height, width, 3), np.uint8))
    spec = f"{kind}:{tmp_path / 'a'},{tmp_path / 'b'}"
    if fits:
        assert open_source(spec, image_size=8).num_examples == 1
        return
    words = f"1.png is {first[0]}x{first[1]} and its fellow 1.png is {second[0]}x{second[1]}"
    with pytest.raises(DataError, match=words):
        open_source(spec, image_size=8)
    if kind == "paired":  # two domains need not fit
        assert open_source(f"un{spec}", image_size=8).num_examples == 1


def test_every_file_of_both_folders_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for file in ("a/1.png", "a/2.png", "b/1.png", "b/2.png"):
        save(tmp_path / file, np.zeros((8, 8, 3), np.uint8))
    for file in ("a/1.png", "b/2.png"):
        (tmp_path / file).write_text("text")
    spec = f"paired:{tmp_path / 'a'},{tmp_path / 'b'}"
    with pytest.raises(DataError, match=r"2 files: .*a/1.png \(not an .*b/2.png \(not an image"):
        open_source(spec, image_size=8, decode_limit_bytes=0)


# Embedded digits


@pytest.mark.parametrize("task", TASKS)
def test_digits_are_images_of_what_a_task_leaves(task: str) -> None:
    source = open_source("paired_digits", task=task, image_size=16)
    batch = source.read(np.arange(20))
    np.testing.assert_array_equal(
        batch["image"], digits(image_size=16).read(np.arange(20))["image"]
    )
    np.testing.assert_array_equal(batch["source"], TASKS[task](batch["image"]))
    assert batch["source"].dtype == np.float32
    assert -1 <= batch["source"].min() < 0 < batch["source"].max() <= 1


def test_edges_are_where_the_ink_changes() -> None:
    step = np.full((1, 8, 8, 1), -1, np.float32)
    step[:, :, 4:] = 1
    edges = TASKS["edges"](step)[0, :, :, 0]
    np.testing.assert_array_equal(edges[:, 3:5], 1)
    np.testing.assert_array_equal(np.delete(edges, [3, 4], axis=1), -1)


def test_no_digit_is_in_both_domains() -> None:
    source = open_source("unpaired_digits")
    everything = digits().read(np.arange(1797))["image"]
    batch = source.read(np.arange(source.num_examples))
    np.testing.assert_array_equal(batch["image"], everything[1::2])
    np.testing.assert_array_equal(batch["source"], -everything[::2][:898])


# What is refused


@pytest.mark.parametrize(
    ("spec", "options", "words"),
    [
        ("paired:{}/no", {}, "no' is no folder; give one, or two: A,B"),
        ("paired:{}/ab,{}/a,{}/b", {}, "3 folders; there must be one, or two: A,B"),
        (
            "paired:{}/a,{}/other",
            {},
            "other' has no '00', the other folder has; they must have the same",
        ),
        ("paired:{}/empty", {}, "no image in '.*empty'; there must be .bmp"),
        ("paired:{}/a", {"image_size": 4}, "00.png is 8x8; it must be twice as wide as high"),
        ("unpaired:{}/a", {"image_size": 4}, "00.png is 8x8; it must be twice as wide as high"),
        ("paired:{}/ab", {"direction": "BA"}, "direction is 'BA'; it must be 'AtoB' or 'BtoA'"),
        ("paired:{}/ab", {"channels": 2}, "channels is 2; it must be 1 or 3"),
        ("paired:{}/ab", {"jitter": 1}, "jitter is 1; it must be true or false"),
        ("paired:{}/ab", {"image_size": None}, "image_size is None; it must be an integer"),
        ("super_resolution:{}/a", {"factor": 3}, "factor is 3; it must be a divisor of image_size"),
        (
            "paired_digits",
            {"task": "colour"},
            "task is 'colour'; it must be 'edges', 'halved' or",
        ),
        ("unpaired_digits", {"image_size": 9}, "image_size is 9; it must be even"),
    ],
)
def test_what_cannot_be_used_is_refused(
    spec: str, options: dict[str, Any], words: str, halves: Path, folders: str, tmp_path: Path
) -> None:
    del halves, folders  # they make the folders
    save(tmp_path / "other" / "99.png", picture(0, 0))
    os.mkdir(tmp_path / "empty")
    with pytest.raises(DataError, match=words):
        open_source(spec.replace("{}", str(tmp_path)), **options)


# Real data, where they are


def unpacked(archive: str, tmp_path: Path) -> Path:
    file = SHARED / archive
    if not file.exists():
        pytest.skip(f"{archive} is not here")
    with tarfile.open(file) as opened:
        for member in opened.getmembers()[:40]:
            opened.extract(member, tmp_path, filter="data")
    return tmp_path


def test_facades_are_photographs_and_their_labels(tmp_path: Path) -> None:
    path = unpacked("facades/facades_val.tar", tmp_path) / "facades" / "val"
    source = open_source(f"paired:{path}", image_size=64, direction="BtoA", jitter=True, flip=True)
    batch = stream(source, 4)
    assert batch["image"].shape == batch["source"].shape == (16, 64, 64, 3)
    # Labels are painted in a dozen flat colours.

    def flatness(images: np.ndarray) -> float:
        return float((np.abs(np.diff(images, axis=2)).max(axis=-1) < 0.02).mean())

    assert flatness(batch["source"]) > 2 * flatness(batch["image"])


def test_emoji_are_of_two_sizes_under_the_same_names(tmp_path: Path) -> None:
    for size in (32, 128):
        unpacked(f"noto_emoji/noto_emoji_png{size}.tar", tmp_path)
    folders = f"{tmp_path}/png/32,{tmp_path}/png/128"
    common = {file.name for file in (tmp_path / "png" / "32").iterdir()}
    for file in (tmp_path / "png" / "128").iterdir():
        if file.name not in common:
            file.unlink()
    for file in (tmp_path / "png" / "32").iterdir():
        if not (tmp_path / "png" / "128" / file.name).exists():
            file.unlink()
    source = open_source(f"super_resolution:{folders}", image_size=64, factor=2)
    batch = source.read(np.arange(min(8, source.num_examples)))
    assert batch["source"].shape[1:] == (32, 32, 3)
    assert np.abs(batch["source"] - halved(batch["image"])).mean() < 0.1
