"""f-divergences: conjugates are conjugates, short forms are the long ones, caps have no corner."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.losses import DIVERGENCES, Divergence, alpha_divergence, capped_exp
from jaxgan.losses._capped import tangent_beyond

ALPHAS = (-1.0, 0.5, 0.9, 1.1, 3.0)
ALL: dict[str, Divergence] = {
    **DIVERGENCES,
    **{f"alpha {alpha}": alpha_divergence(alpha) for alpha in ALPHAS},
}
EVERY = pytest.mark.parametrize("name", ALL)


@EVERY
def test_the_short_form_is_the_composition(name: str, float64: None) -> None:
    chosen, v = ALL[name], jnp.linspace(-10.0, 10.0, 401)
    if name == "alpha 0.9":
        v = jnp.linspace(-10.0, -0.7, 401)  # It grows as e^(9 v), and so meets its cap.
    long = chosen.conjugate(chosen.activation(v))
    np.testing.assert_allclose(chosen.composed(v), long, rtol=1e-9, atol=1e-9)
    # 1 - e^t loses digits near t = 0, so the derivative of the detour is no better than this.
    slopes = [
        jax.vmap(jax.grad(f))(v)
        for f in (chosen.composed, lambda x: chosen.conjugate(chosen.activation(x)))
    ]
    np.testing.assert_allclose(*slopes, rtol=1e-6, atol=1e-9)


@EVERY
def test_the_conjugate_is_the_largest_gap_to_a_line(name: str, float64: None) -> None:
    chosen, u = ALL[name], jnp.exp(jnp.linspace(-24.0, 8.0, 200_001))
    heights = chosen.generator(u)
    for v in (-12.0, -10.0, -9.0) if name == "alpha 0.9" else (-1.5, -0.25, 0.5, 1.5):
        t = chosen.activation(jnp.float64(v))
        np.testing.assert_allclose(
            chosen.conjugate(t), jnp.max(u * t - heights), rtol=1e-6, atol=1e-6
        )


@EVERY
def test_the_generator_is_convex_and_its_derivative_is_reached(name: str, float64: None) -> None:
    chosen, u = ALL[name], jnp.linspace(0.05, 4.0, 80)
    second = jax.vmap(jax.grad(jax.grad(lambda x: chosen.generator(x))))(u)
    assert (second >= -1e-12).all()
    at_one = {"gan": -2 * np.log(2)}.get(name, 0.0)
    np.testing.assert_allclose(chosen.generator(jnp.float64(1.0)), at_one, atol=1e-12)
    reached = chosen.activation(jnp.linspace(-500.0, 200.0, 100))
    wanted = jax.vmap(jax.grad(chosen.generator))(u)
    assert reached.min() <= wanted.min() + 1e-6
    assert reached.max() >= wanted.max() - 1e-6


@EVERY
def test_finite_everywhere_in_float32(name: str) -> None:
    v = jnp.concatenate([jnp.linspace(-1e4, 1e4, 41), jnp.linspace(-30.0, 30.0, 41)])
    for f in (ALL[name].activation, ALL[name].composed):
        slope = jax.grad(lambda x, f=f: f(x).sum())
        second = jax.grad(lambda x, slope=slope: slope(x).sum())
        for values in (f(v), slope(v), second(v)):
            assert values.dtype == jnp.float32
            assert np.isfinite(values).all()
        assert (slope(v) >= 0).all() or name == "pearson"


def caps(name: str) -> list[tuple[float, int]]:
    """Where a function of v turns straight, and on which side."""
    if name.startswith("alpha"):
        alpha = float(name.split()[1])
        beta = alpha / (alpha - 1)
        if alpha > 1:
            return [(float(np.expm1(20 / beta) / (alpha - 1)), 1)]
        s = np.exp(20 / beta) / (1 - alpha)
        return [(20.0 if alpha < 0 else min(20.0, float(-s - np.log(-np.expm1(-s)))), 1)]
    return {
        "kl": [(21.0, 1)],
        "reverse_kl": [(-20.0, -1)],
        "neyman": [(-20.0, -1)],
        "squared_hellinger": [(-20.0, -1), (20.0, 1)],
    }.get(name, [])


@EVERY
def test_no_corner_at_the_cap_and_straight_beyond(name: str, float64: None) -> None:
    for cap, outward in caps(name):
        scale = max(1.0, abs(cap))
        is_straight = False
        for f in (ALL[name].activation, ALL[name].composed):
            slope = jax.grad(f)
            inside, outside = (slope(cap + outward * h * scale) for h in (-1e-9, 1e-9))
            np.testing.assert_allclose(inside, outside, rtol=1e-6)
            np.testing.assert_allclose(slope(jnp.float64(cap)), inside, rtol=1e-6)
            jump = f(cap + outward * 1e-9 * scale) - f(cap - outward * 1e-9 * scale)
            allowed = 1e-8 * scale * abs(inside) + 1e-12 * abs(f(jnp.float64(cap)))
            assert abs(jump) <= allowed
            far = [float(slope(cap + outward * k * scale)) for k in (1.0, 9.0)]
            straight = np.isclose(far[0], outside, rtol=1e-9) and np.isclose(*far, rtol=1e-9)
            is_straight = is_straight or bool(straight)
        assert is_straight, "the cap is not where the table says"


def test_the_exponential_is_exact_up_to_its_cap(float64: None) -> None:
    x = jnp.asarray([-800.0, -3.0, 0.0, 19.9, 20.0])
    np.testing.assert_allclose(capped_exp(x), np.exp(x), rtol=1e-14)
    np.testing.assert_allclose(capped_exp(jnp.float64(23.0)), 4 * np.exp(20.0), rtol=1e-14)
    grads = jax.vmap(jax.grad(lambda x: capped_exp(x, cap=2.0)))(jnp.asarray([1.0, 2.0, 3.0, 1e6]))
    np.testing.assert_allclose(grads, np.exp([1.0, 2.0, 2.0, 2.0]), rtol=1e-14)


def test_a_function_is_not_evaluated_beyond_the_cap() -> None:
    value, slope = jax.value_and_grad(lambda x: tangent_beyond(jnp.log, -x, -1.0))(-5.0)
    assert np.isnan(value)  # log of a negative number, as asked
    value, slope = jax.value_and_grad(lambda x: tangent_beyond(lambda y: -jnp.log(-y), x, -1.0))(
        5.0
    )
    np.testing.assert_allclose([value, slope], [6.0, 1.0])


def test_special_members_of_the_family(float64: None) -> None:
    u = jnp.linspace(0.1, 3.0, 30)
    pairs = [
        (alpha_divergence(2.0).generator(u), DIVERGENCES["pearson"].generator(u) / 2),
        (alpha_divergence(-1.0).generator(u), DIVERGENCES["neyman"].generator(u) / 2),
        (alpha_divergence(0.5).generator(u), DIVERGENCES["squared_hellinger"].generator(u) * 2),
        (alpha_divergence(1 + 1e-6).generator(u), DIVERGENCES["kl"].generator(u) - u + 1),
        (alpha_divergence(1e-6).generator(u), DIVERGENCES["reverse_kl"].generator(u) + u - 1),
    ]
    for found, expected in pairs:
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
