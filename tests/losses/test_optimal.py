"""With the best discriminator an objective is the divergence it claims to be."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad

from jaxgan import Context, Loss, losses

Density = np.ndarray
CONTEXT = Context(jax.random.key(0))


def log_ratio(p: Density, q: Density) -> np.ndarray:
    return np.log(p) - np.log(q)


def kl(p: Density, q: Density) -> np.ndarray:
    return p * (np.log(p) - np.log(q))


def jsd(p: Density, q: Density) -> np.ndarray:
    return (kl(p, (p + q) / 2) + kl(q, (p + q) / 2)) / 2


def alpha_best(alpha: float) -> Callable[[Density, Density], np.ndarray]:
    def best(p: Density, q: Density) -> np.ndarray:
        power = np.exp((alpha - 1) * log_ratio(p, q))
        if alpha > 1:
            return (power - 1) / (alpha - 1)
        s = power / (1 - alpha)
        return -(s + np.log(-np.expm1(-s)))

    return best


def alpha_value(alpha: float) -> Callable[[Density, Density], np.ndarray]:
    # The mean over q of r^α - 1 - α (r - 1).
    return lambda p, q: (
        (np.exp(alpha * np.log(p) + (1 - alpha) * np.log(q)) - q - alpha * (p - q))
        / (alpha * (alpha - 1))
    )


class Row(NamedTuple):
    """An objective, its best discriminator, and -L_D there, per point."""

    loss: Loss
    best: Callable[[Density, Density], np.ndarray]
    value: Callable[[Density, Density], np.ndarray]


def smooth_value(p: Density, q: Density) -> np.ndarray:
    a, b = 0.9 * p + 0.2 * q, 0.1 * p + 0.8 * q
    return a * np.log(a / (a + b)) + b * np.log(b / (a + b))


SMOOTH = {
    "minimax": Row(
        losses.minimax(), log_ratio, lambda p, q: 2 * jsd(p, q) - (p + q) / 2 * np.log(4)
    ),
    "non_saturating": Row(
        losses.non_saturating(), log_ratio, lambda p, q: 2 * jsd(p, q) - (p + q) / 2 * np.log(4)
    ),
    "minimax smoothed": Row(
        losses.minimax(smoothing=0.1, fake_smoothing=0.2),
        lambda p, q: log_ratio(0.9 * p + 0.2 * q, 0.1 * p + 0.8 * q),
        smooth_value,
    ),
    "least_squares": Row(
        losses.least_squares(),
        lambda p, q: p / (p + q),
        lambda p, q: -p * q / (p + q) / 2,
    ),
    # V + 1 = ½ χ²(p + q, 2q), Mao et al., eq. 13.
    "least_squares pearson": Row(
        losses.least_squares(fake_label=-1.0, real_label=1.0, gen_label=0.0),
        lambda p, q: (p - q) / (p + q),
        lambda p, q: (2 * q - (p + q)) ** 2 / (p + q) / 2 - (p + q) / 2,
    ),
    "f_gan kl": Row(losses.f_gan("kl"), lambda p, q: 1 + log_ratio(p, q), kl),
    "f_gan reverse_kl": Row(losses.f_gan("reverse_kl"), log_ratio, lambda p, q: kl(q, p)),
    "f_gan pearson": Row(
        losses.f_gan("pearson"), lambda p, q: 2 * (p / q - 1), lambda p, q: (p - q) ** 2 / q
    ),
    "f_gan neyman": Row(
        losses.f_gan("neyman"), lambda p, q: 2 * log_ratio(p, q), lambda p, q: (p - q) ** 2 / p
    ),
    "f_gan squared_hellinger": Row(
        losses.f_gan("squared_hellinger"),
        lambda p, q: log_ratio(p, q) / 2,
        lambda p, q: (np.sqrt(p) - np.sqrt(q)) ** 2,
    ),
    "f_gan jensen_shannon": Row(
        losses.f_gan("jensen_shannon"), log_ratio, lambda p, q: 2 * jsd(p, q)
    ),
    "f_gan gan": Row(
        losses.f_gan("gan"), log_ratio, lambda p, q: 2 * jsd(p, q) - (p + q) / 2 * np.log(4)
    ),
    "f_gan total_variation": Row(
        losses.f_gan("total_variation"),
        lambda p, q: 30 * np.sign(p - q),  # tanh 30 is 1
        lambda p, q: np.abs(p - q) / 2,
    ),
    **{
        f"f_gan alpha {a}": Row(losses.f_gan("alpha", alpha=a), alpha_best(a), alpha_value(a))
        for a in (-0.5, 0.5, 1.5, 2.0)
    },
}
# Where the best discriminator sits on a corner: it has no gradient there, but a value.
CORNERED = {
    "hinge": Row(losses.hinge(), lambda p, q: np.sign(p - q), lambda p, q: np.abs(p - q) - (p + q)),
    "hinge margin": Row(
        losses.hinge(margin=3.0),
        lambda p, q: 3 * np.sign(p - q),
        lambda p, q: -6 * np.minimum(p, q),
    ),
    "ebgan": Row(
        losses.ebgan(margin=2.0), lambda p, q: -2.0 * (q > p), lambda p, q: -2 * np.minimum(p, q)
    ),
}
ALL = {**SMOOTH, **CORNERED}


def disc_loss(loss: Loss, v: jax.Array, p: Density, q: Density) -> jax.Array:
    """E_p and E_q of a loss that is a sum of a real and of a fake part, as a sum over points."""
    zero = jnp.zeros_like(v)
    real, _ = loss.disc(v, zero, loss.init(), CONTEXT)
    fake, _ = loss.disc(zero, v, loss.init(), CONTEXT)
    both, _ = loss.disc(zero, zero, loss.init(), CONTEXT)
    return jnp.sum(p * real + q * fake - p * both)


def discrete() -> tuple[Density, Density]:
    return np.array([0.05, 0.45, 0.3, 0.2]), np.array([0.4, 0.1, 0.25, 0.25])


def normal(x: np.ndarray | float, mean: float, std: float) -> np.ndarray:
    return np.exp(-0.5 * ((x - mean) / std) ** 2) / (std * np.sqrt(2 * np.pi))


LOW, HIGH = -9.0, 9.5
P, Q = (0.0, 1.0), (0.5, 1.1)  # Each is wide enough for the other's χ².


def gaussians() -> tuple[Density, Density]:
    x, step = np.linspace(LOW, HIGH, 20_001, retstep=True)
    return normal(x, *P) * step, normal(x, *Q) * step


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("where", ["discrete", "gaussians"])
def test_the_objective_is_its_divergence(name: str, where: str, float64: None) -> None:
    row = ALL[name]
    if where == "discrete":
        p, q = discrete()
        expected = np.sum(row.value(p, q))
    else:
        p, q = gaussians()
        expected, _ = quad(
            lambda x: row.value(normal(x, *P), normal(x, *Q)),
            LOW,
            HIGH,
            points=[-5.2, 0.44],
            limit=400,
            epsabs=1e-10,
        )
    found = -disc_loss(row.loss, jnp.asarray(row.best(p, q)), p, q)
    np.testing.assert_allclose(found, expected, atol=1e-6)


CLOSED = {
    # Variances 1 and 1.21, means ½ apart.
    "f_gan kl": np.log(1.1) + (1 + 0.25) / (2 * 1.21) - 0.5,
    "f_gan reverse_kl": -np.log(1.1) + (1.21 + 0.25) / 2 - 0.5,
    "f_gan squared_hellinger": 2 - 2 * np.sqrt(2.2 / 2.21) * np.exp(-0.25 * 0.25 / 2.21),
    "f_gan pearson": 1.21 / np.sqrt(2 * 1.21 - 1) * np.exp(0.25 / (2 * 1.21 - 1)) - 1,
}


@pytest.mark.parametrize("name", CLOSED)
def test_closed_forms_between_gaussians(name: str, float64: None) -> None:
    p, q = gaussians()
    found = -disc_loss(ALL[name].loss, jnp.asarray(ALL[name].best(p, q)), p, q)
    np.testing.assert_allclose(found, CLOSED[name], atol=1e-6)


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("where", [discrete, gaussians])
def test_the_best_discriminator_is_stationary(
    name: str, where: Callable[[], tuple[Density, Density]], float64: None
) -> None:
    row, (p, q) = SMOOTH[name], where()
    slope = jax.grad(lambda v: disc_loss(row.loss, v, p, q))
    best = jnp.asarray(row.best(p, q))
    np.testing.assert_allclose(slope(best), np.zeros_like(p), atol=1e-6)
    if where is discrete:  # and not everywhere
        assert np.abs(slope(0.01 * best + 0.1)).max() > 1e-2


@pytest.mark.parametrize("name", ALL)
def test_no_other_discriminator_is_better(name: str, float64: None) -> None:
    row, (p, q) = ALL[name], discrete()
    least = disc_loss(row.loss, jnp.asarray(row.best(p, q)), p, q)
    draw = np.random.default_rng(0)
    for scale in (1e-2, 0.3, 3.0):
        other = row.best(p, q) + scale * draw.normal(size=p.size)
        if name == "ebgan":
            other = np.minimum(other, 0.0)  # an energy is not negative
        assert disc_loss(row.loss, jnp.asarray(other), p, q) >= least - 1e-12


def gen_loss(loss: Loss, v: jax.Array, q: Density) -> jax.Array:
    return jnp.sum(q * loss.gen(jnp.zeros_like(v), v, loss.init(), CONTEXT))


def test_what_the_other_generators_minimise(float64: None) -> None:
    p, q = discrete()
    v, middle = jnp.asarray(log_ratio(p, q)), (p + q) / 2
    found = gen_loss(losses.non_saturating(), v, q)
    expected = np.sum(kl(q, p) - kl(q, middle)) + np.log(2)  # Arjovsky & Bottou, theorem 2.5
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    np.testing.assert_allclose(gen_loss(losses.maximum_likelihood(), v, q), -0.5, rtol=1e-12)
    labelled = losses.least_squares(fake_label=-1.0, real_label=1.0, gen_label=0.0)
    best = jnp.asarray((p - q) / (p + q))
    chi_square = np.sum((q - p) ** 2 / (p + q))
    np.testing.assert_allclose(gen_loss(labelled, best, p + q), chi_square / 2, rtol=1e-12)
    hinged = gen_loss(losses.hinge(), jnp.asarray(np.sign(p - q)), q)
    np.testing.assert_allclose(hinged, np.sum(q * np.sign(q - p)), rtol=1e-12)
    for name in ("kl", "pearson", "neyman"):  # the value is the distance itself
        row = ALL[f"f_gan {name}"]
        best = jnp.asarray(row.best(p, q))
        pairs = jnp.repeat(best, 4), jnp.tile(best, 4)
        values = row.loss.gen(*pairs, (), CONTEXT)
        weights = np.repeat(p, 4) * np.tile(q, 4)
        np.testing.assert_allclose(np.sum(weights * values), np.sum(row.value(p, q)), rtol=1e-9)


def test_maximum_likelihood_follows_half_the_gradient_of_kl(float64: None) -> None:
    p, _ = discrete()
    theta = jnp.asarray([0.3, -0.2, 0.5, 0.1])
    q = np.asarray(jax.nn.softmax(theta))
    best = jnp.asarray(log_ratio(p, q))  # held fixed while the generator moves
    found = jax.grad(lambda t: gen_loss(losses.maximum_likelihood(), best, jax.nn.softmax(t)))(
        theta
    )
    expected = jax.grad(lambda t: jnp.sum(p * (np.log(p) - jax.nn.log_softmax(t))) / 2)(theta)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_softmax_with_its_best_discriminator(float64: None) -> None:
    num, real_counts, fake_counts = 20, np.array([1, 9, 6, 4]), np.array([8, 2, 5, 5])
    p, q = real_counts / num, fake_counts / num

    def loss(v: jax.Array) -> jax.Array:
        real = jnp.repeat(v, real_counts, total_repeat_length=num)
        fake = jnp.repeat(v, fake_counts, total_repeat_length=num)
        return jnp.mean(losses.softmax().disc(real, fake, (), CONTEXT)[0])

    best = jnp.asarray(np.log(p / (p + q))) + 7.0  # any constant
    evaluate = jax.jit(jax.value_and_grad(loss))
    value, slope = evaluate(best)
    np.testing.assert_allclose(value, np.log(2 * num) - np.sum(kl(p, (p + q) / 2)), rtol=1e-12)
    np.testing.assert_allclose(slope, np.zeros(4), atol=1e-12)
    assert np.abs(evaluate(2 * best)[1]).max() > 1e-2


def test_multi_class_with_its_best_discriminator(float64: None) -> None:
    # Joint densities of data over 4 points and 3 classes, all labelled; marginal p.
    joint = np.random.default_rng(0).dirichlet(np.ones(12)).reshape(4, 3)
    p, q = joint.sum(axis=1), discrete()[1]

    def loss(scores: jax.Array) -> jax.Array:
        points, classes = jnp.repeat(jnp.arange(4), 3), jnp.tile(jnp.arange(3), 4)
        out = {"class_logits": scores[points], "label": classes.astype(jnp.int32)}
        low = {"class_logits": jnp.full((12, 3), -1e3), "label": out["label"]}
        high = {"class_logits": jnp.full((12, 3), 1e3), "label": out["label"] * 0 - 1}
        objective = losses.multi_class()
        real, _ = objective.disc(out, low, (), CONTEXT)  # no loss from such fakes
        fake, _ = objective.disc(high, out, (), CONTEXT)  # nor from such data
        return jnp.sum(joint.ravel() * real) + jnp.sum(np.repeat(q / 3, 3) * fake)

    best = jnp.asarray(np.log(joint / q[:, None]))
    value, slope = jax.jit(jax.value_and_grad(loss))(best)
    np.testing.assert_allclose(slope, np.zeros((4, 3)), atol=1e-9)
    entropy = -np.sum(joint * np.log(joint / p[:, None]))
    expected = np.log(4) - 2 * np.sum(jsd(p, q)) + entropy
    np.testing.assert_allclose(value, expected, rtol=1e-9)
