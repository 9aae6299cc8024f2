"""Elements by their index: rows of a table, and parts whose place is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jax import lax

from jaxgan.export.onnx_ops.graph import Call, Graph, Row, Unsupported, Value, is_static
from jaxgan.export.onnx_ops.shapes import index, slice_axes


def _gather(graph: Graph, args: Sequence[Value], call: Call) -> Value:
    """A part whose place is known, or rows by their number."""
    indices = args[1]
    numbers = call.params["dimension_numbers"]
    if numbers.operand_batching_dims or numbers.start_indices_batching_dims:
        raise Unsupported("axes of a batch; it must take parts of one array")
    if indices.const is not None and len(call.ins[1].shape) == 1:
        return _part(graph, args, call)
    return _rows(graph, args, call)


def _part(graph: Graph, args: Sequence[Value], call: Call) -> Value:
    """Of size `slice_sizes` at one place; sizes of 1 go where they are collapsed."""
    whole, numbers = call.ins[0].shape, call.params["dimension_numbers"]
    starts = np.broadcast_to(np.asarray(args[1].const), call.ins[1].shape)
    sizes, axes = call.params["slice_sizes"], {}
    for axis, start in zip(numbers.start_index_map, starts, strict=True):
        if whole[axis] != sizes[axis]:
            if not is_static([whole[axis], sizes[axis]]):
                raise Unsupported(f"{sizes[axis]} of {whole[axis]} rows; they must be numbers")
            low = int(np.clip(start, 0, whole[axis] - sizes[axis]))
            axes[axis] = (low, low + sizes[axis], 1)
    name, gone = graph.full(args[0], whole), sorted(numbers.collapsed_slice_dims, reverse=True)
    for axis in gone:
        name = graph.add("Gather", name, index(graph, axes.pop(axis, (0,))[0]), axis=axis)
    axes = {axis - sum(axis > one for one in gone): bounds for axis, bounds in axes.items()}
    name = slice_axes(graph, name, axes)
    return Value(call.out.shape, args[0].dtype, name)


def _rows(graph: Graph, args: Sequence[Value], call: Call) -> Value:
    """Whole rows along one axis; an index outside is taken to the nearest row."""
    whole, numbers = call.ins[0].shape, call.params["dimension_numbers"]
    sizes, places = call.params["slice_sizes"], call.ins[1].shape
    axis = numbers.start_index_map[0]
    expected = tuple(1 if i == axis else dim for i, dim in enumerate(whole))
    offsets = tuple(range(axis)) + tuple(range(axis + len(places) - 1, len(call.out.shape)))
    if (
        numbers.start_index_map != (axis,)
        or numbers.collapsed_slice_dims != (axis,)
        or tuple(sizes) != expected
        or numbers.offset_dims != offsets
        or not is_static([whole[axis]])
    ):
        raise Unsupported(f"{numbers}; it must take whole rows along one axis")
    if call.params["mode"] == lax.GatherScatterMode.FILL_OR_DROP:
        raise Unsupported("a number in place of rows that are not there; use mode='clip'")
    found = graph.add("Squeeze", graph.full(args[1], places), graph.ints([-1]))
    low, high = (
        graph.use(Value((), args[1].dtype, "bound", np.asarray(n, args[1].dtype)))
        for n in (0, whole[axis] - 1)
    )
    found = graph.add("Min", graph.add("Max", found, low), high)
    name = graph.add("Gather", graph.full(args[0], whole), found, axis=axis)
    return Value(call.out.shape, args[0].dtype, name)


def _dynamic_slice(graph: Graph, args: Sequence[Value], call: Call) -> Value:
    """At a place that is known."""
    whole, sizes, axes = call.ins[0].shape, call.params["slice_sizes"], {}
    for axis, start in enumerate(args[1:]):
        if whole[axis] != sizes[axis]:
            if start.const is None or not is_static([whole[axis], sizes[axis]]):
                raise Unsupported("a start that depends on the inputs; it must be a number")
            low = int(np.clip(np.asarray(start.const), 0, whole[axis] - sizes[axis]))
            axes[axis] = (low, low + sizes[axis], 1)
    name = slice_axes(graph, graph.full(args[0], whole), axes)
    return Value(call.out.shape, args[0].dtype, name)


INDEXING: Mapping[str, Row] = {"dynamic_slice": _dynamic_slice, "gather": _gather}
"""Rows by the name of the primitive."""
