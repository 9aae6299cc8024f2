"""Operations that move elements: reshape, transpose, slice, pad, concatenate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from jaxgan.export.onnx_ops.graph import (
    Call,
    Dim,
    Graph,
    Row,
    Unsupported,
    Value,
    is_one,
    is_static,
    onnx_type,
    require,
)

LAST = 2**62
"""Beyond the end of any axis."""


def reshape(graph: Graph, name: str, shape: Sequence[Dim]) -> str:
    """Emits a reshape; at most one size depends on the batch, which ONNX then finds itself.

    Args:
      graph: to append to.
      name: of the array.
      shape: its new one.

    Returns:
      The name of the result.

    Raises:
      Unsupported: if several sizes depend on the batch.
    """
    unknown = [dim for dim in shape if not is_static([dim])]
    if len(unknown) > 1:
        return str(graph.add("Reshape", name, graph.shape(shape)))
    numbers = [dim if is_static([dim]) else -1 for dim in shape]
    return str(graph.add("Reshape", name, graph.ints(numbers)))


def slice_axes(graph: Graph, name: str, axes: Mapping[int, tuple[int, int, int]]) -> str:
    """Emits a slice along some axes: (start, end, step) of each."""
    if not axes:
        return name
    parts = [graph.ints([bounds[i] for bounds in axes.values()]) for i in range(3)]
    starts, ends, steps = parts
    return str(graph.add("Slice", name, starts, ends, graph.ints(list(axes)), steps))


def pad_axes(
    graph: Graph, name: str, axes: Mapping[int, tuple[int, int]], rank: int, number: str = ""
) -> str:
    """Emits padding along some of `rank` axes by (before, after), which may be negative."""
    if not any(any(amounts) for amounts in axes.values()):
        return name
    # All axes are written: onnxruntime moves transpositions past a Pad as if they were.
    pairs = [axes.get(axis, (0, 0)) for axis in range(rank)]
    amounts = graph.ints([low for low, _ in pairs] + [high for _, high in pairs])
    return str(graph.add("Pad", name, amounts, *([number] if number else [])))


def _broadcast_in_dim(graph: Graph, args: Sequence[Value], call: Call) -> Value:
    """Gives the array its rank only: what needs the whole shape asks for it."""
    value, axes = args[0], call.params["broadcast_dimensions"]
    shape: list[Dim] = [1] * len(call.out.shape)
    for axis, size in zip(axes, value.shape, strict=True):
        shape[axis] = size
    if len(shape) == len(value.shape):
        return value
    if value.const is not None:
        const = np.asarray(value.const).reshape(shape)
        return Value(tuple(shape), value.dtype, value.name, const)
    new = graph.ints([axis for axis in range(len(shape)) if axis not in axes])
    return Value(tuple(shape), value.dtype, graph.add("Unsqueeze", graph.use(value), new))


def _reshape(graph: Graph, args: Sequence[Value], call: Call) -> Value:
    require(call.params, dimensions=None)
    value = args[0]
    if value.const is not None and all(is_one(dim) for dim in value.shape):
        ones = (1,) * len(call.out.shape)
        return Value(ones, value.dtype, value.name, np.asarray(value.const).reshape(ones))
    whole = graph.full(value, call.ins[0].shape)
    return Value(call.out.shape, value.dtype, reshape(graph, whole, call.out.shape))


def _transpose(graph: Graph, args: Sequence[Value], call: Call) -> Value:
    order = call.params["permutation"]
    shape = tuple(args[0].shape[axis] for axis in order)
    made = graph.add("Transpose", graph.use(args[0]), perm=list(order))
    return Value(shape, args[0].dtype, made)


def _squeeze(graph: Graph, args: Sequence[Value], call: Call) -> Value:
    gone = sorted(call.params["dimensions"])
    shape = tuple(dim for axis, dim in enumerate(args[0].shape) if axis not in gone)
    made = graph.add("Squeeze", graph.use(args[0]), graph.ints(gone))
    return Value(shape, args[0].dtype, made)


def _rev(graph: Graph, args: Sequence[Value], call: Call) -> Value:
    name = graph.full(args[0], call.out.shape)
    axes = dict.fromkeys(call.params["dimensions"], (-1, -LAST, -1))
    return Value(call.out.shape, args[0].dtype, slice_axes(graph, name, axes))


def _slice(graph: Graph, args: Sequence[Value], call: Call) -> Value:
    whole, params = call.ins[0].shape, call.params
    steps = params["strides"] or (1,) * len(whole)
    bounds = zip(params["start_indices"], params["limit_indices"], steps, whole, strict=True)
    axes = {
        axis: (_place(start, size), LAST if end == size else _place(end, size), step)
        for axis, (start, end, step, size) in enumerate(bounds)
        if (start, end, step) != (0, size, 1)
    }
    name = graph.full(args[0], whole)
    return Value(call.out.shape, args[0].dtype, slice_axes(graph, name, axes))


def _place(place: Dim, size: Dim) -> int:
    """A place along an axis as a number, from the end where the axis is as long as the batch."""
    for number in (place, place - size):
        if is_static([number]):
            return int(number)
    raise Unsupported(f"the place {place} of {size}; it must be a number, from one of the ends")


def _pad(graph: Graph, args: Sequence[Value], call: Call) -> Value:
    """What lies between elements is put behind each, as an axis of its own that is then merged."""
    value, number = args
    shape = list(call.ins[0].shape)
    name, fill = graph.full(value, shape), graph.use(number)
    config = call.params["padding_config"]
    for axis, (_, _, between) in enumerate(config):
        if between:
            name = graph.add("Unsqueeze", name, graph.ints([axis + 1]))
            name = pad_axes(graph, name, {axis + 1: (0, between)}, len(shape) + 1, fill)
            shape[axis] = shape[axis] * (between + 1)
            name = reshape(graph, name, shape)
            name = pad_axes(graph, name, {axis: (0, -between)}, len(shape), fill)
            shape[axis] = shape[axis] - between
    edges = {axis: (low, high) for axis, (low, high, _) in enumerate(config)}
    return Value(call.out.shape, value.dtype, pad_axes(graph, name, edges, len(shape), fill))


def _concatenate(graph: Graph, args: Sequence[Value], call: Call) -> Value:
    axis = call.params["dimension"]
    pairs = zip(args, call.ins, strict=True)
    names = [graph.full(arg, aval.shape) for arg, aval in pairs if aval.shape[axis] != 0]
    made = graph.add("Concat", *names, axis=axis) if len(names) > 1 else names[0]
    return Value(call.out.shape, args[0].dtype, made)


def _stack(graph: Graph, args: Sequence[Value], call: Call) -> Value:
    axis = call.params["axis"]
    parts = [
        graph.add("Unsqueeze", graph.full(arg, aval.shape), graph.ints([axis]))
        for arg, aval in zip(args, call.ins, strict=True)
    ]
    return Value(call.out.shape, args[0].dtype, graph.add("Concat", *parts, axis=axis))


def _split(graph: Graph, args: Sequence[Value], call: Call) -> list[Value]:
    name, axis = graph.full(args[0], call.ins[0].shape), call.params["axis"]
    sizes = graph.ints(call.params["sizes"])
    made = graph.add("Split", name, sizes, axis=axis, num_outputs=len(call.outs))
    names = [made] if len(call.outs) == 1 else made
    return [Value(o.shape, o.dtype, name) for o, name in zip(call.outs, names, strict=True)]


def _unstack(graph: Graph, args: Sequence[Value], call: Call) -> list[Value]:
    name, axis = graph.full(args[0], call.ins[0].shape), call.params["axis"]
    return [
        Value(o.shape, o.dtype, graph.add("Gather", name, index(graph, i), axis=axis))
        for i, o in enumerate(call.outs)
    ]


def index(graph: Graph, number: int) -> str:
    """The name of one number that says a place."""
    return graph.use(Value((), np.dtype("int64"), "index", np.asarray(number, np.int64)))


def _iota(graph: Graph, args: Sequence[Value], call: Call) -> Value:
    """Of one axis only, whatever the others are."""
    axis, out = call.params["dimension"], call.out
    size = out.shape[axis]
    shape: list[Dim] = [1] * len(out.shape)
    shape[axis] = size
    if is_static([size]):
        const = np.arange(size, dtype=out.dtype).reshape(shape)
        return Value(tuple(shape), out.dtype, "iota", const)
    numbers = count(graph, size, onnx_type(out.dtype))
    return Value(tuple(shape), out.dtype, reshape(graph, numbers, shape))


def _dim_as_value(graph: Graph, args: Sequence[Value], call: Call) -> Value:
    made = graph.add("Squeeze", graph.size(call.params["dim"]))
    return Value((), call.out.dtype, graph.add("Cast", made, to=onnx_type(call.out.dtype)))


def count(graph: Graph, size: Dim, to: int) -> str:
    """Emits 0, 1, ... below a size that depends on the batch, of ONNX's dtype `to`."""
    end = graph.add("Squeeze", graph.size(size))
    numbers = graph.add("Range", index(graph, 0), end, index(graph, 1))
    return str(graph.add("Cast", numbers, to=to))


SHAPES: Mapping[str, Row] = {
    "broadcast_in_dim": _broadcast_in_dim,
    "concatenate": _concatenate,
    "dim_as_value": _dim_as_value,
    "iota": _iota,
    "pad": _pad,
    "reshape": _reshape,
    "rev": _rev,
    "slice": _slice,
    "split": _split,
    "squeeze": _squeeze,
    "stack": _stack,
    "transpose": _transpose,
    "unstack": _unstack,
}
"""Rows by the name of the primitive."""
