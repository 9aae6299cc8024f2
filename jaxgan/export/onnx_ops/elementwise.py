"""Operations on each element, of arrays of one shape or of scalars."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from jaxgan.export.onnx_ops.graph import (
    Call,
    Graph,
    Row,
    Unsupported,
    Value,
    broadcast_shapes,
    onnx_type,
)

Emit = Callable[[Graph, Sequence[Value], Call], str]


def _elementwise(emit: Emit) -> Row:
    """A row of one output, whose arguments may still be smaller than what they stand for."""

    def row(graph: Graph, args: Sequence[Value], call: Call) -> Value:
        out = call.out
        onnx_type(out.dtype)
        shape = broadcast_shapes(*(arg.shape for arg in args if arg.shape or not out.shape))
        return Value(shape, out.dtype, emit(graph, args, call))

    return row


def _op(name: str, **attributes: Any) -> Emit:
    """One node of the same meaning."""
    return lambda graph, args, call: str(
        graph.add(name, *(graph.use(arg) for arg in args), **attributes)
    )


def _chain(*ops: str) -> Emit:
    """Nodes one after the other, the first of them of all arguments."""

    def emit(graph: Graph, args: Sequence[Value], call: Call) -> str:
        first = graph.add(ops[0], *(graph.use(arg) for arg in args))
        return str(functools.reduce(lambda name, op: graph.add(op, name), ops[1:], first))

    return emit


def _by_dtype(of_bool: str, of_ints: str) -> Emit:
    """And, Or, Not, Xor: of truth values or of bits."""

    def emit(graph: Graph, args: Sequence[Value], call: Call) -> str:
        return _op(of_bool if call.out.dtype == bool else of_ints)(graph, args, call)

    return emit


def _identity(graph: Graph, args: Sequence[Value], call: Call) -> str:
    return graph.use(args[0])


def _cast(graph: Graph, args: Sequence[Value], call: Call) -> str:
    if args[0].dtype == call.out.dtype:
        return graph.use(args[0])
    return str(graph.add("Cast", graph.use(args[0]), to=onnx_type(call.out.dtype)))


def _one(graph: Graph, call: Call) -> str:
    return graph.use(Value((), call.out.dtype, "number", np.ones((), call.out.dtype)))


def _log1p(graph: Graph, args: Sequence[Value], call: Call) -> str:
    return str(graph.add("Log", graph.add("Add", graph.use(args[0]), _one(graph, call))))


def _expm1(graph: Graph, args: Sequence[Value], call: Call) -> str:
    return str(graph.add("Sub", graph.add("Exp", graph.use(args[0])), _one(graph, call)))


def _square(graph: Graph, args: Sequence[Value], call: Call) -> str:
    return str(graph.add("Mul", graph.use(args[0]), graph.use(args[0])))


def _integer_pow(graph: Graph, args: Sequence[Value], call: Call) -> str:
    exponent = Value((), call.out.dtype, "number", np.asarray(call.params["y"], call.out.dtype))
    return str(graph.add("Pow", graph.use(args[0]), graph.use(exponent)))


def _select(graph: Graph, args: Sequence[Value], call: Call) -> str:
    if len(args) != 3 or args[0].dtype != bool:
        raise Unsupported(f"{len(args) - 1} cases; it must choose one of two by a truth value")
    which, if_false, if_true = (graph.use(arg) for arg in args)
    return str(graph.add("Where", which, if_true, if_false))


def _clamp(graph: Graph, args: Sequence[Value], call: Call) -> str:
    low, x, high = (graph.use(arg) for arg in args)
    return str(graph.add("Min", graph.add("Max", x, low), high))


def _round(graph: Graph, args: Sequence[Value], call: Call) -> str:
    if int(call.params["rounding_method"]) != 1:
        raise Unsupported("halves away from zero; it must round them to even numbers")
    return str(graph.add("Round", graph.use(args[0])))


def _is_finite(graph: Graph, args: Sequence[Value], call: Call) -> str:
    x = graph.use(args[0])
    return str(graph.add("Not", graph.add("Or", graph.add("IsNaN", x), graph.add("IsInf", x))))


def _reduce_precision(graph: Graph, args: Sequence[Value], call: Call) -> str:
    bits = np.finfo(call.out.dtype)
    if (call.params["exponent_bits"], call.params["mantissa_bits"]) != (bits.iexp, bits.nmant):
        raise Unsupported(f"{call.params['mantissa_bits']} bits; it must leave numbers as they are")
    return graph.use(args[0])


ELEMENTWISE: Mapping[str, Row] = {
    name: _elementwise(emit)
    for name, emit in {
        "abs": _op("Abs"),
        "add": _op("Add"),
        "and": _by_dtype("And", "BitwiseAnd"),
        "ceil": _op("Ceil"),
        "clamp": _clamp,
        "convert_element_type": _cast,
        "copy": _identity,
        "cos": _op("Cos"),
        "div": _op("Div"),
        "eq": _op("Equal"),
        "erf": _op("Erf"),
        "exp": _op("Exp"),
        "expm1": _expm1,
        "floor": _op("Floor"),
        "ge": _op("GreaterOrEqual"),
        "gt": _op("Greater"),
        "integer_pow": _integer_pow,
        "is_finite": _is_finite,
        "le": _op("LessOrEqual"),
        "log": _op("Log"),
        "log1p": _log1p,
        "logistic": _op("Sigmoid"),
        "lt": _op("Less"),
        "max": _op("Max"),
        "min": _op("Min"),
        "mul": _op("Mul"),
        "ne": _chain("Equal", "Not"),
        "neg": _op("Neg"),
        "not": _by_dtype("Not", "BitwiseNot"),
        "or": _by_dtype("Or", "BitwiseOr"),
        "pow": _op("Pow"),
        "reduce_precision": _reduce_precision,
        "rem": _op("Mod", fmod=1),
        "round": _round,
        "rsqrt": _chain("Sqrt", "Reciprocal"),
        "select_n": _select,
        "shift_left": _op("BitShift", direction="LEFT"),
        "shift_right_logical": _op("BitShift", direction="RIGHT"),
        "sign": _op("Sign"),
        "sin": _op("Sin"),
        "sqrt": _op("Sqrt"),
        "square": _square,
        "stop_gradient": _identity,
        "sub": _op("Sub"),
        "tanh": _op("Tanh"),
        "xor": _by_dtype("Xor", "BitwiseXor"),
    }.items()
}
"""Rows by the name of the primitive."""
