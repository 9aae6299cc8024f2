"""A run's own code: the files that its config refers to, kept in its folder.

Code runs as its user's own. That of a folder from somebody else runs only if its digests are in the
user's own list, where training puts them, or if the user says so.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

from jaxgan.config.base import Config
from jaxgan.config.portable import CODE, located, portable, references_of
from jaxgan.core.errors import ConfigError
from jaxgan.files.atomic import replacing

logger = logging.getLogger(__name__)


def trusted_path() -> Path:
    """The list of digests of code that the user has trained with: `~/.config/jaxgan/trusted`."""
    return Path(os.environ.get("XDG_CONFIG_HOME", Path.home() / ".config")) / "jaxgan" / "trusted"


def write_code(workdir: Path, config: Config) -> Config:
    """Copies the files that a config refers to into a run's folder, and trusts them from now on.

    Args:
      workdir: the run's folder.
      config: as `resolve` returns it.

    Returns:
      The config for `config.json`, as `portable` gives it.

    Example:
      >>> write_code(Path("no/such/folder"), {"seed": 0})
      {'seed': 0}
    """
    config, files = portable(config)
    for name, path in files.items():
        (workdir / CODE).mkdir(exist_ok=True)
        if not (workdir / CODE / name).exists() or not path.samefile(workdir / CODE / name):
            with replacing(workdir / CODE / name) as temporary:
                shutil.copyfile(path, temporary)
    _, calls = _split(references_of(config))
    _trust([*config.get(CODE, {}).values(), *map(_digest, calls)])
    return config


def located_code(workdir: Path, config: Config, *, trust: bool = False) -> Config:
    """A run's config with references to the files in its folder, which are the user's own.

    Args:
      workdir: the run's folder.
      config: as `config.json` has it.
      trust: whether to run code that the user has not trained with.

    Returns:
      The config for `resolve`; no code has run yet.

    Raises:
      ConfigError: if a file is not there, or nobody vouches for it: for any file in `code/`, as
        one may import another, or for a function of a package that the config calls.

    Example:
      >>> located_code(Path("a"), {"seed": 0})
      {'seed': 0}
    """
    folder, code = workdir / CODE, config.get(CODE, {})
    config = {key: value for key, value in config.items() if key != CODE}
    files, calls = _split(references_of(config))
    if outside := sorted(name for name in files if Path(name).name != name):
        raise ConfigError(f"workdir: {workdir} refers to {outside[0]!r}, which is not in {CODE}/")
    there = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    names = {path.relative_to(folder).as_posix() for path in there} if files or code else set()
    digests = {name: digest_of(folder / name) for name in sorted({*names, *files, *code})}
    known = _trusted()
    unknown = [name for name, digest in digests.items() if digest not in known]
    unknown += [call for call in sorted(calls) if _digest(call) not in known]
    if unknown and not trust:
        raise ConfigError(
            f"workdir: {workdir} has code that you have not trained with, {', '.join(unknown)}; "
            "read it, and give --trust-code to run it"
        )
    for name in changed_code(code, digests):
        logger.warning("%s is not what it was when the run began", folder / name)
    found: Config = located(config, folder)
    return found


def _split(references: Collection[str]) -> tuple[set[str], set[str]]:
    """Files, and functions of packages."""
    places = {text: text.rpartition(":")[0] for text in references}
    files = {place for place in places.values() if place.endswith(".py")}
    return files, {text for text, place in places.items() if place not in files}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def changed_code(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Files whose digests differ.

    Args:
      old: digests by name.
      new: likewise.

    Returns:
      (old digest, new digest) by name, "none" where there is none, shortened.

    Example:
      >>> changed_code({"a.py": "12", "b.py": "3"}, {"a.py": "12", "b.py": "4"})
      {'b.py': ('3', '4')}
    """
    pairs = {name: (old.get(name, "none"), new.get(name, "none")) for name in sorted({*old, *new})}
    return {name: (was[:12], now[:12]) for name, (was, now) in pairs.items() if was != now}


def digest_of(path: Path) -> str:
    """The sha256 of a file of code.

    Args:
      path: the file.

    Returns:
      In hexadecimal.

    Raises:
      ConfigError: if it is not there.

    Example:
      >>> len(digest_of(Path(__file__)))
      64
    """
    if not path.is_file():
        raise ConfigError(f"workdir: {path} is not there; bring the folder back whole")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _trusted() -> set[str]:
    try:
        return set(trusted_path().read_text().split())
    except (OSError, UnicodeDecodeError):
        return set()


def _trust(digests: Collection[str]) -> None:
    new = sorted(set(digests) - _trusted())
    if not new:
        return
    try:
        trusted_path().parent.mkdir(parents=True, exist_ok=True)
        with trusted_path().open("a") as file:
            file.write("".join(f"{digest}\n" for digest in new))
    except OSError as error:
        logger.warning("%s: other commands will ask for --trust-code", error)
