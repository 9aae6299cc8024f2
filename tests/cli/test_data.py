"""`jaxgan data`: what it finds is what was put there; what it converts is what Pillow makes."""

import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from jaxgan.cli.main import main
from jaxgan.data import open_source, to_uint8

NOISE = np.random.default_rng(0)


def smooth(width=48, height=48):
    """A picture as cameras make them: without noise in its smallest parts."""
    small = Image.fromarray(NOISE.integers(40, 200, (5, 5, 3), np.uint8))
    return small.resize((width, height), Image.Resampling.BICUBIC)


@pytest.fixture
def planted(tmp_path):
    folder = tmp_path / "data"
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True)
    pictures = [smooth() for _ in range(6)]
    for index, picture in enumerate(pictures):
        picture.save(folder / ("cat" if index < 4 else "dog") / f"{index}.png")
    pictures[1].save(folder / "dog" / "equal.bmp")
    pictures[2].save(folder / "dog" / "near.jpg", quality=60)
    pictures[2].resize((96, 96)).save(folder / "dog" / "near.webp")
    smooth(30, 60).convert("L").save(folder / "dog" / "tall.png")
    (folder / "dog" / "broken.png").write_bytes(b"text")
    (folder / "dog" / "notes.txt").write_text("text")
    return folder


def test_what_was_planted_is_found(planted, tmp_path, capsys):
    assert main(["data", str(planted), "--json", "--out", str(tmp_path / "out")]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["name"] == f"folder:{planted}"
    assert found["num_examples"] == 11
    assert found["sizes"] == [[48, 48, 3, 8], [96, 96, 3, 1], [60, 30, 1, 1]]
    assert (found["class_names"], found["classes"]) == (["cat", "dog"], [4, 7])
    assert found["duplicates"] == [[f"{planted}/cat/1.png", f"{planted}/dog/equal.bmp"]]
    near = [f"{planted}/cat/2.png", f"{planted}/dog/near.jpg", f"{planted}/dog/near.webp"]
    assert found["near_identical"] == [near]
    assert found["broken"] == [[f"{planted}/dog/broken.png", "not an image"]]
    assert found["passed_over"] == ["1 no image (notes.txt)"]
    read = [Image.open(f) for f in planted.glob("*/*.*") if f.stem not in ("broken", "notes")]
    least = min(np.asarray(one).min() for one in read)
    most = max(np.asarray(one).max() for one in read)
    assert found["values"] == [least, most]
    picture = np.asarray(Image.open(tmp_path / "out" / "examples.png"))
    assert picture.shape[:2] == (16 + 1 + 8 * (96 + 1), 1 + 2 * (96 + 1))
    first = np.asarray(
        Image.open(planted / "cat" / "0.png").resize((96, 96), Image.Resampling.LANCZOS)
    )
    np.testing.assert_array_equal(picture[17 : 17 + 96, 1:97], first)


def test_a_table_for_people(planted, capsys):
    assert main(["data", str(planted)]) == 1
    said = capsys.readouterr().out
    for words in (
        *("folder", "48x48x3 (8), 96x96x3 (1), 60x30x1 (1)", "2: cat 4, dog 7"),
        *("1 pictures repeat 1 others", "2 pictures repeat 1 others", "broken.png (not an image)"),
    ):
        assert words in said


def by_hand(picture, size, crop):
    if crop == "stretch":
        return picture.resize((size, size), Image.Resampling.LANCZOS)
    width, height = picture.size
    scale = size / min(width, height)
    picture = picture.resize(
        (round(width * scale), round(height * scale)), Image.Resampling.LANCZOS
    )
    left, top = (picture.width - size) // 2, (picture.height - size) // 2
    return picture.crop((left, top, left + size, top + size))


@pytest.mark.parametrize("crop", ["center", "stretch"])
def test_a_converted_set_has_the_pixels_that_pillow_makes(planted, tmp_path, capsys, crop):
    (planted / "dog" / "broken.png").unlink()
    out = tmp_path / "new" / "a.zip"
    command = ["data", "convert", str(planted), "--out", str(out), "--size", "24", "--crop", crop]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "10 pictures of 24x24, 3 channels" in said
    assert {"center": "the ends of 1 of 10 pictures", "stretch": "nothing is cut"}[crop] in said
    files = sorted(planted.glob("*/*.[!t]*"))
    expected = [np.asarray(by_hand(Image.open(f).convert("RGB"), 24, crop)) for f in files]
    with zipfile.ZipFile(out) as archive:
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        labels = json.loads(archive.read("dataset.json"))
        pixels = [
            np.asarray(Image.open(io.BytesIO(archive.read(name)))) for name, _ in labels["labels"]
        ]
    assert labels["labels"][4] == ["00000/img00000004.png", 1]
    assert labels["class_names"] == ["cat", "dog"]
    np.testing.assert_array_equal(pixels, expected)
    source = open_source(f"zip:{out}")
    batch = source.read(np.arange(10))
    np.testing.assert_array_equal(to_uint8(batch["image"]), expected)
    assert batch["label"].tolist() == [0] * 4 + [1] * 6
    first = out.read_bytes()
    assert main(command) == 0
    assert out.read_bytes() == first


@pytest.mark.parametrize(
    ("words", "options", "message"),
    [
        (["convert", "{}"], ["--size", "8"], "broken.png (not an image)"),
        (["convert", "{}"], [], "pictures of "),
        (["convert", "{}"], ["--size", "8", "--crop", "none"], "it must be 8x8, or crop center"),
        (["convert", "{}/gone"], [], "gone: no such file or folder"),
        (["{}", "{}"], [], "it must be PATH, or convert PATH"),
        (["ring"], [], "ring: no such file or folder"),
        (["zip:{}"], [], "no such file; it must be a .zip file"),
        (["{}", "--split", "test"], [], "split is 'test'; it must be left out"),
    ],
)
def test_what_is_wrong_is_one_line_and_nothing_is_written(
    planted, tmp_path, capsys, words, options, message
):
    out = tmp_path / "a.zip"
    words = [word.format(planted) for word in words]
    assert main(["data", *words, *options, "--out", str(out)]) == 2
    said = capsys.readouterr().err.splitlines()
    assert message in said[-1]
    assert said[-1].startswith("jaxgan: error: ")
    assert not [path for path in tmp_path.iterdir() if path.name != "data"]


def test_to_convert_needs_a_place(planted, capsys):
    assert main(["data", "convert", str(planted)]) == 2
    assert "convert needs --out FILE.zip" in capsys.readouterr().err
