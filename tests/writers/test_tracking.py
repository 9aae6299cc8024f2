"""Writers by name, read back with each service's own reader; no network, no account."""

from __future__ import annotations

import csv
import json
import logging
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jaxgan.config.hooks import WRITERS, make_writers
from jaxgan.core.errors import ConfigError
from jaxgan.writers import MetricWriter, read_metrics
from jaxgan.writers.events import read_events

CONFIG = {"seed": 3, "optimizer": {"gen": {"learning_rate": 0.001}}, "name": "<b>"}
PICTURE = np.full((8, 8, 3), 200, np.uint8)


@contextmanager
def opened(folder: Path, entries: Any, resume_step: int | None = None) -> Iterator[MetricWriter]:
    section = WRITERS.resolve(entries, "writers")
    made = {name: make(resume_step) for name, make in make_writers(section, folder, CONFIG).items()}
    others = {name: writer for name, writer in made.items() if writer is not None}
    with MetricWriter(folder, resume_step=resume_step, others=others) as writer:
        yield writer


def train(folder: Path, entries: Any) -> None:
    """Ten steps, back to the fourth, and ten more."""
    for start in (None, 4):
        with opened(folder, entries, start) as writer:
            for step in range(1 + (start or 0), 11 + (start or 0)):
                writer.scalars(step, {"loss/gen": step / 2, "odd:name": np.nan})
            writer.image(step, "samples", PICTURE)
            writer.text(step, "warnings/a", "it <i>collapses</i>")


def test_csv_has_a_column_for_each_metric_and_is_cut_back(tmp_path: Path) -> None:
    train(tmp_path, [{"name": "csv", "file": "a.csv"}])
    with opened(tmp_path, [{"name": "csv", "file": "a.csv"}], 14) as writer:
        writer.scalars(15, {"eval/fd": 2.0})
    with (tmp_path / "a.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [int(row["step"]) for row in rows] == list(range(1, 16))
    assert [float(row["loss/gen"]) for row in rows[:14]] == [step / 2 for step in range(1, 15)]
    assert rows[-1] == {"step": "15", "loss/gen": "", "odd:name": "", "eval/fd": "2.0"}
    assert len(read_metrics(tmp_path / "metrics.jsonl")) == 15


def test_texts_are_in_the_event_files(tmp_path: Path) -> None:
    train(tmp_path, [])
    files = sorted((tmp_path / "tensorboard").iterdir())
    values = [
        (event.step, value.tag, list(value.tensor.string_val))
        for path in files
        for _, event in read_events(path, pytest.fail)
        for value in event.summary.value
        if value.tag.startswith("warnings/")
    ]
    # The text of the tenth step is gone with the steps after the fourth.
    assert values == [(14, "warnings/a/text_summary", [b"it <i>collapses</i>"])]


def leveldb_records(content: bytes) -> Iterator[bytes]:
    """What is in a log of LevelDB, as W&B writes it after seven bytes of its own."""
    whole, at = b"", 7
    while at + 7 <= len(content):
        if -at % 32768 < 7:  # the rest of a block, too short for a header
            at += -at % 32768
            continue
        _, length, kind = struct.unpack_from("<IHB", content, at)
        whole += content[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or the last part
            yield whole
            whole = b""


@pytest.mark.filterwarnings("ignore")  # of others
def test_wandb_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    train(tmp_path, ["wandb"])
    from wandb.proto.wandb_internal_pb2 import Record

    logged: dict[int, float] = {}
    config: dict[str, Any] = {}
    ids, keys = set[str](), set[str]()
    for path in sorted((tmp_path / "wandb").glob("offline-run-*/run-*.wandb")):
        for record in map(Record.FromString, leveldb_records(path.read_bytes())):
            if record.HasField("run"):
                ids.add(record.run.run_id)
                config |= {x.key: json.loads(x.value_json) for x in record.run.config.update}
            items = record.history.item
            row = {"/".join(item.nested_key): json.loads(item.value_json) for item in items}
            keys |= {item.nested_key[0] for item in items}
            if "loss/gen" in row:
                logged[row["step"]] = row["loss/gen"]
    assert logged == {step: step / 2 for step in range(1, 15)}
    assert len(ids) == 1
    assert config["seed"] == 3
    assert config["optimizer"] == CONFIG["optimizer"]
    assert {"samples", "warnings/a"} <= keys
    (page, *_) = tmp_path.glob("wandb/offline-run-*/files/media/html/warnings/*.html")
    assert "it &lt;i&gt;collapses" in page.read_text()


@pytest.mark.filterwarnings("ignore")
def test_mlflow_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.chdir(tmp_path)
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    train(tmp_path / "run", [{"name": "mlflow", "tracking_uri": uri}])
    client = mlflow.MlflowClient(tracking_uri=uri)
    (experiment,) = [e for e in client.search_experiments() if e.name == "jaxgan"]
    (run,) = client.search_runs([experiment.experiment_id])
    logged = {m.step: m.value for m in client.get_metric_history(run.info.run_id, "loss/gen")}
    assert logged == {step: step / 2 for step in range(1, 15)}
    assert run.data.params["optimizer.gen.learning_rate"] == "0.001"
    assert (run.info.status, run.info.run_name) == ("FINISHED", "run")
    assert "odd_name" in run.data.metrics
    names = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert {"images", "warnings"} <= names


@pytest.mark.filterwarnings("ignore")
def test_aim_in_the_runs_folder(tmp_path: Path) -> None:
    aim = pytest.importorskip("aim")
    train(tmp_path, ["aim"])
    # As `aim up` does when it starts.
    program = Path(sys.executable).with_name("aim")
    command = [program, "storage", "--repo", tmp_path, "reindex"]
    subprocess.run(command, input=b"y\n", check=True, capture_output=True)
    (run,) = aim.Repo(str(tmp_path)).iter_runs()
    assert run["config"]["optimizer"]["gen"]["learning_rate"] == 0.001
    (metric,) = [m for m in run.metrics() if m.name == "loss/gen"]
    steps, (values, *_) = metric.data.items_list()
    assert dict(zip(steps, values, strict=True)) == {step: step / 2 for step in range(1, 15)}


def test_a_service_that_is_not_installed_is_said_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"aim is not installed; pip install 'jaxgan\[aim\]'"):
        make_writers(WRITERS.resolve(["csv", "aim"], "writers"), tmp_path, CONFIG)
    assert not list(tmp_path.iterdir())
    with pytest.raises(ConfigError, match="it must be 'aim', 'csv', 'mlflow' or 'wandb'; did you"):
        WRITERS.resolve("wandbb", "writers")


def test_of_several_one_that_fails_is_warned_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def scalars(self, step: int, metrics: Any) -> None:
            raise ConnectionError("the server is gone")

        image = text = close = scalars

    broken: Any = Broken()
    with MetricWriter(tmp_path, others={"broken": broken}) as writer:
        for step in (1, 2, 3):
            writer.scalars(step, {"loss/gen": 0.5})
    assert [row["step"] for row in read_metrics(tmp_path / "metrics.jsonl")] == [1, 2, 3]
    (line,) = [one for one in caplog.messages if "the server is gone" in one]
    assert "broken fails, and is left out from now on" in line
    caplog.set_level(logging.WARNING)
    (tmp_path / "tracking.json").write_text("[")
    section = WRITERS.resolve([{"name": "csv", "file": "no/../\0"}], "writers")
    (make,) = make_writers(section, tmp_path, CONFIG).values()
    assert make(None) is None
    assert "it is left out" in caplog.messages[-1]
