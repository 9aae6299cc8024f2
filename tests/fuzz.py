"""Mutated configs: each trains, or is refused in one line before anything is compiled.

`python -m tests.fuzz` tries 3,000 and writes what became of them to docs/tested.json and tested.md.
"""

from __future__ import annotations

import argparse
import copy
import json
import logging
import math
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from jaxgan.cli.program import BAD_INPUTS
from jaxgan.config.base import Config, load_config, plain
from jaxgan.config.resolve import resolve
from jaxgan.run.make import make_run, resumed_config

ROOT = Path(__file__).parents[1]
COUNTS, PAGE = ROOT / "docs" / "tested.json", ROOT / "docs" / "tested.md"
NUM = 3000
SECONDS = 120
"""In which one config is built and traced, or it hangs."""

QUICK = ("autoencoder:smoke", "digits:smoke", "ebgan:smoke", "pix2pix:smoke", "ring", "vae:smoke")
LARGE = (
    *("biggan:smoke", "cyclegan:smoke", "r3gan:smoke", "sagan:smoke", "sngan:smoke"),
    *("stylegan:smoke", "stylegan2:smoke"),
)
"""Which take long to trace, and so come less often."""
OTHERS = (
    *("began:smoke", "bigan:smoke", "conditional_digits:smoke", "infogan:smoke", "progan:smoke"),
    *("ring:smoke", "ring_unrolled:smoke", "super_resolution:smoke", "vae_gan:smoke"),
)
CONFIGS = (*(6 * QUICK), *(2 * OTHERS), *LARGE)
"""Those of this repository that need no files."""

Key = str | int
Mutate = Callable[[random.Random, Any], Any]

# Of a value, and of a number; a section or a key is changed by the names below.
VALUES: dict[str, Mutate] = {
    "another type": lambda rng, old: rng.choice(["x", 3, 2.5, True, None, [1, 2], {"a": 1}]),
    "empty": lambda rng, old: rng.choice(["", [], {}]),
    "NaN": lambda rng, old: math.nan,
    "infinite": lambda rng, old: rng.choice([math.inf, -math.inf]),
    "negative": lambda rng, old: -abs(old) if is_number(old) and old else -1,
    "zero": lambda rng, old: type(old)(0) if is_number(old) else 0,
    "huge": lambda rng, old: rng.choice([10**9, 2**31, 10**400, 1e30, 1e39]),
    "a fraction": lambda rng, old: (old if is_number(old) else 0) + 0.5,
    "a list": lambda rng, old: [old, old],
}
KEYS = ("misspelled", "removed")
SECTIONS = ("a scalar for a section",)
KINDS = (*VALUES, *KEYS, *SECTIONS)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


class Mutant(NamedTuple):
    """A config with one thing wrong, or not."""

    base: str
    kind: str
    path: tuple[Key, ...]
    config: Config

    def __str__(self) -> str:
        where = ".".join(map(str, self.path))
        what = "" if self.kind == "removed" else f" = {str(_at(self.config, self.path))[:80]}"
        return f"{self.base}: {self.kind}: {where}{what}"


def places(value: Any, path: tuple[Key, ...] = ()) -> Iterator[tuple[Key, ...]]:
    """Paths to all entries of a config, sections too."""
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    for key, entry in entries:
        yield (*path, key)
        if isinstance(entry, dict | list):
            yield from places(entry, (*path, key))


def bases(names: tuple[str, ...]) -> dict[str, Config]:
    """Configs of this repository, as written and complete."""
    found = {}
    for name in names:
        file, _, arg = name.partition(":")
        written = load_config(f"{ROOT / 'configs' / file}.py:{arg}", ["--config.num_devices=1"])
        found[name], found[f"{name} in full"] = written, resolve(written)
    return found


def mutants(num: int, seed: int, names: tuple[str, ...] = CONFIGS) -> Iterator[Mutant]:
    """So many mutants, the same for the same seed."""
    rng, known = random.Random(seed), bases(names)
    for index in range(num):
        kind = KINDS[index % len(KINDS)]
        name = rng.choice(names) + rng.choice(("", " in full"))
        config = copy.deepcopy(known[name])
        path = rng.choice([p for p in places(config) if _suits(kind, config, p)])
        yield Mutant(name, kind, _change(rng, kind, config, path), config)


def _at(config: Config, path: tuple[Key, ...]) -> Any:
    value: Any = config
    for key in path:
        value = value[key]
    return value


def _suits(kind: str, config: Config, path: tuple[Key, ...]) -> bool:
    value = _at(config, path)
    if kind in SECTIONS:
        return isinstance(value, dict)
    return kind in KEYS or kind in ("another type", "empty", "a list") or is_number(value)


def _change(
    rng: random.Random, kind: str, config: Config, path: tuple[Key, ...]
) -> tuple[Key, ...]:
    *above, last = path
    holder = _at(config, tuple(above))
    old = holder[last]
    if kind in SECTIONS:
        holder[last] = rng.choice(["x", 1, 0.5, True, [], "none"])
    elif kind == "removed":
        del holder[last]
    elif kind == "misspelled" and isinstance(last, str):
        where = rng.randrange(len(last))
        del holder[last]
        last = last[:where] + last[where + 1 :] if len(last) > 1 else "x"
        holder[last] = old
    elif kind == "misspelled":
        holder[last] = "mispelt"
    else:
        holder[last] = VALUES[kind](rng, old)
    return (*above, last)


def refusal(config: Config, workdir: Path) -> str | None:
    """Does what `jaxgan train` does before it compiles: a line, or None where it would begin."""
    try:
        make_run(resumed_config(resolve(plain(config)), workdir), workdir)
    except BAD_INPUTS as error:
        return str(error)
    return None


@contextmanager
def alarm(seconds: int) -> Iterator[None]:
    """Raises in what computes for longer, however slow the machine is."""

    def ring(*_: object) -> None:
        raise TimeoutError(f"more than {seconds} seconds")

    before = signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


class Tally(NamedTuple):
    """What became of mutants.

    Attributes:
      counts: how many were `accepted` and `refused`, by kind.
      failures: those that neither trained nor were refused in one line.
    """

    counts: dict[str, dict[str, int]]
    failures: list[str]


def tally(tried: Iterable[Mutant], log: Callable[[str], object] = lambda line: None) -> Tally:
    """Tries mutants; whoever logs is told of each."""
    counts = {kind: {"accepted": 0, "refused": 0} for kind in KINDS}
    failures = []
    with tempfile.TemporaryDirectory() as folder:
        new = Path(folder) / "new"
        for mutant in tried:
            begun = time.perf_counter()
            try:
                with alarm(SECONDS):
                    line = refusal(mutant.config, new)
                what = "accepted" if line is None else "refused"
                counts[mutant.kind][what] += 1
            except Exception as error:
                what, line = "failed", f"{type(error).__name__}: {error}"
                failures.append(f"{mutant}: {line}")
            if line is not None and len(line.splitlines()) != 1:
                failures.append(f"{mutant}: not one line: {line!r}")
            assert not new.exists(), mutant
            log(f"{what}\t{time.perf_counter() - begun:.1f}\t{mutant}\t{line!r}")
    return Tally(counts, failures)


def table(counts: Mapping[str, Mapping[str, int]]) -> str:
    """The counts as Markdown."""
    rows = [f"| {kind} | {row['accepted']} | {row['refused']} |" for kind, row in counts.items()]
    total = {what: sum(row[what] for row in counts.values()) for what in ("accepted", "refused")}
    last = f"| together | {total['accepted']} | {total['refused']} |"
    return "\n".join(["| what was changed | accepted | refused |", "|---|---|---|", *rows, last])


def page(text: str, counts: Mapping[str, Mapping[str, int]]) -> str:
    """A page with the table where it has one."""
    before, _, rest = text.partition("| what was changed |")
    after = rest[rest.index("\n\n") :]
    return f"{before}{table(counts)}{after}"


def main() -> None:
    """Writes the counts, and the page's table of them; if any fails, both are printed instead."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--num", type=int, default=NUM)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--log", type=Path, help="a line for each goes there; nothing is written")
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    tried = mutants(args.num, args.seed)
    if args.log:
        with args.log.open("w", buffering=1) as file:
            found = tally(tried, lambda line: print(line, file=file))
    else:
        found = tally(tried)
        if not found.failures:
            said = {"mutants": args.num, "seed": args.seed, "counts": found.counts}
            COUNTS.write_text(json.dumps(said, indent=2) + "\n")
            PAGE.write_text(page(PAGE.read_text(), found.counts))
    if found.failures:
        sys.exit("\n".join([json.dumps(found.counts), *found.failures]))


if __name__ == "__main__":
    main()
