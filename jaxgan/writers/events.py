"""TensorBoard event files: written in step with the run, and cut back when it goes back.

tensorboardX's `SummaryWriter` hands events to a thread through a queue, so its `flush` does not
say that they are on the disk. Here its encoders are used and the file is written directly.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.proto.summary_pb2 import Summary
from tensorboardX.record_writer import RecordWriter, masked_crc32c
from tensorboardX.summary import image

from jaxgan.writers.atomic import naming, replacing

_HEADER_BYTES = 12  # the record's length in 8 bytes and their checksum in 4


class EventWriter:
    """Appends to one new event file.

    Args:
      directory: where event files lie; created.
      purge_step: tells a TensorBoard that has read older files to forget this step and later ones.
    """

    def __init__(self, directory: Path, *, purge_step: int | None = None) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        # Without a suffix two writers of one second truncate each other's file.
        with naming(directory):
            self._writer = EventsWriter(str(directory / "events"), f".{time.time_ns()}")
        if purge_step is not None:
            self._write(purge_step, session_log=SessionLog(status=SessionLog.START))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Writes all scalars of a step in one event."""
        entries = [Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]
        self._write(step, summary=Summary(value=entries))

    def image(self, step: int, tag: str, pixels: np.ndarray) -> None:
        """Writes a uint8 picture of shape [height, width, channels]."""
        self._write(step, summary=image(tag, pixels, dataformats="HWC"))

    def flush(self) -> None:
        """Returns when everything is on the disk."""
        with naming(self._directory):
            self._writer.flush()

    def close(self) -> None:
        """Flushes and closes the file."""
        with naming(self._directory):
            self._writer.close()

    def _write(self, step: int, **content: object) -> None:
        with naming(self._directory):
            self._writer.write_event(Event(step=step, wall_time=time.time(), **content))


def drop_later_events(directory: Path, last_step: int | None) -> None:
    """Rewrites the event files in `directory` without the events after `last_step`.

    Args:
      directory: where event files lie; may be missing.
      last_step: the last step that stays; None removes the files.
    """
    for path in sorted(directory.glob("*tfevents*")):
        records = list(read_records(path))
        kept = [data for data in records if _stays(Event.FromString(data), last_step)]
        if not any(Event.FromString(data).HasField("summary") for data in kept):
            path.unlink()
        elif len(kept) < len(records) or path.stat().st_size != _file_bytes(records):
            with replacing(path) as temporary:
                writer = RecordWriter(str(temporary))
                for data in kept:
                    writer.write(data)
                writer.close()


def read_records(path: Path) -> Iterator[bytes]:
    """The serialised events of a file, up to the end or to the first torn record.

    Args:
      path: an event file: records of length, checksum, data and checksum (TFRecord).

    Yields:
      Each record's data.
    """
    with path.open("rb") as file:
        while len(header := file.read(_HEADER_BYTES)) == _HEADER_BYTES:
            length, checksum = struct.unpack("<QI", header)
            if masked_crc32c(header[:8]) != checksum:
                return
            data = file.read(length)
            if len(data) < length or len(file.read(4)) < 4:
                return
            yield data


def _stays(event: Event, last_step: int | None) -> bool:
    return last_step is not None and event.step <= last_step


def _file_bytes(records: list[bytes]) -> int:
    return sum(_HEADER_BYTES + len(data) + 4 for data in records)
