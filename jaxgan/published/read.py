"""Files of published arrays, read without running anything that is in them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from jaxgan.features.torch_file import read_torch_state
from jaxgan.published.base import PublishedError

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
    if path.suffix not in SUFFIXES:
        raise PublishedError(f"from: {path}; it must end in {', '.join(SUFFIXES)}")
    if not path.is_file():
        raise PublishedError(f"from: {path}; there is no such file")
    try:
        arrays = _read(path)
    except ImportError as error:
        raise PublishedError(
            f"from: {path}; it needs safetensors: pip install 'jaxgan[weights]'"
        ) from error
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise PublishedError(f"from: {path}; it cannot be read ({reason})") from error
    found = {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}
    if not found:
        near = ", ".join(sorted({name.split(".")[0] for name in arrays})[:5]) or "none"
        raise PublishedError(f"prefix: {prefix!r}; no name in {path} begins so, but with {near}")
    return found


def _read(path: Path) -> dict[str, np.ndarray]:
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    if path.suffix == ".safetensors":
        import safetensors

        try:
            with safetensors.safe_open(path, framework="np") as tensors:
                names = tensors.keys()
                return {name: tensors.get_tensor(name) for name in names}
        except safetensors.SafetensorError as error:
            raise ValueError(str(error)) from error
    return read_torch_state(path)
