"""What a config may say, and what it says where it says nothing."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from jaxgan import distributed
from jaxgan.checkpoint.directory import Best
from jaxgan.config.base import Config, Table, check_keys, complete, plain
from jaxgan.config.games import named, resolve_game
from jaxgan.config.registry import (
    ALGORITHMS,
    AUGMENTATIONS,
    AUXILIARY,
    FIELDS,
    OPTIMIZERS,
    OPTIONAL,
    OPTIONAL_GIVEN,
    PENALTIES,
)
from jaxgan.core.errors import ConfigError
from jaxgan.training.nonfinite import POLICIES

# Whole numbers of a config: default and least value allowed.
INTEGERS: Mapping[str, tuple[int, int]] = {
    "analysis_every_steps": (0, 0),
    "batch_size": (64, 1),
    "checkpoint_every_steps": (1000, 1),
    "eval_every_steps": (0, 0),
    "keep_checkpoints": (3, 1),
    "latent_dim": (64, 1),
    "log_every_steps": (100, 1),
    "num_classes": (0, 0),
    "num_devices": (0, 0),
    "num_microbatches": (1, 1),
    "num_samples": (64, 1),
    "num_seeds": (1, 1),
    "sample_every_steps": (1000, 1),
    "seed": (0, 0),
    "stall_timeout_seconds": (600, 0),
    "substeps": (1, 1),
    "total_steps": (10_000, 1),
}
FLAGS: Mapping[str, bool] = {"deterministic": False, "watch": True}
SECTIONS = (
    "algorithm",
    "augment",
    "auxiliary",
    "data",
    "discriminator",
    "ema",
    "encoder",
    "evaluation",
    "field",
    "game",
    "generator",
    "instance_noise",
    "keep_best",
    "lookahead",
    "loss",
    "mesh",
    "nonfinite",
    "optimizer",
    "penalties",
    "unrolled",
)

# How the devices are arranged, see `jaxgan.distributed`: options and defaults.
MESH: Mapping[str, Any] = {
    "min_size": distributed.MIN_SIZE,
    "model": 1,
    "per_replica": False,
    "rules": {},
}

# What is measured in training, see `evaluation`: options and defaults.
EVALUATION: Mapping[str, Any] = {"metrics": [], "features": "auto", "num_samples": 5000}

# What may change between two runs in one workdir: how long, how often, where.
FREE_KEYS = (
    "analysis_every_steps",
    "checkpoint_every_steps",
    "data.data_dir",
    "eval_every_steps",
    "evaluation",
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
    "total_steps",
    "watch",
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
    check_keys(config, [*INTEGERS, *FLAGS, *SECTIONS])
    full: Config = {}
    for key, (default, least) in INTEGERS.items():
        value = config.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value < 2**31:
            raise ConfigError(f"{key}: {value!r}; it must be an integer from {least} to 2**31 - 1")
        full[key] = value
    for key, is_on in FLAGS.items():
        full[key] = config.get(key, is_on)
        if not isinstance(full[key], bool):
            raise ConfigError(f"{key}: {full[key]!r}; it must be true or false")
    full["nonfinite"] = config.get("nonfinite", "halt")
    if full["nonfinite"] not in POLICIES:
        raise ConfigError(
            f"nonfinite: {full['nonfinite']!r}; it must be one of {', '.join(POLICIES)}"
        )
    full["keep_best"] = _resolve_best(config.get("keep_best"))
    full["evaluation"] = _resolve_evaluation(config.get("evaluation", {}))
    _check_best_is_measured(full)
    data = config.get("data", {"source": "digits"})
    full["data"] = {"source": data} if isinstance(data, str) else data
    if not isinstance(full["data"], dict) or not isinstance(full["data"].get("source"), str):
        raise ConfigError(f"data: {data!r}; it must be a source or {{'source': ..., ...}}")
    full["data"] = {key: None if value == "none" else value for key, value in full["data"].items()}
    full |= resolve_game(config)
    for key, table in (("penalties", PENALTIES), ("auxiliary", AUXILIARY)):
        full[key] = _resolve_terms(key, config.get(key, {}), table)
    full["optimizer"] = _resolve_optimizers(config.get("optimizer", {}), named(full).players)
    full["algorithm"] = complete(
        config.get("algorithm", "simultaneous"),
        ALGORITHMS,
        "algorithm",
        given=("field", "optimizers", "critic"),
    )
    full["field"] = complete(config.get("field", "gradient"), FIELDS, "field", given=("field",))
    augment = config.get("augment")
    is_none = augment is None or augment == "none"
    full["augment"] = (
        None if is_none else complete(augment, AUGMENTATIONS, "augment", given=("game",))
    )
    full["mesh"] = _resolve_mesh(config.get("mesh", {}))
    for key in OPTIONAL:
        full[key] = _resolve_optional(key, config.get(key))
    return dict(sorted(full.items()))


def _resolve_optional(key: str, section: Any) -> Config | None:
    if section is None or section == "none":
        return None
    given = OPTIONAL_GIVEN[key]
    if not isinstance(section, dict):
        options = [p for p in inspect.signature(OPTIONAL[key]).parameters if p not in given]
        shape = ", ".join(f"{option!r}: ..." for option in options)
        raise ConfigError(f"{key}: {section!r}; it must be {{{shape}}} or none")
    return complete({"name": key, **section}, OPTIONAL, key, given=given)


def _resolve_best(section: Any) -> Config | None:
    if section is None or section == "none":
        return None
    if not isinstance(section, dict):
        raise ConfigError(f"keep_best: {section!r}; it must be {{'metric': ...}} or none")
    full = complete({"name": "keep_best", **section}, {"keep_best": Best}, "keep_best")
    full.pop("name")
    if not isinstance(full["metric"], str):
        raise ConfigError(f"keep_best.metric: {full['metric']!r}; it must be a metric's name")
    if isinstance(full["keep"], bool) or not isinstance(full["keep"], int) or full["keep"] < 1:
        raise ConfigError(f"keep_best.keep: {full['keep']!r}; it must be an integer, at least 1")
    if full["mode"] not in ("min", "max"):
        raise ConfigError(f"keep_best.mode: {full['mode']!r}; it must be 'min' or 'max'")
    return full


def _resolve_evaluation(section: Any) -> Config:
    if not isinstance(section, dict):
        raise ConfigError(f"evaluation: {section!r}; it must be {{option: value}}")
    check_keys(section, list(EVALUATION), "evaluation")
    full = {key: section.get(key, default) for key, default in EVALUATION.items()}
    metrics, num = full["metrics"], full["num_samples"]
    if not isinstance(metrics, list) or not all(isinstance(name, str) for name in metrics):
        raise ConfigError(f"evaluation.metrics: {metrics!r}; it must be a list of names")
    if not isinstance(full["features"], str):
        raise ConfigError(f"evaluation.features: {full['features']!r}; it must be a string")
    if isinstance(num, bool) or not isinstance(num, int) or num < 2:
        raise ConfigError(f"evaluation.num_samples: {num!r}; it must be an integer, at least 2")
    return full


def _check_best_is_measured(config: Config) -> None:
    """A checkpoint can be chosen by a score only if it is measured when the checkpoint is saved."""
    best, measured = config["keep_best"], config["eval_every_steps"]
    if best is None or not best["metric"].startswith("eval/"):
        return
    if not measured:
        raise ConfigError(
            f"keep_best.metric: {best['metric']!r}; nothing is evaluated, as eval_every_steps is 0"
        )
    if config["checkpoint_every_steps"] % measured:
        raise ConfigError(
            f"checkpoint_every_steps: {config['checkpoint_every_steps']}; with keep_best.metric "
            f"{best['metric']!r} it must be a multiple of eval_every_steps, {measured}"
        )


def _resolve_mesh(section: Any) -> Config:
    if not isinstance(section, dict):
        raise ConfigError(f"mesh: {section!r}; it must be {{option: value}}")
    check_keys(section, list(MESH), "mesh")
    full = {key: section.get(key, default) for key, default in MESH.items()}
    for key in ("model", "min_size"):
        if isinstance(full[key], bool) or not isinstance(full[key], int) or full[key] < 1:
            raise ConfigError(f"mesh.{key}: {full[key]!r}; it must be an integer, at least 1")
    if not isinstance(full["per_replica"], bool):
        raise ConfigError(f"mesh.per_replica: {full['per_replica']!r}; it must be true or false")
    if not isinstance(full["rules"], dict):
        raise ConfigError(f"mesh.rules: {full['rules']!r}; it must be {{expression: axis or none}}")
    return full


def _resolve_terms(key: str, section: Any, table: Table) -> Config:
    if not isinstance(section, dict):
        raise ConfigError(f"{key}: {section!r}; it must be {{name: {{option: value}}}}")
    resolved = {}
    for name, options in section.items():
        if options is None or options == "none":
            continue
        if not isinstance(options, dict):
            raise ConfigError(f"{key}.{name}: {options!r}; it must be {{option: value}} or none")
        resolved[name] = complete({"name": name, **options}, table, f"{key}.{name}")
    return {name: {k: v for k, v in s.items() if k != "name"} for name, s in resolved.items()}


def _resolve_optimizers(section: Any, players: tuple[str, ...]) -> Config:
    if not isinstance(section, dict) or set(section) != set(players):
        each = "one entry each" if len(players) > 1 else "one entry"
        raise ConfigError(
            f"optimizer: {section!r}; it must have {each} for {' and '.join(players)}"
        )
    return {p: complete(section[p], OPTIMIZERS, f"optimizer.{p}") for p in players}
