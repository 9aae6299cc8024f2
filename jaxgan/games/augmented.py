"""Games in which the discriminator sees changed examples: fixed augmentation, instance noise."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgan.augment import AdaptiveAugment, Augment, each
from jaxgan.checks import check_scalar
from jaxgan.game import Game, Played
from jaxgan.schedules import at
from jaxgan.state import Context
from jaxgan.typing import Array, Key, PlayerTree, PyTree, ScalarOrSchedule, Scene

Change = Callable[[Array, str, PlayerTree, Scene, Context], Array]
"""(examples, `"real"` or `"fake"`, net_state, scene, context) -> what the discriminator sees."""


def augmented(game: Game, augment: Augment) -> Game:
    """The game in which the discriminator sees augmented examples only.

    L(D ∘ T): T augments real and generated examples alike, in every player's loss, so that the
    generator learns the data and not their augmentations. Samples stay as they are, and so does all
    in a context that does not train. Each example has its own draw, the same whatever the number of
    devices or microbatches. `critic`, and with it every penalty put around this, looks through the
    real examples' draws: R1 is the gradient of D ∘ T.

    Args:
      game: such as a `gan` of images.
      augment: such as `augment.diffaugment()`. Two that follow one another are one function, for
        nested games of this kind would share their draws.

    Returns:
      A `Game`.

    Raises:
      ValueError: if the game looks ahead: use `unrolled(augmented(game, augment))`; and, when
        played, if its scene has no real and fake examples, or a `source` that they belong to.

    Example:
      >>> from jaxgan.games import dirac
      >>> game = augmented(dirac(), lambda key, examples: examples + 2.0)
      >>> params, context = {"gen": jnp.ones(1), "disc": jnp.ones(1)}, Context(jax.random.key(0))
      >>> game.critic(params, game.init(context.key)[1], jnp.zeros((1, 1)), {}, context).tolist()
      [2.0]

    References:
      Zhao et al., 2020 (arXiv:2006.10738), section 3.
    """

    def change(
        examples: Array, which: str, net_state: PlayerTree, scene: Scene, context: Context
    ) -> Array:
        return each(augment, example_keys(context, f"augment/{which}", len(examples)), examples)

    return through(game, change, "augmented")


def augmented_at(game: Game, augment: AdaptiveAugment, *, p: ScalarOrSchedule) -> Game:
    """As `augmented`, each change being made with a probability that may be a schedule of the step.

    Args:
      game: such as a `gan` of images.
      augment: such as `augment.bgc()`.
      p: the probability of each change, a number or a schedule of the step.

    Returns:
      A `Game`; with p = 0 it is the one given.

    Raises:
      ValueError: if a number is not in [0, 1]; and as `augmented`.

    Example:
      >>> from jaxgan.augment import adjustable
      >>> from jaxgan.games import dirac
      >>> from jaxgan.schedules import cosine
      >>> brighter = adjustable(lambda key, images: images + 2.0)
      >>> augmented_at(dirac(), brighter, p=cosine(0.0, 0.55, 39_062)).players
      ('disc', 'gen')

    References:
      As in R3GAN (Huang et al., 2024, arXiv:2501.05441); the changes of Karras et al., 2020
      (arXiv:2006.06676).
    """
    check_scalar("p", p, at_least=0, at_most=1)

    def change(
        examples: Array, which: str, net_state: PlayerTree, scene: Scene, context: Context
    ) -> Array:
        now = jnp.asarray(at(p, context.step), examples.dtype)
        keys = example_keys(context, f"augment/{which}", len(examples))
        return each(lambda key, images: augment(key, images, now), keys, examples)

    return through(game, change, "augmented_at")


def instance_noise(game: Game, std: ScalarOrSchedule) -> Game:
    """The game in which the discriminator sees every example through Gaussian noise.

    x + σ ε, ε ~ N(0, I), for real and generated examples alike: both distributions have full
    support, so that their divergence is finite and the discriminator's gradient informative. On
    points and on images; samples stay clean. `critic` adds the real examples' noise.

    Args:
      game: such as a `gan`.
      std: σ, in the units of the data: a number or a schedule of the step, which usually falls.

    Returns:
      A `Game`.

    Raises:
      ValueError: if σ is negative, or the game looks ahead: use `unrolled(instance_noise(...))`;
        and, when played, if its scene has no real and fake examples, or a `source`.

    Example:
      >>> from jaxgan.games import dirac
      >>> from jaxgan.schedules import linear
      >>> game = instance_noise(dirac(), linear(0.1, 0.0, num_steps=1000))
      >>> params, context = {"gen": jnp.ones(1), "disc": jnp.ones(1)}, Context(jax.random.key(0))
      >>> seen = game.critic(params, game.init(context.key)[1], jnp.zeros((2, 1)), {}, context)
      >>> bool(seen[0] == seen[1])
      False

    References:
      Sønderby et al., 2017 (arXiv:1610.04490); Arjovsky & Bottou, 2017 (arXiv:1701.04862).
    """
    check_scalar("std", std, at_least=0)

    def change(
        examples: Array, which: str, net_state: PlayerTree, scene: Scene, context: Context
    ) -> Array:
        keys = example_keys(context, f"instance_noise/{which}", len(examples))
        noise = jax.vmap(lambda key: jax.random.normal(key, examples.shape[1:], examples.dtype))
        scale = jnp.asarray(at(std, context.step), examples.dtype)
        return examples + scale * noise(keys)

    return through(game, change, "instance_noise")


def through(game: Game, change: Change, asker: str) -> Game:
    """The game whose discriminator sees its examples changed: what all of these share.

    Args:
      game: any game with a `real` and a `fake` in its scene.
      change: (examples, which, net_state, scene, context) -> examples.
      asker: who asks, for the message.

    Returns:
      A `Game`; in a context that does not train, it is the one given.

    Raises:
      ValueError: if the game looks ahead.

    Example:
      >>> from jaxgan.games import dirac
      >>> def twice(examples, which, net_state, scene, context):
      ...     return 2.0 * examples
      >>> params, context = {"gen": jnp.ones(1), "disc": jnp.ones(1)}, Context(jax.random.key(0))
      >>> game = through(dirac(), twice, "twice")
      >>> game.critic(params, game.init(context.key)[1], jnp.ones((1, 1)), {}, context).tolist()
      [2.0]
    """
    if game.foresees:
        raise ValueError(
            f"{asker}: the game looks ahead, with what it has seen before; "
            f"use unrolled({asker}(game, ...))"
        )

    def see(net_state: PlayerTree, scene: Scene, context: Context) -> Scene:
        seen = {
            which: change(scene[which], which, net_state, scene, context)
            for which in ("real", "fake")
            if isinstance(scene.get(which), Array)
        }
        if isinstance(scene.get("reconstruction"), Array):  # it is compared with its real example
            seen["reconstruction"] = change(
                scene["reconstruction"], "real", net_state, scene, context
            )
        return {**scene, **seen}

    def losses(params: PlayerTree, net_state: PlayerTree, scene: Scene, context: Context) -> Played:
        for which in ("real", "fake"):
            if not isinstance(scene.get(which), Array):
                raise ValueError(
                    f"{asker} needs a game whose scene has an array {which!r}, such as `gan`"
                )
        if "source" in scene:
            raise ValueError(
                f"{asker}: the game makes images of a `source`, and compares them with the true "
                "ones; changed apart, they would no longer belong together"
            )
        if context.train:
            scene = see(net_state, scene, context)
        return game.losses(params, net_state, scene, context)

    def critic(
        params: PlayerTree, net_state: PlayerTree, inputs: PyTree, scene: Scene, context: Context
    ) -> PyTree:
        if context.train:
            inputs = change(inputs, "real", net_state, scene, context)
            scene = see(net_state, scene, context)
        return game.critic(params, net_state, inputs, scene, context)

    return game._replace(losses=losses, critic=critic)


def example_keys(context: Context, name: str, num: int) -> Array:
    """A key for each example of this part of the batch, of a named stream.

    Args:
      context: of this update.
      name: the stream's.
      num: examples in this part.

    Returns:
      Typed PRNG keys of shape [num]; those of the parts of a batch are those of the whole.

    Example:
      >>> whole = example_keys(Context(jax.random.key(0)), "noise", 4)
      >>> half = Context(jax.random.key(0), part=jnp.int32(1), num_parts=2)
      >>> bool((example_keys(half, "noise", 2) == whole[2:]).all())
      True
    """

    def split(key: Key, shape: tuple[int, ...]) -> Array:
        return jax.random.split(key, shape)

    return context.draw(name, split, (num,))
