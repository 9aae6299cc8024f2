"""What a derivative sees: values held constant in a gradient alone, and what depends on what."""

from __future__ import annotations

from typing import Any

import jax
from jax.custom_derivatives import SymbolicZero, zero_from_primal
from jax.extend.core import Literal

from jaxgan.core.typing import PyTree

_CALLS = (
    *("jit", "pjit", "closed_call", "checkpoint", "remat", "shard_map"),
    *("custom_jvp_call", "custom_vjp_call", "custom_vjp_call_jaxpr"),
)
"""Primitives that run a program on their inputs, one for one."""


def held(tree: PyTree, params: PyTree) -> PyTree:
    """A value that is a constant in the gradient with respect to some parameters, and only there.

    For a loss L(w, h(w)) in which h is held the gradient is ξ(w) = ∂L/∂w at h = h(w), as
    `stop_gradient` has it. The Jacobian of that field is ∂²L/∂w² + ∂²L/∂w∂h dh/dw: here it is
    whole, and `stop_gradient` would leave its second term out. In derivatives that are taken
    before the gradient, such as that of a gradient penalty in its inputs, the value is a constant
    too.

    Args:
      tree: arrays, h.
      params: arrays, w: the derivative with respect to any of them is the gradient that is meant.

    Returns:
      The tree.

    Example:
      >>> import jax.numpy as jnp
      >>> loss = lambda w: held(w, w) * w  # ξ = h = w, so that J = 1
      >>> jax.grad(loss)(jnp.float32(3.0)).item(), jax.hessian(loss)(jnp.float32(3.0)).item()
      (3.0, 1.0)
    """
    return _held(tree, params)


@jax.custom_jvp
def _held(tree: PyTree, params: PyTree) -> PyTree:
    return tree


def _held_jvp(primals: tuple[PyTree, PyTree], tangents: tuple[PyTree, PyTree]) -> tuple[Any, Any]:
    tree, params = primals
    is_gradient = any(type(t) is not SymbolicZero for t in jax.tree.leaves(tangents[1]))
    # Whoever differentiates the gradient sees the value as it is.
    value = tree if is_gradient else _held(tree, params)
    return value, zero_from_primal(value, symbolic_zeros=True)


_held.defjvp(_held_jvp, symbolic_zeros=True)


def reaches(jaxpr: Any, num_inputs: int) -> bool:
    """Whether any output of a program depends on one of its first inputs.

    Args:
      jaxpr: of `jax.make_jaxpr`.
      num_inputs: how many inputs are asked about.

    Returns:
      False only if none does: what a loop or a branch takes counts for all that it gives.

    Example:
      >>> jaxpr = jax.make_jaxpr(lambda x, y: y * 2.0)(1.0, 1.0).jaxpr
      >>> reaches(jaxpr, 1), reaches(jaxpr, 2)
      (False, True)
    """
    return any(_reached(jaxpr, [i < num_inputs for i in range(len(jaxpr.invars))]))


def _reached(jaxpr: Any, marks: list[bool]) -> list[bool]:
    """Which outputs depend on the inputs that are marked."""
    marked = {var for var, mark in zip(jaxpr.invars, marks, strict=True) if mark}

    def is_marked(atom: Any) -> bool:
        return not isinstance(atom, Literal) and atom in marked

    for eqn in jaxpr.eqns:
        reached = [is_marked(atom) for atom in eqn.invars]
        inner = eqn.params.get("jaxpr", eqn.params.get("call_jaxpr"))
        inner = getattr(inner, "jaxpr", inner)
        is_call = inner is not None and eqn.primitive.name in _CALLS
        if is_call and len(inner.invars) == len(reached):
            outs = _reached(inner, reached)
        else:
            outs = [any(reached)] * len(eqn.outvars)
        marked |= {var for var, mark in zip(eqn.outvars, outs, strict=True) if mark}
    return [is_marked(atom) for atom in jaxpr.outvars]
