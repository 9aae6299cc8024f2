"""Discriminators of several outputs: scales, heads, an ensemble."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import Context, Loss, Network, losses, penalties
from jaxgan.core.penalty import Penalty, Term
from jaxgan.core.schedules import linear
from jaxgan.fields import gradient
from tests import helpers
from tests.contracts.test_losses import bce, best, log_sigmoid
from tests.losses.test_modifiers import pair

CONTEXT = Context(jax.random.key(3))


def both(loss: Loss, real: Any, fake: Any, context: Context = CONTEXT) -> tuple[Any, Any]:
    disc, _ = loss.disc(real, fake, loss.init(), context)
    return disc, loss.gen(real, fake, loss.init(), context)


BASES: dict[str, Loss] = {
    "hinge": losses.hinge(),
    "relativistic": losses.relativistic(),
    "relativistic_average": losses.relativistic_average(losses.hinge),
    "softmax": losses.softmax(),
    "top_k": losses.top_k(fraction=0.5),
    "flip_labels": losses.flip_labels(probability=0.3),
    "a sum": losses.hinge() + 0.5 * losses.minimax(),
}


@pytest.mark.parametrize("name", BASES)
@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: (x,), lambda x: {"logits": {"one": x}}])
def test_one_output_is_the_plain_loss_to_the_bit(name: str, wrap: Any) -> None:
    real, fake = map(jnp.asarray, pair())
    found = both(losses.over_outputs(BASES[name]), wrap(real), wrap(fake))
    for ours, plain in zip(found, both(BASES[name], real, fake), strict=True):
        np.testing.assert_array_equal(ours, plain)


def test_the_weighted_sum_in_numpy() -> None:
    (r, f), (s, g) = pair(), pair(seed=1)
    loss = losses.over_outputs(losses.non_saturating, weights={"a": 1.0, "b": 0.25})
    real, fake = ({"logits": {"a": x, "b": y}} for x, y in ((r, s), (f, g)))
    disc, gen = both(loss, *jax.tree.map(jnp.asarray, (real, fake)))
    np.testing.assert_allclose(disc, bce(r, f) + 0.25 * bce(s, g), rtol=1e-5)
    np.testing.assert_allclose(gen, -log_sigmoid(f) - 0.25 * log_sigmoid(g), rtol=1e-5)


def test_relativistic_pairs_and_top_k_ranks_within_an_output() -> None:
    (r, f), (s, g) = pair(), pair(seed=1)
    outs = [tuple(map(jnp.asarray, each)) for each in ((r, s), (f, g))]
    disc, _ = both(losses.over_outputs(losses.relativistic), *outs)
    np.testing.assert_allclose(disc, -log_sigmoid(r - f) - log_sigmoid(s - g), rtol=1e-5)
    _, gen = both(losses.over_outputs(losses.top_k, fraction=0.25), *outs)
    two = best(lambda r, f: -log_sigmoid(f), lambda num: 2)
    np.testing.assert_allclose(gen, two(r, f) + two(s, g), rtol=1e-5)


def test_patches_are_examples_and_an_example_is_their_mean() -> None:
    draw = np.random.default_rng(0)
    (r, f), (s, g) = pair(4), draw.normal(size=(2, 4, 3, 2)).astype(np.float32)
    outs = [tuple(map(jnp.asarray, each)) for each in ((r, s), (f, g))]
    disc, gen = both(losses.over_outputs(losses.hinge), *outs)

    def hinges(a: np.ndarray, b: np.ndarray) -> Any:
        return np.maximum(0, 1 - a) + np.maximum(0, 1 + b)

    np.testing.assert_allclose(disc, hinges(r, f) + hinges(s, g).mean(axis=(1, 2)), rtol=1e-5)
    np.testing.assert_allclose(gen, -f - g.mean(axis=(1, 2)), rtol=1e-5, atol=1e-6)
    # Of top-k, half of all patches, whosever they are.
    _, gen = both(losses.over_outputs(losses.top_k, fraction=0.5), outs[0][1:], outs[1][1:])
    values = np.sort(softplus(-g).ravel()[np.argsort(-g.ravel())[:12]])
    np.testing.assert_allclose(gen.mean(), values.mean(), rtol=1e-5)


def softplus(x: np.ndarray) -> Any:
    return -log_sigmoid(-x)


def test_every_output_has_its_own_state() -> None:
    loss = losses.over_outputs(losses.began, gamma=0.5, lambda_k=0.1, weights=(1.0, 2.0))
    real, fake = (jnp.full(4, -8.0), jnp.full(4, -4.0)), (jnp.full(4, -1.0), jnp.full(4, -1.5))
    _, state = loss.disc(real, fake, loss.init(), CONTEXT)
    np.testing.assert_allclose(state["0"]["k"], 0.1 * (0.5 * 8 - 1), rtol=1e-6)
    np.testing.assert_allclose(state["1"]["k"], 0.1 * (0.5 * 4 - 1.5), rtol=1e-6)
    values, _ = loss.disc(real, fake, state, CONTEXT)
    np.testing.assert_allclose(values, 8 - 0.3 * 1 + 2 * (4 - 0.05 * 1.5), rtol=1e-5)


def test_weights_may_be_schedules() -> None:
    real, fake = map(jnp.asarray, pair())
    loss = losses.over_outputs(losses.hinge, weights=(1.0, linear(0.0, 1.0, 10)))
    context = Context(jax.random.key(0), step=jnp.int32(5))
    found, plain = loss.gen((real, real), (fake, fake), (), context), losses.hinge()(real, fake)
    np.testing.assert_allclose(found, 1.5 * plain["gen"], rtol=1e-6)


X, Y = jnp.zeros(4), jnp.zeros((4, 2))
REFUSED: dict[str, tuple[Any, Any, Any]] = {
    "over_outputs: weights is .'a'.; it must be of .'0', '1'.": ({"a": 1.0}, (X, X), (X, X)),
    r"over_outputs: real logits have shapes \{'0': \(4,\)\}, fake ones": (None, (X,), (Y,)),
    r"over_outputs: real logits have shapes \{'0': \(\)\}": (None, (X[0],), (X[0],)),
    "over_outputs needs the discriminator's 'logits'; it returns a, label": (
        None,
        {"a": X, "label": X},
        {"a": X, "label": X},
    ),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_does_not_fit_is_refused(message: str) -> None:
    weights, real, fake = REFUSED[message]
    with pytest.raises(ValueError, match=message) as caught:
        losses.over_outputs(losses.hinge, weights=weights)(real, fake)
    assert len(str(caught.value).splitlines()) == 1


def test_what_cannot_be_known_is_asked_for() -> None:
    with pytest.raises(ValueError, match=r"over_outputs: began has a state, .* give weights"):
        losses.over_outputs(losses.began)
    with pytest.raises(ValueError, match=r"weights is \(1.0, -1.0\); it must be"):
        losses.over_outputs(losses.hinge, weights=(1.0, -1.0))


# A discriminator of two heads: one looks at a point, the other at its square, in patches.


def two_heads(only: str = "") -> Network:
    def init(key: Any) -> Any:
        keys = jax.random.split(key)
        heads = ("near", "far")
        return {name: jax.random.normal(k, (2, 3)) for name, k in zip(heads, keys, strict=True)}, {}

    def apply(w: Any, state: Any, x: Any, train: bool = True, key: Any = None) -> Any:
        near, far = jnp.sum(jnp.tanh(x @ w["near"]), axis=1), x**2 @ w["far"]
        found = {"near": near, "far": far}
        return {"logits": found[only] if only else found}, state

    return Network(init=init, apply=apply)


def two_headed(loss: Loss, only: str = "") -> jaxgan.Game:
    return jaxgan.gan(helpers.mlp_gen(), two_heads(only), latent=helpers.LATENT, loss=loss)


def trained(game: jaxgan.Game, num_steps: int = 3) -> tuple[Any, list[Mapping[str, Any]]]:
    algorithm = jaxgan.simultaneous(gradient(game), optimizers=helpers.sgds(0.01))
    state, history = helpers.run(algorithm, algorithm.init(jax.random.key(0)), num_steps)
    return state, history


def test_each_head_is_pulled_as_if_alone_and_the_generator_by_both() -> None:
    loss = losses.over_outputs(losses.relativistic, weights={"near": 1.0, "far": 0.5})

    def pull(game: jaxgan.Game) -> Any:
        params, net_state = game.init(jax.random.key(0))
        return gradient(game).apply(params, (), net_state, helpers.real_batch(), CONTEXT)[0]

    whole, near = pull(two_headed(loss)), pull(two_headed(losses.relativistic(), "near"))
    far = pull(two_headed(losses.over_outputs(losses.relativistic), "far"))
    np.testing.assert_allclose(whole["disc"]["near"], near["disc"]["near"], rtol=1e-5)
    np.testing.assert_allclose(whole["disc"]["far"], 0.5 * far["disc"]["far"], rtol=1e-5)
    both = jax.tree.map(lambda x, y: x + 0.5 * y, near["gen"], far["gen"])
    assert helpers.max_difference(whole["gen"], both) < 1e-5


def test_two_heads_are_trained() -> None:
    loss = losses.over_outputs(losses.relativistic) + 0.5 * losses.over_outputs(losses.hinge)
    game = jaxgan.games.with_signals(two_headed(loss))
    state, history = trained(game, 5)
    assert all(np.isfinite(float(x)) for metrics in history for x in metrics.values())
    start = game.init(jaxgan.core.state.stream(jax.random.key(0), "init"))[0]
    for head in ("near", "far"):
        assert np.abs(state.params["disc"][head] - start["disc"][head]).max() > 1e-3


def test_penalties_see_the_slope_of_the_sum() -> None:
    game = jaxgan.with_penalty(two_headed(losses.over_outputs(losses.hinge)), penalties.r1())
    params, net_state = game.init(jax.random.key(0))
    scene, _ = game.generate(params, net_state, helpers.real_batch(), CONTEXT)
    _, (_, metrics, _) = game.losses(params, net_state, scene, CONTEXT)
    own = params["disc"]
    a, b, x = (np.asarray(each) for each in (own["near"], own["far"], scene["real"]))
    slopes = (1 - np.tanh(x @ a) ** 2) @ a.T + 2 * x * b.sum(axis=1)
    np.testing.assert_allclose(metrics["disc"]["r1"], 0.5 * (slopes**2).sum(1).mean(), rtol=1e-5)


def test_what_needs_one_output_says_so() -> None:
    game = jaxgan.with_penalty(two_headed(losses.over_outputs(losses.hinge)), penalties.drift())
    with pytest.raises(ValueError, match=r"drift needs one array of logits; .* far, near"):
        trained(game, 1)
    with pytest.raises(ValueError, match="the loss needs one array of logits"):
        trained(two_headed(losses.hinge()), 1)


def test_balanced_and_adaptive_games_stand_on_it() -> None:
    near = Term(name="near", values=lambda view, state: (view.scene["fake"] ** 2, state))
    loss = losses.over_outputs(losses.top_k(losses.relativistic, fraction=0.5))
    game = jaxgan.balanced(two_headed(loss), Penalty((near,)), ratio=0.5)
    game = jaxgan.games.apa(game, target=0.6)
    _, (metrics,) = trained(game, 1)
    assert 0 < float(metrics["gen/near_weight"]) < 1e4
    assert np.isfinite(float(metrics["loss/gen"]))


def test_translation_takes_several_scales() -> None:
    def apply(w: Any, state: Any, x: Any, train: bool = True, key: Any = None) -> Any:
        coarse = x.reshape(x.shape[0], 2, 2, 2, 2, -1).mean(axis=(2, 4))
        return tuple(w * scale.sum(axis=-1) for scale in (x, coarse)), state

    scales = Network(init=lambda key: (jnp.ones(()), {}), apply=apply)
    pixel = Network(
        init=lambda key: (jnp.ones(()), {}),
        apply=lambda w, state, x, train=True, key=None: (w * x, state),
    )
    loss = losses.over_outputs(losses.hinge) + losses.over_outputs(losses.wasserstein)
    draw = np.random.default_rng(0).normal(size=(2, 3, 4, 4, 1)).astype(np.float32)
    batch = {"image": jnp.asarray(draw[0]), "source": jnp.asarray(draw[1])}
    shapes = dict.fromkeys(batch, (4, 4, 1))
    nets = dict.fromkeys(("forward", "backward"), pixel)
    discs = dict.fromkeys(batch, scales)
    for game in (
        jaxgan.games.pix2pix(pixel, scales, loss=loss),
        jaxgan.games.cyclegan(nets, discs, shapes=shapes, loss=loss, pool_size=0),
    ):
        params, net_state = game.init(jax.random.key(0))
        scene, _ = game.generate(params, net_state, batch, CONTEXT)
        values, (_, metrics, _) = jaxgan.games.with_signals(game).losses(
            params, net_state, scene, CONTEXT
        )
        terms = metrics["disc"]["hinge"] + metrics["disc"]["wasserstein"]
        np.testing.assert_allclose(values["disc"], terms, rtol=1e-5, atol=1e-6)
        assert np.isfinite(metrics["disc"]["loss_slope"])
