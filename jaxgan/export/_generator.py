"""What of a game is exported: its generator as a function of arrays, and what it is compared on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import export

from jaxgan.core.errors import InputError, bad_value
from jaxgan.core.game import Game
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Array
from jaxgan.sampling.draw import has_styles, make_scene, scene_entry
from jaxgan.transforms import averaged

ElementShapes = Mapping[str, jax.ShapeDtypeStruct]
Direction = Literal["forward", "backward"]
_DIRECTIONS = {"forward": ("source", "image"), "backward": ("image", "source")}
"""Which images are made of which, of a game of two generators."""

_CHECKED = (1, 3)
"""Batch sizes at which an export is compared with the generator."""

_TOLERANCE = 1e-4


class Exported(NamedTuple):
    """A generator in another format.

    Attributes:
      data: what the file holds.
      inputs: (shape, dtype) by name, as of `generator_inputs`.
      difference: from the generator, the greatest that was found.
    """

    data: bytes
    inputs: Mapping[str, tuple[str, np.dtype]]
    difference: float


@dataclass(frozen=True)
class Generator:
    """A generator as a function of arrays.

    Attributes:
      call: (state, inputs one by one) -> images; traceable at a symbolic batch size.
      state: what `call` needs of a run: averaged players, no optimizers.
      inputs: as of `generator_inputs`.
      num_classes: of a conditional game; 0 for none.
    """

    call: Callable[..., Array]
    state: TrainState
    inputs: Mapping[str, tuple[str, np.dtype]]
    num_classes: int

    def specs(self) -> list[jax.ShapeDtypeStruct]:
        """Its inputs with a symbolic batch size."""
        scope = export.SymbolicScope()
        return [
            jax.ShapeDtypeStruct(export.symbolic_shape(shape, scope=scope), dtype)
            for shape, dtype in self.inputs.values()
        ]

    def examples(self, num: int) -> list[np.ndarray]:
        """Inputs to compare on: standard normal, the classes in turn, some truncation."""
        rng, found = np.random.default_rng(num), []
        for name, (shape, _) in self.inputs.items():
            if name == "label":
                found.append(np.arange(num, dtype=np.int32) % self.num_classes)
            elif name == "truncation":
                found.append(np.asarray(0.7, np.float32))
            else:
                sizes = [int(size) for size in shape.split(",")[1:]]
                found.append(rng.normal(size=(num, *sizes)).astype(np.float32))
        return found

    def difference(self, run: Callable[..., Any]) -> float:
        """Compares what was exported with the generator, at two batch sizes.

        Args:
          run: (inputs one by one) -> images, of what was exported.

        Returns:
          The greatest difference.

        Raises:
          InputError: if it is above 1e-4, or not a number.
        """
        worst, expected_of = 0.0, jax.jit(self.call)
        for num in _CHECKED:
            given = self.examples(num)
            found, expected = run(*given), expected_of(self.state, *given)
            gap = float(np.abs(np.asarray(found) - np.asarray(expected)).max())
            if not gap <= _TOLERANCE:
                raise InputError(f"what was exported differs from the generator by {gap:.3g}")
            worst = max(worst, gap)
        return worst


def generator_inputs(
    game: Game,
    element_spec: ElementShapes,
    *,
    latent_dim: int | None,
    num_classes: int | None = None,
    direction: Direction = "forward",
) -> dict[str, tuple[str, np.dtype]]:
    """What an exported generator is called with, in this order.

    Args:
      game: whose generator it is.
      element_spec: shape and dtype of one real example.
      latent_dim: of its latents; None of a generator that makes images of images.
      num_classes: of a conditional game.
      direction: of such a generator: `forward` makes images of sources.

    Returns:
      (shape, dtype) by name: latents, labels of a conditional game, and of a generator with styles
      the truncation, where 1 is none; or the images that others are made of. `b` is the batch size.

    Raises:
      InputError: if there is no such direction, or there are no such images.

    Example:
      >>> from jaxgan.games import dirac
      >>> spec = {"image": jax.ShapeDtypeStruct((1,), jnp.float32)}
      >>> generator_inputs(dirac(), spec, latent_dim=2)
      {'latent': ('b, 2', dtype('float32'))}
    """
    if direction not in _DIRECTIONS:
        raise InputError(bad_value("direction", direction, _DIRECTIONS))
    if latent_dim is None:
        name, _ = _DIRECTIONS[direction]
        if name not in element_spec:
            raise InputError(f"the data have no {name!r} to make images of")
        shape = ", ".join(map(str, ("b", *element_spec[name].shape)))
        return {name: (shape, np.dtype("float32"))}
    found: dict[str, tuple[str, np.dtype]] = {"latent": (f"b, {latent_dim}", np.dtype("float32"))}
    if num_classes is not None:
        found["label"] = ("b", np.dtype("int32"))
    if has_styles(game, element_spec):
        found["truncation"] = ("", np.dtype("float32"))
    return found


def make_generator(
    game: Game,
    state: TrainState,
    element_spec: ElementShapes,
    *,
    latent_dim: int | None,
    num_classes: int | None = None,
    direction: Direction = "forward",
) -> Generator:
    """The generator of a game: its average where one is kept, as it is outside training.

    Args:
      game: whose generator it is.
      state: of one member.
      element_spec: shape and dtype of one real example.
      latent_dim: as of `generator_inputs`, and so are the others.
      num_classes: of a conditional game.
      direction: of a generator that makes images of images.

    Returns:
      A `Generator`.

    Raises:
      InputError: if the game has none of that direction.

    Example:
      >>> from jaxgan.games import dirac
      >>> game, spec = dirac(), {"image": jax.ShapeDtypeStruct((1,), jnp.float32)}
      >>> params, net_state = game.init(jax.random.key(0))
      >>> state = TrainState(step=jnp.int32(0), key=jax.random.key(0), params=params,
      ...                    net_state=net_state)
      >>> generator = make_generator(game, state, spec, latent_dim=1)
      >>> generator.call(generator.state, jnp.zeros((3, 1))).shape
      (3, 1)
    """
    inputs = generator_inputs(
        game, element_spec, latent_dim=latent_dim, num_classes=num_classes, direction=direction
    )
    params, net_state = averaged(state)

    def call(state: TrainState, *given: Any) -> Array:
        batch = dict(zip(inputs, given, strict=True))
        num = jnp.shape(given[0])[0]
        blank = {k: jnp.zeros((num, *x.shape), x.dtype) for k, x in element_spec.items()}
        scene = make_scene(jax.random.key(0), game, state, {**blank, **batch})
        fake = scene_entry(scene, "fake")
        by_domain = fake if isinstance(fake, dict) else {"image": fake}
        domain = _DIRECTIONS[direction][1]
        if domain not in by_domain:
            raise InputError(f"direction is {direction!r}; the game's only generator goes forward")
        images: Array = by_domain[domain]
        return images

    small = state._replace(params=params, net_state=net_state, opt_state={}, ema={})
    return Generator(call, small, inputs, num_classes or 0)
