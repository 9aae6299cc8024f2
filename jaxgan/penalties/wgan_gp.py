"""The gradient penalty of WGAN-GP."""

from __future__ import annotations

import jax

from jaxgan.penalties.base import Penalty, Term, View, input_gradient, norm
from jaxgan.typing import Array, PyTree, ScalarOrSchedule


def wgan_gp(weight: ScalarOrSchedule = 10.0, every: int = 1, target: float = 1.0) -> Penalty:
    """The critic has slope `target` between real and generated examples.

    λ E[(‖∇_x D(x̂)‖ - target)²] with x̂ = ε x + (1 - ε) G(z), ε ~ U[0, 1] for each pair. Finite,
    with gradient 0, where the critic's gradient is zero.

    Args:
      weight: λ, a number or a schedule of the step.
      every: in every n-th update, with weight nλ.
      target: the slope asked for.

    Returns:
      A `Penalty` for the discriminator.

    Raises:
      ValueError: if the weight is negative or `every` is not a positive integer.

    Example:
      >>> import jax.numpy as jnp
      >>> from jaxgan.penalties.base import View
      >>> from jaxgan.state import Context
      >>> scene = {"real": jnp.ones((2, 1)), "fake": jnp.zeros((2, 1))}
      >>> view = View({}, lambda x: 3.0 * x[:, 0], scene, Context(jax.random.key(0)))
      >>> wgan_gp().terms[0].values(view, ())[0].tolist()  # (3 - 1)²
      [4.0, 4.0]

    References:
      Gulrajani et al., 2017 (arXiv:1704.00028), eq. 3.
    """

    def values(view: View, state: PyTree) -> tuple[Array, PyTree]:
        real, fake = view.scene["real"], view.scene["fake"]
        num = jax.tree.leaves(real)[0].shape[0]
        mix = view.context.draw("wgan_gp", jax.random.uniform, (num,))

        def interpolate(x: Array, y: Array) -> Array:
            weights = mix.reshape((num,) + (1,) * (x.ndim - 1)).astype(x.dtype)
            return weights * x + (1.0 - weights) * y

        between = jax.tree.map(interpolate, real, fake)
        return (norm(input_gradient(view.critic, between)) - target) ** 2, state

    return Penalty((Term("wgan_gp", values, weight, every),))
