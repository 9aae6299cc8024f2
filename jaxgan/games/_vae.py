"""The variational autoencoder: a game of one player, which maximises a bound of the evidence."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import chex
import jax.numpy as jnp

from jaxgan.core.examples import entry_of
from jaxgan.core.game import Game, Played, no_critic
from jaxgan.core.network import Network, detached_of
from jaxgan.core.ranges import NonNegativeSchedule, Positive, Width, checked
from jaxgan.core.schedules import at, log
from jaxgan.core.state import Context
from jaxgan.core.typing import (
    Array,
    Batch,
    Key,
    Params,
    PlayerTree,
    PyTree,
    ScalarOrSchedule,
    Scene,
)
from jaxgan.games._encoding import check_shape, encode, gaussian_kl, init_autoencoder
from jaxgan.games._gan import Latent, normal_latent

LEAST_PROBABILITY = 1e-6
"""Bernoulli probabilities stay so far from 0 and 1, so that no pixel is impossible."""


class Likelihood(NamedTuple):
    """p(x|z), given by the decoder's image as its mean.

    Attributes:
      init: () -> its own parameters, `{}` for most.
      nll: (params, x, mean) -> -log p(x|z) in nats, of shape [B].
    """

    init: Callable[[], Params]
    nll: Callable[[Params, Array, Array], Array]


@checked
def gaussian_likelihood(*, std: Positive = 1.0, learn_std: bool = False) -> Likelihood:
    """Pixels with normal noise of one standard deviation around the decoder's image.

    -log p(x|z) = Σ_d ½ ((x_d - m_d) / σ)² + log σ + ½ log 2π.

    Args:
      std: σ, in the units of the images, of range [-1, 1]; its first value if it is learnt.
      learn_std: whether σ is a parameter, `log_std`, whose optimum is the reconstructions' root
        mean square error.

    Returns:
      A `Likelihood`.

    Raises:
      ValueError: if σ is not positive.

    Example:
      >>> x = jnp.asarray([[1.0]])
      >>> round(gaussian_likelihood(std=0.5).nll({}, x, x).item(), 4)  # log ½ + ½ log 2π
      0.2258

    References:
      Kingma & Welling, 2014 (arXiv:1312.6114), appendix C.2; learnt: Rybkin et al., 2021
      (arXiv:2006.13202).
    """

    def init() -> Params:
        return {"log_std": jnp.full((), log(std), jnp.float32)} if learn_std else {}

    def nll(params: Params, x: Array, mean: Array) -> Array:
        chex.assert_equal_shape([x, mean])
        log_std = params["log_std"].astype(x.dtype) if learn_std else log(std)
        scaled = (x - mean) * jnp.exp(-log_std)
        return jnp.sum(_flat(0.5 * scaled**2 + log_std + 0.5 * math.log(2.0 * math.pi)), axis=1)

    return Likelihood(init, nll)


def bernoulli_likelihood() -> Likelihood:
    """Pixels that are ink with the probability that the decoder's image says.

    -log p(x|z) = -Σ_d t_d log p_d + (1 - t_d) log(1 - p_d), t = (1 + x) / 2 and p = (1 + m) / 2,
    kept 10⁻⁶ from 0 and 1. A grey pixel counts as that share of ink, as is usual; then it is no
    likelihood of grey images, but its best mean is still the pixel's.

    Returns:
      A `Likelihood` of images in [-1, 1].

    Example:
      >>> likelihood, x = bernoulli_likelihood(), jnp.ones((1, 2))
      >>> round(likelihood.nll({}, x, 0.0 * x).item(), 4)  # 2 log 2
      1.3863

    References:
      Kingma & Welling, 2014 (arXiv:1312.6114), appendix C.1. Grey pixels: Loaiza-Ganem &
      Cunningham, 2019 (arXiv:1907.06845).
    """

    def log(share: Array) -> Array:
        return jnp.log(LEAST_PROBABILITY + (1.0 - 2.0 * LEAST_PROBABILITY) * share)

    def nll(params: Params, x: Array, mean: Array) -> Array:
        chex.assert_equal_shape([x, mean])
        ink = 0.5 * (1.0 + x)
        found = ink * log(0.5 * (1.0 + mean)) + (1.0 - ink) * log(0.5 * (1.0 - mean))
        return -jnp.sum(_flat(found), axis=1)

    return Likelihood(dict, nll)


@checked
def vae(
    encoder: Network,
    decoder: Network,
    *,
    latent_dim: Width,
    likelihood: Likelihood | None = None,
    beta: NonNegativeSchedule = 1.0,
) -> Game:
    """A game of the player `gen` alone, whose loss is minus the evidence lower bound, in nats.

    L = E_x[E_{z ~ q(z|x)}[-log p(x|z)] + β KL(q(z|x) || N(0, I))], q(z|x) = N(μ(x), σ²(x)), one
    z = μ + σ ε for each x. With β = 1, L ≥ -E_x[log p(x)], and equal where q is the posterior.

    The scene has the batch's `image`; `code` z, `code_mean` and `code_log_var`; `reconstruction`,
    the decoder's image of `code`; `latent` ~ N(0, I), and `fake`, its image of that. A batch that
    holds `latent`, or the `noise` ε [B, latent_dim], is used as it is. In a context that does
    not train ε = 0.

    Args:
      encoder: image -> {"mean", "log_var"}, each [B, latent_dim].
      decoder: z -> the mean of an image.
      latent_dim: length of z.
      likelihood: `gaussian_likelihood()` by default.
      beta: β, a number or a schedule of the step: above 1 for codes that are worth a name
        (β-VAE), rising from 0 so that they are used at all.

    Returns:
      A `Game` whose player `gen` has parameters {"encoder", "decoder"}, and "likelihood" where that
      is learnt. It logs `nll` and `kl`.

    Raises:
      ValueError: if β is negative, the latent dimension not positive or, when played, the encoder
        gives no distribution, shapes do not fit or there are no images.

    Example:
      >>> import jax
      >>> import flax.linen as nn
      >>> from jaxgan.models import MLPEncoder
      >>> from jaxgan.models.adapters import from_linen
      >>> encoder = from_linen(MLPEncoder((8,), 3, "gaussian"), jnp.zeros((1, 2)))
      >>> game = vae(encoder, from_linen(nn.Dense(2), jnp.zeros((1, 3))), latent_dim=3)
      >>> params, net_state = game.init(jax.random.key(0))
      >>> context, batch = Context(jax.random.key(1)), {"image": jnp.ones((5, 2))}
      >>> scene, _ = game.generate(params, net_state, batch, context)
      >>> _, (_, metrics, _) = game.losses(params, net_state, scene, context)
      >>> sorted(metrics["gen"])
      ['kl', 'nll']

    References:
      Kingma & Welling, 2014 (arXiv:1312.6114); Rezende et al., 2014 (arXiv:1401.4082); β: Higgins
      et al., 2017 (ICLR).
    """
    game = _Vae(
        encoder=encoder,
        decoder=decoder,
        likelihood=gaussian_likelihood() if likelihood is None else likelihood,
        draw_latent=normal_latent(latent_dim),
        beta=beta,
    )
    return Game(
        init=game.init,
        generate=game.generate,
        losses=game.losses,
        critic=no_critic,
        couples_batch=encoder.couples_batch or decoder.couples_batch,
        detached=detached_of(encoder, decoder),
    )


@dataclass(frozen=True, eq=False)
class _Vae:
    encoder: Network
    decoder: Network
    likelihood: Likelihood
    draw_latent: Latent
    beta: ScalarOrSchedule

    def init(self, key: Key) -> tuple[PlayerTree, PlayerTree]:
        params, net_state = init_autoencoder(key, self.encoder, self.decoder)
        if own := self.likelihood.init():
            params["likelihood"] = own
        return {"gen": params}, {"gen": net_state}

    def generate(
        self, params: PlayerTree, net_state: PlayerTree, batch: Batch, context: Context
    ) -> tuple[Scene, PlayerTree]:
        own, weights = dict(net_state["gen"]), params["gen"]

        def decode(z: Array, name: str) -> tuple[Array, PyTree]:
            key = context.part_stream(f"decoder/noise/{name}")
            options = {"train": context.train, "key": key}
            return self.decoder.apply(weights["decoder"], own["decoder"], z, **options)

        z = batch.get("latent")
        if z is None:
            z = context.draw("latent", self.draw_latent, (entry_of(batch, "image").shape[0],))
        # The images of the prior teach nothing, so they leave no trace in batch statistics.
        fake, _ = decode(z, "fake")
        scene = {**batch, "latent": z, "fake": fake}
        if "image" in batch:
            check_shape("the decoder's images", fake, batch["image"], "the data's")
            found, own["encoder"] = encode(
                self.encoder, weights["encoder"], own["encoder"], batch, context
            )
            check_shape("the encoder's codes", found["code"], z, "the latents")
            scene |= found
            scene["reconstruction"], own["decoder"] = decode(found["code"], "reconstruction")
        return scene, {**net_state, "gen": own}

    def losses(
        self, params: PlayerTree, net_state: PlayerTree, scene: Scene, context: Context
    ) -> Played:
        kl = divergence(scene, "vae")
        own = params["gen"].get("likelihood", {})
        nll = self.likelihood.nll(own, scene["image"], scene["reconstruction"])
        loss = jnp.mean(nll + jnp.asarray(at(self.beta, context.step), kl.dtype) * kl)
        metrics = {"nll": jnp.mean(nll), "kl": jnp.mean(kl), **own}
        return {"gen": loss}, (net_state, {"gen": metrics}, {})


def divergence(scene: Scene, caller: str) -> Array:
    """KL(q(z|x) || N(0, I)) of the scene's codes.

    Args:
      scene: with `code_mean` and `code_log_var`.
      caller: whose scene it is, for the message.

    Returns:
      Values of shape [B].

    Raises:
      ValueError: if the scene has no codes, or no distribution of them.

    Example:
      >>> divergence({"code": jnp.zeros((1, 2))}, "vae")
      Traceback (most recent call last):
      ...
      ValueError: vae needs an encoder that gives mean and log_var; it gives codes
    """
    if "code" not in scene:
        raise ValueError(f"{caller} needs images to encode; the batch has none")
    if "code_mean" not in scene:
        raise ValueError(f"{caller} needs an encoder that gives mean and log_var; it gives codes")
    return gaussian_kl(scene["code_mean"], scene["code_log_var"])


def _flat(x: Array) -> Array:
    return x.reshape(len(x), -1)
