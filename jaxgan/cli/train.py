"""`jaxgan train`: trains what a config says, in a folder, from where it stopped."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from jaxgan.algorithms import Algorithm
    from jaxgan.config import Config
    from jaxgan.data import DeviceSource, Source
    from jaxgan.probe import Probe
    from jaxgan.state import TrainState

logger = logging.getLogger(__name__)

_PREFIX = "--config."
_DESCRIPTION = """\
Trains what a config says. DIR gets config.json, metrics.jsonl, tensorboard/, samples/,
curves.png and checkpoints/. The same command again resumes from the last checkpoint.

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
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Trains; see `jaxgan train --help`.

    Args:
      args: as parsed.

    Returns:
      The exit code.

    Raises:
      ConfigError, DataError, CheckpointError: for bad input.
      NonFiniteError: where numbers are lost.
    """
    import jax

    from jaxgan import build, loop, parallel, workdir
    from jaxgan.data import DeviceSource, pipeline, prefetch_to_device

    config = _read_config(args)
    mesh = build.build_mesh(config)
    cadence = build.build_cadence(config)
    source = build.open_data(config)
    spec = source.element_spec
    on_device = source if isinstance(source, DeviceSource) else None
    algorithm = build.build_algorithm(config, spec, on_device, mesh)
    build.check_step(algorithm, config, spec, is_fed=on_device is None)

    workdir.write(args.workdir, config, spec)
    batches = pipeline(
        source,
        batch_size=config["batch_size"],
        seed=config["seed"],
        num_batches=algorithm.num_batches,
    )
    batches = prefetch_to_device(batches, parallel.batch_sharding(mesh, algorithm.num_batches))
    outcome = loop.train(
        algorithm,
        batches,
        jax.random.key(config["seed"]),
        cadence,
        args.workdir,
        mesh=mesh,
        shardings=build.build_shardings(config, algorithm, mesh),
        images_per_step=build.images_per_step(config, algorithm),
        draw=_make_draw(config, source),
        probe=_make_probe(config, source, algorithm, args.workdir),
        keep_checkpoints=config["keep_checkpoints"],
    )
    logger.info("pictures: %s, %s", args.workdir / "samples", args.workdir / "curves.png")
    return int(outcome)


def _read_config(args: argparse.Namespace) -> Config:
    from jaxgan import build, workdir
    from jaxgan.config import ConfigError, differences, load_config, override

    config = load_config(args.config)
    for flag in args.overrides:
        key, _, value = flag.removeprefix(_PREFIX).partition("=")
        config = override(config, key, value)
    config = build.resolve(config)
    if not (args.workdir / workdir.CONFIG).exists():
        if (args.workdir / "checkpoints").exists():
            raise ConfigError(f"workdir: {args.workdir} has checkpoints but no {workdir.CONFIG}")
        return config
    changed = differences(workdir.read_config(args.workdir), config)
    if not args.override_config:
        workdir.check_same_run(changed, free=build.FREE_KEYS)
    for key, (was, now) in changed.items():
        logger.info("config: %s was %r, is %r", key, was, now)
    return config


def _make_probe(
    config: Config, source: Source | DeviceSource, algorithm: Algorithm, folder: Path
) -> Probe | None:
    import jax
    import numpy as np

    from jaxgan import build, fields
    from jaxgan.data import DeviceSource
    from jaxgan.probe import make_probe
    from jaxgan.state import stream

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


def _make_draw(config: Config, source: Source | DeviceSource) -> Callable[[TrainState], np.ndarray]:
    import jax
    import numpy as np

    from jaxgan import build
    from jaxgan.data import DeviceSource
    from jaxgan.sampling import make_sampler, picture
    from jaxgan.state import stream

    key = stream(jax.random.key(config["seed"]), "pictures")
    sampler = make_sampler(build.build_game(config, source.element_spec), source.element_spec)
    real = None
    if len(source.element_spec["image"].shape) == 1:
        if isinstance(source, DeviceSource):
            real = np.asarray(source.sample(key, 1000)["image"])
        else:
            real = source.read(np.arange(min(1000, source.num_examples)))["image"]

    def draw(state: TrainState) -> np.ndarray:
        return picture(sampler(state, key, config["num_samples"]), real)

    return draw
