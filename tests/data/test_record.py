"""What a run says of its data, and knows again."""

import json

import jax
import numpy as np
import pytest
from PIL import Image

from jaxgan.cli.sample import parse_label
from jaxgan.core.errors import ConfigError
from jaxgan.data import DataError, array_source, open_source, record_of, ring, summary
from jaxgan.data.record import check_same, repetition
from jaxgan.run import directory


def save(path, size=(4, 4), grey=200):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, grey).save(path)


@pytest.fixture
def animals(tmp_path):
    for file in ("dog/a.png", "cat/a.png", "cat/b.png", "cat/.c.png"):
        save(tmp_path / "animals" / file)
    return tmp_path / "animals"


def test_a_batch_larger_than_the_data_is_said(animals):
    source = open_source(f"folder:{animals}")
    assert repetition(source, 3) == repetition(ring(), 4) == ""
    assert repetition(source, 4).startswith("batch_size is 4, and there are 3 examples: each is")
    assert "in a batch 21 times" in repetition(source, 64)


def test_one_line_says_what_was_read(animals, tmp_path):
    source = open_source(f"folder:{animals}")
    assert summary(source) == (
        f"folder:{animals}: 3 images of 4x4x3, bytes in [200, 200]; 2 classes: 0 cat, 1 dog; "
        "passed over: 1 hidden (.c.png)"
    )
    lazy = open_source(f"folder:{animals}", labels=False, decode_limit_bytes=0)
    assert "3 images of 4x4x3, bytes in [200, 200] (3 looked at); no classes" in summary(lazy)
    many = array_source(
        "many", np.ones((20, 2)) * 0.5, np.arange(20), class_names=[f"c{i}" for i in range(20)]
    )
    assert "20 points of 2 numbers, floats in [0.5, 0.5]; 20 classes: 0 c0, " in summary(many)
    assert summary(many).endswith("15 c15, ...")
    assert summary(open_source("paired_digits", task="halved")).startswith(
        "paired_digits: 1797 images of 8x8x1 made of 4x4x1, floats in [-1, 1]"
    )


def test_a_digest_tells_data_apart_wherever_they_lie(animals, tmp_path):
    digest = open_source(f"folder:{animals}").digest
    moved = animals.rename(tmp_path / "moved")
    assert open_source(f"folder:{moved}").digest == digest
    save(moved / "cat" / "a.png", (40, 40))  # another size, the same name
    changed = open_source(f"folder:{moved}", image_size=4).digest
    (moved / "cat" / "b.png").rename(moved / "cat" / "d.png")
    renamed = open_source(f"folder:{moved}", image_size=4).digest
    assert len({digest, changed, renamed}) == 3
    digests = set()
    for value in (0.0, 1.0):
        np.savez(tmp_path / "own.npz", points=np.full((3, 2), value))
        digests.add(open_source(f"npz:{tmp_path / 'own.npz'}").digest)
    assert len(digests) == 2


RECORD = {"num_examples": 9, "num_classes": 2, "class_names": ["cat", "dog"], "digest": "a"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, None),
        ({"digest": "b"}, "data: as many examples as when the run last began, 9, but others"),
        ({"num_examples": 10, "digest": "b"}, "data: 9 examples when the run last began, 10 now"),
        ({"class_names": []}, None),
    ],
)
def test_changed_examples_are_told(change, words):
    assert check_same(RECORD, {**RECORD, **change}) == words


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"class_names": ["dog", "cat"]},
            "data: class 0 was 'cat', is 'dog'; it must be the run's",
        ),
        ({"num_classes": 3, "class_names": ["a", "b", "c"]}, "data: 3 classes, 2 when the run"),
        ({"num_classes": None, "class_names": []}, "data: no classes, 2 when the run began"),
    ],
)
def test_changed_classes_are_refused_unless_told_to_go_on(change, words, tmp_path, caplog):
    new = {**RECORD, **change}
    with pytest.raises(DataError, match=words):
        check_same(RECORD, new)
    directory.write(tmp_path, {}, {}, RECORD)
    with pytest.raises(ConfigError, match=f"{words}.*--override-config"):
        directory.check_same_data(tmp_path, new)
    assert not caplog.records
    directory.check_same_data(tmp_path, new, override=True)
    assert words in caplog.text


def test_a_job_must_have_the_same_data_in_every_process(animals):
    spec = {"image": jax.ShapeDtypeStruct((2,), "float32")}
    here, there = (directory.describe({}, spec, record_of(ring(num_modes=n))) for n in (3, 4))
    assert {key for key in here if here[key] != there[key]} == {"data.num_classes"}


def test_a_run_from_before_goes_on_numbering_its_classes_as_text(tmp_path):
    config = {"data": {"source": "folder:numbers", "image_size": 4}}
    directory.write(tmp_path, config, {}, RECORD)
    assert directory.read_config(tmp_path) == config
    run = json.loads((tmp_path / "run.json").read_text())
    del run["data"]
    (tmp_path / "run.json").write_text(json.dumps(run))
    assert directory.read_config(tmp_path)["data"] == {**config["data"], "class_order": "text"}
    assert directory.read_data(tmp_path) is None
    directory.check_same_data(tmp_path, RECORD)  # nothing is known, so nothing is refused
    other = {"data": {"source": "digits"}}
    (tmp_path / "config.json").write_text(json.dumps(other))
    assert directory.read_config(tmp_path) == other


NAMES = ("cat", "dog", "salt, pepper", "1")


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("dog", (1,)),
        ("dog,0,dog", (1, 0, 1)),
        ("salt, pepper", (2,)),
        ("2", (2,)),
        ("1", (3,)),  # a name before a number
        ("all", (0, 1, 2, 3)),
        (None, (0, 1, 2, 3)),
    ],
)
def test_classes_are_asked_for_by_name_or_number(text, classes):
    assert parse_label(text, 4, NAMES) == classes


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("dig", "label is 'dig'; did you mean dog.* classes from 0 to 3, or names \\(cat, dog,"),
        ("4", "label is '4'; it must be all"),
        ("-1", "label is '-1'; it must be all"),
        ("cat,", "label is 'cat,'; it must be all"),
        ("²", "label is '²'; it must be all"),
    ],
)
def test_unknown_classes_are_refused(text, words):
    with pytest.raises(ConfigError, match=words):
        parse_label(text, 4, NAMES)
