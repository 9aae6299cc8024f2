"""Which files of a folder are its images; which are passed over, and why."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".webp")

SYSTEM = ("$RECYCLE.BIN", "@eaDir", "System Volume Information", "Thumbs.db", "__MACOSX")
"""What file systems and archives leave behind: thumbnails and forks are no data."""


class PassedOver(NamedTuple):
    """A file or folder that is not read.

    Attributes:
      reason: a word or two, such as `hidden`.
      path: where it lies.
    """

    reason: str
    path: Path


class Listing(NamedTuple):
    """What lies in a folder.

    Attributes:
      images: its image files, in order.
      folders: the folders in it that could hold images, in order.
      passed_over: everything else.
    """

    images: list[Path]
    folders: list[Path]
    passed_over: list[PassedOver]


def list_folder(folder: Path) -> Listing:
    """Sorts what lies in a folder, not below it, into images, folders and the rest.

    Args:
      folder: the folder; links in it are followed.

    Returns:
      A `Listing`, in the order of names.

    Raises:
      OSError: if it cannot be read.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name in ("b.png", "A.JPG", ".c.png", "notes.txt"):
    ...     (folder / name).touch()
    >>> found = list_folder(folder)
    >>> [file.name for file in found.images], [reason for reason, _ in found.passed_over]
    (['A.JPG', 'b.png'], ['hidden', 'no image'])
    """
    found = Listing([], [], [])
    for path in sorted(folder.iterdir()):
        reason = _reason(path)
        if reason:
            found.passed_over.append(PassedOver(reason, path))
        else:
            (found.folders if path.is_dir() else found.images).append(path)
    return found


def list_tree(folder: Path) -> Listing:
    """All images in a folder and below it; linked folders too, once around where links go round.

    Args:
      folder: the folder.

    Returns:
      A `Listing` without folders, in the order of paths.

    Raises:
      OSError: if a folder cannot be read.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "deep").mkdir()
    >>> (folder / "deep" / "a.png").touch()
    >>> [file.name for file in list_tree(folder).images]
    ['a.png']
    """
    images: list[Path] = []
    passed_over: list[PassedOver] = []
    todo: list[tuple[Path, tuple[Path, ...]]] = [(folder, ())]
    while todo:
        here, above = todo.pop()
        real = here.resolve()
        if real in above:
            passed_over.append(PassedOver("link to a folder above", here))
            continue
        found = list_folder(here)
        images += found.images
        passed_over += found.passed_over
        todo += [(inner, (*above, real)) for inner in found.folders]
    return Listing(sorted(images), [], passed_over)


def _reason(path: Path) -> str:
    """Why something is passed over; empty if it is not."""
    if path.name in SYSTEM:
        return "left by a system"
    if path.name.startswith("."):
        return "hidden"
    if path.is_dir():
        return ""
    if not path.is_file():
        return "no file"
    return "" if path.suffix.lower() in SUFFIXES else "no image"


def summaries(passed_over: Iterable[PassedOver]) -> tuple[str, ...]:
    """What was passed over, in a few words for each reason.

    >>> summaries([PassedOver("hidden", Path(".a")), PassedOver("hidden", Path(".b"))])
    ('2 hidden (.a, ...)',)
    """
    names: dict[str, list[str]] = {}
    for reason, path in passed_over:
        names.setdefault(reason, []).append(path.name)
    return tuple(
        f"{len(each)} {reason} ({min(each)}{', ...' if len(each) > 1 else ''})"
        for reason, each in sorted(names.items())
    )


def natural(name: str) -> list[tuple[int, str]]:
    """What to sort names by, so that numbers in them count as numbers.

    >>> sorted(["10", "2", "1b", "1a"], key=natural)
    ['1a', '1b', '2', '10']
    """
    parts = re.split(r"([0-9]+)", name)
    return [(int(part or 0), "") if i % 2 else (0, part) for i, part in enumerate(parts)]


def digest(files: Sequence[Path], roots: Sequence[Path]) -> str:
    """What tells one listing from another: the files' names below their roots, and their sizes.

    Args:
      files: in the order in which they are read.
      roots: the folders of the data set, wherever they lie.

    Returns:
      `sha256:...`.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "a.png").touch()
    >>> digest([folder / "a.png"], [folder]).startswith("sha256:")
    True
    """
    found = hashlib.sha256()
    for line in _lines(files, roots):
        found.update(line)
    return f"sha256:{found.hexdigest()}"


def _lines(files: Sequence[Path], roots: Sequence[Path]) -> Iterator[bytes]:
    for file in files:
        number, root = next((i, r) for i, r in enumerate(roots) if file.is_relative_to(r))
        name = os.fsencode(file.relative_to(root).as_posix())
        yield b"%d %b\0%d\n" % (number, name, file.stat().st_size)
