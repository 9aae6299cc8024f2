"""A data set of your own, as image files in a folder."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from jaxgan.core.errors import DataError
from jaxgan.core.ranges import checked
from jaxgan.data.arrays import DECODE_LIMIT_BYTES
from jaxgan.data.encoded import ClassOrder, Pictures, picture_source
from jaxgan.data.files import (
    SUFFIXES,
    PassedOver,
    digest,
    list_folder,
    list_tree,
    natural,
    summaries,
)
from jaxgan.data.images import Channels, Side
from jaxgan.data.source import Bytes, Source


@checked
def folder(
    path: str | os.PathLike[str],
    *,
    image_size: Side | None = None,
    channels: Channels = 3,
    labels: bool = True,
    class_order: ClassOrder = "natural",
    decode_limit_bytes: Bytes = DECODE_LIMIT_BYTES,
) -> Source:
    """Opens a folder of images; when it has sub-folders, each of them is a class.

    Files are read in the order of their names, whatever the machine. Links are followed. Hidden
    files and folders, other suffixes and what systems leave behind (`__MACOSX`, `@eaDir`) are
    passed over. Pictures are turned as their EXIF orientation says, and transparent ones laid on
    white. With `image_size`, the shorter side is resized to it (LANCZOS, antialiased) and the
    centre is cropped.

    Args:
      path: the folder; images lie in it, or below its sub-folders, but not both.
      image_size: side in pixels; needed when sizes differ, else None keeps the images' own.
      channels: 1 (grey) or 3 (RGB).
      labels: whether sub-folders become labels, numbered in the order of their names.
      class_order: `"natural"` for 1, 2, 10; `"text"` for 1, 10, 2.
      decode_limit_bytes: up to this size the decoded set is held in memory.

    Returns:
      A `Source`.

    Raises:
      ValueError: an option out of its range.
      DataError: the folder is missing or empty, or files in it are no readable images: all of
        them are named.

    >>> import tempfile
    >>> from PIL import Image
    >>> path = tempfile.mkdtemp()
    >>> Image.new("RGB", (6, 4)).save(os.path.join(path, "black.png"))
    >>> folder(path, image_size=4).element_spec["image"].shape
    (4, 4, 3)
    """
    name, root = f"folder:{os.fspath(path)}", Path(os.path.expanduser(path))
    return picture_source(
        name,
        list_pictures(name, root, class_order),
        image_size=image_size,
        channels=channels,
        labels=labels,
        decode_limit_bytes=decode_limit_bytes,
    )


def list_pictures(name: str, root: Path, class_order: ClassOrder = "natural") -> Pictures:
    """What `folder` reads, before it is read.

    Args:
      name: of the source, for messages.
      root: the folder.
      class_order: as of `folder`.

    Returns:
      The files, and their classes where there are sub-folders.

    Raises:
      DataError: the folder is missing or empty.
    """
    files, classes, class_names, passed_over = _list(name, root, class_order)
    return Pictures(
        files=files,
        classes=classes if class_names else None,
        class_names=tuple(class_names),
        digest=digest(files, [root]),
        passed_over=summaries(passed_over),
    )


def _list(
    name: str, path: Path, class_order: ClassOrder
) -> tuple[list[Path], np.ndarray, list[str], list[PassedOver]]:
    """The image files, the class of each, the classes' names (none: unlabelled), and the rest."""
    if not path.is_dir():
        raise DataError(f"{name}: no such folder; it must be one of {', '.join(SUFFIXES)} files")
    here, *_ = found = list_folder(path)
    passed_over = found.passed_over
    folders = list(found.folders)
    if class_order == "natural":
        folders.sort(key=lambda entry: natural(entry.name))
    below = {entry: list_tree(entry) for entry in folders}
    empty = [entry for entry in folders if not below[entry].images]
    passed_over += [one for listing in below.values() for one in listing.passed_over]
    if here and len(empty) < len(folders):
        raise DataError(
            f"{name}: {len(here)} images beside {len(folders)} sub-folders; images must be "
            "in sub-folders (classes), or all in the folder (no classes)"
        )
    if here:
        passed_over += [PassedOver("folder without images", entry) for entry in empty]
        return here, np.zeros(len(here), int), [], passed_over
    if len(empty) == len(folders):
        raise DataError(f"{name}: no image in it; there must be {', '.join(SUFFIXES)} files")
    if empty:
        raise DataError(f"{name}: no image in sub-folder {empty[0].name!r}; each must have one")
    counts = [len(below[entry].images) for entry in folders]
    files = [file for entry in folders for file in below[entry].images]
    labels = np.repeat(np.arange(len(folders)), counts)
    return files, labels, [entry.name for entry in folders], passed_over
