"""Points on the way from real to generated examples, where some gradient penalties look."""

from __future__ import annotations

import jax

from jaxgan.core.examples import num_examples
from jaxgan.core.penalty import View
from jaxgan.core.typing import Array, PyTree


def interpolates(view: View, name: str) -> PyTree:
    """One point between each real example and the generated one beside it.

    x̂ = ε x + (1 - ε) G(z) with ε ~ U[0, 1] for each pair.

    Args:
      view: what the term may look at.
      name: of the term, which names its random stream.

    Returns:
      Inputs for the critic, like the scene's `real`.

    Raises:
      ValueError: if the scene has no real or no generated examples.

    Example:
      >>> import jax.numpy as jnp
      >>> from jaxgan.core.state import Context
      >>> scene = {"real": jnp.ones((2, 3)), "fake": jnp.ones((2, 3))}
      >>> interpolates(View(params={}, discriminator=abs, scene=scene,
      ...                   context=Context(jax.random.key(0))), "wgan_gp").tolist()
      [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]

    References:
      Gulrajani et al., 2017 (arXiv:1704.00028), section 4.
    """
    real, fake = view.entry("real", name), view.entry("fake", name)
    num = num_examples(real)
    mix = view.context.draw(name, jax.random.uniform, (num,))

    def between(x: Array, y: Array) -> Array:
        weights = mix.reshape((num,) + (1,) * (x.ndim - 1)).astype(x.dtype)
        return weights * x + (1.0 - weights) * y

    return jax.tree.map(between, real, fake)
