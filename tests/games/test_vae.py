"""The bound of a VAE, the three losses of a VAE-GAN, the terms of an autoencoder: closed forms."""

from __future__ import annotations

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxgan import Context, Game, Network, augmented, losses
from jaxgan.games import (
    autoencoder,
    bernoulli_likelihood,
    gaussian_kl,
    gaussian_likelihood,
    sparsity_kl,
    vae,
    vae_gan,
)
from jaxgan.models.adapters import from_linen
from tests import helpers

KEY = jax.random.key(0)


def linear(weight: Any, bias: Any, log_var: Any = None) -> Network:
    """x -> x W + b, or a normal distribution around it."""
    weight, bias = jnp.asarray(weight), jnp.asarray(bias)

    def init(key: Any) -> Any:
        params = {"weight": weight, "bias": bias}
        return params if log_var is None else {**params, "log_var": jnp.asarray(log_var)}, {}

    def apply(w: Any, state: Any, x: Any, train: bool = True, key: Any = None) -> Any:
        mean = x @ w["weight"] + w["bias"][None]
        if "log_var" not in w:
            return mean, state
        return {"mean": mean, "log_var": jnp.broadcast_to(w["log_var"], mean.shape)}, state

    return Network(init=init, apply=apply)


def corners(dim: int) -> np.ndarray:
    """Points whose mean over any polynomial of degree 3 is that under N(0, I)."""
    return np.array(list(itertools.product((-1.0, 1.0), repeat=dim)))


def play(game: Game, batch: Any, params: Any = None, **options: Any) -> Any:
    context = Context(KEY, **options)
    start, net_state = game.init(KEY)
    params = start if params is None else params
    scene, net_state = game.generate(params, net_state, batch, context)
    return game.losses(params, net_state, scene, context)


# p(x|z) = N(A z + b, σ² I), p(z) = N(0, I), so log p(x) and the posterior are known.
A = np.array([[0.7, -0.4, 1.1], [0.3, 0.9, -0.2]])  # [z, x]
B, STD, X = np.array([0.2, -0.1, 0.4]), 0.6, np.array([0.5, -1.2, 0.8])
LOG_EVIDENCE = stats.multivariate_normal(B, A.T @ A + STD**2 * np.eye(3)).logpdf(X)
POSTERIOR = np.linalg.inv(np.eye(2) + A @ A.T / STD**2)


def bound(game: Game) -> float:
    """The bound at X, its expectation over ε taken without error."""
    noise = corners(2)
    batch = {"image": jnp.asarray(np.tile(X, (len(noise), 1))), "noise": jnp.asarray(noise)}
    return -float(play(game, batch)[0]["gen"])


def linear_vae(gain: float = 1.0, to_float32: float = 0.0, **options: Any) -> Game:
    """The encoder is the true posterior's best diagonal form at gain 1 and to_float32 0."""
    weight = gain * A.T @ POSTERIOR.T / STD**2
    log_var = -np.log(np.diag(np.linalg.inv(POSTERIOR))) + to_float32
    encoder = linear(weight, -gain * B @ (A.T @ POSTERIOR.T) / STD**2, log_var)
    decoder = linear(A, B)
    return vae(encoder, decoder, latent_dim=2, likelihood=gaussian_likelihood(std=STD), **options)


def test_the_elbo_is_the_evidence_less_the_divergence_from_the_posterior(float64: None) -> None:
    posterior_mean = POSTERIOR @ A @ (X - B) / STD**2
    for gain, to_float32 in ((1.0, 0.0), (0.7, 0.3), (1.2, -0.5)):
        variance = np.exp(to_float32) / np.diag(np.linalg.inv(POSTERIOR))
        gap = gain * posterior_mean - posterior_mean
        precision = np.linalg.inv(POSTERIOR)
        divergence = 0.5 * (
            np.sum(np.diag(precision) * variance)
            + gap @ precision @ gap
            - 2
            + np.log(np.linalg.det(POSTERIOR) / np.prod(variance))
        )
        found = bound(linear_vae(gain, to_float32))
        np.testing.assert_allclose(found, LOG_EVIDENCE - divergence, rtol=1e-10)
        assert found < LOG_EVIDENCE


def test_the_elbo_is_the_evidence_where_q_is_the_posterior(float64: None) -> None:
    # In one dimension every normal posterior is in the family; log p(x) by numerical integration.
    weight, shift, std, x = 1.3, 0.2, 0.5, 0.9
    grid = np.linspace(-12.0, 12.0, 20_001)
    integrand = stats.norm(weight * grid + shift, std).pdf(x) * stats.norm.pdf(grid)
    evidence = np.log(np.trapezoid(integrand, grid))
    variance = 1.0 / (1.0 + weight**2 / std**2)
    slope = variance * weight / std**2
    encoder = linear([[slope]], [-slope * shift], np.log(variance))
    decoder = linear([[weight]], [shift])
    batch = {"image": jnp.full((2, 1), x), "noise": jnp.asarray([[-1.0], [1.0]])}
    for learn in (False, True):
        told = gaussian_likelihood(std=std, learn_std=learn)
        game = vae(encoder, decoder, latent_dim=1, likelihood=told)
        rtol = 1e-6 if learn else 1e-10  # a learnt deviation is float32
        np.testing.assert_allclose(-play(game, batch)[0]["gen"], evidence, rtol=rtol)
    # A stationary point in every parameter of the encoder, for q is the best there is.
    game = vae(encoder, decoder, latent_dim=1, likelihood=gaussian_likelihood(std=std))
    params, _ = game.init(KEY)
    slopes = jax.grad(lambda p: play(game, batch, p)[0]["gen"])(params)["gen"]["encoder"]
    assert max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(slopes)) < 1e-10


def test_beta_weighs_the_divergence(float64: None) -> None:
    _, (_, metrics, _) = play(linear_vae(), {"image": jnp.asarray(X)[None]})
    for beta in (0.0, 4.0, lambda step: jnp.where(step < 0, 0.0, 4.0)):
        value, _ = play(linear_vae(beta=beta), {"image": jnp.asarray(X)[None]})
        weight = beta if isinstance(beta, float) else 4.0
        expected = metrics["gen"]["nll"] + weight * metrics["gen"]["kl"]
        np.testing.assert_allclose(value["gen"], expected, rtol=1e-6)


def test_divergences_and_likelihoods_are_those_of_scipy(float64: None) -> None:
    generator = np.random.default_rng(0)
    mean, log_var = generator.normal(size=(2, 5, 3))
    # KL by its entropy and cross-entropy, each from SciPy.
    entropy = stats.norm(mean, np.exp(0.5 * log_var)).entropy()
    cross = 0.5 * (mean**2 + np.exp(log_var)) + 0.5 * np.log(2 * np.pi)
    expected = (cross - entropy).sum(axis=1)
    np.testing.assert_allclose(gaussian_kl(jnp.asarray(mean), jnp.asarray(log_var)), expected)
    x, m = np.tanh(generator.normal(size=(2, 4, 2, 2, 1)))
    told = gaussian_likelihood(std=0.3).nll({}, jnp.asarray(x), jnp.asarray(m))
    np.testing.assert_allclose(told, -stats.norm(m, 0.3).logpdf(x).sum(axis=(1, 2, 3)))
    ink = np.where(x > 0, 1.0, -1.0)
    told = bernoulli_likelihood().nll({}, jnp.asarray(ink), jnp.asarray(m))
    chances = stats.bernoulli((1 + m) / 2).logpmf((ink > 0).astype(int))
    np.testing.assert_allclose(told, -chances.sum(axis=(1, 2, 3)), rtol=1e-4)
    wrong = bernoulli_likelihood().nll({}, jnp.ones((1, 1)), -jnp.ones((1, 1)))
    np.testing.assert_allclose(wrong, -np.log(1e-6))


def batch_normed(num_in: int, *widths: int) -> Network:
    return from_linen(
        helpers.Mlp((6, *widths), batch_norm=True), jax.ShapeDtypeStruct((2, num_in), jnp.float32)
    )


def gaussian(num: int) -> Network:
    """An encoder to `num` numbers with batch norm, of a distribution."""
    network = batch_normed(helpers.DIM, 2 * num)

    def apply(*args: Any, **options: Any) -> Any:
        out, state = network.apply(*args, **options)
        return {"mean": out[:, :num], "log_var": out[:, num:]}, state

    return network._replace(apply=apply)


def with_features(num: int) -> Network:
    network = batch_normed(helpers.DIM, num)

    def apply(*args: Any, **options: Any) -> Any:
        out, state = network.apply(*args, **options)
        return {"logits": out[:, 0], "features": out[:, 1:]}, state

    return network._replace(apply=apply)


GAMES = {
    "vae": lambda: vae(gaussian(3), batch_normed(3, helpers.DIM), latent_dim=3),
    "vae_gan": lambda: vae_gan(
        gaussian(3), batch_normed(3, helpers.DIM), with_features(4), latent_dim=3
    ),
    "autoencoder": lambda: autoencoder(
        batch_normed(helpers.DIM, 3), batch_normed(3, helpers.DIM), noise_std=0.5, mask_share=0.3
    ),
}


@pytest.mark.parametrize("name", GAMES)
def test_out_of_training_nothing_is_drawn_and_no_statistics_move(name: str) -> None:
    game, batch = GAMES[name](), helpers.real_batch()
    assert game.couples_batch
    params, net_state = game.init(KEY)
    still = Context(KEY, train=False)
    scene, kept = game.generate(params, net_state, batch, still)
    helpers.assert_same_bits(kept, net_state)
    other, _ = game.generate(params, net_state, batch, Context(jax.random.key(7), train=False))
    np.testing.assert_array_equal(scene["reconstruction"], other["reconstruction"])
    # A code is decoded to the same image by whatever way it comes.
    again, _ = game.generate(params, net_state, {"latent": scene["code"]}, still)
    np.testing.assert_allclose(again["fake"], scene["reconstruction"], rtol=1e-5, atol=1e-6)
    for player in params:
        scene, moved = game.generate(params, net_state, batch, Context(KEY))
        _, (moved, _, _) = game.losses(params, moved, scene, Context(KEY))
        assert helpers.max_difference(moved[player], net_state[player]) > 1e-3
    noisy, _ = game.generate(params, net_state, batch, Context(jax.random.key(7)))
    assert helpers.max_difference(noisy["reconstruction"], scene["reconstruction"]) > 1e-3


def test_each_player_of_a_vae_gan_descends_its_own_loss(float64: None) -> None:
    generator = np.random.default_rng(0)
    weights = {
        "enc": generator.normal(size=(3, 2)),
        "gen": generator.normal(size=(2, 3)),
        "disc": generator.normal(size=(3, 4)),
    }
    log_var, noise, z, x = generator.normal(size=(4, 5, 2))
    x = generator.normal(size=(5, 3))

    def encoder(w: Any, state: Any, x: Any, train: bool = True, key: Any = None) -> Any:
        return {"mean": x @ w, "log_var": jnp.asarray(log_var) + 0.0 * (x @ w)}, state

    def decoder(w: Any, state: Any, z: Any, train: bool = True, key: Any = None) -> Any:
        return jnp.tanh(z @ w), state

    def disc(w: Any, state: Any, x: Any, train: bool = True, key: Any = None) -> Any:
        features = jnp.tanh(x @ w)
        return {"logits": jnp.sum(features, axis=1), "features": features}, state

    def network(name: str, apply: Any) -> Network:
        return Network(init=lambda key: (jnp.asarray(weights[name]), {}), apply=apply)

    networks = [network(*pair) for pair in (("enc", encoder), ("gen", decoder), ("disc", disc))]
    game = vae_gan(*networks, latent_dim=2, gamma=0.7, beta=1.5, loss=losses.non_saturating())
    batch = {name: jnp.asarray(a) for name, a in (("image", x), ("noise", noise), ("latent", z))}
    values, _ = play(game, batch)

    def expected(w: Any) -> dict[str, Any]:
        mean = x @ w["enc"]
        code = mean + np.exp(0.5 * log_var) * noise
        kl = 0.5 * (mean**2 + np.exp(log_var) - 1 - log_var).sum(axis=1)
        fakes = [np.tanh(c @ w["gen"]) for c in (z, code)]
        real, fake, rebuilt = (np.tanh(i @ w["disc"]) for i in (x, *fakes))
        error = 0.5 * ((real - rebuilt) ** 2).sum(axis=1).mean()

        def softplus(features: Any, sign: float) -> Any:
            return np.log1p(np.exp(sign * features.sum(axis=1))).mean()

        fooled = 0.5 * (softplus(fake, -1.0) + softplus(rebuilt, -1.0))
        return {
            "enc": error + 1.5 * kl.mean(),
            "gen": 0.7 * error + fooled,
            "disc": softplus(real, -1.0) + 0.5 * (softplus(fake, 1.0) + softplus(rebuilt, 1.0)),
        }

    for name, value in expected(weights).items():
        np.testing.assert_allclose(values[name], value, rtol=1e-12)
    params, _ = game.init(KEY)
    for player, weight in weights.items():
        slope = jax.grad(lambda p, who=player: play(game, batch, p)[0][who])(params)[player]
        step = 1e-6 * generator.normal(size=weight.shape)
        ends = [expected({**weights, player: weight + s * step})[player] for s in (1, -1)]
        np.testing.assert_allclose((slope * step).sum(), (ends[0] - ends[1]) / 2, rtol=1e-5)


def test_augmentation_changes_an_example_and_its_reconstruction_alike() -> None:
    def shift(key: Any, examples: Any) -> Any:
        return examples + jax.random.normal(key, (1, 1))

    def identity(w: Any, state: Any, x: Any, train: bool = True, key: Any = None) -> Any:
        return {"logits": jnp.sum(x, axis=1), "features": x}, state

    disc = Network(init=lambda key: ({}, {}), apply=identity)
    encoder, decoder = linear(np.eye(2), np.zeros(2), -20.0), linear(0.5 * np.eye(2), np.zeros(2))
    bare = vae_gan(encoder, decoder, disc, latent_dim=2)
    found = [play(game, helpers.real_batch())[1][1] for game in (bare, augmented(bare, shift))]
    # φ(x) - φ(x̃) = x - x̃ whatever both are shifted by.
    errors = [metrics["enc"]["feature_error"] for metrics in found]
    np.testing.assert_allclose(*errors, rtol=1e-3)
    assert abs(found[0]["disc"]["real_out"] - found[1]["disc"]["real_out"]) > 0.1


def test_the_best_linear_denoiser_is_tweedies(float64: None) -> None:
    # x ~ ±s, ε ~ ±1: the loss is quadratic, so the four corners stand for normal x and ε.
    scale, std = 1.5, 0.8
    signs = corners(2)
    batch = {"image": scale * jnp.asarray(signs[:, :1]), "noise": jnp.asarray(signs[:, 1:])}

    def game(gain: Any) -> Game:
        encoder = linear(gain * jnp.ones((1, 1)), jnp.zeros(1))
        return autoencoder(encoder, linear(np.eye(1), np.zeros(1)), noise_std=std)

    # E[x | x̂] = x̂ + σ² ∂ log p(x̂), for x̂ ~ N(0, s² + σ²).
    best = 1.0 - std**2 / (scale**2 + std**2)
    slope = jax.grad(lambda gain: play(game(gain), batch)[0]["gen"])(best)
    np.testing.assert_allclose(slope, 0.0, atol=1e-12)
    value, _ = play(game(best), batch)
    np.testing.assert_allclose(value["gen"], scale**2 * std**2 / (scale**2 + std**2), rtol=1e-12)
    clean, _ = play(game(1.0), batch, train=False)
    assert float(clean["gen"]) == 0.0


def test_sparsity_is_that_of_numpy(float64: None) -> None:
    generator = np.random.default_rng(0)
    code = generator.uniform(0.05, 0.95, size=(6, 4))
    mean, target = code.mean(axis=0), 0.1
    expected = stats.entropy([np.full(4, target), np.full(4, 1 - target)], [mean, 1 - mean]).sum()
    np.testing.assert_allclose(sparsity_kl(jnp.asarray(code), target=target), expected, rtol=1e-10)
    assert np.isfinite(sparsity_kl(jnp.asarray([[0.0, 1.0]]), target=target))
    weight = generator.normal(size=(2, 3))
    x = generator.normal(size=(5, 2))
    encoder, decoder = linear(weight, np.zeros(3)), linear(np.zeros((3, 2)), np.zeros(2))
    activities = {"kl": 1 / (1 + np.exp(-x @ weight)), "l1": np.maximum(x @ weight, 0)}
    for kind, h in activities.items():
        game = autoencoder(
            encoder, decoder, sparsity=kind, sparsity_weight=3.0, sparsity_target=target
        )
        value, (_, metrics, _) = play(game, {"image": jnp.asarray(x)})
        sparse = (
            sparsity_kl(jnp.asarray(h), target=target) if kind == "kl" else h.sum(axis=1).mean()
        )
        np.testing.assert_allclose(metrics["gen"]["sparsity"], sparse, rtol=1e-10)
        np.testing.assert_allclose(value["gen"], (x**2).mean() + 3.0 * sparse, rtol=1e-10)
        assert game.couples_batch == (kind == "kl")


def test_the_contraction_is_the_norm_of_the_jacobian(float64: None) -> None:
    weight = np.random.default_rng(0).normal(size=(3, 2))
    encoder, decoder = linear(weight, np.zeros(2)), linear(np.zeros((2, 3)), np.zeros(3))
    game = autoencoder(encoder, decoder, contraction=2.0)
    num = 20_000
    value, (_, metrics, _) = play(game, {"image": jnp.zeros((num, 3))})
    frobenius = (weight**2).sum()
    # Var ‖Wᵀv‖² = 2 ‖W Wᵀ‖²_F
    error = np.sqrt(2 * ((weight @ weight.T) ** 2).sum() / num)
    np.testing.assert_allclose(metrics["gen"]["contraction"], frobenius, atol=4 * error)
    np.testing.assert_allclose(value["gen"], 2.0 * metrics["gen"]["contraction"], rtol=1e-10)


def test_masks_are_of_whole_pixels_and_as_frequent_as_asked() -> None:
    encoder, decoder = linear(np.eye(3), np.zeros(3)), linear(np.eye(3), np.zeros(3))
    encoder = encoder._replace(apply=lambda w, state, x, **options: (x.mean(axis=(1, 2)), state))
    decoder = decoder._replace(
        apply=lambda w, state, z, **options: (jnp.zeros((len(z), 8, 8, 3)), state)
    )
    game = autoencoder(encoder, decoder, mask_share=0.3)
    params, net_state = game.init(KEY)
    scene, _ = game.generate(params, net_state, {"image": jnp.ones((50, 8, 8, 3))}, Context(KEY))
    masked = np.asarray(scene["corrupted"]) == -1.0
    np.testing.assert_array_equal(masked.all(axis=-1), masked.any(axis=-1))
    assert abs(masked.mean() - 0.3) < 4 * np.sqrt(0.3 * 0.7 / (50 * 64))
    assert (np.asarray(scene["corrupted"])[~masked] == 1.0).all()


POINT = linear(np.eye(2), np.zeros(2))


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: vae(POINT, POINT, latent_dim=2, beta=-1.0), "beta is -1"),
        (lambda: vae(POINT, POINT, latent_dim=0), "latent_dim is 0; it must be an integer"),
        (lambda: gaussian_likelihood(std=0.0), "std is 0"),
        (lambda: vae_gan(POINT, POINT, POINT, latent_dim=2, gamma=-1.0), "gamma is -1"),
        (lambda: autoencoder(POINT, POINT, error="l3"), "error is 'l3'; it must be 'l1' or 'l2'"),
        (lambda: autoencoder(POINT, POINT, sparsity="l0"), "sparsity is 'l0'; it must be 'kl'"),
        (lambda: autoencoder(POINT, POINT, mask_share=1.0), "mask_share is 1.0; it must be at"),
        (lambda: autoencoder(POINT, POINT, noise_std=-0.1), "noise_std is -0.1"),
        (lambda: autoencoder(POINT, POINT, sparsity_target=0.0), "sparsity_target is 0.0"),
    ],
)
def test_bad_options_are_refused(make: Any, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        make()


@pytest.mark.parametrize(
    ("make", "batch", "match"),
    [
        (lambda: vae(POINT, POINT, latent_dim=2), helpers.real_batch(), "needs an encoder that gi"),
        (GAMES["vae"], {"latent": jnp.ones((4, 3))}, "vae needs images to encode"),
        (GAMES["autoencoder"], {"latent": jnp.ones((4, 3))}, "autoencoder needs images"),
        (GAMES["autoencoder"], {"label": jnp.ones(4)}, "makes images of images or codes"),
        (
            lambda: vae(gaussian(3), batch_normed(3, 5), latent_dim=3),
            helpers.real_batch(),
            r"the decoder's images have shape \(5,\); the data's have \(2,\)",
        ),
        (
            lambda: vae(gaussian(4), batch_normed(3, 2), latent_dim=3),
            helpers.real_batch(),
            r"the encoder's codes have shape \(4,\); the latents have \(3,\)",
        ),
        (
            lambda: vae_gan(gaussian(3), batch_normed(3, 2), helpers.mlp_disc(), latent_dim=3),
            helpers.real_batch(),
            "vae_gan needs the discriminator's 'features'; it returns logits only",
        ),
    ],
)
def test_what_does_not_fit_is_refused(make: Any, batch: Any, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        play(make(), batch)
