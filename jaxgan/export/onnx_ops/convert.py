"""A jaxpr as nodes: calls inlined, what is constant computed, each primitive by its row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core

from jaxgan.core.errors import InputError
from jaxgan.export.onnx_ops.elementwise import ELEMENTWISE
from jaxgan.export.onnx_ops.graph import Call, Graph, Row, Unsupported, Value, is_static
from jaxgan.export.onnx_ops.indexing import INDEXING
from jaxgan.export.onnx_ops.products import PRODUCTS
from jaxgan.export.onnx_ops.random import RANDOM
from jaxgan.export.onnx_ops.reductions import REDUCTIONS
from jaxgan.export.onnx_ops.shapes import SHAPES

ROWS: Mapping[str, Row] = {
    **ELEMENTWISE,
    **INDEXING,
    **PRODUCTS,
    **RANDOM,
    **REDUCTIONS,
    **SHAPES,
}
"""What emits each primitive, by its name."""

CALLS: Mapping[str, str] = {
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
    "jit": "jaxpr",
    "remat2": "jaxpr",
}
"""Where the primitives that only call have what they call."""

_SMALL = ("broadcast_in_dim", "dim_as_value", "iota")
"""Rows that keep a constant as small as it is, or need the batch size."""


def convert(
    graph: Graph, jaxpr: Any, consts: Sequence[Value], args: Sequence[Value]
) -> list[Value]:
    """Emits the nodes of a jaxpr.

    Args:
      graph: to append to.
      jaxpr: a `jax.extend.core.Jaxpr`.
      consts: of its `constvars`.
      args: of its `invars`.

    Returns:
      What it gives.

    Raises:
      InputError: naming the first primitive that cannot be written, and where it is from.
    """
    values: dict[Any, Value] = dict(zip(jaxpr.constvars, consts, strict=True))
    values |= dict(zip(jaxpr.invars, args, strict=True))

    def read(atom: Any) -> Value:
        if isinstance(atom, core.Literal):
            aval: Any = atom.aval
            const = np.asarray(atom.val, aval.dtype)
            return Value(const.shape, const.dtype, "number", const)
        return values[atom]

    for eqn in _needed(jaxpr):
        given = [read(atom) for atom in eqn.invars]
        values |= dict(zip(eqn.outvars, _equation(graph, eqn, given), strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _needed(jaxpr: Any) -> list[Any]:
    """The equations that its outputs depend on."""
    wanted = {atom for atom in jaxpr.outvars if not isinstance(atom, core.Literal)}
    kept = []
    for eqn in reversed(jaxpr.eqns):
        if wanted.intersection(eqn.outvars):
            kept.append(eqn)
            wanted.update(atom for atom in eqn.invars if not isinstance(atom, core.Literal))
    return kept[::-1]


def _equation(graph: Graph, eqn: Any, given: Sequence[Value]) -> Sequence[Value]:
    name, params = eqn.primitive.name, eqn.params
    if name in CALLS:
        return _inline(graph, params[CALLS[name]], given)
    if name == "optimization_barrier":
        return given
    if name == "platform_index":
        return [_default_platform(params["platforms"])]
    if name == "cond" and given[0].const is not None:
        which = int(np.clip(np.asarray(given[0].const), 0, len(params["branches"]) - 1))
        return _inline(graph, params["branches"][which], given[1:])
    call = Call(params, [a.aval for a in eqn.invars], [v.aval for v in eqn.outvars])
    if all(value.const is not None for value in given):
        folded = _folded(eqn, given, call)
        if folded is not None:
            return folded
    reason = None
    if name in ROWS:
        try:
            made = ROWS[name](graph, given, call)
        except Unsupported as error:
            reason = error
        else:
            return made if isinstance(made, list) else [made]
    raise _refused(eqn, reason)


def _inline(graph: Graph, closed: Any, given: Sequence[Value]) -> list[Value]:
    if isinstance(closed, core.ClosedJaxpr):
        consts = [constant(const, "constant") for const in closed.consts]
        return convert(graph, closed.jaxpr, consts, given)
    return convert(graph, closed, [], given)


def _default_platform(platforms: Sequence[Any]) -> Value:
    """The branch for every platform that is not named: plain convolutions, as ONNX has them."""
    index = next((i for i, names in enumerate(platforms) if names is None), len(platforms))
    return Value((), np.dtype("int32"), "platform", np.asarray(index, np.int32))


def _folded(eqn: Any, given: Sequence[Value], call: Call) -> list[Value] | None:
    """What an equation of constants gives; None where its shapes depend on the batch."""
    name = eqn.primitive.name
    if name in _SMALL and not any(is_key(value) for value in given):
        return None
    arrays = [value.const for value in given]
    if name in ELEMENTWISE:
        shape = np.broadcast_shapes(*(value.shape for value in given))
        arrays = [
            jnp.broadcast_to(a, shape) if value.shape else a
            for a, value in zip(arrays, given, strict=True)
        ]
    elif all(is_static(aval.shape) for aval in (*call.ins, *call.outs)):
        arrays = [
            a if value.shape == tuple(aval.shape) else jnp.broadcast_to(a, aval.shape)
            for a, value, aval in zip(arrays, given, call.ins, strict=True)
        ]
    else:
        return None
    made = eqn.primitive.bind(*arrays, **eqn.params)
    hints = {value.name for value in given if "/" in value.name}
    hint = hints.pop() if len(hints) == 1 else "constant"
    return [constant(array, hint) for array in (made if eqn.primitive.multiple_results else [made])]


def constant(array: Any, name: str) -> Value:
    """A known array; of keys as it is, of numbers as NumPy has it."""
    const = array if is_key(array) else np.asarray(array)
    return Value(tuple(array.shape), array.dtype, name, const)


def is_key(array: Any) -> bool:
    """Whether something of a dtype is of random keys, which NumPy does not know."""
    return bool(jnp.issubdtype(array.dtype, jax.dtypes.extended))


def _refused(eqn: Any, reason: Exception | None) -> InputError:
    name, where = eqn.primitive.name, str(eqn.source_info.name_stack)
    problem = f"the primitive {name!r}"
    problem += f" with {reason}" if reason is not None else ", which it has no row for"
    return InputError(f"onnx cannot have {problem}{f' (in {where})' if where else ''}")
