"""Fixtures of the test session; its strictness is set in the repository's own conftest.py."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import jax
import pytest


@pytest.fixture(autouse=True)
def fresh_logger() -> None:
    """As on import: the command line, where an earlier test called it, has a handler of its own."""
    logger = logging.getLogger("jaxgan")
    logger.handlers, logger.propagate = [], True
    logger.setLevel(logging.NOTSET)


@pytest.fixture
def float64() -> Iterator[None]:
    """The test runs with 64-bit numbers by default, hence `jnp.ones(2)` is float64."""
    with jax.enable_x64(True):
        yield
