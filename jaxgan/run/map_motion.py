"""Games without data on a map: how far from the equilibrium they are, and its multipliers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.core.algorithm import Algorithm
from jaxgan.core.krylov import flat_step
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Array, Batch, Metrics
from jaxgan.data import DeviceSource, Source
from jaxgan.run.previews import examples
from jaxgan.training.collapse.phases import DISTANCE, MOVED

MAX_NUMBERS = 256
"""A state of more has no dense Jacobian."""

NOT_SMOOTH = 1e5
"""A derivative of a step beyond this is that of a division by about 0."""


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


def with_motion(algorithm: Algorithm, *, from_origin: bool) -> Algorithm:
    """Logs how far all parameters together are from an equilibrium, or how far they go in a step.

    Args:
      algorithm: any.
      from_origin: whether the origin is its equilibrium, see `rests_at_origin`.

    Returns:
      The same, with the metric `distance`, ‖θ'‖, if the origin is, and `moved`, ‖θ' - θ‖, if not.

    Example:
      >>> from jaxgan import bilinear, gradient, optimizers, simultaneous
      >>> sgds = {"gen": optimizers.sgd(0.1), "disc": optimizers.sgd(0.1)}
      >>> game = simultaneous(gradient(bilinear()), optimizers=sgds)
      >>> watched = with_motion(game, from_origin=rests_at_origin(game, {}))
      >>> _, metrics = watched.step(watched.init(jax.random.key(0)), {})
      >>> f"{metrics['distance'] ** 2:.3f}"
      '2.020'
    """

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        new, metrics = algorithm.step(state, batch)
        if from_origin:
            return new, {**metrics, DISTANCE: _norm(new.params)}
        change = jax.tree.map(jnp.subtract, new.params, state.params)
        return new, {**metrics, MOVED: _norm(change)}

    return algorithm._replace(step=step)


def rests_at_origin(algorithm: Algorithm, batch: Batch) -> bool:
    """Whether all parameters stay at 0 in a step from there, as at an equilibrium.

    Args:
      algorithm: any.
      batch: what a step takes.

    Returns:
      Whether they do.

    Example:
      See `with_motion`.
    """
    state = algorithm.init(jax.random.key(0))
    zero = state._replace(params=jax.tree.map(jnp.zeros_like, state.params))
    return bool(_norm(jax.jit(algorithm.step)(zero, batch)[0].params) <= 1e-6)


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
      max |μ|, [points]; None where the state is too large, or a step is not smooth there: Adam
      divides by the root of a moment that is 0 at the equilibrium.

    Example:
      >>> from jaxgan import bilinear, gradient, optimizers, simultaneous
      >>> def make(rate):
      ...     sgds = {"gen": optimizers.sgd(rate), "disc": optimizers.sgd(rate)}
      ...     return simultaneous(gradient(bilinear()), optimizers=sgds)
      >>> found = multipliers_at_origin(make, {"rate": np.array([0.5, 1.0])}, {})
      >>> [f"{radius:.4f}" for radius in found]  # √1.25 and √2
      ['1.1180', '1.4142']
    """

    def start(own: Mapping[str, Array]) -> tuple[Array, Callable[[Array], Array]]:
        algorithm = make(**own)
        state = algorithm.init(jax.random.key(0))
        zero = state._replace(params=jax.tree.map(jnp.zeros_like, state.params))
        return flat_step(algorithm.step, zero, batch)

    def jacobian(own: Mapping[str, Array]) -> Array:
        flat, step = start(own)
        slopes: Array = jax.jacfwd(step)(flat)
        return slopes

    given = {name: jnp.asarray(values, dtype=float) for name, values in numbers.items()}
    first = {name: values[0] for name, values in given.items()}
    if jax.eval_shape(lambda own: start(own)[0], first).size > MAX_NUMBERS:
        return None
    found = np.asarray(jax.jit(jax.vmap(jacobian))(given))
    if not np.isfinite(found).all() or np.abs(found).max() > NOT_SMOOTH:
        return None
    radii: np.ndarray = np.abs(np.linalg.eigvals(found)).max(axis=-1)
    return radii
