"""Mutated configs: each trains, or is refused in one line before anything is compiled.

`python -m tests.fuzz` tries 3,000 and writes what became of them to docs/tested.json.
"""

from __future__ import annotations

import argparse
import collections
import copy
import logging
import math
import random
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from jaxgan.cli.program import BAD_INPUTS
from jaxgan.config.base import Config, load_config
from jaxgan.config.resolve import resolve
from jaxgan.run.make import make_run, resumed_config

ROOT = Path(__file__).parents[1]
COUNTS = ROOT / "docs" / "tested.json"
SECONDS = 120
"""In which one config is built and traced, or it hangs."""

QUICK = ("autoencoder:smoke", "digits:smoke", "ebgan:smoke", "pix2pix:smoke", "ring", "vae:smoke")
LARGE = (
    *("biggan:smoke", "cyclegan:smoke", "r3gan:smoke", "sagan:smoke", "sngan:smoke"),
    *("stylegan:smoke", "stylegan2:smoke"),
)
"""Which take long to trace, and so come less often."""
CONFIGS = (
    *(3 * QUICK),
    *LARGE,
    *("began:smoke", "bigan:smoke", "conditional_digits:smoke", "infogan:smoke", "progan:smoke"),
    *("ring:smoke", "ring_unrolled:smoke", "super_resolution:smoke", "vae_gan:smoke"),
)
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
        value: Any = self.config
        for key in self.path:
            value = value.get(key, "(gone)") if isinstance(value, dict) else value[key]
        return f"{self.base}: {self.kind}: {'.'.join(map(str, self.path))} = {str(value)[:80]}"


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
        return tuple(above)
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


class Outcome(NamedTuple):
    """What became of a config: accepted, or a line; anything else is raised."""

    accepted: bool
    line: str = ""


def outcome(config: Config, workdir: Path) -> Outcome:
    """Does what `jaxgan train` does before it compiles."""
    try:
        make_run(resumed_config(resolve(config), workdir), workdir)
    except BAD_INPUTS as error:
        return Outcome(False, str(error))
    return Outcome(True)


@contextmanager
def alarm(seconds: int) -> Iterator[None]:
    """Raises in what takes longer."""

    def ring(*_: object) -> None:
        raise TimeoutError(f"more than {seconds} seconds")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--num", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--out", type=Path, default=COUNTS)
    parser.add_argument("--log", type=Path)
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    counts: dict[str, collections.Counter[str]] = {k: collections.Counter() for k in KINDS}
    log = args.log.open("a") if args.log else None
    with tempfile.TemporaryDirectory() as folder:
        for index, mutant in enumerate(mutants(args.num, args.seed)):
            if index < args.start:
                continue
            begun = time.perf_counter()
            try:
                with alarm(SECONDS):
                    accepted, line = outcome(mutant.config, Path(folder) / "new")
                what = "accepted" if accepted else "refused"
            except Exception as error:
                what, line = "failed", f"{type(error).__name__}: {str(error)[:300]}"
            counts[mutant.kind][what] += 1
            if log:
                took = time.perf_counter() - begun
                print(f"{index}\t{what}\t{took:.1f}\t{mutant}\t{line!r}", file=log, flush=True)


if __name__ == "__main__":
    main()
