"""BEGAN's controller, and the classes and labels of the semi-supervised objective."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import Context, Network, losses
from jaxgan.fields import gradient
from tests import helpers

CONTEXT = Context(jax.random.key(0))


def test_the_controller_by_hand() -> None:
    gamma, rate = 0.4, 0.3
    loss = losses.began(gamma=gamma, lambda_k=rate)
    step = jax.jit(lambda real, fake, state: loss.disc(real, fake, state, CONTEXT))
    draw = np.random.default_rng(0)
    state, k, seen = loss.init(), 0.0, []
    for _ in range(12):
        real, fake = draw.uniform(0, 2, 5), draw.uniform(0, 1, 5)  # errors: minus the logits
        values, state = step(*(jnp.asarray(-x, jnp.float32) for x in (real, fake)), state)
        np.testing.assert_allclose(values, real - k * fake, rtol=1e-5, atol=1e-6)
        balance = gamma * real.mean() - fake.mean()
        k = min(max(k + rate * balance, 0.0), 1.0)
        np.testing.assert_allclose(state["k"], k, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(state["convergence"], real.mean() + abs(balance), rtol=1e-5)
        seen.append(k)
    assert min(seen) == 0.0 < max(seen)  # the clip at 0 and the way up were both taken


def test_k_stops_at_one_and_at_zero() -> None:
    loss = losses.began(gamma=1.0, lambda_k=0.5)
    large, none = jnp.full(3, -1e4), jnp.zeros(3)
    _, state = loss.disc(large, none, loss.init(), CONTEXT)
    assert float(state["k"]) == 1.0
    _, state = loss.disc(none, large, state, CONTEXT)
    assert float(state["k"]) == 0.0
    assert np.isfinite(state["convergence"])
    grads = jax.grad(
        lambda fake: loss.disc(large, fake, {**state, "k": 1.0 + 0 * state["k"]}, CONTEXT)[0].sum()
    )(large)
    np.testing.assert_array_equal(grads, np.ones(3))  # D raises the errors of fakes


def test_the_state_keeps_its_dtype_whatever_the_logits() -> None:
    loss = losses.began()
    for dtype in (jnp.bfloat16, jnp.float32):
        values, state = loss.disc(-jnp.ones(4, dtype), -jnp.ones(4, dtype), loss.init(), CONTEXT)
        assert values.dtype == dtype
        assert {x.dtype for x in state.values()} == {jnp.dtype(jnp.float32)}


def test_k_moves_in_the_discriminators_updates_and_is_logged() -> None:
    # An autoencoder's error: the discriminator's logit is minus that.
    disc = Network(
        init=lambda key: (jnp.full(helpers.DIM, 0.5), {}),
        apply=lambda w, state, x, train=True, key=None: (
            -jnp.sum((x - x * w[None]) ** 2, axis=1),
            state,
        ),
    )
    game = jaxgan.gan(
        helpers.mlp_gen(), disc, latent=helpers.LATENT, loss=losses.began(gamma=0.5, lambda_k=0.1)
    )
    assert game.couples_batch
    algorithm = jaxgan.alternating(gradient(game), optimizers=helpers.sgds(1e-3), n_critic=2)
    _, history = helpers.run(algorithm, algorithm.init(jax.random.key(0)), 3)
    k = [float(metrics["disc/k"]) for metrics in history]
    assert 0.0 < k[0] < k[1] < k[2] <= 1.0
    assert all(float(metrics["disc/convergence"]) > 0 for metrics in history)


# (n + 1) classes.


def outputs(label: Any, num_classes: int = 3, seed: int = 0) -> tuple[Any, Any]:
    scores = np.random.default_rng(seed).normal(size=(2, len(label), num_classes))
    real = {"class_logits": jnp.asarray(scores[0]), "label": jnp.asarray(label, jnp.int32)}
    return real, {"class_logits": jnp.asarray(scores[1])}


def test_it_is_the_cross_entropy_of_one_class_more(float64: None) -> None:
    label = [0, 2, 1, 1]
    real, fake = outputs(label)

    def log_softmax(out: Any) -> np.ndarray:
        scores = np.concatenate([np.asarray(out["class_logits"]), np.zeros((4, 1))], axis=1)
        return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))

    found, _ = losses.multi_class().disc(real, fake, (), CONTEXT)
    # log p(y) = log p(y | not generated) + log p(not generated)
    expected = -log_softmax(real)[np.arange(4), label] - log_softmax(fake)[:, -1]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    gen = losses.multi_class().gen(real, fake, (), CONTEXT)
    np.testing.assert_allclose(gen, -np.log(1 - np.exp(log_softmax(fake)[:, -1])), rtol=1e-12)


def test_unlabelled_examples_are_only_real() -> None:
    label = [1, -1, 0, -1]
    real, fake = outputs(label)
    mixed, _ = losses.multi_class().disc(real, fake, (), CONTEXT)
    bare, _ = losses.multi_class(label_weight=0.0).disc(real, fake, (), CONTEXT)
    whole, _ = losses.multi_class().disc(outputs([1, 1, 0, 0])[0], fake, (), CONTEXT)
    is_labelled = np.array(label) >= 0
    np.testing.assert_array_equal(np.asarray(mixed)[~is_labelled], np.asarray(bare)[~is_labelled])
    np.testing.assert_array_equal(np.asarray(mixed)[is_labelled], np.asarray(whole)[is_labelled])
    assert (np.asarray(mixed)[is_labelled] > np.asarray(bare)[is_labelled]).all()


def test_what_is_missing_or_of_another_shape_is_named() -> None:
    disc = losses.multi_class().disc
    real, fake = outputs([0, 1])
    bad = {
        "needs the discriminator's 'class_logits'": ({"label": real["label"]}, fake),
        "needs the discriminator's 'label'": ({"class_logits": real["class_logits"]}, fake),
        r"class_logits.shape is \(2,\)": ({**real, "class_logits": jnp.zeros(2)}, fake),
        r"labels.shape is \(2, 1\)": ({**real, "label": real["label"][:, None]}, fake),
    }
    for message, outs in bad.items():
        with pytest.raises(ValueError, match=f"multi_class.*{message}|multi_class: {message}"):
            disc(*outs, (), CONTEXT)


def test_a_semi_supervised_game_learns_its_classes() -> None:
    # Three points and their classes, half of them labelled; fakes are elsewhere.
    key = jax.random.key(0)
    centres = jnp.asarray([[2.0, 0.0], [-2.0, 1.0], [0.0, -2.0]])
    label = jnp.tile(jnp.arange(3, dtype=jnp.int32), 8)
    batch = {
        "image": centres[label] + 0.1 * jax.random.normal(key, (24, 2)),
        "label": jnp.where(jnp.arange(24) < 12, label, -1),
    }

    def apply(w: Any, state: Any, x: jax.Array, train: bool = True, key: Any = None) -> Any:
        features = jnp.tanh(x @ w["in"])
        scores = features @ w["out"]
        return {
            "logits": jax.nn.logsumexp(scores, axis=1),
            "features": features,
            "class_logits": scores,
        }, state

    def init(key: Any) -> Any:
        shapes = {"in": (2, 16), "out": (16, 3)}
        return {n: jax.random.normal(key, s) * 0.5 for n, s in shapes.items()}, {}

    gen = Network(
        init=lambda key: (jnp.zeros(2), {}),
        apply=lambda w, state, z, train=True, key=None: (0.3 * z + w[None], state),
    )
    loss = losses.feature_matching(losses.multi_class)
    game = jaxgan.gan(gen, Network(init=init, apply=apply), latent=2, loss=loss)
    algorithm = jaxgan.simultaneous(gradient(game), optimizers=helpers.sgds(0.2))
    step = jax.jit(algorithm.step)
    state = algorithm.init(key)
    for _ in range(150):
        state, metrics = step(state, batch)
    out, _ = apply(state.params["disc"], {}, batch["image"])
    found = np.argmax(out["class_logits"], axis=1)
    np.testing.assert_array_equal(found, label)  # those without a label too
    assert np.isfinite(list(map(float, metrics.values()))).all()
