"""A data set of your own, as image files in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from jaxgan.data.arrays import DECODE_LIMIT_BYTES, Decoded, decoded_source, with_progress
from jaxgan.data.images import check_image_size, convert_channels, resize_and_crop, to_array
from jaxgan.data.source import DataError, Source, check_flag

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".webp")


def folder(
    path: str | os.PathLike[str],
    *,
    image_size: int | None = None,
    channels: int = 3,
    labels: bool = True,
    decode_limit_bytes: int = DECODE_LIMIT_BYTES,
) -> Source:
    """Opens a folder of images; when it has sub-folders, each of them is a class.

    Files are read in the order of their names, whatever the machine. Hidden files and other
    suffixes are passed over. Transparent images are laid on white. With `image_size`, the shorter
    side is resized to it (LANCZOS, antialiased) and the centre is cropped.

    Args:
      path: the folder; images lie in it, or below its sub-folders, but not both.
      image_size: side in pixels; needed when sizes differ, else None keeps the images' own.
      channels: 1 (grey) or 3 (RGB).
      labels: whether sub-folders become labels, numbered in the order of their names.
      decode_limit_bytes: up to this size the decoded set is held in memory.

    Returns:
      A `Source`.

    Raises:
      ValueError: an option out of its range.
      DataError: the folder is missing or empty, or a file in it is not a readable image.

    >>> import tempfile
    >>> path = tempfile.mkdtemp()
    >>> Image.new("RGB", (6, 4)).save(os.path.join(path, "black.png"))
    >>> folder(path, image_size=4).element_spec["image"].shape
    (4, 4, 3)
    """
    image_size, labels = check_image_size(image_size), check_flag("labels", labels)
    if isinstance(channels, bool) or channels not in (1, 3):
        raise ValueError(f"channels: {channels!r}; allowed: 1 or 3")
    name = f"folder:{os.fspath(path)}"
    files, classes, class_names = _list(name, Path(path))
    height, width = (image_size, image_size) if image_size else _common_size(name, files)

    def decode_one(file: Path) -> np.ndarray:
        image = open_picture(name, file, channels)
        return to_array(image if image_size is None else resize_and_crop(image, image_size))

    def decode(indices: np.ndarray) -> Decoded:
        return np.stack([decode_one(files[index]) for index in indices]), classes[indices]

    return decoded_source(
        name,
        decode,
        (len(files), height, width, channels),
        num_classes=len(class_names) if labels and class_names else None,
        class_names=class_names,
        decode_limit_bytes=decode_limit_bytes,
    )


def _list(name: str, path: Path) -> tuple[list[Path], np.ndarray, list[str]]:
    """Returns the image files, the class of each, and the classes' names (none: unlabelled)."""
    if not path.is_dir():
        raise DataError(f"{name}: no such folder; allowed: a folder of {', '.join(SUFFIXES)} files")
    here = list_images(path.iterdir())
    folders = sorted(
        entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith(".")
    )
    files: list[Path] = []
    classes: list[int] = []
    for number, entry in enumerate(folders):
        found = list_images(entry.rglob("*"))
        if not found:
            raise DataError(
                f"{name}: no image in sub-folder {entry.name!r}; "
                "allowed: at least one per sub-folder"
            )
        files += found
        classes += [number] * len(found)
    if here and files:
        raise DataError(
            f"{name}: {len(here)} images beside {len(folders)} sub-folders; allowed: images "
            "in sub-folders (classes), or all in the folder (no classes)"
        )
    if not here and not files:
        raise DataError(f"{name}: no image in it; allowed: {', '.join(SUFFIXES)} files")
    labels = np.array(classes or [0] * len(here))
    return (here or files), labels, [entry.name for entry in folders]


def open_picture(name: str, file: Path, channels: int) -> Image.Image:
    """Reads one image file.

    Args:
      name: of the source, for messages.
      file: where it lies.
      channels: 1 (grey) or 3 (RGB).

    Returns:
      A Pillow image; what is transparent is laid on white.

    Raises:
      DataError: if the file cannot be read.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "black.png"
    >>> Image.new("RGB", (6, 4)).save(file)
    >>> open_picture("black", file, 1).size
    (6, 4)
    """
    try:
        with Image.open(file) as opened:
            return convert_channels(opened, channels)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise _unreadable(name, file, error) from error


def list_images(entries: Iterable[Path]) -> list[Path]:
    """Those of some paths that are image files, sorted; hidden files are passed over.

    >>> list_images([Path("none.png"), Path("notes.txt")])
    []
    """
    return sorted(
        entry
        for entry in entries
        if entry.suffix.lower() in SUFFIXES and not entry.name.startswith(".") and entry.is_file()
    )


def _common_size(name: str, files: list[Path]) -> tuple[int, int]:
    """Returns the (height, width) that all the files share, from their headers."""
    first: tuple[int, int] | None = None
    for file in with_progress(files, len(files), name):
        try:
            with Image.open(file) as image:
                size = (image.height, image.width)
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise _unreadable(name, file, error) from error
        first = first or size
        if size != first:
            raise DataError(
                f"{name}: {files[0].name} is {first[1]}x{first[0]} and {file.name} is "
                f"{size[1]}x{size[0]}; allowed: one size, or image_size to bring them to one"
            )
    assert first is not None
    return first


def _unreadable(name: str, file: Path, error: Exception) -> DataError:
    # Pillow's own message for this repeats the path and says nothing else.
    unidentified = isinstance(error, UnidentifiedImageError)
    reason = "not an image" if unidentified else " ".join(str(error).split())
    return DataError(f"{name}: cannot read {file} ({reason}); remove or replace the file")
