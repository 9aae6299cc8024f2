"""What a run is called elsewhere, kept in its folder, so that a resumed one goes on there."""

from __future__ import annotations

import json
from pathlib import Path

from jaxgan.files import read_json
from jaxgan.files.atomic import replacing

NAME = "tracking.json"


def read_id(workdir: Path, service: str, resume_step: int | None) -> str | None:
    """The name that a service gave to a run.

    Args:
      workdir: the run's folder.
      service: such as `mlflow`.
      resume_step: the step that it goes on from; None of one that begins, which has none yet.

    Returns:
      The name, if there is one.

    Raises:
      FileError: if the file is damaged.

    Example:
      >>> import tempfile
      >>> folder = Path(tempfile.mkdtemp())
      >>> write_id(folder, "mlflow", "a1b2")
      >>> [read_id(folder, "mlflow", step) for step in (100, None)]
      ['a1b2', None]
    """
    return None if resume_step is None else _read(workdir).get(service)


def write_id(workdir: Path, service: str, name: str) -> None:
    """Keeps the name that a service gave to a run.

    Args:
      workdir: the run's folder.
      service: such as `mlflow`.
      name: of the run there.

    Example:
      See `read_id`.
    """
    content = {**_read(workdir), service: name}
    with replacing(workdir / NAME) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n")


def _read(workdir: Path) -> dict[str, str]:
    path = workdir / NAME
    return read_json(path, dict[str, str]) if path.exists() else {}
