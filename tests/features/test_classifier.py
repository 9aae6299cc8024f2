"""The classifier that is trained on the data set: accurate, the same again, kept."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jaxgan import metrics
from jaxgan.data import Source, array_source, open_source
from jaxgan.features import FeatureError, Settings, classifier, extract, fit
from jaxgan.features import weights as stored
from jaxgan.features.classifier import is_held_out
from tests.helpers import assert_same_bits

TFDS = Path(os.environ.get("JAXGAN_TFDS_DIR", Path(__file__).parents[3] / "shared/data/tfds"))
QUICK = Settings(num_steps=300)


@pytest.fixture(scope="module")
def digits() -> Source:
    source = open_source("digits")
    assert isinstance(source, Source)
    return source


def test_digits_are_recognised(digits: Source) -> None:
    first = classifier(digits, settings=QUICK)
    assert first.name == "digits-cnn"
    assert first.num_classes == 10
    assert float(first.protocol["accuracy"]) >= 0.97
    assert first.protocol["num_held_out"] == is_held_out(np.arange(1797)).sum()
    assert first.protocol["published"] == 0

    held_out = np.flatnonzero(is_held_out(np.arange(1797)))
    batch = digits.read(held_out)
    found = extract(first, batch["image"])
    assert found["features"].shape == (len(held_out), 128)
    right = found["logits"].argmax(axis=1) == batch["label"]
    assert right.mean() == pytest.approx(first.protocol["accuracy"], abs=1e-5)


def test_the_network_is_kept_and_made_anew_just_the_same(
    digits: Source, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    few = Settings(num_steps=10)
    first = classifier(digits, settings=few, cache_dir=tmp_path)
    (path,) = (tmp_path / "classifiers").iterdir()
    written = path.stat().st_mtime_ns
    again = classifier(digits, settings=few, cache_dir=tmp_path)
    assert again.protocol == first.protocol
    assert_same_bits(again.params, first.params)
    assert path.stat().st_mtime_ns == written

    path.write_bytes(path.read_bytes()[:-100])
    with caplog.at_level(logging.WARNING, "jaxgan"):
        mended = classifier(digits, settings=few, cache_dir=tmp_path)
    assert "trained again" in caplog.text
    assert_same_bits(mended.params, first.params)  # training is deterministic
    assert stored.read_arrays(path)[1]["accuracy"] == first.protocol["accuracy"]


def test_other_data_settings_and_keys_have_another_place(digits: Source, tmp_path: Path) -> None:
    quick = Settings(num_steps=1)
    darker = array_source(
        "digits", digits.read(np.arange(100))["image"] * 0.5, digits.read(np.arange(100))["label"]
    )
    for source, settings in ((digits, quick), (darker, quick), (digits, quick._replace(seed=1))):
        classifier(source, settings=settings, cache_dir=tmp_path)
    classifier(digits, settings=quick, cache_dir=tmp_path, data_key="known")
    assert len(list((tmp_path / "classifiers").iterdir())) == 4


def test_hidden_labels_are_not_trained_on() -> None:
    source = open_source("digits", num_labels=200)
    extractor = classifier(source, settings=Settings(num_steps=1))
    counts = [int(extractor.protocol[name]) for name in ("num_train", "num_held_out")]
    assert sum(counts) == 200


def test_a_test_set_takes_the_place_of_the_held_out_part(digits: Source) -> None:
    extractor = classifier(digits, test=digits, settings=Settings(num_steps=1))
    assert extractor.protocol["num_train"] == extractor.protocol["num_held_out"] == 1797


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (lambda: open_source("ring"), "they must be images"),
        (lambda: open_source("digits", labels=False), "digits has no labels"),
        (
            lambda: array_source("one", np.zeros((9, 8, 8, 1), np.uint8), np.zeros(9, int)),
            "has 1 class; it must have at least 2",
        ),
        (
            lambda: array_source("two", np.zeros((2, 8, 8, 1), np.uint8), np.arange(2)),
            "there must be two classes, and one held out",
        ),
    ],
)
def test_other_data_are_refused(source: object, message: str) -> None:
    with pytest.raises(FeatureError, match=message):
        classifier(source())


def test_gan_train_and_gan_test_with_the_classifier(digits: Source) -> None:
    batch = digits.read(np.arange(digits.num_examples))
    images, labels = batch["image"], batch["label"]
    real, fake = slice(0, 900), slice(900, 1797)

    def quick(x: np.ndarray, y: np.ndarray) -> Any:
        return fit(x, y, settings=QUICK)

    # Samples that are real digits, but of half the classes.
    half = np.flatnonzero(labels[fake] < 5) + 900
    trained = metrics.gan_train(quick, images[half], labels[half], images[real], labels[real])
    tested = metrics.gan_test(quick, images[real], labels[real], images[half], labels[half])
    most = (labels[real] < 5).mean()
    assert 0.9 * most < trained.overall <= most
    assert trained.per_class[:5].min() > 0.7
    np.testing.assert_array_equal(trained.per_class[5:], np.zeros(5))
    assert tested.overall > 0.88
    assert np.isnan(tested.per_class[5:]).all()


@pytest.mark.slow
@pytest.mark.skipif(not TFDS.is_dir(), reason="no prepared data; JAXGAN_TFDS_DIR says where")
def test_mnist_is_recognised() -> None:
    pytest.importorskip("tensorflow_datasets")
    source = open_source("tfds:mnist", data_dir=str(TFDS))
    start = time.monotonic()
    extractor = classifier(source)
    print(f"{time.monotonic() - start:.1f} s")
    assert extractor.name == "mnist-cnn"
    assert float(extractor.protocol["accuracy"]) >= 0.985
