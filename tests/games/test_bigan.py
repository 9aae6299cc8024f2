"""BiGAN on a few points, where everything is known; InfoGAN as the sum of its parts."""

from __future__ import annotations

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import Context, Game, Network, losses
from jaxgan.games import bigan, infogan, infogan_codes
from jaxgan.models import MLPDiscriminator, MLPJointDiscriminator
from jaxgan.models.adapters import from_linen
from jaxgan.penalties import r1, wgan_gp
from tests import helpers

KEY = jax.random.key(0)
NUM_X, NUM_Z, BATCH = 3, 4, 8


def table_game(loss: Any) -> Game:
    """D is a table of logits; E and G look up what each example brings along.

    An image is (one-hot x, one-hot z), of which D sees x and E answers z; likewise a latent: so a
    batch can enumerate p(x) q(z|x) and p(z) p(x|z), whatever they are, with equal weights.
    """

    def nothing(key: Any) -> Any:
        return {}, {}

    def encoder(w: Any, state: Any, image: Any, train: bool = True, key: Any = None) -> Any:
        return jnp.concatenate([image[:, NUM_X:], 0.0 * image[:, :NUM_X]], axis=1), state

    def gen(w: Any, state: Any, latent: Any, train: bool = True, key: Any = None) -> Any:
        return jnp.concatenate([latent[:, NUM_Z:], 0.0 * latent[:, :NUM_Z]], axis=1), state

    def disc_init(key: Any) -> Any:
        return jnp.zeros((NUM_X, NUM_Z)), {}

    def disc(w: Any, state: Any, image: Any, code: Any, train: bool = True, key: Any = None) -> Any:
        return jnp.einsum("bi,ij,bj->b", image[:, :NUM_X], w, code[:, :NUM_Z]), state

    networks = (
        Network(init=nothing, apply=gen),
        Network(init=nothing, apply=encoder),
        Network(init=disc_init, apply=disc),
    )
    return bigan(*networks, latent=NUM_X + NUM_Z, loss=loss)


def hot(indices: Any, num: int) -> np.ndarray:
    return np.eye(num, dtype=jnp.result_type(float))[np.asarray(indices)]


def pairs(xs: Any, codes: Any, zs: Any, samples: Any) -> dict[str, np.ndarray]:
    """The batch whose real pairs are (x, code) and whose generated ones are (sample, z)."""
    image = np.concatenate([hot(xs, NUM_X), hot(codes, NUM_Z)], axis=1)
    latent = np.concatenate([hot(zs, NUM_Z), hot(samples, NUM_X)], axis=1)
    return {"image": image, "latent": latent}


def joint(xs: Any, zs: Any) -> np.ndarray:
    found = np.zeros((NUM_X, NUM_Z))
    np.add.at(found, (np.asarray(xs), np.asarray(zs)), 1.0 / len(np.asarray(xs)))
    return found


def jensen_shannon(p: np.ndarray, q: np.ndarray) -> float:
    middle = 0.5 * (p + q)
    with np.errstate(divide="ignore", invalid="ignore"):
        kls = [np.where(r > 0, r * np.log(r / middle), 0.0).sum() for r in (p, q)]
    return 0.5 * float(sum(kls))


def play(game: Game, logits: Any, batch: Any) -> Any:
    context = Context(KEY)
    params, net_state = game.init(KEY)
    params = {**params, "disc": logits}
    scene, net_state = game.generate(params, net_state, batch, context)
    return game.losses(params, net_state, scene, context)


REAL = (0, 0, 0, 1, 1, 2, 2, 2), (0, 1, 0, 1, 2, 3, 3, 0)  # p(x) q(z|x), in eighths
FAKE = (0, 0, 1, 1, 1, 2, 2, 0), (0, 1, 1, 2, 2, 3, 0, 0)  # p(z) p(x|z)


def test_the_best_discriminator_is_that_of_the_theorem(float64: None) -> None:
    p, q = joint(*REAL), joint(*FAKE)
    assert ((p > 0) == (q > 0)).all()
    with np.errstate(divide="ignore", invalid="ignore"):
        best = np.nan_to_num(np.log(p) - np.log(q))  # D* = p / (p + q)
    batch = pairs(*REAL, FAKE[1], FAKE[0])
    game = table_game(losses.minimax())
    value, (_, metrics, _) = play(game, jnp.asarray(best), batch)
    expected = 2.0 * jensen_shannon(p, q) - np.log(4.0)
    np.testing.assert_allclose(-value["disc"], expected, rtol=1e-12)
    assert game.is_zero_sum
    np.testing.assert_allclose(value["gen"], expected, rtol=1e-12)
    slope = jax.grad(lambda w: play(game, w, batch)[0]["disc"])(jnp.asarray(best))
    np.testing.assert_allclose(slope, 0.0, atol=1e-12)
    worse = play(game, jnp.asarray(best) + 0.1 * jnp.eye(NUM_X, NUM_Z), batch)[0]["disc"]
    assert worse > value["disc"] + 1e-5
    assert metrics["gen"]["reconstruction"] > 0.0


def test_the_encoder_inverts_the_generator_at_the_optimum_and_nowhere_else(float64: None) -> None:
    # All deterministic E and G between three points x and as many z, both uniform.
    maps = np.array(list(itertools.product(range(3), repeat=3)))
    both = [(e, g) for e in maps for g in maps]
    points = np.arange(3)
    batches = [pairs(points, e, points, g) for e, g in both]
    densities = [(joint(points, e), joint(g, points)) for e, g in both]
    tables = [np.clip(np.log(p + 1e-30) - np.log(q + 1e-30), -60, 60) for p, q in densities]
    game = table_game(losses.minimax())
    stacked = jax.tree.map(lambda *x: np.stack(x), *batches)
    values = jax.vmap(lambda w, b: play(game, w, b)[0]["gen"])(np.stack(tables), stacked)
    expected = [2.0 * jensen_shannon(p, q) - np.log(4.0) for p, q in densities]
    np.testing.assert_allclose(values, expected, atol=1e-9)
    is_best = np.asarray(values) < -np.log(4.0) + 1e-9
    inverts = np.array([(g[e] == points).all() and (e[g] == points).all() for e, g in both])
    np.testing.assert_array_equal(is_best, inverts)
    assert inverts.sum() == 6


@pytest.mark.parametrize("name", ["non_saturating", "hinge", "wasserstein", "relativistic"])
def test_generator_and_encoder_minimise_the_objective_with_exchanged_roles(name: str) -> None:
    batch = pairs(*REAL, FAKE[1], FAKE[0])
    table = np.random.default_rng(0).normal(size=(NUM_X, NUM_Z))
    real, fake = table[REAL], table[FAKE]

    def softplus(x: np.ndarray) -> np.ndarray:
        return np.log1p(np.exp(x))

    expected = {
        # Donahue et al.: labels exchanged; Donahue & Simonyan (BigBiGAN): linear in the logits.
        "non_saturating": softplus(-fake) + softplus(real),
        "hinge": real - fake,
        "wasserstein": real - fake,
        "relativistic": 2.0 * softplus(real - fake),
    }[name]
    value, _ = play(table_game(getattr(losses, name)()), jnp.asarray(table, jnp.float32), batch)
    np.testing.assert_allclose(value["gen"], expected.mean(), rtol=1e-5)


def network(num_in: int, num_out: int) -> Network:
    module = helpers.Mlp((6, num_out), batch_norm=True)
    return from_linen(module, jax.ShapeDtypeStruct((2, num_in), jnp.float32))


def small(**options: Any) -> Game:
    disc = from_linen(
        MLPJointDiscriminator((4,), (4,), (4,)), jnp.zeros((1, helpers.DIM)), jnp.zeros((1, 3))
    )
    return bigan(network(3, helpers.DIM), network(helpers.DIM, 3), disc, latent=3, **options)


def test_a_scene_has_pairs_and_the_way_back() -> None:
    game, batch = small(), {**helpers.real_batch(), "label": jnp.arange(helpers.BATCH)}
    params, net_state = game.init(KEY)
    context = Context(KEY, train=False)
    scene, kept = game.generate(params, net_state, batch, context)
    helpers.assert_same_bits(kept, net_state)
    np.testing.assert_array_equal(scene["real"]["image"], batch["image"])
    np.testing.assert_array_equal(scene["real"]["latent"], scene["code"])
    np.testing.assert_array_equal(scene["label"], batch["label"])
    # What is decoded of the codes is what is generated of them as latents; no image is needed.
    again, _ = game.generate(params, net_state, {"latent": scene["code"]}, context)
    np.testing.assert_allclose(again["fake"]["image"], scene["reconstruction"], rtol=1e-6)
    assert again["real"] is None
    _, moved = game.generate(params, net_state, batch, Context(KEY))
    assert game.couples_batch
    for part in ("generator", "encoder"):
        assert helpers.max_difference(moved["gen"][part], net_state["gen"][part]) > 1e-3


def test_gradient_penalties_see_both_parts_of_a_pair() -> None:
    batch = pairs(*REAL, FAKE[1], FAKE[0])
    table = np.random.default_rng(1).normal(size=(NUM_X, NUM_Z)).astype(np.float32)
    game = jaxgan.with_penalty(table_game(losses.hinge()), r1(weight=1.0))
    _, (_, metrics, _) = play(game, jnp.asarray(table), batch)
    xs, zs = (np.asarray(part) for part in REAL)
    slopes = (table[:, zs] ** 2).sum(axis=0) + (table[xs] ** 2).sum(axis=1)
    np.testing.assert_allclose(metrics["disc"]["r1"], 0.5 * slopes.mean(), rtol=1e-5)
    between = jaxgan.with_penalty(table_game(losses.wasserstein()), wgan_gp())
    assert np.isfinite(play(between, jnp.asarray(table), batch)[0]["disc"])


def test_what_does_not_fit_is_refused() -> None:
    disc = from_linen(MLPJointDiscriminator((), (), (4,)), jnp.zeros((1, 2)), jnp.zeros((1, 3)))
    cases = (
        (network(3, 5), network(helpers.DIM, 3), r"images have shape \(5,\); the data's have \(2,"),
        (network(3, 2), network(helpers.DIM, 4), r"codes have shape \(4,\); the latents have \(3,"),
    )
    for gen, encoder, match in cases:
        game = bigan(gen, encoder, disc, latent=3)
        params, net_state = game.init(KEY)
        with pytest.raises(ValueError, match=match):
            game.generate(params, net_state, helpers.real_batch(), Context(KEY))
    with pytest.raises(ValueError, match="latent is 0; it must be an integer"):
        bigan(network(3, 2), network(2, 3), disc, latent=0)


def test_infogan_is_a_gan_with_codes_and_a_term() -> None:
    codes: Any = {"noise_dim": 2, "categorical": (3, 2), "num_continuous": 1}
    gen = from_linen(helpers.Mlp((6, helpers.DIM)), jax.ShapeDtypeStruct((2, 8), jnp.float32))
    module = MLPDiscriminator((6,), head="codes", num_categories=5, num_continuous=1)
    disc = from_linen(module, jnp.zeros((1, helpers.DIM)))
    game = infogan(gen, disc, loss=losses.hinge(), weight=0.5, **codes)
    latent = jaxgan.auxiliary.infogan_latent(**codes)
    term = jaxgan.auxiliary.mutual_information(**codes, weight=0.5, continuous_weight=0.1)
    other = jaxgan.with_penalty(jaxgan.gan(gen, disc, latent=latent, loss=losses.hinge()), term)
    context, found = Context(KEY), []
    for one in (game, other):
        params, net_state = one.init(KEY)
        scene, net_state = one.generate(params, net_state, helpers.real_batch(), context)
        found.append((one.losses(params, net_state, scene, context)[0], scene["latent"]))
    helpers.assert_same_bits(*found)
    layout = infogan_codes(**codes)
    kinds = ["categorical", "categorical", "continuous"]
    assert [code.kind for code in layout] == kinds
    for code in layout:
        part = np.asarray(found[0][1])[:, code.start : code.start + code.size]
        if code.kind == "categorical":
            np.testing.assert_array_equal(part.sum(axis=1), 1.0)
            assert set(np.unique(part)) <= {0.0, 1.0}
        else:
            assert ((part >= -1.0) & (part <= 1.0)).all()
    last = layout[-1]
    assert last.start + last.size == found[0][1].shape[1]
