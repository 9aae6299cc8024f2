"""How far a long reading is."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from jaxgan.core.text import escaped

PROGRESS_SECONDS = 2.0

T = TypeVar("T")


def with_progress(items: Iterable[T], total: int, name: str) -> Iterator[T]:
    """Passes `items` on, and says on stderr every two seconds how far it is.

    >>> list(with_progress("ab", 2, "letters"))
    ['a', 'b']
    """
    last = time.monotonic()
    for count, item in enumerate(items, 1):
        if time.monotonic() - last > PROGRESS_SECONDS:
            last = time.monotonic()
            print(f"{escaped(name)}: read {count / total:.0%}", file=sys.stderr, flush=True)
        yield item
