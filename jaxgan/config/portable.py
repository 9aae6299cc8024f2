"""References in a whole config: where their files are, what belongs to a run's folder.

In memory the file of a reference is an absolute path. In a run's folder it is a name in `code/`,
where the file lies with those that it imports beside it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jaxgan.config.references import imported, is_reference
from jaxgan.core.errors import ConfigError

CODE = "code"
"""The key of a run's config under which the digests of its files are, and their folder's name."""


def is_own_source(text: Any) -> bool:
    """Whether a data source is people's own; the kinds that jaxgan knows come first.

    Args:
      text: anything.

    Returns:
      Whether it is a reference, and no kind of `jaxgan.data`.

    Example:
      >>> is_own_source("mine.py:faces"), is_own_source("tfds:mnist"), is_own_source("digits")
      (True, False, False)
    """
    if not is_reference(text):
        return False
    from jaxgan.data.open import SOURCES  # here, as that brings Grain and Pillow

    return text.partition(":")[0] not in SOURCES


def is_own_extractor(text: Any) -> bool:
    """Whether features are people's own; the names that jaxgan knows come first.

    Args:
      text: anything.

    Returns:
      Whether it is a reference, and no name of `jaxgan.features`.

    Example:
      >>> is_own_extractor("mine.py:clip"), is_own_extractor("inception:weights")
      (True, False)
    """
    if not is_reference(text):
        return False
    from jaxgan.features.open import NAMES  # here, as that brings Grain and Pillow

    return text.partition(":")[0] not in NAMES


def _referring(config: Mapping[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    """A config whose references are changed, but not what names a kind that jaxgan knows."""

    def changed(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: changed(entry) for key, entry in value.items()}
        if isinstance(value, list):
            return [changed(entry) for entry in value]
        return change(value) if is_reference(value) else value

    def of_data(section: Any) -> Any:
        source = section.get("source") if isinstance(section, Mapping) else section
        return changed(section) if is_own_source(source) else section

    def of_evaluation(section: Any) -> Any:
        if not isinstance(section, Mapping):
            return section
        return {
            key: entry
            if key == "features" and isinstance(entry, str) and not is_own_extractor(entry)
            else changed(entry)
            for key, entry in section.items()
        }

    special = {"data": of_data, "evaluation": of_evaluation}
    return {key: special.get(key, changed)(entry) for key, entry in config.items()}


def located(config: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """A config whose references to files are absolute.

    Args:
      config: a nested config.
      folder: in which its files are.

    Returns:
      The config.

    Example:
      >>> located({"loss": {"name": "mine.py:soft_hinge"}}, Path("/a"))
      {'loss': {'name': '/a/mine.py:soft_hinge'}}
    """

    def moved(text: str) -> str:
        place, _, name = text.rpartition(":")
        return f"{(folder / place).resolve()}:{name}" if place.endswith(".py") else text

    return _referring(config, moved)


def portable(config: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Path]]:
    """A config as a run's folder has it, and the files that belong to it.

    Args:
      config: with absolute references.

    Returns:
      (the config with names of files and, under `code`, their digests; the files by name). A config
      without files is as it was.

    Raises:
      ConfigError: if two files have one name.

    Example:
      >>> portable({"loss": {"name": "hinge"}})
      ({'loss': {'name': 'hinge'}}, {})
    """
    referred = {Path(text.rpartition(":")[0]) for text in references_of(config)}
    referred = {path for path in referred if path.suffix == ".py"}
    files: dict[str, Path] = {}
    for path in sorted({*referred, *(file for one in referred for file in imported(one))}):
        other = files.setdefault(path.name, path)
        if other != path and other.read_bytes() != path.read_bytes():
            raise ConfigError(f"'{path}' and '{other}' have one name; rename one of them")
    if not files:
        return dict(config), {}
    named = {str(path): path.name for path in referred}
    code = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}
    return {**renamed(config, named), CODE: code}, files


def renamed(config: Mapping[str, Any], named: Mapping[str, str]) -> dict[str, Any]:
    """A config whose files have other names.

    Args:
      config: a nested config.
      named: new names by old ones.

    Returns:
      The config.

    Example:
      >>> renamed({"loss": "mine.py:soft_hinge"}, {"mine.py": "/a/mine.py"})
      {'loss': '/a/mine.py:soft_hinge'}
    """

    def moved(text: str) -> str:
        place, _, name = text.rpartition(":")
        return f"{named[place]}:{name}" if place in named else text

    return _referring(config, moved)


def references_of(config: Mapping[str, Any]) -> set[str]:
    """All references in a config.

    Args:
      config: a nested config, which need not be complete.

    Returns:
      The texts that are references; names of kinds that jaxgan knows, such as `tfds:mnist` for
      data, are none.

    Example:
      >>> sorted(references_of({"data": {"source": "tfds:mnist"}, "field": ["mine.py:slowed"]}))
      ['mine.py:slowed']
      >>> sorted(references_of({"data": {"source": "mine.py:faces"}}))
      ['mine.py:faces']
    """
    found: set[str] = set()

    def note(text: str) -> str:
        found.add(text)
        return text

    _referring(config, note)
    return found
