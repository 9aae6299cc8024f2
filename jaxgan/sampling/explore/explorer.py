"""A trained generator as functions of its latents, on the host."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.core.errors import ExploreError
from jaxgan.core.game import Game
from jaxgan.core.state import TrainState, stream
from jaxgan.core.typing import Array, Key
from jaxgan.games import Code
from jaxgan.sampling.draw import has_styles, make_scene
from jaxgan.sampling.sampler import check_labels


class Explorer(NamedTuple):
    """A generator to look around in.

    Attributes:
      draw: (seed, num) -> latents of the game, float32 [num, D]; the first n are the same whatever
        `num`.
      styles: (latents, labels) -> styles [num, L, D]; None where there are none.
      render: ({"latent": ...} or {"w": ...}, perhaps with a scalar "truncation", labels) -> images
        float32 [num, H, W, C]. The network's own noise is the same for every call.
      num_classes: of a conditional game, else None; labels count in it only.
      codes: parts of the latent that mean something.
      is_normal: whether latents are standard normal.
    """

    draw: Callable[[int, int], np.ndarray]
    styles: Callable[[np.ndarray, np.ndarray], np.ndarray] | None
    render: Callable[[Mapping[str, np.ndarray], np.ndarray], np.ndarray]
    num_classes: int | None = None
    codes: tuple[Code, ...] = ()
    is_normal: bool = True


def make_explorer(
    game: Game,
    state: TrainState,
    element_spec: Mapping[str, jax.ShapeDtypeStruct],
    *,
    num_classes: int | None = None,
    codes: Sequence[Code] = (),
    is_normal: bool = True,
) -> Explorer:
    """Makes an explorer.

    Args:
      game: whose latents are arrays [B, D].
      state: of one member; averaged players are used where kept.
      element_spec: shape and dtype of one real example.
      num_classes: of a conditional game.
      codes: parts of the latent that mean something.
      is_normal: whether latents without codes are standard normal.

    Returns:
      An `Explorer`.

    Raises:
      ExploreError: if the examples are no images, or the game makes none of latents.

    Example:
      >>> import flax.linen as nn
      >>> from jaxgan import Network, from_linen, gan
      >>> gen = from_linen(nn.Sequential([nn.Dense(4), lambda x: x.reshape(-1, 2, 2, 1)]),
      ...                  jnp.zeros((1, 3)))
      >>> game = gan(gen, Network(init=lambda key: ((), {}), apply=None), latent=3)
      >>> params, net_state = game.init(jax.random.key(0))
      >>> state = TrainState(step=jnp.int32(0), key=jax.random.key(0), params=params,
      ...                    net_state=net_state)
      >>> spec = {"image": jax.ShapeDtypeStruct((2, 2, 1), jnp.float32)}
      >>> explorer = make_explorer(game, state, spec)
      >>> z = explorer.draw(0, 5)
      >>> z.shape, explorer.render({"latent": z}, np.zeros(5, int)).shape
      ((5, 3), (5, 2, 2, 1))
    """
    if "image" not in element_spec:
        raise ExploreError("explore: the run's data have no images")
    shape = element_spec["image"].shape
    if len(shape) != 3:
        raise ExploreError(f"explore: the run makes points of shape {tuple(shape)}; needs images")

    scene = _make_scene_of(game, state, element_spec)

    def entry(name: str) -> Callable[[Mapping[str, np.ndarray], np.ndarray], np.ndarray]:
        """One entry of the scene; nothing is computed of the others."""
        jitted, key = jax.jit(lambda *inputs: scene(*inputs)[name]), jax.random.key(0)

        def run(given: Mapping[str, np.ndarray], labels: np.ndarray) -> np.ndarray:
            if num_classes is not None:
                num = len(given.get("latent", given.get("w", ())))
                labels = check_labels(labels, num, num_classes)
            arrays = {name: jnp.asarray(value, jnp.float32) for name, value in given.items()}
            return np.asarray(jitted(arrays, jnp.asarray(labels, jnp.int32), key))

        return run

    @jax.jit
    def draw_all(key: Key, indices: Array) -> Array:
        def one(index: Array) -> Array:
            return scene({}, jnp.zeros(1, jnp.int32), stream(key, "sample", index))["latent"][0]

        return jax.vmap(one)(indices)

    def draw(seed: int, num: int) -> np.ndarray:
        return np.asarray(draw_all(jax.random.key(seed), jnp.arange(num)))

    def styles(latent: np.ndarray, labels: np.ndarray) -> np.ndarray:
        return styles_of({"latent": latent}, labels)

    styles_of = entry("w")
    return Explorer(
        draw,
        styles if has_styles(game, element_spec) else None,
        entry("fake"),
        num_classes,
        tuple(codes),
        is_normal and not codes,
    )


def _make_scene_of(
    game: Game, state: TrainState, element_spec: Mapping[str, jax.ShapeDtypeStruct]
) -> Callable[[Mapping[str, Array], Array, Key], dict[str, Array]]:
    """What makes images of latents or styles, and says which these were."""

    def scene(given: Mapping[str, Array], labels: Array, key: Key) -> dict[str, Array]:
        num = labels.shape[0]
        batch = {k: jnp.zeros((num, *spec.shape), spec.dtype) for k, spec in element_spec.items()}
        found = make_scene(key, game, state, {**batch, "label": labels, **given})
        needed = {"fake"} if given else {"fake", "latent"}
        if missing := needed - set(found):
            raise ExploreError(
                f"explore: the game's scene has no {' and no '.join(sorted(missing))}"
            )
        fake = found["fake"]  # with its code beside it, in a game that looks at both
        images = {"fake": fake["image"] if isinstance(fake, dict) else fake}
        return images | {name: found[name] for name in ("latent", "w") if name in found}

    return scene
