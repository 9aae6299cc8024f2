"""The f-divergences of f-GAN: what each is, and the functions that estimate it.

D_f(p, q) = ∫ q f(p/q) = sup_T E_p[T] - E_q[f*(T)], attained at T = f'(p/q). A network's output v,
any real number, becomes T = g_f(v), which lies in the domain of f*.

| name | f(u) | T = g_f(v) | f*(g_f(v)) | best v, with r = p/q |
|---|---|---|---|---|
| kl | u log u | v | e^(v - 1) | 1 + log r |
| reverse_kl | -log u | -e^-v | v - 1 | log r |
| pearson | (u - 1)² | v | v²/4 + v | 2 (r - 1) |
| neyman | (1 - u)²/u | 1 - e^-v | 2 - 2 e^(-v/2) | 2 log r |
| squared_hellinger | (√u - 1)² | 1 - e^-v | e^v - 1 | ½ log r |
| jensen_shannon | u log u - (u + 1) log((u + 1)/2) | log 2 - ζ(-v) | ζ(v) - log 2 | log r |
| gan | u log u - (u + 1) log(u + 1) | -ζ(-v) | ζ(v) | log r |
| total_variation | ½ abs(u - 1) | ½ tanh v | ½ tanh v | ±∞ = sign(r - 1) ∞ |
| alpha, α > 1 | see `alpha_divergence` | v | (y^β - 1)/α | (r^(α - 1) - 1)/(α - 1) |
| alpha, α < 1 | likewise | 1/(1 - α) - ζ(-v) | (y^β - 1)/α | -log(e^s - 1) |

with ζ softplus, y = max(0, 1 + (α - 1) T), which is (1 - α) ζ(-v) for α < 1, β = α/(α - 1), and
s = r^(α - 1)/(1 - α). As in the paper jensen_shannon is twice the usual JSD, and gan that less
log 4.

The fourth column is written without the detour over the third, which would overflow. What still
grows exponentially is exact while the exponent in v is at most 20 and goes on as its tangent.

References: Nowozin et al., 2016 (arXiv:1606.00709), tables 2, 5 and 6.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import jax.numpy as jnp
from jax.nn import softplus
from jax.scipy.special import xlogy

from jaxgan.core.checks import is_traced
from jaxgan.core.errors import bad_value
from jaxgan.core.ranges import Finite, checked
from jaxgan.core.typing import Array
from jaxgan.losses._capped import CAP, capped_exp, tangent_beyond

Function = Callable[[Array], Array]
LOG_2 = math.log(2.0)


class Divergence(NamedTuple):
    """An f-divergence and its estimator, as elementwise functions.

    Attributes:
      generator: f, convex; f(1) = 0 for all but the divergence of the first GAN.
      conjugate: f*(t) = sup_u (u t - f(u)).
      activation: g_f, from the reals to the domain of f*.
      composed: f*(g_f(v)), finite for every v of a float32.

    Example:
      >>> pearson = DIVERGENCES["pearson"]
      >>> float(pearson.conjugate(pearson.activation(jnp.float32(2.0))))
      3.0
    """

    generator: Function
    conjugate: Function
    activation: Function
    composed: Function


DIVERGENCES: Mapping[str, Divergence] = MappingProxyType(
    {
        "gan": Divergence(
            lambda u: xlogy(u, u) - (u + 1) * jnp.log(u + 1),
            lambda t: -jnp.log(-jnp.expm1(t)),
            lambda v: -softplus(-v),
            softplus,
        ),
        "jensen_shannon": Divergence(
            lambda u: xlogy(u, u) - (u + 1) * jnp.log((u + 1) / 2),
            lambda t: -jnp.log(2 - jnp.exp(t)),
            lambda v: LOG_2 - softplus(-v),
            lambda v: softplus(v) - LOG_2,
        ),
        "kl": Divergence(
            lambda u: xlogy(u, u),
            lambda t: jnp.exp(t - 1),
            lambda v: v,
            lambda v: capped_exp(v - 1),
        ),
        "neyman": Divergence(
            lambda u: (1 - u) ** 2 / u,
            lambda t: 2 - 2 * jnp.sqrt(1 - t),
            lambda v: 1 - capped_exp(-v),
            # Both turn linear at the same v: between two caps the wrong one would win.
            lambda v: 2 - 2 * capped_exp(-v / 2, cap=CAP / 2),
        ),
        "pearson": Divergence(
            lambda u: (u - 1) ** 2,
            lambda t: t**2 / 4 + t,
            lambda v: v,
            lambda v: v**2 / 4 + v,
        ),
        "reverse_kl": Divergence(
            lambda u: -jnp.log(u),
            lambda t: -1 - jnp.log(-t),
            lambda v: -capped_exp(-v),
            lambda v: v - 1,
        ),
        "squared_hellinger": Divergence(
            lambda u: (jnp.sqrt(u) - 1) ** 2,
            lambda t: t / (1 - t),
            lambda v: 1 - capped_exp(-v),
            lambda v: capped_exp(v) - 1,
        ),
        "total_variation": Divergence(
            lambda u: jnp.abs(u - 1) / 2,
            lambda t: t,
            lambda v: jnp.tanh(v) / 2,
            lambda v: jnp.tanh(v) / 2,
        ),
    }
)


@checked
def alpha_divergence(alpha: Finite) -> Divergence:
    """The family that joins the others: α → 0 reverse KL, ½ twice squared Hellinger, → 1 KL.

    f(u) = (u^α - 1 - α (u - 1)) / (α (α - 1)); α = 2 is half of Pearson's χ², α = -1 half of
    Neyman's. As u ≥ 0, f* is constant, -1/α, where 1 + (α - 1) t < 0 for an α above 1.

    Args:
      alpha: α, any number but 0 and 1.

    Returns:
      A `Divergence`.

    Raises:
      ValueError: if α is 0 or 1, not finite, or traced.

    Example:
      >>> round(float(alpha_divergence(2.0).generator(jnp.float32(3.0))), 4)  # ½ (3 - 1)²
      2.0

    References:
      Nowozin et al., 2016 (arXiv:1606.00709), table 6.
    """
    if is_traced(alpha):
        raise ValueError("alpha is traced; it must be known: the formulas differ beyond 1")
    if alpha in (0, 1):
        raise ValueError(bad_value("alpha", alpha, "neither 0 nor 1 (reverse_kl and kl)"))
    alpha = float(alpha)
    power, slope = alpha / (alpha - 1), alpha - 1

    def generator(u: Array) -> Array:
        return (u**alpha - 1 - alpha * (u - 1)) / (alpha * slope)

    def conjugate(t: Array) -> Array:
        y = 1 + slope * t
        inside = y > 0  # Two selections: the branch not taken must have a finite derivative too.
        return (jnp.where(inside, jnp.where(inside, y, 1.0) ** power, 0.0) - 1) / alpha

    if alpha > 1:
        cap = math.expm1(CAP / power) / slope
        return Divergence(
            generator, conjugate, lambda v: v, lambda v: tangent_beyond(conjugate, v, cap)
        )

    def activation(v: Array) -> Array:
        return -1 / slope - softplus(-v)

    def composed(v: Array) -> Array:
        return ((-slope * softplus(-v)) ** power - 1) / alpha

    cap = CAP
    if power * math.log(-slope * math.log1p(math.exp(-CAP))) > CAP:
        s = math.exp(CAP / power) / -slope  # = ζ(-v) where the exponent, power · log y, is CAP
        cap = min(CAP, -s - math.log(-math.expm1(-s)))
    return Divergence(generator, conjugate, activation, lambda v: tangent_beyond(composed, v, cap))
