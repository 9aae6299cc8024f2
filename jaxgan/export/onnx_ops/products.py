"""Matrix products and convolutions."""

from __future__ import annotations

import itertools
import string
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxgan.export.onnx_ops.graph import Call, Graph, Row, Unsupported, Value, require
from jaxgan.export.onnx_ops.shapes import LAST, pad_axes, slice_axes


def _dot_general(graph: Graph, args: Sequence[Value], call: Call) -> Value:
    """One product of matrices, or Einstein's sum where axes have another order."""
    lhs, rhs = (graph.full(arg, aval.shape) for arg, aval in zip(args, call.ins, strict=True))
    (lhs_sum, rhs_sum), (lhs_batch, rhs_batch) = call.params["dimension_numbers"]
    rank, other = len(call.ins[0].shape), len(call.ins[1].shape)
    shape, dtype = call.out.shape, call.out.dtype
    if args[0].dtype != dtype or args[1].dtype != dtype:
        raise Unsupported(f"{args[0].dtype} and {args[1].dtype}; it must give the same dtype")
    if not lhs_batch and other == 2 and tuple(lhs_sum) == (rank - 1,) and len(rhs_sum) == 1:
        if rhs_sum[0] == 1:
            rhs = _moved(graph, args[1], (1, 0))
        return Value(shape, dtype, graph.add("MatMul", lhs, rhs))
    letters = iter(string.ascii_lowercase)
    left, right = [next(letters) for _ in range(rank)], [""] * other
    for i, j in itertools.chain(
        zip(lhs_sum, rhs_sum, strict=True), zip(lhs_batch, rhs_batch, strict=True)
    ):
        right[j] = left[i]
    right = [letter or next(letters) for letter in right]
    free = [left[i] for i in range(rank) if i not in (*lhs_sum, *lhs_batch)]
    free += [right[j] for j in range(other) if j not in (*rhs_sum, *rhs_batch)]
    equation = f"{''.join(left)},{''.join(right)}->"
    equation += "".join([*(left[i] for i in lhs_batch), *free])
    return Value(shape, dtype, graph.add("Einsum", lhs, rhs, equation=equation))


def _moved(graph: Graph, value: Value, order: Sequence[int], flip: Sequence[int] = ()) -> str:
    """The name of an array with its axes in another order, and some of them reversed before."""
    if value.const is not None:
        const = np.transpose(np.flip(np.asarray(value.const), tuple(flip)), order)
        return graph.use(Value(const.shape, value.dtype, value.name, const))
    name = slice_axes(graph, graph.use(value), dict.fromkeys(flip, (-1, -LAST, -1)))
    return str(graph.add("Transpose", name, perm=list(order)))


def _convolution(graph: Graph, args: Sequence[Value], call: Call) -> Value:
    """ONNX's convolution has channels before pixels, so that axes are moved there and back."""
    params, numbers = call.params, call.params["dimension_numbers"]
    require(params, batch_group_count=1)
    images, kernel = (
        Value(aval.shape, arg.dtype, arg.name, arg.const)
        if arg.shape == aval.shape
        else Value(aval.shape, arg.dtype, graph.full(arg, aval.shape))
        for arg, aval in zip(args, call.ins, strict=True)
    )
    x = _moved(graph, images, numbers.lhs_spec)
    is_transposed = any(step != 1 for step in params["lhs_dilation"])
    y = (_transposed if is_transposed else _plain)(graph, x, kernel, params)
    order = [int(axis) for axis in np.argsort(numbers.out_spec)]
    made = graph.add("Transpose", y, perm=order)
    return Value(call.out.shape, call.out.dtype, made)


def _plain(graph: Graph, x: str, kernel: Value, params: Mapping[str, Any]) -> str:
    """Padding that is negative takes pixels away, before the convolution."""
    padding = params["padding"]
    outside = [(max(low, 0), max(high, 0)) for low, high in padding]
    away = {2 + i: (min(low, 0), min(high, 0)) for i, (low, high) in enumerate(padding)}
    return str(
        graph.add(
            "Conv",
            pad_axes(graph, x, away, 2 + len(padding)),
            _moved(graph, kernel, params["dimension_numbers"].rhs_spec),
            strides=list(params["window_strides"]),
            dilations=list(params["rhs_dilation"]),
            pads=_pads(outside),
            group=params["feature_group_count"],
        )
    )


def _transposed(graph: Graph, x: str, kernel: Value, params: Mapping[str, Any]) -> str:
    r"""Zeros between pixels, then a convolution: the transpose of one with the kernel reversed.

    The transposed one gives all places where the kernel of size K meets a pixel, K - 1 more on
    either side than there are pixels and zeros, so that a padding of p takes away K - 1 - p.
    """
    require(params, feature_group_count=1)
    (out_axis, in_axis, *spatial) = params["dimension_numbers"].rhs_spec
    sizes = [
        (kernel.shape[a] - 1) * d for a, d in zip(spatial, params["rhs_dilation"], strict=True)
    ]
    pads = [(k - low, k - high) for k, (low, high) in zip(sizes, params["padding"], strict=True)]
    y = graph.add(
        "ConvTranspose",
        x,
        _moved(graph, kernel, (in_axis, out_axis, *spatial), flip=spatial),
        strides=list(params["lhs_dilation"]),
        dilations=list(params["rhs_dilation"]),
        pads=_pads([(max(low, 0), max(high, 0)) for low, high in pads]),
    )
    more = {2 + i: (max(-low, 0), max(-high, 0)) for i, (low, high) in enumerate(pads)}
    steps = {2 + i: (0, LAST, s) for i, s in enumerate(params["window_strides"]) if s != 1}
    return slice_axes(graph, pad_axes(graph, str(y), more, 2 + len(pads)), steps)


def _pads(pairs: Sequence[tuple[int, int]]) -> list[int]:
    """As ONNX has it: all before, then all after."""
    return [low for low, _ in pairs] + [high for _, high in pairs]


PRODUCTS: Mapping[str, Row] = {
    "conv_general_dilated": _convolution,
    "dot_general": _dot_general,
}
"""Rows by the name of the primitive."""
