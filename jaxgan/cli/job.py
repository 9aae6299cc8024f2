"""The flags of commands that several processes may run together."""

from __future__ import annotations

import argparse

from jaxgan.cli.program import whole


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags by which processes find each other.

    Args:
      parser: of the command.

    Example:
      >>> parser = argparse.ArgumentParser()
      >>> add_flags(parser)
      >>> parser.parse_args(["--process-id", "1"]).process_id
      1
    """
    job = parser.add_argument_group("several processes", "one per host or per device; see docs")
    job.add_argument(
        "--distributed", action="store_true", help="find the others by the cluster's environment"
    )
    job.add_argument("--coordinator", metavar="HOST:PORT", help="of process 0, by hand")
    job.add_argument("--num-processes", type=int, metavar="N", help="how many, by hand")
    job.add_argument("--process-id", type=int, metavar="I", help="which this is, by hand")
    job.add_argument(
        "--connect-timeout", type=whole(1), default=300, metavar="S", help="seconds to wait (300)"
    )


def connect(args: argparse.Namespace, stall_timeout_seconds: int) -> None:
    """Joins the others, if the flags say that there are any; before anything touches a device.

    Args:
      args: as parsed.
      stall_timeout_seconds: see `processes.connect`.

    Raises:
      ProcessError: as of `processes.connect`.

    Example:
      >>> parser = argparse.ArgumentParser()
      >>> add_flags(parser)
      >>> connect(parser.parse_args([]), stall_timeout_seconds=0)
    """
    from jaxgan.distributed import processes

    by_hand = (args.coordinator, args.num_processes, args.process_id)
    if args.distributed or by_hand != (None, None, None):
        processes.connect(
            *by_hand,
            timeout_seconds=args.connect_timeout,
            stall_timeout_seconds=stall_timeout_seconds,
        )
