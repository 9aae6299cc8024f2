"""What an algorithm computes, as a digest: to know again what has no name."""

from __future__ import annotations

import hashlib
import logging
import re
from pathlib import Path

import jax
import numpy as np

from jaxgan.config.build_step import Arguments, check_step
from jaxgan.core.algorithm import Algorithm
from jaxgan.core.errors import ConfigError
from jaxgan.core.state import is_typed
from jaxgan.data.source import ElementSpec
from jaxgan.run import directory

logger = logging.getLogger(__name__)

_ADDRESS = re.compile(r"0x[0-9a-f]+")


def check_same_step(workdir: Path, old: str, new: str) -> None:
    """Raises if an algorithm computes something else than a run's, which has no name.

    Args:
      workdir: the run's folder.
      old: digest of the step of the run's own.
      new: that of the given one.

    Raises:
      ConfigError: if they differ under the version of JAX that wrote the folder.

    Example:
      >>> check_same_step(Path("no/such/folder"), "0a", "0a")
    """
    if old == new:
        return
    writer = directory.read_versions(workdir).get("jax")
    if writer != jax.__version__:
        logger.warning(
            "%s was written under JAX %s; whether its algorithm is this one is not known",
            *(workdir, writer),
        )
        return
    raise ConfigError(
        f"workdir: {workdir} was trained with another algorithm; what a step of the given one "
        "computes is not the same"
    )


def digest_of_step(algorithm: Algorithm, spec: ElementSpec, batch_size: int) -> str:
    """Tells what an algorithm's step computes from what others' do.

    Args:
      algorithm: without the transforms that a run adds.
      spec: shape and dtype of one example of its data.
      batch_size: examples in a batch.

    Returns:
      The first 16 digits of the sha256 of the step's jaxpr and its constants. Another version of
      JAX may give the same step another digest.

    Raises:
      ConfigError: if the step cannot be traced.

    Example:
      >>> from jaxgan import bilinear, gradient, optimizers, simultaneous
      >>> digests = []
      >>> for rate in (0.1, 0.1, 0.2):
      ...     sgds = {"gen": optimizers.sgd(rate), "disc": optimizers.sgd(0.1)}
      ...     algorithm = simultaneous(gradient(bilinear()), optimizers=sgds)
      ...     digests.append(digest_of_step(algorithm, {}, 64))
      >>> digests[0] == digests[1], digests[1] == digests[2]
      (True, False)
    """
    lead = (*algorithm.num_batches, batch_size)
    batch = {
        name: jax.ShapeDtypeStruct((*lead, *one.shape), one.dtype) for name, one in spec.items()
    }
    arguments = Arguments(jax.eval_shape(algorithm.init, jax.random.key(0)), batch)
    check_step(algorithm, arguments)
    closed = jax.make_jaxpr(algorithm.step)(*arguments)
    found = hashlib.sha256(_ADDRESS.sub("", str(closed.jaxpr)).encode())
    for constant in closed.consts:
        array = jax.random.key_data(constant) if is_typed(constant) else constant
        found.update(np.asarray(array).tobytes())
    return found.hexdigest()[:16]
