"""Data of people's own: what fails while they are read is one line that says where."""

from __future__ import annotations

from pathlib import Path

import pytest

from jaxgan.config.data import open_data
from jaxgan.core.errors import ConfigError
from jaxgan.data import pipeline

FILE = """
import numpy as np
from jaxgan.data import columns

def fails(*, after):
    source = columns({"image": np.zeros((64, 2), np.float32)})
    return source._replace(read=lambda i: source.read(i) if len(i) < after else {"image": 1 // 0})

def shrinks(*, after):
    source = columns({"image": np.zeros((64, 2), np.float32)})
    return source._replace(read=lambda i: source.read(i[:after]))
"""


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("fails", r"data: .*mine.py:7: ZeroDivisionError: "),
        ("shrinks", r"data: 16 examples .* \['image'\] was float32\[16, 2\], is float32\[4, 2\]"),
    ],
)
def test_a_read_that_fails_is_one_line(name: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(FILE)
    source = open_data({"data": {"source": f"{tmp_path / 'mine.py'}:{name}", "after": 4}})
    batches = pipeline(source, batch_size=16, seed=0, prefetch=0)
    with pytest.raises(ConfigError, match=words):
        next(batches)
