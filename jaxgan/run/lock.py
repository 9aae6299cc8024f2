"""The lock of a run's folder: one process trains there at a time, on whatever machine.

`lock.json` says who has it, and counts: its owner raises the count every `BEAT_SECONDS`. Whoever
finds it compares two looks at it rather than clocks, which differ between machines.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import platform
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from jaxgan.core.errors import LockedError
from jaxgan.distributed.agreement import from_first
from jaxgan.distributed.processes import is_first
from jaxgan.files.atomic import naming

logger = logging.getLogger(__name__)

NAME = "lock.json"
BEAT_SECONDS = 5.0
STALE_SECONDS = 60.0
"""A lock that has not moved for so long is taken over."""

_POLL_SECONDS = 0.5
_SETTLE_SECONDS = 0.5
_NUM_BYTES = 1024


class Lock:
    """Holds a run's folder as long as the body runs.

    A lock whose process is known to be gone is taken over at once: it ran on this machine and has
    ended, or it was an earlier attempt of this very job of a cluster. Of any other, the count is
    watched: if it moves, the lock is refused, and if it stands still for `STALE_SECONDS` it is
    taken over.

    Args:
      folder: the run's; created.
      environment: where the cluster says which job this is: `SLURM_JOB_ID` and
        `SLURM_RESTART_COUNT`, or `JAXGAN_JOB` and `JAXGAN_ATTEMPT`; that of the process by default.

    Example:
      >>> import tempfile
      >>> folder = tempfile.TemporaryDirectory()
      >>> with Lock(Path(folder.name)) as lock:
      ...     lock.check()
      ...     try:
      ...         Lock(Path(folder.name)).__enter__()
      ...     except LockedError as error:
      ...         str(error).partition(" is in use")[0] == folder.name
      True
      >>> list(Path(folder.name).iterdir())
      []
      >>> folder.cleanup()
    """

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._path = folder / NAME
        job, attempt = _job(os.environ if environment is None else environment)
        self._owner: dict[str, Any] = {
            "host": platform.node(),
            "pid": os.getpid(),
            "machine": _machine(),
            "started": _started(os.getpid()),
            "job": job,
            "attempt": attempt,
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
            "token": uuid.uuid4().hex,
        }
        self._count = 0
        self._file: int | None = None
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="jaxgan-lock", daemon=True)

    def check(self) -> None:
        """Raises if another process has taken the folder over meanwhile.

        Raises:
          LockedError: naming it.
          FileNotFoundError: if the folder is gone.
        """
        if not self._folder.is_dir():
            number = errno.ENOENT
            raise FileNotFoundError(number, os.strerror(number), str(self._folder))
        owner = _parse(_read(self._path))
        if owner.get("token") != self._owner["token"]:
            who = _name(owner) if owner else "another process"
            raise LockedError(f"{self._folder} was taken over by {who}; nothing more is written")

    def __enter__(self) -> Lock:
        self._folder.mkdir(parents=True, exist_ok=True)
        taken = False
        while not self._create():
            found = _read(self._path)
            if found is None:
                continue
            reason = self._why_free(found)
            if reason is None:
                continue
            logger.warning("%s: takes over from %s: %s", self._path, _name(_parse(found)), reason)
            self._remove(_parse(found).get("token"))
            taken = True
        if taken:
            # Of two that take over at the same time, the later one stays.
            time.sleep(_SETTLE_SECONDS)
            self.check()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._done.set()
        # Before the file's number can be that of another file.
        self._thread.join()
        self._close()
        try:
            self._remove(self._owner["token"])
        except OSError as failure:
            logger.warning("%s cannot be removed: %s", self._path, failure.strerror)

    def _create(self) -> bool:
        try:
            self._file = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        except FileExistsError:
            return False
        try:
            with naming(self._path):
                self._write()
        except OSError:
            # A full disk: an empty lock would have to be waited for.
            self._close()
            self._path.unlink(missing_ok=True)
            raise
        return True

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _write(self) -> None:
        """Into the very file that was made: one that took its place is not touched."""
        if self._file is not None:
            text = json.dumps({**self._owner, "count": self._count}).ljust(_NUM_BYTES)
            os.pwrite(self._file, text.encode(), 0)
            os.fsync(self._file)
            self._count += 1

    def _beat(self) -> None:
        while not self._done.wait(BEAT_SECONDS):
            try:
                self._write()
            except OSError:
                # What ails the disk is said where the run's own files are written.
                continue

    def _remove(self, token: str | None) -> None:
        if _parse(_read(self._path)).get("token") == token:
            self._path.unlink(missing_ok=True)

    def _why_free(self, found: bytes) -> str | None:
        """Why a lock may be taken over; None if it is gone or another one by now."""
        owner = _parse(found)
        if _is_earlier_attempt(owner, self._owner):
            return "an earlier attempt of this job"
        is_alive = _is_alive(owner, self._owner)
        if is_alive:
            raise LockedError(self._in_use(owner))
        if is_alive is not None:
            return "that process has ended"
        logger.warning(
            "%s: of %s; waiting up to %g s for a sign of life",
            self._path,
            _name(owner),
            STALE_SECONDS,
        )
        end = time.monotonic() + STALE_SECONDS
        while time.monotonic() < end:
            time.sleep(min(_POLL_SECONDS, STALE_SECONDS / 4))
            now = _read(self._path)
            if now is None:
                return None
            if now != found:
                raise LockedError(self._in_use(_parse(now)))
        return f"no sign of life for {STALE_SECONDS:g} s"

    def _in_use(self, owner: Mapping[str, Any]) -> str:
        return (
            f"{self._folder} is in use: {_name(owner)} trains there; wait for it to end, "
            "or give another folder"
        )


@contextmanager
def locked(folder: Path) -> Iterator[Lock | None]:
    """Holds a run's folder; of several processes the first one does, and the others follow it.

    Args:
      folder: the run's; created.

    Yields:
      The lock, in the first process.

    Raises:
      LockedError: in every process, if another run has the folder.

    Example:
      >>> import tempfile
      >>> folder = tempfile.TemporaryDirectory()
      >>> with locked(Path(folder.name)):
      ...     [path.name for path in Path(folder.name).iterdir()]
      ['lock.json']
      >>> folder.cleanup()
    """
    with ExitStack() as stack:
        lock, failure = None, None
        if is_first():
            try:
                lock = stack.enter_context(Lock(folder))
            except (LockedError, OSError) as error:
                failure = error
        if refused := from_first("" if failure is None else str(failure)):
            raise failure or LockedError(refused)
        yield lock


def _job(environment: Mapping[str, str]) -> tuple[str, int]:
    """The cluster's job, and which attempt at it this is; -1 where that is not known."""
    job, attempt = environment.get("JAXGAN_JOB", ""), environment.get("JAXGAN_ATTEMPT", "")
    if not job and "SLURM_JOB_ID" in environment:
        cluster = environment.get("SLURM_CLUSTER_NAME", "")
        job = f"Slurm {cluster} {environment['SLURM_JOB_ID']}"
        attempt = environment.get("SLURM_RESTART_COUNT", "0")
    return job, int(attempt) if attempt.isascii() and attempt.isdigit() else -1


def _is_earlier_attempt(owner: Mapping[str, Any], ours: Mapping[str, Any]) -> bool:
    """Whether the cluster has ended that process, as it starts no job twice at a time."""
    attempt = owner.get("attempt")
    is_known = isinstance(attempt, int) and attempt >= 0
    return (
        bool(ours["job"])
        and owner.get("job") == ours["job"]
        and is_known
        and (attempt < ours["attempt"])
    )


def _is_alive(owner: Mapping[str, Any], ours: Mapping[str, Any]) -> bool | None:
    """Whether that process runs; None where it cannot be seen from here."""
    pid = owner.get("pid")
    if not ours["machine"] or owner.get("machine") != ours["machine"] or not isinstance(pid, int):
        return None
    return bool(owner.get("started")) and _started(pid) == owner.get("started")


def _machine() -> str:
    """The boot of this machine and the space in which process numbers count; "" if unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def _started(pid: int) -> str:
    """When a process was started, in ticks since the boot; "" if there is none that runs."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    # A zombie has ended, though nobody has asked how.
    return "" if fields[0] in "ZX" else fields[19]


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        # A link to nothing stands in the way all the same.
        return b"" if path.is_symlink() else None


def _parse(found: bytes | None) -> dict[str, Any]:
    """Who has it; nothing if it is not (yet) to be read."""
    try:
        owner = json.loads(found or b"")
    except (ValueError, RecursionError):
        return {}
    return owner if isinstance(owner, dict) else {}


def _name(owner: Mapping[str, Any]) -> str:
    """Who it is, with everything escaped that is no printable letter: a file may say anything."""
    said = {key: ascii(value).strip("'") for key, value in owner.items()}
    job = f" of job {said['job']}" if owner.get("job") else ""
    pid, host, since = (said.get(key, "?") for key in ("pid", "host", "since"))
    return f"process {pid}{job} on {host} (since {since})"
