"""TFRecord files without TensorFlow: records with checksums, each a `tf.train.Example`."""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jaxgan.files.base import reading

MAX_RECORD_BYTES = 2**30
HEAD_BYTES, TAIL_BYTES = 12, 4
"""In front of a record its length and that one's checksum; behind it its own."""


def records(path: Path) -> Iterator[tuple[int, bytes]]:
    """The records of a file, one after another.

    Args:
      path: the file, not compressed.

    Yields:
      (where it begins, its bytes).

    Raises:
      FileError: if it is damaged, truncated, compressed, or no such file.
      OSError: if it cannot be read.
      ImportError: if `google-crc32c` is not installed.

    References:
      https://www.tensorflow.org/tutorials/load_data/tfrecord
    """
    with path.open("rb") as file, reading(path, "a TFRecord file, which must not be compressed"):
        offset = 0
        while head := file.read(HEAD_BYTES):
            size = _size(head)
            yield offset + HEAD_BYTES, _checked(file.read(size + TAIL_BYTES), size)
            offset += HEAD_BYTES + size + TAIL_BYTES


def is_tfrecord(head: bytes) -> bool:
    """Whether a file begins as one of records.

    Args:
      head: its first bytes.

    Returns:
      Whether they are a length with its checksum; False where the library to tell is not there.

    >>> is_tfrecord(bytes(12))
    False
    """
    try:
        _size(head[:HEAD_BYTES])
    except (ValueError, ImportError):
        return False
    return True


def read_record(path: Path, offset: int, size: int) -> bytes:
    """One record.

    Args:
      path: the file.
      offset: where it begins, as `records` tells.
      size: how many bytes it has.

    Returns:
      Its bytes.

    Raises:
      FileError: if it is damaged.
      OSError: if it cannot be read.
    """
    with path.open("rb", buffering=0) as file, reading(path, "a TFRecord file"):
        file.seek(offset)
        return _checked(file.read(size + TAIL_BYTES), size)


def parse_example(record: bytes) -> dict[str, list[Any]]:
    """The features of a `tf.train.Example`.

    Args:
      record: as `records` gives it.

    Returns:
      Lists of bytes, floats or integers by name.

    Raises:
      ValueError: if it is none.

    >>> parse_example(bytes.fromhex("0a 0c 0a 0a 0a 01 61 12 05 1a 03 0a 01 07"))
    {'a': [7]}
    """
    from google.protobuf.message import DecodeError

    example = _example_class()()
    try:
        example.ParseFromString(record)
    except DecodeError as error:
        raise ValueError("a record is no tf.train.Example") from error
    found = {}
    for name, feature in example.features.feature.items():
        kind = feature.WhichOneof("kind")
        found[name] = list(getattr(feature, kind).value) if kind else []
    return found


@functools.cache
def _example_class() -> Any:
    """The message of tensorflow/core/example/example.proto, known to nobody but this module."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    Field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="example.proto", package="a", syntax="proto3")

    def message(parent: Any, name: str, fields: list[tuple[str, int, int, str]]) -> Any:
        made = parent.add(name=name)
        for field, label, kind, of in fields:
            made.field.add(
                name=field, number=len(made.field) + 1, label=label, type=kind, type_name=of or None
            )
        return made

    one, many, inner = Field.LABEL_OPTIONAL, Field.LABEL_REPEATED, Field.TYPE_MESSAGE
    lists = {"Bytes": Field.TYPE_BYTES, "Float": Field.TYPE_FLOAT, "Int64": Field.TYPE_INT64}
    for name, kind in lists.items():
        message(file.message_type, f"{name}List", [("value", many, kind, "")])
    kinds = [(f"{name.lower()}_list", one, inner, f".a.{name}List") for name in lists]
    feature = message(file.message_type, "Feature", kinds)
    feature.oneof_decl.add(name="kind")
    for field in feature.field:
        field.oneof_index = 0
    features = message(
        file.message_type, "Features", [("feature", many, inner, ".a.Features.FeatureEntry")]
    )
    entry = [("key", one, Field.TYPE_STRING, ""), ("value", one, inner, ".a.Feature")]
    message(features.nested_type, "FeatureEntry", entry).options.map_entry = True
    message(file.message_type, "Example", [("features", one, inner, ".a.Features")])
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("a.Example"))


def _size(head: bytes) -> int:
    if len(head) != HEAD_BYTES:
        raise ValueError("it is truncated")
    size: int
    size, checksum = struct.unpack("<QI", head)
    if checksum != _masked(head[:8]) or size > MAX_RECORD_BYTES:
        raise ValueError("the length of a record is damaged")
    return size


def _checked(content: bytes, size: int) -> bytes:
    if len(content) != size + TAIL_BYTES:
        raise ValueError("it is truncated")
    record = content[:size]
    if struct.unpack("<I", content[size:])[0] != _masked(record):
        raise ValueError("the checksum of a record is another")
    return record


def _masked(content: bytes) -> int:
    import google_crc32c

    crc = int(google_crc32c.value(content))
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
