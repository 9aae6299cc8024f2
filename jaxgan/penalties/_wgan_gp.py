"""Penalties on the critic's slope between real and generated examples: WGAN-GP and WGAN-LP."""

from __future__ import annotations

import jax.numpy as jnp

from jaxgan.core.penalty import Penalty, Term, View, norm
from jaxgan.core.ranges import Count, NonNegative, NonNegativeSchedule, checked
from jaxgan.core.typing import Array, PyTree, ScalarOrSchedule
from jaxgan.penalties._interpolates import interpolates


@checked
def wgan_gp(
    weight: NonNegativeSchedule = 10.0,
    *,
    every: Count = 1,
    target: NonNegative = 1.0,
    one_sided: bool = False,
) -> Penalty:
    """The critic has slope `target` between real and generated examples.

    λ E[(‖∇_x D(x̂)‖ - target)²] with x̂ = ε x + (1 - ε) G(z), ε ~ U[0, 1] for each pair; one-sided,
    λ E[max(0, ‖∇_x D(x̂)‖ - target)²]. Finite, with gradient 0, where the critic's gradient is zero.

    Args:
      weight: λ, a number or a schedule of the step.
      every: in every n-th update, with weight nλ.
      target: the slope asked for.
      one_sided: whether a gentler slope is left alone.

    Returns:
      A `Penalty` for the discriminator.

    Raises:
      ValueError: if the weight or the target is negative or `every` is not a positive integer.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> from jaxgan.core.penalty import View
      >>> from jaxgan.core.state import Context
      >>> scene = {"real": jnp.ones((2, 1)), "fake": jnp.zeros((2, 1))}
      >>> view = View(params={}, discriminator=lambda x: 3.0 * x[:, 0], scene=scene,
      ...             context=Context(jax.random.key(0)))
      >>> wgan_gp().terms[0].values(view, ())[0].tolist()  # (3 - 1)²
      [4.0, 4.0]

    References:
      Gulrajani et al., 2017 (arXiv:1704.00028), eq. 3; one-sided in its section 4.
    """
    return _slope("wgan_gp", weight, every, target, one_sided)


@checked
def wgan_lp(
    weight: NonNegativeSchedule = 10.0, *, every: Count = 1, target: NonNegative = 1.0
) -> Penalty:
    """WGAN-LP: the critic is nowhere steeper than `target` between real and generated examples.

    λ E[max(0, ‖∇_x D(x̂)‖ - target)²], x̂ as for `wgan_gp`. An optimal critic is 1-Lipschitz and need
    not have slope 1 everywhere, so that only too steep a one is penalised.

    Args:
      weight: λ, a number or a schedule of the step.
      every: in every n-th update, with weight nλ.
      target: the steepest slope allowed.

    Returns:
      A `Penalty` for the discriminator.

    Raises:
      ValueError: if the weight or the target is negative or `every` is not a positive integer.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> from jaxgan.core.state import Context
      >>> scene = {"real": jnp.ones((2, 1)), "fake": jnp.zeros((2, 1))}
      >>> view = View(params={}, discriminator=lambda x: 0.5 * x[:, 0], scene=scene,
      ...             context=Context(jax.random.key(0)))
      >>> wgan_lp().terms[0].values(view, ())[0].tolist()  # gentle enough
      [0.0, 0.0]

    References:
      Petzka et al., 2018 (arXiv:1709.08894).
    """
    return _slope("wgan_lp", weight, every, target, one_sided=True)


def _slope(
    name: str, weight: ScalarOrSchedule, every: int, target: float, one_sided: bool
) -> Penalty:

    def values(view: View, state: PyTree) -> tuple[Array, PyTree]:
        slopes = norm(view.input_gradient(interpolates(view, name)))
        # Not relu, of which `analysis.kinks` would warn: its square is smooth.
        excess = slopes - jnp.asarray(target, slopes.dtype)
        return (jnp.maximum(excess, 0.0) if one_sided else excess) ** 2, state

    return Penalty((Term(name=name, values=values, weight=weight, every=every),))
