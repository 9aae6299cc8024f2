"""What a run's folder says of the run: its config, its data's shape, what wrote it."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NotRequired, TypedDict, TypeVar

import flax
import jax
import optax

import jaxgan
from jaxgan.config.base import Config, flatten
from jaxgan.config.portable import portable
from jaxgan.core.errors import ConfigError, DataError, FileError
from jaxgan.core.text import one_line
from jaxgan.data.record import check_same
from jaxgan.data.source import ElementSpec
from jaxgan.files import read_json
from jaxgan.files.atomic import replacing
from jaxgan.run.code import write_code
from jaxgan.version import __version__

logger = logging.getLogger(__name__)

CONFIG = "config.json"
RUN = "run.json"

T = TypeVar("T")


class _Shape(TypedDict):
    shape: list[int]
    dtype: str


class _Data(TypedDict):
    """As `jaxgan.data.record_of` gives it."""

    num_examples: int | None
    num_classes: int | None
    class_names: list[str]
    digest: str


class RunFile(TypedDict):
    """What `run.json` holds."""

    versions: dict[str, str]
    example: dict[str, _Shape]
    data: NotRequired[_Data | None]


def describe(
    config: Config, spec: ElementSpec, data: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """All that the processes of a job must have in common.

    Args:
      config: as `resolve` returns it.
      spec: shape and dtype of one example.
      data: as `jaxgan.data.record_of` gives it.

    Returns:
      A flat dict: dotted config keys, the example, versions of the libraries, a digest of
      jaxgan's own code.

    Example:
      >>> spec = {"image": jax.ShapeDtypeStruct((2,), "float32")}
      >>> described = describe({"mesh": {"model": 1}}, spec)
      >>> described["config.mesh.model"], described["example.image.shape"]
      (1, [2])
    """
    code = hashlib.sha256()
    for path in sorted(Path(jaxgan.__path__[0]).rglob("*.py")):
        code.update(path.read_bytes())
    parts = {
        "config": portable(config)[0],
        "data": data,
        "example": _example(spec),
        "version": _versions(),
    }
    return {**flatten(parts), "code of jaxgan": code.hexdigest()[:16]}


def write(
    workdir: Path, config: Config, spec: ElementSpec, data: Mapping[str, Any] | None = None
) -> None:
    """Writes `config.json`, and `run.json` with shapes, versions, and what the data are.

    Args:
      workdir: the run's folder, which is created.
      config: as `resolve` returns it.
      spec: shape and dtype of one example.
      data: as `jaxgan.data.record_of` gives it; None if they were not opened.

    Example:
      >>> import tempfile
      >>> folder = Path(tempfile.mkdtemp())
      >>> write(folder, {"seed": 0}, {"image": jax.ShapeDtypeStruct((2,), "float32")})
      >>> read_config(folder), read_spec(folder)["image"].shape
      ({'seed': 0}, (2,))
    """
    run = {"versions": _versions(), "example": _example(spec), "data": data}
    workdir.mkdir(parents=True, exist_ok=True)
    for name, value in ((CONFIG, write_code(workdir, config)), (RUN, run)):
        with replacing(workdir / name) as temporary:
            temporary.write_text(json.dumps(value, indent=2) + "\n")


def _versions() -> dict[str, str]:
    return {
        "jaxgan": __version__,
        "jax": jax.__version__,
        "flax": flax.__version__,
        "optax": optax.__version__,
    }


def _example(spec: ElementSpec) -> dict[str, Any]:
    return {k: {"shape": list(s.shape), "dtype": str(s.dtype)} for k, s in spec.items()}


def read_config(workdir: Path) -> Config:
    """The config of a run.

    Args:
      workdir: the run's folder.

    Returns:
      The resolved config, with its references as the folder has them; see `run.code`.

    Raises:
      ConfigError: if the folder is no run's, or its file is damaged.

    Example:
      >>> read_config(Path("no/such/folder"))
      Traceback (most recent call last):
      ...
      jaxgan.core.errors.ConfigError: workdir: no/such/folder holds no run: there is no config.json
    """
    config: Config = _read(workdir, CONFIG, dict[str, Any])
    data = config.get("data")
    is_folder = isinstance(data, dict) and str(data.get("source")).startswith("folder:")
    # Before classes of folders were numbered naturally, `run.json` said nothing of the data.
    is_run = is_folder and (workdir / RUN).is_file()
    if is_run and "data" not in _read(workdir, RUN, dict[str, Any]):
        config["data"] = {"class_order": "text", **config["data"]}
    return config


def read_versions(workdir: Path) -> dict[str, str]:
    """What a run's folder was last written with.

    Args:
      workdir: the run's folder.

    Returns:
      Versions of jaxgan and of the libraries.

    Raises:
      ConfigError: if the folder is no run's, or its file is damaged.

    Example:
      See `write`.
    """
    return dict(_read(workdir, RUN, RunFile)["versions"])


def read_spec(workdir: Path) -> ElementSpec:
    """Shape and dtype of one example of a run's data.

    Args:
      workdir: the run's folder.

    Returns:
      The element spec.

    Raises:
      ConfigError: if the folder is no run's, or its file is damaged.

    Example:
      See `write`.
    """
    example = _read(workdir, RUN, RunFile)["example"]
    try:
        lengths = [n for shape in example.values() for n in shape["shape"]]
        if min(lengths, default=1) < 1:
            raise ValueError("it has a length below 1")
        return {k: jax.ShapeDtypeStruct(tuple(s["shape"]), s["dtype"]) for k, s in example.items()}
    except (TypeError, ValueError) as error:
        raise ConfigError(f"workdir: {workdir / RUN}: example: {one_line(error)}") from error


def read_data(workdir: Path) -> dict[str, Any] | None:
    """What a run's data were when it last began.

    Args:
      workdir: the run's folder.

    Returns:
      As `jaxgan.data.record_of` gave it; None where that was not written yet.

    Raises:
      ConfigError: if the folder is no run's, or its file is damaged.

    Example:
      >>> import tempfile
      >>> folder = Path(tempfile.mkdtemp())
      >>> data = {"num_examples": 9, "num_classes": 2, "class_names": [], "digest": "a"}
      >>> write(folder, {"seed": 0}, {}, data)
      >>> read_data(folder) == data
      True
    """
    data = _read(workdir, RUN, RunFile).get("data")
    return None if data is None else dict(data)


def check_same_data(workdir: Path, data: Mapping[str, Any], *, override: bool = False) -> None:
    """Raises if a run's classes are others than when it last began, and says what else changed.

    Args:
      workdir: the run's folder; it may not be there yet.
      data: as `jaxgan.data.record_of` gives it.
      override: whether to go on in spite of other classes.

    Raises:
      ConfigError: naming the class.

    Example:
      >>> check_same_data(Path("no/such/folder"), {"num_classes": 3})
    """
    old = read_data(workdir) if (workdir / RUN).is_file() else None
    if old is None:
        return
    try:
        change = check_same(old, data)
    except DataError as error:
        if not override:
            raise ConfigError(f"{error}, or --override-config to go on in spite of it") from error
        change = str(error)
    if change is not None:
        logger.warning("%s", change)


def _read(workdir: Path, name: str, kind: type[T]) -> T:
    path = workdir / name
    if not path.is_file():
        raise ConfigError(f"workdir: {workdir} holds no run: there is no {name}")
    try:
        return read_json(path, kind)
    except FileError as error:
        raise ConfigError(f"workdir: {error}") from error


def check_same_run(changed: Mapping[str, tuple[Any, Any]], free: Sequence[str]) -> None:
    """Raises unless the keys that changed are free to change when a run is resumed.

    Args:
      changed: (old, new) by dotted key, as `differences` gives them.
      free: dotted keys that may change, with all below them. Where the data lie may change too.

    Raises:
      ConfigError: listing every other key that differs.

    Example:
      >>> check_same_run({"total_steps": (1, 2)}, free=["total_steps"])
      >>> check_same_run({"seed": (1, 2)}, free=["total_steps"])
      Traceback (most recent call last):
      ...
      jaxgan.core.errors.ConfigError: workdir: another config's run is there: seed was 1, is 2
    """
    allowed = tuple(f"{key}." for key in free)
    refused = {
        key: values
        for key, values in changed.items()
        if not f"{key}.".startswith(allowed) and not _is_moved(key, values)
    }
    if refused:
        listed = "; ".join(f"{key} was {was!r}, is {now!r}" for key, (was, now) in refused.items())
        raise ConfigError(f"workdir: another config's run is there: {listed}")


def _is_moved(key: str, values: tuple[Any, Any]) -> bool:
    # The same kind of data at another path.
    if key != "data.source" or not all(isinstance(value, str) for value in values):
        return False
    kinds = {value.partition(":")[0] for value in values}
    return len(kinds) == 1 and kinds <= {"folder", "npz"}
