"""The same pictures in every format that is read, each written by its own library."""

import gzip
import io
import json
import pickle
import struct
import sys
import tarfile
import zipfile
from typing import Any, ClassVar

import numpy as np
import pytest
from PIL import Image

from jaxgan.config.data import open_data
from jaxgan.core.errors import ConfigError
from jaxgan.data import DataError, array_source, open_source, pipeline, recognized, to_uint8

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


def write_webdataset(path):
    writer = pytest.importorskip("webdataset").TarWriter
    path.mkdir()
    for shard, chosen in enumerate(np.array_split(np.arange(NUM), 3)):
        with writer(str(path / f"part-{shard:03d}.tar")) as archive:
            for i in chosen.tolist():
                label = {"cls": int(LABELS[i])} if i % 2 else {"json": {"label": int(LABELS[i])}}
                archive.write({"__key__": f"{i:04d}", "png": png(i), "txt": "words", **label})
    return f"webdataset:{path}/part-{{000..002}}.tar"


def write_lmdb(path, prefix=b""):
    lmdb = pytest.importorskip("lmdb")
    with lmdb.open(str(path), map_size=2**22) as database, database.begin(write=True) as store:
        for i in range(NUM):
            store.put(b"image-%03d" % i, png(i))
            store.put(b"label-%03d" % i, b"%d" % LABELS[i])
        store.put(b"num-samples", b"%d" % NUM)
    return f"lmdb:{path}"


def write_tfrecord(path):
    tfrecord = pytest.importorskip("tfrecord")
    path.mkdir()
    for shard, chosen in enumerate(np.array_split(np.arange(NUM), 2)):
        writer = tfrecord.TFRecordWriter(str(path / f"a.tfrecord-{shard:05d}-of-00002"))
        for i in chosen:
            example = {
                "image/encoded": (png(i), "byte"),
                "image/class/label": (int(LABELS[i]), "int"),
                "image/format": (b"png", "byte"),
                "scores": ([0.5, 1.5], "float"),
            }
            writer.write(example)
        writer.close()
    return f"tfrecord:{path}"


def write_idx(path):
    path.mkdir()
    for name, array in (("images-idx3", IMAGES[..., 0]), ("labels-idx1", LABELS.astype(np.uint8))):
        content = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
        with gzip.open(path / f"train-{name}-ubyte.gz", "wb") as file:
            file.write(content + array.tobytes())
        (path / f"t10k-{name}-ubyte").write_bytes(content + array.tobytes())
    return f"idx:{path}"


CIFAR = IMAGES.repeat(4, axis=1).repeat(4, axis=2)


Pickler: Any = pickle._Pickler


class Python2Pickler(Pickler):
    """Bytes as Python 2 wrote its texts, which CIFAR's files have throughout."""

    dispatch: ClassVar[dict] = dict(Pickler.dispatch)

    def save_text(self, content):
        short = len(content) < 256
        size = struct.pack("<B" if short else "<i", len(content))
        self.write((pickle.SHORT_BINSTRING if short else pickle.BINSTRING) + size + content)
        self.memoize(content)

    dispatch[bytes] = save_text


def pickled_batch(chosen, pickler=Python2Pickler):
    buffer = io.BytesIO()
    rows = np.moveaxis(CIFAR[chosen], -1, 1).reshape(len(chosen), -1)
    content = {b"batch_label": b"one of five", b"labels": LABELS[chosen].tolist(), b"data": rows}
    pickler(buffer, protocol=2).dump({**content, b"filenames": [b"a.png"] * len(chosen)})
    return buffer.getvalue()


PARTS = np.array_split(np.arange(NUM), 5)


def write_cifar(path, pickler=Python2Pickler):
    names = io.BytesIO()
    Python2Pickler(names, protocol=2).dump({b"label_names": [name.encode() for name in CLASSES]})
    files = {f"data_batch_{i + 1}": pickled_batch(part, pickler) for i, part in enumerate(PARTS)}
    files = {**files, "batches.meta": names.getvalue(), "readme.html": b""}
    path.mkdir()
    with tarfile.open(path / "cifar-10-python.tar.gz", "w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return f"cifar:{path}/cifar-10-python.tar.gz"


def write_cifar_binary(path):
    folder = path / "cifar-10-batches-bin"
    folder.mkdir(parents=True)
    for i, part in enumerate(PARTS):
        rows = np.moveaxis(CIFAR[part], -1, 1).reshape(len(part), -1)
        content = np.concatenate([LABELS[part, None].astype(np.uint8), rows], axis=1)
        (folder / f"data_batch_{i + 1}.bin").write_bytes(content.tobytes())
    (folder / "batches.meta.txt").write_text("\n".join(CLASSES) + "\n\n")
    return f"cifar:{path}"


OPTIONS = {
    "npy": {"label_path": "data-labels.npy"},
    "parquet": {"split": "train"},
    "idx, test": {"split": "test"},
}

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
    "webdataset": write_webdataset,
    "idx": write_idx,
    "idx, test": write_idx,
    "cifar": write_cifar,
    "cifar by Python 3": lambda path: write_cifar(path, Pickler),
    "cifar, binary": write_cifar_binary,
    "lmdb": write_lmdb,
    "tfrecord": write_tfrecord,
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_path_is_recognized_by_what_lies_there(tmp_path, name):
    spec = FORMATS[name](tmp_path / "data")
    path = spec.partition(":")[2]
    assert recognized(path) == spec
    if (tmp_path / "data").is_file():
        (tmp_path / "data").rename(tmp_path / "data.zip")  # a name says nothing
        assert recognized(tmp_path / "data.zip").partition(":")[0] == spec.partition(":")[0]


@pytest.mark.parametrize(("content", "words"), [(None, "no such file"), (b"text", "no kind")])
def test_what_is_not_recognized_is_one_line(tmp_path, content, words):
    if content is not None:
        (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(DataError, match=f"^{tmp_path}/a.png: .*{words}[^\n]*$"):
        recognized(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("spec", "module"),
    [
        ("hdf5:{}", "h5py"),
        ("parquet:{}", "pyarrow.parquet"),
        ("lmdb:{}", "lmdb"),
        ("tfrecord:{}", "google_crc32c"),
    ],
)
def test_a_library_that_is_not_there_is_said_with_what_to_install(
    tmp_path, monkeypatch, spec, module
):
    (tmp_path / "data").write_bytes(b"text")
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigError, match=r'needs .*: pip install "jaxgan\[formats\]"$'):
        open_data({"data": {"source": spec.format(tmp_path / "data")}})


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
    images = {"idx:": IMAGES[..., :1], "cifa": CIFAR}.get(spec[:4], IMAGES)
    assert source.name == spec
    assert (source.num_examples, source.num_classes) == (NUM, 3)
    assert source.class_names in (CLASSES, ())
    assert source.digest
    everything = source.read(np.arange(NUM))
    np.testing.assert_array_equal(to_uint8(everything["image"]), images)
    assert everything["label"].tolist() == LABELS.tolist()
    # Nine batches are two epochs; those from the fourth on are what a run that resumes reads.
    expected = batches(array_source("arrays", images, LABELS), 9)
    for found in (batches(source, 9), expected[:4] + batches(source, 5, start=4)):
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one["image"], other["image"])
            np.testing.assert_array_equal(one["label"], other["label"])
    unlabelled = open_source(spec, **options, labels=False)
    assert list(unlabelled.read(np.arange(2))) == ["image"]
