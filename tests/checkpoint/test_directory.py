"""The folder of a run's checkpoints: which are found, which stay, what is said of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jaxgan.checkpoint import directory as archive
from jaxgan.checkpoint import manifest
from jaxgan.checkpoint.directory import Archive, Best
from jaxgan.checkpoint.manifest import Manifest

LEAVES = {"w": "float32[2]"}


def add(store: Archive, step: int, fid: float | None = None, **changes: Any) -> None:
    """What a save does, without arrays."""
    store.prepare()
    folder = store.temporary(step)
    folder.mkdir()
    (folder / "data").write_text(f"{step}")
    metrics = {} if fid is None else {"fid": fid}
    content = Manifest(
        step=step,
        created="",
        versions={"jaxgan": "0"},
        num_processes=1,
        leaves=LEAVES,
        data_state={},
        metrics=metrics,
        config=None,
        files={},
    )
    content = content._replace(**changes)
    store.publish(content)
    store.retain(content)


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_what_is_no_checkpoint_is_left_alone(tmp_path: Path) -> None:
    others = ["007", "1e3", "5x", "notes", "-3", "٣", "9.mine"]
    for name in others:
        (tmp_path / name).mkdir()
    (tmp_path / "4").write_text("a file")
    store = Archive(tmp_path, 1, None)
    for step in (3, 5, 8):
        add(store, step)
    assert list(archive.find(tmp_path)) == [8]
    assert [path.name for path in archive.unfinished(tmp_path)] == ["9.mine"]
    assert names(tmp_path) == sorted([*others, "4", "8"])
    assert archive.find(tmp_path / "nowhere") == {}
    assert archive.unfinished(tmp_path / "nowhere") == []


def test_the_best_by_rank(tmp_path: Path) -> None:
    store = Archive(tmp_path, 1, Best("fid", "max", keep=2))
    for step, fid in enumerate([1.0, 7.0, 9.0, 9.0, None, 2.0]):
        add(store, step, fid)
    # Of equal ones the newest.
    assert store.ranked(store.manifests()) == [3, 2, 5]
    assert names(tmp_path) == ["2", "3", "5"]


def test_a_damaged_best_one_gives_way_to_the_next(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for step, fid in ((1, 3.0), (2, 1.0), (3, 2.0), (4, 9.0)):
        add(Archive(tmp_path, 4, None), step, fid)
    (tmp_path / "2" / "data").write_text("x")
    add(Archive(tmp_path, 1, Best("fid")), 5, 8.0)
    assert names(tmp_path) == ["3", "5"]
    assert caplog.messages == [
        "checkpoint 2 is damaged: data is altered: its sha256 is not what was written"
    ]


def test_each_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for step in (1, 2):
        add(Archive(tmp_path, 3, None), step)
    read = []
    verify = manifest.verify

    def note(directory: Path) -> Manifest:
        read.append(directory.name)
        return verify(directory)

    monkeypatch.setattr(manifest, "verify", note)
    store = Archive(tmp_path, 3, None)
    for step in (3, 4, 5):
        add(store, step)
    # Not what this process wrote, not what is dropped anyway, and the rest not again.
    assert read == ["2", "1"]
    assert names(tmp_path) == ["3", "4", "5"]


def test_a_replaced_one_is_there_until_the_new_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Archive(tmp_path, 3, None)
    add(store, 1)
    before = (tmp_path / "1" / manifest.NAME).read_bytes()

    def fail(directory: Path, content: Manifest) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(manifest, "write", fail)
        with pytest.raises(OSError, match="No space left"):
            add(store, 1, data_state={"batch": 1})
    assert (tmp_path / "1" / manifest.NAME).read_bytes() == before
    store.clear()
    assert names(tmp_path) == ["1"]
    add(store, 1, data_state={"batch": 1})
    assert manifest.verify(tmp_path / "1").data_state == {"batch": 1}
    assert names(tmp_path) == ["1"]


def test_rows(tmp_path: Path) -> None:
    store = Archive(tmp_path, 9, None)
    for step in (2, 10):
        add(store, step, fid=0.5)
    add(store, 20, leaves={"w": "float32[3]"})
    add(store, 30)
    (tmp_path / "30" / "data").unlink()
    (tmp_path / "40.saving").mkdir()
    (tmp_path / "1.deleted").mkdir()
    rows = archive.inspect(tmp_path)
    assert [(row.name, row.finished, row.problem) for row in rows] == [
        ("1.deleted", False, "a deletion that was interrupted, or is under way"),
        ("2", True, None),
        ("10", True, None),
        ("20", True, "of another model: w: expected float32[2], found float32[3]"),
        ("30", True, "data is missing"),
        ("40.saving", False, "a save that was interrupted, or is under way"),
    ]
    by_name = {row.name: row for row in rows}
    assert by_name["30"].size == (tmp_path / "30" / manifest.NAME).stat().st_size
    assert [row.manifest is None for row in rows] == [True, False, False, False, False, True]
