"""Any f-divergence as an objective."""

from __future__ import annotations

from jaxgan.core.errors import bad_value
from jaxgan.core.loss import Loss, stateless
from jaxgan.core.ranges import Finite, checked
from jaxgan.core.state import Context
from jaxgan.core.typing import Array
from jaxgan.losses._divergences import DIVERGENCES, Divergence, alpha_divergence


@checked
def f_gan(
    divergence: str | Divergence = "jensen_shannon",
    *,
    alpha: Finite | None = None,
    non_saturating: bool = False,
) -> Loss:
    """The discriminator estimates an f-divergence, which the generator minimises.

    With v the discriminator's output, f* the convex conjugate and g_f the output's activation,

      V = E_x[g_f(v(x))] - E_z[f*(g_f(v(G(z))))] ≤ D_f(data, samples),
      L_D = -V,  L_G = V,  or L_G = -E_z[g_f(v(G(z)))], the heuristic that does not saturate.

    `gan` is `minimax`, and with `non_saturating` the loss of that name. L_G = V holds the term in
    x, as in `minimax`. f* ∘ g_f is written so that it does not overflow, and exponentials beyond
    e^20 go on as their tangents; see `jaxgan.losses.divergences` for all functions and optima.

    Args:
      divergence: `alpha`, `gan`, `jensen_shannon`, `kl`, `neyman`, `pearson`, `reverse_kl`,
        `squared_hellinger` or `total_variation`, or a `Divergence` of your own.
      alpha: α of `alpha`, any number but 0 and 1.
      non_saturating: whether the generator maximises g_f(v) instead.

    Returns:
      A `Loss` over outputs v of shape [B].

    Raises:
      ValueError: for an unknown divergence, or an α missing, wrong or out of place.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> loss, context = f_gan("pearson"), Context(jax.random.key(0))
      >>> loss.gen(jnp.full(1, 4.0), jnp.full(1, 2.0), (), context).tolist()  # 4 - (2²/4 + 2)
      [1.0]

    References:
      Nowozin et al., 2016 (arXiv:1606.00709), eq. 6, section 3.2, tables 2 and 6.
    """
    chosen = _find(divergence, alpha)

    def disc(real_values: Array, fake_values: Array, context: Context) -> Array:
        return chosen.composed(fake_values) - chosen.activation(real_values)

    def gen(real_values: Array, fake_values: Array, context: Context) -> Array:
        if non_saturating:
            return -chosen.activation(fake_values)
        return -disc(real_values, fake_values, context)

    return stateless(disc, gen)._replace(is_zero_sum=not non_saturating, name="f_gan")


def _find(divergence: str | Divergence, alpha: float | None) -> Divergence:
    if divergence == "alpha":
        if alpha is None:
            raise ValueError("divergence 'alpha' needs alpha, any number but 0 and 1")
        return alpha_divergence(alpha)
    if alpha is not None:
        raise ValueError(f"alpha is {alpha}; only divergence 'alpha' takes it")
    if isinstance(divergence, Divergence):
        return divergence
    if divergence not in DIVERGENCES:
        names = sorted([*DIVERGENCES, "alpha"])
        raise ValueError(bad_value("divergence", divergence, names))
    return DIVERGENCES[divergence]
