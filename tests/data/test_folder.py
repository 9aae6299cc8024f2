"""Folders of images: classes, sizes, formats, damaged files."""

import io

import numpy as np
import pytest
from PIL import Image

from jaxgan.data import DataError, folder, pipeline


def save(path, colour, size=(6, 4), mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path)


def everything(source):
    return source.read(np.arange(source.num_examples))


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".webp", ".jpg", ".JPEG"])
def test_every_format_and_their_order(tmp_path, suffix):
    for number in (2, 0, 1):
        save(tmp_path / f"{number}{suffix}", (100 * number,) * 3)
    batch = everything(folder(tmp_path))
    assert batch["image"].shape == (3, 4, 6, 3)
    expected = np.array([0, 100, 200]) / 127.5 - 1
    np.testing.assert_allclose(batch["image"].mean(axis=(1, 2, 3)), expected, atol=0.02)
    assert "label" not in batch


@pytest.mark.parametrize("limit", [0, 2**30], ids=["lazy", "held"])
def test_sub_folders_are_classes(tmp_path, limit):
    save(tmp_path / "dog" / "deep" / "b.png", "white")
    save(tmp_path / "cat" / "a.png", "black")
    save(tmp_path / "dog" / "a.png", "white")
    save(tmp_path / ".hidden" / "a.png", "red")
    save(tmp_path / "dog" / ".c.png", "red")
    (tmp_path / "readme.txt").write_text("not an image, and not to be read as one")
    source = folder(tmp_path, decode_limit_bytes=limit)
    assert (source.class_names, source.num_classes) == (("cat", "dog"), 2)
    batch = everything(source)
    assert batch["label"].tolist() == [0, 1, 1]
    assert batch["image"].mean(axis=(1, 2, 3)).tolist() == [-1, 1, 1]
    unlabelled = folder(tmp_path, labels=False)
    assert unlabelled.num_classes is None
    assert list(everything(unlabelled)) == ["image"]


@pytest.mark.parametrize("channels", [1, 3])
def test_mixed_sizes_and_modes_come_to_one_size(tmp_path, channels):
    save(tmp_path / "0.png", 51, size=(40, 30), mode="L")
    save(tmp_path / "1.png", (51, 51, 51), size=(9, 17))
    save(tmp_path / "2.png", (51, 51, 51, 255), size=(16, 16), mode="RGBA")
    batch = everything(folder(tmp_path, image_size=16, channels=channels))
    assert batch["image"].shape == (3, 16, 16, channels)
    np.testing.assert_allclose(batch["image"], 51 / 127.5 - 1, atol=1e-6)


def truncated(path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, format="png")
    path.write_bytes(buffer.getvalue()[:4000])


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda path: path.write_bytes(b"no picture at all"), "not an image"),
        (lambda path: path.write_bytes(b""), "not an image"),
        (truncated, "truncated"),
        (lambda path: Image.new("I;16", (64, 64)).save(path), "8 bits per channel"),
    ],
    ids=["text", "empty", "truncated", "16-bit"],
)
def test_an_unreadable_file_is_named(tmp_path, spoil, reason):
    for number in range(5):
        save(tmp_path / f"{number}.png", "red", size=(64, 64))
    spoil(tmp_path / "3.png")
    for options in ({}, {"image_size": 8}):
        with pytest.raises(DataError) as caught:
            folder(tmp_path, **options)
        message = str(caught.value)
        assert str(tmp_path / "3.png") in message
        assert reason in message
        assert "\n" not in message


def test_a_file_that_turns_out_damaged_while_reading_is_named(tmp_path):
    for number in range(3):
        save(tmp_path / f"{number}.png", "red", size=(64, 64))
    source = folder(tmp_path, image_size=8, decode_limit_bytes=0)
    truncated(tmp_path / "1.png")
    with pytest.raises(DataError, match=r"cannot read .*1\.png \(.*truncated"):
        next(pipeline(source, batch_size=3, seed=0))
