"""What is wrong with what somebody gave: the base of every error that is a line for its user."""

from __future__ import annotations


class InputError(ValueError):
    """Bad input: a file, a flag, a config, data. The message is one line, for the user.

    Packages derive their own from it, for callers that tell them apart. The command line ends with
    that line and exit code 2; any other exception is a fault of ours, and has its traceback.

    Example:
      >>> raise InputError("num is 0; it must be at least 1")
      Traceback (most recent call last):
      ...
      jaxgan.core.errors.InputError: num is 0; it must be at least 1
    """


class LockedError(Exception):
    """Another process trains in the folder; the message is for the user."""


class ProcessError(InputError):
    """Processes that do not find each other, or do not agree."""


class ExploreError(InputError):
    """What a generator cannot be asked for; one line: what, its value, what is allowed."""
