"""A run's folder, read once: what it was trained with, and on what."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from jaxgan.config.algorithms import is_whole
from jaxgan.config.base import Config, load_config, with_flags
from jaxgan.config.build import build_algorithm
from jaxgan.config.games import has_normal_latents, named
from jaxgan.config.games.base import NamedGame
from jaxgan.config.resolve import resolve
from jaxgan.core.algorithm import Algorithm
from jaxgan.core.errors import ConfigError
from jaxgan.core.game import Game
from jaxgan.data.source import ElementSpec
from jaxgan.run import directory
from jaxgan.run.code import located_code
from jaxgan.version import __version__


@dataclass(frozen=True)
class SavedRun:
    """What a run's folder says, and what that builds.

    Attributes:
      path: the folder.
      config: as `resolve` returns it.
      spec: shape and dtype of one example of its data.
      class_names: of its data; () where they are not known.
      given: its algorithm, where the folder has no name for it.
    """

    path: Path
    config: Config
    spec: ElementSpec
    class_names: tuple[str, ...]
    given: Algorithm | None = None

    @property
    def num_classes(self) -> int | None:
        """Of a conditional run; None of another."""
        return self.config["num_classes"] or None

    @property
    def normal_latents(self) -> int | None:
        """The size of its latents, where they are standard normal."""
        return self.config["latent_dim"] if has_normal_latents(self.config) else None

    @property
    def is_images(self) -> bool:
        """Whether its examples are images, and not points."""
        return "image" in self.spec and len(self.spec["image"].shape) == 3

    @property
    def row(self) -> NamedGame:
        """The game that the config names."""
        return named(self.config)

    @cached_property
    def algorithm(self) -> Algorithm:
        """What it trains with."""
        try:
            return build_algorithm(self.config, self.spec, given=self.given)
        except ConfigError as error:
            if is_whole(self.config) and self.given is None:
                raise ConfigError(f"workdir: {self.path}: {error}") from error
            raise

    @property
    def game(self) -> Game:
        """The game that it plays, as its algorithm does."""
        return self.algorithm.field.game


def resolve_saved(config: Config, workdir: Path) -> Config:
    """The config of a run's folder as this version has it.

    Args:
      config: as the folder has it.
      workdir: the folder.

    Returns:
      The config, resolved.

    Raises:
      ConfigError: if it cannot be used, naming the version that wrote it if that is another.

    Example:
      See `read_run`.
    """
    try:
        return resolve(config)
    except ConfigError as error:
        writer = directory.read_versions(workdir).get("jaxgan", __version__)
        if writer == __version__:
            raise
        raise ConfigError(
            f"workdir: {workdir} was written by jaxgan {writer}, which can read it; "
            f"{__version__} cannot: {error}"
        ) from error


def load_any_config(spec: str, flags: Sequence[str] = (), *, trust_code: bool = False) -> Config:
    """Reads a config file, or the config of a run's folder.

    Args:
      spec: `FILE`, `FILE:ARG` or `DIR`.
      flags: what to change, each `--config.KEY=VALUE`.
      trust_code: whether to run a folder's own code though the user has not trained with it.

    Returns:
      The config as a plain nested dict.

    Raises:
      ConfigError: if there is no such file, or the folder is no run's.

    Example:
      >>> load_any_config("no_such_file.py")
      Traceback (most recent call last):
      ...
      jaxgan.core.errors.ConfigError: config: 'no_such_file.py' is not a file
    """
    path = Path(os.path.expanduser(spec))
    if not (path / directory.CONFIG).is_file():
        return load_config(spec, flags)
    config = located_code(path, directory.read_config(path), trust=trust_code)
    return with_flags(resolve_saved(config, path), flags)


def read_run(workdir: str | Path, *, trust_code: bool = False) -> SavedRun:
    """Reads what a run's folder says of the run; checkpoints are not opened.

    Args:
      workdir: where `jaxgan train` wrote.
      trust_code: whether to run the folder's own code though the user has not trained with it.

    Returns:
      A `SavedRun`.

    Raises:
      ConfigError: if the folder is no run's, or a file in it is damaged.

    Example:
      >>> read_run("no/such/folder")
      Traceback (most recent call last):
      ...
      jaxgan.core.errors.ConfigError: workdir: no/such/folder holds no run: there is no config.json
    """
    path = Path(os.path.expanduser(workdir))
    config = located_code(path, directory.read_config(path), trust=trust_code)
    config = resolve_saved(config, path)
    spec, data = directory.read_spec(path), directory.read_data(path) or {}
    return SavedRun(path, config, spec, tuple(data.get("class_names", ())))
