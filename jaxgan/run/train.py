"""Training: `jaxgan.train(algorithm, data, workdir=...)`, and what the command line calls."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jaxgan.config import algorithms
from jaxgan.config.algorithms import IN_PYTHON
from jaxgan.config.base import Config, plain
from jaxgan.config.data import open_data
from jaxgan.config.references import is_reading, reference_to
from jaxgan.config.resolve import resolve
from jaxgan.core.algorithm import Algorithm
from jaxgan.core.errors import ConfigError, InputError, NonFiniteError, bad_value
from jaxgan.core.text import escaped
from jaxgan.data import DeviceSource, Source, columns, summary
from jaxgan.data.record import repetition
from jaxgan.distributed.agreement import check_same
from jaxgan.distributed.processes import is_first
from jaxgan.run import directory
from jaxgan.run.loaded import Loaded
from jaxgan.run.lock import locked
from jaxgan.run.make import NOTHING, Given, MadeRun, make_run, resumed_config
from jaxgan.run.program import digest_of_step
from jaxgan.run.report import try_report
from jaxgan.run.saved import SavedRun, load_any_config
from jaxgan.training import loop
from jaxgan.training.hooks import Hook
from jaxgan.training.settings import Ended
from jaxgan.transforms import member as take_member

logger = logging.getLogger(__name__)

Data = str | Source | DeviceSource | Mapping[str, Any] | Callable[..., Any] | None


class Trained(NamedTuple):
    """A run after its training.

    Attributes:
      made: what was trained.
      ended: where it ended.
    """

    made: MadeRun
    ended: Ended


def train(
    algorithm: Algorithm | Callable[..., Algorithm] | Mapping[str, Any] | str | os.PathLike[str],
    data: Data = None,
    *,
    workdir: str | os.PathLike[str],
    hooks: Sequence[Hook] = (),
    override: bool = False,
    profile_steps: int = 0,
    **settings: Any,
) -> Loaded:
    """Trains in a folder, from where it stopped: logs, pictures, checkpoints and all the rest.

    The same call again resumes from the last checkpoint, to the bit. Ctrl-C, or a notebook's stop
    button, saves and returns. With several processes, which have met by
    `jaxgan.distributed.connect`, all call it.

    Args:
      algorithm: what trains: an `Algorithm`; or a function that makes one, at the top of a file,
        perhaps as a `functools.partial` with options, which every command then finds again by its
        name (it may ask for `spec`, the shapes of an example, and `num_classes`); or a config, as a
        dict, as `FILE` or `FILE:ARG`, or as the folder of a run.
      data: by a name that configs know, such as `"digits"` or `"folder:PATH"`; arrays by their
        names, see `jaxgan.data.columns`; a `Source` or `DeviceSource`; or a function that returns
        one of these, found again as that of an algorithm. None is no data, or those of the config.
      workdir: where to write; see `jaxgan train --help`.
      hooks: what is called besides, see `jaxgan.training.hooks`.
      override: whether to resume although keys of the config changed that should not.
      profile_steps: steps to trace; 0 for none.
      **settings: keys of a config: `total_steps`, `batch_size`, `seed`, `log_every_steps`,
        `checkpoint_every_steps`, `ema={"decay": 0.999}`, `evaluation={"metrics": ["fd"]}` and the
        others of docs/configs.md.

    Returns:
      The run as `jaxgan.load` returns it, where it ended. An algorithm without a name can be loaded
      elsewhere with `jaxgan.load(workdir, algorithm=...)`.

    Raises:
      InputError: naming what does not fit, before anything is compiled or written.
      LockedError: if another run has the folder.
      NonFiniteError: where numbers are lost.

    Example:
      >>> import tempfile
      >>> from jaxgan import bilinear, gradient, optimizers, simultaneous
      >>> sgds = {"gen": optimizers.sgd(0.1), "disc": optimizers.sgd(0.1)}
      >>> algorithm = simultaneous(gradient(bilinear()), optimizers=sgds)
      >>> with tempfile.TemporaryDirectory() as workdir:
      ...     run = train(algorithm, workdir=workdir, total_steps=100)
      ...     run.step, sorted(path.name for path in Path(workdir).iterdir())[:3]
      (100, ['checkpoints', 'config.json', 'curves'])
    """
    if is_reading():
        raise ConfigError(
            "jaxgan.train is called while its file is read for its functions; put the call under "
            "`if __name__ == '__main__':`"
        )
    folder = Path(os.path.expanduser(workdir))
    if folder.exists() and not folder.is_dir():
        raise ConfigError(bad_value("workdir", folder, "a folder, or new"))
    given = Given(
        algorithm if isinstance(algorithm, Algorithm) else None, _source_of(data), tuple(hooks)
    )
    config = _config_of(algorithm, data, given, settings)
    unnamed = config.get(algorithms.KEY, {}).get("name") == IN_PYTHON
    if unnamed and not isinstance(algorithm, Algorithm) and callable(algorithm):
        # A function that no other program finds: what it makes is all that there is.
        source = given.source or open_data(config)
        given = Given(
            algorithm=algorithms.call(algorithm, config, source.element_spec),
            source=source,
            hooks=given.hooks,
        )
    if given.algorithm is not None:
        config, given = _with_digest(config, given)
    config = resumed_config(config, folder, override=override)
    trained = run_training(
        config, folder, given=given, override=override, profile_steps=profile_steps
    )
    source = trained.made.source
    names = source.class_names if isinstance(source, Source) else ()
    saved = SavedRun(folder, config, source.element_spec, names, given.algorithm)
    state = trained.ended.state
    one = take_member(state, 0) if state.key.ndim else state
    return Loaded(saved, one, trained.ended.step, trained.made.loop.mesh, given.source)


def run_training(
    config: Config,
    workdir: Path,
    *,
    given: Given = NOTHING,
    override: bool = False,
    profile_steps: int = 0,
) -> Trained:
    """Trains what a config says, and what it is given besides.

    Args:
      config: as `resumed_config` returns it.
      workdir: the run's folder.
      given: what the config has no name for.
      override: whether the classes of the data may be others than when the run last began.
      profile_steps: steps to trace; 0 for none.

    Returns:
      What was trained, and where that ended.

    Raises:
      ConfigError, DataError, CheckpointError, ProcessError: for bad input.
      NonFiniteError: where numbers are lost.

    Example:
      See `train`.
    """
    made = make_run(config, workdir, given=given, profile_steps=profile_steps, override=override)
    spec = made.source.element_spec
    check_same(directory.describe(config, spec, made.data))
    if not is_first():
        logging.getLogger("jaxgan").setLevel(logging.WARNING)
    with locked(workdir) as lock:
        # Of all that can be refused the checkpoint is the last; only then anything is written.
        begun = loop.begin(made.loop)
        if lock is not None:
            logger.info("%s", escaped(summary(made.source)))
            if warning := repetition(made.source, config["batch_size"]):
                logger.warning("%s", warning)
            directory.write(workdir, config, spec, made.data)
            (workdir / "checkpoints").mkdir(exist_ok=True)
        try:
            ended = loop.train(made.loop, begun, may_write=None if lock is None else lock.check)
        except NonFiniteError:
            if lock is not None:
                try_report(workdir)
            raise
        if lock is not None:
            try_report(workdir)  # after SIGTERM too: by now everything else is saved
    return Trained(made, ended)


def _config_of(algorithm: Any, data: Data, given: Given, settings: Mapping[str, Any]) -> Config:
    """The resolved config; without the digest of what has no name."""
    if isinstance(algorithm, str | os.PathLike):
        config = load_any_config(os.fspath(algorithm))
    elif isinstance(algorithm, Mapping) and not isinstance(algorithm, Algorithm):
        config = plain(algorithm)
    else:
        config = {algorithms.KEY: _section_of(algorithm), "data": "none"}
    config = {**config, **settings}
    if given.source is not None:
        config["data"] = {"source": IN_PYTHON}
    elif callable(data):
        config["data"] = _named(data, "data", "source")
    elif data is not None:
        config["data"] = data
    return resolve(config)


def _section_of(algorithm: Any) -> Config:
    if not isinstance(algorithm, Algorithm) and not callable(algorithm):
        raise InputError(bad_value("algorithm", algorithm, algorithms.ALLOWED))
    named = None if isinstance(algorithm, Algorithm) else _named(algorithm, "algorithm", "name")
    return named or {"name": IN_PYTHON, "step": ""}


def _named(function: Any, path: str, key: str) -> Config | None:
    """The section of a function: its reference and options, if another program can find it."""
    options: Mapping[str, Any] = {}
    if isinstance(function, functools.partial) and not function.args:
        function, options = function.func, function.keywords
    try:
        return {key: reference_to(function, path), **plain(options)}
    except ConfigError:
        return None


def _with_digest(config: Config, given: Given) -> tuple[Config, Given]:
    """What is written of an algorithm that has no name, so that another one is not taken for it."""
    source = given.source or open_data(config)
    assert given.algorithm is not None
    step = digest_of_step(given.algorithm, source.element_spec, config["batch_size"])
    section = {"name": IN_PYTHON, "step": step}
    return {**config, algorithms.KEY: section}, Given(given.algorithm, source, given.hooks)


def _source_of(data: Data) -> Source | DeviceSource | None:
    """What was given as a value."""
    if isinstance(data, Source | DeviceSource):
        return data
    if isinstance(data, Mapping) and "source" not in data:
        return columns(data)
    if callable(data):
        # One without a name is called here: no other program finds it.
        return None if _named(data, "data", "source") else _source_of(data())
    if data is None or isinstance(data, str | Mapping):
        return None
    allowed = "a name such as 'digits', {column: array}, a Source, or left out"
    raise InputError(bad_value("data", data, allowed))
