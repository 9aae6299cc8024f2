"""A data set of your own, as image files in one tar archive."""

from __future__ import annotations

import os

import numpy as np

from jaxgan.core.ranges import checked
from jaxgan.data.archive import arrange, digest
from jaxgan.data.arrays import DECODE_LIMIT_BYTES
from jaxgan.data.encoded import ClassOrder, Pictures, picture_source
from jaxgan.data.images import Channels, Side
from jaxgan.data.parts import parts_of
from jaxgan.data.paths import existing_file
from jaxgan.data.source import Bytes, Source
from jaxgan.files.part import read_part
from jaxgan.files.tar_file import tar_entries


@checked
def tar_archive(
    path: str | os.PathLike[str],
    *,
    image_size: Side | None = None,
    channels: Channels = 3,
    labels: bool = True,
    class_order: ClassOrder = "natural",
    decode_limit_bytes: Bytes = DECODE_LIMIT_BYTES,
) -> Source:
    """Opens the images of a tar archive, without unpacking it; else as `zip_archive`.

    Args:
      path: the archive, not compressed. Links in it are left out.
      image_size: as of `folder`.
      channels: as of `folder`.
      labels: whether to use the classes, if there are any.
      class_order: as of `folder`, of classes that are folders.
      decode_limit_bytes: up to this size the decoded set is held in memory.

    Returns:
      A `Source`.

    Raises:
      ValueError: an option out of its range.
      DataError: as `zip_archive`.
      FileError: the archive is damaged or compressed.

    >>> import tarfile, tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> folder = Path(tempfile.mkdtemp())
    >>> Image.new("RGB", (6, 4)).save(folder / "0.png")
    >>> with tarfile.open(folder / "a.tar", "w") as archive:
    ...     archive.add(folder / "0.png", "cat/0.png")
    ...     archive.add(folder / "0.png", "dog/0.png")
    >>> tar_archive(folder / "a.tar").class_names
    ('cat', 'dog')
    """
    name = f"tar:{os.fspath(path)}"
    return picture_source(
        name,
        tar_pictures(name, path, class_order),
        image_size=image_size,
        channels=channels,
        labels=labels,
        decode_limit_bytes=decode_limit_bytes,
    )


def tar_pictures(
    name: str, path: str | os.PathLike[str], class_order: ClassOrder = "natural"
) -> Pictures:
    """What `tar_archive` reads, before it is read.

    Args:
      name: of the source, for messages.
      path: the archive.
      class_order: as of `tar_archive`.

    Returns:
      The pictures, whose index is their names, places and sizes.

    Raises:
      DataError: as `tar_archive`.
      FileError: likewise.
    """
    file = existing_file(name, path, ".tar")
    # A file that is there twice was added again later: the last is what unpacking leaves.
    entries = list({entry.name: entry for entry in tar_entries(file)}.values())

    def load(number: int) -> bytes:
        return read_part(file, entries[number].offset, entries[number].size)

    found = arrange(name, [entry.name for entry in entries], load, class_order)
    names = [entries[number].name for number in found.entries]
    places = np.array([entries[number][1:] for number in found.entries])
    return Pictures(
        files=parts_of([file], np.zeros(len(names), int), names, places),
        classes=found.classes,
        class_names=found.class_names,
        digest=digest(names, places[:, 1].tolist()),
        passed_over=found.passed_over,
    )
