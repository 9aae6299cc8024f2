"""One job of several processes: how they meet, that they agree, and what ends a job that hangs."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import jax

from jaxgan.core.errors import ProcessError, bad_value

LOST_PEER = 70
"""Exit code of a process whose peers died or hang."""

BAD_JOB = 2
_MARGIN_SECONDS = 60


def connect(
    coordinator: str | None = None,
    num_processes: int | None = None,
    process_id: int | None = None,
    *,
    timeout_seconds: int = 300,
    stall_timeout_seconds: int = 0,
) -> None:
    """Joins the processes of a job; call it before anything touches a device.

    Args:
      coordinator: HOST:PORT of process 0; like the others taken from the cluster's environment
        (Cloud TPU, GKE, Slurm, Open MPI, ...) if None.
      num_processes: how many there are.
      process_id: which one this is.
      timeout_seconds: how long to wait for the coordinator and for the other processes. When it
        is over the process ends with one line and exit code 2: the wait cannot be interrupted.
      stall_timeout_seconds: how long a dead peer may go unnoticed by `Watchdog`; JAX's own
        detection, which aborts, comes after it.

    Raises:
      ProcessError: if the flags make no sense, no cluster is found, the coordinator does not
        answer, or its port is in use.

    Example:
      >>> connect("localhost:1234", num_processes=2, process_id=2)
      Traceback (most recent call last):
      ...
      jaxgan.core.errors.ProcessError: process_id is 2; with num_processes 2 it must be 0 to 1
    """
    by_hand = (coordinator, num_processes, process_id)
    if timeout_seconds < 1:
        raise ProcessError(bad_value("connect_timeout", timeout_seconds, "at least 1"))
    if by_hand != (None, None, None):
        _check(*by_hand)
    bind = None
    if coordinator is not None and process_id:
        _wait_for(coordinator, timeout_seconds)
    elif coordinator is not None:
        bind = _bind_address(coordinator)
        _check_free(coordinator, bind)
    what = f"{num_processes or 'all'} processes at {coordinator or 'the cluster coordinator'}"
    heartbeat = max(100, stall_timeout_seconds + _MARGIN_SECONDS)
    with _deadline(timeout_seconds, f"not connected to {what} within {timeout_seconds} s"):
        try:
            jax.distributed.initialize(
                *by_hand,
                coordinator_bind_address=bind,
                initialization_timeout=timeout_seconds + _MARGIN_SECONDS,
                heartbeat_timeout_seconds=heartbeat,
            )
        except (ValueError, RuntimeError) as error:
            reason = str(error).strip().splitlines()[0]
            raise ProcessError(
                f"distributed: {reason} If this is no known cluster, give --coordinator, "
                "--num-processes and --process-id"
            ) from error


def _check(coordinator: str | None, num_processes: int | None, process_id: int | None) -> None:
    if coordinator is None or num_processes is None or process_id is None:
        raise ProcessError("coordinator, num_processes, process_id: give all three, or none")
    host, colon, port = coordinator.rpartition(":")
    if not (host and colon and port.isdecimal() and 0 < int(port) < 2**16):
        raise ProcessError(
            bad_value("coordinator", coordinator, "HOST:PORT, the port from 1 to 65535")
        )
    if num_processes < 1:
        raise ProcessError(bad_value("num_processes", num_processes, "at least 1"))
    if not 0 <= process_id < num_processes:
        raise ProcessError(
            f"process_id is {process_id}; with num_processes {num_processes} it must be "
            f"0 to {num_processes - 1}"
        )


def _bind_address(coordinator: str) -> str | None:
    """What process 0 listens at: nothing but loopback where the others are said to be there."""
    host, _, port = coordinator.rpartition(":")
    try:
        loopback = ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return f"127.0.0.1:{port}" if host == "localhost" else None
    return coordinator if loopback else None


def _check_free(coordinator: str, bind: str | None) -> None:
    """Raises if something listens at the port; JAX's own message does not say that."""
    host, _, port = (bind or coordinator).rpartition(":")
    is_v6 = bind is None or host.startswith("[")
    where = host.strip("[]") if bind else "::"
    try:
        listening = socket.socket(socket.AF_INET6 if is_v6 else socket.AF_INET)
    except OSError:  # A machine without IPv6.
        return
    with listening:
        # A port that the last run has just left is free.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((where, int(port)))
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                return
            reason = "is in use" if error.errno == errno.EADDRINUSE else "may not be opened"
            raise ProcessError(
                f"coordinator is {coordinator!r}; port {port} {reason} here, give another"
            ) from error


def _wait_for(coordinator: str, timeout_seconds: float) -> None:
    """Returns when something listens there; JAX itself would abort."""
    host, _, port = coordinator.rpartition(":")
    end = time.monotonic() + timeout_seconds
    while True:
        try:
            with socket.create_connection((host.strip("[]"), int(port)), timeout=5):
                return
        except OSError as error:
            if time.monotonic() > end:
                waited = f"does not answer within {timeout_seconds} s: {error}"
                raise ProcessError(f"coordinator is {coordinator!r}; it {waited}") from error
        time.sleep(0.2)


@contextmanager
def _deadline(seconds: float, message: str) -> Iterator[None]:
    """Ends the process when the body takes too long."""
    timer = threading.Timer(seconds, _end, (f"error: {message}", BAD_JOB))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _end(message: str, code: int) -> None:
    print(f"jaxgan: {message}", file=sys.stderr, flush=True)
    leave(code)


def leave(code: int) -> None:
    """Ends this process at once, without waiting for its peers.

    An ordinary exit would wait for all processes of the job, and abort when they do not come.

    Args:
      code: the exit code.

    Example:
      See `jaxgan.cli.main`.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def is_first() -> bool:
    """Whether this is the process that writes logs and pictures.

    Returns:
      True in process 0, and in a job of one.

    Example:
      >>> is_first()
      True
    """
    return jax.process_index() == 0


class Watchdog:
    """Ends the process when it makes no progress: a peer that died or hangs is not waited for.

    Every process watches itself. One that waits for its peers says so, one that is itself stuck
    says in what, and the one that died says nothing.

    Args:
      timeout_seconds: how long one phase may take; 0 for ever.

    Example:
      >>> with Watchdog(timeout_seconds=60) as watchdog:
      ...     watchdog.enter("reading data")
    """

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout = timeout_seconds
        self._phase = ("starting", time.monotonic())
        self._done = threading.Event()

    def enter(self, phase: str) -> None:
        """Notes what this process does from now on; that is progress.

        Args:
          phase: what follows, such as `reading data`.
        """
        self._phase = (phase, time.monotonic())

    def __enter__(self) -> Watchdog:
        if self._timeout > 0:
            threading.Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()

    def _watch(self) -> None:
        while not self._done.wait(min(1.0, self._timeout / 4)):
            phase, since = self._phase
            if time.monotonic() - since > self._timeout:
                where = f"process {jax.process_index()} of {jax.process_count()}"
                _end(
                    f"stopped: {where}: no progress for {self._timeout:g} s in {phase}; a process "
                    "that waits has lost a peer, one that says nothing has died. The same command "
                    "resumes from the last checkpoint",
                    LOST_PEER,
                )
