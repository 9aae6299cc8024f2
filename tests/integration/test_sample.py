"""`jaxgan sample` and `jg.load`: pictures, arrays, members, averages."""

from __future__ import annotations

import json
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image

import jaxgan as jg
from jaxgan.cli.main import main
from jaxgan.data import open_source, to_uint8

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for name in ("digits", "ring"):
        config = f"{ROOT / 'configs' / name}.py:smoke"
        assert main(["train", "--config", config, "--workdir", str(folder / name)]) == 0
    return folder


def sample(workdir: Path, out: Path, *flags: str) -> int:
    return main(["sample", "--workdir", str(workdir), "--out", str(out), *flags])


def test_images_as_arrays_and_as_a_picture(runs: Path, tmp_path: Path) -> None:
    assert sample(runs / "digits", tmp_path / "a.npz", "--num", "10") == 0
    with np.load(tmp_path / "a.npz") as arrays:
        assert arrays["images"].dtype == np.uint8
        assert arrays["images"].shape == (10, 8, 8, 1)
        assert arrays["images"].std() > 0
        assert sorted(arrays) == ["images"]
    source = open_source(f"npz:{tmp_path / 'a.npz'}")
    assert (source.num_examples, source.num_classes) == (10, None)
    for name in ("a.png", "b.PNG"):
        assert sample(runs / "digits", tmp_path / name, "--num", "16") == 0
        with Image.open(tmp_path / name) as picture:
            assert picture.size == (296, 296)


def test_images_in_a_folder(runs: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert sample(runs / "digits", tmp_path / "new", "--num", "5") == 0
    assert sample(runs / "digits", tmp_path / "a.npz", "--num", "5") == 0
    source = open_source(f"folder:{tmp_path / 'new'}", channels=1)
    said = json.loads((tmp_path / "new" / "samples.json").read_text())
    assert (said["run"], said["seed"], said["ema"]) == (str(runs / "digits"), 0, True)
    written = source.read(np.arange(5))["image"]
    stored = open_source(f"npz:{tmp_path / 'a.npz'}").read(np.arange(5))["image"]
    np.testing.assert_array_equal(written, stored)
    assert sample(runs / "digits", tmp_path / "new") == 2
    assert "it must be a new folder" in capfd.readouterr().err
    assert sample(runs / "ring", tmp_path / "points") == 2
    assert "it must be a .png or .npz file, as the run makes points" in capfd.readouterr().err
    assert not (tmp_path / "points").exists()


def test_points_as_arrays_and_as_a_picture(runs: Path, tmp_path: Path) -> None:
    assert sample(runs / "ring", tmp_path / "a.npz", "--num", "300") == 0
    with np.load(tmp_path / "a.npz") as arrays:
        assert arrays["points"].dtype == np.float32
        assert arrays["points"].shape == (300, 2)
    assert sample(runs / "ring", tmp_path / "a.png") == 0


def test_samples_depend_on_seed_and_index_alone(runs: Path) -> None:
    run = jg.load(runs / "digits")
    few, many, other = run.sample(5), run.sample(300), run.sample(5, key=jax.random.key(1))
    np.testing.assert_array_equal(few, many[:5])
    assert not np.array_equal(few, other)


def test_members_differ_and_one_is_picked(
    runs: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    first, second = (jg.load(runs / "ring", member=i).sample(20) for i in (0, 1))
    assert not np.array_equal(first, second)
    assert sample(runs / "ring", tmp_path / "a.npz", "--num", "20", "--member", "1") == 0
    with np.load(tmp_path / "a.npz") as arrays:
        np.testing.assert_array_equal(arrays["points"], second)
    assert sample(runs / "ring", tmp_path / "a.npz", "--member", "2") == 2
    assert "member is 2; the run has members 0 to 1" in capfd.readouterr().err


def test_the_average_is_sampled_unless_refused(runs: Path) -> None:
    averaged = jg.load(runs / "digits").sample(4)
    live = jg.load(runs / "digits", ema=False).sample(4)
    assert not np.array_equal(averaged, live)


def test_truncated_samples_are_of_latents_within_the_limit(runs: Path, tmp_path: Path) -> None:
    out, run = tmp_path / "a.npz", jg.load(runs / "digits")
    assert sample(runs / "digits", out, "--num", "16", "--truncation", "0.3") == 0
    with np.load(out) as arrays:
        shown = arrays["images"]
    np.testing.assert_array_equal(shown, to_uint8(run.sample(16, truncation=0.3)))
    wide, narrow = (run.sample(64, truncation=limit).std(0).mean() for limit in (8.0, 1e-3))
    assert narrow < 1e-2 * wide
    np.testing.assert_array_equal(run.sample(4, truncation=0.3), run.sample(16, truncation=0.3)[:4])


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--num", "0"], "num is 0; it must be at least 1"),
        (["--seed", "-1"], "seed is -1; it must be from 0 to 2147483647"),
        (["--step", "7"], "has no checkpoint 7"),
        (["--member", "1"], "member is 1, but the run has a single member"),
        (["--label", "3"], "label is '3'; the run is unconditional, so it has none"),
        (["--label", "all"], "label is 'all'; the run is unconditional"),
    ],
)
def test_bad_input(
    runs: Path, tmp_path: Path, flags: list[str], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert sample(runs / "digits", tmp_path / "a.png", *flags) == 2
    assert message in capfd.readouterr().err


def test_the_picture_s_name_says_its_format(
    runs: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert sample(runs / "digits", tmp_path / "a.jpg") == 2
    assert "it must be a .png or .npz file, or a folder" in capfd.readouterr().err


def test_labels_of_a_run_without_classes_are_refused(runs: Path) -> None:
    with pytest.raises(ValueError, match="the game is unconditional"):
        jg.load(runs / "digits").sample(3, labels=[7, 7, 7])
