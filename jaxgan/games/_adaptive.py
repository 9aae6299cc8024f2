"""Augmentation whose strength follows how much the discriminator overfits."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.augment import AdaptiveAugment, bgc, each
from jaxgan.core.derivatives import held
from jaxgan.core.examples import num_examples
from jaxgan.core.game import Game, Played
from jaxgan.core.heads import logits_of
from jaxgan.core.ranges import Count, SignedFraction, checked
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, Key, PlayerTree, PyTree, Scene
from jaxgan.games._augmented import example_keys, through

State = dict[str, Array]

_AdaptiveChange = Callable[[PyTree, str, Array, PlayerTree, Scene, Context], PyTree]
"""(examples, which, p, params, scene, context) -> examples."""


@checked
def ada(
    game: Game,
    *,
    target: SignedFraction = 0.6,
    length_images: Count = 500_000,
    every: Count = 4,
    augment: AdaptiveAugment | None = None,
) -> Game:
    """Adaptive discriminator augmentation.

    The discriminator sees augmented examples only, as in `augmented`, each change being made with
    probability p. Where the discriminator overfits it is sure of real examples, so p follows
    r_t = E[sign D(x)] over the real ones that it has seen in its last `every` updates:

    p ← clip(p + sign(r_t - target) · every · B / length_images, 0, 1), B the whole batch.

    p starts at 0. It lives in the discriminator's `net_state` and moves in its updates only: at the
    start of the first one after r_t is complete, so that the parts of a batch (microbatches,
    replicas) all see the same p. Logged are `augment_p` and, of this batch, `augment_r`.

    Args:
      game: such as a `gan` of images; the logit of an example that looks real is positive.
      target: what r_t is to be; 0.6, or up to 0.9 for more data.
      length_images: real images in which p could go from 0 to 1.
      every: updates of the discriminator between changes of p.
      augment: such as `augment.bgc()`, the paper's default, or `augment.adjustable(...)`.

    Returns:
      A `Game`.

    Raises:
      ValueError: for an argument out of its range, a game without discriminator, or one that looks
        ahead: use `unrolled(ada(game))`.

    Example:
      >>> from jaxgan.augment import adjustable
      >>> from jaxgan.games import dirac
      >>> shifted = adjustable(lambda key, examples: examples + 1.0)
      >>> game = ada(dirac(), augment=shifted)
      >>> _, net_state = game.init(jax.random.key(0))
      >>> net_state["disc"]["ada"]["p"].item()
      0.0

    References:
      Karras et al., 2020 (arXiv:2006.06676), section 3.
    """
    changed = bgc() if augment is None else augment

    def change(
        examples: PyTree, which: str, p: Array, params: PlayerTree, scene: Scene, context: Context
    ) -> PyTree:
        def at_p(key: Key, images: PyTree) -> PyTree:
            return changed(key, images, p)

        return each(at_p, example_keys(context, f"ada/{which}", num_examples(examples)), examples)

    return _adaptive(game, change, "ada", "augment", target, length_images, every)


@checked
def apa(
    game: Game,
    *,
    target: SignedFraction = 0.6,
    length_images: Count = 500_000,
    every: Count = 4,
) -> Game:
    """Adaptive pseudo augmentation: generated examples among the real ones.

    With probability p the discriminator is shown G(z_i) as real in the place of x_i: the generated
    example beside it, which has its label. No gradient reaches the generator through it, and the
    field's Jacobian sees how it moves. p follows
    λ_r = E[sign D(x)] over what is shown as real, as in `ada`. `critic` is the game's own, so that
    R1 and the like put around this are taken where they say; `apa(with_penalty(game, r1()))` takes
    R1 at what is shown, as the published code does. That code shows the generator's last batch
    instead, so that no example is both at once.

    Logged are `pseudo_p` and, of this batch, `pseudo_r`.

    Args:
      game: such as a `gan`, of images or of points.
      target: what λ_r is to be.
      length_images: real images in which p could go from 0 to 1.
      every: updates of the discriminator between changes of p.

    Returns:
      A `Game`. With `apa(augmented(game, ...))` pseudo examples are augmented as real ones are.

    Raises:
      ValueError: for an argument out of its range, a game without discriminator, or one that looks
        ahead: use `unrolled(apa(game))`.

    Example:
      >>> from jaxgan.games import dirac
      >>> game = apa(dirac())
      >>> game.init(jax.random.key(0))[1]["disc"]["apa"]["p"].item()
      0.0

    References:
      Jiang et al., 2021 (arXiv:2111.06849), section 3.
    """

    def change(
        examples: PyTree, which: str, p: Array, params: PlayerTree, scene: Scene, context: Context
    ) -> PyTree:
        if which == "fake":
            return examples
        drawn = context.draw("apa", jax.random.uniform, (num_examples(examples),))
        is_pseudo = drawn < p.astype(drawn.dtype)

        def choose(made: Array, x: Array) -> Array:
            return jnp.where(is_pseudo.reshape(-1, *(1,) * (x.ndim - 1)), made, x)

        return jax.tree.map(choose, held(scene["fake"], params), examples)

    made = _adaptive(game, change, "apa", "pseudo", target, length_images, every)
    # It changes which examples are shown, and not how one is seen.
    return made._replace(critic=game.critic)


def adapted(
    state: State, context: Context, batch_size: int, target: float, length_images: int, every: int
) -> State:
    """The controller's state as it is in this update: p moves as soon as `every` are complete.

    Args:
      state: `p`, the sum `signs` over `calls` mean signs of real logits, and of which `update`.
      context: with the number of the discriminator's updates.
      batch_size: real examples in this part of the batch.
      target: what the mean sign is to be.
      length_images: real images in which p could go from 0 to 1.
      every: updates between changes of p.

    Returns:
      A state like it; the very same within one update, however many parts its batch has.

    Example:
      >>> state = {"p": jnp.float32(0.5), "signs": jnp.float32(4.0), "calls": jnp.float32(4.0),
      ...          "update": jnp.int32(3)}
      >>> context = Context(jax.random.key(0), updates={"disc": jnp.int32(4)})
      >>> round(adapted(state, context, 25, 0.6, 1000, 4)["p"].item(), 3)
      0.6
    """
    now = context.num_updates("disc")
    is_due = (now != state["update"]) & (now % every == 0) & (state["calls"] > 0)
    mean = state["signs"] / jnp.maximum(state["calls"], 1.0)
    stride = every * batch_size * context.num_parts / length_images
    p = jnp.clip(state["p"] + stride * jnp.sign(mean - jnp.asarray(target, mean.dtype)), 0.0, 1.0)
    none = jnp.zeros_like(mean)
    return {
        "p": jnp.where(is_due, p, state["p"]),
        "signs": jnp.where(is_due, none, state["signs"]),
        "calls": jnp.where(is_due, none, state["calls"]),
        "update": state["update"],
    }


def _adaptive(
    game: Game,
    change: _AdaptiveChange,
    name: str,
    logged_as: str,
    target: float,
    length_images: int,
    every: int,
) -> Game:
    """The game seen through a change whose probability follows the signs of real logits."""
    if "disc" not in game.players:
        raise ValueError(f"{name}: the game's players are {list(game.players)}; it needs 'disc'")

    def state_now(net_state: PlayerTree, scene: Scene, context: Context) -> State:
        num = num_examples(scene["fake"])
        state = adapted(net_state["disc"][name], context, num, target, length_images, every)
        # Signs have derivative 0, but what is made of p may have an infinite one.
        return lax.stop_gradient(state)

    def init(key: Key) -> tuple[PlayerTree, PlayerTree]:
        params, net_state = game.init(key)
        if name in net_state["disc"]:
            raise ValueError(f"{name}: the game has one already")
        zero = jnp.zeros((), jnp.float32)
        state = {"p": zero, "signs": zero, "calls": zero, "update": jnp.int32(0)}
        return params, {**net_state, "disc": {**net_state["disc"], name: state}}

    def at_this_p(
        examples: PyTree,
        which: str,
        params: PlayerTree,
        net_state: PlayerTree,
        scene: Scene,
        context: Context,
    ) -> PyTree:
        p = state_now(net_state, scene, context)["p"]
        return change(examples, which, p, params, scene, context)

    seen = through(game, at_this_p, name)

    def losses(params: PlayerTree, net_state: PlayerTree, scene: Scene, context: Context) -> Played:
        values, (new_state, metrics, outputs) = seen.losses(params, net_state, scene, context)
        if not context.train:
            return values, (new_state, metrics, outputs)
        state = state_now(net_state, scene, context)
        mean = _mean_sign(outputs, name)
        state = {
            "p": state["p"],
            "signs": state["signs"] + mean,
            "calls": state["calls"] + 1.0,
            "update": jnp.asarray(context.num_updates("disc"), jnp.int32),
        }
        logged = {f"{logged_as}_p": state["p"], f"{logged_as}_r": mean}
        new_state = {**new_state, "disc": {**new_state["disc"], name: state}}
        metrics = {**metrics, "disc": {**metrics["disc"], **logged}}
        return values, (new_state, metrics, outputs)

    return seen._replace(init=init, losses=losses)


def _mean_sign(outputs: PyTree, caller: str) -> Array:
    if "real" not in outputs:
        raise ValueError(f"{caller} needs a game with a discriminator's outputs, such as `gan`")
    logits = jax.tree.leaves(lax.stop_gradient(logits_of(outputs["real"])))
    means = [jnp.mean(jnp.sign(each).astype(jnp.float32)) for each in logits]
    return means[0] if len(means) == 1 else jnp.mean(jnp.stack(means))
