"""The generative adversarial network: any generator, discriminator, objective and latent."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgan.core.examples import example_shape, num_examples
from jaxgan.core.game import Game, Played
from jaxgan.core.heads import logits_of
from jaxgan.core.network import Network, detached_of
from jaxgan.core.state import Context, stream
from jaxgan.core.typing import Array, Batch, Key, PlayerTree, PyTree, Scene
from jaxgan.losses import Loss, non_saturating

Latent = Callable[[Key, tuple[int, ...]], Array]
"""Draws latents: (key, (num,)) -> an array whose first axis is num long."""


def normal_latent(dim: int) -> Latent:
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
    if dim < 1:
        raise ValueError(f"latent dimension is {dim}; it must be at least 1")
    return lambda key, shape: jax.random.normal(key, (*shape, dim))


def gan(
    gen: Network,
    disc: Network,
    *,
    latent: int | Latent,
    loss: Loss | None = None,
    num_classes: int | None = None,
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
    holds `latent` is taken at its word: nothing is drawn, and without `image` there is no `real`.

    Where the generator has `styles`, the scene has them as `w`, [B, L, D], and a batch that holds
    `w` is taken at its word. A batch with a scalar `truncation` ψ moves them towards their mean:
    w̄ + ψ (w - w̄).

    Args:
      gen: z -> image, or (z, label) -> image.
      disc: image -> logits of shape [B], or a dict with such `logits` and other heads' outputs
        (or whatever the loss takes); of (image, label) in a conditional game.
      latent: the dimension of standard normal latents, or a function that draws them.
      loss: an adversarial objective; non-saturating by default.
      num_classes: of a conditional game; labels are int32 in [0, num_classes).

    Returns:
      A `Game` with players `gen` and `disc`.

    Raises:
      ValueError: if the latent dimension or the number of classes is not positive or, when played,
        if the generator's examples are not of the data's shape or labels are missing.

    Example:
      >>> import flax.linen as nn
      >>> from jaxgan.core.network import Network
      >>> from jaxgan.models.adapters import from_linen
      >>> gen = from_linen(nn.Dense(2), jnp.zeros((1, 8)))
      >>> disc = Network(lambda key: (jnp.ones(2), {}),
      ...                lambda w, state, x, train=True, key=None: (x @ w, state))
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
    if num_classes is not None and num_classes < 1:
        raise ValueError(f"num_classes is {num_classes}; it must be at least 1, or None")
    objective = non_saturating() if loss is None else loss
    draw_latent = normal_latent(latent) if isinstance(latent, int) else latent

    def init(key: Key) -> tuple[PlayerTree, PlayerTree]:
        gen_params, gen_state = gen.init(stream(key, "init/gen"))
        disc_params, disc_state = disc.init(stream(key, "init/disc"))
        net_state = {
            "gen": {"network": gen_state},
            "disc": {"network": disc_state, "loss": objective.init()},
        }
        return {"gen": gen_params, "disc": disc_params}, net_state

    def labels(batch: Batch) -> tuple[Array, ...]:
        if num_classes is None:
            return ()
        if "label" not in batch:
            raise ValueError("a conditional game needs labels; the data have none")
        return (batch["label"],)

    def styled(
        params: PlayerTree, state: PyTree, latents: Batch, batch: Batch, context: Context
    ) -> tuple[Batch, PyTree]:
        assert gen.styles is not None
        if "w" in latents:
            w = latents["w"]
        else:
            key = context.part_stream("gen/styles")
            inputs = (latents["latent"], *labels(batch))
            w, state = gen.styles.mapping(
                params["gen"], state, *inputs, train=context.train, key=key
            )
        if "truncation" in batch:
            mean = gen.styles.mean(state).astype(w.dtype)[None, None]
            w = mean + batch["truncation"].astype(w.dtype) * (w - mean)
        return {**latents, "w": w}, state

    def generate(
        params: PlayerTree, net_state: PlayerTree, batch: Batch, context: Context
    ) -> tuple[Scene, PlayerTree]:
        known = ("latent", "w")
        latents: Batch = {name: entry for name, entry in batch.items() if name in known}
        if not latents:
            num = num_examples(batch["image"])
            latents = {"latent": context.draw("latent", draw_latent, (num,))}
        own = net_state["gen"]
        network_state = own["network"]
        inputs: PyTree = latents.get("latent")
        if gen.styles is not None:
            latents, network_state = styled(params, network_state, latents, batch, context)
            inputs = {"w": latents["w"]}
        elif "truncation" in batch:
            raise ValueError("truncation: this generator has no styles to truncate")
        fake, network_state = gen.apply(
            params["gen"],
            network_state,
            inputs,
            *labels(batch),
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

    def discriminate(
        params: PlayerTree, state: PyTree, inputs: PyTree, scene: Scene, context: Context, name: str
    ) -> tuple[PyTree, PyTree]:
        out, state = disc.apply(
            params["disc"],
            state,
            inputs,
            *labels(scene),
            train=context.train,
            key=context.part_stream(f"disc/noise/{name}"),
        )
        if isinstance(out, dict):  # for losses on other heads: what those examples are
            known = ("label", "latent") if name == "fake" else ("label",)
            out = {**{key: scene[key] for key in known if key in scene}, **out}
        return out, state

    def losses(params: PlayerTree, net_state: PlayerTree, scene: Scene, context: Context) -> Played:
        own = net_state["disc"]
        network = own["network"]
        outputs = {}
        for name in ("real", "fake"):
            outputs[name], network = discriminate(
                params, network, scene[name], scene, context, name
            )
        real_out, fake_out = outputs["real"], outputs["fake"]
        disc_values, loss_state = objective.disc(real_out, fake_out, own["loss"], context)
        gen_values = objective.gen(real_out, fake_out, own["loss"], context)
        values = {"gen": jnp.mean(gen_values), "disc": jnp.mean(disc_values)}
        disc_metrics = {
            "real_out": _mean(logits_of(real_out)),
            "fake_out": _mean(logits_of(fake_out)),
            **(loss_state if isinstance(loss_state, dict) else {}),
        }
        new_state = {**net_state, "disc": {**own, "network": network, "loss": loss_state}}
        return values, (new_state, {"gen": {}, "disc": disc_metrics}, outputs)

    def critic(
        params: PlayerTree, net_state: PlayerTree, inputs: PyTree, scene: Scene, context: Context
    ) -> PyTree:
        network_state = net_state["disc"]["network"]
        out, _ = discriminate(params, network_state, inputs, scene, context, "real")
        return out

    couples = gen.couples_batch or disc.couples_batch or objective.couples_batch
    return Game(
        init,
        generate,
        losses,
        critic,
        couples,
        objective.is_zero_sum,
        detached=detached_of(gen, disc),
    )


def _mean(outputs: PyTree) -> Array:
    return jnp.mean(jnp.stack([jnp.mean(leaf) for leaf in jax.tree.leaves(outputs)]))
