"""Objectives made of others: who is compared with whom, whose loss changes, and whose does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import Context, losses
from jaxgan.core.schedules import linear
from tests.contracts.test_losses import log_sigmoid

CONTEXT = Context(jax.random.key(3))


def pair(num: int = 8, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    real, fake = (draw.normal(scale=2.0, size=num).astype(np.float32) for _ in range(2))
    return real, fake


def means(loss: losses.Loss, real: Any, fake: Any) -> tuple[float, float]:
    real, fake = jnp.asarray(real), jnp.asarray(fake)
    disc, _ = loss.disc(real, fake, loss.init(), CONTEXT)
    return float(disc.mean()), float(loss.gen(real, fake, loss.init(), CONTEXT).mean())


# Relativistic average: the formulas of the paper as it prints them, with the means written out.


def test_rasgan() -> None:
    real, fake = pair()
    a, b = real - np.mean(fake), fake - np.mean(real)
    disc = -np.mean(log_sigmoid(a)) - np.mean(np.log(1 - 1 / (1 + np.exp(-b))))
    gen = -np.mean(log_sigmoid(b)) - np.mean(np.log(1 - 1 / (1 + np.exp(-a))))
    np.testing.assert_allclose(means(losses.relativistic_average(), real, fake), (disc, gen), 1e-5)


def test_ralsgan_is_twice_ours() -> None:
    real, fake = pair()
    disc = np.mean((real - fake.mean() - 1) ** 2) + np.mean((fake - real.mean() + 1) ** 2)
    gen = np.mean((fake - real.mean() - 1) ** 2) + np.mean((real - fake.mean() + 1) ** 2)
    loss = losses.relativistic_average(losses.least_squares(fake_label=-1.0, real_label=1.0))
    np.testing.assert_allclose(means(loss, real, fake), (disc / 2, gen / 2), 1e-5)


def test_rahinge() -> None:
    real, fake = pair()
    a, b = real - fake.mean(), fake - real.mean()
    disc = np.mean(np.maximum(0, 1 - a)) + np.mean(np.maximum(0, 1 + b))
    gen = np.mean(np.maximum(0, 1 + a)) + np.mean(np.maximum(0, 1 - b))
    loss = losses.relativistic_average(losses.hinge)
    np.testing.assert_allclose(means(loss, real, fake), (disc, gen), 1e-5)


@pytest.mark.parametrize("over", [losses.relativistic, losses.relativistic_average])
def test_only_gaps_count_where_it_is_relativistic(over: Any) -> None:
    real, fake = pair()
    found = means(over(losses.hinge), real + 5, fake + 5)
    np.testing.assert_allclose(found, means(over(losses.hinge), real, fake), rtol=1e-5)


# Flipped labels.


def flips(loss: losses.Loss, context: Context, num: int) -> np.ndarray:
    """Under a Wasserstein base a pair that is swapped changes its sign."""
    values, _ = loss.disc(jnp.ones(num), jnp.zeros(num), (), context)
    assert set(np.unique(values)) <= {-1.0, 1.0}
    return np.asarray(values) > 0


def test_pairs_are_flipped_as_often_as_asked() -> None:
    loss = losses.flip_labels(losses.wasserstein(), probability=0.2)
    first = flips(loss, CONTEXT, 5000)
    np.testing.assert_allclose(first.mean(), 0.2, atol=0.02)
    again = flips(loss, Context(jax.random.key(4)), 5000)
    np.testing.assert_allclose((first & again).mean(), 0.04, atol=0.01)  # redrawn
    np.testing.assert_array_equal(first, flips(loss, CONTEXT, 5000))  # but by the key alone
    assert not flips(losses.flip_labels(losses.wasserstein(), probability=0.0), CONTEXT, 99).any()


def test_without_a_key_the_flips_are_those_of_key_0() -> None:
    loss, (real, fake) = losses.flip_labels(losses.wasserstein(), probability=0.5), pair(64)
    first, other = (loss(real, fake, key=jax.random.key(seed))["disc"] for seed in (0, 1))
    np.testing.assert_array_equal(loss(real, fake)["disc"], first)
    assert np.any(first != other)


def test_parts_of_a_batch_flip_what_the_whole_flips() -> None:
    loss = losses.flip_labels(losses.wasserstein(), probability=0.4)
    whole = flips(loss, CONTEXT, 12)
    parts = [
        flips(loss, replace(CONTEXT, part=jnp.int32(part), num_parts=3), 4) for part in range(3)
    ]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert 0 < whole.sum() < 12


def test_the_probability_may_be_a_schedule() -> None:
    loss = losses.flip_labels(losses.wasserstein, probability=linear(0.0, 0.5, 10))
    for step, share in ((0, 0.0), (5, 0.25), (50, 0.5)):
        context = replace(CONTEXT, step=jnp.int32(step))
        np.testing.assert_allclose(flips(loss, context, 4000).mean(), share, atol=0.03)


def test_flipping_is_smoothing_on_both_sides_in_the_mean() -> None:
    real, fake = (jnp.full(20_000, x) for x in (1.5, -0.5))
    noisy, _ = losses.flip_labels(probability=0.3).disc(real, fake, (), CONTEXT)
    smooth, _ = losses.non_saturating(smoothing=0.3, fake_smoothing=0.3).disc(
        real, fake, (), CONTEXT
    )
    np.testing.assert_allclose(noisy.mean(), smooth[0], atol=0.02)
    gen = losses.flip_labels(probability=0.3).gen(real, fake, (), CONTEXT)
    np.testing.assert_array_equal(gen, losses.non_saturating().gen(real, fake, (), CONTEXT))


def test_features_stay_where_they_are_when_labels_flip() -> None:
    def heads(logits: jax.Array, classes: float) -> Any:
        label = jnp.zeros(logits.shape[0], jnp.int32)
        scores = jnp.stack([logits * 0 + classes, logits * 0], axis=1)
        return {"logits": logits, "class_logits": scores, "label": label}

    real, fake = heads(jnp.ones(6), 3.0), heads(jnp.zeros(6), -3.0)
    flipped, _ = losses.flip_labels(losses.multi_class, probability=0.9).disc(
        real, fake, (), CONTEXT
    )
    plain, _ = losses.multi_class().disc(real, fake, (), CONTEXT)
    np.testing.assert_array_equal(flipped, plain)


# The best k.


def test_the_worst_fakes_have_no_gradient() -> None:
    fake = jnp.asarray([3.0, -1.0, 2.0, -5.0, 0.5])

    def loss(fake: jax.Array, fraction: float) -> jax.Array:
        top = losses.top_k(fraction=fraction)
        return jnp.mean(top.gen(jnp.zeros(5), fake, (), CONTEXT))

    grads = jax.grad(loss)(fake, 0.4)
    expected = np.where(np.asarray(fake) >= 2.0, -1 / (1 + np.exp(np.asarray(fake))) / 2, 0.0)
    np.testing.assert_allclose(grads, expected, rtol=1e-5)
    np.testing.assert_allclose(loss(fake, 0.4), np.mean(-log_sigmoid(np.array([3.0, 2.0]))), 1e-5)
    whole = jax.grad(loss)(fake, 1.0)
    np.testing.assert_allclose(whole, -1 / (1 + np.exp(np.asarray(fake))) / 5, rtol=1e-5)


def test_the_fraction_may_be_a_schedule_in_one_program() -> None:
    loss = losses.top_k(losses.wasserstein, fraction=linear(1.0, 0.25, 10))
    traces: list[int] = []

    @jax.jit
    def gen(fake: Any, context: Context) -> Any:
        traces.append(1)
        return loss.gen(jnp.zeros(8), fake, (), context)

    fake = jnp.arange(8.0) + 1.0
    for step, k in ((0, 8), (10, 2), (99, 2), (5, 5)):
        values = gen(fake, replace(CONTEXT, step=jnp.int32(step)))
        assert int((np.asarray(values) != 0).sum()) == k
        np.testing.assert_allclose(values.mean(), -np.mean(np.arange(9.0)[-k:]), rtol=1e-6)
    assert len(traces) == 1


def test_ties_are_broken_so_that_k_remain() -> None:
    values = losses.top_k(losses.hinge, fraction=0.5).gen(jnp.zeros(4), jnp.ones(4), (), CONTEXT)
    assert sorted(np.asarray(values).tolist()) == [-2.0, -2.0, 0.0, 0.0]


def test_top_k_needs_a_value_per_example() -> None:
    out = {"logits": jnp.zeros(4), "features": jnp.ones((4, 2))}
    with pytest.raises(ValueError, match=r"top_k: the base gives values of shape \(\)"):
        losses.top_k(losses.feature_matching, fraction=0.5).gen(out, out, (), CONTEXT)


# Feature matching.


def test_features_of_any_shape_match_in_the_mean() -> None:
    draw = np.random.default_rng(0)
    real, fake = (draw.normal(size=(6, 3, 2)).astype(np.float32) for _ in range(2))
    outs = [{"logits": jnp.zeros(6), "features": jnp.asarray(x)} for x in (real, fake)]
    found = losses.feature_matching().gen(outs[0], outs[1], (), CONTEXT)
    np.testing.assert_allclose(found, np.sum((real.mean(0) - fake.mean(0)) ** 2), rtol=1e-5)


def test_features_that_do_not_fit_are_refused() -> None:
    gen = losses.feature_matching().gen
    with pytest.raises(ValueError, match="feature_matching needs the discriminator's 'features'"):
        gen(jnp.zeros(4), jnp.zeros(4), (), CONTEXT)
    for real, fake in (((4, 3), (4, 2)), ((4,), (4,))):
        outs = [{"features": jnp.zeros(shape)} for shape in (real, fake)]
        with pytest.raises(ValueError, match="they must be"):
            gen(outs[0], outs[1], (), CONTEXT)


def test_they_nest() -> None:
    loss = losses.top_k(
        losses.flip_labels(losses.relativistic(losses.hinge), probability=0.0), fraction=1.0
    )
    real, fake = pair()
    found, expected = means(loss, real, fake), means(losses.relativistic(losses.hinge), real, fake)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
