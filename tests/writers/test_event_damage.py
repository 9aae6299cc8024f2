"""Damaged event files: what is damaged is dropped with a warning, and nothing else is."""

from __future__ import annotations

import logging
import struct
from pathlib import Path

import numpy as np
import pytest
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.summary_pb2 import Summary
from tensorboardX.record_writer import RecordWriter, masked_crc32c

from jaxgan.writers import MetricWriter
from jaxgan.writers.checksum import masked_checksum
from jaxgan.writers.events import drop_later_events, read_events

NUM_EVENTS = 6


def written(path: Path) -> bytes:
    """Six events of five tags each, after the one that says which version the file has."""
    writer = RecordWriter(str(path))
    writer.write(Event(wall_time=1.0, file_version="brain.Event:2").SerializeToString())
    for step in range(1, NUM_EVENTS + 1):
        values = [Summary.Value(tag=f"loss/{i}", simple_value=step / 3) for i in range(5)]
        event = Event(step=step, wall_time=float(step), summary=Summary(value=values))
        writer.write(event.SerializeToString())
    writer.close()
    return path.read_bytes()


def steps_of(path: Path) -> list[int]:
    told: list[str] = []
    steps = [event.step for _, event in read_events(path, told.append) if event.HasField("summary")]
    assert not told
    return steps


def test_one_changed_byte_costs_one_event(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "events.tfevents.1"
    content = written(path)
    last = len(content) - len(content) // (NUM_EVENTS + 1)
    draw = np.random.default_rng(0)
    for at in draw.integers(last, size=60).tolist():
        changed = bytearray(content)
        changed[at] ^= 1 << int(draw.integers(8))
        path.write_bytes(changed)
        caplog.clear()
        with caplog.at_level(logging.WARNING, logger="jaxgan"):
            drop_later_events(tmp_path, NUM_EVENTS - 1)
        (line,) = caplog.messages
        assert line.startswith(f"{path}: damaged in ")
        assert len(steps_of(path)) >= NUM_EVENTS - 2


def test_a_resumed_run_goes_on_beside_a_damaged_file(tmp_path: Path) -> None:
    with MetricWriter(tmp_path) as writer:
        for step in (1, 2, 3):
            writer.scalars(step, {"loss/gen": 0.5 * step})
    (path,) = (tmp_path / "tensorboard").iterdir()
    content = bytearray(path.read_bytes())
    content[content.index(b"loss/gen")] ^= 0x80  # no UTF-8 any more: the protocol buffer is wrong
    path.write_bytes(content)
    MetricWriter(tmp_path, resume_step=3).close()
    assert steps_of(path) == [2, 3]


HOSTILE = {
    "nothing": b"",
    "zeros": bytes(10**5),
    "noise": np.random.default_rng(0).bytes(10**5),
    "a length of 10^15": struct.pack("<Q", 10**15)
    + struct.pack("<I", masked_crc32c(struct.pack("<Q", 10**15)))
    + bytes(20),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_of_anything_stops_nothing(tmp_path: Path, name: str) -> None:
    path = tmp_path / "events.tfevents.1"
    path.write_bytes(HOSTILE[name])
    drop_later_events(tmp_path, 10)
    assert not path.exists()  # there is no event in it
    path.write_bytes(HOSTILE[name] + written(tmp_path / "other"))
    drop_later_events(tmp_path, 10)
    assert steps_of(path) == list(range(1, NUM_EVENTS + 1))


def test_a_torn_end_is_no_damage(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "events.tfevents.1"
    content = written(path)
    for lost in (1, 5, 50):
        path.write_bytes(content[:-lost])
        with caplog.at_level(logging.WARNING, logger="jaxgan"):
            drop_later_events(tmp_path, NUM_EVENTS)
        assert steps_of(path) == list(range(1, NUM_EVENTS))
    assert not caplog.messages


@pytest.mark.parametrize("size", [0, 1, 9, 4095, 4096, 4097, 10_000, 65_537])
def test_the_checksum_is_that_of_tensorboard(size: int) -> None:
    data = np.random.default_rng(size).bytes(size)
    assert masked_checksum(data) == masked_crc32c(data)
