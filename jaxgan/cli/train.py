"""`jaxgan train`: trains what a config says, in a folder, from where it stopped."""

from __future__ import annotations

import argparse
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxgan.cli import job
from jaxgan.cli.program import add_trust, check_folder, whole
from jaxgan.core.errors import ConfigError, bad_value
from jaxgan.core.text import escaped

if TYPE_CHECKING:
    from jaxgan.config.base import Config

logger = logging.getLogger(__name__)

_DESCRIPTION = """\
Trains what a config says; or, with --data PATH, a GAN on pictures of one's own, with a config that
is chosen by a look at them (`jaxgan init` prints it). DIR gets report.html, the page of the run,
config.json, metrics.jsonl, tensorboard/, samples/, curves/, checkpoints/, and warnings.jsonl if the
run looks as if it collapsed. The same command again resumes from the last checkpoint.

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
        usage="jaxgan train (--config FILE[:ARG] | --data PATH [--size N]) --workdir DIR "
        "[--config.KEY=VALUE ...]",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--config", metavar="FILE[:ARG]", help="config file, or a run's folder")
    what.add_argument("--data", metavar="PATH", help="pictures: a folder, an archive, or KIND:PATH")
    parser.add_argument(
        "--size", type=whole(1), metavar="N", help="with --data: pixels per side (by the pictures)"
    )
    add_trust(parser)
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
    check_folder("workdir", args.workdir, args.workdir)
    from jaxgan.config.resolve import resolve
    from jaxgan.run.make import resumed_config
    from jaxgan.run.train import run_training

    override = args.override_config
    config = resolve(_config(args))
    config = resumed_config(config, args.workdir, override=override)
    _prepare_jax(args, config)
    trained = run_training(config, args.workdir, override=override, profile_steps=args.profile)
    logger.info("report: %s", args.workdir / "report.html")
    return int(trained.ended.exit)


def _config(args: argparse.Namespace) -> Config:
    """That of the file, or one for the data."""
    from jaxgan.config.base import with_flags
    from jaxgan.config.recipe import as_rows, look, recipe
    from jaxgan.run.saved import load_any_config

    if args.data is None:
        if args.size is not None:
            raise ConfigError(bad_value("size", args.size, "left out, as --config is given"))
        return load_any_config(args.config, args.overrides, trust_code=args.trust_code)
    found = look(args.data)
    config = recipe(found, image_size=args.size)
    for name, choice in as_rows(config, found):
        logger.info("%-13s %s", name, escaped(choice))
    if args.overrides:
        logger.info("%-13s %s", "but for", escaped(" ".join(args.overrides)))
    logger.info("jaxgan init --data %s prints this as a config", escaped(args.data))
    return with_flags(config, args.overrides)


def _prepare_jax(args: argparse.Namespace, config: Config) -> None:
    """What must be settled before anything touches a device."""
    from jaxgan.distributed import NO_FUSED_MULTIPLY_ADD
    from jaxgan.run.make import keep_compiled

    flags = []
    if config["deterministic"] or config["reproducible"]:
        flags.append("--xla_gpu_deterministic_ops=true")
    if config["reproducible"]:
        flags.append(NO_FUSED_MULTIPLY_ADD)
    if flags:
        os.environ["XLA_FLAGS"] = " ".join([os.environ.get("XLA_FLAGS", ""), *flags]).strip()
    keep_compiled()
    job.connect(args, config["stall_timeout_seconds"])
