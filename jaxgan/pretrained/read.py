"""Files of published arrays, read without running anything that is in them."""

from __future__ import annotations

from pathlib import Path

import ml_dtypes
import numpy as np

from jaxgan.core.errors import FileError, PublishedError, bad_value
from jaxgan.core.text import one_line, shown
from jaxgan.files import read_npz, read_safetensors
from jaxgan.files.torch_file import read_torch_state

EXTENDED = tuple(
    np.dtype(kind) for kind in (ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2)
)
SUFFIXES = (".safetensors", ".npz", ".pt", ".pth")


def read_state(path: Path, prefix: str = "") -> dict[str, np.ndarray]:
    """Arrays by their published names.

    Args:
      path: `.safetensors`; `.npz`; or `.pt` and `.pth`, a PyTorch state file that holds tensors in
        dicts and nothing else. Anything else that was pickled has to be converted by its owner.
      prefix: of the names that count, and that it is taken from: `"G_ema."`.

    Returns:
      The arrays.

    Raises:
      PublishedError: if the file cannot be read, or no name begins so.
      OSError: if it is not there.

    Example:
      >>> import tempfile
      >>> path = Path(tempfile.mkdtemp()) / "a.npz"
      >>> np.savez(path, **{"G.weight": np.ones(2), "D.weight": np.zeros(2)})
      >>> sorted(read_state(path, "G."))
      ['weight']
    """
    if path.suffix.lower() not in SUFFIXES:
        raise PublishedError(bad_value("from", path, f"a file with one of {', '.join(SUFFIXES)}"))
    if not path.is_file():
        raise PublishedError(f"from is {shown(path)}; there is no such file")
    try:
        arrays = _read(path)
    except FileError as error:
        raise PublishedError(f"from: {error}") from error
    for name, array in arrays.items():
        if array.dtype.kind not in "biuf" and array.dtype not in EXTENDED:
            what = f"{one_line(name)} is of dtype {array.dtype}"
            raise PublishedError(f"from is {shown(path)}; {what}; arrays of weights are numbers")
    found = {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}
    if not found:
        near = one_line(", ".join(sorted({name.split(".")[0] for name in arrays})[:5]) or "none")
        raise PublishedError(f"prefix is {prefix!r}; no name in {path} begins so, but with {near}")
    return found


def _read(path: Path) -> dict[str, np.ndarray]:
    suffix = path.suffix.lower()
    if suffix == ".npz":
        return read_npz(path)
    if suffix == ".safetensors":
        return read_safetensors(path)[0]
    return read_torch_state(path)
