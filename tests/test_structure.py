"""The shape of the code itself: who imports whom, how long things are, what is documented."""

from __future__ import annotations

import ast
import functools
import io
import re
import tokenize
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "jaxgan"
SOURCES = sorted(PACKAGE.rglob("*.py"))
TREES = {path: ast.parse(path.read_text()) for path in SOURCES}

LEVELS: dict[str, int] = {
    name: level
    for level, names in enumerate(
        [
            "core version",
            "losses models files metrics augment optimizers",
            "penalties fields data pretrained writers distributed",
            "auxiliary algorithms analysis transforms checkpoint features plan report",
            "games training",
            "sampling",
            "evaluation export serve",
            "config",
            "run",
            "cli",
        ]
    )
    for name in names.split()
}
"""The import order: a part may import parts of a lower level, and itself."""

PLAY = {
    *("core", "losses", "penalties", "auxiliary", "augment", "optimizers"),
    *("games", "fields", "algorithms", "transforms", "analysis"),
}
"""Pure functions over pytrees: of other libraries they know JAX, Optax and chex."""

READS_CONFIGS = {"config", "run", "cli"}
KNOWS_RUNS = {"run", "cli"}

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def part_of(path: Path) -> str:
    """`jaxgan/losses/_hinge.py` and `jaxgan/optimizers.py` are of `losses` and `optimizers`."""
    part = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return "cli" if part == "__main__" else part


def imports(tree: ast.AST) -> Iterator[str]:
    """The dotted names that a file imports, inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


IMPORTS = {path: list(imports(tree)) for path, tree in TREES.items()}


def parts_imported(tree: ast.AST) -> set[str]:
    found = {name.split(".")[1] for name in imports(tree) if name.startswith("jaxgan.")}
    return found - {"__version__"}


def order_violations(part: str, imported: set[str]) -> set[str]:
    assert part in LEVELS, f"{part} has no place in the import order yet: give it one here"
    above = {name for name, level in LEVELS.items() if level >= LEVELS[part]}
    return imported & above - {part}


@pytest.mark.parametrize(
    ("part", "source", "expected"),
    [
        ("losses", "from jaxgan.games import gan", {"games"}),
        ("losses", "def f():\n    import jaxgan.algorithms.simultaneous", {"algorithms"}),
        ("algorithms", "from jaxgan import transforms, optimizers", {"transforms"}),
        ("algorithms", "from jaxgan.algorithms.alternating import alternating", set()),
        ("metrics", "from jaxgan.training.loop import train", {"training"}),
        ("losses", "from jaxgan.penalties import r1", {"penalties"}),
        ("core", "from jaxgan import Game", set()),
        ("cli", "from jaxgan.config.build import build", set()),
    ],
)
def test_the_check_of_the_order_checks(part: str, source: str, expected: set[str]) -> None:
    assert order_violations(part, parts_imported(ast.parse(source))) == expected


def test_every_part_has_a_place() -> None:
    assert {part_of(path) for path in SOURCES} - {"__init__"} == set(LEVELS)


def test_the_picture_of_the_house_is_true() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    drawn = page.partition("```text\n")[2].partition("```")[0].splitlines()
    levels = {name: int(line.split()[0]) for line in drawn for name in line.split()[1:]}
    assert levels | {"version": 0} == LEVELS
    assert all(f"`{name}`" in page for name in levels)


def in_files(
    check: Callable[[Path], object], without: Collection[str] = ("__init__",)
) -> dict[str, object]:
    """What a check finds, by file, but in some parts; the root's `__init__` re-exports all."""
    paths = [path for path in SOURCES if part_of(path) not in without]
    return {name_of(path): found for path in paths if (found := check(path))}


def test_import_order() -> None:
    assert not in_files(lambda path: order_violations(part_of(path), parts_imported(TREES[path])))


def importers(library: str) -> set[str]:
    return {
        name_of(path)
        for path, names in IMPORTS.items()
        if any(name.split(".")[0] == library for name in names)
    }


def test_private_modules_are_of_their_own_part_alone() -> None:
    def foreign(path: Path) -> list[str]:
        private = [name for name in IMPORTS[path] if re.search(r"\._[a-z]", name)]
        return [name for name in private if not name.startswith(f"jaxgan.{part_of(path)}.")]

    assert not in_files(foreign, without=())


def test_only_the_checkpointer_knows_orbax() -> None:
    assert importers("orbax") == {"jaxgan/checkpoint/checkpointer.py"}


def modules_of(name: str) -> list[Path]:
    """The files that `import jaxgan.a.b` or `from jaxgan.a import b` runs, packages included."""
    found, here = [], PACKAGE
    for part in name.split(".")[1:]:
        here = here / part
        found += [path for path in (here.with_suffix(".py"), here / "__init__.py") if path in TREES]
    return found


@functools.cache
def reached(path: Path) -> set[Path]:
    """The files of the package that a file imports, itself or through others."""
    found, todo = set[Path](), [path]
    while todo:
        for name in IMPORTS[todo.pop()]:
            if name.startswith("jaxgan."):
                new = set(modules_of(name)) - found
                found |= new
                todo += new
    return found


@pytest.mark.parametrize("library", ["flax", "ml_collections", "grain", "orbax", "matplotlib"])
def test_how_a_game_is_played_knows_no_other_library(library: str) -> None:
    files = [path for path in SOURCES if part_of(path) in PLAY]
    brings = {ROOT / name for name in importers(library)}
    found = {
        f"{name_of(path)} through {name_of(other)}"
        for path in files
        for other in (reached(path) | {path}) & brings
    }
    assert not found


def test_what_a_file_reaches_is_seen() -> None:
    assert PACKAGE / "models" / "modes.py" in reached(PACKAGE / "config" / "build.py")
    assert PACKAGE / "core" / "__init__.py" in reached(PACKAGE / "games" / "_toy.py")


def config_readings(tree: ast.AST) -> set[str]:
    """Entries and sections taken from something named `config`, and what is imported to do so."""
    entries = {
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript | ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "config"
    }
    libraries = {
        name for name in imports(tree) if name.startswith(("ml_collections", "jaxgan.config"))
    }
    return entries | libraries


def test_the_check_of_readings_checks() -> None:
    source = "from jaxgan.config.base import Config\ndef f(config):\n    return config['seed']"
    assert config_readings(ast.parse(source)) == {"jaxgan.config.base.Config", "config['seed']"}


def test_only_three_parts_read_configs() -> None:
    without = {*READS_CONFIGS, "__init__"}
    assert not in_files(lambda path: config_readings(TREES[path]), without)


def test_only_two_parts_know_a_run() -> None:
    without = {*KNOWS_RUNS, "__init__"}
    assert not in_files(lambda path: {"run"} & parts_imported(TREES[path]), without)


DEVICES = {
    *("devices", "local_devices", "device_count", "local_device_count", "default_device"),
    *("NamedSharding", "PartitionSpec", "SingleDeviceSharding", "multihost_utils", "shard_map"),
}


def devices_named(tree: ast.AST) -> set[str]:
    """Names by which JAX gives devices, their meshes or their collectives, in code."""
    called = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value).startswith("jax")
    }
    brought = {name.rpartition(".")[2] for name in imports(tree) if name.startswith("jax.")}
    return (called | brought) & DEVICES


def test_the_check_of_devices_checks() -> None:
    source = "import jax\nfrom jax.sharding import NamedSharding\njax.devices('cpu')"
    assert devices_named(ast.parse(source)) == {"NamedSharding", "devices"}


def test_only_one_part_names_devices() -> None:
    without = {"distributed", "plan"}  # the latter those that nobody has
    assert not in_files(lambda path: devices_named(TREES[path]), without)


def test_no_other_framework() -> None:
    # TFDS reads its prepared files without TensorFlow.
    for library in ("tensorflow", "torch", "tf_keras", "clu"):
        assert not importers(library)


def test_no_long_files() -> None:
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in SOURCES}
    assert not {name: length for name, length in lengths.items() if length > MAX_FILE_LINES}


Function = ast.FunctionDef | ast.AsyncFunctionDef


def own_lines(function: Function) -> int:
    """Lines of a function with the functions defined in it, docstrings left out."""
    lines = set(range(function.lineno, function.end_lineno + 1))
    for node in ast.walk(function):
        if isinstance(node, Function) and ast.get_docstring(node) is not None:
            lines -= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return len(lines)


def test_the_count_of_lines_counts() -> None:
    source = 'def f():\n    """A."""\n    def g():\n        return 1\n    return g\n'
    outer: Any = ast.parse(source).body[0]
    assert own_lines(outer) == 4
    assert own_lines(outer.body[1]) == 2


def test_no_long_functions() -> None:
    def long(path: Path) -> dict[str, int]:
        functions = [node for node in ast.walk(TREES[path]) if isinstance(node, Function)]
        lengths = {f.name: own_lines(f) for f in functions}
        return {name: n for name, n in lengths.items() if n > MAX_FUNCTION_LINES}

    assert not in_files(long, without=())


def public(tree: ast.Module) -> Iterator[Function | ast.ClassDef]:
    """Functions and classes of a module without a leading underscore, and their methods."""
    for node in tree.body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                methods = (m for m in node.body if isinstance(m, Function))
                yield from (m for m in methods if not m.name.startswith("_"))


def test_everything_public_has_a_docstring() -> None:
    def bare(path: Path) -> list[str]:
        found = [node.name for node in public(TREES[path]) if not ast.get_docstring(node)]
        return found if ast.get_docstring(TREES[path]) else ["the module", *found]

    assert not in_files(bare, without=())


SHOWN = {
    "losses",
    "penalties",
    "auxiliary",
    "fields",
    "algorithms",
    "analysis",
    "transforms",
    "games",
    "optimizers",
}


def test_every_building_block_shows_an_example() -> None:
    def silent(path: Path) -> list[str]:
        functions = [node for node in TREES[path].body if isinstance(node, Function)]
        named = [node for node in functions if not node.name.startswith("_")]
        return [node.name for node in named if ">>>" not in (ast.get_docstring(node) or "")]

    assert not in_files(silent, without={part_of(path) for path in SOURCES} - SHOWN)


def comments(path: Path) -> list[str]:
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text()).readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT]


FOLDERS = ("jaxgan", "tests", "configs", "experiments", "benchmarks")
EVERYTHING = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
EVERYTHING += [ROOT / "conftest.py", ROOT / "docs" / "conf.py"]


SILENCERS = re.compile(
    r"noqa|type:\s*ignore|mypy:|pyright:|pylint:|pragma:|fmt:\s*(off|skip)|yapf:|isort:", re.I
)


def test_no_comment_silences_a_checker() -> None:
    found = {
        f"{name_of(path)}: {comment}"
        for path in EVERYTHING
        for comment in comments(path)
        if SILENCERS.search(comment)
    }
    assert not found
    assert len(EVERYTHING) > len(SOURCES) > 50


@pytest.mark.parametrize("comment", ["fmt:skip", "fmt: off", "type:ignore[x]", "ruff: NoQA"])
def test_the_check_of_comments_checks(comment: str) -> None:
    assert SILENCERS.search(f"# why: {comment}")
    assert not SILENCERS.search("# formats are skipped")


UNUSUAL = {
    "told",
    "asker",
    "hopeless",
    "doubt",
    "foresees",
    "eats",
    "suspicious",
    "widen",
    "judge",
    "anew",
}
"""Words for things that the field calls otherwise."""


def test_names_and_docstrings_have_the_words_of_the_field() -> None:
    found = {
        f"{name_of(path)}: {word}"
        for path in SOURCES
        # A metric of folders of 0.1 is read by its old name.
        for word in re.findall(r"[A-Za-z]+", path.read_text().replace("disc/doubt", ""))
        if word.lower() in UNUSUAL
    }
    assert not found


def test_the_public_api_is_sorted_and_true() -> None:
    import jaxgan

    assert sorted(jaxgan.__all__) == list(jaxgan.__all__)
    assert all(hasattr(jaxgan, name) for name in jaxgan.__all__)
    for path in SOURCES:
        if path.name == "__init__.py":
            listed = [node for node in TREES[path].body if isinstance(node, ast.Assign)]
            exported = [ast.literal_eval(node.value) for node in listed]
            assert all(names == sorted(names) for names in exported), name_of(path)


def test_slow_rows_are_still_there() -> None:
    rows = (ROOT / "tests" / "slow.txt").read_text().splitlines()
    assert rows == sorted(set(rows))
    for row in rows:
        file, _, name = row.partition("::")
        assert f"def {name.partition('[')[0]}(" in (ROOT / file).read_text(), row


READERS = {
    # Files of others are read there alone, where damage is one error.
    "json.load(": {"jaxgan/files/json_file.py"},
    "json.loads(": {
        *(
            "jaxgan/files/json_file.py",
            "jaxgan/checkpoint/checkpointer.py",
            "jaxgan/distributed/agreement.py",
        ),
        "jaxgan/run/lock.py",  # whatever is in it, it is taken for no owner
        *("jaxgan/plan/child.py", "jaxgan/cli/plan_child.py"),  # of our own processes
    },
    "np.load(": set(),
    "zipfile.ZipFile(": {
        *("jaxgan/files/npz.py", "jaxgan/files/torch_file.py", "jaxgan/files/zip_file.py"),
        "jaxgan/writers/stored.py",  # which writes
    },
    "safe_open(": set(),
    "pickle.load": set(),
}


@pytest.mark.parametrize("call", READERS)
def test_files_of_others_have_one_reader_each(call: str) -> None:
    code = {name_of(path): path.read_text().splitlines() for path in SOURCES}
    found = {
        name
        for name, lines in code.items()
        for line in lines
        if call in line and not line.lstrip().startswith((">>>", "..."))
    }
    assert found <= READERS[call]
