"""A small network that is trained on an objective becomes its best discriminator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan import Context, Loss, losses, optimizers

CONTEXT = Context(jax.random.key(0))
GRID = np.linspace(-3.0, 3.0, 121)  # ± 3 standard deviations of the data
LOG_RATIO = np.log(1.1) - GRID**2 / 2 + (GRID - 0.5) ** 2 / (2 * 1.21)  # N(0, 1) to N(½, 1.1²)
RATIO = np.exp(LOG_RATIO)
# The best discriminator depends on the ratio of densities alone, so that of the points is ours:
# even weights, rather than hardly any in the tails.
REAL = jnp.asarray(RATIO / (1 + RATIO), jnp.float32)
FAKE = 1 - REAL


class Row(NamedTuple):
    loss: Loss
    best: np.ndarray
    head: Callable[[Any], Any] = lambda v: v  # of the network's output, what the loss is given
    scale: Callable[[Any], Any] = lambda v: v  # and what is compared


def energy(v: jax.Array) -> jax.Array:
    """Minus an energy, which is not negative."""
    return -jax.nn.softplus(v)


SIGN = np.sign(LOG_RATIO)
TABLE = {
    "non_saturating": Row(losses.non_saturating(), LOG_RATIO),
    "f_gan kl": Row(losses.f_gan("kl"), 1 + LOG_RATIO),
    "minimax smoothed": Row(
        losses.minimax(smoothing=0.1, fake_smoothing=0.2),
        np.log((0.9 * RATIO + 0.2) / (0.1 * RATIO + 0.8)),
    ),
    "maximum_likelihood": Row(losses.maximum_likelihood(), LOG_RATIO),
    "least_squares": Row(losses.least_squares(), RATIO / (1 + RATIO)),
    "least_squares pearson": Row(
        losses.least_squares(fake_label=-1.0, real_label=1.0, gen_label=0.0),
        (RATIO - 1) / (RATIO + 1),
    ),
    "f_gan reverse_kl": Row(losses.f_gan("reverse_kl"), LOG_RATIO),
    "f_gan pearson": Row(losses.f_gan("pearson"), 2 * (RATIO - 1)),
    "f_gan neyman": Row(losses.f_gan("neyman"), 2 * LOG_RATIO),
    "f_gan squared_hellinger": Row(losses.f_gan("squared_hellinger"), LOG_RATIO / 2),
    "f_gan jensen_shannon": Row(losses.f_gan(), LOG_RATIO),
    "f_gan gan": Row(losses.f_gan("gan"), LOG_RATIO),
    "f_gan total_variation": Row(
        losses.f_gan("total_variation"), SIGN / 2, scale=lambda v: jnp.tanh(v) / 2
    ),
    "f_gan alpha 1.5": Row(losses.f_gan("alpha", alpha=1.5), 2 * (np.sqrt(RATIO) - 1)),
    "f_gan alpha 0.5": Row(losses.f_gan("alpha", alpha=0.5), -np.log(np.expm1(2 / np.sqrt(RATIO)))),
    "hinge": Row(losses.hinge(), SIGN),
    "ebgan": Row(losses.ebgan(margin=1.0), (SIGN - 1) / 2, energy, energy),
}
FAST = ("non_saturating", "f_gan kl")
NAMES = [n if n in FAST else pytest.param(n, marks=pytest.mark.slow) for n in TABLE]


def network(params: Any, x: jax.Array) -> jax.Array:
    hidden = x[:, None]
    for weights, bias in params[:-1]:
        hidden = jnp.tanh(hidden @ weights + bias[None])
    weights, bias = params[-1]
    return (hidden @ weights + bias[None])[:, 0]


def initial(key: jax.Array, widths: tuple[int, ...] = (1, 32, 32, 1)) -> Any:
    keys = jax.random.split(key, len(widths))
    return [
        (jax.random.normal(k, (a, b)) * (2.0 / np.sqrt(a)), jax.random.normal(k, (b,)))
        for k, a, b in zip(keys[1:], widths[:-1], widths[1:], strict=True)
    ]


def train(objective: Callable[[jax.Array], jax.Array], num_steps: int) -> np.ndarray:
    x = jnp.asarray(GRID, jnp.float32)
    rate = optax.cosine_decay_schedule(1e-2, num_steps)
    optimizer = optimizers.adam(rate, b2=0.99)

    def step(carry: Any, _: None) -> tuple[Any, None]:
        params, state = carry
        grads = jax.grad(lambda w: objective(network(w, x)))(params)
        return optimizers.update(optimizer, grads, state, params), None

    @jax.jit
    def run(params: Any) -> jax.Array:
        start = (params, optimizers.init(optimizer, params))
        return network(jax.lax.scan(step, start, None, num_steps)[0][0], x)

    return run(initial(jax.random.key(1)))


@pytest.mark.parametrize("name", NAMES)
def test_training_finds_the_best_discriminator(name: str) -> None:
    row = TABLE[name]

    def objective(v: jax.Array) -> jax.Array:
        out = row.head(v)
        zero = jnp.zeros_like(out)  # a constant on the other side: the loss is a sum of two
        real, _ = row.loss.disc(out, zero, row.loss.init(), CONTEXT)
        fake, _ = row.loss.disc(zero, out, row.loss.init(), CONTEXT)
        return jnp.mean(REAL * real + FAKE * fake)

    found = row.scale(train(objective, 500 if name in FAST else 3000))
    assert np.abs(found - row.best).mean() < 0.05
    assert np.ptp(row.best) > 0.3, "and there was something to find"


@pytest.mark.slow
def test_training_finds_the_best_of_softmax() -> None:
    # Its sum over the batch takes no weights: data and samples are as frequent as they should be.
    levels = (np.arange(200) + 0.5) / 200
    points = {
        name: jnp.asarray(np.searchsorted(np.cumsum(w) / np.sum(w), levels), jnp.int32)
        for name, w in (("real", np.asarray(REAL)), ("fake", np.asarray(FAKE)))
    }

    def objective(v: jax.Array) -> jax.Array:
        values, _ = losses.softmax().disc(v[points["real"]], v[points["fake"]], (), CONTEXT)
        return jnp.mean(values)

    found = train(objective, 400)
    # Logits count up to a constant; p / (p + q) with each side's weights of sum 1.
    best = np.log(REAL / REAL.sum() / (REAL / REAL.sum() + FAKE / FAKE.sum()))
    assert np.abs((found - found.mean()) - (best - best.mean())).mean() < 0.05


@pytest.mark.slow
def test_training_finds_the_best_of_multi_class() -> None:
    # Two classes, the first of probability σ(2x); the other's score is where it should be.
    first = jax.nn.sigmoid(2 * jnp.asarray(GRID, jnp.float32))
    label = jnp.zeros(GRID.size, jnp.int32)
    objective, num = losses.multi_class(), GRID.size
    low = {"class_logits": jnp.full((num, 2), -1e3)}
    high = {"class_logits": jnp.full((num, 2), 1e3), "label": label - 1}

    def loss(v: jax.Array) -> jax.Array:
        scores = jnp.stack([v, jnp.asarray(LOG_RATIO, jnp.float32) + jnp.log(1 - first)], axis=1)
        out = {"class_logits": scores}
        as_first, _ = objective.disc({**out, "label": label}, low, (), CONTEXT)
        as_second, _ = objective.disc({**out, "label": label + 1}, low, (), CONTEXT)
        fake, _ = objective.disc(high, out, (), CONTEXT)
        return jnp.mean(REAL * (first * as_first + (1 - first) * as_second) + FAKE * fake)

    best = LOG_RATIO + np.log(np.asarray(first))
    assert np.abs(train(loss, 3000) - best).mean() < 0.05
