"""DRAGAN: a gradient penalty around the data."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxgan.core.examples import map_named
from jaxgan.core.penalty import Penalty, Term, View, norm
from jaxgan.core.ranges import Count, NonNegative, NonNegativeSchedule, Positive, checked
from jaxgan.core.typing import Array, PyTree


@checked
def dragan(
    weight: NonNegativeSchedule = 10.0,
    *,
    every: Count = 1,
    target: NonNegative = 1.0,
    scale: Positive = 0.5,
) -> Penalty:
    """DRAGAN: the discriminator has slope `target` around the real examples.

    λ E[(‖∇_x D(x + δ)‖ - target)²] with δ = scale · std · u, u ~ U[0, 1] for each element and std
    the deviation of all elements of the real batch, or of each part where examples are trees. That
    is the noise of the authors' code; the paper writes δ ~ N(0, cI), and the code goes a random
    part of the way to x + δ.

    Args:
      weight: λ, a number or a schedule of the step.
      every: in every n-th update, with weight nλ.
      target: the slope asked for, k in the paper.
      scale: of the noise, in deviations of the data.

    Returns:
      A `Penalty` for the discriminator.

    Raises:
      ValueError: if the weight is negative, `every` is not a positive integer or `scale` is not
        positive, or `target` negative.

    Example:
      >>> from jaxgan.core.state import Context
      >>> scene = {"real": jnp.ones((2, 1))}
      >>> view = View(params={}, discriminator=lambda x: 3.0 * x[:, 0], scene=scene,
      ...             context=Context(jax.random.key(0)))
      >>> dragan().terms[0].values(view, ())[0].tolist()  # (3 - 1)²
      [4.0, 4.0]

    References:
      Kodali et al., 2017 (arXiv:1705.07215).
    """

    def values(view: View, state: PyTree) -> tuple[Array, PyTree]:
        real = view.entry("real", "dragan")

        def noisy(name: str, x: Array) -> Array:
            noise = view.context.draw(name, jax.random.uniform, x.shape).astype(x.dtype)
            return x + jnp.asarray(scale, x.dtype) * jnp.std(x) * noise

        near = map_named(noisy, "dragan", real)
        slopes = norm(view.input_gradient(near))
        return (slopes - jnp.asarray(target, slopes.dtype)) ** 2, state

    return Penalty(
        (Term(name="dragan", values=values, weight=weight, every=every, couples_batch=True),)
    )
