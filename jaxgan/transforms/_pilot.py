"""Hyper-parameters that follow the multipliers of the training step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgan.core.algorithm import Algorithm
from jaxgan.core.errors import InputError, bad_value
from jaxgan.core.krylov import arnoldi, flat_step, random_direction, spectral_radius
from jaxgan.core.ranges import Count, NonNegative, Positive, Range, checked
from jaxgan.core.state import TrainState, stream
from jaxgan.core.typing import Array, Batch, Key, Metrics

Numbers = dict[str, Array]


@checked
def pilot(
    make: Callable[..., Algorithm],
    *,
    start: Mapping[str, Positive],
    bounds: Mapping[str, tuple[Positive, Positive]],
    every: Count = 100,
    factor: Annotated[float, Range(above=1)] = 2.0,
    min_gain: NonNegative = 1e-4,
    num_vectors: Count = 16,
) -> Algorithm:
    r"""Sets hyper-parameters by the spectral radius of the whole step, as training goes on.

    Every `every` steps, for the numbers as they are and with one of them times or over `factor`,

    .. math:: \rho = \max |\mu|, \quad \mu \text{ eigenvalues of } \partial F(s) / \partial s,

    F being the step that `make` gives, at this state, on this batch, with this step's latents.
    Those of the least ρ are taken where that is less than the present one by `min_gain`, otherwise
    nothing changes. So a rate that oscillates comes down, one that crawls goes up, and damping
    grows where the players rotate: near an equilibrium |μ| < 1 is what convergence asks for. Far
    from one there may be directions in which the players move on with |μ| > 1 at any rate; less
    than `min_gain` of that is left alone, and more of it makes the pilot slow training down, to
    `bounds` at most. Parameters that nothing moves keep ρ from falling below 1. It is for descent
    and momentum: of Adam ρ is that of its moments, which is above 1 wherever a gradient is not 0
    and smaller for every smaller rate, so that the rate falls at each decision.

    ρ is that of an Arnoldi iteration of `num_vectors` products with the step's Jacobian, without
    the matrix, inside the compiled step under `lax.cond`; the 2d + 1 candidates of d numbers are
    evaluated side by side. A decision costs about 2 (2d + 1) `num_vectors` steps' time, and memory
    for as many vectors of the state.

    The numbers are in the state's memory: checkpoints have them, and `seeds` gives each member its
    own. Multipliers of `ema` and of other transforms outside do not count.

    Args:
      make: numbers by keyword -> the algorithm, as for `sweep`; they are traced.
      start: the numbers, above 0.
      bounds: (lowest, highest) for each of them, above 0.
      every: steps between two decisions; the first is at step 0.
      factor: by which a number changes.
      min_gain: by how much ρ has to fall for a change.
      num_vectors: products for each candidate.

    Returns:
      An `Algorithm` that logs the numbers in force as `pilot/NAME`, `pilot/radius`, ρ with them
      when they were chosen, and `pilot/radius_before`, ρ with those before.

    Raises:
      ValueError: for a number out of range.
      InputError: if start and bounds do not name the same numbers or do not fit, or `make` gives no
        algorithm.

    Example:
      Descent with consensus on xy, which converges fastest at γ = 1 with a rate of 0.5:

      >>> from jaxgan.algorithms import simultaneous
      >>> from jaxgan.fields import consensus, gradient
      >>> from jaxgan.games import bilinear
      >>> from jaxgan.optimizers import sgd
      >>> def make(lr, gamma):
      ...     field = consensus(gradient(bilinear()), gamma=gamma)
      ...     return simultaneous(field, optimizers={"gen": sgd(lr), "disc": sgd(lr)})
      >>> made = pilot(make, start={"lr": 0.0625, "gamma": 0.25}, every=5,
      ...              bounds={"lr": (0.01, 1.0), "gamma": (0.01, 1.0)})
      >>> state, step = made.init(jax.random.key(0)), jax.jit(made.step)
      >>> for _ in range(40):
      ...     state, metrics = step(state, {})
      >>> float(metrics["pilot/lr"]), float(metrics["pilot/gamma"])
      (0.5, 1.0)
      >>> float(metrics["pilot/radius"]) < 0.71 and float(jnp.abs(state.params["gen"][0])) < 1e-3
      True

    References:
      |μ| < 1 of the step: Mescheder et al., 2017 (arXiv:1705.10461), lemma 4. The policy is
      jaxgan's own.
    """
    _check(start, bounds)
    first = make(**start)
    if not isinstance(first, Algorithm):
        raise InputError(bad_value("make(...)", type(first).__name__, "an Algorithm"))

    def look(state: TrainState, batch: Batch, numbers: Numbers) -> tuple[Numbers, Array, Array]:
        key = stream(state.key, "pilot", state.step)

        def radius(numbers: Numbers) -> Array:
            point, move = flat_step(make(**numbers).step, state, batch)
            product, num = jax.linearize(move, point)[1], min(num_vectors, point.size)
            return spectral_radius(arnoldi(product, random_direction(key, point), num=num).matrix)

        tried = _candidates(numbers, factor, bounds)
        radii = jax.vmap(radius)(tried)
        best = jnp.argmin(radii)
        best = jnp.where(radii[best] < radii[0] - min_gain, best, 0)
        chosen = {name: values[best] for name, values in tried.items()}
        return chosen, _number(radii[best]), _number(radii[0])

    def init(key: Key) -> TrainState:
        state = first.init(key)
        seen = {
            "numbers": {name: _number(value) for name, value in start.items()},
            "radius": _number(0.0),
            "radius_before": _number(0.0),
        }
        return state._replace(memory={"algorithm": state.memory, "pilot": seen})

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        inner, seen = state._replace(memory=state.memory["algorithm"]), state.memory["pilot"]
        now = (seen["numbers"], seen["radius"], seen["radius_before"])
        numbers, radius, before = lax.cond(
            state.step % every == 0, lambda: look(inner, batch, seen["numbers"]), lambda: now
        )
        inner, metrics = make(**numbers).step(inner, batch)
        seen = {"numbers": numbers, "radius": radius, "radius_before": before}
        logged = {f"pilot/{name}": value for name, value in numbers.items()}
        logged |= {"pilot/radius": radius, "pilot/radius_before": before}
        state = inner._replace(memory={"algorithm": inner.memory, "pilot": seen})
        return state, {**metrics, **logged}

    return first._replace(init=init, step=step)


def _candidates(
    numbers: Numbers, factor: float, bounds: Mapping[str, tuple[float, float]]
) -> Numbers:
    """The numbers as they are, then each times the factor, then each over it."""
    one = np.eye(len(numbers))
    moves = np.concatenate([0 * one[:1], one, -one])
    return {
        name: jnp.clip(now * jnp.asarray(factor ** moves[:, index], now.dtype), *bounds[name])
        for index, (name, now) in enumerate(numbers.items())
    }


def _number(value: Array | float) -> Array:
    return jnp.asarray(value, jnp.result_type(float))


def _check(start: Mapping[str, float], bounds: Mapping[str, tuple[float, float]]) -> None:
    if not start or set(start) != set(bounds):
        raise InputError(bad_value("bounds", sorted(bounds), f"of those in start, {sorted(start)}"))
    for name, (low, high) in bounds.items():
        if not 0 < low <= start[name] <= high < np.inf:
            allowed = f"(lowest, highest) above 0 with start.{name} = {start[name]} between"
            raise InputError(bad_value(f"bounds.{name}", (low, high), allowed))
