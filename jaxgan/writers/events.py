"""TensorBoard event files: written in step with the run, and cut back when it goes back.

tensorboardX's `SummaryWriter` hands events to a thread through a queue, so its `flush` does not
say that they are on the disk. Here its encoders are used and the file is written directly.
"""

from __future__ import annotations

import logging
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from google.protobuf.message import DecodeError
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.proto.summary_pb2 import Summary
from tensorboardX.record_writer import RecordWriter, masked_crc32c
from tensorboardX.summary import image, text

from jaxgan.core.text import escaped
from jaxgan.files.atomic import naming, replacing
from jaxgan.writers.checksum import masked_checksum

_LOGGER = logging.getLogger(__name__)
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

    def text(self, step: int, tag: str, content: str) -> None:
        """Writes a text."""
        self._write(step, summary=text(tag, content))

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

    Damaged records are dropped too, with a warning; a torn last one without.

    Args:
      directory: where event files lie; may be missing.
      last_step: the last step that stays; None removes the files.
    """
    for path in sorted(directory.glob("*tfevents*")):
        if last_step is None:
            path.unlink()
            continue
        kept = [
            (data, event)
            for data, event in read_events(path, _LOGGER.warning)
            if event.step <= last_step
        ]
        if not any(event.HasField("summary") for _, event in kept):
            path.unlink()
        elif path.stat().st_size != sum(_HEADER_BYTES + len(data) + 4 for data, _ in kept):
            with replacing(path) as temporary:
                writer = RecordWriter(str(temporary))
                for data, _ in kept:
                    writer.write(data)
                writer.close()


def read_events(path: Path, tell: Callable[[str], None]) -> Iterator[tuple[bytes, Event]]:
    """The undamaged events of a file.

    Args:
      path: an event file: records of length, checksum, data and checksum (TFRecord).
      tell: is given a line if some are damaged. A last one that a crash has torn is none.

    Yields:
      (serialised event, event).
    """
    content = path.read_bytes()
    at = num_damaged = 0
    while (found := _next_record(content, at)) is not None:
        start, end = found
        num_damaged += start > at
        data = content[start + _HEADER_BYTES : end - 4]
        (checksum,) = struct.unpack("<I", content[end - 4 : end])
        event = Event()
        try:
            if masked_checksum(data) != checksum:
                raise DecodeError("its checksum is another")
            event.MergeFromString(data)
        except DecodeError:
            num_damaged += 1
        else:
            yield data, event
        at = end
    if at < len(content) and not _is_torn(content[at:]):
        num_damaged += 1
    if num_damaged:
        tell(f"{escaped(str(path))}: damaged in {num_damaged} places; those records are left out")


def _next_record(content: bytes, at: int) -> tuple[int, int] | None:
    """Where the next whole record begins and ends, whatever is before it."""
    while at + _HEADER_BYTES + 4 <= len(content):
        length, checksum = struct.unpack_from("<QI", content, at)
        end = at + _HEADER_BYTES + length + 4
        is_within = length > 0 and end <= len(content)
        if is_within and masked_crc32c(content[at : at + 8]) == checksum:
            return at, end
        # No record has 2^32 bytes, so the next header has four zeros in its length.
        zeros = content.find(bytes(4), at + 5)
        if zeros < 0:
            return None
        at = zeros - 4
    return None


def _is_torn(rest: bytes) -> bool:
    """Whether a record that is right as far as it goes is cut off by the end of the file."""
    if len(rest) < _HEADER_BYTES:
        return True
    length, checksum = struct.unpack_from("<QI", rest)
    is_record: bool = masked_crc32c(rest[:8]) == checksum and len(rest) < _HEADER_BYTES + length + 4
    return is_record
