"""Games in which the discriminator sees changed examples: fixed augmentation, instance noise."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgan.augment import AdaptiveAugment, Augment, each
from jaxgan.core.examples import map_named, num_examples
from jaxgan.core.game import Game, Played
from jaxgan.core.ranges import FractionSchedule, NonNegativeSchedule, checked
from jaxgan.core.schedules import at
from jaxgan.core.state import Context
from jaxgan.core.typing import Array, Key, PlayerTree, PyTree, Scene

Change = Callable[[PyTree, str, PlayerTree, PlayerTree, Scene, Context], PyTree]
"""(examples, `"real"` or `"fake"`, params, net_state, scene, context) -> what the discriminator
sees."""

_COMPARED = ("source", "cycle")
"""What games that make images of others have in their scene."""


@checked
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
        played, if its scene has no real and fake examples, or a `source` or `cycle` that they
        belong to.

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
        examples: PyTree,
        which: str,
        params: PlayerTree,
        net_state: PlayerTree,
        scene: Scene,
        context: Context,
    ) -> PyTree:
        keys = example_keys(context, f"augment/{which}", num_examples(examples))
        return each(augment, keys, examples)

    return through(game, change, "augmented")


@checked
def augmented_at(game: Game, augment: AdaptiveAugment, *, p: FractionSchedule) -> Game:
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
      >>> from jaxgan.core.schedules import cosine
      >>> brighter = adjustable(lambda key, images: images + 2.0)
      >>> augmented_at(dirac(), brighter, p=cosine(0.0, 0.55, 39_062)).players
      ('disc', 'gen')

    References:
      As in R3GAN (Huang et al., 2024, arXiv:2501.05441); the changes of Karras et al., 2020
      (arXiv:2006.06676).
    """

    def change(
        examples: PyTree,
        which: str,
        params: PlayerTree,
        net_state: PlayerTree,
        scene: Scene,
        context: Context,
    ) -> PyTree:
        now = jnp.asarray(at(p, context.step), jax.tree.leaves(examples)[0].dtype)
        keys = example_keys(context, f"augment/{which}", num_examples(examples))
        return each(lambda key, images: augment(key, images, now), keys, examples)

    return through(game, change, "augmented_at")


@checked
def instance_noise(game: Game, *, std: NonNegativeSchedule) -> Game:
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
        and, when played, if its scene has no real and fake examples, or a `source` or `cycle`.

    Example:
      >>> from jaxgan.games import dirac
      >>> from jaxgan.core.schedules import linear
      >>> game = instance_noise(dirac(), std=linear(0.1, 0.0, num_steps=1000))
      >>> params, context = {"gen": jnp.ones(1), "disc": jnp.ones(1)}, Context(jax.random.key(0))
      >>> seen = game.critic(params, game.init(context.key)[1], jnp.zeros((2, 1)), {}, context)
      >>> bool(seen[0] == seen[1])
      False

    References:
      Sønderby et al., 2017 (arXiv:1610.04490); Arjovsky & Bottou, 2017 (arXiv:1701.04862).
    """

    def change(
        examples: PyTree,
        which: str,
        params: PlayerTree,
        net_state: PlayerTree,
        scene: Scene,
        context: Context,
    ) -> PyTree:
        whole = f"instance_noise/{which}"

        def noisy(name: str, x: Array) -> Array:
            keys = example_keys(context, name, len(x))
            noise: Array = jax.vmap(lambda key: jax.random.normal(key, x.shape[1:], x.dtype))(keys)
            return x + jnp.asarray(at(std, context.step), x.dtype) * noise

        return map_named(noisy, whole, examples)

    return through(game, change, "instance_noise")


def through(game: Game, change: Change, caller: str) -> Game:
    """The game whose discriminator sees its examples changed: what all of these share.

    Args:
      game: any game with a `real` and a `fake` in its scene.
      change: (examples, which, params, net_state, scene, context) -> examples.
      caller: who asks, for the message.

    Returns:
      A `Game`; in a context that does not train, it is the one given.

    Raises:
      ValueError: if the game looks ahead.

    Example:
      >>> from jaxgan.games import dirac
      >>> def twice(examples, which, params, net_state, scene, context):
      ...     return 2.0 * examples
      >>> params, context = {"gen": jnp.ones(1), "disc": jnp.ones(1)}, Context(jax.random.key(0))
      >>> game = through(dirac(), twice, "twice")
      >>> game.critic(params, game.init(context.key)[1], jnp.ones((1, 1)), {}, context).tolist()
      [2.0]
    """
    if game.is_unrolled:
        raise ValueError(
            f"{caller}: the game looks ahead, with what it has seen before; "
            f"use unrolled({caller}(game, ...))"
        )

    def see(params: PlayerTree, net_state: PlayerTree, scene: Scene, context: Context) -> Scene:
        seen = {
            which: change(scene[which], which, params, net_state, scene, context)
            for which in ("real", "fake")
            if scene.get(which) is not None
        }
        if "reconstruction" in scene:  # it is compared with its real example
            seen["reconstruction"] = change(
                scene["reconstruction"], "real", params, net_state, scene, context
            )
        return {**scene, **seen}

    def losses(params: PlayerTree, net_state: PlayerTree, scene: Scene, context: Context) -> Played:
        _check_scene(scene, caller)
        if context.train:
            scene = see(params, net_state, scene, context)
        return game.losses(params, net_state, scene, context)

    def critic(
        params: PlayerTree, net_state: PlayerTree, inputs: PyTree, scene: Scene, context: Context
    ) -> PyTree:
        if context.train:
            inputs = change(inputs, "real", params, net_state, scene, context)
            scene = see(params, net_state, scene, context)
        return game.critic(params, net_state, inputs, scene, context)

    return game._replace(losses=losses, critic=critic)


def _check_scene(scene: Scene, caller: str) -> None:
    for which in ("real", "fake"):
        if scene.get(which) is None:
            raise ValueError(f"{caller} needs a game whose scene has {which!r}, such as `gan`")
    for name in _COMPARED:
        if name in scene:
            raise ValueError(
                f"{caller}: the game makes images of others (`{name}`), and compares them with the "
                "true ones; changed apart, they would no longer belong together"
            )
    kinds = {
        str(jax.tree.structure(part))
        for part in (scene["real"], scene.get("reconstruction", scene["real"]))
    }
    if len(kinds) > 1:
        raise ValueError(
            f"{caller}: the scene's `reconstruction` is not like its `real`; it takes a game whose "
            "discriminator sees examples alone, such as `gan`"
        )


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
