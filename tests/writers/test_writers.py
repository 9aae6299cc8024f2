"""Metrics, pictures and the progress line: what is on disk, read by other means than ours."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import struct
import sys
import time
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from tensorboardX.proto.event_pb2 import Event

from jaxgan.cli.terminal import Handler
from jaxgan.writers import (
    MetricWriter,
    Progress,
    image_grid,
    lettered,
    read_metrics,
    save_curves,
    save_png,
    scatter,
    with_titles,
)
from jaxgan.writers.curves import curves_of
from jaxgan.writers.panels import meaning, panels


def read_events(folder: Path) -> list[Event]:
    """All events with a summary, by a reader that knows the framing and nothing else."""
    events = []
    for path in sorted((folder / "tensorboard").iterdir()):
        data = path.read_bytes()
        while data:
            (length,) = struct.unpack_from("<Q", data)
            assert len(data) >= length + 16
            events.append(Event.FromString(data[12 : 12 + length]))
            data = data[16 + length :]
    return [event for event in events if event.HasField("summary")]


def read_png(path: Path) -> np.ndarray:
    with Image.open(path) as file:
        return np.asarray(file)


def scalar_steps(folder: Path, tag: str = "loss/gen") -> list[int]:
    events = read_events(folder)
    return [event.step for event in events for value in event.summary.value if value.tag == tag]


def log(folder: Path, steps: range, resume_step: int | None = None) -> None:
    with MetricWriter(folder, resume_step=resume_step) as writer:
        for step in steps:
            writer.scalars(step, {"loss/gen": step / 2, "num/updates": np.int32(step)})


def test_both_files_hold_the_same(tmp_path: Path) -> None:
    with MetricWriter(tmp_path) as writer:
        writer.scalars(10, {"loss/gen": jnp.float32(0.1), "n": jnp.int32(3), "b": np.float64(1e-9)})
        writer.scalars(20, {"loss/gen": np.float32([0.25]), "fid": jnp.bfloat16(2.0)})
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert lines == [
        '{"step": 10, "loss/gen": 0.1, "n": 3, "b": 1e-09}',
        '{"step": 20, "loss/gen": 0.25, "fid": 2.0}',
    ]
    found = [
        (event.step, value.tag, value.simple_value)
        for event in read_events(tmp_path)
        for value in event.summary.value
    ]
    f32 = np.float32
    assert found == [
        (10, "loss/gen", f32(0.1)),
        (10, "n", 3.0),
        (10, "b", f32(1e-9)),
        (20, "loss/gen", 0.25),
        (20, "fid", 2.0),
    ]


def test_what_is_not_finite_is_valid_json(tmp_path: Path) -> None:
    with MetricWriter(tmp_path) as writer:
        writer.scalars(1, {"a": jnp.nan, "b": jnp.float32(jnp.inf), "c": -np.inf})

    def refuse(name: str) -> Any:
        raise AssertionError(f"{name} is not JSON")

    text = (tmp_path / "metrics.jsonl").read_text()
    row = json.loads(text, parse_constant=refuse)
    assert row == {"step": 1, "a": "NaN", "b": "Infinity", "c": "-Infinity"}
    (read,) = read_metrics(tmp_path / "metrics.jsonl")
    np.testing.assert_array_equal(list(read.values()), [1, np.nan, np.inf, -np.inf])


@pytest.mark.parametrize("resume_step", [20, 25, 5, 100])
def test_resuming_drops_what_is_beyond(tmp_path: Path, resume_step: int) -> None:
    log(tmp_path, range(10, 41, 10))
    kept = [step for step in range(10, 41, 10) if step <= resume_step]
    log(tmp_path, range(resume_step + 1, resume_step + 4), resume_step)
    expected = [*kept, *range(resume_step + 1, resume_step + 4)]
    assert [row["step"] for row in read_metrics(tmp_path / "metrics.jsonl")] == expected
    assert scalar_steps(tmp_path) == expected
    # And once more, from inside what the second run wrote.
    MetricWriter(tmp_path, resume_step=resume_step + 2).close()
    assert [row["step"] for row in read_metrics(tmp_path / "metrics.jsonl")] == expected[:-1]
    assert scalar_steps(tmp_path) == expected[:-1]
    assert not list(tmp_path.rglob("*.tmp"))


def test_torn_ends_are_cut_off(tmp_path: Path) -> None:
    log(tmp_path, range(1, 4))
    (events,) = (tmp_path / "tensorboard").iterdir()
    with events.open("r+b") as file:
        file.truncate(events.stat().st_size - 5)
    with (tmp_path / "metrics.jsonl").open("a") as lines:
        lines.write('{"step": 4, "loss/g')
    assert [row["step"] for row in read_metrics(tmp_path / "metrics.jsonl")] == [1, 2, 3]
    log(tmp_path, range(4, 6), resume_step=3)
    assert [row["step"] for row in read_metrics(tmp_path / "metrics.jsonl")] == [1, 2, 3, 4, 5]
    assert scalar_steps(tmp_path) == [1, 2, 4, 5]


def test_starting_anew_drops_all(tmp_path: Path) -> None:
    log(tmp_path, range(0, 3))
    log(tmp_path, range(0, 2))
    assert [row["step"] for row in read_metrics(tmp_path / "metrics.jsonl")] == [0, 1]
    assert scalar_steps(tmp_path) == [0, 1]


def test_flushed_metrics_are_on_disk_while_the_run_goes_on(tmp_path: Path) -> None:
    writer = MetricWriter(tmp_path)
    writer.scalars(1, {"loss/gen": 1.0})
    assert (tmp_path / "metrics.jsonl").read_text().count("\n") == 1
    writer.flush()
    assert scalar_steps(tmp_path) == [1]
    # A crash now, and the run resumes within the same second: nothing is overwritten.
    log(tmp_path, range(2, 3), resume_step=1)
    assert scalar_steps(tmp_path) == [1, 2]
    writer.close()


def test_images_reach_the_event_files(tmp_path: Path) -> None:
    pixels = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    with MetricWriter(tmp_path) as writer:
        writer.image(3, "samples", pixels)
        writer.image(4, "samples", pixels[..., :1])
        with pytest.raises(ValueError, match=r"image x is float64\[5, 7\]; it must be uint8"):
            writer.image(5, "x", np.zeros((5, 7)))
    color, gray = read_events(tmp_path)
    assert (color.step, color.summary.value[0].tag) == (3, "samples")
    decoded = Image.open(io.BytesIO(color.summary.value[0].image.encoded_image_string))
    np.testing.assert_array_equal(np.asarray(decoded), pixels)
    decoded = Image.open(io.BytesIO(gray.summary.value[0].image.encoded_image_string))
    np.testing.assert_array_equal(np.asarray(decoded.convert("L")), pixels[..., 0])


def test_bad_metrics_are_named_and_leave_no_trace(tmp_path: Path) -> None:
    with MetricWriter(tmp_path) as writer:
        writer.scalars(2, {"a": 1.0})
        with pytest.raises(ValueError, match=r"metric a.shape is \(2,\); it must be of one"):
            writer.scalars(3, {"a": jnp.zeros(2)})
        with pytest.raises(ValueError, match="step is 1; it must be at least 2"):
            writer.scalars(1, {"a": 1.0})
        with pytest.raises(ValueError, match="metric step: the name is taken"):
            writer.scalars(3, {"step": 1.0})
    assert read_metrics(tmp_path / "metrics.jsonl") == [{"step": 2, "a": 1.0}]


def test_a_logged_step_waits_for_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now, synced = [0.0], list[int]()
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(os, "fsync", synced.append)
    metrics = {f"loss/{i}": np.float32(i / 7) for i in range(10)}
    with MetricWriter(tmp_path) as writer:
        for step in range(200):
            writer.scalars(step, metrics)
        assert not synced
        now[0] = 3600.0
        writer.scalars(200, metrics)
        writer.scalars(201, metrics)
        assert len(set(synced)) == len(synced) == 2  # the lines, and the events


def test_grid_places_scales_and_pads() -> None:
    images = np.stack([np.full((2, 2, 1), value, np.float32) for value in (-1.0, 0.0, 1.0)])
    grid = image_grid(images, columns=2, pad=1, scale=1)
    white, black, gray = 255, 0, 128
    expected = np.array(
        [
            [white] * 7,
            [white, black, black, white, gray, gray, white],
            [white, black, black, white, gray, gray, white],
            [white] * 7,
            [white] * 7,
            [white] * 7,
            [white] * 7,
        ]
    )
    np.testing.assert_array_equal(grid[..., 0], expected)
    np.testing.assert_array_equal(
        image_grid(images, columns=2, scale=3), np.kron(grid, np.ones((3, 3, 1), np.uint8))
    )
    # 16 digits of 8x8: 4 x 4 tiles of 64 pixels, with borders of 8.
    assert image_grid(np.zeros((16, 8, 8, 3), np.uint8)).shape == (296, 296, 3)


def test_grid_takes_both_types_and_clips() -> None:
    values = np.array([-3.0, -1.0, -0.5, 0.5, 1.0, 7.0, np.nan]).reshape(7, 1, 1, 1)
    grid = image_grid(values, columns=7, pad=0, scale=1)
    assert grid.ravel().tolist() == [0, 0, 64, 191, 255, 255, 0]
    raw = np.arange(7, dtype=np.uint8).reshape(7, 1, 1, 1)
    assert image_grid(raw, columns=7, pad=0, scale=1).ravel().tolist() == list(range(7))


@pytest.mark.parametrize(
    ("images", "options", "message"),
    [
        (np.zeros((4, 8, 8)), {}, r"images.shape is \(4, 8, 8\)"),
        (np.zeros((4, 8, 8, 2)), {}, r"images.shape is \(4, 8, 8, 2\)"),
        (np.zeros((0, 8, 8, 1)), {}, "not empty"),
        (np.zeros((4, 8, 8, 1), int), {}, "images.dtype is int64; it must be uint8 or floats"),
        (np.zeros((4, 8, 8, 1)), {"columns": 0}, "columns is 0; it must be at least 1"),
        (np.zeros((4, 8, 8, 1)), {"pad": -1}, "pad is -1; it must be at least 0"),
    ],
)
def test_grid_refuses(images: np.ndarray, options: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        image_grid(images, **options)


@pytest.mark.parametrize("shape", [(4, 5, 3), (4, 5, 1), (4, 5)])
def test_png_holds_the_pixels(tmp_path: Path, shape: tuple[int, ...]) -> None:
    pixels = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    save_png(tmp_path / "new" / "a.png", pixels)
    found = read_png(tmp_path / "new" / "a.png")
    np.testing.assert_array_equal(found, pixels[..., 0] if shape[-1] == 1 else pixels)
    with pytest.raises(ValueError, match=r"pixels is float64\[4, 4\]; it must be uint8"):
        save_png(tmp_path / "new" / "a.png", np.zeros((4, 4)))
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.png"]


def count_red(image: np.ndarray) -> int:
    pixels = image.astype(int)
    return int((pixels[..., 0] - pixels[..., 1] > 40).sum())


def test_scatter_shows_samples_inside_the_window() -> None:
    real = np.random.default_rng(0).normal(size=(500, 2))
    near = scatter(real[:200] * 0.5, real, title="step 3")
    far = scatter(real[:200] + 1e6, real, title="step 3")
    assert count_red(near) > 20 * count_red(far)
    with pytest.raises(ValueError, match=r"fake_points.shape is \(3, 3\)"):
        scatter(np.zeros((3, 3)), real)


def test_curves_draw_every_metric(tmp_path: Path) -> None:
    with MetricWriter(tmp_path) as writer:
        for step in range(300):
            losses = {"loss/gen": 1 + step / 300, "loss/disc": np.nan if step > 200 else 1.0}
            spread = {"std/loss/gen": 0.1, "std/alone": 1.0}
            fid = {"fid": 100 / (1 + step)} if step % 50 == 0 else {}
            writer.scalars(step, losses | spread | fid | {"grad_norm/gen": np.inf})
    found = save_curves(tmp_path / "curves", tmp_path / "metrics.jsonl")
    shapes = {path.name: read_png(path).shape[:2] for path in found}
    # Three panels of signals, under a title: std/alone, fid and grad_norm, two by two.
    assert shapes == {"losses.png": (320, 520), "signals.png": (670, 1040)}
    (tmp_path / "metrics.jsonl").write_text('{"step": 1}\n')
    assert save_curves(tmp_path / "none", tmp_path / "metrics.jsonl") == []


def test_curves_are_in_files_by_their_kind_without_the_speeds_of_a_start(tmp_path: Path) -> None:
    with MetricWriter(tmp_path) as writer:
        for step in range(10):
            speed = 0.0 if step in (0, 6) else 50.0  # 0 where nothing was measured yet
            row = {"loss/gen": 0.0, "disc/r1": 1.0, "steps_per_second": speed, "data_wait": 0.0}
            writer.scalars(step, row | ({"eval/fd": 3.0} if step == 5 else {}))
    found = save_curves(tmp_path / "curves", tmp_path / "metrics.jsonl")
    assert [path.name for path in found] == ["losses.png", "scores.png", "signals.png", "speed.png"]
    sizes = [read_png(path).shape[:2] for path in found]
    assert sizes == [(320, 520), (320, 520), (320, 520), (350, 1040)]  # two have a title above
    curves = curves_of(read_metrics(tmp_path / "metrics.jsonl"))
    for name in ("steps_per_second", "data_wait"):
        assert curves[name][0].tolist() == [1, 2, 3, 4, 5, 7, 8, 9]
    assert set(curves["steps_per_second"][1]) == {50.0}
    assert len(curves["loss/gen"][0]) == 10  # a loss may well be 0


def test_every_metric_of_the_docs_has_a_panel_and_a_meaning() -> None:
    page = (Path(__file__).parents[2] / "docs" / "run_folder.md").read_text()
    rows = page.partition("| metric | |")[2].partition("\n\n")[0].splitlines()
    names = {name for row in rows for name in re.findall(r"`([a-z_0-9/]+)`", row.split(" | ")[0])}
    assert len(names) >= 15
    assert [name for name in names if not meaning(name)] == []
    assert {name for panel in panels(names) for name in panel.names} == names


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_plain_progress_lines(clock: list[float]) -> None:
    stream = io.StringIO()
    with Progress(6000, 1000, images_per_step=64, every_seconds=5, stream=stream) as progress:
        for step in range(1001, 1101):
            clock[0] += 0.125
            progress.update(step, {"loss/gen": jnp.float32(0.7123), "gp": 1.0, "loss/disc": 1.32})
    # 0.125 s a step is 8 steps/s and 512 images/s; a line every 40 steps; the last one on leaving.
    assert stream.getvalue().splitlines() == [
        "step 1001/6000  loss/gen 0.7123  loss/disc 1.32",
        "step 1041/6000  loss/gen 0.7123  loss/disc 1.32  512 images/s  8 steps/s  left 10:20",
        "step 1081/6000  loss/gen 0.7123  loss/disc 1.32  512 images/s  8 steps/s  left 10:15",
        "step 1100/6000  loss/gen 0.7123  loss/disc 1.32  512 images/s  8 steps/s  left 10:13",
    ]


def test_progress_reads_no_metric_it_does_not_show(clock: list[float]) -> None:
    class Poison:
        def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray:
            raise RuntimeError("the device failed")

    stream = io.StringIO()
    with Progress(10, stream=stream) as progress:
        progress.update(1, {"loss/gen": np.array([1.0, 2.0])})
        progress.update(2, {"loss/gen": Poison()})
        progress.update(10, {})
    assert stream.getvalue().splitlines() == ["step 1/10  loss/gen 1.5", "step 10/10"]


def test_progress_does_not_hide_the_error_of_a_run(clock: list[float]) -> None:
    def fail() -> None:
        with Progress(10, stream=io.StringIO()) as progress:
            progress.update(1, {})
            progress.update(2, {"loss/gen": "not a number"})
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        fail()


def test_live_progress_ends_on_the_last_step() -> None:
    stream = Terminal()
    with Progress(3, stream=stream) as progress:
        for step in (1, 2, 3):
            progress.update(step, {"loss/gen": 0.5})
    assert "step 3/3  loss/gen 0.5" in stream.getvalue()


def rows_of(stream: io.StringIO) -> list[str]:
    """What a terminal was shown, row by row, without its codes."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())
    return [row.rstrip() for row in re.split(r"[\r\n]+", text)]


def test_the_bar_is_one_row_with_what_matters_first(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    stream = Terminal()
    metrics = {f"loss/a_long_name_{number}": 0.123456 for number in range(3)}
    with Progress(600_000, images_per_step=4096, stream=stream) as progress:
        for step in (1000, 2000, 3000):
            clock[0] += 10.0
            progress.update(step, metrics)
    shown = rows_of(stream)
    assert max(map(len, shown)) <= 80
    last = [row for row in shown if "step" in row][-1]
    assert last.split("  ")[0].endswith(" 0%")
    assert last.split("  ")[1:] == [
        "left 1:39:30",
        "step 3000/600000",
        "loss/a_long_name_0 0.1235",
    ]


def test_what_is_logged_stands_above_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    logger = logging.getLogger("jaxgan.test")
    handler = Handler()
    monkeypatch.setattr(logger, "handlers", [handler])
    with Progress(4) as progress:
        progress.update(1, {"loss/gen": 0.5})
        logger.warning("step 1: a warning of the watch")
        progress.update(2, {"loss/gen": 0.5})
    assert sys.stderr is stream
    assert "step 1: a warning of the watch" in rows_of(stream)


def test_titles_stand_over_their_columns() -> None:
    grid = np.zeros((20, 300, 3), np.uint8)
    titled = with_titles(grid, ["i", "a name that is much too long for its column", ""])
    assert titled.shape == (36, 300, 3)
    np.testing.assert_array_equal(titled[16:], grid)
    ink = (titled[:16] < 128).any(axis=(0, 2)).reshape(3, 100).sum(axis=1)
    assert 0 < ink[0] < 10 < ink[1] < 100
    assert ink[2] == 0
    assert with_titles(grid, []) is grid


def test_words_stand_around_a_picture() -> None:
    grid = np.zeros((60, 200, 1), np.uint8)
    whole = lettered(grid, title="ψ " * 60, columns=["a", ""], rows=["one", "two", ""])
    left, top = whole.shape[1] - 200, whole.shape[0] - 60
    np.testing.assert_array_equal(whole[top:, left:], grid)
    lines = (top - 16) // 16
    assert lines > 1
    ink = whole[..., 0] < 128
    # Something in each line of the title, over the first column, and before two of three rows.
    assert [bool(part.any()) for part in np.split(ink[: 16 * lines], lines)] == [True] * lines
    assert [bool(part.any()) for part in np.split(ink[top - 16 : top, left:], 2, axis=1)] == [1, 0]
    assert [bool(part.any()) for part in np.split(ink[top:, :left], 3)] == [1, 1, 0]
    # The font has the letter: it is not the box for those that are missing.
    boxes = [lettered(np.zeros((1, 20, 1), np.uint8), title=one)[:16] for one in ("ψ", "\uffff")]
    assert (boxes[0] != boxes[1]).any()
