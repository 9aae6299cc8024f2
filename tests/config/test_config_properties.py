"""What holds for any config: overriding one entry, flattening, comparing."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxgan.config.base import Config, ConfigError, differences, flatten, override

KEYS = st.text("abc_", min_size=1, max_size=2)
PATHS = st.lists(KEYS, min_size=1, max_size=3).map(".".join)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
LEAVES = st.booleans() | NUMBERS | st.text(max_size=5)
ENTRIES = LEAVES | st.none() | st.lists(LEAVES, max_size=3)
CONFIGS = st.recursive(
    st.dictionaries(KEYS, ENTRIES, max_size=3),
    lambda sections: st.dictionaries(KEYS, sections | ENTRIES, max_size=3),
    max_leaves=8,
)


def without_none(config: Config) -> Config:
    return {
        key: without_none(value) if isinstance(value, dict) else value
        for key, value in config.items()
        if value is not None
    }


@given(CONFIGS)
def test_a_config_is_its_flattened_entries(config: Config) -> None:
    rebuilt: Config = {}
    for key, value in flatten(config).items():
        rebuilt = override(rebuilt, key, repr(value))
    assert rebuilt == config


@given(CONFIGS, PATHS, ENTRIES)
def test_an_override_changes_one_entry(config: Config, path: str, value: Any) -> None:
    before = copy.deepcopy(config)
    try:
        changed = override(config, path, repr(value))
    except ConfigError as error:
        head, _, _ = str(error).partition(":")
        assert head in path.split(".")[:-1]
        return
    finally:
        assert config == before
    section: Any = changed
    for key in path.split("."):
        section = section[key]
    assert section == value
    for key in differences(config, changed):
        # A name beside options is a section: "loss": "hinge" becomes {"name": "hinge"}.
        assert f"{path}.".startswith(f"{key}.") or f"{key}.".startswith(f"{path}.")
    assert override(changed, path, repr(value)) == changed


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


@given(st.text("[](){},:'\"#1e+-._ jbFalse*") | st.text())
def test_any_text_is_a_value_as_json_knows_it(text: str) -> None:
    config = override({}, "key", text)
    assert json.loads(json.dumps(config)) == config


@pytest.mark.parametrize("text", ["{[]: 1}", "{1: 2}", "{1, 2}", "b'1'", "1j", "...", "(" * 9999])
def test_what_json_does_not_know_is_text(text: str) -> None:
    assert override({}, "key", text) == {"key": text}
