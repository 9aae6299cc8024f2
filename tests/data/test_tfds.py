"""MNIST and Fashion-MNIST as TFDS prepared them, where they are."""

import io
import logging
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxgan.data import DataError, open_source, tfds

DATA_DIR = Path(os.environ.get("JAXGAN_TFDS_DIR", Path(__file__).parents[3] / "shared/data/tfds"))

pytest.importorskip("tensorflow_datasets")
needs_mnist = pytest.mark.skipif(
    not (DATA_DIR / "mnist").is_dir(), reason="MNIST is not prepared beside the repository"
)


@pytest.fixture(scope="module")
def mnist_test():
    return open_source("tfds:mnist", split="test", data_dir=str(DATA_DIR))


@needs_mnist
def test_mnist_against_the_published_counts(mnist_test):
    labels = mnist_test.read(np.arange(10_000))["label"]
    # The class counts of t10k-labels, which every reader of MNIST knows.
    expected = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert np.bincount(labels).tolist() == expected
    assert mnist_test.num_classes == 10
    assert mnist_test.class_names == tuple("0123456789")


@needs_mnist
def test_mnist_against_the_records_themselves(mnist_test):
    array_record = pytest.importorskip("array_record.python.array_record_module")
    (file,) = (DATA_DIR / "mnist").glob("*/mnist-test.array_record-00000-of-00001")
    reader = array_record.ArrayRecordReader(str(file))
    records = reader.read([0, 1, 4999, 9999])
    reader.close()
    images = mnist_test.read(np.array([0, 1, 4999, 9999]))["image"]
    for record, image in zip(records, images, strict=True):
        start, end = record.index(b"\x89PNG"), record.index(b"IEND") + 8
        expected = np.asarray(Image.open(io.BytesIO(record[start:end])), np.float32)
        np.testing.assert_allclose(image[..., 0], expected / 127.5 - 1, atol=1e-6)


@needs_mnist
def test_tensorflow_is_not_imported(mnist_test):
    assert mnist_test.num_examples == 10_000
    assert "tensorflow" not in sys.modules


@needs_mnist
@pytest.mark.parametrize("limit", [0, 2**30], ids=["lazy", "held"])
def test_slices_sizes_and_channels(mnist_test, limit):
    options = {"split": "test[10:40]", "data_dir": str(DATA_DIR), "decode_limit_bytes": limit}
    plain = tfds("mnist", **options)
    assert plain.num_examples == 30
    batch = plain.read(np.arange(30))
    expected = mnist_test.read(np.arange(10, 40))
    np.testing.assert_array_equal(batch["image"], expected["image"])
    np.testing.assert_array_equal(batch["label"], expected["label"])
    large = tfds("mnist", image_size=32, channels=3, labels=False, **options)
    read = large.read(np.arange(30))
    assert list(read) == ["image"]
    assert read["image"].shape == (30, 32, 32, 3)
    # Resizing keeps the mean ink to a few levels of 255.
    np.testing.assert_allclose(
        read["image"].mean(axis=(1, 2, 3)), batch["image"].mean(axis=(1, 2, 3)), atol=0.03
    )


def test_fashion_mnist_is_not_mnist():
    if not (DATA_DIR / "fashion_mnist").is_dir():
        pytest.skip("Fashion-MNIST is not prepared beside the repository")
    source = tfds("fashion_mnist", split="test[:200]", data_dir=str(DATA_DIR))
    assert source.class_names[:2] == ("T-shirt/top", "Trouser")
    # Clothes fill the frame, digits do not: MNIST's mean is 0.13 of white, Fashion-MNIST's 0.29.
    assert (source.read(np.arange(200))["image"].mean() + 1) / 2 > 0.22


BAD = [
    ("mnist", {"split": "trin"}, ["split 'trin'", "Unknown split", "it must be train, test"]),
    ("mnist", {"split": "train[5"}, ["split 'train[5'", "it must be train, test"]),
    ("mnist", {"split": "train[:0]"}, ["split 'train[:0]'", "it must be train, test"]),
    ("mnist", {"split": 3}, ["split is 3", "it must be a string"]),
    ("mnist", {"channels": 2}, ["tfds: channels is 2", "it must be 1 or 3, or none"]),
    ("mnist", {"image_size": 0}, ["image_size is 0", "it must be an integer, from 1 to"]),
    ("mnist:9.9.9", {}, ["tfds:mnist:9.9.9", "no such data set", "only: 3.0.1"]),
    ("mnist/foo", {}, ["tfds:mnist/foo", "no such data set", "BuilderConfig foo not found"]),
    ("mnistx", {}, ["tfds:mnistx", "no such data set", "Dataset mnistx not found"]),
    ("../x", {}, ["tfds:../x", "no such data set"]),
    (
        "cifar10",
        {},
        ["tfds:cifar10: not prepared in data_dir", "tfds build cifar10 --data_dir=", "tensorflow"],
    ),
]


@needs_mnist
@pytest.mark.parametrize(("name", "options", "fragments"), BAD)
def test_bad_requests_in_one_line(name, options, fragments):
    with pytest.raises(DataError) as caught:
        open_source(f"tfds:{name}", data_dir=str(DATA_DIR), **options)
    message = str(caught.value)
    assert "\n" not in message
    for fragment in fragments:
        assert fragment in message


def test_nothing_is_downloaded_and_no_folder_made(tmp_path):
    with pytest.raises(DataError, match="tfds:mnist: not prepared in data_dir"):
        tfds("mnist", data_dir=str(tmp_path / "none"))
    assert list(tmp_path.iterdir()) == []


@needs_mnist
def test_damaged_files_are_named(tmp_path):
    shutil.copytree(DATA_DIR / "mnist", tmp_path / "mnist")
    (file,) = tmp_path.glob("mnist/*/mnist-test.array_record-00000-of-00001")
    content = file.read_bytes()
    file.chmod(0o644)
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"tfds:mnist: cannot read .*prepare it again"):
        tfds("mnist", split="test", data_dir=str(tmp_path))
    file.unlink()
    with pytest.raises(DataError, match=r"tfds:mnist: cannot read .*No such file"):
        tfds("mnist", split="test", data_dir=str(tmp_path))


def test_without_the_extra_the_error_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(ImportError, match=r"pip install jaxgan\[data\]"):
        tfds("mnist")


def test_the_log_level_is_put_back(tmp_path, monkeypatch):
    logger = logging.getLogger("absl")
    monkeypatch.setattr(logger, "level", logging.INFO)
    with pytest.raises(DataError):
        tfds("mnist", data_dir=str(tmp_path))
    assert logger.level == logging.INFO


@needs_mnist
def test_a_folder_one_or_two_levels_too_deep_is_told(monkeypatch):
    for folder in (DATA_DIR / "mnist", next((DATA_DIR / "mnist").glob("*/"))):
        words = (
            f"data_dir {folder} is the data set's own folder, or in it; it must be .*{DATA_DIR}$"
        )
        with pytest.raises(DataError, match=words):
            tfds("mnist", data_dir=str(folder))
    monkeypatch.setenv("HOME", str(DATA_DIR.parent))
    options = {"split": "test[:3]", "data_dir": f"~/{DATA_DIR.name}"}
    assert tfds("mnist", **options).num_examples == 3
