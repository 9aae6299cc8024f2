"""Random numbers of a key that is known, the same as JAX's, for any batch size.

References:
    Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011): Threefry-2x32, 20 rounds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from jaxgan.export.onnx_ops.graph import (
    Call,
    Graph,
    Row,
    Unsupported,
    Value,
    onnx_type,
    product,
    require,
)
from jaxgan.export.onnx_ops.shapes import count, reshape

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA
_ONE = 0x3F800000
"""The bits of 1.0 in 32: those of a number from 1 to 2 are these and a fraction."""

_UINT32 = np.dtype("uint32")


def _random_bits(graph: Graph, args: Sequence[Value], call: Call) -> Value:
    """Bits of element i are those that JAX makes of the key and i."""
    require(call.params, bit_width=32)
    key, shape = args[0], call.params["shape"]
    if key.const is None or key.shape:
        raise Unsupported("keys that depend on the inputs; it must have one that is known")
    if str(jax.random.key_impl(key.const)) != "threefry2x32":
        raise Unsupported(f"keys of {jax.random.key_impl(key.const)}; they must be threefry2x32")
    first, second = (int(word) for word in np.asarray(jax.random.key_data(key.const)))
    numbers = reshape(graph, count(graph, product(shape), onnx_type(_UINT32)), shape)
    return Value(tuple(shape), call.out.dtype, _threefry(graph, (first, second), numbers))


def _threefry(graph: Graph, key: tuple[int, int], numbers: str) -> str:
    """The exclusive or of both words that the key makes of (0, number)."""
    words = (*key, key[0] ^ key[1] ^ _PARITY)
    x, y = _word(graph, words[0]), graph.add("Add", numbers, _word(graph, words[1]))
    for group in range(5):
        for rotation in _ROTATIONS[group % 2]:
            x = graph.add("Add", x, y)
            left = graph.add("BitShift", y, _word(graph, rotation), direction="LEFT")
            right = graph.add("BitShift", y, _word(graph, 32 - rotation), direction="RIGHT")
            y = graph.add("BitwiseXor", graph.add("BitwiseOr", left, right), x)
        x = graph.add("Add", x, _word(graph, words[(group + 1) % 3]))
        y = graph.add("Add", y, _word(graph, words[(group + 2) % 3] + group + 1))
    return str(graph.add("BitwiseXor", x, y))


def _word(graph: Graph, number: int) -> str:
    return graph.use(Value((), _UINT32, "word", np.asarray(number % 2**32, _UINT32)))


def _bitcast(graph: Graph, args: Sequence[Value], call: Call) -> Value:
    """ONNX has none; of a number from 1 to 2, as uniform numbers begin, it is its fraction's."""
    made: Any = next((n for n in reversed(graph.nodes) if args[0].name in n.output), None)
    ones = [graph.initializers.get(name) for name in made.input] if made is not None else []
    is_from_one = any(one is not None and one.shape == () and int(one) == _ONE for one in ones)
    if call.out.dtype != np.float32 or not is_from_one or made.op_type != "BitwiseOr":
        raise Unsupported("any bits; they must be those of a number from 1 to 2")
    bits = graph.add("BitwiseAnd", args[0].name, _word(graph, 2**23 - 1))
    fraction = graph.add("Cast", bits, to=onnx_type(np.float32))
    dtype = np.dtype("float32")
    scale, one = (
        graph.use(Value((), dtype, "number", np.asarray(number, dtype))) for number in (2**-23, 1)
    )
    return Value(args[0].shape, dtype, graph.add("Add", graph.add("Mul", fraction, scale), one))


RANDOM: Mapping[str, Row] = {"bitcast_convert_type": _bitcast, "random_bits": _random_bits}
"""Rows by the name of the primitive."""
