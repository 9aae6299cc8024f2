"""Config files that are wrong: whatever they do is one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from jaxgan.config.base import MAX_DEPTH, load_config, override, plain
from jaxgan.core.errors import ConfigError

RETURNS = "def get_config(arg):\n    return "
CYCLE = "def get_config(arg):\n    found = {}\n    found['a'] = found\n    return found\n"
SECTIONS = CYCLE.replace("{}", "__import__('ml_collections').ConfigDict()")

FILES = {
    "": "defines no get_config(arg)",
    "def get_config(:": "fails: SyntaxError",
    "get_config = 3": "fails: TypeError: 'int' object is not callable",
    "def get_config():\n    return {}": "fails: TypeError: get_config() takes 0 positional",
    "def get_config(arg):\n    raise ValueError('two\\nlines')": ": two lines",
    "def get_config(arg):\n    raise KeyError('two\\nlines')": "fails: KeyError: ",
    "def get_config(arg):\n    return get_config(arg)": "fails: RecursionError",
    "import sys\nsys.exit('bye')": "fails: SystemExit: bye",
    f"{RETURNS}None": "get_config's value is None; it must be a ConfigDict",
    f"{RETURNS}{{3: 4}}": "config: a key is 3; it must be a string",
    f"{RETURNS}{{'data': {{'source': 'ring', 3: 4}}}}": "data: a key is 3; it must be a string",
    f"{RETURNS}{{'loss': {{'base': 1j}}}}": "loss.base is 1j; it must be",
    f"{RETURNS}{{'field': [b'consensus']}}": "field[0] is b'consensus'; it must be a number",
    CYCLE: f": more than {MAX_DEPTH} sections are in each other",
    CYCLE.replace("{}", "[]")
    .replace("['a'] = found", ".append(found)")
    .replace("return found", "return {'field': found}"): "field[0][0]",
    SECTIONS: "sections are in each other",
}


@pytest.mark.parametrize("text", FILES)
def test_a_wrong_file_is_one_line(text: str, tmp_path: Path) -> None:
    file = tmp_path / "wrong.py"
    file.write_text(text)
    with pytest.raises(ConfigError) as raised:
        load_config(str(file))
    assert FILES[text] in str(raised.value)
    assert "\n" not in str(raised.value)


def test_numbers_of_numpy_become_those_of_json(tmp_path: Path) -> None:
    file = tmp_path / "numbers.py"
    file.write_text(
        "import numpy as np\n\ndef get_config(arg):\n"
        "    return {'seed': np.int64(3), 'a': (np.float32(0.5), np.bool_(True), np.ones(()))}\n"
    )
    found = load_config(str(file))
    assert found == {"seed": 3, "a": [0.5, True, 1.0]}
    assert [type(one) for one in (found["seed"], *found["a"])] == [int, float, bool, float]


@pytest.mark.parametrize("value", ["[" * 3000, "{[]: 1}", "9" * 5000, "1 +", "nan", "\0"])
def test_what_is_no_literal_is_a_string(value: str) -> None:
    assert override({}, "loss", value) == {"loss": value}


@pytest.mark.parametrize("value", ["{1, 2}", "b'hinge'", "3j", "{1: 2}", "[{2, 3}]"])
def test_what_json_has_not_is_refused(value: str) -> None:
    with pytest.raises(ConfigError, match=r"^loss.* is .*; it must be "):
        override({}, "loss", value)


def test_sections_may_be_as_deep_as_paths() -> None:
    deep = override({}, ".".join("a" * MAX_DEPTH), "1")
    assert plain(deep) == deep
