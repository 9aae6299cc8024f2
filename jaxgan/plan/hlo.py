"""Reads a compiled program (HLO text): what runs, how often, and how large its values are."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

_BITS = {
    "pred": 8,
    **{f"{sign}{bits}": bits for sign in "su" for bits in (2, 4, 8, 16, 32, 64)},
    **{f"f{bits}": bits for bits in (16, 32, 64)},
    "bf16": 16,
    "c64": 64,
    "c128": 128,
}
_ARRAY = re.compile(r"\b([a-z]+[0-9]*[a-z0-9]*)\[([0-9,]*)\](\{[^}]*\})?")
_HEAD = re.compile(r"^(ENTRY )?%?([\w.\-]+) \(.*\{\s*$")
_LINE = re.compile(r"^\s+(ROOT )?%?([\w.\-]+) = (.*)$")
_OPCODE = re.compile(r"^([\w\-]+)\(")
_CALLED = re.compile(r"(?:calls|to_apply|body|called_computation)=%?([\w.\-]+)")
_BRANCHES = re.compile(r"branch_computations=\{([^}]*)\}|(?:true|false)_computation=%?([\w.\-]+)")
_TRIPS = re.compile(r'known_trip_count["\\]*:\s*\{["\\]*n["\\]*:["\\]*(\d+)')


class Array(NamedTuple):
    """The type of one array of a value.

    Attributes:
      num_bytes: its elements', without the padding of a layout.
      in_memory: whether it lies in the chip's main memory rather than on the processor.
    """

    num_bytes: int
    in_memory: bool


class Instruction(NamedTuple):
    """A line of a program.

    Attributes:
      name: of its value.
      opcode: what it does: `fusion`, `all-reduce`.
      arrays: of its value, one for each leaf of a tuple.
      operands: the names of the values it reads.
      text: all behind the opcode.
      is_root: whether its value is that of its computation.
    """

    name: str
    opcode: str
    arrays: tuple[Array, ...]
    operands: tuple[str, ...]
    text: str
    is_root: bool


class Program(NamedTuple):
    """A compiled program.

    Attributes:
      computations: the lines of each, by its name and by theirs.
      entry: the computation that runs first.
    """

    computations: Mapping[str, Mapping[str, Instruction]]
    entry: str


class Run(NamedTuple):
    """An instruction that is executed.

    Attributes:
      instruction: which.
      computation: the name of the one it stands in.
      times: how often, in one call of the program.
    """

    instruction: Instruction
    computation: str
    times: int


def parse(text: str) -> Program:
    """Reads a program.

    Args:
      text: as `compiled.as_text()` gives it.

    Returns:
      Its computations.

    Raises:
      ValueError: if it has no entry.

    Example:
      >>> text = "ENTRY %main (x: f32[4]) -> f32[4] {\\n  ROOT %y = f32[4]{0} negate(%x)\\n}"
      >>> parse(text).computations["main"]["y"].arrays
      (Array(num_bytes=16, in_memory=True),)
    """
    computations: dict[str, dict[str, Instruction]] = {}
    entry, lines = "", {}
    for line in text.splitlines():
        if head := _HEAD.match(line):
            lines = computations.setdefault(head[2], {})
            entry = head[2] if head[1] else entry
        elif match := _LINE.match(line):
            instruction = _instruction(match[2], match[3], bool(match[1]))
            if instruction is not None:
                lines[instruction.name] = instruction
    if not entry:
        raise ValueError("the compiler gave a program without an entry")
    return Program(computations, entry)


def _instruction(name: str, rest: str, is_root: bool) -> Instruction | None:
    end = _closing(rest) + 1 if rest.startswith("(") else rest.find(" ")
    match = _OPCODE.match(rest[end:].lstrip())
    if match is None:
        return None
    text = rest[end:].lstrip()[match.end() - 1 :]
    inside = text[1 : _closing(text)]
    operands = tuple(re.findall(r"%([\w.\-]+)", inside))
    return Instruction(name, match[1], arrays(rest[:end]), operands, text, is_root)


def _closing(text: str) -> int:
    depth = 0
    for index, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return index
    return len(text)


def arrays(shape: str) -> tuple[Array, ...]:
    """The arrays of a type.

    Args:
      shape: as in a program's text; `S(1)` in a layout is memory on the processor.

    Returns:
      One entry for each leaf.

    Example:
      >>> arrays("(f32[2,3]{1,0:T(8,128)S(1)}, bf16[4]{0}, token[])")
      (Array(num_bytes=24, in_memory=False), Array(num_bytes=8, in_memory=True))
    """
    found = []
    for dtype, sizes, layout in _ARRAY.findall(shape):
        bits = _BITS.get(dtype, 8 if dtype.startswith("f8") else 4 if dtype.startswith("f4") else 0)
        if bits:
            count = math.prod(int(size) for size in sizes.split(",") if size)
            found.append(Array(-(-count * bits // 8), "S(" not in layout))
    return tuple(found)


def executed(program: Program) -> Iterator[Run]:
    """Every instruction that runs, with how often.

    Bodies of loops count as often as they turn (once where that is not known), and of a conditional
    every branch once. The inside of a fusion is not visited.

    Args:
      program: as `parse` returns it.

    Yields:
      Instructions; calls and loops come before what is in them.

    Example:
      >>> text = "ENTRY %main (x: f32[4]) -> f32[4] {\\n  ROOT %y = f32[4]{0} negate(%x)\\n}"
      >>> [(run.instruction.opcode, run.times) for run in executed(parse(text))]
      [('negate', 1)]
    """
    yield from _executed(program, program.entry, 1)


def _executed(program: Program, computation: str, times: int) -> Iterator[Run]:
    for instruction in program.computations[computation].values():
        yield Run(instruction, computation, times)
        if instruction.opcode == "while":
            turns = trip_count(program, instruction)
            inner = [(name, times * (turns or 1)) for name in _CALLED.findall(instruction.text)]
        elif instruction.opcode == "conditional":
            found = [a or b for a, b in _BRANCHES.findall(instruction.text)]
            names = [name.strip(" %") for group in found for name in group.split(",")]
            inner = [(name, times) for name in names]
        elif instruction.opcode in ("call", "async-start"):
            inner = [(name, times) for name in _CALLED.findall(instruction.text)]
        else:
            inner = []
        for name, count in inner:
            yield from _executed(program, name, count)


def trip_count(program: Program, loop: Instruction) -> int | None:
    """How often a loop turns.

    Read from the compiler's note, or else from a condition that compares a counter from zero with
    a constant, as scans have.

    Args:
      program: what the loop is in.
      loop: a `while`.

    Returns:
      The number of turns, or None.

    Example:
      >>> loop = Instruction("w", "while", (), (), 'known_trip_count":{"n":"10"}', False)
      >>> trip_count(Program({}, ""), loop)
      10
    """
    if known := _TRIPS.search(loop.text):
        return int(known[1])
    condition = re.search(r"condition=%?([\w.\-]+)", loop.text)
    lines = program.computations.get(condition[1], {}) if condition else {}
    root = next((line for line in lines.values() if line.is_root), None)
    constants = [
        int(value[1])
        for line in lines.values()
        if line.opcode == "constant" and (value := re.match(r"\((\d+)\)", line.text))
    ]
    is_simple = root is not None and (
        root.opcode == "fusion" or (root.opcode == "compare" and "direction=LT" in root.text)
    )
    return constants[0] if is_simple and len(constants) == 1 else None
