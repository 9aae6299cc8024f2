"""`jaxgan train`: trains what a config says, in a folder, from where it stopped."""

from __future__ import annotations

import argparse
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxgan.cli import job
from jaxgan.cli.program import check_folder
from jaxgan.core.text import escaped

if TYPE_CHECKING:
    from jax.sharding import Mesh

    from jaxgan.algorithms import Algorithm
    from jaxgan.config.base import Config
    from jaxgan.data import DeviceSource, Source
    from jaxgan.training.loop import Evaluate, Run
    from jaxgan.training.spectrum import Probe

logger = logging.getLogger(__name__)

_DESCRIPTION = """\
Trains what a config says. DIR gets config.json, metrics.jsonl, tensorboard/, samples/,
curves.png, checkpoints/, and warnings.jsonl if the run looks as if it collapsed. The same command
again resumes from the last checkpoint.

Any key of the config can be changed: --config.KEY=VALUE, such as
--config.optimizer.gen.learning_rate=1e-4 or --config.loss=hinge."""


def add_parser(commands: Any) -> None:
    """Adds the command to the parser.

    Args:
      commands: argparse's sub-parsers.

    Example:
      >>> parser = argparse.ArgumentParser()
      >>> add_parser(parser.add_subparsers())
      >>> parser.parse_args(["train", "--config", "a.py", "--workdir", "b"]).config
      'a.py'
    """
    parser = commands.add_parser(
        "train",
        help="train a GAN",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        usage="jaxgan train --config FILE[:ARG] --workdir DIR [--config.KEY=VALUE ...]",
    )
    parser.add_argument("--config", required=True, metavar="FILE[:ARG]", help="config file")
    parser.add_argument("--workdir", required=True, type=Path, metavar="DIR", help="where to write")
    parser.add_argument(
        "--override-config",
        action="store_true",
        help="resume although keys of the config changed that should not",
    )
    parser.add_argument(
        "--profile", type=int, default=0, metavar="STEPS", help="trace so many steps (DIR/profile)"
    )
    job.add_flags(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Trains; see `jaxgan train --help`.

    Args:
      args: as parsed.

    Returns:
      The exit code.

    Raises:
      ConfigError, DataError, CheckpointError, ProcessError: for bad input.
      NonFiniteError: where numbers are lost.
    """
    config = _read_config(args)
    _prepare_jax(args, config)
    from jaxgan.data import summary
    from jaxgan.distributed import processes
    from jaxgan.distributed.agreement import check_same
    from jaxgan.run import directory
    from jaxgan.training import loop

    made, source, data = _make_run(args, config)
    spec = source.element_spec
    check_same(directory.describe(config, spec, data))
    if not processes.is_first():
        logging.getLogger("jaxgan").setLevel(logging.WARNING)
    with job.locked(args.workdir) as lock:
        # Of all that can be refused the checkpoint is the last; only then anything is written.
        begun = loop.begin(made)
        if lock is not None:
            logger.info("%s", escaped(summary(source)))
            directory.write(args.workdir, config, spec, data)
            (args.workdir / "checkpoints").mkdir(exist_ok=True)
        outcome = loop.train(made, begun, may_write=None if lock is None else lock.check)
    logger.info("pictures: %s, %s", args.workdir / "samples", args.workdir / "curves.png")
    return int(outcome)


def _make_run(
    args: argparse.Namespace, config: Config
) -> tuple[Run, Source | DeviceSource, dict[str, Any]]:
    """All that a config asks for, opened, built and checked; nothing is written."""
    import jax

    from jaxgan import distributed
    from jaxgan.checkpoint.checkpointer import Checkpoints, check_directory
    from jaxgan.checkpoint.directory import Best
    from jaxgan.config import build
    from jaxgan.data import DeviceSource, pipeline, prefetch_to_device
    from jaxgan.run.previews import make_run_draw
    from jaxgan.training import loop

    check_directory(args.workdir / "checkpoints")
    mesh = build.build_mesh(config)
    cadence, policy = build.build_cadence(config), build.build_policy(config, args.profile)
    source = build.open_data(config)
    spec = source.element_spec
    build.check_classes(config, source)
    data = _know_again(args, source)
    on_device = source if isinstance(source, DeviceSource) else None
    phases = build.build_phases(config, spec, on_device, mesh)
    is_fed = on_device is None
    for phase in phases.values():
        build.check_step(phase, config, spec, is_fed, mesh)
    algorithm = phases.pop(0)
    batches = pipeline(
        source,
        batch_size=config["batch_size"],
        seed=config["seed"],
        num_batches=algorithm.num_batches,
        process_index=jax.process_index(),
        num_processes=jax.process_count(),
    )
    best = config["keep_best"]
    made = loop.Run(
        algorithm=algorithm,
        batches=prefetch_to_device(
            batches, distributed.batch_sharding(mesh, algorithm.num_batches)
        ),
        key=jax.random.key(config["seed"]),
        cadence=cadence,
        workdir=args.workdir,
        mesh=mesh,
        shardings=build.build_shardings(config, algorithm, mesh),
        checkpoints=Checkpoints(
            args.workdir / "checkpoints",
            keep=config["keep_checkpoints"],
            best=Best(**best) if best else None,
            config=config,
        ),
        work=build.build_work(algorithm, config, spec, is_fed, mesh),
        draw=make_run_draw(config, source, distributed.replicated(mesh)),
        probe=_make_probe(config, source, algorithm, args.workdir),
        evaluate=_make_evaluate(config, source, mesh, args.workdir),
        policy=policy,
        watch=config["watch"],
        later=phases,
    )
    return made, source, data


def _prepare_jax(args: argparse.Namespace, config: Config) -> None:
    """What must be settled before anything touches a device."""
    if config["deterministic"]:
        flags = os.environ.get("XLA_FLAGS", "")
        os.environ["XLA_FLAGS"] = f"{flags} --xla_gpu_deterministic_ops=true".strip()
    keep_compiled()
    job.connect(args, config["stall_timeout_seconds"])


def keep_compiled() -> None:
    """Keeps compiled programs for the next start, unless JAX is told where already.

    Example:
      See `run`.
    """
    import jax

    from jaxgan.features.weights import cache_dir

    if getattr(jax.config, "jax_compilation_cache_dir", None) is None:
        jax.config.update("jax_compilation_cache_dir", str(cache_dir() / "jax"))


def _read_config(args: argparse.Namespace) -> Config:
    from jaxgan.config.base import ConfigError, differences, load_config
    from jaxgan.config.resolve import FREE_KEYS, resolve
    from jaxgan.run import directory

    check_folder("workdir", args.workdir, args.workdir)
    config = resolve(load_config(args.config, args.overrides))
    saved, lines = args.workdir / "checkpoints", args.workdir / "metrics.jsonl"
    if not (args.workdir / directory.CONFIG).exists():
        if saved.exists():
            raise ConfigError(f"workdir: {args.workdir} has checkpoints but no {directory.CONFIG}")
        return config
    if saved.exists() and not saved.is_dir():
        raise ConfigError(f"workdir: {saved} is a file; it must be the folder of the checkpoints")
    if not saved.exists() and lines.exists() and lines.stat().st_size:
        raise ConfigError(
            f"workdir: {args.workdir} has logged steps but no checkpoints; bring that folder back, "
            "or give another workdir to begin anew"
        )
    old = resolve(directory.read_config(args.workdir))
    if "class_order" in old["data"] and config["data"]["source"].startswith("folder:"):
        # Labels go on meaning what they meant.
        config["data"] = {"class_order": old["data"]["class_order"], **config["data"]}
    changed = differences(old, config)
    if not args.override_config:
        directory.check_same_run(changed, free=FREE_KEYS)
    for key, (was, now) in changed.items():
        logger.info("config: %s was %r, is %r", key, was, now)
    return config


def _know_again(args: argparse.Namespace, source: Source | DeviceSource) -> dict[str, Any]:
    """What the data are, refused where their classes are not the run's."""
    from jaxgan.data import record_of
    from jaxgan.run import directory

    data = record_of(source)
    directory.check_same_data(args.workdir, data, override=args.override_config)
    return data


def _make_probe(
    config: Config, source: Source | DeviceSource, algorithm: Algorithm, folder: Path
) -> Probe | None:
    import jax
    import numpy as np

    from jaxgan import fields
    from jaxgan.config import build
    from jaxgan.core.state import stream
    from jaxgan.data import DeviceSource
    from jaxgan.training.spectrum import make_probe

    if not config["analysis_every_steps"]:
        return None
    num = config["batch_size"]
    if isinstance(source, DeviceSource):
        batch = source.sample(stream(jax.random.key(config["seed"]), "analysis"), num)
    else:
        batch = jax.tree.map(jax.numpy.asarray, source.read(np.arange(num) % source.num_examples))
    # The game as it would be played by plain descent, to compare with.
    plain = build.build_game({**config, "unrolled": None}, source.element_spec)
    watched = {"gradient": fields.gradient(plain)}
    if config["field"]["name"] != "gradient" or config["unrolled"] is not None:
        names = [config["field"]["name"], "unrolled" if config["unrolled"] else ""]
        watched[" of ".join(name for name in names if name)] = algorithm.field
    return make_probe(watched, build.build_optimizers(config), batch, folder)


def _make_evaluate(
    config: Config, source: Source | DeviceSource, mesh: Mesh, folder: Path
) -> Evaluate | None:
    from jaxgan.config.base import ConfigError
    from jaxgan.evaluation import Options
    from jaxgan.run.evaluation import make_run_evaluator, open_reference, split_of
    from jaxgan.run.evaluation_hook import make_hook

    if not config["eval_every_steps"]:
        return None
    section = config["evaluation"]
    real = source if config["data"].get("num_labels") is None else open_reference(config)
    options = Options(
        metrics=tuple(section["metrics"]),
        num_samples=section["num_samples"],
        seed=config["seed"],
        split=split_of(config, None),
    )
    evaluator = make_run_evaluator(
        config, source.element_spec, real, mesh, options, features=section["features"]
    )
    best = config["keep_best"]
    known = [f"eval/{name}" for name in evaluator.names]
    if best and best["metric"].startswith("eval/") and best["metric"] not in known:
        raise ConfigError(
            f"keep_best.metric: {best['metric']!r}; what is evaluated gives {', '.join(known)}"
        )
    return make_hook(evaluator, folder)
