"""`jaxgan plan`: compiles a run's step for devices that are not there; says what it costs."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from jaxgan.cli.program import add_trust, whole
from jaxgan.cli.terminal import warn
from jaxgan.core.errors import bad_value
from jaxgan.core.text import shown

DOES_NOT_FIT = 4

_DESCRIPTION = """\
Compiles the training step of a config for devices that one does not have, and says what it costs:
parameters, memory per chip, FLOPs, bytes moved, collectives, and a bound on its speed.

  jaxgan plan --config configs/mnist.py --topology v5e:16x16 --batch-per-chip 64
  jaxgan plan --config configs/digits.py --topology cpu:8 v5e:2x2 v4:2x2x1

Any key of the config can be changed: --config.KEY=VALUE."""


def add_parser(commands: Any) -> None:
    """Adds the command to the parser.

    Args:
      commands: argparse's sub-parsers.

    Example:
      >>> parser = argparse.ArgumentParser()
      >>> add_parser(parser.add_subparsers())
      >>> flags = ["--config", "a.py", "--topology", "cpu:8", "v4:2x2x1"]
      >>> parser.parse_args(["plan", *flags]).topology
      ['cpu:8', 'v4:2x2x1']
    """
    parser = commands.add_parser(
        "plan",
        help="compile a step for devices that one does not have",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        usage="jaxgan plan --config FILE[:ARG] --topology NAME [NAME ...] [--config.KEY=VALUE ...]",
    )
    parser.add_argument(
        "--config", required=True, metavar="FILE[:ARG]", help="config file, or a run's folder"
    )
    add_trust(parser)
    parser.add_argument(
        "--topology", required=True, nargs="+", metavar="NAME", help="cpu:8, v5e:16x16, v4:2x2x2"
    )
    parser.add_argument(
        "--batch-per-chip", type=int, metavar="N", help="batch_size is N times the devices"
    )
    parser.add_argument(
        "--example-shape", metavar="H,W,C", help="of one example, where the data are not there"
    )
    parser.add_argument(
        "--find-batch", action="store_true", help="find which batch per chip fits (compiles more)"
    )
    parser.add_argument("--out", type=Path, default=Path("plan.json"), metavar="FILE", help="JSON")
    parser.add_argument(
        "--plot", type=Path, metavar="FILE", help="PNG (with several topologies, beside --out)"
    )
    parser.add_argument(
        "--timeout", type=whole(1), default=1800, metavar="S", help="for each (1800)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Plans; see `jaxgan plan --help`.

    Args:
      args: as parsed.

    Returns:
      0; 2 if a topology could not be planned for; 4 if a step does not fit.

    Raises:
      ConfigError, DataError: for bad input.
    """
    from rich.console import Console

    from jaxgan.cli import plan_child
    from jaxgan.core.errors import ConfigError
    from jaxgan.plan import topology as topo
    from jaxgan.plan.child import run_child
    from jaxgan.plan.show import report_table, save_plot, scaling_table

    for name in ("out", "plot"):
        path = getattr(args, name)
        if path is not None and not path.absolute().parent.is_dir():
            raise ConfigError(f"{name} is {shown(path)}; its folder must exist")
        if path is not None and path.is_dir():
            raise ConfigError(bad_value(name, path, "a file, and no folder"))
    if args.plot is not None and args.plot.suffix.lower() != ".png":
        raise ConfigError(bad_value("plot", args.plot, "a .png file"))
    try:
        topologies = [topo.parse_topology(name) for name in args.topology]
    except ValueError as error:
        raise ConfigError(str(error)) from error
    request = plan_child.Request(
        args.config,
        tuple(args.overrides),
        args.batch_per_chip,
        args.example_shape,
        args.find_batch,
        args.trust_code,
    )
    plan_child.read_config(request)
    console = Console(width=None if sys.stdout.isatty() else 140)
    results: list[dict[str, Any]] = []
    for topology in topologies:
        try:
            topo.check_compiler(topology)
            found = run_child(plan_child.command(request, topology.name), topology, args.timeout)
        except ImportError as error:
            found = {"error": str(error)}
        result = {"topology": topology.name, **found}
        results.append(result)
        if "error" in result:
            warn(f"jaxgan: error: {topology.name}: {result['error']}")
        else:
            console.print(report_table(result))
        args.out.write_text(json.dumps({"config": args.config, "plans": results}, indent=2) + "\n")
    if len(results) > 1:
        console.print(scaling_table(results))
    if args.plot is not None or len(results) > 1:
        save_plot(args.plot or args.out.with_suffix(".png"), results)
    if any("error" in result for result in results):
        return 2
    return 0 if all(one["report"]["memory"]["fits"] for one in results) else DOES_NOT_FIT
