"""VAE-GAN: a variational autoencoder whose error is measured by a discriminator's features."""

from __future__ import annotations

from dataclasses import dataclass

import jax.numpy as jnp

from jaxgan.core.examples import entry_of
from jaxgan.core.game import Game, Played
from jaxgan.core.heads import head_of
from jaxgan.core.network import Network, detached_of
from jaxgan.core.ranges import NonNegativeSchedule, Width, checked
from jaxgan.core.schedules import at
from jaxgan.core.state import Context, stream
from jaxgan.core.typing import Array, Batch, Key, PlayerTree, PyTree, ScalarOrSchedule, Scene
from jaxgan.games._adversarial import Discriminator, gen_loss, loss_terms, with_terms_logged
from jaxgan.games._encoding import check_shape, encode
from jaxgan.games._gan import Latent, normal_latent
from jaxgan.games._vae import divergence
from jaxgan.losses import Loss, non_saturating


@checked
def vae_gan(
    encoder: Network,
    decoder: Network,
    disc: Network,
    *,
    latent_dim: Width,
    loss: Loss | None = None,
    gamma: NonNegativeSchedule = 1.0,
    beta: NonNegativeSchedule = 1.0,
) -> Game:
    """The game of an encoder `enc`, a decoder `gen` and a discriminator `disc`.

    With x̃ = Dec(z), z ~ q(z|x), and φ the discriminator's features,

      R = E[½ ‖φ(x) - φ(x̃)‖²], the negative log-likelihood of N(φ(x̃), I), up to a constant,
      L_enc = R + β E[KL(q(z|x) || N(0, I))],
      L_gen = γ R + A,

    and L_disc and A are the adversarial losses where half of the generated examples are samples
    Dec(z), z ~ N(0, I), and half reconstructions x̃: each the mean of the loss over both. So the
    encoder does not learn to deceive, nor the discriminator to be near: each player descends its
    own loss only. The paper counts both kinds of generated examples in full.

    The scene has `real`, `fake` and `latent` as in `gan`, and `reconstruction`, `code`, `code_mean`
    and `code_log_var` as in `vae`. A batch that holds `latent` or the encoder's `noise` is used as
    it is. Augmentation and instance noise change x and x̃ by the same draw.

    Args:
      encoder: image -> {"mean", "log_var"}, each [B, latent_dim].
      decoder: z -> image.
      disc: image -> {"logits" [B], "features" [B, F]}: the head `"features"`.
      latent_dim: length of z.
      loss: an adversarial objective; non-saturating by default.
      gamma: γ, how much the decoder minds its reconstructions.
      beta: β; the paper's is 1.

    Returns:
      A `Game` with players `enc`, `gen` and `disc`. It logs `feature_error` R, `kl` and the mean
      absolute error of the pixels, `reconstruction`.

    Raises:
      ValueError: if γ or β is negative, the latent dimension not positive or, when played, the
        encoder gives no distribution, the discriminator no features, or shapes do not fit.

    Example:
      >>> import flax.linen as nn
      >>> import jax
      >>> from jaxgan.models import MLPDiscriminator, MLPEncoder
      >>> from jaxgan.models.adapters import from_linen
      >>> encoder = from_linen(MLPEncoder((8,), 3, "gaussian"), jnp.zeros((1, 2)))
      >>> disc = from_linen(MLPDiscriminator((8,), head="features"), jnp.zeros((1, 2)))
      >>> decoder = from_linen(nn.Dense(2), jnp.zeros((1, 3)))
      >>> game = vae_gan(encoder, decoder, disc, latent_dim=3)
      >>> game.players
      ('disc', 'enc', 'gen')

    References:
      Larsen et al., 2016 (arXiv:1512.09300), algorithm 1.
    """
    objective = non_saturating() if loss is None else loss
    game = _VaeGan(
        encoder=encoder,
        decoder=decoder,
        disc=Discriminator(disc, objective),
        draw_latent=normal_latent(latent_dim),
        gamma=gamma,
        beta=beta,
    )
    return Game(
        init=game.init,
        generate=game.generate,
        losses=game.losses,
        critic=game.disc.critic,
        couples_batch=any(part.couples_batch for part in (encoder, decoder, disc, objective)),
        terms=loss_terms(objective),
        detached=detached_of(encoder, decoder, disc),
    )


@dataclass(frozen=True, eq=False)
class _VaeGan:
    encoder: Network
    decoder: Network
    disc: Discriminator
    draw_latent: Latent
    gamma: ScalarOrSchedule
    beta: ScalarOrSchedule

    def init(self, key: Key) -> tuple[PlayerTree, PlayerTree]:
        encoder_params, encoder_state = self.encoder.init(stream(key, "init/enc"))
        decoder_params, decoder_state = self.decoder.init(stream(key, "init/gen"))
        disc_params, disc_state = self.disc.init(key)
        net_state = {
            "enc": {"network": encoder_state},
            "gen": {"network": decoder_state},
            "disc": disc_state,
        }
        return {"enc": encoder_params, "gen": decoder_params, "disc": disc_params}, net_state

    def generate(
        self, params: PlayerTree, net_state: PlayerTree, batch: Batch, context: Context
    ) -> tuple[Scene, PlayerTree]:
        state = net_state["gen"]["network"]

        def decode(z: Array, state: PyTree, name: str) -> tuple[Array, PyTree]:
            key = context.part_stream(f"gen/noise/{name}")
            return self.decoder.apply(params["gen"], state, z, train=context.train, key=key)

        z = batch.get("latent")
        if z is None:
            z = context.draw("latent", self.draw_latent, (entry_of(batch, "image").shape[0],))
        fake, state = decode(z, state, "fake")
        rest = {name: entry for name, entry in batch.items() if name != "image"}
        scene = {**rest, "latent": z, "real": batch.get("image"), "fake": fake}
        new_state = dict(net_state)
        if "image" in batch:
            check_shape("the decoder's images", fake, batch["image"], "the data's")
            own = net_state["enc"]
            found, encoder_state = encode(
                self.encoder, params["enc"], own["network"], batch, context
            )
            check_shape("the encoder's codes", found["code"], z, "the latents")
            scene |= found
            scene["reconstruction"], state = decode(found["code"], state, "reconstruction")
            new_state["enc"] = {**own, "network": encoder_state}
        new_state["gen"] = {**net_state["gen"], "network": state}
        return scene, new_state

    def losses(
        self, params: PlayerTree, net_state: PlayerTree, scene: Scene, context: Context
    ) -> Played:
        kl = divergence(scene, "vae_gan")
        fakes = ("fake", "reconstruction")
        disc = self.disc.losses(params, net_state, scene, context, fakes)
        objective, state, outs = self.disc.objective, net_state["disc"]["loss"], disc.outs
        gen_losses, terms = zip(
            *(gen_loss(objective, outs["real"], outs[name], state, context) for name in fakes),
            strict=True,
        )
        real, rebuilt = (
            head_of(outs[name], "features", "vae_gan") for name in ("real", "reconstruction")
        )
        error = jnp.mean(0.5 * jnp.sum((real - rebuilt) ** 2, axis=1))
        gamma, beta = (
            jnp.asarray(at(weight, context.step), error.dtype) for weight in (self.gamma, self.beta)
        )
        losses = {
            "enc": error + beta * jnp.mean(kl),
            "gen": gamma * error + 0.5 * (gen_losses[0] + gen_losses[1]),
        }
        metrics = {
            "enc": {"kl": jnp.mean(kl), "feature_error": error},
            "gen": {"reconstruction": jnp.mean(jnp.abs(scene["real"] - scene["reconstruction"]))},
        }
        halves = {name: 0.5 * (terms[0][name] + terms[1][name]) for name in terms[0]}
        metrics["gen"] = with_terms_logged(metrics["gen"], halves)
        return disc.joined(net_state, losses, metrics)
