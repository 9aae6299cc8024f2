"""Path length regularisation: equal steps in the latent space are equal steps of the image."""

from __future__ import annotations

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgan.core.derivatives import held
from jaxgan.core.examples import map_named
from jaxgan.core.penalty import Penalty, Term, View, norm
from jaxgan.core.ranges import Count, Decay, NonNegativeSchedule, checked
from jaxgan.core.typing import Array, PlayerTree, PyTree, Scene
from jaxgan.penalties._averages import moved, zero


@checked
def path_length(
    weight: NonNegativeSchedule = 2.0, *, every: Count = 1, decay: Decay = 0.01, shrink: Count = 1
) -> Penalty:
    """The generator's Jacobian J = ∂G/∂w stretches all directions of the image alike.

    γ E_{w,y}[(‖Jᵀy‖ - a)²] with y ~ N(0, I) / √(number of pixels) of the image's shape, and a the
    running mean of the lengths ‖Jᵀy‖, those of this batch included: a + decay (mean - a), held
    constant in the gradient (the authors' code lets 1 % of it through). w are the styles of a
    generator that has them, the scene's `w`, [B, L, D]; lengths are then the root of the mean over
    the L layers. Elsewhere it is the scene's `latent`.

    Args:
      weight: γ, a number or a schedule of the step.
      every: in every n-th update, with weight nγ; the mean moves in those only.
      decay: how far the mean moves in each of them, as the authors name it.
      shrink: of the batch only every so-manieth example; the authors' code takes half (2).

    Returns:
      A `Penalty` for the generator, which remembers `{"length": a}` and couples the examples of a
      batch.

    Raises:
      ValueError: if the weight is negative, `every` or `shrink` is not a positive integer, the
        decay is outside [0, 1) or, when played, the game has no generator or no latents.

    Example:
      >>> from jaxgan.core.state import Context
      >>> scene = {"latent": jnp.ones((2, 3))}
      >>> view = View(params={}, discriminator=abs, scene=scene,
      ...             context=Context(jax.random.key(0)), generator=lambda z: 0.0 * z)
      >>> term = path_length().terms[0]
      >>> term.values(view, term.init({}))[0].tolist()  # a generator that ignores its latent
      [0.0, 0.0]

    References:
      Karras et al., 2020 (arXiv:1912.04958), eq. 4 and appendix B.
    """

    def init(params: PlayerTree) -> PyTree:
        return {"length": zero(params)}

    def values(view: View, state: PyTree) -> tuple[Array, PyTree]:
        name = "w" if "w" in view.scene else "latent"
        latent = view.entry(name, "path_length")[::shrink]
        rest = _every(view.scene, shrink) if shrink > 1 else {}

        def generate(latent: Array) -> PyTree:
            given = {**rest, name: latent} if rest or name == "w" else latent
            return view.generated(given, "path_length")

        def normal(name: str, image: Array) -> Array:
            return view.context.draw(name, jax.random.normal, image.shape)

        noise = map_named(normal, "path_length", jax.eval_shape(generate, latent))
        lengths = path_lengths(generate, latent, noise)
        mean = moved(state["length"], jnp.mean(lengths), decay)
        fixed = held(mean, view.params).astype(lengths.dtype)
        return (lengths - fixed) ** 2, {"length": mean}

    return Penalty(
        (
            Term(
                name="path_length",
                values=values,
                weight=weight,
                every=every,
                init=init,
                couples_batch=True,
                players=("gen",),
            ),
        )
    )


def path_lengths(generate: Callable[[Array], PyTree], latent: Array, noise: PyTree) -> Array:
    """How far each latent's image moves in a random direction: ‖Jᵀy‖ of every example.

    Args:
      generate: latents -> images.
      latent: [B, D], or styles [B, L, D], of which the mean square over layers is taken.
      noise: of the images' shape, or shapes, standard normal; y is that over √(number of
        pixels).

    Returns:
      Lengths, [B].

    Example:
      >>> path_lengths(lambda z: 3.0 * z, jnp.ones((2, 1)), jnp.ones((2, 1))).tolist()
      [3.0, 3.0]
    """
    fake, pull_back = jax.vjp(generate, latent)

    def direction(noise: Array, fake: Array) -> Array:
        num_pixels = math.prod(fake.shape[1:-1]) if fake.ndim > 2 else fake.shape[1]
        return noise.astype(fake.dtype) / math.sqrt(num_pixels)

    (stretched,) = pull_back(jax.tree.map(direction, noise, fake))
    layers = latent.shape[1] if latent.ndim > 2 else 1
    return norm(stretched) / math.sqrt(layers)


def _every(scene: Scene, shrink: int) -> Scene:
    """What else the generator was given, such as labels, of every so-manieth example."""
    return {
        name: jax.tree.map(lambda leaf: leaf[::shrink] if jnp.ndim(leaf) else leaf, value)
        for name, value in scene.items()
        if name not in ("real", "fake", "latent", "w")
    }
