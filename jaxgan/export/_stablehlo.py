"""A generator as StableHLO, which JAX runs without jaxgan, and other compilers read."""

from __future__ import annotations

from functools import partial

import jax
from jax import export

from jaxgan.core.errors import InputError
from jaxgan.core.text import one_line
from jaxgan.export._generator import Exported, Generator

PLATFORMS = ("cpu", "cuda", "rocm", "tpu")


def to_stablehlo(generator: Generator) -> Exported:
    """Exports the generator: its average where one is kept, any batch size, CPU, GPU and TPU.

    Noise that a generator adds to its layers is part of the file, the same at every call. What is
    exported is run on the CPU at two batch sizes, and must equal the generator to 1e-4.

    Args:
      generator: of `make_generator`.

    Returns:
      What `jax.export.deserialize` reads, with its inputs and how far it was from the generator.

    Raises:
      InputError: if the generator cannot be exported, or what was exported is not equal to it.
      ImportError: if flatbuffers is not installed.

    Example:
      See docs/export.md.
    """
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
