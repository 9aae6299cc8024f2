"""Bytes that a compiled program moves between a chip's main memory and its processor."""

from __future__ import annotations

from collections.abc import Mapping

from jaxgan.plan.hlo import Array, Instruction, Program, executed

# These move nothing, or what moves is in the computations that they call.
_STILL = {
    "add-dependency",
    "after-all",
    "bitcast",
    "call",
    "conditional",
    "constant",
    "get-tuple-element",
    "iota",
    "opt-barrier",
    "parameter",
    "partition-id",
    "replica-id",
    "tuple",
    "while",
}
_SLICES = ("dynamic-slice", "slice")


def bytes_moved(program: Program) -> int:
    """Reads and writes of main memory by one call, on each chip.

    Every operation reads its operands and writes its results; values that the compiler keeps on
    the processor are free, of a slice only what is cut out counts, and loops count as often as they
    turn. The padding of layouts is left out, so this is less than what a profile shows.

    Args:
      program: as `hlo.parse` returns it.

    Returns:
      Bytes.

    Example:
      >>> from jaxgan.plan.hlo import parse
      >>> text = '''ENTRY %main (x: f32[4]) -> f32[4] {
      ...   %x = f32[4]{0} parameter(0)
      ...   ROOT %y = f32[4]{0} negate(%x)
      ... }'''
      >>> bytes_moved(parse(text))
      32
    """
    total = 0
    for instruction, computation, times in executed(program):
        if instruction.opcode in _STILL or instruction.opcode.endswith("-done"):
            continue
        total += times * _moved(instruction, program.computations[computation], program)
    return total


def _moved(instruction: Instruction, lines: Mapping[str, Instruction], program: Program) -> int:
    operands = [lines[name].arrays for name in instruction.operands if name in lines]
    if instruction.opcode in _SLICES:
        return _size(instruction.arrays) + _read(operands[0], instruction.arrays)
    if instruction.opcode == "dynamic-update-slice":
        return _size(operands[1]) + _read(instruction.arrays, operands[1])
    if instruction.opcode.endswith("-start"):
        # The value holds the target and the source (in either order), and handles.
        return sum(_read((array,), operands[0]) for array in instruction.arrays[:2])
    if instruction.opcode == "fusion":
        return _fusion(instruction, operands, program)
    return _size(instruction.arrays) + sum(_size(arrays) for arrays in operands)


def _fusion(fusion: Instruction, operands: list[tuple[Array, ...]], program: Program) -> int:
    name = fusion.text.partition("calls=")[2].lstrip("%").split(",")[0].split(" ")[0]
    lines = program.computations.get(name, {})
    root = next((line for line in lines.values() if line.is_root), None)
    total = 0
    for index, arrays in enumerate(operands):
        parameter = next(
            (
                line.name
                for line in lines.values()
                if line.opcode == "parameter" and line.text.startswith(f"({index})")
            ),
            None,
        )
        users = [line for line in lines.values() if parameter in line.operands]
        if users and all(user.opcode in _SLICES for user in users):
            total += sum(_read(arrays, user.arrays) for user in users)
        elif not _is_updated(users, parameter, root):
            total += _size(arrays)
    if root is not None and root.opcode == "dynamic-update-slice":
        update = lines.get(root.operands[1])
        return total + _read(fusion.arrays, update.arrays if update else fusion.arrays)
    return total + _size(fusion.arrays)


def _is_updated(users: list[Instruction], parameter: str | None, root: Instruction | None) -> bool:
    """Whether a parameter is only what the root writes a slice into, in place."""
    return (
        root is not None
        and root.opcode == "dynamic-update-slice"
        and root.operands[0] == parameter
        and users == [root]
    )


def _size(arrays: tuple[Array, ...]) -> int:
    return sum(array.num_bytes for array in arrays if array.in_memory)


def _read(whole: tuple[Array, ...], part: tuple[Array, ...]) -> int:
    """The size of a part of something, if that lies in main memory."""
    if not any(array.in_memory for array in whole):
        return 0
    return min(sum(array.num_bytes for array in part), sum(array.num_bytes for array in whole))
