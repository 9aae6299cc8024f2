"""VAE-GAN: a variational autoencoder whose error is measured by a discriminator's features."""

from __future__ import annotations

import jax.numpy as jnp

from jaxgan.core.checks import check_scalar
from jaxgan.core.game import Game, Played
from jaxgan.core.heads import head_of, logits_of
from jaxgan.core.network import Network, detached_of
from jaxgan.core.schedules import at
from jaxgan.core.state import Context, stream
from jaxgan.core.typing import Array, Batch, Key, PlayerTree, PyTree, ScalarOrSchedule, Scene
from jaxgan.games.encoding import check_shape, encode
from jaxgan.games.gan import normal_latent
from jaxgan.games.vae import divergence
from jaxgan.losses import Loss, non_saturating


def vae_gan(
    encoder: Network,
    decoder: Network,
    disc: Network,
    *,
    latent_dim: int,
    loss: Loss | None = None,
    gamma: ScalarOrSchedule = 1.0,
    beta: ScalarOrSchedule = 1.0,
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
    and `code_log_var` as in `vae`. A batch that holds `latent` or the encoder's `noise` is taken at
    its word. Augmentation and instance noise change x and x̃ by the same draw.

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
    check_scalar("gamma", gamma, at_least=0)
    check_scalar("beta", beta, at_least=0)
    objective = non_saturating() if loss is None else loss
    draw_latent = normal_latent(latent_dim)
    networks = {"enc": encoder, "gen": decoder, "disc": disc}

    def init(key: Key) -> tuple[PlayerTree, PlayerTree]:
        made = {name: part.init(stream(key, f"init/{name}")) for name, part in networks.items()}
        net_state: PlayerTree = {name: {"network": state} for name, (_, state) in made.items()}
        net_state["disc"]["loss"] = objective.init()
        return {name: params for name, (params, _) in made.items()}, net_state

    def generate(
        params: PlayerTree, net_state: PlayerTree, batch: Batch, context: Context
    ) -> tuple[Scene, PlayerTree]:
        state = net_state["gen"]["network"]

        def decode(z: Array, state: PyTree, name: str) -> tuple[Array, PyTree]:
            key = context.part_stream(f"gen/noise/{name}")
            return decoder.apply(params["gen"], state, z, train=context.train, key=key)

        z = batch.get("latent")
        if z is None:
            z = context.draw("latent", draw_latent, (batch["image"].shape[0],))
        fake, state = decode(z, state, "fake")
        rest = {name: entry for name, entry in batch.items() if name != "image"}
        scene = {**rest, "latent": z, "real": batch.get("image"), "fake": fake}
        new_state = dict(net_state)
        if "image" in batch:
            check_shape("the decoder's images", fake, batch["image"], "the data's")
            own = net_state["enc"]
            found, encoder_state = encode(encoder, params["enc"], own["network"], batch, context)
            check_shape("the encoder's codes", found["code"], z, "the latents")
            scene |= found
            scene["reconstruction"], state = decode(found["code"], state, "reconstruction")
            new_state["enc"] = {**own, "network": encoder_state}
        new_state["gen"] = {**net_state["gen"], "network": state}
        return scene, new_state

    def discriminate(
        params: PlayerTree, state: PyTree, inputs: PyTree, context: Context, name: str
    ) -> tuple[PyTree, PyTree]:
        key = context.part_stream(f"disc/noise/{name}")
        return disc.apply(params["disc"], state, inputs, train=context.train, key=key)

    def losses(params: PlayerTree, net_state: PlayerTree, scene: Scene, context: Context) -> Played:
        kl = divergence(scene, "vae_gan")
        own = net_state["disc"]
        network, start, outputs = own["network"], own["loss"], {}
        for name in ("real", "fake", "reconstruction"):
            outputs[name], network = discriminate(params, network, scene[name], context, name)
        real, fake, rebuilt = outputs["real"], outputs["fake"], outputs["reconstruction"]
        of_fake, loss_state = objective.disc(real, fake, start, context)
        of_rebuilt, loss_state = objective.disc(real, rebuilt, loss_state, context)
        told = [objective.gen(real, made, start, context) for made in (fake, rebuilt)]
        features = [head_of(out, "features", "vae_gan") for out in (real, rebuilt)]
        error = jnp.mean(0.5 * jnp.sum((features[0] - features[1]) ** 2, axis=1))
        weights = [jnp.asarray(at(value, context.step), error.dtype) for value in (gamma, beta)]
        values = {
            "enc": error + weights[1] * jnp.mean(kl),
            "gen": weights[0] * error + 0.5 * (jnp.mean(told[0]) + jnp.mean(told[1])),
            "disc": 0.5 * (jnp.mean(of_fake) + jnp.mean(of_rebuilt)),
        }
        metrics = {
            "enc": {"kl": jnp.mean(kl), "feature_error": error},
            "gen": {"reconstruction": jnp.mean(jnp.abs(scene["real"] - scene["reconstruction"]))},
            "disc": {
                **{f"{name}_out": jnp.mean(logits_of(out)) for name, out in outputs.items()},
                **(loss_state if isinstance(loss_state, dict) else {}),
            },
        }
        new_state = {**net_state, "disc": {**own, "network": network, "loss": loss_state}}
        outputs = {"real": real, "fake": fake}
        return values, (new_state, metrics, outputs)

    def critic(
        params: PlayerTree, net_state: PlayerTree, inputs: PyTree, scene: Scene, context: Context
    ) -> PyTree:
        return discriminate(params, net_state["disc"]["network"], inputs, context, "real")[0]

    couples = objective.couples_batch or any(part.couples_batch for part in networks.values())
    return Game(
        init,
        generate,
        losses,
        critic,
        couples,
        detached=detached_of(*networks.values()),
    )
