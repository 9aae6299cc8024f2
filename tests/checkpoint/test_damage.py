"""Twelve kinds of damage: each is found and named, none crashes, none costs an older checkpoint.

Each test has a good checkpoint of step 1 and a damaged one of step 2. Where a kind of damage can
happen to any file, it happens to every file in turn.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.checkpoint import manifest
from jaxgan.checkpoint.checkpointer import Checkpoints
from jaxgan.cli.main import main
from tests.jobs import HANGS

LIKE = {"w": jax.ShapeDtypeStruct((32, 16), jnp.float32), "step": jnp.int32(0)}


def make_state(step: int) -> dict[str, jax.Array]:
    return {"w": jax.random.normal(jax.random.key(step), (32, 16)), "step": jnp.int32(step)}


def save(directory: Path, step: int, *, keep: int = 3) -> None:
    checkpoints = Checkpoints(directory, keep=keep)
    checkpoints.save(step, make_state(step), {"batch": step})
    checkpoints.wait()


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("intact")
    for step in (1, 2):
        save(directory, step)
    return directory


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that any user may look into, unlike pytest's."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def no_privileges() -> Iterator[None]:
    """Permissions bind everyone but root."""
    user = os.geteuid()
    try:
        if user == 0:
            os.seteuid(65534)
        yield
    finally:
        os.seteuid(user)


def files(directory: Path) -> list[str]:
    return sorted(p.relative_to(directory).as_posix() for p in directory.rglob("*") if p.is_file())


def is_data(name: str) -> bool:
    return "/d/" in name


def digests(directory: Path) -> dict[str, str]:
    return {n: hashlib.sha256((directory / n).read_bytes()).hexdigest() for n in files(directory)}


Check = Callable[..., None]


@pytest.fixture
def check(
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Check:
    """What is wrong is logged and listed by name, and step 1 comes back."""

    def check_one(directory: Path, named: str, *, exit_code: int = 1) -> None:
        caplog.clear()
        # The command line's own handler takes the lines otherwise.
        monkeypatch.setattr(logging.getLogger("jaxgan"), "propagate", True)
        monkeypatch.setattr(logging.getLogger("jaxgan"), "handlers", [])
        step, state, data_state = Checkpoints(directory).restore(LIKE)
        assert (step, data_state) == (1, {"batch": 1})
        jax.tree.map(np.testing.assert_array_equal, state, make_state(1))
        (line,) = caplog.messages
        assert line.startswith(("checkpoint 2", "2.saving"))
        assert named in line
        assert "\n" not in line
        capsys.readouterr()
        assert main(["checkpoints", str(directory), "--json"]) == exit_code
        listed = json.loads(capsys.readouterr().out)
        assert listed["newest_good"] == 1
        (row,) = [row for row in listed["rows"] if row["step"] == 2]
        assert not row["good"]
        assert named in f"{row['name']}: {row['problem']}"
        assert main(["checkpoints", str(directory)]) == exit_code
        assert named in capsys.readouterr().out

    return check_one


def check_older_survives(directory: Path, steps: list[int]) -> None:
    """Saving goes on, and a damaged checkpoint is not one of those that are kept."""
    before = digests(directory / "1")
    save(directory, 3, keep=2)
    assert Checkpoints(directory).steps() == steps
    assert digests(directory / "1") == before
    assert Checkpoints(directory).restore(LIKE)[0] == 3
    assert Checkpoints(directory).restore(LIKE, step=1)[0] == 1


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("of_data", [True, False], ids=["data", "metadata"])
@pytest.mark.parametrize(
    ("damage", "word"),
    [(truncate, "is truncated"), (flip, "is altered"), (Path.unlink, "is missing")],
    ids=["truncated", "bit_flipped", "missing"],
)
def test_damaged_files(
    damage: Callable[[Path], None],
    word: str,
    of_data: bool,
    intact: Path,
    tmp_path: Path,
    check: Check,
) -> None:
    names = [name for name in files(intact / "2") if is_data(name) == of_data]
    if damage is not Path.unlink:
        names = [name for name in names if (intact / "2" / name).stat().st_size]
    assert len(names) >= (2 if of_data else 5)
    for index, name in enumerate(names):
        directory = tmp_path / str(index)
        shutil.copytree(intact, directory)
        damage(directory / "2" / name)
        before = digests(directory)
        check(directory, f"{name} {word}")
        assert digests(directory) == before, "reading changed something"
    # Of the last one: the manifest may be it, and then the step is not listed.
    check_older_survives(directory, [1, 3] if name == manifest.NAME else [1, 2, 3])


def test_empty_directory(intact: Path, tmp_path: Path, check: Check) -> None:
    shutil.copytree(intact / "1", tmp_path / "1")
    (tmp_path / "2").mkdir()
    check(tmp_path, "manifest.json is missing")
    check_older_survives(tmp_path, [1, 3])


def test_missing_manifest(intact: Path, tmp_path: Path, check: Check) -> None:
    shutil.copytree(intact, tmp_path, dirs_exist_ok=True)
    (tmp_path / "2" / manifest.NAME).unlink()
    check(tmp_path, "manifest.json is missing")
    check_older_survives(tmp_path, [1, 3])


def test_unreadable_files(intact: Path, open_folder: Path, check: Check) -> None:
    for index, name in enumerate([*files(intact / "2"), "state", "."]):
        directory = open_folder / str(index)
        shutil.copytree(intact, directory)
        directory.chmod(0o755)
        path = directory / "2" / name
        path.chmod(0)
        with no_privileges():
            with pytest.raises(PermissionError):
                list(path.iterdir()) if path.is_dir() else path.read_bytes()
            check(directory, "cannot be read: Permission denied")
        path.chmod(0o755)


CHILD = """
import os, signal, sys, threading
from pathlib import Path
import jax, jax.numpy as jnp
from jaxgan.checkpoint import manifest
from jaxgan.checkpoint.checkpointer import Checkpoints

directory, place = Path(sys.argv[1]), sys.argv[2]

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def die_while_orbax_writes():
    while not any("2.saving.orbax" in path.name for path in directory.iterdir()):
        pass
    die()

if place == "orbax":
    threading.Thread(target=die_while_orbax_writes).start()
else:
    manifest.write = die
checkpoints = Checkpoints(directory)
checkpoints.save(2, {"w": jnp.zeros((32, 16)), "step": jnp.int32(2)}, {"batch": 2})
checkpoints.wait()
"""


@pytest.mark.parametrize("place", ["orbax", "manifest"])
def test_killed_while_saving(place: str, intact: Path, tmp_path: Path, check: Check) -> None:
    shutil.copytree(intact / "1", tmp_path / "1")
    command = [sys.executable, "-c", CHILD, str(tmp_path), place]
    environment = os.environ | {"JAX_PLATFORMS": "cpu"}
    child = subprocess.run(command, env=environment, timeout=HANGS, check=False)
    assert child.returncode == -signal.SIGKILL
    (left,) = [path for path in tmp_path.iterdir() if path.name != "1"]
    assert left.name.startswith("2.saving")
    # It may still be under way in another process: no fault of the others.
    check(tmp_path, left.name, exit_code=0)
    check_older_survives(tmp_path, [1, 3])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "3"]


def test_killed_before_the_last_renaming(intact: Path, tmp_path: Path) -> None:
    shutil.copytree(intact / "1", tmp_path / "1")
    shutil.copytree(intact / "2", tmp_path / "2.saving")
    (tmp_path / "0.deleted").mkdir()
    # It is complete, so that nothing is lost.
    assert Checkpoints(tmp_path).steps() == [1, 2]
    assert Checkpoints(tmp_path).restore(LIKE)[0] == 2
    save(tmp_path, 3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2", "3"]


FULL_DISK = """
import logging, resource, sys
from pathlib import Path
import jax, jax.numpy as jnp
from jaxgan.checkpoint.checkpointer import Checkpoints
from jaxgan.core.errors import CheckpointError

logging.getLogger("jaxgan").addHandler(logging.StreamHandler(sys.stdout))
directory = Path(sys.argv[1])
small = {"w": jnp.zeros((32, 16)), "step": jnp.int32(3)}
large = small | {"more": jax.random.normal(jax.random.key(0), (1024, 1024))}
# Writing more to any file fails in the kernel, as on a full disk.
resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, resource.RLIM_INFINITY))
checkpoints = Checkpoints(directory, keep=1)
checkpoints.save(2, large, {"batch": 2})
try:
    checkpoints.wait()
except CheckpointError as error:
    print("raised", error)
# Saving goes on: the failure is told, and the next one is as good as any.
checkpoints.save(2, large, {"batch": 2})
checkpoints.save(3, small, {"batch": 3})
checkpoints.wait()
print(checkpoints.steps())
"""


@pytest.mark.parametrize("restart", [False, True])
def test_full_disk(restart: bool, intact: Path, tmp_path: Path) -> None:
    shutil.copytree(intact / "1", tmp_path / "1")
    before = digests(tmp_path / "1")
    steps = ["1", "3"] if restart else ["3", "4"]
    script = FULL_DISK.partition("# Saving goes on")[0] if restart else FULL_DISK
    command = [sys.executable, "-c", script, str(tmp_path)]
    environment = os.environ | {"JAX_PLATFORMS": "cpu"}
    child = subprocess.run(command, env=environment, timeout=HANGS, check=True, capture_output=True)
    told, raised, *others = child.stdout.decode().splitlines()
    assert told == f"checkpoint 2 was not saved in {tmp_path}: File too large"
    assert raised == f"raised {told}"
    assert b"SignalingThread" not in child.stderr
    if restart:
        assert digests(tmp_path / "1") == before
        assert Checkpoints(tmp_path).restore(LIKE)[0] == 1
        check_older_survives(tmp_path, [1, 3])
    else:
        assert others == [told, "[3]"]
        assert Checkpoints(tmp_path).restore(LIKE)[0] == 3
        save(tmp_path, 4)
    # The space is given back; at once but for what Orbax's threads still write when it has failed.
    assert sorted(path.name for path in tmp_path.iterdir()) == steps


def test_another_model(intact: Path, tmp_path: Path, check: Check) -> None:
    shutil.copytree(intact / "1", tmp_path / "1")
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(2, make_state(2) | {"w": jnp.zeros((32, 8))}, {})
    checkpoints.wait()
    check(tmp_path, "w: expected float32[32,16], found float32[32,8]")
    check_older_survives(tmp_path, [1, 2, 3])
    # Not this run's: even when its age would have it dropped.
    for step in (4, 5):
        save(tmp_path, step, keep=1)
    assert Checkpoints(tmp_path).steps() == [2, 5]


def test_another_version(
    intact: Path, tmp_path: Path, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(intact / "1", tmp_path / "1")
    with monkeypatch.context() as patch:
        patch.setattr(manifest, "FORMAT", 2)
        patch.setattr("jaxgan.checkpoint.checkpointer.__version__", "99.0")
        save(tmp_path, 2)
    check(tmp_path, "manifest.json is of format 2, by jaxgan 99.0; jaxgan")
    check_older_survives(tmp_path, [1, 3])
    for step in (4, 5):
        save(tmp_path, step, keep=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2", "5"]


def test_a_copy_under_another_step(intact: Path, tmp_path: Path, check: Check) -> None:
    shutil.copytree(intact / "1", tmp_path / "1")
    shutil.copytree(intact / "1", tmp_path / "2")
    check(tmp_path, "manifest.json is of step 1")


def test_only_damaged_ones_are_never_all_that_is_left(intact: Path, tmp_path: Path) -> None:
    shutil.copytree(intact, tmp_path, dirs_exist_ok=True)
    for name in files(tmp_path / "2"):
        if is_data(name):
            truncate(tmp_path / "2" / name)
    checkpoints = Checkpoints(tmp_path, keep=2)
    for step, expected in ((3, [1, 2, 3]), (4, [3, 4])):
        checkpoints.save(step, make_state(step), {})
        checkpoints.wait()
        assert checkpoints.steps() == expected
