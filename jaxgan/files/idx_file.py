"""The format of MNIST's files: a header of a few numbers, then bytes."""

from __future__ import annotations

import gzip
import math
import struct
from pathlib import Path
from typing import IO

import numpy as np

from jaxgan.files.base import reading

MAX_BYTES = 2**32
_CHUNK_BYTES = 2**24


def read_idx(path: Path) -> np.ndarray:
    """The array of an IDX file of bytes.

    Args:
      path: the file, compressed by gzip or not.

    Returns:
      uint8, of the shape that its header says.

    Raises:
      FileError: if it is damaged, or no such file.
      OSError: if it cannot be read.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a-idx1-ubyte"
    >>> _ = path.write_bytes(struct.pack(">HBBI", 0, 8, 1, 3) + bytes([7, 8, 9]))
    >>> read_idx(path).tolist()
    [7, 8, 9]

    References:
      LeCun, Cortes and Burges, "The MNIST database of handwritten digits", 1998.
    """
    with path.open("rb") as file, reading(path, "an IDX file"):
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if not packed:
            return _read(file)
        with gzip.GzipFile(fileobj=file) as unpacked:
            return _read(unpacked)


def _read(file: IO[bytes] | gzip.GzipFile) -> np.ndarray:
    zero, kind, rank = struct.unpack(">HBB", file.read(4))
    if (zero, kind) != (0, 8) or not 1 <= rank <= 4:
        raise ValueError("it does not begin as an array of bytes does")
    shape = struct.unpack(f">{rank}I", file.read(4 * rank))
    size = math.prod(shape)
    if size > MAX_BYTES:
        raise ValueError(f"its shape is {list(shape)}; at most {MAX_BYTES} bytes are read")
    content = bytearray()  # grows with what is there, whatever the header says
    while chunk := file.read(min(_CHUNK_BYTES, size + 1 - len(content))):
        content += chunk
    if len(content) != size:
        raise ValueError(f"its shape is {list(shape)}, which {len(content)} bytes do not make")
    return np.frombuffer(content, np.uint8).reshape(shape)
