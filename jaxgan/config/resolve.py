"""What a config may say, and what it says where it says nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from jaxgan import distributed, games
from jaxgan import transforms as tf
from jaxgan.checkpoint.directory import Best
from jaxgan.config import algorithms, grid
from jaxgan.config.base import Config, plain
from jaxgan.config.data import resolve_data
from jaxgan.config.evaluation import EVALUATION
from jaxgan.config.games import named, resolve_game
from jaxgan.config.games.base import ROLES
from jaxgan.config.hooks import HOOKS, WRITERS
from jaxgan.config.lists import Chain, Terms
from jaxgan.config.optimizers import OPTIMIZER
from jaxgan.config.registry import (
    ALGORITHMS,
    AUGMENTATIONS,
    AUXILIARY,
    FIELDS,
    PENALTIES,
    TRANSFORMS,
)
from jaxgan.config.sections import Choice, Options, Section, check_keys
from jaxgan.core.algorithm import Algorithm
from jaxgan.core.errors import ConfigError, bad_value
from jaxgan.core.game import Game
from jaxgan.core.penalty import Penalty
from jaxgan.core.ranges import BatchSize, Count, Index, Several, Width
from jaxgan.fields import Field


@dataclass(frozen=True)
class Settings:
    """The entries of a config that are no sections."""

    analysis_every_steps: Index = 0
    analysis_members: tuple[Index, ...] | Literal["all"] = (0,)
    batch_size: BatchSize = 64
    checkpoint_every_steps: Count = 1000
    deterministic: bool = False
    eval_every_steps: Index = 0
    keep_checkpoints: Count = 3
    latent_dim: Width = 64
    log_every_steps: Count = 100
    nonfinite: Literal["halt", "skip", "rollback"] = "halt"
    num_classes: Index = 0
    num_devices: Index = 0
    num_microbatches: Width = 1
    num_samples: Width = 64
    num_seeds: Width = 1
    sample_every_steps: Count = 1000
    seed: Index = 0
    stall_timeout_seconds: Index = 600
    substeps: Width = 1
    terms_every_steps: Index = 0
    total_steps: Count = 10_000
    watch: bool = True


class Mesh(NamedTuple):
    """How the devices are arranged, see `jaxgan.distributed`."""

    min_size: Count = distributed.MIN_SIZE
    model: Count = 1
    per_replica: bool = False
    rules: Mapping[str, Any] = MappingProxyType({})


class Reproducible(NamedTuple):
    """The shards whose sums have the same bits on any number of devices."""

    shards: Several


SECTIONS: Mapping[str, Section] = {
    "algorithm": Choice(
        ALGORITHMS, "simultaneous", "field", given=("optimizers", "critic"), makes=Algorithm
    ),
    "augment": Choice(AUGMENTATIONS, None, "game", makes=Game),
    "auxiliary": Terms(AUXILIARY, makes=Penalty),
    "ema": Options(tf.ema, "algorithm", given=("player",), optional=True),
    "evaluation": EVALUATION,
    "field": Chain(FIELDS, takes="field", identity="gradient", makes=Field),
    "hooks": HOOKS,
    "implicit": Options(
        games.implicit, "game", given=("player", "opponent", "inner"), optional=True
    ),
    "instance_noise": Options(games.instance_noise, "game", optional=True),
    "keep_best": Options(Best, optional=True),
    "lookahead": Options(tf.lookahead, "algorithm", optional=True),
    "mesh": Options(Mesh),
    "penalties": Terms(PENALTIES, given=("latent",), makes=Penalty),
    "reproducible": Options(Reproducible, optional=True),
    "transforms": Chain(TRANSFORMS, takes="algorithm", makes=Algorithm),
    "unrolled": Options(
        games.unrolled, "game", given=("player", "opponent", "inner"), optional=True
    ),
    "writers": WRITERS,
}
"""The sections that depend on nothing else."""

SETTINGS = Options(Settings)
SETTING_NAMES = tuple(one.name for one in fields(Settings))
WHOLE = algorithms.KEY
OTHERS = ("data", "game", "latent", "loss", "optimizer", WHOLE, *ROLES)
AHEAD = ("implicit", "unrolled")
"""Sections of which a config has one or none."""
PARTS = ("algorithm", "augment", "auxiliary", "field", "instance_noise", "penalties", *AHEAD)
"""Sections that a config with `make_algorithm` has not, as that makes all of them."""

# What may change between two runs in one workdir: how long, how often, where.
FREE_KEYS = (
    "analysis_every_steps",
    "analysis_members",
    "checkpoint_every_steps",
    "data.data_dir",
    "eval_every_steps",
    "evaluation",
    "hooks",
    "keep_best",
    "keep_checkpoints",
    "log_every_steps",
    "mesh.min_size",
    "mesh.model",
    "mesh.rules",
    "nonfinite",
    "num_devices",
    "num_samples",
    "sample_every_steps",
    "stall_timeout_seconds",
    "terms_every_steps",
    "total_steps",
    "watch",
    "writers",
)


def resolve(config: Config) -> Config:
    """Checks a config and fills in every default, so that it says all that a run depends on.

    Args:
      config: a nested dict; see docs/configs.md for its keys.

    Returns:
      The complete config, ready for JSON.

    Raises:
      ConfigError: naming the key, its value and what is allowed.

    Example:
      >>> minimal = {"generator": "mlp", "discriminator": "mlp", "data": {"source": "ring"},
      ...            "optimizer": {"gen": {"name": "adam", "learning_rate": 1e-3},
      ...                          "disc": {"name": "adam", "learning_rate": 1e-3}}}
      >>> config = resolve(minimal)
      >>> config["loss"], config["batch_size"], config["optimizer"]["gen"]["b2"]
      ({'name': 'non_saturating', 'smoothing': 0.0, 'fake_smoothing': 0.0}, 64, 0.999)
    """
    config = plain(config)
    section = config.pop(grid.KEY, None)
    if section is None or section in ("none", {}):
        full = {**_resolve(config), grid.KEY: {}}
    else:
        full = grid.resolve_grid(section, config, _resolve)
    return dict(sorted(full.items()))


def _resolve(config: Config) -> Config:
    """A config without a grid."""
    settings = {key: value for key, value in config.items() if key in SETTING_NAMES}
    is_whole = algorithms.is_whole(config)
    sections = {key: one for key, one in SECTIONS.items() if not (is_whole and key in PARTS)}
    check_keys(
        config, [*SETTING_NAMES, *sections, *(("data", WHOLE) if is_whole else OTHERS), grid.KEY]
    )
    full: Config = SETTINGS.resolve(settings, "")
    for key, section in sections.items():
        full[key] = section.resolve(_without_name(config.get(key), key), key)
    _check_best_is_measured(full)
    full["data"] = resolve_data(config.get("data", "digits"))
    if is_whole:
        full[WHOLE] = algorithms.SECTION.resolve(config[WHOLE], WHOLE)
        return full
    if full["implicit"] and full["unrolled"]:
        raise ConfigError("implicit is given; it must be none, as there is unrolled")
    full |= resolve_game(config)
    full["optimizer"] = _resolve_optimizers(config.get("optimizer"), named(full).players)
    return full


def make_section(config: Config, key: str, **given: Any) -> Any:
    """Makes what a section of a resolved config says.

    Args:
      config: as `resolve` returns it.
      key: the section's, of `SECTIONS`.
      **given: what the config does not say.

    Returns:
      The value; None where there is none.

    Raises:
      ConfigError: with the words of the function that refuses an option.

    Example:
      >>> make_section({"evaluation": {"metrics": ["fd"]}}, "evaluation").metrics
      ('fd',)
    """
    return SECTIONS[key].make(config[key], key, **given)


def _without_name(section: Any, key: str) -> Any:
    """Folders of 0.1 repeat the section's key in it: `"ema": {"name": "ema", ...}`."""
    if isinstance(section, dict) and section.get("name") == key:
        return {k: v for k, v in section.items() if k != "name"}
    return section


def _resolve_optimizers(section: Any, players: tuple[str, ...]) -> Config:
    if not isinstance(section, dict) or set(section) != set(players or section):
        each = f"{{{', '.join(f'{player!r}: ...' for player in players or ['PLAYER'])}}}"
        raise ConfigError(bad_value("optimizer", section, each))
    return {p: OPTIMIZER.resolve(section[p], f"optimizer.{p}") for p in players or section}


def is_score(metric: str) -> bool:
    """Whether a metric is a score of the evaluation in training, or its error.

    Args:
      metric: its name.

    Returns:
      Whether it is.

    Example:
      >>> is_score("eval/fd_pixels"), is_score("std/eval/kid"), is_score("loss/gen")
      (True, True, False)
    """
    return metric.removeprefix("std/").startswith("eval/")


def _check_best_is_measured(config: Config) -> None:
    """A checkpoint can be chosen by a score only if it is measured when the checkpoint is saved."""
    best, measured = config["keep_best"], config["eval_every_steps"]
    if best is None or not is_score(best["metric"]):
        return
    name = best["metric"]
    if not measured:
        raise ConfigError(
            f"keep_best.metric is {name!r}; nothing is evaluated, as eval_every_steps is 0"
        )
    if config["checkpoint_every_steps"] % measured:
        raise ConfigError(
            bad_value(
                "checkpoint_every_steps",
                config["checkpoint_every_steps"],
                f"a multiple of eval_every_steps, {measured}, as keep_best.metric is {name!r}",
            )
        )
