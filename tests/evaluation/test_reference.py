"""Real examples: which, in which order, and what is kept of them."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from jaxgan.data import digits, ring
from jaxgan.data.arrays import array_source
from jaxgan.evaluation import EvaluationError
from jaxgan.evaluation.collect import class_sequence, labels_of
from jaxgan.evaluation.reference import cache_path, digest_of, make_reference, recall, store


def test_every_example_once_in_a_shuffled_order() -> None:
    source = digits()
    reference = make_reference(source, None, 0)
    images = reference.read(0, reference.num)["image"]
    whole = source.read(np.arange(source.num_examples))["image"]
    assert not np.array_equal(images, whole)

    def order(x: np.ndarray) -> np.ndarray:
        return x[np.lexsort(x.reshape(len(x), -1).T)]

    np.testing.assert_array_equal(order(images), order(whole))
    few = make_reference(source, 100, 0)
    np.testing.assert_array_equal(few.read(0, 100)["image"], images[:100])
    with pytest.raises(EvaluationError, match="num_real is 2000; digits has 1797 examples"):
        make_reference(source, 2000, 0)


def test_chunks_of_a_mixture_do_not_depend_on_how_they_are_read() -> None:
    reference = make_reference(ring(), None, 600)
    assert reference.num == 600
    whole = reference.read(0, 600)["image"]
    np.testing.assert_array_equal(reference.read(250, 300)["image"], whole[250:300])


def test_the_digest_is_of_the_content() -> None:
    images = np.zeros((4, 2, 2, 1), np.uint8)
    base = digest_of(make_reference(array_source("a", images), None, 0))
    assert base == digest_of(make_reference(array_source("b", images.copy()), None, 0))
    images[2, 0, 1] = 1
    assert base != digest_of(make_reference(array_source("a", images), None, 0))


def test_a_path_is_no_part_of_the_name() -> None:
    source = array_source("npz:/somewhere/else/set.npz", np.zeros((4, 2, 2, 1), np.uint8))
    assert make_reference(source, None, 0).name == "npz:set.npz"


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty"])
def test_damage_is_noticed(damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = cache_path(tmp_path, "sha256:0", {"weights": "w"})
    arrays = {"features": np.arange(12.0).reshape(4, 3)}
    assert recall(path) is None
    store(path, arrays)
    found = recall(path)
    assert found is not None
    np.testing.assert_array_equal(found["features"], arrays["features"])
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[len(content) // 2] ^= 1
    path.write_bytes({"truncated": content[:-5], "flipped": content, "empty": b""}[damage])
    with caplog.at_level(logging.WARNING, "jaxgan.evaluation"):
        assert recall(path) is None
    assert "is damaged; its features are recomputed" in caplog.text


def test_classes_follow_the_data_at_every_length() -> None:
    counts = np.asarray([5, 1, 3, 1])
    labels = class_sequence(counts.tolist(), 1000)
    for num in (1, 7, 10, 333, 1000):
        found = np.bincount(labels[:num], minlength=4)
        assert np.abs(found - num * counts / counts.sum()).max() <= 1
    np.testing.assert_array_equal(class_sequence([9] * 10, 35), np.arange(35) % 10)
    with pytest.raises(EvaluationError, match="no example of the data has one"):
        class_sequence([0, 0], 3)


def test_labels_belong_to_their_images() -> None:
    reference = make_reference(digits(), 300, 0)
    labels = labels_of(reference)
    assert labels is not None
    np.testing.assert_array_equal(labels, reference.read(0, 300)["label"])
    assert labels_of(make_reference(digits(labels=False), 10, 0)) is None


@pytest.mark.parametrize("num", [None, 1, 2])
def test_one_example_is_too_few(num: int | None) -> None:
    source = array_source("one", np.zeros((1, 4, 4, 1), np.uint8))
    with pytest.raises(EvaluationError, match=r"at least 2|one has 1 example"):
        make_reference(source, num, 10)
