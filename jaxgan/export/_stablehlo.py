"""A generator as StableHLO, which JAX runs without jaxgan, and other compilers read."""

from __future__ import annotations

from functools import partial

import jax
from jax import export

from jaxgan.core.errors import InputError
from jaxgan.core.game import Game
from jaxgan.core.state import TrainState
from jaxgan.core.text import one_line
from jaxgan.export._generator import Direction, ElementShapes, Exported, make_generator

PLATFORMS = ("cpu", "cuda", "rocm", "tpu")


def to_stablehlo(
    game: Game,
    state: TrainState,
    element_spec: ElementShapes,
    *,
    latent_dim: int | None,
    num_classes: int | None = None,
    direction: Direction = "forward",
) -> Exported:
    """Exports the generator: its average where one is kept, any batch size, CPU, GPU and TPU.

    Noise that a generator adds to its layers is part of the file, the same at every call. What is
    exported is run on the CPU at two batch sizes, and must equal the generator to 1e-4.

    Args:
      game: whose generator it is.
      state: of one member.
      element_spec: shape and dtype of one real example.
      latent_dim: of its latents, of whatever distribution; None of a generator that makes images of
        images.
      num_classes: of a conditional game.
      direction: of a game of two such generators: `forward` makes images of sources.

    Returns:
      What `jax.export.deserialize` reads, with its inputs and how far it was from the generator.

    Raises:
      InputError: if the generator cannot be exported, or what was exported is not equal to it.
      ImportError: if flatbuffers is not installed.

    Example:
      See docs/export.md.
    """
    generator = make_generator(
        game,
        state,
        element_spec,
        latent_dim=latent_dim,
        num_classes=num_classes,
        direction=direction,
    )
    generate = jax.jit(partial(generator.call, generator.state))
    try:
        exported = export.export(generate, platforms=PLATFORMS)(*generator.specs())
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"the generator cannot be exported: {one_line(error)}") from error
    data = bytes(exported.serialize())
    run = export.deserialize(bytearray(data)).call
    return Exported(data, generator.inputs, generator.difference(run))
