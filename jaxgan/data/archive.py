"""Which files of an archive are its pictures, and their classes: by `dataset.json` or by folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, NotRequired, TypedDict

import numpy as np

from jaxgan.core.errors import DataError, bad_value
from jaxgan.core.text import shown
from jaxgan.data.encoded import ClassOrder
from jaxgan.data.files import SUFFIXES, SYSTEM, PassedOver, natural, summaries
from jaxgan.files import parse_json

DATASET_JSON = "dataset.json"
"""The file in which StyleGAN's `dataset_tool.py` writes the classes."""

MAX_PICTURE_BYTES = 2**28
"""No picture of `pictures.MAX_PIXELS` takes more, in any format that is read."""

HEADER_BYTES = 2**16
"""Of a picture in a larger file that has more, the header is read before the rest."""


class Arranged(NamedTuple):
    """The pictures of an archive.

    Attributes:
      entries: which of its files they are, int [N], in order.
      classes: integers [N]; None when unlabelled.
      class_names: one name per class, or () when unknown.
      passed_over: as in `Source`.
    """

    entries: np.ndarray
    classes: np.ndarray | None
    class_names: tuple[str, ...]
    passed_over: tuple[str, ...]


def arrange(
    name: str, paths: Sequence[str], load: Callable[[int], bytes], class_order: ClassOrder
) -> Arranged:
    """Sorts the files of an archive into pictures and the rest, and finds the classes.

    They are what `dataset.json` says, or else the folders, as `folder` has them; a folder that
    holds all pictures is none.

    Args:
      name: of the source, for messages.
      paths: of all files in the archive.
      load: the bytes of one of them, by number.
      class_order: of classes that are folders.

    Returns:
      The pictures, in the order of their paths.

    Raises:
      DataError: a path leads out of the archive, there is no picture, or `dataset.json` is about
        others.

    >>> arrange("a", ["dog/1.png", "cat/2.png", "x.txt"], lambda i: b"", "natural").classes.tolist()
    [0, 1]
    """
    passed_over, images, descriptions = [], [], []
    for number, path in enumerate(paths):
        parts = _parts(name, path)
        reason = _reason(parts)
        if parts[-1] == DATASET_JSON:
            descriptions.append((parts, number))
        elif reason:
            passed_over.append(PassedOver(reason, Path(parts[-1])))
        else:
            images.append((parts, number))
    if not images:
        raise DataError(f"{name}: no image in it; there must be {', '.join(SUFFIXES)} files")
    images.sort()
    entries = np.array([number for _, number in images])
    found = [parts for parts, _ in images]
    rest = summaries(passed_over)
    if descriptions:
        parts, number = min(descriptions, key=lambda one: len(one[0]))
        where = f"{name}/{'/'.join(parts)}"
        root = "".join(f"{part}/" for part in parts[:-1])
        classes, class_names = _described(where, load(number), root, ["/".join(p) for p in found])
        return Arranged(entries, classes, class_names, rest)
    folders, folder_of = _folders(name, found)
    if not folders:
        return Arranged(entries, None, (), rest)
    ordered = sorted(folders, key=natural) if class_order == "natural" else sorted(folders)
    number_of = {folder: number for number, folder in enumerate(ordered)}
    numbers = np.array([number_of[folder] for folder in folder_of])
    by_class = np.argsort(numbers, kind="stable")
    return Arranged(entries[by_class], numbers[by_class], tuple(ordered), rest)


def digest(paths: Sequence[str], sizes: Sequence[int]) -> str:
    """What tells one listing from another: names and sizes.

    Args:
      paths: of the pictures in their archive, in order.
      sizes: of each, in bytes.

    Returns:
      `sha256:...`.

    >>> digest(["a.png"], [3])[:15]
    'sha256:bb787acd'
    """
    found = hashlib.sha256()
    for path, size in zip(paths, sizes, strict=True):
        found.update(b"%b\0%d\n" % (path.encode(errors="surrogateescape"), size))
    return f"sha256:{found.hexdigest()}"


def _parts(name: str, path: str) -> tuple[str, ...]:
    """The parts of a path in an archive, which leads nowhere else."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or not pure.parts or "\0" in path:
        allowed = "a relative path without '..'"
        raise DataError(bad_value(f"{name}: the name of an entry", path, allowed))
    return pure.parts


def _reason(parts: tuple[str, ...]) -> str:
    """Why a file is passed over; empty if it is not."""
    if any(part in SYSTEM for part in parts):
        return "left by a system"
    if any(part.startswith(".") for part in parts):
        return "hidden"
    return "" if PurePosixPath(parts[-1]).suffix.lower() in SUFFIXES else "no image"


def _folders(name: str, images: list[tuple[str, ...]]) -> tuple[set[str], list[str]]:
    """The folders that are classes, and that of each image; none if images lie side by side."""
    first, last = images[0][:-1], images[-1][:-1]  # sorted, so all others lie between
    depth = next(
        (i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b),
        min(len(first), len(last)),
    )
    here = sum(len(image) == depth + 1 for image in images)
    folders = {image[depth] for image in images if len(image) > depth + 1}
    if here and folders:
        raise DataError(
            f"{name}: {here} images beside {len(folders)} sub-folders; images must be in "
            "sub-folders (classes), or all in one folder (no classes)"
        )
    return folders, [image[depth] for image in images]


class _Description(TypedDict):
    labels: list[Any] | None
    class_names: NotRequired[list[str]]


def _described(
    where: str, content: bytes, root: str, paths: list[str]
) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """The class of each picture by `dataset.json`, and the classes' names."""
    description = parse_json(content, where, _Description)
    labels = description["labels"]
    if labels is None:
        return None, ()
    classes: dict[str, int] = {}
    for entry in labels:
        match entry:
            case [str(path), int(label)] if not isinstance(label, bool) and 0 <= label < 2**31:
                classes[root + path.replace("\\", "/")] = label
            case _:
                allowed = "[name, class] with a class of at least 0"
                raise DataError(bad_value(f"{where}: an entry of labels", entry, allowed))
    if absent := classes.keys() - set(paths):
        raise DataError(
            f"{where}: has labels of {len(absent)} files that are not there, such as "
            f"{shown(min(absent))}; each must be in the archive"
        )
    if without := [path for path in paths if path not in classes]:
        raise DataError(
            f"{where}: has no label of {len(without)} pictures, such as {shown(without[0])}; "
            "each must have one"
        )
    found = np.array([classes[path] for path in paths])
    names = tuple(description.get("class_names") or ())
    if names and found.max() >= len(names):
        allowed = f"0 to {len(names) - 1}, as there are {len(names)} class_names"
        raise DataError(bad_value(f"{where}: a class", int(found.max()), allowed))
    return found, names
