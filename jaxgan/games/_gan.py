"""The generative adversarial network: any generator, discriminator, objective and latent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import jax

from jaxgan.core.examples import check_batch, entry_of, example_shape, num_examples
from jaxgan.core.game import Game, Played
from jaxgan.core.network import Network, Styles, detached_of
from jaxgan.core.ranges import Count, Width, checked
from jaxgan.core.state import Context, stream
from jaxgan.core.typing import Array, Batch, Key, NetState, PlayerTree, PyTree, Scene
from jaxgan.games._adversarial import Discriminator, gen_loss, loss_terms
from jaxgan.losses import Loss, non_saturating

Latent = Callable[[Key, tuple[int, ...]], Array]
"""Draws latents: (key, (num,)) -> an array whose first axis is num long."""


@checked
def normal_latent(dim: Width) -> Latent:
    """Standard normal latents, z ~ N(0, I).

    Args:
      dim: length of z.

    Returns:
      A `Latent` giving arrays of shape [num, dim].

    Raises:
      ValueError: if `dim` is not positive.

    Example:
      >>> normal_latent(3)(jax.random.key(0), (2,)).shape
      (2, 3)
    """
    return lambda key, shape: jax.random.normal(key, (*shape, dim))


@checked
def gan(
    gen: Network,
    disc: Network,
    *,
    latent: Width | Latent,
    loss: Loss | None = None,
    num_classes: Count | None = None,
) -> Game:
    """A two-player game between a generator and a discriminator.

    L_gen = E[loss.gen(D(x), D(G(z)))],  L_disc = E[loss.disc(D(x), D(G(z)))].
    Real and generated batches pass through the discriminator separately, so batch norm
    normalises each with its own statistics.

    With `num_classes` the game is conditional: both networks are given the labels of the batch,
    G(z, y) and D(x, y), so that every generated example has the label of the real one beside it,
    and classes are as frequent in both.

    The scene has `real` (the batch's `image`), `fake`, `latent` and whatever else the data have,
    such as `label`. An example is an array, or a tree of arrays [B, ...] such as a dict of images
    and depths: then the generator makes such trees, and the discriminator takes them. A batch that
    holds `latent` is used as it is: nothing is drawn, and without `image` there is no `real`.

    Where the generator has `styles`, the scene has them as `w`, [B, L, D], and a batch that holds
    `w` is used as it is. A batch with a scalar `truncation` ψ moves them towards their mean:
    w̄ + ψ (w - w̄).

    Args:
      gen: z -> image, or (z, label) -> image.
      disc: image -> logits of shape [B], or a dict with such `logits` and other heads' outputs
        (or whatever the loss takes, such as a tree of logits); of (image, label) in a conditional
        game.
      latent: the dimension of standard normal latents, or a function that draws them.
      loss: an adversarial objective, or a sum of several, whose terms are logged; non-saturating
        by default.
      num_classes: of a conditional game; labels are int32 in [0, num_classes).

    Returns:
      A `Game` with players `gen` and `disc`.

    Raises:
      ValueError: if the latent dimension or the number of classes is not positive or, when played,
        if the generator's examples are not of the data's shape or labels are missing.

    Example:
      >>> import flax.linen as nn
      >>> import jax.numpy as jnp
      >>> from jaxgan.core.network import Network
      >>> from jaxgan.models.adapters import from_linen
      >>> gen = from_linen(nn.Dense(2), jnp.zeros((1, 8)))
      >>> disc = Network(init=lambda key: (jnp.ones(2), {}),
      ...                apply=lambda w, state, x, train=True, key=None: (x @ w, state))
      >>> game = gan(gen, disc, latent=8)
      >>> params, net_state = game.init(jax.random.key(0))
      >>> context, batch = Context(jax.random.key(1)), {"image": jnp.ones((5, 2))}
      >>> scene, _ = game.generate(params, net_state, batch, context)
      >>> scene["fake"].shape, sorted(game.losses(params, net_state, scene, context)[0])
      ((5, 2), ['disc', 'gen'])

    References:
      Goodfellow et al., 2014 (arXiv:1406.2661). Conditional: Mirza & Osindero, 2014
      (arXiv:1411.1784).
    """
    objective = non_saturating() if loss is None else loss
    draw_latent = normal_latent(latent) if isinstance(latent, int) else latent
    _check_latent(gen, draw_latent)
    game = _Gan(
        gen=gen,
        disc=Discriminator(
            disc,
            objective,
            arguments=lambda inputs, scene: (inputs, *_labels(num_classes, scene)),
            finish=_described,
        ),
        draw_latent=draw_latent,
        num_classes=num_classes,
    )
    return Game(
        init=game.init,
        generate=game.generate,
        losses=game.losses,
        critic=game.disc.critic,
        couples_batch=gen.couples_batch or disc.couples_batch or objective.couples_batch,
        is_zero_sum=objective.is_zero_sum,
        terms=loss_terms(objective),
        detached=detached_of(gen, disc),
    )


@dataclass(frozen=True, eq=False)
class _Gan:
    gen: Network
    disc: Discriminator
    draw_latent: Latent
    num_classes: int | None

    def init(self, key: Key) -> tuple[PlayerTree, PlayerTree]:
        gen_params, gen_state = self.gen.init(stream(key, "init/gen"))
        disc_params, disc_state = self.disc.init(key)
        net_state = {"gen": {"network": gen_state}, "disc": disc_state}
        return {"gen": gen_params, "disc": disc_params}, net_state

    def generate(
        self, params: PlayerTree, net_state: PlayerTree, batch: Batch, context: Context
    ) -> tuple[Scene, PlayerTree]:
        own, gen = net_state["gen"], self.gen
        check_batch(batch)
        latents, inputs, network_state = self.inputs(params, own["network"], batch, context)
        fake, network_state = gen.apply(
            params["gen"],
            network_state,
            inputs,
            *_labels(self.num_classes, batch),
            train=context.train,
            key=context.part_stream("gen/noise"),
        )
        real = batch.get("image")
        if real is not None and example_shape(real) != example_shape(fake):
            raise ValueError(
                f"the generator makes examples of shape {example_shape(fake)}; "
                f"the data's have shape {example_shape(real)}"
            )
        rest = {name: entry for name, entry in batch.items() if name != "image"}
        scene: Scene = {**rest, **latents, "real": real, "fake": fake}
        return scene, {**net_state, "gen": {**own, "network": network_state}}

    def inputs(
        self, params: PlayerTree, state: NetState, batch: Batch, context: Context
    ) -> tuple[Batch, PyTree, NetState]:
        """The scene's latents, what the generator gets of them, and its network's state."""
        latents: Batch = {name: batch[name] for name in ("latent", "w") if name in batch}
        if not latents:
            num = num_examples(entry_of(batch, "image"))
            latents = {"latent": context.draw("latent", self.draw_latent, (num,))}
        if self.gen.styles is not None:
            w, state = self.styles(self.gen.styles, params, state, {**batch, **latents}, context)
            return {**latents, "w": w}, {"w": w}, state
        if "truncation" in batch:
            raise ValueError("truncation: this generator has no styles to truncate")
        return latents, latents.get("latent"), state

    def styles(
        self,
        styles: Styles,
        params: PlayerTree,
        state: NetState,
        batch: Batch,
        context: Context,
    ) -> tuple[Array, NetState]:
        """The batch's `w`, or that of its latents, moved towards the mean by its truncation."""
        if "w" in batch:
            w = batch["w"]
        else:
            key = context.part_stream("gen/styles")
            inputs = (batch["latent"], *_labels(self.num_classes, batch))
            w, state = styles.mapping(params["gen"], state, *inputs, train=context.train, key=key)
        if "truncation" in batch:
            mean = styles.mean(state).astype(w.dtype)[None, None]
            w = mean + batch["truncation"].astype(w.dtype) * (w - mean)
        return w, state

    def losses(
        self, params: PlayerTree, net_state: PlayerTree, scene: Scene, context: Context
    ) -> Played:
        disc = self.disc.losses(params, net_state, scene, context)
        real, fake, state = disc.outs["real"], disc.outs["fake"], net_state["disc"]["loss"]
        loss, terms = gen_loss(self.disc.objective, real, fake, state, context)
        return disc.joined(net_state, {"gen": loss}, {"gen": terms})


def _check_latent(gen: Network, draw: Latent) -> None:
    drawn = jax.eval_shape(lambda: draw(jax.random.key(0), (1,)))
    takes = gen.inputs[0] if gen.inputs else drawn
    if isinstance(takes, jax.ShapeDtypeStruct) and isinstance(drawn, jax.ShapeDtypeStruct):
        found, expected = example_shape(drawn), example_shape(takes)
        if found != expected:
            raise ValueError(f"latents have shape {found}; the generator takes {expected}")


def _labels(num_classes: int | None, batch: Mapping[str, Array]) -> tuple[Array, ...]:
    """What the networks of a conditional game are given beside their inputs."""
    if num_classes is None:
        return ()
    if "label" not in batch:
        raise ValueError("a conditional game needs labels; the data have none")
    return (batch["label"],)


def _described(out: PyTree, scene: Scene, name: str) -> PyTree:
    """The output of several heads, with what losses on them must know of the examples."""
    if not isinstance(out, dict):
        return out
    known = ("label", "latent") if name == "fake" else ("label",)
    return {**{key: scene[key] for key in known if key in scene}, **out}
