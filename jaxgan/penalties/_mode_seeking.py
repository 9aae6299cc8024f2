"""Mode seeking: samples of different latents differ."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgan.core.examples import samples_of
from jaxgan.core.penalty import Penalty, Term, View
from jaxgan.core.ranges import Count, NonNegativeSchedule, Positive, checked
from jaxgan.core.typing import Array, Key, PyTree


@checked
def mode_seeking(
    weight: NonNegativeSchedule = 1.0,
    *,
    every: Count = 1,
    eps: Positive = 1e-5,
    latent: Callable[[Key, tuple[int, ...]], Array] | None = None,
) -> Penalty:
    """The distance of two samples is large for the distance of their latents.

    λ / (d_I / d_z + eps) with d_I = E abs(G(z) - G(z')) and d_z = E abs(z - z'), means over all
    elements of the batch, z' a second batch of latents with the labels of the first. The paper
    maximises d_I / d_z; the reciprocal is its authors' code's.

    Args:
      weight: λ, a number or a schedule of the step.
      every: in every n-th update, with weight nλ.
      eps: keeps a generator that ignores its latent from an infinite loss.
      latent: draws the second latents, (key, (num,)) -> array; standard normal by default.

    Returns:
      A `Penalty` for the generator, which couples the examples of a batch.

    Raises:
      ValueError: if the weight is negative, `every` is not a positive integer, `eps` is not
        positive or, when played, the game has no generator or no latents.

    Example:
      >>> from jaxgan.core.state import Context
      >>> z = jnp.ones((2, 3))
      >>> view = View(params={}, discriminator=abs, scene={"latent": z, "fake": 4.0 * z},
      ...             context=Context(jax.random.key(0)),
      ...             generator=lambda z: 4.0 * z)
      >>> round(float(mode_seeking().terms[0].values(view, ())[0]), 3)
      0.25

    References:
      Mao et al., 2019 (arXiv:1903.05628).
    """

    def values(view: View, state: PyTree) -> tuple[Array, PyTree]:
        first = view.entry("latent", "mode_seeking")

        def normal(key: Key, shape: tuple[int, ...]) -> Array:
            return jax.random.normal(key, (*shape, *first.shape[1:]))

        second = view.context.draw("mode_seeking", latent or normal, (first.shape[0],))
        second = second.astype(first.dtype)
        other = view.generated(second, "mode_seeking")
        fake = samples_of(view.entry("fake", "mode_seeking"))
        gaps = jax.tree.map(lambda x, y: jnp.abs(x - y), fake, other)
        between_images = _mean(gaps)
        between_latents = jnp.mean(jnp.abs(first - second)).astype(between_images.dtype)
        ratio = between_images / between_latents
        return 1.0 / (ratio + jnp.asarray(eps, ratio.dtype)), state

    return Penalty(
        (
            Term(
                name="mode_seeking",
                values=values,
                weight=weight,
                every=every,
                couples_batch=True,
                players=("gen",),
            ),
        )
    )


def _mean(tree: PyTree) -> Array:
    """The mean over all elements of all parts."""
    leaves = jax.tree.leaves(tree)
    if len(leaves) == 1:
        return jnp.mean(leaves[0])
    return jnp.mean(jnp.concatenate([jnp.ravel(leaf) for leaf in leaves]))
