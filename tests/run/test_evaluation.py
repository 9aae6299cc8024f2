"""The data that a run is measured against are of its own classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jaxgan.checkpoint import manifest
from jaxgan.checkpoint.manifest import Manifest
from jaxgan.config.data import resolve_data
from jaxgan.core.errors import ConfigError
from jaxgan.data import Source, array_source
from jaxgan.evaluation import EvaluationError
from jaxgan.run.evaluation import check_classes, open_reference, split_of
from jaxgan.run.load import load
from jaxgan.run.saved import SavedRun

IMAGES = np.zeros((4, 8, 8, 1), np.uint8)


def data_of(num_classes: int | None, names: tuple[str, ...] = ()) -> Source:
    labels = None if num_classes is None else np.arange(4) % num_classes
    return array_source("some", IMAGES, labels, class_names=names)


def test_a_conditional_run_wants_its_own_classes() -> None:
    check_classes(2, ("cat", "dog"), data_of(2, ("cat", "dog")))
    check_classes(2, (), data_of(2, ("cat", "dog")))
    check_classes(2, ("cat", "dog"), data_of(2))
    check_classes(0, (), data_of(None))
    check_classes(0, ("cat",), data_of(3))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (data_of(None), "some has no labels; the run was trained on 2 classes"),
        (data_of(3), "some has 3 classes; the run was trained on 2 classes"),
        (data_of(1), "some has 1 class; the run was trained on 2"),
        (data_of(2, ("cat", "emu")), "class 1 of some is 'emu'; of the run's data it was 'dog'"),
    ],
)
def test_other_classes_are_refused(source: Source, message: str) -> None:
    with pytest.raises(EvaluationError, match=message) as raised:
        check_classes(2, ("cat", "dog"), source)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("metrics", "problem"),
    [
        ({"eval/fd_pixels": None}, "eval/fd_pixels is finite in none of its checkpoints"),
        ({"loss/gen": 1.0}, "none has eval/fd_pixels"),
    ],
)
def test_no_best_checkpoint_says_why(
    tmp_path: Path, metrics: dict[str, float | None], problem: str
) -> None:
    folder = tmp_path / "checkpoints" / "10"
    folder.mkdir(parents=True)
    manifest.write(
        folder,
        Manifest(
            step=10,
            created="",
            versions={},
            num_processes=1,
            leaves={},
            data_state={},
            metrics=metrics,
            config=None,
            files={},
        ),
    )
    config = {"keep_best": {"metric": "eval/fd_pixels", "mode": "min", "keep": 1}}
    saved = SavedRun(tmp_path, config, spec={}, class_names=())
    with pytest.raises(ConfigError, match=problem):
        load(saved, step="best")


OWN = """\
import numpy as np


def halves(*, split: str = "train"):
    return {"image": np.full((4, 2), 1.0 if split == "train" else -1.0)}
"""


def test_options_of_ones_own_data_are_asked_for_by_their_names(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(OWN)
    config = {"data": resolve_data(f"{tmp_path / 'mine.py'}:halves")}
    first = np.zeros(1, int)
    assert open_reference(config).name == "halves"
    assert open_reference(config).read(first)["image"].max() == 1.0
    assert open_reference(config, split="test").read(first)["image"].max() == -1.0
    assert (split_of(config, None), split_of(config, "test")) == ("train", "test")
    with pytest.raises(EvaluationError, match=r"data_dir is 'a'; .*:halves has no such option"):
        open_reference(config, data_dir="a")
