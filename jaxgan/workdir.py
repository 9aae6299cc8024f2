"""What a run's folder says of the run: its config, its data's shape, what wrote it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import flax
import jax
import optax

from jaxgan.config import Config, ConfigError, flatten
from jaxgan.data.source import ElementSpec
from jaxgan.version import __version__
from jaxgan.writers.atomic import replacing

CONFIG = "config.json"
RUN = "run.json"


def describe(config: Config, spec: ElementSpec) -> dict[str, Any]:
    """All that the processes of a job must have in common.

    Args:
      config: as `resolve` returns it.
      spec: shape and dtype of one example.

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
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        code.update(path.read_bytes())
    parts = {"config": config, "example": _example(spec), "version": _versions()}
    return {**flatten(parts), "code of jaxgan": code.hexdigest()[:16]}


def write(workdir: Path, config: Config, spec: ElementSpec) -> None:
    """Writes `config.json`, and `run.json` with shapes and versions.

    Args:
      workdir: the run's folder, which is created.
      config: as `resolve` returns it.
      spec: shape and dtype of one example.

    Example:
      >>> import tempfile
      >>> folder = Path(tempfile.mkdtemp())
      >>> write(folder, {"seed": 0}, {"image": jax.ShapeDtypeStruct((2,), "float32")})
      >>> read_config(folder), read_spec(folder)["image"].shape
      ({'seed': 0}, (2,))
    """
    run = {"versions": _versions(), "example": _example(spec)}
    workdir.mkdir(parents=True, exist_ok=True)
    for name, value in ((CONFIG, config), (RUN, run)):
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
      The resolved config.

    Raises:
      ConfigError: if the folder is no run's, or its file is damaged.

    Example:
      >>> read_config(Path("no/such/folder"))
      Traceback (most recent call last):
      ...
      jaxgan.config.ConfigError: workdir: no/such/folder holds no run: there is no config.json
    """
    return _read(workdir, CONFIG)


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
    example = _read(workdir, RUN)["example"]
    return {k: jax.ShapeDtypeStruct(tuple(s["shape"]), s["dtype"]) for k, s in example.items()}


def _read(workdir: Path, name: str) -> Any:
    path = workdir / name
    if not path.is_file():
        raise ConfigError(f"workdir: {workdir} holds no run: there is no {name}")
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise ConfigError(f"workdir: {path} is damaged: {error}") from error


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
      jaxgan.config.ConfigError: workdir: another config's run is there: seed was 1, is 2
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
