"""A config for pictures of one's own: each size can begin, is a file, trains and resumes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from PIL import Image

from jaxgan.cli.main import main
from jaxgan.config.base import load_config, with_flags
from jaxgan.config.build import build_algorithm
from jaxgan.config.recipe import FEW, SIDES, Look, as_file, as_rows, look, recipe
from jaxgan.config.resolve import resolve
from jaxgan.core.errors import ConfigError
from jaxgan.data.source import element_spec_of
from jaxgan.writers import read_metrics


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Eleven of several shapes, one of them in color."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index in range(11):
        shape = (20, 40) if index % 2 else (70, 20)
        pixels = rng.integers(0, 256, (*shape, 3)[: 3 if index == 0 else 2], dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.png")
    return folder


def test_a_look_finds_what_a_recipe_depends_on(pictures: Path) -> None:
    assert look(str(pictures)) == Look(f"folder:{pictures}", 11, 20, 3)


@pytest.mark.parametrize("side", SIDES)
def test_every_size_can_begin(side: int) -> None:
    found = Look("folder:none", num=FEW, side=side, channels=3)
    config = resolve(recipe(found, image_size=side))
    assert config["data"]["image_size"] == side
    algorithm = build_algorithm(config, element_spec_of((side, side, 3), labelled=False))
    state = jax.eval_shape(algorithm.init, jax.random.key(0))
    assert set(state.params) == {"gen", "disc"}


def choices(found: Look, **options: Any) -> tuple[Any, ...]:
    config = recipe(found, **options)
    return config["data"]["image_size"], config["augment"], config["batch_size"]


def test_size_augmentation_and_batch_follow_the_pictures() -> None:
    cats = Look("folder:cats", num=FEW, side=300, channels=3)
    assert choices(cats) == (32, None, 64)
    assert choices(cats, image_size=64) == (64, None, 32)
    assert choices(cats, image_size=256) == (256, None, 32)
    assert choices(cats._replace(num=50, side=31)) == (28, "diffaugment", 32)
    assert choices(cats._replace(num=FEW - 1), image_size=128) == (128, "ada", 32)
    assert choices(cats._replace(side=5)) == (8, None, 64)
    with pytest.raises(ConfigError, match="size is 48; it must be 8, 16, 28, 32, 64, 128 or 256"):
        recipe(cats, image_size=48)
    # gamma of StyleGAN2-ADA's `auto`: 0.0002 pixels / batch.
    r1 = recipe(cats, image_size=256)["penalties"]["r1"]
    assert r1["weight"] == pytest.approx(0.0002 * 256 * 256 / 32)


def test_the_file_is_the_config(pictures: Path, tmp_path: Path) -> None:
    found = look(str(pictures))
    path = tmp_path / "mine.py"
    path.write_text(as_file(recipe(found), "pictures"))
    assert load_config(str(path)) == recipe(found)
    path.write_text(as_file(recipe(found), "a\nraise SystemExit"))
    assert load_config(str(path)) == recipe(found)


def test_larger_sizes_are_named() -> None:
    cats = Look("folder:cats", num=FEW, side=200, channels=3)
    chosen = dict(as_rows(recipe(cats), cats))
    assert chosen["trained at"] == "32x32, RGB; on a GPU, --size 64 or 128"
    large = dict(as_rows(recipe(cats, image_size=128), cats))
    assert large["trained at"] == "128x128, RGB"
    assert large["time"] == "needs a GPU; the authors' code takes 23 hours on one V100"


SMALL = """
    total_steps=4 substeps=2 latent_dim=4 generator.base_channels=2 discriminator.base_channels=2
    log_every_steps=2 checkpoint_every_steps=2 sample_every_steps=4 num_devices=1 num_samples=4
"""


def test_pictures_are_trained_on_in_one_command(
    pictures: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    flags = [f"--config.{one}" for one in SMALL.split()]
    command = ["train", "--data", str(pictures), "--size", "8", "--workdir", str(tmp_path / "run")]
    assert main([*command, *flags]) == 0
    said = capfd.readouterr().err
    assert "trained at    8x8, RGB" in said
    assert "augmentation  diffaugment" in said
    assert [one["step"] for one in read_metrics(tmp_path / "run" / "metrics.jsonl")] == [2, 4]
    assert main([*command, *flags]) == 0
    assert "has done its 4 steps" in capfd.readouterr().err
    assert main(["init", "--data", str(pictures), "--size", "8"]) == 0
    printed = tmp_path / "printed.py"
    printed.write_text(capfd.readouterr().out)
    again = ["train", "--config", str(printed), "--workdir", str(tmp_path / "run")]
    assert main([*again, *flags]) == 0
    assert resolve(with_flags(load_config(str(printed)), flags))["data"]["image_size"] == 8
