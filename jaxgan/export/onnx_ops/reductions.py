"""Sums, extrema and their places along axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from jaxgan.export.onnx_ops.graph import Call, Graph, Row, Value, onnx_type, require


def _reduction(op: str) -> Row:
    """One node of the same meaning."""

    def row(graph: Graph, args: Sequence[Value], call: Call) -> Value:
        name = graph.full(args[0], call.ins[0].shape)
        axes = list(call.params["axes"])
        made = graph.add(op, name, graph.ints(axes), keepdims=0) if axes else name
        return Value(call.out.shape, call.out.dtype, made)

    return row


def _of_truth(op: str) -> Row:
    """All or any, as the least or the greatest of 0 and 1."""
    inner = _reduction(op)

    def row(graph: Graph, args: Sequence[Value], call: Call) -> Value:
        require({"dtype": call.out.dtype}, dtype=np.dtype(bool))
        name = graph.full(args[0], call.ins[0].shape)
        number = graph.add("Cast", name, to=onnx_type(np.int32))
        found = inner(graph, [Value(call.ins[0].shape, np.dtype("int32"), number)], call)
        truth = graph.add("Cast", found.name, to=onnx_type(np.bool_))
        return Value(call.out.shape, call.out.dtype, truth)

    return row


def _argument(op: str) -> Row:
    """The place of an extremum along one axis."""

    def row(graph: Graph, args: Sequence[Value], call: Call) -> Value:
        name = graph.full(args[0], call.ins[0].shape)
        (axis,) = call.params["axes"]
        found = graph.add(op, name, axis=axis, keepdims=0)
        made = graph.add("Cast", found, to=onnx_type(call.out.dtype))
        return Value(call.out.shape, call.out.dtype, made)

    return row


REDUCTIONS: Mapping[str, Row] = {
    "argmax": _argument("ArgMax"),
    "argmin": _argument("ArgMin"),
    "reduce_and": _of_truth("ReduceMin"),
    "reduce_max": _reduction("ReduceMax"),
    "reduce_min": _reduction("ReduceMin"),
    "reduce_or": _of_truth("ReduceMax"),
    "reduce_prod": _reduction("ReduceProd"),
    "reduce_sum": _reduction("ReduceSum"),
}
"""Rows by the name of the primitive."""
