"""Zero-centred gradient penalties: on real (R1) and generated examples (R2), and in between."""

from __future__ import annotations

from collections.abc import Callable

from jaxgan.core.penalty import Penalty, Term, View, squared_norm
from jaxgan.core.ranges import Count, NonNegativeSchedule, checked
from jaxgan.core.typing import Array, PyTree
from jaxgan.penalties._interpolates import interpolates


@checked
def r1(weight: NonNegativeSchedule = 1.0, *, every: Count = 1) -> Penalty:
    """R1: the discriminator is flat at the data.

    γ/2 E_x[‖∇_x D(x)‖²], D the logit, γ the weight. Some codes leave out the half: their 10 is
    20 here. It makes the equilibrium of the Dirac-GAN attracting, with eigenvalues
    -γ/2 ± √(γ²/4 - f'(0)²).

    Args:
      weight: γ, a number or a schedule of the step.
      every: lazy regularisation (Karras et al., 2020): in every n-th update, with weight nγ.

    Returns:
      A `Penalty` for the discriminator.

    Raises:
      ValueError: if the weight is negative or `every` is not a positive integer.

    Example:
      >>> import jax.numpy as jnp, jax
      >>> from jaxgan.core.penalty import View
      >>> view = View(params={}, discriminator=lambda x: 3.0 * x[:, 0],
      ...             scene={"real": jnp.ones((2, 1))}, context=None)
      >>> r1().terms[0].values(view, ())[0].tolist()  # ½ · 3²
      [4.5, 4.5]

    References:
      Mescheder et al., 2018 (arXiv:1801.04406), eq. 9.
    """
    return Penalty(
        (Term(name="r1", values=_half_squared_gradient("real"), weight=weight, every=every),)
    )


@checked
def r2(weight: NonNegativeSchedule = 1.0, *, every: Count = 1) -> Penalty:
    """R2: the discriminator is flat at the generator's samples.

    γ/2 E_z[‖∇_x D(G(z))‖²], D the logit, γ the weight.

    Args:
      weight: γ, a number or a schedule of the step.
      every: in every n-th update, with weight nγ.

    Returns:
      A `Penalty` for the discriminator.

    Raises:
      ValueError: if the weight is negative or `every` is not a positive integer.

    Example:
      >>> (r1(weight=1.0) + r2(weight=1.0)).terms[1].name
      'r2'

    References:
      Mescheder et al., 2018 (arXiv:1801.04406), eq. 10; with R1 in Huang et al., 2024
      (arXiv:2501.05441).
    """
    return Penalty(
        (Term(name="r2", values=_half_squared_gradient("fake"), weight=weight, every=every),)
    )


@checked
def zero_centered_gp(weight: NonNegativeSchedule = 100.0, *, every: Count = 1) -> Penalty:
    """0-GP: the discriminator is flat between real and generated examples.

    λ E[‖∇_x D(x̂)‖²], D the logit, with x̂ between a real and a generated example as for `wgan_gp`.
    There is no half in it, other than in `r1`. It keeps a discriminator that has seen few examples
    from remembering them.

    Args:
      weight: λ, a number or a schedule of the step.
      every: in every n-th update, with weight nλ.

    Returns:
      A `Penalty` for the discriminator.

    Raises:
      ValueError: if the weight is negative or `every` is not a positive integer.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> from jaxgan.core.state import Context
      >>> scene = {"real": jnp.ones((2, 1)), "fake": jnp.zeros((2, 1))}
      >>> view = View(params={}, discriminator=lambda x: 3.0 * x[:, 0], scene=scene,
      ...             context=Context(jax.random.key(0)))
      >>> zero_centered_gp().terms[0].values(view, ())[0].tolist()  # 3²
      [9.0, 9.0]

    References:
      Thanh-Tung et al., 2019 (arXiv:1902.03984).
    """

    def values(view: View, state: PyTree) -> tuple[Array, PyTree]:
        points = interpolates(view, "zero_centered_gp")
        return squared_norm(view.input_gradient(points)), state

    return Penalty((Term(name="zero_centered_gp", values=values, weight=weight, every=every),))


def _half_squared_gradient(which: str) -> Callable[[View, PyTree], tuple[Array, PyTree]]:
    def values(view: View, state: PyTree) -> tuple[Array, PyTree]:
        # Where there is no such thing in the scene, the critic says so better than a KeyError.
        return 0.5 * squared_norm(view.input_gradient(view.scene.get(which))), state

    return values
