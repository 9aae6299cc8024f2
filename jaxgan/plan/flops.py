"""Floating-point operations of a function, counted in its jaxpr: matrix products, convolutions.

The compiler's own count sees the body of a loop once and adds every addition of an activation. This
one multiplies by the length of a scan, and counts what the matrix units do, as one counts by hand.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.extend.core import Jaxpr
from jax.interpreters.partial_eval import dce_jaxpr

Kind = tuple[str, str, str]
"""What multiplies, of which dtype, how exactly: `("dot", "float32", "highest")`."""

_UNCOUNTED = (
    "cholesky",
    "eig",
    "eigh",
    "fft",
    "lu",
    "pallas_call",
    "ragged_dot_general",
    "schur",
    "svd",
    "triangular_solve",
)

# Calls that the compiler inlines, and where their bodies are.
_CALLS = {
    "closed_call": "call_jaxpr",
    "core_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
    "jit": "jaxpr",
    "pjit": "jaxpr",
}


class Flops(NamedTuple):
    """Operations of one call, of all devices together; a multiply-add is two.

    Attributes:
      by_kind: operations by (`dot` or `conv`, dtype of the operands, precision).
      least: the total where every `lax.cond` takes its cheapest branch instead of its dearest.
      notes: what could not be known, a line each.
    """

    by_kind: Mapping[Kind, float]
    least: float
    notes: tuple[str, ...]

    @property
    def total(self) -> float:
        """All operations; of a `lax.cond` the dearest branch."""
        return float(sum(self.by_kind.values()))


def count_flops(function: Callable[..., Any], *args: Any, platform: str | None = None) -> Flops:
    """Counts what a function multiplies in matrix products and convolutions; compiles nothing.

    A product [B, M, K] x [B, K, N] takes 2BMKN. A convolution takes 2 x examples x output
    channels x input channels of a group x the pairs of an output and a kernel position that meet
    a pixel: neither padding nor the holes of a dilated image count. A scan counts its body
    `length` times, `shard_map` once per device, `lax.platform_dependent` the branch of the
    platform, `lax.cond` its dearest branch, so that a lazy penalty counts as if it were due
    (`least` has the other extreme). What the result does not depend on is not counted, and what is
    computed twice from the same values is counted once, as compilers do, except where it is
    recomputed on purpose (`jax.checkpoint`).

    Args:
      function: any function of arrays; a jitted one is traced as it is called, and once.
      *args: its arguments, as arrays or as `jax.ShapeDtypeStruct`.
      platform: `"cpu"`, `"tpu"`, `"cuda"` or `"rocm"`; JAX's default backend by default.

    Returns:
      The count over all devices.

    Example:
      >>> x, w = jax.ShapeDtypeStruct((8, 4), "float32"), jax.ShapeDtypeStruct((4, 3), "float32")
      >>> count_flops(lambda x, w: x @ w, x, w).total
      192.0
    """
    traced = function if hasattr(function, "trace") else jax.jit(function)
    return count_jaxpr(traced.trace(*args).jaxpr, platform or default_platform())


def default_platform() -> str:
    """JAX's default backend, by the name that `lax.platform_dependent` knows.

    Returns:
      `"cpu"`, `"tpu"` or `"cuda"`.

    Example:
      >>> default_platform() in ("cpu", "tpu", "cuda", "rocm")
      True
    """
    backend = jax.default_backend()
    return "cuda" if backend == "gpu" else backend


def count_jaxpr(jaxpr: Any, platform: str) -> Flops:
    """Counts the operations of a jaxpr; see `count_flops`.

    Args:
      jaxpr: open or closed, as `jax.make_jaxpr` returns it.
      platform: `"cpu"`, `"tpu"`, `"cuda"` or `"rocm"`.

    Returns:
      The count.

    Example:
      >>> jaxpr = jax.make_jaxpr(lambda x: (x @ x) @ x)(np.ones((2, 2), np.float32))
      >>> count_jaxpr(jaxpr, "cpu").total
      32.0
    """
    jaxpr = getattr(jaxpr, "jaxpr", jaxpr)
    live, _ = dce_jaxpr(jaxpr, [True] * len(jaxpr.outvars))
    return _count_body(live, platform)


class _Scope:
    """The values that one body of a program computes: equal ones have equal numbers."""

    def __init__(self, platform: str) -> None:
        self.platform = platform
        self.numbers: dict[Hashable, list[int]] = {}
        self.fresh = itertools.count()

    def number(self, key: Hashable, num: int) -> tuple[list[int], bool]:
        """The numbers of `num` values made in this way, and whether they are new."""
        is_new = key not in self.numbers
        if is_new:
            self.numbers[key] = self.unknown(num)
        return self.numbers[key], is_new

    def unknown(self, num: int) -> list[int]:
        """Numbers of values that equal no others."""
        return [next(self.fresh) for _ in range(num)]


def _count_body(jaxpr: Any, platform: str) -> Flops:
    """A body that runs by itself: a program, the body of a loop, a branch."""
    jaxpr = getattr(jaxpr, "jaxpr", jaxpr)
    scope = _Scope(platform)
    return _count_call(jaxpr, scope.unknown(len(jaxpr.invars)), scope)[0]


def _count_call(jaxpr: Any, inputs: list[int], scope: _Scope) -> tuple[Flops, list[int]]:
    """The operations that a call adds to those of its scope, and the numbers of its outputs."""
    jaxpr = getattr(jaxpr, "jaxpr", jaxpr)
    known = dict(zip(jaxpr.invars, inputs, strict=True))
    known |= zip(jaxpr.constvars, scope.unknown(len(jaxpr.constvars)), strict=True)

    def number(atom: Any) -> int:
        if hasattr(atom, "val"):
            return scope.number(("literal", str(atom.aval), repr(atom.val)), 1)[0][0]
        index: int = known[atom]
        return index

    counts = []
    for equation in jaxpr.eqns:
        count, outputs = _count_equation(equation, [number(x) for x in equation.invars], scope)
        counts.append(count)
        known |= zip(equation.outvars, outputs, strict=True)
    return _merge(counts), [number(x) for x in jaxpr.outvars]


def _count_equation(equation: Any, inputs: list[int], scope: _Scope) -> tuple[Flops, list[int]]:
    name, params, num = equation.primitive.name, equation.params, len(equation.outvars)
    if name == "cond" and params.get("branches_platforms") is not None:
        branch = _branch_of(params["branches_platforms"], scope.platform)
        return _count_call(params["branches"][branch], inputs[1:], scope)
    if name in _CALLS:
        return _count_call(
            params[_CALLS[name]], inputs[-_num_inputs(params[_CALLS[name]]) :], scope
        )
    inner = list(_jaxprs_in(params))
    if inner or equation.effects:
        return _count_nested(name, params, inner, scope.platform), scope.unknown(num)
    key = (name, repr(sorted(params.items(), key=lambda item: item[0])), *inputs)
    outputs, is_new = scope.number(key, num)
    if not is_new or name not in _PRIMITIVES:
        notes = (f"{name}: not counted",) if name in _UNCOUNTED else ()
        return Flops({}, 0.0, notes), outputs
    kind, formula = _PRIMITIVES[name]
    flops = formula(equation)
    operand = str(equation.invars[0].aval.dtype)
    return Flops({(kind, operand, _precision(params["precision"])): flops}, flops, ()), outputs


def _jaxprs_in(params: Mapping[str, Any]) -> Iterator[Jaxpr]:
    for value in params.values():
        for one in value if isinstance(value, tuple | list) else (value,):
            inner = getattr(one, "jaxpr", one)  # of a closed one
            if isinstance(inner, Jaxpr):
                yield inner


def _num_inputs(jaxpr: Any) -> int:
    return len(getattr(jaxpr, "jaxpr", jaxpr).invars)


def _count_nested(name: str, params: Mapping[str, Any], inner: list[Any], platform: str) -> Flops:
    """What has a body of its own: loops, branches, what is recomputed for lack of memory."""
    if name in _UNCOUNTED:
        return Flops({}, 0.0, (f"{name}: not counted",))
    if name == "custom_linear_solve":
        inner = [params["jaxprs"].solve]
    counts = [_count_body(one, platform) for one in inner]
    if name == "cond":
        return _dearest(counts)
    counted = _merge(counts)
    if name == "scan":
        return _times(counted, params["length"])
    if name == "shard_map":
        return _times(counted, _num_shards(params))
    if name == "while" and counted.total:
        note = "while: its number of turns is not known, its body is counted once"
        return counted._replace(notes=(*counted.notes, note))
    return counted


def _dearest(counts: list[Flops]) -> Flops:
    dearest = max(counts, key=lambda count: count.total)
    least = min(count.least for count in counts)
    notes = dearest.notes
    if least < dearest.least:
        notes = (*notes, "cond: the dearest branch is counted, as if a lazy term were always due")
    return Flops(dearest.by_kind, least, notes)


def _branch_of(platforms: tuple[tuple[str, ...] | None, ...], platform: str) -> int:
    for index, names in enumerate(platforms):
        if names is None or platform in names:
            return index
    raise ValueError(f"platform is {platform!r}; the function has branches for {platforms} only")


def _num_shards(params: Mapping[str, Any]) -> int:
    sizes = dict(params["mesh"].shape)
    manual = params.get("newly_manual_axes", params.get("manual_axes", sizes))
    return math.prod(size for axis, size in sizes.items() if axis in manual)


def _precision(precision: Any) -> str:
    """The dearer of both operands' precisions, in small letters; "" for the platform's default."""
    both = precision if isinstance(precision, tuple) else (precision,)
    names = {str(getattr(one, "name", one or "")).lower() for one in both}
    return next((name for name in ("highest", "high") if name in names), "")


def _dot_flops(equation: Any) -> float:
    (contracted, _), _ = equation.params["dimension_numbers"]
    shape = equation.invars[0].aval.shape
    size = math.prod(equation.outvars[0].aval.shape)
    flops: float = 2.0 * size * math.prod(shape[axis] for axis in contracted)
    return flops


def _conv_flops(equation: Any) -> float:
    params = equation.params
    image, kernel = (variable.aval.shape for variable in equation.invars)
    output = equation.outvars[0].aval.shape
    numbers = params["dimension_numbers"]
    met = math.prod(
        _num_meetings(
            image[numbers.lhs_spec[axis + 2]],
            kernel[numbers.rhs_spec[axis + 2]],
            output[numbers.out_spec[axis + 2]],
            params["window_strides"][axis],
            params["padding"][axis][0],
            params["lhs_dilation"][axis],
            params["rhs_dilation"][axis],
        )
        for axis in range(len(params["window_strides"]))
    )
    # The kernel's input channels are those of one group already.
    channels = output[numbers.out_spec[1]] * kernel[numbers.rhs_spec[1]]
    flops: float = 2.0 * output[numbers.out_spec[0]] * channels * met
    return flops


def _num_meetings(
    image: int,
    kernel: int,
    output: int,
    stride: int,
    padding: int,
    image_dilation: int,
    kernel_dilation: int,
) -> int:
    """Pairs of an output and a kernel position that meet a pixel, along one axis."""
    at = np.arange(output)[:, None] * stride - padding + np.arange(kernel) * kernel_dilation
    inside = (at >= 0) & (at <= (image - 1) * image_dilation)
    return int(np.sum(inside & (at % image_dilation == 0)))


_PRIMITIVES: Mapping[str, tuple[str, Callable[[Any], float]]] = {
    "conv_general_dilated": ("conv", _conv_flops),
    "dot_general": ("dot", _dot_flops),
}


def _merge(counts: list[Flops]) -> Flops:
    total: dict[Kind, float] = {}
    for kind, flops in _pairs(counts):
        total[kind] = total.get(kind, 0.0) + flops
    notes = dict.fromkeys(note for count in counts for note in count.notes)
    return Flops(total, float(sum(count.least for count in counts)), tuple(notes))


def _pairs(counts: list[Flops]) -> Iterator[tuple[Kind, float]]:
    for count in counts:
        yield from count.by_kind.items()


def _times(count: Flops, num: int) -> Flops:
    by_kind = {kind: flops * num for kind, flops in count.by_kind.items()}
    return Flops(by_kind, count.least * num, count.notes)
