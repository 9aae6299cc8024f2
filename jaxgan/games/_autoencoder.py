"""Autoencoders: plain, denoising, sparse and contractive, as games of one player."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import jax
import jax.numpy as jnp

from jaxgan.auxiliary import l1, l2
from jaxgan.core.checks import is_zero
from jaxgan.core.examples import entry_of
from jaxgan.core.game import Game, Played, no_critic
from jaxgan.core.network import Network, detached_of
from jaxgan.core.ranges import Decay, NonNegativeSchedule, OpenFraction, checked
from jaxgan.core.schedules import at, log
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, Batch, Key, PlayerTree, PyTree, ScalarOrSchedule, Scene
from jaxgan.games._encoding import check_shape, encode, init_autoencoder

Sparsity = Literal["kl", "l1", "none"]
_ERRORS = {"l1": l1, "l2": l2}
_ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "kl": jax.nn.sigmoid,
    "l1": jax.nn.relu,
    "none": lambda code: code,
}


@checked
def autoencoder(
    encoder: Network,
    decoder: Network,
    *,
    error: Literal["l1", "l2"] = "l2",
    noise_std: NonNegativeSchedule = 0.0,
    mask_share: Decay = 0.0,
    sparsity: Sparsity = "none",
    sparsity_weight: NonNegativeSchedule = 0.0,
    sparsity_target: OpenFraction = 0.05,
    contraction: NonNegativeSchedule = 0.0,
) -> Game:
    """A game of the player `gen` alone: examples are squeezed through a code and rebuilt.

    L = E[error(x, Dec(h))] + s S + c E[‖∂Enc/∂x‖²_F], h = φ(Enc(x̂)), where

    - x̂ is the example corrupted: noise σ ε is added, ε ~ N(0, I), and a share of the pixels, with
      all their channels, is set to -1, which is paper. x is what is to be rebuilt: a denoising
      autoencoder, whose best reconstruction is E[x | x̂];
    - S is the sparsity of the code: `"kl"` has units φ = sigmoid and
      S = Σ_j KL(Bernoulli(ρ) || Bernoulli(ρ̂_j)), ρ̂_j the unit's mean over the batch; `"l1"` has
      φ = ReLU and S = E[Σ_j abs(h_j)]; `"none"` has φ = id and S = 0;
    - ∂Enc/∂x is the Jacobian at x of the code before φ; its squared norm is E_v[‖∂Enc/∂x v‖²] with
      one v ~ N(0, I) for each example: one derivative in place of as many as the code is long.

    The scene has the batch's `image`, `corrupted`, `code` h, `reconstruction` Dec(h) and `fake`,
    the same; of a batch with `latent`, which is a code, `fake` is Dec of that. There is no
    distribution of codes, so without a batch's examples nothing can be made. A batch that holds
    `noise` ε is used as it is. In a context that does not train nothing is corrupted.

    Args:
      encoder: image -> code [B, D].
      decoder: code -> image.
      error: mean absolute (`"l1"`) or mean squared (`"l2"`) difference over pixels.
      noise_std: σ, in the units of the images, a number or a schedule.
      mask_share: the probability of each pixel to be masked, in [0, 1).
      sparsity: of the code.
      sparsity_weight: s, a number or a schedule.
      sparsity_target: ρ in (0, 1), of `"kl"`.
      contraction: c, a number or a schedule.

    Returns:
      A `Game` whose player `gen` has parameters {"encoder", "decoder"}. It logs the `error`, and
      the `sparsity` and `contraction` where they are asked for. The sparsity `"kl"` couples the
      examples of a batch.

    Raises:
      ValueError: if an option is out of its range or, when played, shapes do not fit or the batch
        has neither images nor codes.

    Example:
      >>> import flax.linen as nn
      >>> from jaxgan.models.adapters import from_linen
      >>> encoder, decoder = (from_linen(nn.Dense(n), jnp.zeros((1, 5 - n))) for n in (2, 3))
      >>> game = autoencoder(encoder, decoder, noise_std=0.1)
      >>> params, net_state = game.init(jax.random.key(0))
      >>> context, batch = Context(jax.random.key(1)), {"image": jnp.ones((4, 3))}
      >>> scene, _ = game.generate(params, net_state, batch, context)
      >>> scene["code"].shape, scene["reconstruction"].shape
      ((4, 2), (4, 3))

    References:
      Denoising: Vincent et al., 2008, and Alain & Bengio, 2014 (arXiv:1211.4246). Sparse: Ng, 2011
      (CS294A lecture notes). Contractive: Rifai et al., 2011.
    """
    game = _Autoencoder(
        encoder=encoder,
        decoder=decoder,
        error=error,
        noise_std=noise_std,
        mask_share=mask_share,
        sparsity=sparsity,
        sparsity_weight=sparsity_weight,
        sparsity_target=sparsity_target,
        contraction=contraction,
    )
    return Game(
        init=game.init,
        generate=game.generate,
        losses=game.losses,
        critic=no_critic,
        couples_batch=encoder.couples_batch or decoder.couples_batch or sparsity == "kl",
        detached=detached_of(encoder, decoder),
    )


@dataclass(frozen=True, eq=False)
class _Autoencoder:
    encoder: Network
    decoder: Network
    error: Literal["l1", "l2"]
    noise_std: ScalarOrSchedule
    mask_share: float
    sparsity: Sparsity
    sparsity_weight: ScalarOrSchedule
    sparsity_target: float
    contraction: ScalarOrSchedule

    def init(self, key: Key) -> tuple[PlayerTree, PlayerTree]:
        params, net_state = init_autoencoder(key, self.encoder, self.decoder)
        return {"gen": params}, {"gen": net_state}

    def generate(
        self, params: PlayerTree, net_state: PlayerTree, batch: Batch, context: Context
    ) -> tuple[Scene, PlayerTree]:
        own, weights = dict(net_state["gen"]), params["gen"]

        def decode(code: Array, name: str) -> tuple[Array, PyTree]:
            options = {"train": context.train, "key": context.part_stream(f"decoder/noise/{name}")}
            return self.decoder.apply(weights["decoder"], own["decoder"], code, **options)

        scene = dict(batch)
        if "image" in batch:
            seen = self.corrupted(batch, context)
            found, own["encoder"] = encode(
                self.encoder, weights["encoder"], own["encoder"], {"image": seen}, context
            )
            code = _ACTIVATIONS[self.sparsity](found["code"])
            rebuilt, own["decoder"] = decode(code, "reconstruction")
            check_shape("the decoder's images", rebuilt, entry_of(batch, "image"), "the data's")
            scene |= {"corrupted": seen, "code": code, "reconstruction": rebuilt, "fake": rebuilt}
        if "latent" in batch:
            scene["fake"], _ = decode(batch["latent"], "fake")
        if "fake" not in scene:
            raise ValueError("an autoencoder makes images of images or codes; the batch has none")
        return scene, {**net_state, "gen": own}

    def corrupted(self, batch: Batch, context: Context) -> Array:
        """The batch's images with noise and masked pixels."""
        image = batch["image"]
        if not context.train:
            return image
        if not is_zero(self.noise_std):
            noise = batch.get("noise")
            if noise is None:
                noise = context.draw("corruption", _normal(image), image.shape)
            image = image + jnp.asarray(at(self.noise_std, context.step), image.dtype) * noise
        if not is_zero(self.mask_share):
            # A pixel is masked with all its channels; each coordinate of a point by itself.
            spots = (*image.shape[:-1], 1) if image.ndim == 4 else image.shape
            drawn = context.draw("mask", jax.random.uniform, spots)
            is_masked = drawn < jnp.asarray(self.mask_share, drawn.dtype)
            image = jnp.where(is_masked, jnp.asarray(-1.0, image.dtype), image)
        return image

    def losses(
        self, params: PlayerTree, net_state: PlayerTree, scene: Scene, context: Context
    ) -> Played:
        if "code" not in scene:
            raise ValueError("autoencoder needs images to encode; the batch has none")
        loss = jnp.mean(_ERRORS[self.error](scene["image"], scene["reconstruction"]))
        metrics = {"error": loss}

        def add(name: str, weight: ScalarOrSchedule, value: Array) -> Array:
            metrics[name] = value
            return jnp.asarray(at(weight, context.step), value.dtype) * value

        if self.sparsity == "kl":
            value = sparsity_kl(scene["code"], target=self.sparsity_target)
            loss = loss + add("sparsity", self.sparsity_weight, value)
        elif self.sparsity == "l1":
            value = jnp.mean(jnp.sum(jnp.abs(scene["code"]), axis=1))
            loss = loss + add("sparsity", self.sparsity_weight, value)
        if not is_zero(self.contraction):
            value = jnp.mean(self.stretch(params, net_state, scene["image"], context))
            loss = loss + add("contraction", self.contraction, value)
        return {"gen": loss}, (net_state, {"gen": metrics}, {})

    def stretch(
        self, params: PlayerTree, net_state: PlayerTree, image: Array, context: Context
    ) -> Array:
        """‖∂Enc/∂x v‖², for each example."""
        weights, state = params["gen"]["encoder"], net_state["gen"]["encoder"]

        def code(x: Array) -> Array:
            return encode(self.encoder, weights, state, {"image": x}, context)[0]["code"]

        direction = context.draw("contraction", _normal(image), image.shape)
        return jnp.sum(jax.jvp(code, (image,), (direction,))[1] ** 2, axis=1)


def sparsity_kl(code: Array, *, target: float) -> Array:
    """How far the units' mean activities are from a target, in nats.

    Σ_j ρ log(ρ / ρ̂_j) + (1 - ρ) log((1 - ρ) / (1 - ρ̂_j)), ρ̂_j = E[h_j] over the batch.

    Args:
      code: h in (0, 1), [B, D].
      target: ρ in (0, 1).

    Returns:
      A scalar.

    Example:
      >>> round(float(sparsity_kl(jnp.full((3, 2), 0.5), target=0.05)), 4)  # 2 (log 2 - 0.1985)
      0.9893

    References:
      Ng, 2011 (CS294A lecture notes).
    """
    mean = jnp.mean(code, axis=0)
    # A unit that is never or always on in float32 still has a finite divergence.
    tiny = jnp.finfo(code.dtype).tiny
    ones, zeros = jnp.log(mean + tiny), jnp.log1p(-mean + jnp.finfo(code.dtype).eps)
    entropy = target * log(target) + (1.0 - target) * log(1.0 - target)
    return jnp.sum(entropy - target * ones - (1.0 - target) * zeros)


def _normal(like: Array) -> Callable[[Key, tuple[int, ...]], Array]:
    return lambda key, shape: jax.random.normal(key, shape, like.dtype)
