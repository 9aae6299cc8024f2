"""Damaged and hostile files of every format that is read: one error, in little memory."""

from __future__ import annotations

import gzip
import io
import json
import struct
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jaxgan.files import FileError, read_json, read_npz, read_safetensors
from jaxgan.files.base import reading
from jaxgan.files.idx_file import read_idx
from jaxgan.files.npy_file import map_npy
from jaxgan.files.tar_file import tar_entries
from jaxgan.files.tfrecord_file import records
from jaxgan.files.torch_file import read_torch_state
from jaxgan.files.zip_file import open_zip, read_alone
from jaxgan.writers.checksum import masked_checksum
from tests.features.states import tensor, write_state, write_zip

TORCH = Path(__file__).parents[1] / "features" / "files"
ARRAYS = {"a": np.arange(12, dtype=np.float32).reshape(3, 4), "b": np.arange(5)}

Read = Callable[[Path], Any]


def npz(save: Callable[..., None]) -> bytes:
    buffer = io.BytesIO()
    save(buffer, **ARRAYS)
    return buffer.getvalue()


def safetensors(header: dict[str, Any], numbers: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + numbers


TENSORS = safetensors(
    {
        "__metadata__": {"from": "here"},
        "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
        "b": {"dtype": "BF16", "shape": [], "data_offsets": [24, 26]},
    },
    bytes(range(26)),
)


def archived(write: Callable[[io.BytesIO], Any]) -> bytes:
    buffer = io.BytesIO()
    write(buffer)
    return buffer.getvalue()


def write_zip_of_files(buffer: io.BytesIO) -> None:
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a/stored.png", bytes(range(40)))
        archive.writestr("a/packed.png", bytes(range(40)), zipfile.ZIP_DEFLATED)


def write_tar_of_files(buffer: io.BytesIO) -> None:
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in ("a.png", "b" * 120 + ".png"):
            archive.addfile(tarfile.TarInfo(name))


def read_zip_of_files(path: Path) -> list[bytes]:
    archive, files = open_zip(path, max_entries=100)
    with archive, reading(path, "a zip archive"):
        return [read_alone(archive, info, 10**6, path) for info in files]


def record(content: bytes) -> bytes:
    size = struct.pack("<Q", len(content))
    masked = [struct.pack("<I", masked_checksum(one)) for one in (size, content)]
    return size + masked[0] + content + masked[1]


GOOD: dict[str, tuple[Read, bytes]] = {
    "npz": (read_npz, npz(np.savez)),
    "npz, compressed": (read_npz, npz(np.savez_compressed)),
    "safetensors": (read_safetensors, TENSORS),
    "torch, zip": (read_torch_state, (TORCH / "state_zip.pth").read_bytes()),
    "torch, legacy": (read_torch_state, (TORCH / "state_legacy.pth").read_bytes()),
    "json": (
        lambda path: read_json(path, dict[str, list[dict[str, int | None]]]),
        json.dumps({"metrics": [{"a": 1, "b": None}, {"c": 2}]}).encode(),
    ),
    "zip": (read_zip_of_files, archived(write_zip_of_files)),
    "tar": (lambda path: list(tar_entries(path)), archived(write_tar_of_files)[:4096]),
    "tfrecord": (lambda path: list(records(path)), record(b"one") + record(bytes(99))),
    "idx": (read_idx, struct.pack(">HBBII", 0, 8, 2, 3, 4) + bytes(12)),
    "idx, packed": (read_idx, gzip.compress(struct.pack(">HBBII", 0, 8, 2, 3, 4) + bytes(12))),
    "npy": (map_npy, archived(lambda buffer: np.save(buffer, np.arange(9)))),
}


def mutated(content: bytes, draw: np.random.Generator) -> bytes:
    """One to three changes: bits, bytes, numbers, what is cut out, doubled or cut off."""
    changed = bytearray(content)
    for _ in range(draw.integers(1, 4)):
        at = int(draw.integers(len(changed) or 1))
        size = int(draw.integers(1, 9))
        kind = draw.integers(7)
        if kind == 0 and changed:
            changed[min(at, len(changed) - 1)] ^= 1 << int(draw.integers(8))
        elif kind == 1:
            changed[at : at + 1] = draw.bytes(1)
        elif kind == 2:
            changed[at : at + size] = draw.choice([b"\xff", b"\x00", b"9", b"["]) * size
        elif kind == 3:
            changed[at : at + 8] = struct.pack("<Q", 10 ** int(draw.integers(1, 19)))
        elif kind == 4:
            del changed[at : at + size]
        elif kind == 5:
            changed[at:at] = changed[at : at + 4 * size]
        else:
            del changed[at:]
    return bytes(changed)


@pytest.mark.parametrize("name", GOOD)
def test_whatever_is_changed_there_is_one_error(tmp_path: Path, name: str) -> None:
    read, content = GOOD[name]
    path = tmp_path / "file"
    path.write_bytes(content)
    read(path)
    draw, messages = np.random.default_rng(0), []
    tracemalloc.start()
    for _ in range(200):
        path.write_bytes(mutated(content, draw))
        try:
            read(path)
        except FileError as error:
            messages.append(str(error))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(messages) > 50
    assert most < 20 * 2**20
    for message in messages:
        assert message.startswith(f"{path}: ")
        assert "\n" not in message
        assert len(message) < len(str(path)) + 500


def entry(archive: zipfile.ZipFile, name: str, header: bytes, numbers: bytes = b"") -> None:
    version = b"\x93NUMPY\x01\x00"
    archive.writestr(name, version + struct.pack("<H", len(header)) + header + numbers)


def npz_of(header: str, numbers: bytes = b"", compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        entry(archive, "a.npy", header.encode(), numbers)
    return buffer.getvalue()


def claims(content: bytes, size: int) -> bytes:
    """An archive of one entry whose directory says that it unpacks to so many bytes."""
    changed, at = bytearray(content), content.rindex(b"PK\x01\x02")
    changed[at + 24 : at + 28] = struct.pack("<I", size)
    return bytes(changed)


def with_flag(content: bytes) -> bytes:
    changed, at = bytearray(content), content.rindex(b"PK\x01\x02")
    changed[at + 8] |= 1
    return bytes(changed)


def twice() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.npy", b"")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.npy", b"")
    return buffer.getvalue()


SMALL = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }"
ZEROS = "{'descr': '|u1', 'fortran_order': False, 'shape': (20000000,), }"
HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "not a zip": (lambda: b"text", "not a zip file"),
    "a header of 10^15": (
        lambda: npz_of(SMALL.replace("2,", "10**15,").replace("10**15", str(10**15))),
        r"of shape \(1000000000000000,\) and dtype float32 does not take the",
    ),
    "more dimensions than memory": (
        lambda: npz_of(SMALL.replace("(2,)", "(2**40, 2**40)".replace("2**40", str(2**40)))),
        "does not take the",
    ),
    "negative": (lambda: npz_of(SMALL.replace("2,", "-2,")), "does not take the"),
    "no Python": (lambda: npz_of("{'descr': ('"), "cannot be read"),
    "no tuple": (lambda: npz_of(SMALL.replace("(2,)", "2")), "cannot be read"),
    "a program": (lambda: npz_of(SMALL.replace("(2,)", "exit()")), "cannot be read"),
    "no such dtype": (lambda: npz_of(SMALL.replace("<f4", "wrong")), "cannot be read"),
    "objects": (lambda: npz_of(SMALL.replace("<f4", "|O"), bytes(16)), "pickles and records"),
    "records": (
        lambda: npz_of(SMALL.replace("'<f4'", "[('x', '<f4')]"), bytes(8)),
        "pickles and records",
    ),
    "truncated": (lambda: npz_of(SMALL, bytes(7)), "does not take the"),
    "too long": (lambda: npz_of(SMALL, bytes(9)), "does not take the"),
    "encrypted": (lambda: with_flag(npz_of(SMALL, bytes(8))), "is encrypted"),
    "a bomb": (lambda: npz_of(ZEROS, bytes(2 * 10**7), zipfile.ZIP_DEFLATED), "unpack to 20000"),
    "bzip2": (
        lambda: npz_of(SMALL, bytes(8), zipfile.ZIP_BZIP2),
        "neither stored nor deflated",
    ),
    "says less than it is": (
        lambda: claims(npz_of(SMALL, bytes(8), zipfile.ZIP_DEFLATED), 70),
        "cannot be read",
    ),
    "says more than it can": (
        lambda: claims(npz_of(SMALL, bytes(8), zipfile.ZIP_DEFLATED), 2**32 - 2),
        "unpack to 4294967294",
    ),
    "stored, and says more": (lambda: claims(npz_of(SMALL, bytes(8)), 2**20), "says that"),
    "a name twice": (twice, "is there twice"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_archives(tmp_path: Path, name: str) -> None:
    make, message = HOSTILE[name]
    path = tmp_path / "a.npz"
    path.write_bytes(make())
    tracemalloc.start()
    with pytest.raises(FileError, match=message):
        read_npz(path, max_unpacked_bytes=10**6)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 2**21


def test_what_is_not_compressed_may_be_as_large_as_the_file(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", a=np.zeros(10**5))
    assert read_npz(tmp_path / "a.npz", max_unpacked_bytes=0)["a"].shape == (10**5,)


ORDERS = {
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "big-endian": np.arange(3, dtype=">i4"),
    "none": np.zeros((0, 4), np.float32),
    "scalar": np.asarray(2.5),
    "text": np.asarray(["ab", "c"]),
    "complex": np.asarray([1j]),
}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_are_those_that_numpy_reads(tmp_path: Path, save: Callable[..., None]) -> None:
    save(tmp_path / "a.npz", **ORDERS)
    found = read_npz(tmp_path / "a.npz")
    assert list(found) == list(ORDERS)
    for name, expected in ORDERS.items():
        np.testing.assert_array_equal(found[name], expected, err_msg=name)
        assert found[name].dtype.isnative
        assert found[name].flags.writeable


def test_an_entry_of_a_state_file_does_not_unpack_to_what_it_likes(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    write_state(path, {"w": np.zeros(2, np.float32)})
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("state/byteorder", bytes(10**7))
    stored = tmp_path / "b.pth"
    write_state(stored, {"w": np.zeros(2, np.float32)})
    with zipfile.ZipFile(stored, "a") as archive:
        archive.writestr("state/byteorder", b"little" + bytes(10**6))
    tracemalloc.start()
    with pytest.raises(FileError, match="unpack to 10000000 bytes; at most 0"):
        read_torch_state(path)
    with pytest.raises(FileError, match="'state/byteorder' has 1000006 bytes; at most 6"):
        read_torch_state(stored)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 2**20


def test_storages_are_not_shared_without_end(tmp_path: Path) -> None:
    storage = bytes(4 * 10**4)
    few = {str(i): tensor("0", 10**4, (10**4,)) for i in range(16)}
    write_zip(tmp_path / "a.pth", few, {"0": storage})
    assert len(read_torch_state(tmp_path / "a.pth")) == 16
    many = {str(i): tensor("0", 10**4, (10**4,)) for i in range(17)}
    write_zip(tmp_path / "a.pth", many, {"0": storage})
    with pytest.raises(FileError, match="its tensors have 170000 numbers, of 10000 stored ones"):
        read_torch_state(tmp_path / "a.pth")


PICKLES = {
    "memory for 2^31 entries": b"\x80\x02]r\xff\xff\xff\x7f.",
    "a text of 10^15 bytes": b"\x80\x04\x8d" + struct.pack("<Q", 10**15) + b"a.",
    "a key nested 2^60 times": b"\x80\x02})" + b"q\x00h\x00\x86" * 60 + b"K\x01s.",
    "a name nested 2^60 times": b"\x80\x04)" + b"q\x00h\x00\x86" * 60 + b"h\x00\x93.",
    "a shape nested 2^60 times": b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n("
    + b"(U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x01tQK\x00)"
    + b"q\x00h\x00\x86" * 60
    + b"h\x00tR.",
    "no stack": b"\x80\x02.",
    "no end": b"\x80\x02}",
    "a class": b"\x80\x02cbuiltins\nprint\n.",
    "an extension": b"\x80\x02\x82\x01.",
    "an object": b"\x80\x02(ibuiltins\nprint\n.",
}


@pytest.mark.parametrize("name", PICKLES)
def test_hostile_pickles(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.pth").write_bytes(PICKLES[name])
    with zipfile.ZipFile(tmp_path / "b.pth", "w") as archive:
        archive.writestr("state/data.pkl", PICKLES[name])
    for path in (tmp_path / "a.pth", tmp_path / "b.pth"):
        with pytest.raises(FileError):
            read_torch_state(path)


WRONG_TENSORS: dict[str, tuple[bytes, str]] = {
    "no header": (b"123", "cannot be read"),
    "a header of 10^15": (struct.pack("<Q", 10**15) + b"{}", "its header has 1000000000000000"),
    "no JSON": (safetensors({}, b"")[:8] + b"[}", "no JSON"),
    "a list": (struct.pack("<Q", 2) + b"[]", "it is a list; it must be an object"),
    "dtype": (safetensors({"a": {"dtype": ["F32"]}}, b""), "has dtype"),
    "shape": (
        safetensors({"a": {"dtype": "F32", "shape": "2", "data_offsets": [0, 0]}}, b""),
        "it is '2'; it must be a list",
    ),
    "no bytes for it": (
        safetensors({"a": {"dtype": "F32", "shape": [10**15], "data_offsets": [0, 4]}}, bytes(4)),
        r"of shape \[1000000000000000\] has 4 bytes",
    ),
    "beyond the end": (
        safetensors({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}, bytes(4)),
        "it has .* bytes; its header says",
    ),
    "a hole": (
        safetensors({"a": {"dtype": "U8", "shape": [1], "data_offsets": [1, 2]}}, bytes(2)),
        "begins at 1, not at 0",
    ),
    "metadata": (safetensors({"__metadata__": {"a": "1"}, "b": {}}, b""), "has dtype None"),
    "metadata of numbers": (safetensors({"__metadata__": {"a": 1}}, b""), "a is 1; it must be a"),
}


@pytest.mark.parametrize("name", WRONG_TENSORS)
def test_wrong_safetensors(tmp_path: Path, name: str) -> None:
    content, message = WRONG_TENSORS[name]
    (tmp_path / "a.safetensors").write_bytes(content)
    with pytest.raises(FileError, match=message):
        read_safetensors(tmp_path / "a.safetensors")


def test_safetensors_are_those_that_their_library_writes(tmp_path: Path) -> None:
    library = pytest.importorskip("safetensors.numpy")
    kinds = (np.float16, np.float32, np.float64, np.int8, np.uint8, np.int16, np.int64, np.bool_)
    arrays = {np.dtype(k).name: np.arange(6).reshape(2, 3).astype(k) for k in kinds}
    arrays |= {"scalar": np.asarray(1.5), "none": np.zeros((0, 2))}
    library.save_file(arrays, tmp_path / "a.safetensors", metadata={"said": "so"})
    found, about = read_safetensors(tmp_path / "a.safetensors")
    assert about == {"said": "so"}
    assert set(found) == set(arrays)
    for name, expected in arrays.items():
        np.testing.assert_array_equal(found[name], expected, err_msg=name)
        assert found[name].dtype == expected.dtype
