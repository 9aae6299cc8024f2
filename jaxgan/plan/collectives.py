"""What chips send each other, read from a compiled program."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

from jaxgan.plan.hlo import Instruction, Program, executed

KINDS = ("all-gather", "all-reduce", "all-to-all", "collective-permute", "reduce-scatter")

_LISTED = re.compile(r"replica_groups=\{\{([0-9,]*)\}")
_IOTA = re.compile(r"replica_groups=\[(\d+),(\d+)\]<=")
_MESH = re.compile(r"replica_groups=mesh\[([^\]]*)\]\s*\{([^}]*)\}")


class Collective(NamedTuple):
    """All collectives of one kind within groups of one size.

    Attributes:
      kind: one of `KINDS`.
      group_size: how many devices take part in each.
      num_ops: how many are executed in one call of the program.
      num_bytes: of their results (of a reduce-scatter: of its operands), on each device.
      sent_bytes: what each device has to send at least, by the best algorithms.
    """

    kind: str
    group_size: int
    num_ops: int
    num_bytes: int
    sent_bytes: float


def collectives(program: Program, num_devices: int) -> tuple[Collective, ...]:
    r"""The collectives of one call, those in loops as often as the loops turn.

    With groups of n devices and B bytes, a device sends at least :math:`2B(n-1)/n` in an
    all-reduce, :math:`B(n-1)/n` in an all-gather, a reduce-scatter or an all-to-all, and B in a
    permutation.

    Args:
      program: as `hlo.parse` returns it.
      num_devices: that it was compiled for.

    Returns:
      One entry per kind and size of group, sorted.

    Example:
      >>> from jaxgan.plan.hlo import parse
      >>> text = '''ENTRY %main (x: f32[4]) -> f32[4] {
      ...   ROOT %y = f32[4]{0} all-reduce(%x), replica_groups={{0,1,2,3}}, to_apply=%add
      ... }'''
      >>> collectives(parse(text), 4)[0].sent_bytes
      24.0
    """
    found: dict[tuple[str, int], tuple[int, int]] = {}
    for instruction, computation, times in executed(program):
        kind = instruction.opcode.removesuffix("-start")
        if kind not in KINDS:
            continue
        lines = program.computations[computation]
        operands = [lines[name] for name in instruction.operands if name in lines]
        size = _group_size(instruction.text, num_devices)
        count, total = found.get((kind, size), (0, 0))
        found[kind, size] = (count + times, total + times * _num_bytes(instruction, operands, kind))
    return tuple(
        Collective(kind, size, count, total, _sent(kind, size, total))
        for (kind, size), (count, total) in sorted(found.items())
        if size > 1
    )


def _num_bytes(instruction: Instruction, operands: Sequence[Instruction], kind: str) -> int:
    sizes = [array.num_bytes for array in instruction.arrays]
    given = [array.num_bytes for operand in operands for array in operand.arrays]
    if kind == "reduce-scatter" and given:
        return sum(given)
    # The value of an asynchronous start may hold the operands, then the results, then handles.
    if instruction.opcode.endswith("-start") and kind != "all-reduce" and len(sizes) > 1:
        return sizes[1] if len(sizes) < 2 * len(given) else sum(sizes[len(given) : 2 * len(given)])
    return sum(sizes)


def _group_size(text: str, num_devices: int) -> int:
    if listed := _LISTED.search(text):
        return len(listed[1].split(","))
    if iota := _IOTA.search(text):
        return int(iota[2])
    if mesh := _MESH.search(text):
        sizes = dict(re.findall(r"'([^']+)'=(\d+)", mesh[1]))
        return math.prod(int(sizes[axis]) for axis in re.findall(r"'([^']+)'", mesh[2]))
    return num_devices


def _sent(kind: str, size: int, num_bytes: int) -> float:
    if kind == "collective-permute":
        return float(num_bytes)
    return (2.0 if kind == "all-reduce" else 1.0) * num_bytes * (size - 1) / size
