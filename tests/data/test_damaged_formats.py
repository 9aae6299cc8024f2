"""What is wrong with a file of each format is one line that says where and why."""

import gzip
import io
import json
import pickle
import struct
import tarfile
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from jaxgan.data import DataError, open_source
from tests.data.test_formats import described, in_folders, png

h5py = pytest.importorskip("h5py")
arrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")
lmdb = pytest.importorskip("lmdb")


def changed(content, at, value):
    made = bytearray(content)
    made[at : at + len(value)] = value
    return bytes(made)


def directory_entry(content, number=0):
    """Where the entry of a file begins in the directory at the end of a zip archive."""
    at = -1
    for _ in range(number + 1):
        at = content.index(b"PK\x01\x02", at + 1)
    return at


def zip_of(files, compression=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def tar_of(files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def encrypted():
    content = zip_of(in_folders())
    at = directory_entry(content) + 8
    return changed(content, at, bytes([content[at] | 1]))


def bomb():
    """A picture that says it unpacks to 4 GB, of 4 MB of zeros."""
    content = zip_of({"a.png": bytes(2**22)}, zipfile.ZIP_DEFLATED)
    return changed(content, directory_entry(content) + 24, (2**32 - 2).to_bytes(4, "little"))


def large_picture():
    """What it says is true: 300 MB of zeros in 300 kB."""
    return zip_of({"a.png": bytes(300 * 2**20)}, zipfile.ZIP_DEFLATED)


def with_labels(labels, **others):
    files = {name: content for name, content in described().items() if name.endswith(".png")}
    return zip_of({"dataset.json": json.dumps({"labels": labels, **others}), **files})


def flipped(content):
    """One bit of the last picture's pixels is another; the archive is whole."""
    at = content.rindex(b"IDAT") + 20
    return changed(content, at, bytes([content[at] ^ 1]))


def npy_of(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def hdf5_of(**arrays):
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as archive:
        for name, array in arrays.items():
            archive.create_dataset(name, data=array, compression="gzip")
    return buffer.getvalue()


def parquet_of(**columns):
    buffer = io.BytesIO()
    parquet.write_table(arrow.table(columns), buffer)
    return buffer.getvalue()


def idx_of(shape, size, zero=0):
    return struct.pack(f">HBB{len(shape)}I", zero, 8, len(shape), *shape) + bytes(size)


def tfrecord_of(**features):
    tfrecord = pytest.importorskip("tfrecord")
    with tempfile.NamedTemporaryFile() as file:
        writer = tfrecord.TFRecordWriter(file.name)
        writer.write(features)
        writer.close()
        return Path(file.name).read_bytes()


def lmdb_of(**values):
    with tempfile.TemporaryDirectory() as folder:
        with lmdb.open(folder, map_size=2**22) as database, database.begin(write=True) as store:
            for key, value in values.items():
                store.put(key.replace("_", "-").encode(), value)
        return (Path(folder) / "data.mdb").read_bytes()


NOISE = np.random.default_rng(0).integers(0, 256, (20, 3, 16, 16), np.uint8)
HDF5 = hdf5_of(imgs=NOISE, labels=np.arange(20))
PARQUET = parquet_of(image=[png(i) for i in range(20)], label=list(range(20)))

RECORD = tfrecord_of(image=(png(0), "byte"), label=(1, "int"))
LMDB = lmdb_of(**{f"k{i}": png(i) for i in range(20)})

ALL = [[f"00000/img{i:08d}.png", 0] for i in range(23)]

DAMAGED = {
    "zip: none": ("zip", None, ["no such file", "it must be a .zip file"]),
    "zip: empty": ("zip", b"", ["cannot be read as a zip archive"]),
    "zip: text": ("zip", b"text" * 99, ["cannot be read as a zip archive"]),
    "zip: truncated": ("zip", zip_of(in_folders())[:-300], ["cannot be read as a zip archive"]),
    "zip: beginning is gone": ("zip", zip_of(in_folders())[900:], ["cannot"]),
    "zip: leads out": ("zip", zip_of({"../a.png": png(0)}), ["'../a.png'", "without '..'"]),
    "zip: absolute": ("zip", zip_of({"/a.png": png(0)}), ["'/a.png'", "a relative path"]),
    "zip: encrypted": ("zip", encrypted(), ["'cat/00.png' is encrypted"]),
    "zip: bomb": ("zip", bomb(), ["'a.png' says that", "unpack to 4294967294"]),
    "zip: large": ("zip", large_picture(), ["a.png", "314572800 bytes; at most 268435456"]),
    "zip: a bit": (
        "zip",
        flipped(zip_of(in_folders())),
        ["cannot read", "its entry 'emu/22.png' is damaged"],
    ),
    "zip: nothing": ("zip", zip_of({}), ["no image in it", ".png"]),
    "zip: no picture": ("zip", zip_of({"a.txt": b"a"}), ["no image in it", ".png"]),
    "zip: no image": ("zip", zip_of({"a.png": b"text"}), ["a.png (not an image)"]),
    "zip: beside": (
        "zip",
        zip_of({"a.png": png(0), "b/c.png": png(1)}),
        ["1 images beside 1 sub-folders"],
    ),
    "labels of nothing": (
        "zip",
        with_labels([*ALL, ["gone.png", 1], ["too.png", 1]]),
        ["dataset.json: has labels of 2 files that are not there, such as 'gone.png'"],
    ),
    "labels of some": (
        "zip",
        with_labels(ALL[1:]),
        ["has no label of 1 pictures, such as '00000/img00000000.png'"],
    ),
    "labels of floats": (
        "zip",
        with_labels([[name, [0.5, 0.5]] for name, _ in ALL]),
        ["dataset.json: an entry of labels is", "it must be [name, class]"],
    ),
    "labels below 0": ("zip", with_labels([[n, -1] for n, _ in ALL]), ["a class of at least 0"]),
    "labels: text": ("zip", with_labels("none"), ["labels is 'none'; it must be a list or null"]),
    "too few names": (
        "zip",
        with_labels([*ALL[1:], [ALL[0][0], 2]], class_names=["a", "b"]),
        ["a class is 2; it must be 0 to 1, as there are 2 class_names"],
    ),
    "no JSON": ("zip", zip_of({"dataset.json": b"{", **in_folders()}), ["damaged: no JSON"]),
    "tar: empty": ("tar", b"", ["cannot be read as a tar archive"]),
    "tar: text": ("tar", b"text" * 999, ["cannot be read as a tar archive"]),
    "tar: truncated": ("tar", tar_of(in_folders())[:5000], ["unexpected end"]),
    "tar: end is gone": ("tar", tar_of(in_folders())[: 23 * 1024], ["the file ends 512"]),
    "tar: header": ("tar", changed(tar_of(in_folders()), 1030, b"?" * 300), ["at 1024 is damaged"]),
    "tar: leads out": ("tar", tar_of({"a/../../b.png": png(0)}), ["'a/../../b.png'", "'..'"]),
    "tar: no picture": ("tar", tar_of({"a.txt": b"a"}), ["no image in it"]),
    "tar: no image": ("tar", tar_of({"a.png": b"text"}), ["a.png (not an image)"]),
    "npy: none": ("npy", None, ["no such file", "it must be a .npy file"]),
    "npy: text": ("npy", b"text" * 99, ["cannot be read as a .npy file"]),
    "npy: truncated": ("npy", npy_of(NOISE)[:-9], ["cannot be read as a .npy file"]),
    "npy: objects": ("npy", npy_of(np.array([{}])), ["cannot be read", "without pickles"]),
    "npy: floats": ("npy", npy_of(NOISE / 255), ["dtype is float64; it must be uint8"]),
    "npy: first": ("npy", npy_of(NOISE), ["shape is (20, 3, 16, 16)", "[N, H, W, C]"]),
    "npy: rank": ("npy", npy_of(NOISE[0, 0]), ["shape is (16, 16)", "it must be [N"]),
    "npy: nothing": ("npy", npy_of(NOISE[:0, 0]), ["shape is (0, 16, 16, 1)", "without a 0"]),
    "hdf5: none": ("hdf5", None, ["no such file", "it must be a .h5 or .hdf5 file"]),
    "hdf5: text": ("hdf5", b"text" * 99, ["cannot be read as an HDF5 file"]),
    "hdf5: truncated": ("hdf5", HDF5[:-900], ["cannot be read as an HDF5 file", "truncated"]),
    "hdf5: a hole": (
        "hdf5",
        changed(HDF5, HDF5.index(b"\x78\x5e") + 40, bytes(200)),
        ["cannot be read as an HDF5 file"],
    ),
    "hdf5: other arrays": (
        "hdf5",
        hdf5_of(x=NOISE),
        ["holds x (20, 3, 16, 16); it must have imgs or images"],
    ),
    "hdf5: floats": ("hdf5", hdf5_of(imgs=NOISE / 255), ["imgs or images of uint8"]),
    "hdf5: few labels": (
        "hdf5",
        hdf5_of(imgs=NOISE, labels=np.arange(3)),
        ["3 labels of 20 images"],
    ),
    "hdf5: one-hot": (
        "hdf5",
        hdf5_of(imgs=NOISE, labels=np.eye(20)),
        ["labels is 'float64 [20, 20]'; it must be integers [N]"],
    ),
    "parquet: none": ("parquet", None, ["no .parquet file"]),
    "parquet: text": ("parquet", b"text" * 99, ["cannot be read as a Parquet file"]),
    "parquet: truncated": ("parquet", PARQUET[:-99], ["cannot be read as a Parquet file"]),
    "parquet: a hole": (
        "parquet",
        changed(PARQUET, 4, bytes(900)),
        ["cannot be read as a Parquet file"],
    ),
    "parquet: no images": (
        "parquet",
        parquet_of(text=["a"], label=[1]),
        ["columns text string, label int64; one must be image or img, of encoded pictures"],
    ),
    "parquet: paths": (
        "parquet",
        parquet_of(image=[{"bytes": None, "path": "a.png"}, {"bytes": b"", "path": None}]),
        ["it has rows without the bytes of a picture"],
    ),
    "parquet: nothing": (
        "parquet",
        parquet_of(image=arrow.array([], arrow.binary())),
        ["no image in it"],
    ),
    "parquet: no image": (
        "parquet",
        parquet_of(image=[png(0), b"text"]),
        ["row 1 (not an image)"],
    ),
    "parquet: labels": (
        "parquet",
        parquet_of(image=[png(0), png(1)], label=[0, None]),
        ["label of example 1 is -1"],
    ),
    "webdataset: none": ("webdataset", None, ["no file ", "it must be there"]),
    "webdataset: text": ("webdataset", b"text" * 999, ["cannot be read as a tar archive"]),
    "webdataset: compressed": ("webdataset", gzip.compress(tar_of({})), ["not be compressed"]),
    "webdataset: no image": ("webdataset", tar_of({"0.cls": b"1"}), ["no image in it"]),
    "webdataset: two": (
        "webdataset",
        tar_of({"0.png": png(0), "0.jpg": png(0)}),
        ["0.png is one of several pictures"],
    ),
    "webdataset: some labels": (
        "webdataset",
        tar_of({"0.png": png(0), "0.cls": b"1", "1.png": png(1)}),
        ["1 of 2 pictures have a label; all must, or none"],
    ),
    "webdataset: a word": (
        "webdataset",
        tar_of({"0.png": png(0), "0.cls": b"cat"}),
        ["/0.cls: its label is 'cat'; it must be an integer"],
    ),
    "webdataset: no JSON": ("webdataset", tar_of({"0.png": png(0), "0.json": b"{"}), ["no JSON"]),
    "idx: none": ("idx", None, ["no file of images for split train"]),
    "idx: empty": ("idx", b"", ["cannot be read as an IDX file"]),
    "idx: text": ("idx", b"text" * 99, ["does not begin as an array of bytes does"]),
    "idx: truncated": ("idx", idx_of((9, 4, 4), 143), ["[9, 4, 4], which 143 bytes do not make"]),
    "idx: longer": ("idx", idx_of((9, 4, 4), 145), ["which 145 bytes do not make"]),
    "idx: declares": ("idx", idx_of((2**31, 2**9, 2**9), 0), ["at most 4294967296 bytes"]),
    "idx: gz truncated": ("idx", gzip.compress(idx_of((9, 4, 4), 144))[:-9], ["cannot be read"]),
    "idx: gz bomb": (
        "idx",
        gzip.compress(idx_of((9, 4, 4), 2**22)),
        ["which 145 bytes do not make"],
    ),
    "idx: labels": ("idx", idx_of((9,), 9), ["is (9,); it must be [N, H, W]"]),
    "cifar: none": ("cifar", None, ["no such file or folder"]),
    "cifar: text": ("cifar", b"text" * 99, ["cannot be read as an archive of CIFAR-10"]),
    "cifar: nothing": ("cifar", tar_of({}), ["no file data_batch_1 in it"]),
    "cifar: a program": (
        "cifar",
        tar_of({f"data_batch_{i}": pickle.dumps(print) for i in range(1, 6)}),
        ["it names builtins.print, which no CIFAR batch needs: refused"],
    ),
    "cifar: no pickle": (
        "cifar",
        tar_of({f"data_batch_{i}": b"text" for i in range(1, 6)}),
        ["data_batch_1: it cannot be read as a batch of CIFAR-10"],
    ),
    "cifar: another": (
        "cifar",
        tar_of({f"data_batch_{i}": pickle.dumps({"a": 1}) for i in range(1, 6)}),
        ["its data are not an array of bytes, [N, 3072]"],
    ),
    "cifar: bytes": (
        "cifar",
        tar_of({f"data_batch_{i}.bin": bytes(3074) for i in range(1, 6)}),
        ["it has 3074 bytes; it must be a multiple of 3073"],
    ),
    "lmdb: none": ("lmdb", None, ["no such database"]),
    "lmdb: text": ("lmdb", b"text" * 9999, ["cannot be read as an LMDB database"]),
    "lmdb: empty": ("lmdb", b"", ["cannot be read as an LMDB database"]),
    "lmdb: truncated": ("lmdb", LMDB[:-4096], ["it is truncated"]),
    "lmdb: nothing": ("lmdb", lmdb_of(length=b"0"), ["no image in it"]),
    "lmdb: pickles": ("lmdb", lmdb_of(a=pickle.dumps([1])), ["a (not an image)"]),
    "lmdb: some labels": (
        "lmdb",
        lmdb_of(image_0=png(0), image_1=png(1), label_0=b"1"),
        ["1 labels and 2 images"],
    ),
    "lmdb: a word": (
        "lmdb",
        lmdb_of(image_0=png(0), label_0=b"cat"),
        ["its label-0 is b'cat'; it must be a class"],
    ),
    "tfrecord: none": ("tfrecord", None, ["no file ", "it must be there"]),
    "tfrecord: empty": ("tfrecord", b"", ["no image in it"]),
    "tfrecord: text": ("tfrecord", b"text" * 99, ["the length of a record is damaged"]),
    "tfrecord: truncated": ("tfrecord", RECORD[:-9], ["it is truncated"]),
    "tfrecord: a bit": ("tfrecord", changed(RECORD, 99, b"?"), ["the checksum of a record"]),
    "tfrecord: compressed": ("tfrecord", gzip.compress(RECORD), ["not be compressed"]),
    "tfrecord: no image": (
        "tfrecord",
        tfrecord_of(text=(b"a", "byte"), label=(1, "int")),
        ["examples hold label, text; one must be image/encoded or image"],
    ),
    "tfrecord: below 0": (
        "tfrecord",
        tfrecord_of(image=(png(0), "byte"), label=(-1, "int")),
        ["label is -1; it must be an integer of at least 0"],
    ),
    "tfrecord: no picture": ("tfrecord", tfrecord_of(image=(b"text", "byte")), ["not an image"]),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_is_one_line(tmp_path, name):
    kind, content, fragments = DAMAGED[name]
    path = tmp_path / f"data.{kind}"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        open_source(f"{kind}:{path}")
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    for fragment in fragments:
        assert fragment in message, message
