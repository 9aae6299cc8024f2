"""State files of PyTorch: read as it reads them, and never run."""

from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jaxgan.files import FileError
from jaxgan.files.torch_file import read_torch_state
from tests.features.states import Call, Global, pickled, tensor, write_state, write_zip

FILES = Path(__file__).parent / "files"

WRITTEN = {
    "0.weight": (np.arange(8) / 8).reshape(2, 1, 2, 2),
    "0.bias": np.asarray([1.0, 1.125]),
    "1.weight": np.asarray([1.25, 1.375]),
    "1.bias": np.asarray([1.5, 1.625]),
    "1.running_mean": np.asarray([1.75, 1.875]),
    "1.running_var": np.asarray([2.0, 2.125]),
    "1.num_batches_tracked": np.asarray(7),
    "view": np.arange(6.0).reshape(2, 3).T,
    "half": np.asarray([0.5, -2.0]),
    "brain": np.asarray([1.5, 3.0]),
    "param": np.asarray([4.0]),
}


@pytest.mark.parametrize("name", ["state_zip.pth", "state_legacy.pth"])
def test_files_of_pytorch_2_15_are_read(name: str) -> None:
    state = read_torch_state(FILES / name)
    assert list(state) == list(WRITTEN)
    for key, expected in WRITTEN.items():
        np.testing.assert_array_equal(state[key].astype(np.float64), expected, err_msg=key)
    dtypes = {key: state[key].dtype.name for key in ("param", "half", "brain")}
    assert dtypes == {"param": "float32", "half": "float16", "brain": "bfloat16"}


def test_ours_are_read(tmp_path: Path) -> None:
    arrays = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.zeros((), np.int64)}
    write_state(tmp_path / "a.pth", arrays)
    state = read_torch_state(tmp_path / "a.pth")
    np.testing.assert_array_equal(state["a"], arrays["a"])
    assert state["b"].shape == ()


def payload(marker: Path) -> Call:
    return Call(Global("posix", "system"), f"touch {marker}")


@pytest.mark.parametrize("place", ["bare", "zip", "magic", "entry", "hooks"])
def test_a_program_is_refused_and_not_run(tmp_path: Path, place: str) -> None:
    path, marker = tmp_path / "evil.pth", tmp_path / "was_run"
    evil = payload(marker)
    if place == "bare":
        path.write_bytes(pickled(evil))
    elif place == "magic":
        legacy = (FILES / "state_legacy.pth").read_bytes()
        path.write_bytes(pickled(evil) + legacy)
    elif place == "zip":
        write_zip(path, evil, {})
    elif place == "entry":
        write_zip(path, {"w": tensor("0", 2, (2,)), "x": evil}, {"0": bytes(8)})
    else:
        honest = tensor("0", 2, (2,))
        write_zip(path, {"w": Call(honest.function, *honest.args[:-1], evil)}, {"0": bytes(8)})
    with pytest.raises(FileError, match=r"names posix\.system, .*refused"):
        read_torch_state(path)
    assert not marker.exists()
    # The same pickle does run where nothing is refused: the test would notice.
    pickle.loads(pickled(evil))
    assert marker.exists()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("builtins", "eval"),
        ("builtins", "getattr"),
        ("os", "system"),
        ("subprocess", "Popen"),
        ("torch", "load"),
        ("torch.storage", "_load_from_bytes"),
        ("collections", "namedtuple"),
        ("jaxgan.files.torch_file", "read_torch_state"),
    ],
)
def test_no_other_name_is_admitted(tmp_path: Path, module: str, name: str) -> None:
    write_zip(tmp_path / "a.pth", {"w": Global(module, name)}, {})
    with pytest.raises(FileError, match=f"{module}.{name}"):
        read_torch_state(tmp_path / "a.pth")


def test_what_is_admitted_cannot_be_altered(tmp_path: Path) -> None:
    # BUILD sets attributes: here of the function that rebuilds tensors.
    function = pickled(Global("torch._utils", "_rebuild_tensor_v2"))[:-1]
    state = pickled((None, {"__call__": 1}))[2:-1]
    (tmp_path / "a.pth").write_bytes(function + state + b"b.")
    with pytest.raises(FileError, match="cannot be read"):
        read_torch_state(tmp_path / "a.pth")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (tensor("0", 4, (5,)), "beyond its storage"),
        (tensor("0", 4, (2,), offset=3), "beyond its storage"),
        (tensor("0", 4, (2,), (4,)), "beyond its storage"),
        (tensor("0", 4, (2,), (-1,), offset=1), "strides"),
        (tensor("0", 4, (10**6, 10**6), (0, 0)), "beyond its storage"),
        (tensor("0", 4, (2, 2), (1,)), "strides"),
        (tensor("0", 5, (5,)), "truncated"),
        (tensor("1", 4, (4,)), "cannot be read"),
        (tensor("0", -4, (4,)), "storage '0' of -4"),
        (7, "is a int"),
    ],
)
def test_a_tensor_stays_within_its_storage(tmp_path: Path, wrong: Any, message: str) -> None:
    write_zip(tmp_path / "a.pth", {"w": wrong}, {"0": bytes(16)})
    with pytest.raises(FileError, match=message):
        read_torch_state(tmp_path / "a.pth")


def test_a_compressed_bomb_is_refused(tmp_path: Path) -> None:
    content = {"w": tensor("0", 10**7, (10**7,))}
    write_zip(tmp_path / "a.pth", content, {"0": bytes(4 * 10**7)}, zipfile.ZIP_DEFLATED)
    assert os.path.getsize(tmp_path / "a.pth") < 10**5
    with pytest.raises(FileError, match="bytes; at most"):
        read_torch_state(tmp_path / "a.pth")


@pytest.mark.parametrize("name", ["state_zip.pth", "state_legacy.pth"])
def test_a_truncated_file_is_named(tmp_path: Path, name: str) -> None:
    content = (FILES / name).read_bytes()
    for share in (0.0, 0.01, 0.3, 0.6, 0.95):
        path = tmp_path / "cut.pth"
        path.write_bytes(content[: int(share * len(content))])
        with pytest.raises(FileError, match=r"cut\.pth: it"):
            read_torch_state(path)


@pytest.mark.parametrize("content", [[1, 2], "text", {1: 2}, 5])
def test_other_content_is_refused(tmp_path: Path, content: Any) -> None:
    write_zip(tmp_path / "a.pth", content, {})
    with pytest.raises(FileError, match="must be"):
        read_torch_state(tmp_path / "a.pth")
