"""What a checkpoint's folder should hold: `manifest.json`, written last, checked first.

The manifest lists every file beneath with its size and sha256, and says what the checkpoint is of.
It is compact JSON whose last field, `sha256`, is the digest of the text without that field, so a
changed bit in the manifest is found too; every format keeps that rule.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

from jaxgan.core.errors import FileError
from jaxgan.files import check_json, parse_json
from jaxgan.files.atomic import replacing
from jaxgan.version import __version__

NAME = "manifest.json"
FORMAT = 1


class ManifestError(ValueError):
    """What is wrong with a checkpoint's folder, in one line that names the file."""


class FormatError(ManifestError):
    """An intact manifest that a jaxgan with another format wrote."""


class Manifest(NamedTuple):
    """What a checkpoint is of.

    Attributes:
      step: number of steps done.
      created: when, in UTC, `2026-01-31T23:59:59+00:00`.
      versions: of jaxgan and of the libraries that wrote it.
      num_processes: how many wrote it; any number can read it.
      leaves: dtype and shape of each array by path, `float32[8,4]`.
      data_state: what the data stream needs to go on from here.
      metrics: by name; None for a number that was not finite.
      config: of the run; None if it was not given.
      files: (size in bytes, sha256) by path; `write` fills it in.
    """

    step: int
    created: str
    versions: dict[str, str]
    num_processes: int
    leaves: dict[str, str]
    data_state: dict[str, int]
    metrics: dict[str, float | None]
    config: dict[str, Any] | None
    files: dict[str, tuple[int, str]]


class _Versions(TypedDict):
    """What a manifest of any format has."""

    format: int
    versions: dict[str, str]


class _Content(TypedDict):
    """What one of this format has: the fields of `Manifest`, as JSON knows them."""

    step: int
    created: str
    versions: dict[str, str]
    num_processes: int
    leaves: dict[str, str]
    data_state: dict[str, int]
    metrics: dict[str, float | None]
    config: dict[str, Any] | None
    files: dict[str, tuple[int, str]]


def write(directory: Path, manifest: Manifest) -> None:
    """Completes a checkpoint: every file is flushed to the disk and hashed, then listed.

    Args:
      directory: the checkpoint's folder, with all its files.
      manifest: what it is of; its `files` are replaced by what is found.

    Raises:
      OSError: if a file cannot be read, or the manifest not be written.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "data").write_bytes(bytes(10))
    >>> write(folder,
    ...     Manifest(step=5, created="", versions={}, num_processes=1, leaves={}, data_state={},
    ...              metrics={}, config=None, files={}))
    >>> verify(folder).step
    5
    >>> _ = (folder / "data").write_bytes(bytes(9))
    >>> verify(folder)
    Traceback (most recent call last):
    ...
    jaxgan.checkpoint.manifest.ManifestError: data is truncated: 9 bytes, expected 10
    """
    files = {}
    for path in sorted(directory.rglob("*")):
        # What was not flushed could be empty after a power cut, when the older ones are gone.
        if path.is_dir():
            sync(path)
        elif path != directory / NAME:
            sync(path)
            files[path.relative_to(directory).as_posix()] = (path.stat().st_size, _sha256(path))
    content = {"format": FORMAT, **manifest._replace(files=files)._asdict()}
    with replacing(directory / NAME) as temporary:
        temporary.write_text(_sealed(content))
    sync(directory)


def read(directory: Path) -> Manifest:
    """The manifest of a checkpoint; the files it lists are not looked at.

    Args:
      directory: the checkpoint's folder.

    Returns:
      The manifest.

    Raises:
      ManifestError: if it is missing, unreadable, truncated or altered.
      FormatError: if it is of another format.
    """
    try:
        text = (directory / NAME).read_bytes().decode()
        content = parse_json(text, NAME, dict[str, Any])
    except FileNotFoundError:
        raise ManifestError(f"{NAME} is missing") from None
    except OSError as error:
        raise ManifestError(f"{NAME} cannot be read: {error.strerror}") from None
    except ValueError:
        raise ManifestError(f"{NAME} is truncated or altered") from None
    # Against the very text: a reader of JSON would pass over a changed blank.
    if _sealed(content) != text:
        raise ManifestError(f"{NAME} is altered")
    try:
        versions = check_json(content, NAME, _Versions)
        if versions["format"] != FORMAT:
            written = versions["versions"].get("jaxgan", "unknown")
            raise FormatError(
                f"{NAME} is of format {content['format']}, by jaxgan {written}; "
                f"jaxgan {__version__} reads format {FORMAT}"
            )
        checked = check_json(content, NAME, _Content)
    except FileError as error:
        raise ManifestError(str(error)) from None
    fields: dict[str, Any] = {name: content[name] for name in Manifest._fields}
    fields["files"] = {name: (size, digest) for name, (size, digest) in checked["files"].items()}
    return Manifest(**fields)


def verify(directory: Path) -> Manifest:
    """Reads every file of a checkpoint and compares it with the manifest.

    Files that the manifest does not list are passed over: nothing reads them.

    Args:
      directory: the checkpoint's folder.

    Returns:
      The manifest.

    Raises:
      ManifestError: for the first file that is missing, truncated, grown, altered or unreadable.
    """
    manifest = read(directory)
    for name, (size, digest) in manifest.files.items():
        path = directory / name
        try:
            found = path.stat().st_size
            if found != size:
                change = "truncated" if found < size else "too long"
                raise ManifestError(f"{name} is {change}: {found} bytes, expected {size}")
            if _sha256(path) != digest:
                raise ManifestError(f"{name} is altered: its sha256 is not what was written")
        except FileNotFoundError:
            raise ManifestError(f"{name} is missing") from None
        except OSError as error:
            raise ManifestError(f"{name} cannot be read: {error.strerror}") from None
    return manifest


def difference(expected: Mapping[str, str], found: Mapping[str, str]) -> str | None:
    """The first leaf in which two models differ.

    Args:
      expected: dtype and shape by path.
      found: the same of the other model.

    Returns:
      One line, or None if there is no difference.

    >>> difference({"a": "float32[2]", "b": "int32[]"}, {"a": "float32[3]", "b": "int32[]"})
    'a: expected float32[2], found float32[3]'
    """
    for name in [*expected, *(name for name in found if name not in expected)]:
        wanted, stored = expected.get(name, "nothing"), found.get(name, "nothing")
        if wanted != stored:
            return f"{name}: expected {wanted}, found {stored}"
    return None


def sync(path: Path) -> None:
    """Flushes a file, or the names in a folder, to the disk.

    Args:
      path: the file or folder. A folder is left to the file system if that offers no flushing.

    Raises:
      OSError: if a file cannot be flushed.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        if not path.is_dir():
            raise
    finally:
        os.close(descriptor)


def _sealed(content: Mapping[str, Any]) -> str:
    """The text of a manifest, whatever digest it carried before."""
    body = {name: value for name, value in content.items() if name != "sha256"}
    digest = hashlib.sha256(_json(body).encode()).hexdigest()
    return _json({**body, "sha256": digest}) + "\n"


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
