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
      jaxgan.errors.InputError: num is 0; it must be at least 1
    """
