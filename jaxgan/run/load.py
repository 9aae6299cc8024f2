"""A trained run, back from its folder: `jaxgan.load(workdir)`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import jax
from jax.sharding import Mesh

from jaxgan import distributed
from jaxgan.checkpoint.checkpointer import Checkpoints
from jaxgan.checkpoint.directory import Archive, Best
from jaxgan.config import algorithms
from jaxgan.core.algorithm import Algorithm
from jaxgan.core.errors import ConfigError, bad_value
from jaxgan.core.state import TrainState, stream
from jaxgan.run.loaded import Loaded
from jaxgan.run.program import check_same_step, digest_of_step
from jaxgan.run.saved import SavedRun, read_run
from jaxgan.sampling.standing_statistics import standing_statistics
from jaxgan.transforms import member as take_member


def load(
    workdir: str | Path | SavedRun,
    *,
    algorithm: Algorithm | Callable[..., Algorithm] | None = None,
    step: int | str | None = None,
    member: int | None = None,
    ema: bool = True,
    standing_batches: int = 0,
    trust_code: bool = False,
    mesh: Mesh | None = None,
) -> Loaded:
    """Loads a run from its folder.

    Args:
      workdir: where `jaxgan train` wrote, or what `read_run` read there.
      algorithm: what it was trained with, or the function that makes it, where the folder has no
        name for it.
      step: which checkpoint: its number, `"best"` by the config's `keep_best`, or `"last"`, the
        default.
      member: which member of a run of several seeds; the first by default.
      ema: whether to sample from the averaged generator, where one was kept.
      standing_batches: where positive, the generator's batch statistics are recomputed over so
        many batches; see `standing_statistics`.
      trust_code: whether to run the folder's own code though the user has not trained with it.
      mesh: the devices that sample and measure; all of them by default.

    Returns:
      A `Loaded`; sample i depends on the key and i alone.

    Raises:
      ConfigError: if the folder is no run's, or has no checkpoint.
      CheckpointError: if its checkpoint does not fit its config.
      ValueError: if there is no such member, or there are no batch statistics to take.

    Example:
      >>> load("no/such/folder")
      Traceback (most recent call last):
      ...
      jaxgan.core.errors.ConfigError: workdir: no/such/folder holds no run: there is no config.json
    """
    saved = workdir if isinstance(workdir, SavedRun) else read_run(workdir, trust_code=trust_code)
    if algorithm is not None:
        saved = _with_algorithm(saved, algorithm)
    checkpoints = Checkpoints(saved.path / "checkpoints")
    steps, step = checkpoints.steps(), _number_of(step, saved)
    if not steps or (step is not None and step not in steps):
        asked = "" if step is None else f" {step}"
        raise ConfigError(f"workdir: {saved.path} has no checkpoint{asked}: {steps}")
    template = jax.eval_shape(saved.algorithm.init, jax.random.key(0))
    step, state, _ = checkpoints.restore(template, step)

    def state_of(member: int | None) -> TrainState:
        one = take_member(state, member or 0) if state.key.ndim or member is not None else state
        if not ema:
            one = one._replace(ema={})
        if not standing_batches:
            return one
        return standing_statistics(
            stream(jax.random.key(saved.config["seed"]), "standing"),
            saved.game,
            one,
            saved.spec,
            num_batches=standing_batches,
            num_classes=saved.num_classes,
        )

    return Loaded(
        saved,
        state_of(member),
        step,
        distributed.make_mesh() if mesh is None else mesh,
        member=member,
        standing_batches=standing_batches,
        state_of=state_of if state.key.ndim else None,
    )


def _number_of(step: int | str | None, saved: SavedRun) -> int | None:
    """A checkpoint's number; None is the last one's."""
    if step is None or step == "last":
        return None
    try:
        return int(step)
    except ValueError:
        pass
    if step != "best":
        raise ConfigError(bad_value("step", step, "a step, best or last"))
    best = saved.config["keep_best"]
    if best is None:
        raise ConfigError(f"step is best; {saved.path} has no best one, as its keep_best is none")
    folder = saved.path / "checkpoints"
    found = Checkpoints(folder, best=Best(**best)).best_step()
    if found is None:
        name = best["metric"]
        kept = Archive(folder, keep=1, best=None).manifests().values()
        has = any(name in one.metrics for one in kept)
        problem = f"{name} is finite in none of its checkpoints" if has else f"none has {name}"
        raise ConfigError(f"step is best; {saved.path} has no best checkpoint: {problem}")
    return found


def _with_algorithm(saved: SavedRun, algorithm: Algorithm | Callable[..., Algorithm]) -> SavedRun:
    """What a run says, with the algorithm that it has no name for."""
    section = saved.config.get(algorithms.KEY, {})
    if section.get("name") != algorithms.IN_PYTHON:
        raise ConfigError(f"algorithm is given; {saved.path} names its own, so leave it out")
    if not isinstance(algorithm, Algorithm):
        algorithm = algorithms.call(algorithm, saved.config, saved.spec)
    new = digest_of_step(algorithm, saved.spec, saved.config["batch_size"])
    check_same_step(saved.path, section["step"], new)
    return dataclasses.replace(saved, given=algorithm)
