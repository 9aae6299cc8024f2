"""The public interface is what tests/public_api.txt says."""

from __future__ import annotations

from tests import public_api


def test_the_interface_is_the_one_that_is_written_down() -> None:
    # Where a change is meant: `python -m tests.public_api`, and a line in CHANGELOG.md.
    assert list(public_api.lines()) == public_api.PATH.read_text().splitlines()
