"""What holds for any config: overriding one entry, flattening, comparing."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxgan.config.base import Config, differences, flatten, name_of, override
from jaxgan.core.errors import ConfigError

KEYS = st.text("abc_", min_size=1, max_size=2)
NAMES = st.sampled_from(["P", "Q", "R"])
PATHS = st.lists(KEYS | NAMES, min_size=1, max_size=3)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
LEAVES = st.booleans() | NUMBERS | st.text(max_size=5)
ENTRIES = LEAVES | st.none() | st.lists(LEAVES, max_size=3)
PARTS = NAMES | st.builds(
    lambda name, part: {"name": name, **part}, NAMES, st.dictionaries(KEYS, LEAVES, max_size=2)
)
CONFIGS = st.recursive(
    st.dictionaries(KEYS, ENTRIES | PARTS | st.lists(PARTS, max_size=3), max_size=3),
    lambda sections: st.dictionaries(KEYS, sections | ENTRIES, max_size=3),
    max_leaves=8,
)


def without_none(config: Config) -> Config:
    return {
        key: without_none(value) if isinstance(value, dict) else value
        for key, value in config.items()
        if value is not None
    }


def look_up(section: Any, path: list[str]) -> Any:
    """What is at a path: entries of a list go by name, and so may the one part that is none."""
    for index, key in enumerate(path):
        if isinstance(section, list):
            section = next(part for part in section if name_of(part) == key)
        elif section.get("name") != key or index == len(path) - 1:
            section = section[key]
    return section


@given(CONFIGS)
def test_a_config_is_its_flattened_entries(config: Config) -> None:
    rebuilt: Config = {}
    for key, value in flatten(config).items():
        rebuilt = override(rebuilt, key, repr(value))
    assert rebuilt == config


@given(CONFIGS, PATHS, ENTRIES)
def test_an_override_changes_one_entry(config: Config, path: list[str], value: Any) -> None:
    before, key = copy.deepcopy(config), ".".join(path)
    try:
        changed = override(config, key, repr(value))
    except ConfigError:  # such as an option of a number
        return
    finally:
        assert config == before
    assert look_up(changed, path) == value
    assert override(changed, key, repr(value)) == changed
    without_names = ".".join(part for part in path if part not in "PQR")
    for found in differences(config, changed):
        # A name beside options is a section: "loss": "hinge" becomes {"name": "hinge"}.
        assert any(
            f"{one}.".startswith(f"{found}.") or f"{found}.".startswith(f"{one}.")
            for one in (key, without_names)
        )


@given(CONFIGS, CONFIGS)
def test_differences_are_what_differs(old: Config, new: Config) -> None:
    assert differences(old, old) == {}
    found = differences(old, new)
    assert differences(new, old) == {key: (there, here) for key, (here, there) in found.items()}
    old, new = without_none(old), without_none(new)
    found = differences(old, new)
    assert (found == {}) == (old == new)
    # What they say of `new` makes it of `old`, but for what it has not.
    for key, (_, value) in found.items():
        if value is not None:
            old = override(old, key, repr(value))
    assert all(value is None for _, value in differences(old, new).values())


@given(st.lists(NAMES, max_size=3), st.data())
def test_differences_of_lists_are_what_differs(names: list[str], data: st.DataObject) -> None:
    old, new = (
        {"field": [{"name": name, "gamma": data.draw(st.integers(0, 1))} for name in names]}
        for _ in range(2)
    )
    assert (differences(old, new) == {}) == (old == new)


@given(st.text("[](){},:'\"#1e+-._ jbFalse*") | st.text())
def test_any_text_is_a_value_as_json_knows_it(text: str) -> None:
    config = override({}, "key", text)
    assert json.loads(json.dumps(config)) == config


@pytest.mark.parametrize("text", ["{[]: 1}", "(" * 9999])
def test_what_python_does_not_know_is_text(text: str) -> None:
    assert override({}, "key", text) == {"key": text}


@pytest.mark.parametrize("text", ["{1: 2}", "{1, 2}", "b'1'", "1j", "..."])
def test_what_json_does_not_know_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="it must be"):
        override({}, "key", text)
