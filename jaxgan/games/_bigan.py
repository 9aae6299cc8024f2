"""BiGAN: a generator and an encoder against a discriminator of pairs."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.core.examples import entry_of
from jaxgan.core.game import Game, Played
from jaxgan.core.heads import logits_of
from jaxgan.core.loss import gen_terms, with_logits
from jaxgan.core.network import Network, detached_of
from jaxgan.core.ranges import Width, checked
from jaxgan.core.state import Context, stream
from jaxgan.core.typing import Array, Batch, Key, Metrics, PlayerTree, PyTree, Scene
from jaxgan.core.weighting import added
from jaxgan.games._adversarial import (
    Discriminator,
    loss_terms,
    term_means,
    with_terms_logged,
)
from jaxgan.games._encoding import check_shape, encode
from jaxgan.games._gan import Latent, normal_latent
from jaxgan.losses import Loss, non_saturating


@checked
def bigan(
    gen: Network,
    encoder: Network,
    disc: Network,
    *,
    latent: Width | Latent,
    loss: Loss | None = None,
) -> Game:
    """The game between a generator with an encoder, and a discriminator of pairs (x, z).

    Real pairs are (x, E(x)), generated ones (G(z), z), and

      L_disc = E[loss.disc(D(x, E(x)), D(G(z), z))],
      L_gen = E[loss.gen(D(x, E(x)), D(G(z), z))] + E[loss.gen(-D(G(z), z), -D(x, E(x)))].

    The second term asks of the encoder what the first asks of the generator, with the roles of the
    pairs exchanged; with the non-saturating loss, both together are the paper's objective with
    exchanged labels, with the hinge loss BigBiGAN's. Where the loss is zero-sum, L_gen = -L_disc.
    At the optimum E inverts G. An encoder that gives a distribution makes this ALI.

    The scene has `real` and `fake` as {"image", "latent"}, so that a gradient penalty sees both
    parts of a pair; `latent`, `code` E(x) and `reconstruction` G(E(x)), of which nothing is
    differentiated and whose mean absolute error is logged as `reconstruction`. A batch that holds
    `latent` is used as it is; without `image` there are generated pairs only.

    Args:
      gen: z -> image.
      encoder: image -> z, or {"mean", "log_var"} of z.
      disc: (image, z) -> logits of shape [B], or a dict with such `logits`.
      latent: the dimension of standard normal latents, or a function that draws them.
      loss: an adversarial objective; non-saturating by default.

    Returns:
      A `Game` with players `gen`, whose parameters are {"generator", "encoder"}, and `disc`.

    Raises:
      ValueError: if the latent dimension is not positive or, when played, if the generator's images
        are not of the data's shape or the codes not of the latents'.

    Example:
      >>> import flax.linen as nn
      >>> import jax
      >>> from jaxgan.models import MLPJointDiscriminator
      >>> from jaxgan.models.adapters import from_linen
      >>> gen = from_linen(nn.Dense(2), jnp.zeros((1, 3)))
      >>> encoder = from_linen(nn.Dense(3), jnp.zeros((1, 2)))
      >>> disc = from_linen(MLPJointDiscriminator(), jnp.zeros((1, 2)), jnp.zeros((1, 3)))
      >>> game = bigan(gen, encoder, disc, latent=3)
      >>> params, net_state = game.init(jax.random.key(0))
      >>> context, batch = Context(jax.random.key(1)), {"image": jnp.ones((5, 2))}
      >>> scene, _ = game.generate(params, net_state, batch, context)
      >>> {name: part.shape for name, part in scene["real"].items()}
      {'image': (5, 2), 'latent': (5, 3)}

    References:
      Donahue et al., 2017 (arXiv:1605.09782); ALI: Dumoulin et al., 2017 (arXiv:1606.00704);
      BigBiGAN: Donahue & Simonyan, 2019 (arXiv:1907.02544).
    """
    objective = non_saturating() if loss is None else loss
    game = _BiGan(
        gen=gen,
        encoder=encoder,
        disc=Discriminator(
            disc, objective, arguments=lambda pair, scene: (pair["image"], pair["latent"])
        ),
        draw_latent=normal_latent(latent) if isinstance(latent, int) else latent,
    )
    return Game(
        init=game.init,
        generate=game.generate,
        losses=game.losses,
        critic=game.disc.critic,
        couples_batch=any(part.couples_batch for part in (gen, encoder, disc, objective)),
        is_zero_sum=objective.is_zero_sum,
        terms=loss_terms(objective),
        detached=detached_of(gen, encoder, disc),
    )


@dataclass(frozen=True, eq=False)
class _BiGan:
    gen: Network
    encoder: Network
    disc: Discriminator
    draw_latent: Latent

    def init(self, key: Key) -> tuple[PlayerTree, PlayerTree]:
        gen_params, gen_state = self.gen.init(stream(key, "init/gen"))
        encoder_params, encoder_state = self.encoder.init(stream(key, "init/encoder"))
        disc_params, disc_state = self.disc.init(key)
        gen = {"generator": gen_params, "encoder": encoder_params}
        state = {"generator": gen_state, "encoder": encoder_state}
        return {"gen": gen, "disc": disc_params}, {"gen": state, "disc": disc_state}

    def generate(
        self, params: PlayerTree, net_state: PlayerTree, batch: Batch, context: Context
    ) -> tuple[Scene, PlayerTree]:
        own, weights = dict(net_state["gen"]), params["gen"]

        def make(z: Array, name: str) -> tuple[Array, PyTree]:
            options = {"train": context.train, "key": context.part_stream(f"gen/noise/{name}")}
            return self.gen.apply(weights["generator"], own["generator"], z, **options)

        z = batch.get("latent")
        if z is None:
            z = context.draw("latent", self.draw_latent, (entry_of(batch, "image").shape[0],))
        fake, made = make(z, "fake")
        rest = {name: entry for name, entry in batch.items() if name != "image"}
        scene = {**rest, "latent": z, "real": None, "fake": {"image": fake, "latent": z}}
        if "image" in batch:
            check_shape("the generator's images", fake, batch["image"], "the data's")
            found, own["encoder"] = encode(
                self.encoder, weights["encoder"], own["encoder"], batch, context
            )
            check_shape("the encoder's codes", found["code"], z, "the latents")
            rebuilt, _ = make(found["code"], "reconstruction")
            real = {"image": batch["image"], "latent": found["code"]}
            scene |= {**found, "real": real, "reconstruction": lax.stop_gradient(rebuilt)}
        return scene, {**net_state, "gen": {**own, "generator": made}}

    def losses(
        self, params: PlayerTree, net_state: PlayerTree, scene: Scene, context: Context
    ) -> Played:
        disc = self.disc.losses(params, net_state, scene, context)
        if self.disc.objective.is_zero_sum:
            loss, terms = -disc.loss, {name: -value for name, value in disc.terms.items()}
        else:
            state = net_state["disc"]["loss"]
            loss, terms = self.gen_loss(disc.outs["real"], disc.outs["fake"], state, context)
        gap = lax.stop_gradient(scene["real"]["image"] - scene["reconstruction"])
        metrics = with_terms_logged({"reconstruction": jnp.mean(jnp.abs(gap))}, terms)
        return disc.joined(net_state, {"gen": loss}, {"gen": metrics})

    def gen_loss(
        self, real: PyTree, fake: PyTree, state: PyTree, context: Context
    ) -> tuple[Array, Metrics]:
        other_real, other_fake = (
            with_logits(out, jax.tree.map(jnp.negative, logits_of(out))) for out in (fake, real)
        )
        objective = self.disc.objective
        exchanged = gen_terms(objective, other_real, other_fake, state, context)
        values = gen_terms(objective, real, fake, state, context)
        both = {name: added([values[name], exchanged[name]]) for name in values}
        return jnp.mean(added(both.values())), term_means(both)
