"""The same pictures in every format that is read, each written by its own library."""

import io
import json
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image

from jaxgan.data import array_source, open_source, pipeline, to_uint8

NUM, SIZE, CLASSES = 23, 8, ("cat", "dog", "emu")
IMAGES = np.random.default_rng(0).integers(0, 256, (NUM, SIZE, SIZE, 3), np.uint8)
LABELS = np.arange(NUM) * 3 // NUM


def png(index):
    buffer = io.BytesIO()
    Image.fromarray(IMAGES[index]).save(buffer, "png")
    return buffer.getvalue()


def in_folders():
    return {f"{CLASSES[LABELS[i]]}/{i:02d}.png": png(i) for i in range(NUM)}


def described(prefix=""):
    files = {f"{prefix}00000/img{i:08d}.png": png(i) for i in range(NUM)}
    labels = [[name.removeprefix(prefix), int(LABELS[i])] for i, name in enumerate(files)]
    content = {"labels": labels[::-1], "class_names": CLASSES}
    return {f"{prefix}dataset.json": json.dumps(content).encode(), **files}


def write_folder(path):
    for name, content in in_folders().items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return f"folder:{path}"


def write_zip(path, files, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return f"zip:{path}"


def write_tar(path, files):
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return f"tar:{path}"


FORMATS = {
    "folder": lambda path: write_folder(path),
    "zip of folders": lambda path: write_zip(path, {"all/.DS_Store": b"", **in_folders()}),
    "zip of StyleGAN": lambda path: write_zip(path, described()),
    "zip, deflated": lambda path: write_zip(path, described("my/"), zipfile.ZIP_DEFLATED),
    "tar of folders": lambda path: write_tar(
        path, {f"all/{name}": content for name, content in in_folders().items()}
    ),
    "tar of StyleGAN": lambda path: write_tar(path, described()),
}


def batches(source, num, start=0):
    stream = pipeline(source, batch_size=5, seed=3, num_threads=2)
    stream.set_state({"next": start})
    found = [next(stream) for _ in range(num)]
    stream.close()
    return found


@pytest.mark.parametrize("limit", [0, 2**30], ids=["lazy", "held"])
@pytest.mark.parametrize("name", FORMATS)
def test_the_same_pictures_give_the_same_batches(tmp_path, name, limit):
    spec = FORMATS[name](tmp_path / "data")
    source = open_source(spec, decode_limit_bytes=limit)
    assert source.name == spec
    assert (source.num_examples, source.num_classes) == (NUM, 3)
    assert source.class_names in (CLASSES, ())
    assert source.digest
    everything = source.read(np.arange(NUM))
    np.testing.assert_array_equal(to_uint8(everything["image"]), IMAGES)
    assert everything["label"].tolist() == LABELS.tolist()
    # Nine batches are two epochs; those from the fourth on are what a run that resumes reads.
    expected = batches(array_source("arrays", IMAGES, LABELS), 9)
    for found in (batches(source, 9), expected[:4] + batches(source, 5, start=4)):
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one["image"], other["image"])
            np.testing.assert_array_equal(one["label"], other["label"])
    unlabelled = open_source(spec, decode_limit_bytes=limit, labels=False)
    assert list(unlabelled.read(np.arange(2))) == ["image"]
