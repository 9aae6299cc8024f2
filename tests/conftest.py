"""Fixtures of the test session; its strictness is set in the repository's own conftest.py."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

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


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium; where there is none, the tests that ask for it are skipped."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("there is no Chromium")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        # As root there is no sandbox.
        found = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens a page; whatever it says, throws or asks for elsewhere fails the test."""
    complaints: list[str] = []
    pages = []

    def call(address: str, **options: Any) -> Any:
        parts = urlsplit(address)
        own = "file:" if parts.scheme == "file" else f"{parts.scheme}://{parts.netloc}/"

        def asked(request: Any) -> None:
            if not request.url.startswith((own, "data:", "blob:")):
                complaints.append(request.url)

        page = browser.new_page(**{"viewport": {"width": 1200, "height": 900}, **options})
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", asked)
        pages.append(page)
        page.goto(address)
        return page

    yield call
    for page in pages:
        page.close()
    assert complaints == []
