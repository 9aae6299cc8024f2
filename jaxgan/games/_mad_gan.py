"""Several generators and one discriminator, which names the generator of what it sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import jax
import jax.numpy as jnp
from jax.nn import log_softmax, logsumexp, softplus

from jaxgan.core.errors import bad_value
from jaxgan.core.examples import check_batch, entry_of, example_shape, num_examples
from jaxgan.core.game import Game, Played
from jaxgan.core.network import Network, detached_of
from jaxgan.core.ranges import Width, checked
from jaxgan.core.state import Context, stream
from jaxgan.core.typing import Array, Batch, Key, PlayerTree, PyTree, Scene
from jaxgan.games._gan import Latent, normal_latent


@checked
def mad_gan(
    gens: Sequence[Network],
    disc: Network,
    *,
    latent: Width | Latent,
    objective: Literal["minimax", "non_saturating"] = "minimax",
) -> Game:
    r"""A game of k generators against a discriminator of k + 1 classes: one for each, and real.

    .. math::
        L_{disc} &= -E_x[\log D_{k+1}(x)] - \textstyle\sum_i E_z[\log D_i(G_i(z))], \\
        L_i &= E_x[\log D_{k+1}(x)] + E_z[\log(1 - D_{k+1}(G_i(z)))],

    with the softmax D of the discriminator's logits. To tell the generators apart, the
    discriminator pulls them to different modes; against the best discriminator the mixture of all,
    with equal shares, becomes the data. With `objective="non_saturating"` generators descend
    -E_z[log D_{k+1}(G_i(z))] instead.

    The scene is of the mixture: the batch has B latents, and example i of its `fake` is made by
    generator (i + r) mod k alone, whose number is its `generator`. In training r is 0; in sampling
    it is drawn by the key, so that each sample is of each generator with equal probability, and any
    k in a row are of all of them. Hence all that looks at `fake` (augmentations, samplers) works on
    it, and generators together cost one. Penalties see the logit of real against all generators.

    Args:
      gens: the generators, z -> image: the players `gen0`, `gen1`, ...
      disc: image -> logits of shape [B, k + 1], the last class being the data.
      latent: the dimension of standard normal latents, or a function that draws them.
      objective: of the generators.

    Returns:
      A `Game` with the players `disc` and one for each generator. The discriminator logs
      `real_out` and `fake_out`, means of the logit of real, and `identified`, the share of fakes
      whose generator it names.

    Raises:
      ValueError: for fewer than two generators, or one of styles; when played, if there are fewer
        examples than generators, the discriminator's logits are not of k + 1 classes, or the
        examples not of the data's shape.

    Example:
      >>> import flax.linen as nn
      >>> from jaxgan.models.adapters import from_linen
      >>> gens = [from_linen(nn.Dense(2), jnp.zeros((1, 8)))] * 3
      >>> game = mad_gan(gens, from_linen(nn.Dense(4), jnp.zeros((1, 2))), latent=8)
      >>> params, net_state = game.init(jax.random.key(0))
      >>> context, batch = Context(jax.random.key(1)), {"image": jnp.ones((6, 2))}
      >>> scene, _ = game.generate(params, net_state, batch, context)
      >>> game.players, scene["generator"].tolist()
      (('disc', 'gen0', 'gen1', 'gen2'), [0, 1, 2, 0, 1, 2])

    References:
      Ghosh et al., 2018 (arXiv:1704.02906), section 3.
    """
    if len(gens) < 2:
        raise ValueError(bad_value("the number of generators", len(gens), "at least 2"))
    if any(gen.styles is not None for gen in gens):
        raise ValueError("mad_gan takes generators of latents; one of these is of styles")
    named = {f"gen{i}": gen for i, gen in enumerate(gens)}
    draw = normal_latent(latent) if isinstance(latent, int) else latent
    game = _MadGan(gens=named, disc=disc, draw=draw, is_saturating=objective == "minimax")
    return Game(
        init=game.init,
        generate=game.generate,
        losses=game.losses,
        critic=game.critic,
        couples_batch=any(network.couples_batch for network in (*gens, disc)),
        detached=detached_of(*gens, disc),
    )


@dataclass(frozen=True, eq=False)
class _MadGan:
    gens: dict[str, Network]
    disc: Network
    draw: Latent
    is_saturating: bool

    def init(self, key: Key) -> tuple[PlayerTree, PlayerTree]:
        networks = {**self.gens, "disc": self.disc}
        made = {name: net.init(stream(key, f"init/{name}")) for name, net in networks.items()}
        params = {name: own for name, (own, _) in made.items()}
        return params, {name: {"network": state} for name, (_, state) in made.items()}

    def generate(
        self, params: PlayerTree, net_state: PlayerTree, batch: Batch, context: Context
    ) -> tuple[Scene, PlayerTree]:
        check_batch(batch)
        if "latent" in batch:
            z = batch["latent"]
        else:
            num = num_examples(entry_of(batch, "image"))
            z = context.draw("latent", self.draw, (num,))
        k, num = len(self.gens), num_examples(z)
        first = context.part * num
        if context.train and num * context.num_parts < k:
            raise ValueError(
                f"the batch has {num * context.num_parts} examples; mad_gan needs one for each of "
                f"the {k} generators"
            )
        if not context.train:
            first = first + jax.random.randint(context.stream("generator"), (), 0, k, jnp.int32)
        first = first % k
        # Of each example, in rows of one of each generator.
        place = first + jnp.arange(num, dtype=jnp.int32)
        made, new_state = [], dict(net_state)
        # In training whole rows, each latent once; else a generator may begin a row earlier.
        num_rows = num // k if context.train and num % k == 0 else -(-(num + k - 1) // k)
        for index, (name, gen) in enumerate(self.gens.items()):
            # The examples whose place is in the generator's column; where there is none, any.
            own = jnp.arange(num_rows, dtype=jnp.int32) * k + index - first
            own = jnp.clip(own, 0, num - 1)
            fake, state = gen.apply(
                params[name],
                net_state[name]["network"],
                jax.tree.map(lambda x, own=own: x[own], z),
                train=context.train,
                key=context.part_stream(f"{name}/noise"),
            )
            made.append(fake)
            new_state[name] = {**net_state[name], "network": state}
        which = place % k
        fakes = jax.tree.map(lambda *each: jnp.stack(each)[which, place // k], *made)
        real = batch.get("image")
        if real is not None and example_shape(real) != example_shape(fakes):
            raise ValueError(
                f"the generators make examples of shape {example_shape(fakes)}; "
                f"the data's have shape {example_shape(real)}"
            )
        rest = {name: entry for name, entry in batch.items() if name != "image"}
        scene: Scene = {**rest, "latent": z, "generator": which, "real": real, "fake": fakes}
        return scene, new_state

    def logits(
        self, params: PlayerTree, state: PyTree, inputs: PyTree, context: Context, name: str
    ) -> tuple[Array, PyTree]:
        key = context.part_stream(f"disc/noise/{name}")
        logits, state = self.disc.apply(params["disc"], state, inputs, train=context.train, key=key)
        expected = (num_examples(inputs), len(self.gens) + 1)
        if jnp.shape(logits) != expected:
            raise ValueError(bad_value("the shape of the logits", jnp.shape(logits), f"{expected}"))
        return logits, state

    def critic(
        self,
        params: PlayerTree,
        net_state: PlayerTree,
        inputs: PyTree,
        scene: Scene,
        context: Context,
    ) -> Array:
        state = net_state["disc"]["network"]
        return _logit_of_real(self.logits(params, state, inputs, context, "real")[0])

    def losses(
        self, params: PlayerTree, net_state: PlayerTree, scene: Scene, context: Context
    ) -> Played:
        own, which, k = net_state["disc"], scene["generator"], len(self.gens)
        real, state = self.logits(params, own["network"], scene["real"], context, "real")
        fake, state = self.logits(params, state, scene["fake"], context, "fake")
        outputs = {"real": _logit_of_real(real), "fake": _logit_of_real(fake)}
        is_real = -jnp.mean(softplus(-outputs["real"]))  # log D of the data
        named = jnp.take_along_axis(log_softmax(fake), which[:, None], axis=1)[:, 0]
        # One over each generator's share of the whole batch, which is 1/k where k divides it.
        total = len(which) * context.num_parts
        weights = jnp.asarray([total / -(-(total - i) // k) for i in range(k)], named.dtype)
        values = {"disc": -is_real - jnp.mean(weights[which] * named)}
        if self.is_saturating:
            fooled, constant = -softplus(outputs["fake"]), is_real
        else:
            fooled, constant = softplus(-outputs["fake"]), jnp.zeros_like(is_real)
        for index, name in enumerate(self.gens):
            values[name] = constant + jnp.mean(
                jnp.where(which == index, weights[index] * fooled, 0)
            )
        right = jnp.argmax(fake[:, :k], axis=1).astype(which.dtype) == which
        metrics: dict[str, dict[str, Array]] = {name: {} for name in self.gens}
        metrics["disc"] = {
            "real_out": jnp.mean(outputs["real"]),
            "fake_out": jnp.mean(outputs["fake"]),
            "identified": jnp.mean(right.astype(real.dtype)),
        }
        return values, ({**net_state, "disc": {**own, "network": state}}, metrics, outputs)


def _logit_of_real(logits: Array) -> Array:
    """log D_{k+1} - log(1 - D_{k+1}), of the softmax."""
    return logits[:, -1] - logsumexp(logits[:, :-1], axis=1)
