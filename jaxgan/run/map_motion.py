"""Games without data on a map: how far from the equilibrium they are, and its multipliers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from jaxgan.core.algorithm import Algorithm
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Array, Batch, Metrics
from jaxgan.data import DeviceSource, Source
from jaxgan.run.previews import examples
from jaxgan.training.collapse.phases import DISTANCE, MOVED

MAX_NUMBERS = 256
"""A state of more has no dense Jacobian."""


def is_a_point(source: Source | DeviceSource) -> bool:
    """Whether there are no data, or all examples are the same, as those of the Dirac-GAN.

    Args:
      source: the data.

    Returns:
      Whether nothing can be said of a training by its samples.

    Example:
      >>> from jaxgan.data import digits, ring
      >>> is_a_point(ring()), is_a_point(digits())
      (False, False)
    """
    if not source.element_spec:
        return True
    some = [np.asarray(x) for x in jax.tree.leaves(examples(jax.random.key(0), source, 8))]
    return all((leaf == leaf[:1]).all() for leaf in some)


def with_motion(algorithm: Algorithm) -> Algorithm:
    """Logs how far all parameters together are from the origin, and how far they go in a step.

    Args:
      algorithm: any.

    Returns:
      The same, with the metrics `distance`, ‖θ'‖, and `moved`, ‖θ' - θ‖.

    Example:
      >>> from jaxgan import bilinear, gradient, optimizers, simultaneous
      >>> sgds = {"gen": optimizers.sgd(0.1), "disc": optimizers.sgd(0.1)}
      >>> watched = with_motion(simultaneous(gradient(bilinear()), optimizers=sgds))
      >>> _, metrics = watched.step(watched.init(jax.random.key(0)), {})
      >>> f"{metrics['moved'] / metrics['distance']:.4f}"  # 0.1 / √1.01
      '0.0995'
    """

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        new, metrics = algorithm.step(state, batch)
        change = jax.tree.map(jnp.subtract, new.params, state.params)
        return new, {**metrics, DISTANCE: _norm(new.params), MOVED: _norm(change)}

    return algorithm._replace(step=step)


def _norm(tree: Any) -> Array:
    return jnp.sqrt(sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(tree)))


def multipliers_at_origin(
    make: Callable[..., Algorithm], numbers: Mapping[str, np.ndarray], batch: Batch
) -> np.ndarray | None:
    """The largest multiplier of a whole step at the origin, for each of some numbers.

    A step s -> F(s) multiplies a small change along an eigenvector of F' by μ. The state's numbers
    are parameters, moments and memory; counts and the key are fixed.

    Args:
      make: numbers by keyword -> the algorithm.
      numbers: [points] each; at least one.
      batch: what a step takes.

    Returns:
      max |μ|, [points]; None where a step leaves the origin, as it is no equilibrium, or the state
      is too large.

    Example:
      >>> from jaxgan import bilinear, gradient, optimizers, simultaneous
      >>> def make(rate):
      ...     sgds = {"gen": optimizers.sgd(rate), "disc": optimizers.sgd(rate)}
      ...     return simultaneous(gradient(bilinear()), optimizers=sgds)
      >>> multipliers_at_origin(make, {"rate": np.array([0.5, 1.0])}, {}).round(4).tolist()
      [1.118, 1.4142]
    """

    def start(own: Mapping[str, Array]) -> tuple[Array, Callable[[Array], Array]]:
        algorithm = make(**own)
        state = algorithm.init(jax.random.key(0))
        zero = state._replace(params=jax.tree.map(jnp.zeros_like, state.params), ema={})
        leaves, structure = jax.tree.flatten(zero)
        free = [i for i, x in enumerate(leaves) if jnp.issubdtype(x.dtype, jnp.floating)]
        flat, unravel = ravel_pytree([leaves[i] for i in free])

        def step(flat: Array) -> Array:
            filled = dict(enumerate(leaves)) | dict(zip(free, unravel(flat), strict=True))
            old = jax.tree.unflatten(structure, [filled[i] for i in range(len(leaves))])
            new = jax.tree.leaves(algorithm.step(old, batch)[0])
            return ravel_pytree([new[i] for i in free])[0]

        return flat, step

    def jacobian(own: Mapping[str, Array]) -> tuple[Array, Array]:
        flat, step = start(own)
        return jnp.max(jnp.abs(step(flat) - flat)), jax.jacfwd(step)(flat)

    given = {name: jnp.asarray(values, dtype=float) for name, values in numbers.items()}
    first = {name: values[0] for name, values in given.items()}
    if jax.eval_shape(lambda own: start(own)[0], first).size > MAX_NUMBERS:
        return None
    left, found = jax.device_get(jax.jit(jax.vmap(jacobian))(given))
    if not np.isfinite(found).all() or np.max(left) > 1e-6:
        return None
    radii: np.ndarray = np.abs(np.linalg.eigvals(found)).max(axis=-1)
    return radii
