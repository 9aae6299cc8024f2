"""`jaxgan translate`: a folder of images made of a folder of images."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image

import jaxgan as jg
from jaxgan.cli.main import main
from jaxgan.data import to_uint8
from jaxgan.run.previews import examples

ROOT = Path(__file__).parents[2]
WAYS = [
    ("pix2pix", "source", "fake"),
    ("cyclegan", "source", "fake.image"),
    ("cyclegan", "image", "fake.source"),
    ("super_resolution", "source", "fake"),
]
NAMES = ("b/two.10.png", "two.9.png", "a/one.png")


@pytest.fixture(scope="module")
def run_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Each run is trained when it is first asked for."""

    @functools.cache
    def trained(name: str) -> Path:
        config, folder = f"{ROOT / 'configs' / name}.py:smoke", tmp_path_factory.mktemp(name)
        assert main(["train", "--config", config, "--workdir", str(folder)]) == 0
        return folder

    return trained


def translate(workdir: Path, data: Path, out: Path, *flags: str) -> int:
    given = ["--workdir", str(workdir), "--data", str(data), "--out", str(out)]
    return main(["translate", *given, *flags])


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def pixels_of(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("L")).astype(int)  # WebP has no grey


@pytest.mark.parametrize(("name", "domain", "shown"), WAYS)
def test_images_are_those_that_the_game_shows(
    run_of: Callable[[str], Path], tmp_path: Path, name: str, domain: str, shown: str
) -> None:
    run = jg.load(run_of(name))
    batch = examples(jax.random.key(0), run._data(), len(NAMES))
    written = to_uint8(batch[domain])
    for file, pixels in zip(NAMES, written[..., 0], strict=True):
        save(tmp_path / "in" / file, pixels)
    batch[domain] = written / np.float32(127.5) - 1  # what a byte says of it
    made = to_uint8(run.panels(batch)[shown])[..., 0]
    for suffix in ("png", "webp"):
        out = tmp_path / suffix
        flags = ["--domain", domain, "--format", suffix]
        assert translate(run_of(name), tmp_path / "in", out, *flags) == 0
        for file, expected in zip(NAMES, made.astype(int), strict=True):
            found = pixels_of((out / file).with_suffix(f".{suffix}"))
            # Another number of examples at once is another program.
            np.testing.assert_allclose(found, expected, atol=1, err_msg=file)
        assert len([path for path in out.rglob("*") if path.is_file()]) == len(NAMES)


def test_pictures_are_resized_as_in_training_or_taken_as_they_are(
    run_of: Callable[[str], Path], tmp_path: Path
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (16, 24, 3), np.uint8)
    save(tmp_path / "in" / "a.png", noise)
    save(tmp_path / "in" / "b.jpg", noise[:, :16])
    sizes = {"--format=png": [(8, 8), (8, 8)], "--full-size": [(24, 16), (16, 16)]}
    for flag, expected in sizes.items():
        assert translate(run_of("pix2pix"), tmp_path / "in", tmp_path / flag, flag) == 0
        found = [pixels_of(tmp_path / flag / name).shape[::-1] for name in ("a.png", "b.png")]
        assert found == expected
    assert translate(run_of("super_resolution"), tmp_path / "in", tmp_path / "large") == 0
    assert pixels_of(tmp_path / "large" / "a.png").shape == (32, 48)
    assert translate(run_of("pix2pix"), tmp_path / "in" / "b.jpg", tmp_path / "one") == 0
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["b.png"]
    beside = tmp_path / "in" / ".." / "beside"  # which is outside of it
    assert translate(run_of("pix2pix"), tmp_path / "in", beside) == 0


def test_bad_input_is_one_line_and_writes_nothing(
    run_of: Callable[[str], Path], tmp_path: Path, capfd: pytest.CaptureFixture[str], ring_run: Path
) -> None:
    pixels = np.zeros((8, 8), np.uint8)
    save(tmp_path / "twice" / "a.png", pixels)
    save(tmp_path / "twice" / "a.webp", pixels)
    save(tmp_path / "odd" / "a.png", pixels)
    save(tmp_path / "odd" / "b.png", np.zeros((9, 6), np.uint8))
    (tmp_path / "broken").mkdir()
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken" / "a.png").write_bytes(b"no picture")
    wrong = {
        ("pix2pix", "none"): "it must be a folder of pictures, or one",
        ("pix2pix", "empty"): "it must be a folder of .bmp",
        ("pix2pix", "twice"): "a.png and a.webp would both be a.png",
        ("pix2pix", "broken"): "a.png (not an image)",
        ("pix2pix", "odd", "--full-size"): "b.png: images.shape is [16, 9, 6, 1]; the generator",
        ("pix2pix", "odd", "--domain=image"): "domain is 'image'; it must be source",
        ("pix2pix", "odd", "--seed=-1"): "seed is -1",
        ("pix2pix", "odd", "--step=3"): "has no checkpoint 3",
    }
    for (name, data, *flags), expected in wrong.items():
        assert translate(run_of(name), tmp_path / data, tmp_path / "out", *flags) == 2
        error = capfd.readouterr().err.strip().splitlines()
        assert expected in error[-1], error
        assert not (tmp_path / "out").exists()
    assert translate(ring_run, tmp_path / "odd", tmp_path / "out") == 2
    assert "game is 'gan'; it must be pix2pix, cyclegan or super_res" in capfd.readouterr().err
    assert translate(run_of("pix2pix"), tmp_path / "odd", tmp_path / "odd" / "out") == 2
    assert "it must be outside of" in capfd.readouterr().err
    assert translate(run_of("pix2pix"), tmp_path / "odd", tmp_path / "twice") == 2
    assert "it must be a new folder, or an empty one" in capfd.readouterr().err
