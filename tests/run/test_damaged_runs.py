"""A run's folder with files of a wrong shape: one line that names the file, or a line left out."""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from jaxgan.checkpoint import manifest
from jaxgan.checkpoint.manifest import Manifest, ManifestError
from jaxgan.config.base import load_config
from jaxgan.config.resolve import resolve
from jaxgan.core.errors import InputError
from jaxgan.evaluation import EvaluationError, report
from jaxgan.evaluation.protocol import Score, make_protocol
from jaxgan.run import directory
from jaxgan.training.collapse import Watch
from jaxgan.writers import MetricWriter, read_metrics

ROOT = Path(__file__).parents[2]
SPEC = {"image": jax.ShapeDtypeStruct((2,), "float32")}
NUM_CONFIGS = 60
OTHERS: tuple[Any, ...] = (
    None,
    True,
    -1,
    1.5,
    "",
    "text",
    [],
    [1],
    ["a"],
    {},
    {"a": 1},
    {"name": []},
)


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    return resolve(load_config(f"{ROOT / 'configs' / 'digits.py'}:smoke"))


def with_one_other(value: Any) -> list[Any]:
    """The value with each entry, however deep, in turn replaced by another, or left out."""
    found: list[Any] = list(OTHERS)
    if isinstance(value, dict):
        for key, entry in value.items():
            found += [{**value, key: other} for other in with_one_other(entry)]
            found.append({k: v for k, v in value.items() if k != key})
    if isinstance(value, list):
        for index, entry in enumerate(value):
            changed = with_one_other(entry)
            found += [[*value[:index], other, *value[index + 1 :]] for other in changed]
    return found


def test_a_config_of_another_shape_is_one_line(tmp_path: Path, config: dict[str, Any]) -> None:
    everything = with_one_other(config)
    some = np.random.default_rng(0).choice(len(everything), NUM_CONFIGS, replace=False)
    refused = 0
    for changed in [*OTHERS, *(everything[i] for i in some)]:
        (tmp_path / "config.json").write_text(json.dumps(changed))
        try:
            resolve(directory.read_config(tmp_path))
        except InputError as error:
            refused += "\n" not in str(error)
    assert refused > NUM_CONFIGS // 2


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", "null", '"a"', "\x00", '{"seed"}', "[" * 9999]
)
def test_a_file_that_is_no_object_is_named(tmp_path: Path, text: str) -> None:
    for name, read in (("config.json", directory.read_config), ("run.json", directory.read_spec)):
        (tmp_path / name).write_text(text)
        with pytest.raises(InputError, match=f"workdir: .*{name}: it ") as raised:
            read(tmp_path)
        assert "\n" not in str(raised.value)


def test_a_run_file_of_another_shape_is_one_line(tmp_path: Path, config: dict[str, Any]) -> None:
    directory.write(tmp_path, config, SPEC)
    content = json.loads((tmp_path / "run.json").read_text())
    refused = []
    for changed in with_one_other(content["example"]):
        (tmp_path / "run.json").write_text(json.dumps({**content, "example": changed}))
        try:
            spec = directory.read_spec(tmp_path)
        except InputError as error:
            refused.append(str(error))
        else:
            assert all(np.zeros(s.shape, s.dtype).shape == s.shape for s in spec.values())
    assert len(refused) > 40
    assert all("run.json" in line and "\n" not in line for line in refused)


ROWS = b"""{"step": 10, "loss": 1.5}
{"step": 20, "loss": [1]}
{"step": "20", "loss": 1}
{"step": true}
{"step": 20, "loss": "many"}
[20]
\xff
{"step": 20, "loss": "NaN"}
{"step": 30, "lo"""


def test_damaged_lines_of_metrics_are_left_out_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(ROWS)
    with caplog.at_level(logging.WARNING, logger="jaxgan"):
        MetricWriter(tmp_path, resume_step=20).close()
    assert len(caplog.messages) == 6
    assert all(str(path) in line and "left out" in line for line in caplog.messages)
    assert path.read_bytes() == ROWS.splitlines(True)[0] + ROWS.splitlines(True)[7]
    caplog.clear()
    assert [row["step"] for row in read_metrics(path)] == [10, 20]
    assert not caplog.messages


def test_damaged_warnings_are_left_out_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "warnings.jsonl"
    rows = [
        {"step": 1, "warning": "a"},
        {"step": 2, "cleared": "never-said"},
        {"step": 3, "warning": ["b"]},
        {"step": 3.5, "warning": "c"},
        {"step": 4},
        [],
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with caplog.at_level(logging.WARNING, logger="jaxgan"):
        Watch(tmp_path, resume_step=10)
    assert len(caplog.messages) == 3
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [1, 2, 4]


def test_a_manifest_of_another_shape_is_one_line(tmp_path: Path) -> None:
    manifest.write(
        tmp_path,
        Manifest(
            step=5,
            created="",
            versions={},
            num_processes=1,
            leaves={},
            data_state={},
            metrics={"a": 1.0},
            config=None,
            files={},
        ),
    )
    content = json.loads((tmp_path / manifest.NAME).read_text())
    del content["sha256"]
    refused = 0
    for changed in with_one_other(content):
        if not isinstance(changed, dict):
            continue
        # Sealed as a manifest is: this is not damage, but a file that somebody made.
        text = json.dumps(changed, separators=(",", ":"))
        digest = hashlib.sha256(text.encode()).hexdigest()
        sealed = json.dumps({**changed, "sha256": digest}, separators=(",", ":")) + "\n"
        (tmp_path / manifest.NAME).write_text(sealed)
        try:
            manifest.read(tmp_path)
        except ManifestError as error:
            refused += "\n" not in str(error)
    assert refused > 80


def test_a_report_of_another_shape_is_one_line(tmp_path: Path) -> None:
    report.write_report(
        tmp_path / report.NAME,
        [Score("fd_pixels", 1.0, None, make_protocol())],
    )
    content = json.loads((tmp_path / report.NAME).read_text())
    refused = []
    for changed in with_one_other(content):
        (tmp_path / report.NAME).write_text(json.dumps(changed))
        try:
            report.as_table(report.read_report(tmp_path))
        except EvaluationError as error:
            refused.append(str(error))
    assert len(refused) > 100
    assert all("evaluation.json" in line and "\n" not in line for line in refused)
