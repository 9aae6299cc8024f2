"""A run's folder: what is refused changes nothing in it, and what was done is not lost."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import pytest

import jaxgan as jg
from jaxgan import distributed
from jaxgan.checkpoint import manifest, ocdbt
from jaxgan.checkpoint.checkpointer import Checkpoints
from jaxgan.cli import program
from jaxgan.cli.main import main
from jaxgan.config.data import open_data
from jaxgan.core.errors import SaveError
from jaxgan.data import DataError, example_order
from jaxgan.distributed.preemption import deferred_signals
from jaxgan.files.atomic import replacing
from jaxgan.run import previews
from jaxgan.run.lock import Lock
from jaxgan.training import loop, nonfinite
from jaxgan.training.hooks import Hook, Moment
from jaxgan.writers import MetricWriter, read_metrics
from jaxgan.writers.events import EventWriter

CONFIG = """
def get_config(arg=""):
    return {
        "total_steps": 4, "batch_size": 8, "latent_dim": 2, "num_samples": 4, "num_devices": 1,
        "generator": {"name": "mlp", "features": (4,)},
        "discriminator": {"name": "mlp", "features": (4,)},
        "optimizer": {player: {"name": "sgd", "learning_rate": 0.05} for player in ("gen", "disc")},
        "log_every_steps": 1, "sample_every_steps": 4, "checkpoint_every_steps": 2,
    }
"""


NAME = "lr[0.001] a*b?"
"""Of a run's folder: a pattern, to those who take it for one."""


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config, data of two shapes, and a run of four steps."""
    folder = tmp_path_factory.mktemp("given")
    (folder / "config.py").write_text(CONFIG)
    noise = np.random.default_rng(0)
    for dim in (2, 3):
        points = noise.uniform(-1, 1, (32, dim)).astype(np.float32)
        np.savez(folder / f"points{dim}.npz", points=points)
    assert train(folder, folder / NAME) == 0
    return folder


def train(given: Path, workdir: Path, *flags: str, dim: int = 2) -> int:
    data = f"--config.data.source=npz:{given / f'points{dim}.npz'}"
    config = ["--config", str(given / "config.py"), "--workdir", str(workdir)]
    return main(["train", *config, data, *flags])


@pytest.fixture(autouse=True)
def no_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    """They take longer than all else."""
    monkeypatch.setattr(loop, "save_curves", lambda *_: None)


@pytest.fixture
def workdir(given: Path, tmp_path: Path) -> Path:
    """A copy of that run."""
    shutil.copytree(given / NAME, tmp_path / NAME)
    return tmp_path / NAME


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def last_line(capfd: pytest.CaptureFixture[str]) -> str:
    return capfd.readouterr().err.splitlines()[-1]


LONGER = "--config.total_steps=8"


def test_a_folder_may_be_named_like_a_pattern(given: Path) -> None:
    assert jg.load(given / NAME).step == 4
    assert Checkpoints(given / NAME / "checkpoints").steps() == [2, 4]


def test_data_of_another_shape_change_nothing(
    given: Path, workdir: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = content(workdir)
    assert train(given, workdir, LONGER, dim=3) == 2
    assert "params/disc/" in last_line(capfd)
    assert content(workdir) == before
    out = workdir.parent / "a.npz"
    assert main(["sample", "--workdir", str(workdir), "--num", "2", "--out", str(out)]) == 0
    assert train(given, workdir, LONGER) == 0
    assert jg.load(workdir).step == 8


def test_another_model_changes_nothing(
    given: Path, workdir: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = content(workdir)
    other = ["--override-config", "--config.generator.features=[5]"]
    assert train(given, workdir, LONGER, *other) == 2
    assert "params/gen/" in last_line(capfd)
    assert content(workdir) == before


def test_what_could_not_be_read_again_is_not_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / NAME
    state = {"a": jax.numpy.arange(3.0), "empty": jax.numpy.zeros((0, 2))}
    checkpoints = Checkpoints(directory)
    checkpoints.save(1, state, {})
    checkpoints.wait()
    # Orbax then finds no index to merge, and only says so in its log.
    monkeypatch.setattr(ocdbt, "has_wildcards", lambda path: False)
    checkpoints.save(2, state, {})
    with pytest.raises(SaveError, match=r"checkpoint 2 was not saved in .* a is not in what was"):
        checkpoints.wait()
    assert Checkpoints(directory).steps() == [1]
    assert Checkpoints(directory).restore(state)[0] == 1


def test_several_processes_refuse_a_pattern(
    given: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("jaxgan.checkpoint.checkpointer.jax.process_count", lambda: 2)
    assert train(given, tmp_path / NAME) == 2
    assert "of several processes it must be a path without * ? [" in last_line(capfd)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_use_is_refused(
    given: Path, workdir: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = content(workdir)
    with Lock(workdir):
        assert train(given, workdir, LONGER) == 7
        assert f"jaxgan: error: {workdir} is in use: process {os.getpid()}" in last_line(capfd)
        assert main(["sample", "--workdir", str(workdir), "--num", "2"]) == 0
    shutil.rmtree(workdir / "samples")
    assert before.items() >= content(workdir).items()


@pytest.mark.slow
def test_a_run_whose_folder_was_taken_over_saves_nothing_more(
    given: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def take_over(state: Any, batch: Any) -> None:
        if int(state.step) == 3:
            # Another file of that name, as whoever takes a folder over makes it.
            with replacing(tmp_path / "lock.json") as theirs:
                theirs.write_text('{"token": "theirs", "host": "far"}')

    before_the_step(monkeypatch, take_over)
    assert train(given, tmp_path) == 7
    assert "was taken over by process ? on far" in last_line(capfd)
    assert Checkpoints(tmp_path / "checkpoints").steps() == [2]
    assert (tmp_path / "lock.json").exists()


def before_the_step(monkeypatch: pytest.MonkeyPatch, action: Callable[[Any, Any], None]) -> None:
    jit_step = distributed.jit_step

    def wrapped(*args: Any) -> Any:
        step = jit_step(*args)

        def dispatch(state: Any, batch: Any) -> Any:
            action(state, batch)
            return step(state, batch)

        return dispatch

    monkeypatch.setattr(distributed, "jit_step", wrapped)


def test_logged_steps_without_checkpoints_are_not_begun_anew(
    given: Path, workdir: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    saved = workdir / "checkpoints"
    saved.rename(workdir.parent / "elsewhere")
    before = content(workdir)
    assert train(given, workdir) == 2
    assert "has logged steps but no checkpoints" in last_line(capfd)
    saved.write_bytes(b"")
    assert train(given, workdir) == 2
    assert "checkpoints is a file; it must be the folder" in last_line(capfd)
    saved.unlink()
    assert content(workdir) == before


def test_skipping_without_end_ends(
    given: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(nonfinite, "WARN_SKIPPED", 3)
    monkeypatch.setattr(nonfinite, "MAX_SKIPPED", 6)
    flags = ["--config.nonfinite=skip", "--config.total_steps=40"]
    flags += [f"--config.optimizer.{player}.learning_rate=1e30" for player in ("gen", "disc")]
    assert train(given, tmp_path, *flags) == 3
    told = capfd.readouterr().err.splitlines()
    assert len([line for line in told if "steps were skipped, as not finite" in line]) == 1
    assert "6 steps in a row skipped, as not finite" in told[-1]
    skipped = [line["skipped"] for line in read_metrics(tmp_path / "metrics.jsonl")]
    assert skipped == [0.0, *[1.0] * 6]


def full(*_: Any, **__: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_checkpoint_on_a_full_disk_has_its_own_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(manifest, "write", full)
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(4, {"w": jax.numpy.ones(3)}, {})
    assert program.run(checkpoints.wait, "jaxgan") == 6
    line = last_line(capfd)
    assert line.startswith("jaxgan: error: checkpoint 4 was not saved in ")
    assert line.endswith(f"{tmp_path}: No space left on device")


def write_metrics(folder: Path) -> None:
    with MetricWriter(folder) as writer:
        writer.scalars(1, {"loss/gen": 0.0})


def write_events(folder: Path) -> None:
    writer = EventWriter(folder)
    writer._writer.write_event = full
    try:
        writer.scalars(1, {"a": 0.0})
    finally:
        writer.close()


def write_file(folder: Path) -> None:
    with replacing(folder / "config.json") as temporary:
        temporary.write_text("{}")


@pytest.mark.parametrize(
    ("write", "name"),
    [(write_metrics, "metrics.jsonl"), (write_events, ""), (write_file, "config.json")],
)
def test_the_line_of_a_full_disk_has_the_path(
    write: Callable[[Path], None],
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    # Of each module its own: tensorboardX would not close its file.
    for module in ("writers.metrics", "files.atomic"):
        system = SimpleNamespace(fsync=full, getpid=os.getpid)
        monkeypatch.setattr(f"jaxgan.{module}.os", system)
    assert program.run(lambda: write(tmp_path), "jaxgan") == 6
    assert last_line(capfd).endswith(f"No space left on device: '{tmp_path / name}'")


@pytest.mark.parametrize(
    ("number", "code"), [(errno.EIO, 6), (errno.EDQUOT, 6), (errno.ENOENT, 2), (errno.EACCES, 2)]
)
def test_a_disk_that_fails_is_no_bad_input(number: int, code: int) -> None:
    def fail() -> None:
        raise OSError(number, os.strerror(number), "a.png")

    assert program.run(fail, "jaxgan") == code


def test_bad_paths_are_bad_input(given: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert train(given, Path("/dev/null/run")) == 2
    assert "/dev/null/run" in last_line(capfd)


def reading_fails(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """In the fourth batch."""

    def opened(config: Any) -> Any:
        source: Any = open_data(config)
        order = example_order(source.num_examples, config["seed"])

        def read_elements(numbers: np.ndarray, seed: int) -> Any:
            if 3 * config["batch_size"] in numbers:
                raise error
            return source.read(order(numbers))

        return source._replace(read_elements=read_elements)

    monkeypatch.setattr("jaxgan.run.make.open_data", opened)


def test_what_fails_between_two_steps_saves_first(
    given: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    flag = "--config.checkpoint_every_steps=4"
    with monkeypatch.context() as patch:
        reading_fails(patch, DataError("folder:a: b.png is broken"))
        assert train(given, tmp_path, flag) == 2
    told = capfd.readouterr().err.splitlines()
    assert told[-1] == "jaxgan: error: folder:a: b.png is broken"
    assert Checkpoints(tmp_path / "checkpoints").steps() == [3]
    assert "step 3: saved, as the run cannot go on" in told
    # Nothing was lost: it goes on as if it had never been stopped.
    assert train(given, tmp_path, flag) == 0
    parts, whole = jg.load(tmp_path), jg.load(given / NAME)
    jax.tree.map(np.testing.assert_array_equal, parts.state.params, whole.state.params)
    lines = [read_metrics(folder / "metrics.jsonl") for folder in (tmp_path, given / NAME)]
    for name in ("step", "loss/gen"):
        assert [line[name] for line in lines[0]] == [line[name] for line in lines[1]]


@pytest.mark.parametrize(
    "number", [signal.SIGHUP, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_a_signal_saves_before_all_else(
    number: signal.Signals, given: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []

    def ask(state: Any, batch: Any) -> None:
        if int(state.step) == 2:
            signal.raise_signal(number)

    def steps() -> str:
        return str(Checkpoints(tmp_path / "checkpoints").steps())

    def slow_curves(*_: Any) -> None:
        events.append(f"curves {steps()}")
        if number != signal.SIGINT:
            time.sleep(60)

    before_the_step(monkeypatch, ask)
    if signal.getsignal(number) is signal.SIG_IGN:  # the tests run under nohup
        monkeypatch.setattr(signal, "getsignal", lambda _: signal.SIG_DFL)
    draw = vars(previews)["save_png"]

    def noted(*args: Any) -> Any:
        events.append(f"picture {steps()}")
        return draw(*args)

    monkeypatch.setattr(previews, "save_png", noted)
    monkeypatch.setattr(loop, "save_curves", slow_curves)
    monkeypatch.setattr(loop, "STOP_SECONDS", 0.05)
    flags = ["--config.total_steps=9", "--config.checkpoint_every_steps=9"]
    assert train(given, tmp_path, *flags) == (130 if number == signal.SIGINT else 75)
    pictures = ["picture [3]"] if number == signal.SIGINT else []
    assert events == [*pictures, "curves [3]"]
    assert [line["step"] for line in read_metrics(tmp_path / "metrics.jsonl")][:3] == [1, 2, 3]


def test_under_nohup_a_hangup_is_nothing() -> None:
    previous = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with deferred_signals() as stop:
            signal.raise_signal(signal.SIGHUP)
        assert not stop.is_due()
    finally:
        signal.signal(signal.SIGHUP, previous)


@pytest.mark.slow
def test_an_evaluation_does_not_keep_a_stopped_run(
    given: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    progress: list[int] = []

    def evaluate(now: Moment) -> None:
        progress.append(now.step)
        signal.raise_signal(signal.SIGTERM)
        now.alive()
        raise AssertionError("it went on")

    hook = Hook(every=2, name="an evaluation", call=evaluate)
    monkeypatch.setattr("jaxgan.run.make._evaluation", lambda *_: hook)
    assert train(given, tmp_path, "--config.eval_every_steps=2") == 75
    assert progress == [2]
    assert Checkpoints(tmp_path / "checkpoints").steps() == [2, 3]


LEAVES = """
import sys, time
from pathlib import Path
import jax.numpy as jnp
from jaxgan.checkpoint import directory as archive
from jaxgan.checkpoint.checkpointer import Checkpoints

prepare = archive.Archive.prepare

def slow(self):
    time.sleep(0.5)  # until the interpreter ends
    prepare(self)

archive.Archive.prepare = slow
Checkpoints(Path(sys.argv[1])).save(1, {"w": jnp.zeros(3)}, {})
"""


@pytest.mark.slow
def test_a_save_under_way_when_the_interpreter_ends_is_completed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LEAVES, str(tmp_path)]
    environment = os.environ | {"JAX_PLATFORMS": "cpu"}
    child = subprocess.run(command, env=environment, timeout=300, check=True, capture_output=True)
    assert child.stderr == b""
    assert Checkpoints(tmp_path).restore({"w": jax.numpy.ones(3)})[1]["w"].sum() == 0


def test_the_end_waits_for_what_is_under_way() -> None:
    save: Future[None] = Future()
    ocdbt.complete_at_exit(save)
    threading.Timer(0.1, save.set_result, [None]).start()
    ocdbt._complete_saves()
    assert save.done()
