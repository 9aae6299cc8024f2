"""The optimizer of the steps that a lookahead takes for its opponent."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import optax

from jaxgan import optimizers as opt
from jaxgan.core.state import Context
from jaxgan.core.typing import Params, PyTree


def inner_optimizer(
    inner: optax.GradientTransformation | None,
    *,
    caller: str,
    is_fresh: bool,
    opponent: str,
    params: Params,
    context: Context,
) -> tuple[optax.GradientTransformation, PyTree]:
    """The optimizer of the inner steps, and the state that it starts from.

    Args:
      inner: the optimizer; None for the opponent's own, of the context.
      caller: whose inner steps they are, for messages.
      is_fresh: whether to start from zero instead of the live state.
      opponent: whose steps they are.
      params: the opponent's.
      context: where its own optimizer and its live state are.

    Returns:
      The optimizer and its state.

    Raises:
      ValueError: if the context lacks either, or the state is not one of that optimizer.

    Example:
      >>> inner, state = inner_optimizer(
      ...     opt.sgd(0.1), caller="unrolled", is_fresh=True, opponent="disc",
      ...     params=jnp.ones(2), context=Context(jax.random.key(0)))
    """
    optimizer = dict(context.optimizers).get(opponent) if inner is None else inner
    if optimizer is None:
        raise ValueError(
            f"{caller}: the context has no optimizer of {opponent!r} to foresee; give inner=, "
            "or a Context with optimizers and opt_state"
        )
    if is_fresh:
        return optimizer, opt.init(optimizer, params)
    if opponent not in context.opt_state:
        raise ValueError(
            f"{caller}: the context has no live optimizer state of {opponent!r}; "
            "give inner_state='fresh', or a Context with opt_state"
        )
    live = context.opt_state[opponent]
    fresh = jax.eval_shape(lambda: opt.init(optimizer, params))
    if jax.tree.map(jnp.shape, live) != jax.tree.map(jnp.shape, fresh):
        raise ValueError(
            f"{caller}: the live optimizer state of {opponent!r} is not one of the inner "
            "optimizer's; give inner_state='fresh', or leave inner= away"
        )
    return optimizer, live


def check_differentiable(optimizer: optax.GradientTransformation, params: Params) -> None:
    """Raises if an optimizer's update has no finite derivative at a gradient of zero.

    Args:
      optimizer: any Optax transformation.
      params: arrays or their shapes; the probe uses the same tree with small leaves.

    Raises:
      ValueError: naming `eps_root`.

    Example:
      >>> check_differentiable(opt.adam(1e-3), jnp.zeros(3))
      >>> check_differentiable(optax.adam(1e-3), jnp.zeros(3))
      Traceback (most recent call last):
      ...
      ValueError: the inner optimizer's derivative at zero gradient is not finite, so a dead unit \
would make the unrolled gradient NaN: give Adam eps_root > 0 (jaxgan.optimizers do, 1e-16), and \
leave out clipping by a norm that may be 0

    References:
      Adam inside MAML: the eps_root of `optax.adam`.
    """

    def is_finite(parity: int) -> bool:
        """Where every other leaf of the gradient is zero, and a part of each of the rest."""
        leaves, structure = jax.tree.flatten(probe)
        grads = [
            jnp.zeros_like(x) if i % 2 == parity or not x.ndim else x.at[..., 0].set(0)
            for i, x in enumerate(leaves)
        ]
        # In reverse, as it will be used: a branch not taken passes NaN on in that mode only.
        _, pull_back = jax.vjp(twice, jax.tree.unflatten(structure, grads))
        return all(bool(jnp.isfinite(x).all()) for x in jax.tree.leaves(pull_back(probe)))

    def twice(grads: PyTree) -> Params:
        moved, opt_state = opt.update(optimizer, grads, opt.init(optimizer, probe), probe)
        return opt.update(optimizer, grads, opt_state, moved)[0]

    with jax.ensure_compile_time_eval():
        probe = jax.tree.map(lambda x: jnp.ones((2,) * x.ndim, x.dtype), params)
        try:
            is_safe = is_finite(0) and is_finite(1)
        except jax.errors.ConcretizationTypeError:
            return  # Under `vmap` over learning rates there is no number to look at.
    if not is_safe:
        raise ValueError(
            "the inner optimizer's derivative at zero gradient is not finite, so a dead unit would "
            "make the unrolled gradient NaN: give Adam eps_root > 0 (jaxgan.optimizers do, 1e-16), "
            "and leave out clipping by a norm that may be 0"
        )
