"""Games that make an image of another one, with its true counterpart to compare with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from jaxgan.core.examples import entry_of
from jaxgan.core.game import Game, Played
from jaxgan.core.heads import logits_of
from jaxgan.core.loss import with_logits
from jaxgan.core.network import Network, detached_of
from jaxgan.core.ranges import NonNegativeSchedule, checked
from jaxgan.core.schedules import at
from jaxgan.core.state import Context, stream
from jaxgan.core.typing import Array, Batch, Key, PlayerTree, PyTree, ScalarOrSchedule, Scene
from jaxgan.games._adversarial import Discriminator, gen_loss, loss_terms, with_terms_logged
from jaxgan.losses import Loss

Comparison = Callable[[Array, Array], Array]
"""(real, fake) -> values of shape [B], such as `auxiliary.l1`."""

Comparisons = Mapping[str, tuple[NonNegativeSchedule, Comparison]]
"""Weights and comparisons by the names under which they are logged."""


def flat_logits(out: PyTree) -> PyTree:
    """A discriminator's output with a row for every patch: logits [B, h, w] become [B h w].

    Args:
      out: logits of shape [B, ...], or a dict that holds them as `logits`. Of several outputs, a
        tree of logits, `over_outputs` does it.

    Returns:
      The same kind of output, with logits of one axis.

    Example:
      >>> flat_logits(jnp.zeros((2, 3, 3))).shape
      (18,)
    """
    logits = logits_of(out)
    return with_logits(out, logits.reshape(-1)) if jax.tree_util.all_leaves([logits]) else out


@checked
def translation(
    gen: Network,
    disc: Network,
    *,
    loss: Loss,
    comparisons: Comparisons,
    adversarial_weight: NonNegativeSchedule = 1.0,
    shows_source: bool = True,
) -> Game:
    """A generator that makes images of sources, judged by a discriminator and by the true images.

    L_gen = w E[loss.gen] + Σ_k λ_k E[c_k(x, G(s))],  L_disc = E[loss.disc(D(s, x), D(s, G(s)))]

    for pairs of a source s and its image x. Logits of patches, [B, h, w], are so many examples to
    the objective. There are no latents: what is random in G, such as dropout, draws from its key.

    The scene has `source`, `real` and `fake`, and whatever else the data have. `critic` is a
    function of images, beside the scene's sources, to the logits of all patches; so a penalty on
    its gradient sees, for each image, the gradient of the sum over its patches.

    Args:
      gen: source -> image.
      disc: of the source and the image joined along the channels, or of the image alone, to logits
        of shape [B] or [B, h, w], or a dict with such `logits`.
      loss: an adversarial objective.
      comparisons: with the true image: λ_k and c_k by name; their means are logged.
      adversarial_weight: w.
      shows_source: whether the discriminator sees the source.

    Returns:
      A `Game` with players `gen` and `disc`.

    Raises:
      ValueError: if a weight is negative or, when played, the data have no `source` or shapes do
        not fit.

    Example:
      >>> import jax
      >>> from jaxgan.auxiliary import l2
      >>> from jaxgan.losses import hinge
      >>> pixel = Network(init=lambda key: (jnp.ones(()), {}),
      ...                 apply=lambda w, state, x, train=True, key=None: (w * x, state))
      >>> game = translation(pixel, pixel, loss=hinge(), comparisons={"l2": (1.0, l2)})
      >>> game.players
      ('disc', 'gen')

    References:
      Isola et al., 2017 (arXiv:1611.07004).
    """

    game = _Translation(
        gen=gen,
        disc=Discriminator(
            disc,
            loss,
            arguments=lambda image, scene: (
                beside(scene["source"], image) if shows_source else image,
            ),
            finish=lambda out, scene, name: flat_logits(out),
        ),
        comparisons=comparisons,
        adversarial_weight=adversarial_weight,
    )
    return Game(
        init=game.init,
        generate=game.generate,
        losses=game.losses,
        critic=game.disc.critic,
        couples_batch=gen.couples_batch or disc.couples_batch or loss.couples_batch,
        terms=loss_terms(loss),
        detached=detached_of(gen, disc),
    )


@dataclass(frozen=True, eq=False)
class _Translation:
    gen: Network
    disc: Discriminator
    comparisons: Comparisons
    adversarial_weight: ScalarOrSchedule

    def init(self, key: Key) -> tuple[PlayerTree, PlayerTree]:
        gen_params, gen_state = self.gen.init(stream(key, "init/gen"))
        disc_params, disc_state = self.disc.init(key)
        net_state = {"gen": {"network": gen_state}, "disc": disc_state}
        return {"gen": gen_params, "disc": disc_params}, net_state

    def generate(
        self, params: PlayerTree, net_state: PlayerTree, batch: Batch, context: Context
    ) -> tuple[Scene, PlayerTree]:
        if "source" not in batch:
            raise ValueError("a game of translation needs 'source' in the data, such as paired:DIR")
        own = net_state["gen"]
        key = context.part_stream("gen/noise")
        fake, network = self.gen.apply(
            params["gen"], own["network"], entry_of(batch, "source"), train=context.train, key=key
        )
        real = batch.get("image")
        if real is not None and real.shape != fake.shape:
            raise ValueError(
                f"the generator makes images of shape {fake.shape[1:]}; "
                f"the data's have shape {real.shape[1:]}"
            )
        rest = {name: entry for name, entry in batch.items() if name != "image"}
        scene = {**rest, "real": real, "fake": fake}
        return scene, {**net_state, "gen": {**own, "network": network}}

    def losses(
        self, params: PlayerTree, net_state: PlayerTree, scene: Scene, context: Context
    ) -> Played:
        disc = self.disc.losses(params, net_state, scene, context)
        real, fake, state = disc.outs["real"], disc.outs["fake"], net_state["disc"]["loss"]
        adversarial, terms = gen_loss(self.disc.objective, real, fake, state, context)
        metrics = {"adversarial": adversarial}
        total = _weighted(self.adversarial_weight, adversarial, context)
        for name, (weight, compare) in self.comparisons.items():
            metrics[name] = jnp.mean(compare(scene["real"], scene["fake"]))
            total += _weighted(weight, metrics[name], context)
        terms = {k: _weighted(self.adversarial_weight, v, context) for k, v in terms.items()}
        metrics = with_terms_logged(metrics, terms)
        return disc.joined(net_state, {"gen": total}, {"gen": metrics})


def beside(source: Array, image: Array) -> Array:
    """A source and an image as one, joined along the channels.

    Args:
      source: [B, H, W, C'].
      image: [B, H, W, C].

    Returns:
      [B, H, W, C' + C].

    Raises:
      ValueError: if they are not of one size.

    Example:
      >>> beside(jnp.zeros((1, 2, 2, 1)), jnp.zeros((1, 2, 2, 3))).shape
      (1, 2, 2, 4)
    """
    if source.shape[:-1] != image.shape[:-1]:
        raise ValueError(
            f"the source is of {source.shape[1:3]} pixels, the image of {image.shape[1:3]}; "
            "a discriminator that sees both needs one size"
        )
    return jnp.concatenate([source, image], axis=-1)


def _weighted(weight: ScalarOrSchedule, value: Array, context: Context) -> Array:
    return jnp.asarray(at(weight, context.step), value.dtype) * value
