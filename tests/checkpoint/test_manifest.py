"""The manifest: every file is vouched for, itself too; and each change of one byte is named."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from jaxgan.checkpoint import manifest
from jaxgan.checkpoint.manifest import FormatError, Manifest, ManifestError

CONTENT = Manifest(
    step=5,
    created="2026-01-31T23:59:59+00:00",
    versions={"jaxgan": "0.1", "jax": "0.9"},
    num_processes=1,
    leaves={"params/w": "float32[2]"},
    data_state={"batch": 5},
    metrics={"fid": 1.25, "loss": None},
    config={"name": "ω", "rates": [1e-3]},
    files={},
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "state" / "d").mkdir(parents=True)
    (tmp_path / "state" / "d" / "data").write_bytes(bytes(range(256)) * 10)
    (tmp_path / "state" / "meta").write_text("{}")
    (tmp_path / "empty").touch()
    manifest.write(tmp_path, CONTENT)
    return tmp_path


def problem(folder: Path) -> str:
    with pytest.raises(ManifestError) as raised:
        manifest.verify(folder)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_round_trip(folder: Path) -> None:
    found = manifest.verify(folder)
    assert found == manifest.read(folder)
    assert found._replace(files={}) == CONTENT
    data = bytes(range(256)) * 10
    assert found.files == {
        "empty": (0, hashlib.sha256().hexdigest()),
        "state/d/data": (2560, hashlib.sha256(data).hexdigest()),
        "state/meta": (2, hashlib.sha256(b"{}").hexdigest()),
    }
    json.loads((folder / manifest.NAME).read_text(), parse_constant=pytest.fail)
    assert sorted(path.name for path in folder.iterdir()) == ["empty", manifest.NAME, "state"]


def test_every_flipped_bit_of_the_manifest_is_found(folder: Path) -> None:
    path = folder / manifest.NAME
    whole = path.read_bytes()
    for index in range(len(whole)):
        for bit in range(8):
            flipped = bytearray(whole)
            flipped[index] ^= 1 << bit
            path.write_bytes(flipped)
            assert problem(folder).startswith(f"{manifest.NAME} is ")


def test_every_truncation_of_the_manifest_is_found(folder: Path) -> None:
    path = folder / manifest.NAME
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert problem(folder).startswith(f"{manifest.NAME} is ")


@pytest.mark.parametrize("text", ["[]", "null", "{}", "1e999", "[" * 100_000, '{"sha256":""}'])
def test_what_is_no_manifest_is_refused(folder: Path, text: str) -> None:
    (folder / manifest.NAME).write_text(text)
    assert problem(folder).startswith(f"{manifest.NAME} is ")


def test_each_change_of_a_file_is_named(folder: Path) -> None:
    path = folder / "state" / "d" / "data"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert problem(folder) == "state/d/data is truncated: 2559 bytes, expected 2560"
    path.write_bytes(whole + b"x")
    assert problem(folder) == "state/d/data is too long: 2561 bytes, expected 2560"
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert problem(folder) == "state/d/data is altered: its sha256 is not what was written"
    path.unlink()
    assert problem(folder) == "state/d/data is missing"
    path.mkdir()
    assert problem(folder).startswith("state/d/data is ")
    path.rmdir()
    path.symlink_to(path)
    assert problem(folder).startswith("state/d/data cannot be read: ")
    (folder / manifest.NAME).unlink()
    assert problem(folder) == "manifest.json is missing"
    (folder / manifest.NAME).mkdir()
    assert problem(folder) == "manifest.json cannot be read: Is a directory"


def test_files_that_are_not_listed_are_passed_over(folder: Path) -> None:
    (folder / "state" / ".nfs0001").write_text("left by a network file system")
    assert manifest.verify(folder).step == 5


def test_another_format_is_refused_by_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "FORMAT", 9)
    manifest.write(folder, CONTENT)
    monkeypatch.undo()
    with pytest.raises(FormatError, match=r"is of format 9, by jaxgan 0.1; .* reads format 1"):
        manifest.verify(folder)


def test_a_manifest_that_cannot_be_written_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").touch()

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        manifest.write(tmp_path, CONTENT)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_the_first_difference_between_two_models() -> None:
    one = {"a": "float32[2]", "b": "int32[]", "c": "bool[]"}
    assert manifest.difference(one, dict(one)) is None
    assert manifest.difference(one, one | {"b": "int32[1]", "c": "bool[1]"}) == (
        "b: expected int32[], found int32[1]"
    )
    assert manifest.difference(one, {"a": "float32[2]"}) == "b: expected int32[], found nothing"
    assert manifest.difference({}, {"z": "bool[]"}) == "z: expected nothing, found bool[]"
