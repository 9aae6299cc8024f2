"""A training run put together: all that its config asks for, opened, built and checked."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from jaxgan import distributed, fields
from jaxgan.checkpoint.checkpointer import Checkpoints, check_directory
from jaxgan.config import algorithms, build, build_grid, build_loop, build_step, grid
from jaxgan.config.base import Config, differences
from jaxgan.config.data import open_data
from jaxgan.config.games import named
from jaxgan.config.hooks import make_hooks, make_writers
from jaxgan.config.portable import CODE, portable, references_of, renamed
from jaxgan.config.resolve import AHEAD, FREE_KEYS, is_score, make_section
from jaxgan.core.algorithm import Algorithm
from jaxgan.core.errors import ConfigError, bad_value
from jaxgan.core.game import Game
from jaxgan.core.state import stream
from jaxgan.core.typing import Batch
from jaxgan.data import DeviceSource, Source, pipeline, prefetch_to_device, record_of
from jaxgan.evaluation import Options
from jaxgan.features.weights import cache_dir
from jaxgan.run import directory
from jaxgan.run.code import FREE_SECTIONS, changed_code, core_code
from jaxgan.run.evaluation import make_run_evaluator, open_reference, split_of
from jaxgan.run.evaluation_hook import make_hook
from jaxgan.run.previews import make_pictures
from jaxgan.run.program import check_same_step
from jaxgan.run.report import make_report_hook
from jaxgan.run.saved import resolve_saved
from jaxgan.sampling.draw import makes_images
from jaxgan.training import loop
from jaxgan.training.hooks import Hook, check_every
from jaxgan.training.spectrum import make_spectrum
from jaxgan.training.terms import make_terms

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Given:
    """What a run is given in Python, where its config has no name for it.

    Attributes:
      algorithm: what trains.
      source: its data.
      hooks: what is called besides.
    """

    algorithm: Algorithm | None = None
    source: Source | DeviceSource | None = None
    hooks: tuple[Hook, ...] = ()


NOTHING = Given()


@dataclasses.dataclass(frozen=True)
class MadeRun:
    """A run that can begin.

    Attributes:
      loop: what `jaxgan.training.loop` runs.
      source: its data.
      data: what they are, as `record_of` says it.
    """

    loop: loop.Run
    source: Source | DeviceSource
    data: dict[str, Any]


def keep_compiled() -> None:
    """Keeps compiled programs for the next start, unless JAX has a folder for them.

    Example:
      See `jaxgan.cli.train`.
    """
    if getattr(jax.config, "jax_compilation_cache_dir", None) is None:
        jax.config.update("jax_compilation_cache_dir", str(cache_dir() / "jax"))


def resumed_config(config: Config, workdir: Path, *, override: bool = False) -> Config:
    """The config of a run that begins in a folder, or goes on there.

    Args:
      config: as `resolve` returns it.
      workdir: the run's folder, which need not be there.
      override: whether keys may have changed that should not.

    Returns:
      The config; labels of a folder go on meaning what they meant.

    Raises:
      ConfigError: if another config's run is there, or what is there is no whole run.

    Example:
      >>> resumed_config({"seed": 1}, Path("no/such/folder"))
      {'seed': 1}
    """
    saved, lines = workdir / "checkpoints", workdir / "metrics.jsonl"
    if not (workdir / directory.CONFIG).exists():
        if saved.exists():
            raise ConfigError(f"workdir: {workdir} has checkpoints but no {directory.CONFIG}")
        return config
    if saved.exists() and not saved.is_dir():
        raise ConfigError(f"workdir: {saved} is a file; it must be the folder of the checkpoints")
    if not saved.exists() and lines.exists() and lines.stat().st_size:
        raise ConfigError(
            f"workdir: {workdir} has logged steps but no checkpoints; bring that folder back, "
            "or give another workdir to begin again"
        )
    old, changed = _old_config(config, workdir)
    if "class_order" in old["data"] and config["data"]["source"].startswith("folder:"):
        order = {"class_order": old["data"]["class_order"]}
        config = {**config, "data": {**order, **config["data"]}}
    if not override and algorithms.KEY in config and algorithms.KEY in old:
        ours, theirs = config[algorithms.KEY], old[algorithms.KEY]
        if ours["name"] == theirs["name"] == algorithms.IN_PYTHON:
            check_same_step(workdir, theirs["step"], ours["step"])
            old[algorithms.KEY] = ours
    changed |= differences(old, config)
    if not override:
        directory.check_same_run(changed, free=FREE_KEYS)
    for key, (was, now) in changed.items():
        logger.info("config: %s was %r, is %r", key, was, now)
    return config


def _old_config(config: Config, workdir: Path) -> tuple[Config, dict[str, tuple[Any, Any]]]:
    """The config in a folder, with the code of the one that is given, and what differs of that."""
    old = directory.read_config(workdir)
    _, files = portable(config)
    code = core_code(old, workdir)
    core = {key: value for key, value in config.items() if key not in FREE_SECTIONS}
    changed = changed_code(code, portable(core)[0].get(CODE, {}))
    old = {key: value for key, value in old.items() if key != CODE}
    for key in FREE_SECTIONS:  # which may be others', and so may their code
        if key in old and references_of({key: old[key]}):
            old[key] = config[key]
    if missing := sorted(set(code) - set(files)):
        raise ConfigError(
            f"workdir: another config's run is there: its own code, {', '.join(missing)}, is not "
            "that of --config"
        )
    old = renamed(old, {name: str(path) for name, path in files.items()})
    if other := sorted(references_of(old) - references_of(config)):
        raise ConfigError(f"workdir: another config's run is there: it calls {other[0]!r}")
    return resolve_saved(old, workdir), {
        f"{CODE}.{name}": values for name, values in changed.items()
    }


def make_run(
    config: Config,
    workdir: Path,
    *,
    given: Given = NOTHING,
    profile_steps: int = 0,
    override: bool = False,
) -> MadeRun:
    """All that a config asks for, opened, built and checked; nothing is written.

    Args:
      config: as `resumed_config` returns it.
      workdir: the run's folder.
      given: what the config has no name for.
      profile_steps: steps to trace; 0 for none.
      override: whether the classes of the data may be others than when the run last began.

    Returns:
      A `MadeRun`.

    Raises:
      ConfigError, DataError, EvaluationError, CheckpointError: for bad input.

    Example:
      See `jaxgan.cli.train`.
    """
    check_directory(workdir / "checkpoints")
    mesh = build.build_mesh(config)
    every = {k: v for k, v in config.items() if k.endswith(("every_steps", "total_steps")) and v}
    check_every(every, steps_per_call=config["substeps"])
    source = open_data(config) if given.source is None else given.source
    spec = source.element_spec
    build.check_classes(config, source)
    data = record_of(source)
    directory.check_same_data(workdir, data, override=override)
    on_device = source if isinstance(source, DeviceSource) else None
    is_fed = on_device is None
    make = build.build_make(config, spec, on_device, given=given.algorithm)
    build_grid.check_axes(make, config, spec, is_fed)
    phases = build.build_phases(config, spec, on_device, mesh, given.algorithm)
    algorithm = phases[0]
    check_every(every, steps_per_call=algorithm.num_steps)
    policy = build_loop.build_policy(config, profile_steps, algorithm.num_steps)
    arguments = build_step.build_arguments(algorithm, config, spec, is_fed, mesh)
    build_grid.check_memory(config, arguments.state, mesh)
    logged: set[str] = set().union(
        *(build_step.check_step(phase, arguments) for phase in phases.values())
    )
    _check_best(config, logged, of_scores=False)
    made = loop.Run(
        algorithm=algorithm,
        batches=_batches(config, source, algorithm, mesh),
        key=jax.random.key(config["seed"]),
        total_steps=config["total_steps"],
        steps_per_call=algorithm.num_steps,
        log_every_steps=config["log_every_steps"],
        checkpoint_every_steps=config["checkpoint_every_steps"],
        workdir=workdir,
        mesh=mesh,
        template=arguments.state,
        checkpoints=Checkpoints(
            workdir / "checkpoints",
            keep=config["keep_checkpoints"],
            best=make_section(config, "keep_best"),
            config=portable(config)[0],
        ),
        work=build_loop.build_work(algorithm, config, arguments, mesh),
        hooks=(*_hooks(config, source, phases, mesh, workdir), *given.hooks),
        writers=make_writers(config["writers"], workdir, portable(config)[0]),
        policy=policy,
        watch=config["watch"],
        members=tuple(grid.member_names(config)) if config["sweep"] else (),
        later={first: phase for first, phase in phases.items() if first},
    )
    return MadeRun(made, source, data)


def _check_best(config: Config, names: Iterable[str], *, of_scores: bool) -> None:
    """Raises if `keep_best` names a metric of the step, or a score, that there will not be."""
    if (best := config["keep_best"]) is None:
        return
    name = best["metric"].removeprefix("std/") if of_scores else best["metric"]
    if is_score(best["metric"]) == of_scores and name not in names:
        raise ConfigError(bad_value("keep_best.metric", best["metric"], sorted(names)))


def _batches(
    config: Config, source: Source | DeviceSource, algorithm: Algorithm, mesh: Mesh
) -> Any:
    batches = pipeline(
        source,
        batch_size=config["batch_size"],
        seed=config["seed"],
        num_batches=algorithm.num_batches,
        process_index=jax.process_index(),
        num_processes=jax.process_count(),
    )
    if distributed.is_host(mesh):
        return batches  # the step takes them as they are; to put them takes 25 µs each
    return prefetch_to_device(batches, distributed.batch_sharding(mesh, algorithm.num_batches))


def _hooks(
    config: Config,
    source: Source | DeviceSource,
    phases: Mapping[int, Algorithm],
    mesh: Mesh,
    workdir: Path,
) -> Iterator[Hook]:
    algorithm = phases[0]
    game, sharding = algorithm.field.game, distributed.replicated(mesh)
    if named(config).panels or makes_images(game, source.element_spec):
        yield make_pictures(config, game, source, sharding=sharding, workdir=workdir)
    if config["analysis_every_steps"]:
        yield from _spectra(config, source, algorithm, mesh, workdir)
    if config["terms_every_steps"]:
        yield make_terms(
            {first: phase.field.game for first, phase in phases.items()},
            {} if algorithms.is_whole(config) else build.build_optimizers(config),
            _fixed_batch(config, source),
            every=config["terms_every_steps"],
            mesh=mesh,
        )
    if config["eval_every_steps"]:
        yield _evaluation(config, game, source, mesh, workdir)
    every = config["sample_every_steps"]
    yield make_report_hook(workdir, every=every, total_steps=config["total_steps"])
    yield from make_hooks(
        config["hooks"],
        log_every_steps=config["log_every_steps"],
        steps_per_call=algorithm.num_steps,
        game=game,
        source=source,
        workdir=workdir,
    )


def _fixed_batch(config: Config, source: Source | DeviceSource) -> Batch:
    num = config["batch_size"]
    if isinstance(source, DeviceSource):
        return source.sample(stream(jax.random.key(config["seed"]), "analysis"), num)
    batch: Batch = jax.tree.map(jnp.asarray, source.read(np.arange(num) % source.num_examples))
    return batch


def _spectra(
    config: Config,
    source: Source | DeviceSource,
    algorithm: Algorithm,
    mesh: Mesh,
    workdir: Path,
) -> Iterator[Hook]:
    names, chosen = grid.member_names(config), config["analysis_members"]
    watched = list(range(len(names))) if chosen == "all" else chosen
    if beyond := [index for index in watched if index >= len(names)]:
        allowed = f"all, or some from 0 to {len(names) - 1}"
        raise ConfigError(bad_value("analysis_members", beyond[0], allowed))
    for index in watched:
        name = names[index] if len(watched) > 1 else ""
        one = grid.at_point(config, grid.member_numbers(config, index))
        own = algorithm
        if config[grid.KEY]:
            own = build.build_algorithm({**one, "num_seeds": 1}, source.element_spec)
        yield _spectrum(one, source, own, mesh, workdir, index=index, name=name)


def _spectrum(
    config: Config,
    source: Source | DeviceSource,
    algorithm: Algorithm,
    mesh: Mesh,
    workdir: Path,
    **of_member: Any,
) -> Hook:
    batch = _fixed_batch(config, source)
    every = config["analysis_every_steps"]
    if algorithms.is_whole(config):
        return make_spectrum(
            {"field": algorithm.field},
            {},
            batch,
            every=every,
            mesh=mesh,
            workdir=workdir,
            **of_member,
        )
    # The game as it would be played by plain descent, to compare with.
    plain = build.build_game({**config, **dict.fromkeys(AHEAD)}, source.element_spec)
    watched = {"gradient": fields.gradient(plain)}
    names = [entry["name"] for entry in reversed(config["field"])] or ["gradient"]
    names += [key for key in AHEAD if config[key]]
    if names != ["gradient"]:
        watched[" of ".join(names)] = algorithm.field
    optimizers = build.build_optimizers(config)
    return make_spectrum(
        watched, optimizers, batch, every=every, mesh=mesh, workdir=workdir, **of_member
    )


def _evaluation(
    config: Config, game: Game, source: Source | DeviceSource, mesh: Mesh, workdir: Path
) -> Hook:
    said = make_section(config, "evaluation")
    real = source if config["data"].get("num_labels") is None else open_reference(config)
    options = Options(
        metrics=said.metrics,
        num_samples=said.num_samples,
        seed=config["seed"],
        split=split_of(config, None),
    )
    evaluator = make_run_evaluator(
        config, game, source.element_spec, real, mesh, options, features=said.features
    )
    known = [f"eval/{name}" for name in evaluator.names]
    _check_best(config, known, of_scores=True)
    return make_hook(evaluator, every=config["eval_every_steps"], workdir=workdir)
