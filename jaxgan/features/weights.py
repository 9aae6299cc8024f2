"""Files of weights: converted from PyTorch's once, and checked whenever they are read.

Such a file, `.npz` or `.safetensors`, holds float32 arrays by name and says what they are: of which
network, the sha256 of the files that they were converted from, and the sha256 of the arrays.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from flax import traverse_util

from jaxgan.core.errors import FeatureError, FileError, bad_value
from jaxgan.core.text import one_line
from jaxgan.core.typing import PyTree
from jaxgan.files import parse_json, read_npz, read_safetensors
from jaxgan.files.atomic import replacing
from jaxgan.files.torch_file import read_torch_state

FORMAT = 1
SUFFIXES = (".npz", ".safetensors")
TORCH_SUFFIXES = (".pth", ".pt")
_ABOUT = "__about__"

About = dict[str, str | int | float]
Shapes = dict[str, tuple[int, ...]]


class Published(NamedTuple):
    """A file of weights as its authors publish it.

    Attributes:
      name: of the file.
      url: where it can be had.
      sha256: of its bytes.
    """

    name: str
    url: str
    sha256: str


class Recipe(NamedTuple):
    """How the published weights of a network become ours.

    Attributes:
      network: its name, that of the converted file without suffix.
      files: the published ones, all of which are needed.
      state_shapes: () -> shape by name, of all that the published files must hold.
      ignored: (name) -> whether it is no loss to leave that one out.
      shapes: () -> shape by name of what `convert` makes.
      convert: (arrays of the published files) -> our arrays by name.
    """

    network: str
    files: tuple[Published, ...]
    state_shapes: Callable[[], Shapes]
    ignored: Callable[[str], bool]
    shapes: Callable[[], Shapes]
    convert: Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]


class Weights(NamedTuple):
    """Arrays of a network that have been checked.

    Attributes:
      network: which one's.
      params: the arrays, nested as the network wants them.
      sha256: of names, shapes and numbers.
      published: whether they were converted from the published files.
      sources: sha256 of the files that they were converted from.
    """

    network: str
    params: PyTree
    sha256: str
    published: bool
    sources: tuple[str, ...]


def cache_dir() -> Path:
    """Where jaxgan keeps what it can make again: `~/.cache/jaxgan`."""
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "jaxgan"


def weights_path(recipe: Recipe) -> Path:
    """Where the weights of a network are looked for: in `$JAXGAN_WEIGHTS`, or in the cache."""
    folder = Path(os.environ.get("JAXGAN_WEIGHTS", cache_dir() / "weights"))
    return folder / f"{recipe.network}.npz"


def content_sha256(arrays: Mapping[str, np.ndarray]) -> str:
    """The sha256 of names, dtypes, shapes and numbers, whatever the order and the file format.

    >>> content_sha256({"a": np.zeros(2, np.float32)})[:8]
    '9179530e'
    """
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.data)
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    """The sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray], about: About) -> str:
    """Writes arrays and what is said about them, with the sha256 that `read_arrays` verifies.

    Args:
      path: ends in `.npz` or `.safetensors`.
      arrays: by name.
      about: any words and numbers.

    Returns:
      The sha256 of the arrays.

    Raises:
      FeatureError: for another suffix, or if `.safetensors` is asked for and not installed.
      OSError: if it cannot be written; what was there before is as it was.
    """
    _check_suffix("to", path, SUFFIXES)
    sha256 = content_sha256(arrays)
    text = json.dumps({**about, "format": FORMAT, "sha256": sha256})
    with replacing(path) as temporary:
        if path.suffix.lower() == ".npz":
            with temporary.open("wb") as file:
                np.savez(file, allow_pickle=False, **{_ABOUT: np.asarray(text)}, **arrays)
        else:
            ordered = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
            _safetensors().numpy.save_file(ordered, temporary, metadata={_ABOUT: text})
    return sha256


def read_arrays(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Reads what `write_arrays` wrote.

    Args:
      path: ends in `.npz` or `.safetensors`.

    Returns:
      (arrays by name, what is said about them: `about`, `format`, `sha256`).

    Raises:
      FeatureError: if it is another file, or its content is not what was written.
      OSError: if it cannot be read.
    """
    _check_suffix("weights", path, SUFFIXES)
    again = "convert or train it again"
    try:
        arrays, text = _read_npz(path) if path.suffix.lower() == ".npz" else _read_safetensors(path)
        about = parse_json(text, path, dict[str, Any])
    except FileError as error:
        raise FeatureError(f"{error}; {again}") from error
    if about.get("format") != FORMAT:
        raise FeatureError(bad_value(f"{path}: its format", about.get("format"), [FORMAT]))
    if (found := content_sha256(arrays)) != about.get("sha256"):
        raise FeatureError(
            f"{path}: its arrays have sha256 {found}, not {one_line(about.get('sha256'))}: it is "
            f"damaged; {again}"
        )
    return arrays, about


def _read_npz(path: Path) -> tuple[dict[str, np.ndarray], str]:
    arrays = read_npz(path)
    text = arrays.pop(_ABOUT, np.zeros(1))
    if text.dtype.kind != "U" or text.ndim:
        raise FileError(path, f"it has no text {_ABOUT}; it must be a file of weights")
    return arrays, str(text)


def _read_safetensors(path: Path) -> tuple[dict[str, np.ndarray], str]:
    arrays, about = read_safetensors(path)
    if _ABOUT not in about:
        raise FileError(path, f"it has no text {_ABOUT}; it must be a file of weights")
    return arrays, about[_ABOUT]


def convert(recipe: Recipe, paths: Sequence[Path], to: Path) -> Weights:
    """Converts PyTorch state files to one file of ours.

    Args:
      recipe: of the network.
      paths: the PyTorch files, in any order.
      to: the file to write, `.npz` or `.safetensors`.

    Returns:
      The weights.

    Raises:
      FeatureError: if a file is no state file, or has not the network's names and shapes.
      OSError: if one cannot be read or written.
    """
    _check_suffix("to", to, SUFFIXES)
    arrays, sources = _converted(recipe, paths)
    about: About = {"network": recipe.network, "sources": " ".join(sources)}
    sha256 = write_arrays(to, arrays, about)
    return _weights(recipe, arrays, sha256, sources)


def load(recipe: Recipe, path: Path | None = None) -> Weights:
    """Reads and checks the weights of a network.

    Args:
      recipe: of the network.
      path: a converted file, or the PyTorch file itself where one is all that is needed; None for
        `weights_path(recipe)`.

    Returns:
      The weights.

    Raises:
      FeatureError: if the file is missing, damaged, or of another network; the message says how to
        get it.
    """
    path = weights_path(recipe) if path is None else path
    if not path.is_file():
        raise FeatureError(f"{recipe.network}: no weights at {path}; {how_to_get(recipe)}")
    if path.suffix.lower() in TORCH_SUFFIXES:
        arrays, sources = _converted(recipe, [path])
        return _weights(recipe, arrays, content_sha256(arrays), sources)
    _check_suffix("weights", path, (*SUFFIXES, *TORCH_SUFFIXES))
    arrays, about = read_arrays(path)
    if about.get("network") != recipe.network:
        raise FeatureError(
            f"{path}: weights of {about.get('network')!r}; they must be of {recipe.network!r}"
        )
    if other := [name for name, array in arrays.items() if array.dtype != np.float32]:
        kind = arrays[other[0]].dtype
        raise FeatureError(f"{path}: {one_line(other[0])} is {kind}; it must be float32")
    found = {name: array.shape for name, array in arrays.items()}
    check_shapes(str(path), found, recipe.shapes(), how_to_get(recipe))
    return _weights(recipe, arrays, about["sha256"], str(about.get("sources", "")).split())


def how_to_get(recipe: Recipe) -> str:
    """In one line: which files, with which hash, and the command that converts them."""
    files = " and ".join(f"{one.url} (sha256 {one.sha256})" for one in recipe.files)
    names = " ".join(one.name for one in recipe.files)
    command = f"jaxgan weights {recipe.network} --from {names} --to {weights_path(recipe)}"
    return f"get {files}, then: {command}"


def check_shapes(what: str, found: Shapes, expected: Shapes, hint: str) -> None:
    """Raises if names or shapes differ, naming the first that does and both its shapes.

    Args:
      what: whose they are.
      found: shape by name.
      expected: shape by name.
      hint: what to do about it.

    >>> check_shapes("a.npz", {"w": (2,)}, {"w": (3,)}, "get another")
    Traceback (most recent call last):
    jaxgan.core.errors.FeatureError: a.npz: w has shape (2,), not (3,); get another
    """
    for name in sorted({*found, *expected}):
        if name not in expected:
            problem = f"{name} of shape {found[name]} belongs to another network"
        elif name not in found:
            problem = f"{name} of shape {expected[name]} is missing"
        elif tuple(found[name]) != tuple(expected[name]):
            problem = f"{name} has shape {tuple(found[name])}, not {tuple(expected[name])}"
        else:
            continue
        raise FeatureError(f"{what}: {problem}; {hint}")


def _converted(
    recipe: Recipe, paths: Sequence[Path]
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    state: dict[str, np.ndarray] = {}
    for path in paths:
        if not path.is_file():
            raise FeatureError(f"{recipe.network}: no file {path}; {how_to_get(recipe)}")
        try:
            found_in = read_torch_state(path)
        except FileError as error:
            raise FeatureError(str(error)) from error
        state |= {k: v for k, v in found_in.items() if not recipe.ignored(k)}
    what = " and ".join(str(path) for path in paths)
    found = {name: array.shape for name, array in state.items()}
    check_shapes(what, found, recipe.state_shapes(), how_to_get(recipe))
    for name, array in state.items():
        if array.dtype.kind not in "fV" or not np.isfinite(array.astype(np.float32)).all():
            raise FeatureError(
                f"{what}: {name} is {array.dtype} or not finite; {how_to_get(recipe)}"
            )
    arrays = {name: array.astype(np.float32) for name, array in recipe.convert(state).items()}
    return arrays, tuple(sorted(file_sha256(path) for path in paths))


def _weights(
    recipe: Recipe, arrays: Mapping[str, np.ndarray], sha256: str, sources: Sequence[str]
) -> Weights:
    known = sorted(one.sha256 for one in recipe.files)
    params = traverse_util.unflatten_dict(dict(arrays), sep="/")
    return Weights(recipe.network, params, sha256, sorted(sources) == known, tuple(sources))


def _check_suffix(field: str, path: Path, allowed: Sequence[str]) -> None:
    if path.suffix.lower() not in allowed:
        raise FeatureError(bad_value(field, path, f"a file with one of {', '.join(allowed)}"))


def _safetensors() -> Any:
    try:
        import safetensors.numpy
    except ImportError as error:
        raise FeatureError(
            f"a .safetensors file needs safetensors ({error}): pip install jaxgan[weights]"
        ) from error
    return safetensors
