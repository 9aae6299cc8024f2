"""Mutation testing of what says how a game is played: `python -m tests.mutants`, or `make mutants`.

A mutant is the package with one operator, number, condition or argument changed. It is killed if a
test fails that runs the function it is in; what survives is code that no test holds. A sample of
fixed seed is tried, each mutant in a fork of a process that has imported JAX but has not used it,
and docs/mutants.json and tested.md say what came out.

    python -m tests.mutants --num 50 --files jaxgan/losses   # a smaller sample
    python -m tests.mutants --show 'jaxgan/losses/_hinge.py'  # what would be tried
"""

from __future__ import annotations

import argparse
import ast
import builtins
import copy
import importlib
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple
from unittest import mock

ROOT = Path(__file__).parents[1]
RESULTS, PAGE = ROOT / "docs" / "mutants.json", ROOT / "docs" / "tested.md"
PACKAGES = tuple(f"jaxgan/{p}" for p in ("core", "losses", "penalties", "fields", "algorithms"))
SIGNATURES = "tests/test_public_api.py"
"""Holds the defaults, and calls no function."""
TESTS = (
    *PACKAGES,  # their doctests
    *("tests/contracts", "tests/core", "tests/losses", "tests/penalties", "tests/fields"),
    *("tests/algorithms", "tests/data/test_images.py", SIGNATURES),
)
PRELOADED = ("jax.numpy", "flax.linen", "optax", "chex", "scipy.stats", "pytest", "hypothesis")
MAX_BYTES = 6 * 2**30
BUDGET = 20.0
"""Seconds of tests that a mutant is put to, the quickest first."""


class Place(NamedTuple):
    """A node that a mutant may replace."""

    parent: ast.AST
    field: str
    at: int | None
    node: ast.AST
    function: str  # the innermost, with those around it

    def put(self, node: ast.AST | None) -> None:
        """Puts another node there; None takes it away."""
        if self.at is None:
            setattr(self.parent, self.field, node)
        elif node is None:
            del getattr(self.parent, self.field)[self.at]
        else:
            getattr(self.parent, self.field)[self.at] = node


class Mutant(NamedTuple):
    """One change, by its number in the file's walk."""

    file: str
    place: int
    variant: int
    line: int
    function: str
    change: str


SKIPPED = {"annotation", "returns", "decorator_list", "type_params"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def places(node: ast.AST, function: str = "") -> Iterator[Place]:
    """All nodes below, in the order of the source; messages and annotations are left out."""
    inside = (
        f"{function}.{node.name}".lstrip(".")
        if isinstance(node, Function | ast.ClassDef)
        else function
    )
    for field, value in ast.iter_fields(node):
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if field in SKIPPED or not isinstance(child, ast.AST):
                continue
            if isinstance(
                child, ast.JoinedStr | ast.Raise | ast.Assert | ast.Import | ast.ImportFrom
            ):
                continue
            if isinstance(child, ast.keyword) and child.arg == "strict":
                continue  # of a zip, which says what holds anyway
            is_field = isinstance(node, ast.ClassDef) and isinstance(child, ast.AnnAssign)
            where = f"{inside}()" if is_field or isinstance(child, ast.arguments) else inside
            yield Place(node, field, index, child, where)
            yield from places(child, where)


BINARY: dict[type, type] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Add,
    ast.Pow: ast.Mult,
}
COMPARE: dict[type, type] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
CALLED = {
    **{"sum": "mean", "mean": "sum", "max": "min", "min": "max", "any": "all", "all": "any"},
    **{"maximum": "minimum", "minimum": "maximum", "ones_like": "zeros_like"},
    **{"zeros_like": "ones_like", "zeros": "ones", "ones": "zeros", "normal": "uniform"},
    **{"uniform": "normal", "relu": "abs", "exp": "expm1", "sqrt": "square", "abs": "negative"},
}


def variants(place: Place) -> Iterator[ast.AST | None]:
    """What a mutant may have in place of a node."""
    node = place.node
    if isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in BINARY:
        yield _with(node, op=BINARY[type(node.op)]())
    elif isinstance(node, ast.Compare):
        for index, operator in enumerate(node.ops):
            ops = [*node.ops[:index], COMPARE[type(operator)](), *node.ops[index + 1 :]]
            yield _with(node, ops=ops)
    elif isinstance(node, ast.BoolOp):
        yield _with(node, op=ast.And() if isinstance(node.op, ast.Or) else ast.Or())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not):
        yield node.operand
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            yield _with(node, value=not node.value)
        elif isinstance(node.value, int | float):
            yield _with(node, value=node.value + 1)
    elif isinstance(node, ast.Attribute) and place.field == "func" and node.attr in CALLED:
        yield _with(node, attr=CALLED[node.attr])
    elif isinstance(node, ast.keyword) and node.arg is not None:
        yield None
    elif isinstance(node, ast.Name | ast.Call) and place.field == "test":
        yield ast.UnaryOp(ast.Not(), node)


def _with(node: ast.AST, **changes: Any) -> ast.AST:
    new = copy.copy(node)
    for field, value in changes.items():
        setattr(new, field, value)
    return new


def mutants_of(file: str, source: str) -> list[Mutant]:
    """Every mutant of a file."""
    return [
        Mutant(
            file,
            number,
            index,
            getattr(place.node, "lineno", 0),
            place.function,
            f"{ast.unparse(place.node)} -> {'nothing' if new is None else ast.unparse(new)}",
        )
        for number, place in enumerate(places(ast.parse(source)))
        for index, new in enumerate(variants(place))
    ]


def mutated(tree: ast.Module, mutant: Mutant) -> ast.Module:
    """The tree with the mutant's change, in place."""
    place = list(places(tree))[mutant.place]
    place.put(list(variants(place))[mutant.variant])
    return ast.fix_missing_locations(tree)


def watched(tree: ast.Module, file: str) -> ast.Module:
    """The tree with a note of each function as it is called, in place."""

    def note(name: str) -> ast.expr:
        return ast.parse(f"__called__({name!r})", mode="eval").body

    for _, _, _, node, function in list(places(tree)):
        if isinstance(node, Function):
            start = 1 if ast.get_docstring(node) is not None else 0
            name = f"{file}:{function}.{node.name}".replace(":.", ":")
            node.body[start:start] = [ast.copy_location(ast.Expr(note(name)), node.body[0])]
        elif isinstance(node, ast.Lambda):
            pair = ast.Tuple([note(f"{file}:{function}"), node.body], ast.Load())
            node.body = ast.Subscript(pair, ast.Constant(1), ast.Load())
    return ast.fix_missing_locations(tree)


def reading(change: Callable[[ast.Module, str], ast.Module], files: set[str]) -> None:
    """From now on this process imports those files changed."""
    original = SourceFileLoader.get_code

    def get_code(self: SourceFileLoader, fullname: str) -> CodeType | None:
        file = self.path.removeprefix(f"{ROOT}/")
        if file not in files:
            return original(self, fullname)
        tree = change(ast.parse(Path(self.path).read_text()), file)
        return compile(tree, self.path, "exec", dont_inherit=True)

    mock.patch.object(SourceFileLoader, "get_code", get_code).start()


class Survey:
    """A pytest plugin: which functions each test calls, and how long it takes."""

    def __init__(self) -> None:
        self.called: dict[str, set[str]] = defaultdict(set)  # tests by function
        self.seconds: Counter[str] = Counter()
        self.failed: set[str] = set()
        self.now: set[str] = set()
        vars(builtins)["__called__"] = self.now.add

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.now.clear()

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.seconds[report.nodeid] += report.duration
        for name in self.now:
            self.called[name].add(report.nodeid)
        if report.failed:
            self.failed.add(report.nodeid)


def resident_bytes(process: int) -> int:
    """The memory of a process."""
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf(
            "SC_PAGE_SIZE"
        )
    except OSError:  # it has ended
        return 0


def in_fork(work: Callable[[], Any], limit: float) -> Any:
    """What a function returns in a fork of this process; None if it dies, or takes too much."""
    with tempfile.NamedTemporaryFile() as file:
        child = os.fork()
        if child == 0:
            try:
                os.setsid()
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, 1)
                os.dup2(nowhere, 2)
                Path(file.name).write_text(json.dumps(work()))
            finally:
                os._exit(0)
        end = time.monotonic() + limit
        while os.waitpid(child, os.WNOHANG) == (0, 0):
            if time.monotonic() > end or resident_bytes(child) > MAX_BYTES:
                os.killpg(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return None
            time.sleep(0.02)
        text = Path(file.name).read_text()
        return json.loads(text) if text else None


def run_tests(tests: list[str], *plugins: Any) -> int:
    import pytest

    options = [
        "-q",
        "--assert=plain",
        "-p",
        "no:cacheprovider",
        "-m",
        "not slow",
        "--rootdir",
        str(ROOT),
    ]
    options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # what was imported before
    return int(pytest.main([*options, *tests], plugins=plugins))


def survey(files: set[str]) -> dict[str, Any]:
    """Runs all tests once: the quickest tests of each function first."""

    def work() -> Any:
        reading(watched, files)
        found = Survey()
        code = run_tests(list(TESTS), found)
        called = {
            name: sorted(tests - found.failed, key=lambda test: (found.seconds[test], test))
            for name, tests in found.called.items()
        }
        failed = sorted(found.failed)
        return {"called": called, "seconds": found.seconds, "failed": failed, "code": code}

    result: dict[str, Any] | None = in_fork(work, 3600)
    if result is None or result["code"] not in (0, 1):
        sys.exit(f"the tests do not run: pytest {' '.join(TESTS)}")
    for test in result["failed"]:
        print(f"left out, as it fails without a mutant: {test}")
    return result


def tests_of(mutant: Mutant, found: dict[str, Any]) -> list[str]:
    """The quickest tests of its function, or of what is around it where none calls that."""
    names = mutant.function.removesuffix("()").split(".") if mutant.function else []
    for num in range(len(names), -1, -1):
        around = f"{mutant.file}:{'.'.join(names[:num])}"
        tests: list[str] = []
        for name, callers in found["called"].items():
            if name == around or (num == 0 and name.startswith(around)):
                tests += callers
        if tests:
            break
    chosen, left = list[str](), BUDGET
    for test in sorted(set(tests), key=lambda test: (found["seconds"][test], test)):
        left -= found["seconds"][test]
        if left > 0 or not chosen:
            chosen.append(test)
    if mutant.function.endswith("()"):
        good = set(found["seconds"]) - set(found["failed"])
        chosen += [test for test in good if test.startswith(SIGNATURES)]
    return chosen


def verdict(mutant: Mutant, found: dict[str, Any]) -> str:
    """`killed`, `late` (too much time or memory), `survived` or `untested`."""
    tests = tests_of(mutant, found)
    if not tests:
        return "untested"

    def work() -> int:
        import jax

        # What is compiled for a mutant is of no use later.
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 1e9)
        reading(lambda tree, file: mutated(tree, mutant), {mutant.file})
        return run_tests(["-x", *tests])

    code = in_fork(work, 60 + 4 * sum(found["seconds"][test] for test in tests))
    return "late" if code is None else "survived" if code == 0 else "killed"


def main() -> None:
    """Samples, tries, writes."""
    flags = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    flags.add_argument("--num", type=int, default=200, help="mutants in the sample")
    flags.add_argument("--seed", type=int, default=0, help="of the sample")
    flags.add_argument("--files", default="", help="beginning of the files' names")
    flags.add_argument("--show", action="store_true", help="list the sample, try none")
    flags.add_argument("--survey", type=Path, help="where to keep which test calls what")
    args = flags.parse_args()
    os.chdir(ROOT)
    files = sorted(
        path.relative_to(ROOT).as_posix() for p in PACKAGES for path in (ROOT / p).rglob("*.py")
    )
    every = [
        mutant
        for file in files
        if file.startswith(args.files)
        for mutant in mutants_of(file, (ROOT / file).read_text())
    ]
    sample = random.Random(args.seed).sample(every, min(args.num, len(every)))
    if args.show:
        for mutant in sorted(sample):
            print(f"{mutant.file}:{mutant.line} {mutant.function}: {mutant.change}")
        return
    importlib.import_module("conftest")  # which sets JAX up
    for name in PRELOADED:
        importlib.import_module(name)
    if args.survey and args.survey.exists():
        found = json.loads(args.survey.read_text())
    else:
        found = survey(set(files))
        if args.survey:
            args.survey.write_text(json.dumps(found))
    verdicts: dict[Mutant, str] = {}
    for number, mutant in enumerate(sorted(sample), 1):
        start = time.monotonic()
        verdicts[mutant] = verdict(mutant, found)
        seconds = time.monotonic() - start
        where = f"{mutant.file}:{mutant.line}"
        print(f"{number}/{len(sample)} {verdicts[mutant]} {where} {mutant.change} {seconds:.1f} s")
    report(args.seed, len(every), verdicts)


def report(seed: int, total: int, verdicts: dict[Mutant, str]) -> None:
    """Writes the counts, and each mutant that survived."""
    left = [m for m, outcome in verdicts.items() if outcome in ("survived", "untested")]
    tried, alive = (Counter(m.file.split("/")[1] for m in them) for them in (verdicts, left))
    counts = {name: [tried[name], tried[name] - alive[name]] for name in sorted(tried)}
    counts["together"] = [tried.total(), tried.total() - alive.total()]
    survivors = [f"{m.file}:{m.line} {m.function}: {m.change}" for m in left]
    said = {"mutants": total, "seed": seed, "counts": counts, "survivors": survivors}
    RESULTS.write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n")
    PAGE.write_text(page(PAGE.read_text(), counts))


HEAD = "| package | mutants | killed |\n|---|---|---|\n"


def page(text: str, counts: Mapping[str, Sequence[int]]) -> str:
    """The page with its table of counts."""
    before, _, rest = text.partition(HEAD)
    rows = (f"| {name} | {tried} | {killed} |\n" for name, (tried, killed) in counts.items())
    return f"{before}{HEAD}{''.join(rows)}\n{rest.partition(chr(10) * 2)[2]}"


if __name__ == "__main__":
    main()
