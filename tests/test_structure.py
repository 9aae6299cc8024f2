"""The shape of the code itself: who imports whom, how long things are, what is documented."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "jaxgan"
SOURCES = sorted(PACKAGE.rglob("*.py"))
TREES = {path: ast.parse(path.read_text()) for path in SOURCES}

LEVELS: dict[str, int] = {
    name: level
    for level, names in enumerate(
        [
            "typing version checks errors modes",
            "schedules derivatives examples",
            "state outputs",
            "network optimizers losses penalties",
            "auxiliary",
            "game",
            "games fields",
            "algorithms analysis",
            "transforms",
            "parallel platforms probe processes sampling standing stopping nonfinite watch",
            "plan instruments",
            "loop",
            "config",
            "networks",
            "tables",
            "named_games",
            "resolve",
            "workdir",
            "build",
            "load draw example imported",
            "evaluation explore",
            "cli",
        ]
    )
    for name in names.split()
}
"""The import order: a part may import parts of a lower level, and itself."""

LEAVES = (
    *("models", "data", "metrics", "features", "augment", "files", "writers"),
    *("manifest", "archive", "checkpoint", "ocdbt", "lock", "published"),
)
"""What stands beside the order: these know nothing of how a game is played."""

FORBIDDEN_TO_LEAVES = {name for name, level in LEVELS.items() if level > LEVELS["games"]} | {
    "fields"
}

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 70


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def part_of(path: Path) -> str:
    """`jaxgan/losses/hinge.py` and `jaxgan/game.py` are of the parts `losses` and `game`."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(tree: ast.AST) -> Iterator[str]:
    """The dotted names that a file imports, inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def parts_imported(tree: ast.AST) -> set[str]:
    found = {name.split(".")[1] for name in imports(tree) if name.startswith("jaxgan.")}
    return found - {"__version__"}


def top_level(tree: ast.AST) -> set[str]:
    return {name.split(".")[0] for name in imports(tree)}


def order_violations(part: str, imported: set[str]) -> set[str]:
    if part in LEAVES:
        return imported & FORBIDDEN_TO_LEAVES
    assert part in LEVELS, f"{part} has no place in the import order yet: give it one here"
    above = {name for name, level in LEVELS.items() if level >= LEVELS[part]}
    return imported & above - {part}


@pytest.mark.parametrize(
    ("part", "source", "expected"),
    [
        ("losses", "from jaxgan.games import gan", {"games"}),
        ("losses", "def f():\n    import jaxgan.algorithms.base", {"algorithms"}),
        ("algorithms", "from jaxgan import transforms, optimizers", {"transforms"}),
        ("algorithms", "from jaxgan.algorithms.base import Algorithm", set()),
        ("metrics", "from jaxgan.loop import train", {"loop"}),
        ("losses", "from jaxgan.penalties import r1", {"penalties"}),
        ("cli", "from jaxgan.build import build", set()),
    ],
)
def test_the_check_of_the_order_checks(part: str, source: str, expected: set[str]) -> None:
    assert order_violations(part, parts_imported(ast.parse(source))) == expected


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_import_order(path: Path) -> None:
    if path == PACKAGE / "__init__.py":
        return  # the public API re-exports everything
    assert not order_violations(part_of(path), parts_imported(TREES[path]))


def importers(library: str) -> set[str]:
    return {name_of(path) for path in SOURCES if library in top_level(TREES[path])}


def test_only_the_checkpoint_knows_orbax() -> None:
    assert importers("orbax") == {"jaxgan/checkpoint.py"}


def test_only_the_edge_reads_configs() -> None:
    allowed = {"jaxgan/build.py", "jaxgan/config.py", "jaxgan/load.py"}
    found = {name for name in importers("ml_collections") if not name.startswith("jaxgan/cli/")}
    assert found <= allowed


@pytest.mark.parametrize("library", ["flax", "ml_collections", "grain", "orbax"])
def test_how_a_game_is_played_knows_no_other_library(library: str) -> None:
    parts = ("fields", "algorithms", "transforms", "losses", "penalties", "auxiliary", "games")
    found = {name for name in importers(library) if name.split("/")[1] in parts}
    assert not found


def test_no_other_framework() -> None:
    # TFDS reads its prepared files without TensorFlow.
    for library in ("tensorflow", "torch", "tf_keras", "clu"):
        assert not importers(library)


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_no_long_files(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MAX_FILE_LINES


Function = ast.FunctionDef | ast.AsyncFunctionDef


def own_lines(function: Function) -> int:
    """Lines of a function, less its docstring and the functions defined in it."""
    lines = set(range(function.lineno, function.end_lineno + 1))
    if ast.get_docstring(function) is not None:
        lines -= set(range(function.body[0].lineno, function.body[0].end_lineno + 1))
    for node in ast.walk(function):
        if isinstance(node, Function) and node is not function:
            lines -= set(range(node.lineno, node.end_lineno + 1))
    return len(lines)


def test_the_count_of_lines_counts() -> None:
    source = 'def f():\n    """A."""\n    def g():\n        return 1\n    return g\n'
    outer = ast.parse(source).body[0]
    assert own_lines(outer) == 2
    assert own_lines(outer.body[1]) == 2


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_no_long_functions(path: Path) -> None:
    functions = [node for node in ast.walk(TREES[path]) if isinstance(node, Function)]
    assert not {f.name: n for f in functions if (n := own_lines(f)) > MAX_FUNCTION_LINES}


def public(tree: ast.Module) -> Iterator[Function | ast.ClassDef]:
    """Functions and classes of a module without a leading underscore, and their methods."""
    for node in tree.body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                methods = (m for m in node.body if isinstance(m, Function))
                yield from (m for m in methods if not m.name.startswith("_"))


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_everything_public_has_a_docstring(path: Path) -> None:
    assert ast.get_docstring(TREES[path]), "the module itself"
    bare = {node.name for node in public(TREES[path]) if not ast.get_docstring(node)}
    assert not bare


SHOWN = [
    "losses",
    "penalties",
    "auxiliary",
    "fields",
    "algorithms",
    "analysis",
    "transforms",
    "games",
    "optimizers.py",
    "probe.py",
]


@pytest.mark.parametrize(
    "path", [p for p in SOURCES if p.relative_to(PACKAGE).parts[0] in SHOWN], ids=name_of
)
def test_every_building_block_shows_an_example(path: Path) -> None:
    functions = [node for node in TREES[path].body if isinstance(node, Function)]
    named = [node for node in functions if not node.name.startswith("_")]
    silent = {node.name for node in named if ">>>" not in ast.get_docstring(node)}
    assert not silent


def comments(path: Path) -> list[str]:
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text()).readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT]


FOLDERS = ("jaxgan", "tests", "configs", "experiments", "benchmarks")
EVERYTHING = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


def test_no_comment_silences_a_checker() -> None:
    silencers = ("noqa", "type: ignore", "pylint:", "pragma: no cover", "fmt: off")
    found = {
        f"{name_of(path)}: {comment}"
        for path in EVERYTHING
        for comment in comments(path)
        if any(word in comment for word in silencers)
    }
    assert not found
    assert len(EVERYTHING) > len(SOURCES) > 50


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
        *("jaxgan/files/json_file.py", "jaxgan/checkpoint.py", "jaxgan/processes.py"),
        "jaxgan/lock.py",  # whatever is in it, it is taken for no owner
        *("jaxgan/plan/child.py", "jaxgan/cli/plan_child.py"),  # of our own processes
    },
    "np.load(": set(),
    "zipfile.ZipFile(": {
        *("jaxgan/files/npz.py", "jaxgan/features/torch_file.py"),
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
