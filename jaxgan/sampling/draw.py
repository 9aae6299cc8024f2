"""What draws one chunk of samples, and what a game's scene has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.core.errors import InputError
from jaxgan.core.game import Game
from jaxgan.core.state import Context, TrainState
from jaxgan.core.typing import Array, Batch, Key, Scene
from jaxgan.transforms import averaged

CHUNK = 256
"""Samples are drawn so many at a time: bounded memory, and sample i depends on (key, i) alone."""

Draw = Callable[..., Array]
"""Draws a chunk: (state of one member, key, labels [CHUNK], given={}) -> samples."""


def make_draw(game: Game, element_spec: Mapping[str, jax.ShapeDtypeStruct]) -> Draw:
    """The traceable function that draws one chunk: averaged players where kept, no training mode.

    Args:
      game: the game, whose scene has `fake`.
      element_spec: shape and dtype of one real example.

    Returns:
      A `Draw`. `given` are further entries of the batch, such as `latent`; what is not given of an
      example is zero, and the game draws its own latents.

    Example:
      See `make_sampler`.
    """

    def draw(
        state: TrainState,
        key: Key,
        labels: Array,
        given: Mapping[str, Array] = MappingProxyType({}),
    ) -> Array:
        batch = {k: jnp.zeros((CHUNK, *spec.shape), spec.dtype) for k, spec in element_spec.items()}
        scene = make_scene(key, game, state, {**batch, "label": labels, **given})
        fake = scene_entry(scene, "fake")
        images: Array = fake["image"] if isinstance(fake, dict) else fake
        return images

    return draw


def make_scene(key: Key, game: Game, state: TrainState, batch: Batch) -> Scene:
    """What the discriminator would look at: averaged players where kept, no training mode.

    Args:
      key: of the latents and the noise that are drawn.
      game: the game.
      state: of one member.
      batch: real examples, latents and so on.

    Returns:
      The scene.

    Example:
      >>> from jaxgan.games import dirac
      >>> game = dirac()
      >>> params, net_state = game.init(jax.random.key(0))
      >>> state = TrainState(step=jnp.int32(0), key=jax.random.key(0), params=params,
      ...                    net_state=net_state)
      >>> make_scene(state.key, game, state, {"image": jnp.zeros((3, 1))})["fake"].shape
      (3, 1)
    """
    params, net_state = averaged(state)
    context = Context(key, step=state.step, train=False)
    scene, _ = game.generate(params, net_state, batch, context)
    return scene


def scene_entry(scene: Scene, path: str) -> Any:
    """An entry of a scene.

    Args:
      scene: as a game generates it.
      path: its name, with a dot for entries of entries.

    Returns:
      The entry.

    Raises:
      InputError: if there is none.

    Example:
      >>> scene_entry({"real": None, "fake": {"image": 3}}, "fake.image")
      3
    """
    found: Any = scene
    for name in path.split("."):
        if not isinstance(found, Mapping) or name not in found:
            raise InputError(f"the game's scene has no {path!r}; it has {', '.join(sorted(scene))}")
        found = found[name]
    return found


def _shapes(game: Game, element_spec: Mapping[str, jax.ShapeDtypeStruct]) -> Scene:
    """A scene of `CHUNK` examples, nothing of which is computed."""
    spec = {k: jax.ShapeDtypeStruct((CHUNK, *s.shape), s.dtype) for k, s in element_spec.items()}

    def scene(key: Key, batch: Batch) -> Scene:
        params, net_state = game.init(key)
        return game.generate(params, net_state, batch, Context(key, train=False))[0]

    shapes: Scene = jax.eval_shape(scene, jax.random.key(0), spec)
    return shapes


def has_styles(game: Game, element_spec: Mapping[str, jax.ShapeDtypeStruct]) -> bool:
    """Whether a game's generator has an intermediate latent space, see `core.network.Styles`.

    Args:
      game: the game.
      element_spec: shape and dtype of one real example.

    Returns:
      Whether its scene has `w`; nothing is computed.

    Example:
      >>> from jaxgan.games import dirac
      >>> has_styles(dirac(), {"image": jax.ShapeDtypeStruct((1,), jnp.float32)})
      False
    """
    return "w" in _shapes(game, element_spec)


def makes_images(game: Game, element_spec: Mapping[str, jax.ShapeDtypeStruct]) -> bool:
    """Whether a game makes examples like the data's images, or points.

    Args:
      game: any game.
      element_spec: shape and dtype of one real example.

    Returns:
      Whether the data have an `image` [H, W, C] or [D], and the game's scene has a `fake` of that
      shape; nothing is computed.

    Example:
      >>> from jaxgan.games import bilinear, dirac
      >>> spec = {"image": jax.ShapeDtypeStruct((1,), jnp.float32)}
      >>> makes_images(dirac(), spec), makes_images(bilinear(), spec)
      (True, False)
    """
    image = element_spec.get("image")
    if not isinstance(image, jax.ShapeDtypeStruct) or len(image.shape) not in (1, 3):
        return False
    fake = _shapes(game, element_spec).get("fake")
    fake = fake.get("image") if isinstance(fake, dict) else fake
    return fake is not None and fake.shape == (CHUNK, *image.shape)
