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


def write_npy(path):
    np.save(f"{path}.npy", IMAGES)
    np.save(f"{path}-labels.npy", LABELS)
    return f"npy:{path}.npy"


def write_hdf5(path, images=IMAGES):
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as archive:
        archive.create_dataset("imgs", data=images, chunks=(4, *images.shape[1:]))
        archive.create_dataset("labels", data=LABELS)
    return f"hdf5:{path}"


def write_parquet(path):
    """As `datasets` writes it; three files, of which two are of the split."""
    arrow = pytest.importorskip("pyarrow")
    writer = pytest.importorskip("pyarrow.parquet")
    features = {"img": {"_type": "Image"}, "label": {"names": CLASSES, "_type": "ClassLabel"}}
    about = {"huggingface": json.dumps({"info": {"features": features}})}
    path.mkdir()
    for name, chosen in (
        ("test-00000-of-00001", range(3)),
        ("train-00000-of-00002", range(10)),
        ("train-00001-of-00002", range(10, NUM)),
    ):
        columns = {
            "img": [{"bytes": png(i), "path": f"{i}.png"} for i in chosen],
            "label": LABELS[list(chosen)],
            "caption": ["words"] * len(chosen),
        }
        table = arrow.table(columns).replace_schema_metadata(about)
        writer.write_table(table, path / f"{name}.parquet", row_group_size=4)
    return f"parquet:{path}"


OPTIONS = {"npy": {"label_path": "data-labels.npy"}, "parquet": {"split": "train"}}

FORMATS = {
    "folder": write_folder,
    "zip of folders": lambda path: write_zip(path, {"all/.DS_Store": b"", **in_folders()}),
    "zip of StyleGAN": lambda path: write_zip(path, described()),
    "zip, deflated": lambda path: write_zip(path, described("my/"), zipfile.ZIP_DEFLATED),
    "tar of folders": lambda path: write_tar(
        path, {f"all/{name}": content for name, content in in_folders().items()}
    ),
    "tar of StyleGAN": lambda path: write_tar(path, described()),
    "npy": write_npy,
    "hdf5 of StudioGAN": lambda path: write_hdf5(path, np.moveaxis(IMAGES, -1, 1)),
    "hdf5, channels last": write_hdf5,
    "parquet": write_parquet,
}


def batches(source, num, start=0):
    stream = pipeline(source, batch_size=5, seed=3, num_threads=2)
    stream.set_state({"next": start})
    found = [next(stream) for _ in range(num)]
    stream.close()
    return found


@pytest.mark.parametrize("limit", [0, 2**30], ids=["lazy", "held"])
@pytest.mark.parametrize("name", FORMATS)
def test_the_same_pictures_give_the_same_batches(tmp_path, monkeypatch, name, limit):
    monkeypatch.chdir(tmp_path)
    spec = FORMATS[name](tmp_path / "data")
    options = {**OPTIONS.get(name, {}), "decode_limit_bytes": limit}
    source = open_source(spec, **options)
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
    unlabelled = open_source(spec, **options, labels=False)
    assert list(unlabelled.read(np.arange(2))) == ["image"]
