"""Pictures as Pillow reads them: their headers first, then their pixels, the right way up."""

from __future__ import annotations

import io
import os
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple, Protocol, TypeVar

import numpy as np
from PIL import Image, UnidentifiedImageError

from jaxgan.core.errors import FileError, UnreadableError
from jaxgan.data.images import convert_channels
from jaxgan.data.progress import with_progress

MAX_PIXELS = 2**26
"""A picture of more pixels, 8192 x 8192, is refused before it is decoded (200 MB as RGB)."""

_CHUNK = 256


class Member(NamedTuple):
    """An encoded picture that lies in a larger file.

    Attributes:
      name: of it there.
      container: the larger file, for messages.
      load: its bytes, checked where the format has checksums; called from several threads.
      open: a stream of them, for who needs the first few only; None where that saves nothing.
    """

    name: str
    container: str
    load: Callable[[], bytes]
    open: Callable[[], IO[bytes]] | None = None

    def __str__(self) -> str:
        return f"{self.container}/{self.name}"


File = Path | Member
AnyFile = TypeVar("AnyFile", bound=File)


class Files(Protocol):
    """Encoded pictures by number: a list, or what makes each `Member` when it is asked for."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> File: ...

    def __iter__(self) -> Iterator[File]: ...


class Members:
    """`Files` whose index is held by others, so that many of them take little memory.

    Args:
      num: how many.
      member: maps numbers from 0 on to them.

    >>> members = Members(2, lambda i: Member(f"{i}.png", "a.zip", lambda: b""))
    >>> [str(one) for one in members]
    ['a.zip/0.png', 'a.zip/1.png']
    """

    def __init__(self, num: int, member: Callable[[int], Member]) -> None:
        self._num = num
        self._member = member

    def __len__(self) -> int:
        return self._num

    def __getitem__(self, index: int, /) -> Member:
        return self._member(int(index))

    def __iter__(self) -> Iterator[Member]:
        return map(self._member, range(self._num))


_ORIENTATION = 0x0112

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What turns a picture upright, by the orientation that its EXIF data tell."""

_FAILURES = (
    *(OSError, SyntaxError, ValueError, Image.DecompressionBombError),
    *(EOFError, zipfile.BadZipFile, zlib.error),  # of the larger file that a picture lies in
)


def open_picture(name: str, file: File, channels: int | None) -> Image.Image:
    """Reads one picture, turned as its EXIF orientation says.

    Args:
      name: of the source, for messages.
      file: the picture.
      channels: 1 (grey), 3 (RGB), or None: grey where it is stored as grey, else RGB.

    Returns:
      A Pillow image; what is transparent is laid on white.

    Raises:
      UnreadableError: if the file cannot be read.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "black.png"
    >>> Image.new("RGB", (6, 4)).save(file)
    >>> open_picture("black", file, 1).size
    (6, 4)
    """
    try:
        with Image.open(file if isinstance(file, Path) else io.BytesIO(file.load())) as opened:
            _check_pixels(opened)
            turn = _UPRIGHT.get(_orientation(opened))
            image = convert_channels(opened, channels)
            return image if turn is None else image.transpose(turn)
    except _FAILURES as error:
        raise UnreadableError(name, [(str(file), _words(error))]) from error


def read_sizes(name: str, files: Files) -> list[tuple[int, int]]:
    """Looks at the headers of files: what is no image is found before the first is decoded.

    Args:
      name: of the source, for messages.
      files: the image files.

    Returns:
      The (width, height) of each, turned as its EXIF orientation says.

    Raises:
      UnreadableError: naming every file that cannot be read.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "black.png"
    >>> Image.new("RGB", (6, 4)).save(file)
    >>> read_sizes("black", [file])
    [(6, 4)]
    """
    sizes: list[tuple[int, int]] = []
    broken: list[tuple[str, str]] = []

    def read_chunk(first: int) -> list[tuple[int, int] | str]:
        return [_read_size(files[i]) for i in range(first, min(first + _CHUNK, len(files)))]

    chunks = range(0, len(files), _CHUNK)  # a future of each file would take more than its picture
    with _without_bomb_warnings(), ThreadPoolExecutor(os.cpu_count()) as pool:
        for first, found in with_progress(
            zip(chunks, pool.map(read_chunk, chunks), strict=True), len(chunks), name
        ):
            for index, size in enumerate(found, first):
                if isinstance(size, str):
                    broken.append((str(files[index]), size))
                else:
                    sizes.append(size)
    if broken:
        raise UnreadableError(name, broken)
    return sizes


def decode_all(
    name: str, files: Iterable[AnyFile], decode: Callable[[AnyFile], np.ndarray]
) -> np.ndarray:
    """Decodes files, and names every one that cannot be read.

    Args:
      name: of the source, for messages.
      files: the image files, at least one.
      decode: maps a file to uint8 [H, W, C].

    Returns:
      uint8 [n, H, W, C].

    Raises:
      UnreadableError: naming them.

    >>> decode_all("none", [Path("a")], lambda file: np.zeros((1, 2, 3), np.uint8)).shape
    (1, 1, 2, 3)
    """
    images: list[np.ndarray] = []
    broken: list[tuple[str, str]] = []
    for file in files:
        try:
            images.append(decode(file))
        except UnreadableError as error:
            broken += error.broken
    if broken:
        raise UnreadableError(name, broken)
    return np.stack(images)


def _read_size(file: File) -> tuple[int, int] | str:
    """(width, height), or what is wrong."""
    try:
        with _header_of(file) as content, Image.open(content) as image:
            _check_pixels(image)
            width, height = image.size
            # To look for EXIF data, Pillow decodes a whole PNG.
            turned = width != height and _orientation(image) >= 5
            return (height, width) if turned else (width, height)
    except _FAILURES as error:
        return _words(error)


def _header_of(file: File) -> IO[bytes]:
    if isinstance(file, Path):
        return file.open("rb")
    return io.BytesIO(file.load()) if file.open is None else file.open()


def _check_pixels(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise ValueError(
            f"{image.width}x{image.height} pixels; it must have at most {MAX_PIXELS}, 8192x8192"
        )


def _orientation(image: Image.Image) -> int:
    """1 to 8; 1, as it lies, where the file tells nothing that makes sense."""
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # damaged EXIF data make the parser raise whatever it stumbles on
        return 1
    return orientation if orientation in _UPRIGHT else 1


@contextmanager
def _without_bomb_warnings() -> Iterator[None]:
    """Pillow warns of large pictures; ours are refused in words of our own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        yield


def _words(error: BaseException) -> str:
    if isinstance(error, FileError):
        return error.reason
    if isinstance(error, UnidentifiedImageError):
        return "not an image"  # Pillow's own message repeats the path and says nothing else
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__
