"""Folders of images: classes, sizes, formats, damaged files."""

import io

import numpy as np
import pytest
from PIL import Image

from jaxgan.data import DataError, folder, paired, pipeline, resize_and_crop, to_uint8


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


ORIENTATION = 0x0112


def stored(image, orientation):
    """`image` as a camera stores it that was held so: the inverse of what EXIF 2.3 asks for."""
    rows = {1: image, 2: image[:, ::-1], 3: image[::-1, ::-1], 4: image[::-1]}
    turned = image.swapaxes(0, 1)
    columns = {5: turned, 6: turned[::-1], 7: turned[::-1, ::-1], 8: turned[:, ::-1]}
    return (rows | columns)[orientation]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_its_exif_data_say(tmp_path, orientation):
    upright = np.random.default_rng(0).integers(0, 256, (4, 8, 3), np.uint8)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    for suffix in (".png", ".webp"):
        picture = Image.fromarray(stored(upright, orientation))
        file = tmp_path / suffix[1:] / f"0{suffix}"
        file.parent.mkdir()
        picture.save(file, exif=exif, **({"lossless": True} if suffix == ".webp" else {}))
        batch = everything(folder(file.parent))
        np.testing.assert_array_equal(to_uint8(batch["image"][0]), upright)
        # The halves of a picture that shows A beside B when it is upright.
        halves = everything(paired(file.parent, image_size=4))
        np.testing.assert_array_equal(to_uint8(halves["source"][0]), upright[:, :4])
        np.testing.assert_array_equal(to_uint8(halves["image"][0]), upright[:, 4:])


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")  # Pillow's own
def test_damaged_exif_data_leave_a_picture_as_it_lies(tmp_path):
    picture = Image.new("RGB", (6, 4), "white")
    for number, exif in enumerate((b"Exif\0\0garbage", b"Exif\0\0MM\0*\0\0\0\xff")):
        picture.save(tmp_path / f"{number}.jpg", exif=exif)
    assert folder(tmp_path).element_spec["image"].shape == (4, 6, 3)


def test_what_is_no_data_is_passed_over_and_told(tmp_path):
    for file in (
        "dog/a.png",
        "dog/.ipynb_checkpoints/a-checkpoint.png",
        "dog/__MACOSX/a.png",
        "dog/@eaDir/a.png/thumb.jpg",
        "__MACOSX/dog/a.png",
        ".git/a.png",
        "cat/a.png",
        "cat/.b.png",
    ):
        save(tmp_path / file, "red")
    (tmp_path / "cat" / "Thumbs.db").write_bytes(b"")
    (tmp_path / "cat" / "caption.txt").write_text("a cat")
    (tmp_path / "cat" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    source = folder(tmp_path)
    assert (source.num_examples, source.class_names) == (2, ("cat", "dog"))
    assert source.passed_over == (
        "3 hidden (.b.png, ...)",
        "4 left by a system (@eaDir, ...)",
        "1 no file (gone.png)",
        "1 no image (caption.txt)",
    )


def test_linked_folders_are_read_and_links_that_go_round_end(tmp_path):
    save(tmp_path / "elsewhere" / "more" / "b.png", "red")
    save(tmp_path / "data" / "dog" / "a.png", "red")
    save(tmp_path / "data" / "cat" / "a.png", "red")
    (tmp_path / "data" / "dog" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data" / "cat" / "round").symlink_to(tmp_path / "data")
    source = folder(tmp_path / "data")
    assert everything(source)["label"].tolist().count(1) == 2
    assert "1 link to a folder above (cat)" in source.passed_over


def test_a_folder_without_images_beside_pictures_is_no_class(tmp_path):
    save(tmp_path / "a.png", "red")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "readme.txt").write_text("mine")
    source = folder(tmp_path)
    assert (source.num_examples, source.num_classes) == (1, None)
    assert source.passed_over == ("1 folder without images (notes)", "1 no image (readme.txt)")


def test_numbers_in_names_of_classes_count_as_numbers(tmp_path):
    for name in ("10", "2", "1", "b10", "b9", "02"):
        save(tmp_path / name / "a.png", "red")
    assert folder(tmp_path).class_names == ("1", "02", "2", "10", "b9", "b10")
    as_text = folder(tmp_path, class_order="text")
    assert as_text.class_names == ("02", "1", "10", "2", "b10", "b9")
    with pytest.raises(ValueError, match="class_order is 'number'; it must be 'natural' or 'text'"):
        folder(tmp_path, class_order="number")


@pytest.mark.parametrize("limit", [0, 2**30], ids=["lazy", "held"])
def test_all_broken_files_are_named_when_the_folder_is_opened(tmp_path, limit):
    for number in range(40):
        save(tmp_path / f"{number:02d}.png", "red")
    for number in (3, 7, 31):  # not among those that are looked at
        (tmp_path / f"{number:02d}.png").write_text("text")
    with pytest.raises(DataError) as caught:
        folder(tmp_path, image_size=4, decode_limit_bytes=limit)
    assert str(caught.value) == (
        f"folder:{tmp_path}: cannot read 3 files: "
        + ", ".join(f"{tmp_path}/{number}.png (not an image)" for number in ("03", "07", "31"))
        + "; remove or replace them"
    )


def test_a_strip_is_not_resized_whole(tmp_path, monkeypatch):
    save(tmp_path / "strip.png", "white", size=(30000, 1))
    made = []

    def resize(image, size, *args):
        made.append(size)
        return Image.new("RGB", (1, 1)) if max(size) > 4096 else plain(image, size, *args)

    plain = Image.Image.resize
    monkeypatch.setattr(Image.Image, "resize", resize)
    assert (everything(folder(tmp_path, image_size=64))["image"] == 1).all()
    assert made == [(256, 64)]


def test_the_middle_of_a_strip_is_what_whole_resizing_gives():
    noise = np.random.default_rng(0).integers(0, 256, (12, 100, 3), np.uint8)
    whole = Image.fromarray(noise).resize((400, 48), Image.Resampling.LANCZOS)
    middle = np.asarray(whole.crop((176, 0, 224, 48)), int)
    ours = np.asarray(resize_and_crop(Image.fromarray(noise), 48), int)
    assert np.abs(ours - middle).max() <= 1


@pytest.mark.parametrize("options", [{}, {"decode_limit_bytes": 0}], ids=["held", "lazy"])
def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(tmp_path, options):
    save(tmp_path / "0.png", "red")
    Image.new("1", (12000, 12000)).save(tmp_path / "bomb.png")
    assert (tmp_path / "bomb.png").stat().st_size < 50_000
    words = r"bomb.png \(12000x12000 pixels; it must have at most 67108864, 8192x8192\)"
    with pytest.raises(DataError, match=words):
        folder(tmp_path, image_size=4, **options)
