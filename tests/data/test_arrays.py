"""Sources of arrays and of decoded examples."""

import sys
import threading
import time

import numpy as np
import pytest

from jaxgan.data import DataError, array_source, decoded_source
from jaxgan.data.arrays import LOOKED_AT
from jaxgan.data.progress import with_progress


def decode(indices):
    images = np.zeros((1, 3, 2, 1), np.uint8) + indices[:, None, None, None]
    return images.astype(np.uint8), indices % 7


@pytest.mark.parametrize("limit", [0, 2**30], ids=["lazy", "held"])
def test_decoded_source_reads_the_same_either_way(limit):
    source = decoded_source(
        "d",
        decode,
        (600, 3, 2, 1),
        num_classes=7,
        class_names=[*"abcdefg"],
        decode_limit_bytes=limit,
    )
    indices = np.array([599, 0, 255, 256, 0])
    batch = source.read(indices)
    expected = np.broadcast_to((indices % 256)[:, None, None, None] / 127.5 - 1, (5, 3, 2, 1))
    np.testing.assert_allclose(batch["image"], expected, atol=1e-7)
    np.testing.assert_array_equal(batch["label"], indices % 7)
    assert (batch["image"].dtype, batch["label"].dtype) == (np.float32, np.int32)
    assert (source.num_examples, source.num_classes) == (600, 7)
    assert source.class_names == tuple("abcdefg")
    assert source.element_spec["image"].shape == (3, 2, 1)


def test_the_limit_decides_when_decoding_happens():
    calls = []

    def counted(indices):
        calls.append(len(indices))
        return decode(indices)

    num_bytes = 600 * 3 * 2
    decoded_source("d", counted, (600, 3, 2, 1), decode_limit_bytes=num_bytes)
    assert sum(calls) == 600
    calls.clear()
    decoded_source("d", counted, (600, 3, 2, 1), decode_limit_bytes=num_bytes - 1)
    assert sum(calls) == LOOKED_AT


@pytest.mark.parametrize("limit", [0, 2**30], ids=["lazy", "held"])
def test_unlabelled(limit):
    source = decoded_source("d", decode, (9, 3, 2, 1), decode_limit_bytes=limit)
    assert list(source.read(np.arange(3))) == list(source.element_spec) == ["image"]
    assert source.num_classes is None


def test_labels_out_of_range_are_found_when_a_set_is_opened():
    images = np.zeros((3, 2, 2, 1), np.uint8)
    for classes in ({"num_classes": 2}, {"class_names": ["a", "b"]}):
        with pytest.raises(DataError, match="d: label of example 1 is 2; it must be 0 to 1"):
            array_source("d", images, np.array([0, 2, 1]), **classes)

    def decode_one_too_many(indices):
        return decode(indices)[0], indices + 2

    for limit in (0, 2**30):
        with pytest.raises(DataError, match="d: label of example 0 is 2; it must be 0 to 1"):
            decoded_source(
                "d", decode_one_too_many, (9, 3, 2, 1), num_classes=2, decode_limit_bytes=limit
            )


@pytest.mark.parametrize("limit", [0, 2**30], ids=["lazy", "held"])
def test_labels_out_of_range_are_found(limit):
    with pytest.raises(DataError, match="d: label of example 5 is 5; it must be 0 to 4"):
        decoded_source("d", decode, (9, 3, 2, 1), num_classes=5, decode_limit_bytes=limit).read(
            np.array([1, 5])
        )


def test_one_bad_chunk_stops_the_rest():
    done = []
    lock = threading.Lock()

    def failing(indices):
        with lock:
            done.append(indices[0])
        time.sleep(0.01)  # all of them would take seconds: time enough to hear of the first
        raise DataError("broken")

    with pytest.raises(DataError, match="broken"):
        decoded_source("d", failing, (256 * 1000, 1, 1, 1))
    assert len(done) < 1000


def test_reading_does_not_hand_out_the_stored_arrays():
    source = array_source("p", np.zeros((4, 2), np.float32))
    source.read(np.arange(4))["image"][:] = 7
    assert source.read(np.arange(4))["image"].max() == 0


def test_float64_becomes_float32():
    source = array_source("p", np.ones((4, 2)), np.zeros(4, np.uint8))
    batch = source.read(np.arange(2))
    assert (batch["image"].dtype, batch["label"].dtype) == (np.float32, np.int32)


def test_progress_is_told_on_stderr_when_it_takes_long(monkeypatch, capsys):
    monkeypatch.setattr(sys.modules[with_progress.__module__], "PROGRESS_SECONDS", -1.0)
    assert list(with_progress(range(4), 4, "set")) == [0, 1, 2, 3]
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [f"set: read {share}%" for share in (25, 50, 75, 100)]


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.full((2, 4, 4, 1), 0.5, np.float32), "floats in [0.5, 0.5], half of the range"),
        (np.full((2, 4, 4, 1), -0.5), "floats in [-0.5, -0.5], half of the range"),
        (np.eye(4, dtype=np.uint8).reshape(1, 4, 4, 1), "bytes in [0, 1], all but black"),
        (np.eye(4).reshape(1, 4, 4, 1) * 2 - 1, ""),
        (np.eye(4, dtype=np.uint8).reshape(1, 4, 4, 1) * 2, ""),
        (np.full((2, 2), 0.5), ""),
    ],
)
def test_a_range_of_another_convention_is_told(images, words, caplog):
    source = array_source("own", images)
    assert source.values.endswith(f"in [{images.min():g}, {images.max():g}]")
    assert len(caplog.records) == bool(words)
    assert words in caplog.text
    if images.dtype == np.uint8:  # of images that are decoded when read a few are looked at
        caplog.clear()
        lazy = decoded_source("own", lambda i: (images[i], i), images.shape, decode_limit_bytes=0)
        assert lazy.values == f"{source.values} (1 looked at)"
        assert words in caplog.text


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.zeros((2, 3, 8, 8), np.uint8), r"have 8 channels; .* channels come last: move axis 1"),
        (
            np.zeros((2, 8, 8, 4), np.uint8),
            r"have 4 channels; they must be 1 or 3, as \[N, H, W, C\]$",
        ),
        (
            np.full((2, 4, 4, 1), 1.0000001),
            r"in \[1.00000012, 1.00000012\]; they must be in \[-1, 1\]",
        ),
        (np.full((2, 2), 1e300), "4 NaN or infinite values"),
    ],
)
def test_what_cannot_be_shown_is_refused_when_it_is_opened(images, words):
    with pytest.raises(DataError, match=words):
        array_source("own", images)


def test_what_float32_rounds_to_one_is_one():
    source = array_source("own", np.array([-1.0, 1.00000001]).reshape(1, 1, 2, 1))
    assert source.read(np.zeros(1, int))["image"].max() == 1
