"""A generator as StableHLO, which JAX runs without jaxgan, and other compilers read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import export

from jaxgan.core.errors import InputError
from jaxgan.core.game import Game
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Array
from jaxgan.sampling.draw import has_styles, make_scene, scene_entry

PLATFORMS = ("cpu", "cuda", "rocm", "tpu")
_CHECKED = (1, 3)
"""Batch sizes at which an export is compared with the generator."""

_TOLERANCE = 1e-4
ElementShapes = Mapping[str, jax.ShapeDtypeStruct]


def generator_inputs(
    game: Game, element_spec: ElementShapes, *, latent_dim: int, num_classes: int | None = None
) -> dict[str, tuple[str, np.dtype]]:
    """What an exported generator is called with, in this order.

    Args:
      game: whose generator it is.
      element_spec: shape and dtype of one real example.
      latent_dim: of its latents.
      num_classes: of a conditional game.

    Returns:
      (shape, dtype) by name: latents, labels of a conditional game, and of a generator with styles
      the truncation, where 1 is none. `b` is the batch size.

    Example:
      >>> from jaxgan.games import dirac
      >>> spec = {"image": jax.ShapeDtypeStruct((1,), jnp.float32)}
      >>> generator_inputs(dirac(), spec, latent_dim=2)
      {'latent': ('b, 2', dtype('float32'))}
    """
    found: dict[str, tuple[str, np.dtype]] = {"latent": (f"b, {latent_dim}", np.dtype("float32"))}
    if num_classes is not None:
        found["label"] = ("b", np.dtype("int32"))
    if has_styles(game, element_spec):
        found["truncation"] = ("", np.dtype("float32"))
    return found


def to_stablehlo(
    game: Game,
    state: TrainState,
    element_spec: ElementShapes,
    *,
    latent_dim: int,
    num_classes: int | None = None,
) -> bytes:
    """Exports the generator: its average where one is kept, any batch size, CPU, GPU and TPU.

    Noise that a generator adds to its layers is part of the file, the same at every call. What is
    exported is run on the CPU at two batch sizes, and must equal the generator to 1e-4.

    Args:
      game: whose generator it is.
      state: of one member.
      element_spec: shape and dtype of one real example.
      latent_dim: of its latents, of whatever distribution.
      num_classes: of a conditional game.

    Returns:
      What `jax.export.deserialize` reads; its inputs are those of `generator_inputs`.

    Raises:
      InputError: if the generator cannot be exported, or what was exported is not equal to it.
      ImportError: if flatbuffers is not installed.

    Example:
      See docs/export.md.
    """
    inputs = generator_inputs(game, element_spec, latent_dim=latent_dim, num_classes=num_classes)

    def generate(*given: Any) -> Array:
        batch = dict(zip(inputs, given, strict=True))
        num = jnp.shape(given[0])[0]
        blank = {k: jnp.zeros((num, *x.shape), x.dtype) for k, x in element_spec.items()}
        scene = make_scene(jax.random.key(0), game, state, {**blank, **batch})
        fake = scene_entry(scene, "fake")
        images: Array = fake["image"] if isinstance(fake, dict) else fake
        return images

    scope = export.SymbolicScope()
    specs = [
        jax.ShapeDtypeStruct(export.symbolic_shape(shape, scope=scope), dtype)
        for shape, dtype in inputs.values()
    ]
    try:
        exported = export.export(jax.jit(generate), platforms=PLATFORMS)(*specs)
    except Exception as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"the generator cannot be exported: {reason}") from error
    data = bytes(exported.serialize())
    for num in _CHECKED:
        given = _example(inputs, latent_dim, num_classes, num)
        found, expected = export.deserialize(bytearray(data)).call(*given), generate(*given)
        gap = float(jnp.abs(found - expected).max())
        if not gap <= _TOLERANCE:
            raise InputError(f"what was exported differs from the generator by {gap:.3g}")
    return data


def _example(
    inputs: Mapping[str, object], latent_dim: int, num_classes: int | None, num: int
) -> list[np.ndarray]:
    rng = np.random.default_rng(num)
    made = {
        "latent": rng.normal(size=(num, latent_dim)).astype(np.float32),
        "label": np.arange(num, dtype=np.int32) % (num_classes or 1),
        "truncation": np.float32(0.7),
    }
    return [np.asarray(made[name]) for name in inputs]
