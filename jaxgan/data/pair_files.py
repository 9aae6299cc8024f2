"""The files of two domains: which belongs to which, and what they hold."""

from __future__ import annotations

import functools
import os
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from PIL import Image

from jaxgan.core.errors import DataError
from jaxgan.data.arrays import Decoded, decoded_source
from jaxgan.data.files import SUFFIXES, Listing, PassedOver, digest, list_folder, summaries
from jaxgan.data.images import resize_and_crop, to_array
from jaxgan.data.pictures import decode_all, open_picture, read_sizes
from jaxgan.data.source import Source

Direction = Literal["AtoB", "BtoA"]

JITTER = 286 / 256
"""How much larger images are before a random part is cut out, as pix2pix does."""

Size = tuple[int, int]
"""(width, height) in pixels."""


class Domain(NamedTuple):
    """The images of one domain.

    Attributes:
      plain: a source of them in the size asked for.
      large: a source of them in the size that is cropped; `plain` without jitter.
    """

    plain: Source
    large: Source


class Files(NamedTuple):
    """Where the images of two domains lie.

    Attributes:
      domains: the files of each, in order; of one alone, where a picture holds both.
      sizes: of each file, the right way up.
      digest: as in `Source`.
      passed_over: as in `Source`.
    """

    domains: list[list[Path]]
    sizes: list[list[Size]]
    digest: str
    passed_over: tuple[str, ...]


def sizes_of(image_size: int, jitter: bool) -> tuple[int, int]:
    """The side of images, and of those that are cropped where there is jitter.

    >>> sizes_of(256, True)
    (256, 286)
    """
    return image_size, round(image_size * JITTER) if jitter else image_size


def directed(domains: tuple[Domain, Domain], direction: Direction) -> tuple[Domain, Domain]:
    """(source, image), of the domains A and B.

    >>> directed(("A", "B"), "BtoA")
    ('B', 'A')
    """
    a, b = domains
    return (a, b) if direction == "AtoB" else (b, a)


def open_files(name: str, path: str | os.PathLike[str], *, is_paired: bool) -> Files:
    """Finds the files of one folder or two, and looks at their headers.

    Args:
      name: of the source, for messages.
      path: a folder, or two, `"A,B"`.
      is_paired: whether a file of A belongs to the file of B that has the same name but for the
        suffix; they must then have the same proportions, so that one crop fits both.

    Returns:
      The `Files`.

    Raises:
      DataError: if a folder is missing or empty, files cannot be read, or they do not belong
        together.

    Example:
      See `jaxgan.data.paired`.
    """
    folders = _folders(path)
    if len(folders) > 2:
        raise DataError(f"{name}: {len(folders)} folders; there must be one, or two: A,B")
    listings = [_list(name, folder) for folder in folders]
    domains = [listing.images for listing in listings]
    if is_paired and len(folders) == 2:
        domains = _joined(name, folders, domains)
    together = [file for files in domains for file in files]
    sizes = iter(read_sizes(name, together))
    by_domain = [[next(sizes) for _ in files] for files in domains]
    if is_paired and len(folders) == 2:
        _check_proportions(name, domains, by_domain)
    passed_over = [one for listing in listings for one in _passed_over(listing)]
    return Files(domains, by_domain, digest(together, folders), summaries(passed_over))


def open_domains(
    name: str, files: Files, sizes: tuple[int, int], channels: int, limit: int
) -> tuple[Domain, Domain]:
    """The domains A and B: two folders, or the halves of pictures.

    Args:
      name: of the source, for messages.
      files: as `open_files` returns them.
      sizes: as `check_options` returns them.
      channels: 1 or 3.
      limit: up to so many bytes a decoded domain is held in memory.

    Returns:
      The two.

    Raises:
      DataError: if a picture that should hold both is not twice as wide as high.

    Example:
      See `jaxgan.data.paired`.
    """
    make = functools.partial(picture_domain, name, sizes=sizes, channels=channels, limit=limit)
    if len(files.domains) == 2:
        return make(files.domains[0]), make(files.domains[1])
    for file, (width, height) in zip(files.domains[0], files.sizes[0], strict=True):
        if width != 2 * height:
            raise DataError(
                f"{name}: {file.name} is {width}x{height}; it must be twice as wide as high, A "
                "beside B"
            )
    a, b = (
        make(files.domains[0], change=functools.partial(_half, which=which)) for which in (0, 1)
    )
    return a, b


def picture_domain(
    name: str,
    files: Sequence[Path],
    sizes: tuple[int, int],
    channels: int,
    limit: int,
    change: Callable[[Image.Image], Image.Image] | None = None,
) -> Domain:
    """The domain of some image files.

    Args:
      name: of the source, for messages.
      files: the files.
      sizes: as `check_options` returns them.
      channels: 1 or 3.
      limit: up to so many bytes a decoded domain is held in memory.
      change: what is done to a picture before it is resized.

    Returns:
      The `Domain`.

    Example:
      See `jaxgan.data.super_resolution`.
    """

    def of_size(size: int) -> Source:
        def decode_one(file: Path) -> np.ndarray:
            image = open_picture(name, file, channels)
            return to_array(resize_and_crop(image if change is None else change(image), size))

        def decode(indices: np.ndarray) -> Decoded:
            images = decode_all(name, [files[index] for index in indices], decode_one)
            return images, np.zeros(len(indices), np.int64)

        shape = (len(files), size, size, channels)
        return decoded_source(name, decode, shape, decode_limit_bytes=limit)

    plain = of_size(sizes[0])
    return Domain(plain, plain if sizes[1] == sizes[0] else of_size(sizes[1]))


def _folders(path: str | os.PathLike[str]) -> list[Path]:
    """One folder or two; a comma is part of a name where there is such a folder."""
    text = os.fspath(path)
    whole = Path(os.path.expanduser(text))
    if whole.is_dir() or "," not in text:
        return [whole]
    return [Path(os.path.expanduser(part)) for part in text.split(",")]


def _list(name: str, folder: Path) -> Listing:
    if not folder.is_dir():
        raise DataError(f"{name}: {str(folder)!r} is no folder; give one, or two: A,B")
    found = list_folder(folder)
    if not found.images:
        raise DataError(f"{name}: no image in {str(folder)!r}; there must be {', '.join(SUFFIXES)}")
    return found


def _passed_over(listing: Listing) -> list[PassedOver]:
    return listing.passed_over + [PassedOver("folder", one) for one in listing.folders]


def _joined(name: str, folders: list[Path], domains: list[list[Path]]) -> list[list[Path]]:
    """The files of both folders in the order of the first, joined by their names' stems."""
    first, second = (
        _by_stem(name, where, files) for where, files in zip(folders, domains, strict=True)
    )
    for missing, where in (
        (first.keys() - second.keys(), folders[1]),
        (second.keys() - first.keys(), folders[0]),
    ):
        if missing:
            raise DataError(
                f"{name}: {str(where)!r} has no {min(missing)!r}, the other folder has; "
                "they must have the same names"
            )
    return [list(first.values()), [second[stem] for stem in first]]


def _by_stem(name: str, folder: Path, files: list[Path]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    doubles = []
    for file in files:
        stem = unicodedata.normalize("NFC", file.stem)  # some systems write accents apart
        if stem in found:
            doubles.append(f"{found[stem].name} and {file.name}")
        found.setdefault(stem, file)
    if doubles:
        raise DataError(
            f"{name}: {str(folder)!r} has {', '.join(doubles)}; there must be one of each name, "
            "whatever its suffix"
        )
    return found


def _check_proportions(name: str, domains: list[list[Path]], sizes: list[list[Size]]) -> None:
    for a, b, first, second in zip(*domains, *sizes, strict=True):
        if not _is_same_shape(first, second):
            raise DataError(
                f"{name}: {a.name} is {first[0]}x{first[1]} and its fellow {b.name} is "
                f"{second[0]}x{second[1]}; they must have the same proportions, else the parts "
                "cut from them do not belong together"
            )


def _is_same_shape(first: Size, second: Size) -> bool:
    """Whether one is the other resized, its sides rounded to pixels."""
    (width, height), (large_width, large_height) = sorted((first, second))
    return abs(large_width * height - large_height * width) <= max(large_width, large_height)


def _half(image: Image.Image, which: int) -> Image.Image:
    """The left (0) or the right half of a picture."""
    side = image.height
    return image.crop((which * side, 0, (which + 1) * side, side))
