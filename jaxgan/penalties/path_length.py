"""Path length regularisation: equal steps in the latent space are equal steps of the image."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from jaxgan.penalties.base import Penalty, Term, View, norm
from jaxgan.penalties.needs import entry, generated, moved, zero
from jaxgan.schedules import check_share
from jaxgan.typing import Array, PlayerTree, PyTree, ScalarOrSchedule


def path_length(weight: ScalarOrSchedule = 2.0, every: int = 1, decay: float = 0.01) -> Penalty:
    """The generator's Jacobian J = ∂G/∂z stretches all directions of the image alike.

    γ E_{z,y}[(‖Jᵀy‖ - a)²] with y ~ N(0, I) / √(number of pixels) of the image's shape, and a the
    running mean of the lengths ‖Jᵀy‖, those of this batch included: a + decay (mean - a), held
    constant in the gradient (the authors' code lets 1 % of it through). z is the scene's `latent`;
    StyleGAN2 takes its intermediate latents, and half the batch in every fourth update.

    Args:
      weight: γ, a number or a schedule of the step.
      every: in every n-th update, with weight nγ; the mean moves in those only.
      decay: how far the mean moves in each of them, as the authors name it.

    Returns:
      A `Penalty` for the generator, which remembers `{"length": a}` and couples the examples of a
      batch.

    Raises:
      ValueError: if the weight is negative, `every` is not a positive integer, the decay is
        outside [0, 1) or, when played, the game has no generator or no latents.

    Example:
      >>> from jaxgan.state import Context
      >>> scene = {"latent": jnp.ones((2, 3))}
      >>> view = View({}, abs, scene, Context(jax.random.key(0)), generator=lambda z: 0.0 * z)
      >>> term = path_length().terms[0]
      >>> term.values(view, term.init({}))[0].tolist()  # a generator that ignores its latent
      [0.0, 0.0]

    References:
      Karras et al., 2020 (arXiv:1912.04958), eq. 4 and appendix B.
    """
    check_share("path_length: decay", decay)

    def init(params: PlayerTree) -> PyTree:
        return {"length": zero(params)}

    def values(view: View, state: PyTree) -> tuple[Array, PyTree]:
        latent = entry(view, "latent", "path_length")
        fake, pull_back = jax.vjp(lambda z: generated(view, z, "path_length"), latent)
        noise = view.context.draw("path_length", jax.random.normal, fake.shape).astype(fake.dtype)
        num_pixels = math.prod(fake.shape[1:-1]) if fake.ndim > 2 else fake.shape[1]
        (stretched,) = pull_back(noise / math.sqrt(num_pixels))
        lengths = norm(stretched)
        mean = moved(state["length"], jnp.mean(lengths), decay)
        return (lengths - mean.astype(lengths.dtype)) ** 2, {"length": mean}

    return Penalty(
        (Term("path_length", values, weight, every, init, couples_batch=True, players=("gen",)),)
    )
