"""What `jaxgan` and every script share: flags, one line for what goes wrong, exit codes."""

from __future__ import annotations

import argparse
import difflib
import errno
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NoReturn

from jaxgan.core.errors import InputError, LockedError, NonFiniteError, SaveError, bad_value
from jaxgan.core.text import escaped, shown

BAD_INPUT, NONFINITE, DISK_FAILED, IN_USE, INTERRUPTED = 2, 3, 6, 7, 130
CLOSED_PIPE = 141
"""As a shell says it of a program that SIGPIPE has ended."""

BAD_INPUTS = (InputError, OSError)
_MAX_SEED = 2**31 - 1
DISK_ERRORS = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ESTALE, errno.ENODEV, errno.ENXIO),
    *(errno.ENOTCONN, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EHOSTUNREACH),
)
"""Of a disk, or of storage across a network, that is full or fails; a path may be right."""


class Parser(argparse.ArgumentParser):
    """A parser that says in one line what it refuses, and knows `~`; sub-parsers are of its kind.

    Example:
      >>> parser = Parser(prog="draw.py")
      >>> action = parser.add_argument("--num", type=whole(1))
      >>> parser.parse_args(["--num", "4"]).num
      4
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"allow_abbrev": False, **options})
        self.register("type", Path, _expanded)  # shells leave the ~ of --workdir=~/runs to us

    def error(self, message: str) -> NoReturn:
        """Ends the program.

        Args:
          message: what is wrong.
        """
        program = self.prog.split()[0]
        self.exit(BAD_INPUT, f"{program}: error: {escaped(message)}; see {self.prog} --help\n")

    def unknown(self, words: Iterable[str]) -> NoReturn:
        """Ends the program, with the nearest flag where there is one.

        Args:
          words: what was given and is not known.
        """
        words = list(words)
        flags = [flag for action in self._actions for flag in action.option_strings]
        near = difflib.get_close_matches(words[0].partition("=")[0], flags, n=1)
        did = f"; did you mean {near[0]}?" if near else ""
        self.error(f"unrecognized arguments: {' '.join(words)}{did}")


def _expanded(text: str) -> Path:
    return Path(os.path.expanduser(text))


def whole(least: int) -> Callable[[str], int]:
    """A reader of whole numbers, for `type=` of a flag.

    Args:
      least: the smallest that is allowed.

    Returns:
      Text -> number; raises `argparse.ArgumentTypeError`.

    Example:
      >>> whole(1)("12")
      12
    """

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least:
            raise argparse.ArgumentTypeError(
                f"{text!r} is not a whole number of at least {least}"
            ) from None
        return number

    return read


def add_trust(parser: argparse.ArgumentParser) -> None:
    """Adds the flag of commands that read a run's folder.

    Args:
      parser: the command's.

    Example:
      >>> parser = Parser()
      >>> add_trust(parser)
      >>> parser.parse_args(["--trust-code"]).trust_code
      True
    """
    parser.add_argument(
        "--trust-code",
        action="store_true",
        help="run the folder's own code though you have not trained with it",
    )


def check_seed(seed: int) -> None:
    """Raises unless a key can be made of it.

    Args:
      seed: as given.

    Raises:
      InputError: if it is negative or too large.

    Example:
      >>> check_seed(0)
    """
    if not 0 <= seed <= _MAX_SEED:
        raise InputError(bad_value("seed", seed, f"from 0 to {_MAX_SEED}"))


def check_out(path: Path) -> None:
    """Raises if a file cannot be written there, before the work that makes it.

    Args:
      path: the file; folders in front of it need not be there.

    Raises:
      InputError: if it is a folder, or lies in a file.

    Example:
      >>> check_out(Path("/dev/null/a.png"))
      Traceback (most recent call last):
      ...
      jaxgan.core.errors.InputError: out is '/dev/null/a.png'; /dev/null is no folder
    """
    if path.is_dir():
        raise InputError(bad_value("out", path, "a file, and no folder"))
    check_folder("out", path, path.absolute().parent)


def check_new_folder(path: Path) -> None:
    """Raises if files of many names cannot be written into a folder, or could meet others there.

    Args:
      path: the folder; it need not be there.

    Raises:
      InputError: if it is a file or not empty, or lies in a file.

    Example:
      >>> check_new_folder(Path("samples/new"))
    """
    check_folder("out", path, path)
    if path.exists() and any(path.iterdir()):
        raise InputError(bad_value("out", path, "a new folder, or an empty one"))


def check_folder(name: str, path: Path, folder: Path) -> None:
    """Raises if a folder can neither be made nor is one.

    Args:
      name: of the flag.
      path: what was given for it.
      folder: that has to hold what is written; it need not be there.

    Raises:
      InputError: if it, or what it lies in, is a file.

    Example:
      >>> check_folder("workdir", Path("runs/a"), Path("runs/a"))
    """
    above = folder.absolute()
    there = next(one for one in (above, *above.parents) if one.exists())
    if not there.is_dir():
        raise InputError(f"{name} is {shown(path)}; {there} is no folder")


def run(body: Callable[[], int | None], name: str) -> int:
    """Runs a program's body, and turns what goes wrong into one line and an exit code.

    Args:
      body: returns the exit code, or None for 0.
      name: the program's, which the line begins with.

    Returns:
      The exit code.

    Example:
      >>> run(lambda: None, "draw.py")
      0
    """
    import jax

    from jaxgan.distributed import platforms
    from jaxgan.distributed.processes import LOST_PEER, leave

    platforms.choose()
    try:
        code = int(body() or 0)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # Whoever read the output has seen enough, as `head` has; Python flushes once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLOSED_PIPE
    except LockedError as error:
        message, code = f"error: {error}", IN_USE
    except BAD_INPUTS as error:
        is_disk = isinstance(error, OSError) and error.errno in DISK_ERRORS
        is_disk = is_disk or isinstance(error, SaveError)
        message, code = f"error: {error}", DISK_FAILED if is_disk else BAD_INPUT
    except KeyboardInterrupt:
        message, code = "interrupted", INTERRUPTED
    except NonFiniteError as error:
        message, code = f"stopped: {error}", NONFINITE
    except jax.errors.JaxRuntimeError as error:
        if not jax.distributed.is_initialized():
            raise
        message, code = f"stopped: a peer is lost: {str(error).splitlines()[0]}", LOST_PEER
    print(f"{name}: {escaped(message)}", file=sys.stderr)
    if jax.distributed.is_initialized():
        leave(code)
    return code


def run_script(main: Callable[[], None]) -> NoReturn:
    """Runs a script that is no command of `jaxgan`: it fails as one, in one line.

    Args:
      main: parses its flags and does its work.

    Example:
      See the end of `experiments/ring_report.py`.
    """
    name = Path(sys.argv[0]).name

    def body() -> None:
        try:
            main()
        except ModuleNotFoundError as error:
            raise InputError(f"{error}: the docstring says what to install") from error

    sys.exit(run(body, name))
