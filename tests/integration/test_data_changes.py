"""A folder of classes from training to samples, and what happens when it changes in between."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxgan.cli.main import main

CONFIG = """
import ml_collections

def get_config(arg=""):
    adam = {"name": "adam", "learning_rate": 1e-3}
    return ml_collections.ConfigDict({
        "data": {"source": "folder:ANIMALS", "image_size": 8}, "num_classes": 2,
        "generator": {"name": "mlp", "features": (8,)},
        "discriminator": {"name": "mlp", "features": (8,)},
        "optimizer": {"gen": adam, "disc": adam}, "latent_dim": 4, "total_steps": 2,
        "batch_size": 8, "num_samples": 4, "log_every_steps": 1, "sample_every_steps": 2,
        "checkpoint_every_steps": 2, "watch": False,
    })
"""


def save(path: Path, grey: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((8, 8), grey, np.uint8)).save(path)


@pytest.fixture
def train(tmp_path: Path) -> Callable[..., int]:
    for name, grey in (("cat", 30), ("dog", 200)):
        for number in range(4):
            save(tmp_path / "animals" / name / f"{number}.png", grey + number)
    config = tmp_path / "config.py"
    config.write_text(CONFIG.replace("ANIMALS", str(tmp_path / "animals")))

    def run(*flags: str) -> int:
        workdir = str(tmp_path / "run")
        return main(["train", "--config", str(config), "--workdir", workdir, *flags])

    return run


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_classes_have_names_and_stay_what_they_were(
    train: Callable[..., int], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run, animals = tmp_path / "run", tmp_path / "animals"
    assert train() == 0
    assert (
        "8 images of 8x8x3, bytes in [30, 203]; 2 classes: 0 cat, 1 dog" in capfd.readouterr().err
    )
    recorded = json.loads((run / "run.json").read_text())["data"]
    assert (recorded["num_examples"], recorded["class_names"]) == (8, ["cat", "dog"])

    # Pictures have the names over their columns: 16 pixels over the grid of two by two.
    with Image.open(run / "samples" / "step_00000002.png") as picture:
        assert picture.height - 16 == picture.width
    out = tmp_path / "dogs.npz"
    sample = ["sample", "--workdir", str(run), "--num", "3", "--out", str(out), "--label"]
    assert main([*sample, "dog"]) == 0
    with np.load(out) as arrays:
        assert arrays["labels"].tolist() == [1, 1, 1]
    assert main([*sample, "dig"]) == 2
    assert "label is 'dig'; did you mean dog?" in capfd.readouterr().err

    (animals / "cat").rename(animals / "mouse")  # dogs would be cats from now on
    before = contents(run)
    assert train("--config.total_steps=4") == 2
    assert "data: class 0 was 'cat', is 'dog'" in capfd.readouterr().err
    assert contents(run) == before

    (animals / "mouse").rename(animals / "cat")
    save(animals / "cat" / "4.png", 50)
    assert train("--config.total_steps=4") == 0
    assert "data: 8 examples when the run last began, 9 now" in capfd.readouterr().err
    assert json.loads((run / "run.json").read_text())["data"]["num_examples"] == 9
