"""Hypergradients without derivatives: evolution strategies, over a whole training or in parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.analysis._hypergradient import Hypergradient, as_arrays, check_lengths, train
from jaxgan.core.algorithm import Algorithm
from jaxgan.core.ranges import Count, Positive, checked
from jaxgan.core.state import TrainState, stream
from jaxgan.core.typing import Array, Batch, Key, PyTree

# Step and key are shared: lazy terms stay lazy, and all particles draw the same numbers.
_SHARED = ("step", "key")
_AXES = TrainState._make(None if name in _SHARED else 0 for name in TrainState._fields)


class Particles(NamedTuple):
    """Trainings side by side, and how the hyper-parameters of each were perturbed so far.

    Attributes:
      state: a `TrainState` with an axis of particles on every leaf but `step` and `key`.
      perturbations: ξ, their sums, {name: [N, ...]}; the second half is the first, negated.
      values: of the objective, [N], where they stand.
    """

    state: TrainState
    perturbations: PyTree
    values: Array


@checked
def particles(
    state: TrainState, *, with_respect_to: Mapping[str, Any], num_pairs: Count
) -> Particles:
    """Particles for `persistent_evolution_strategies`, all at the start of a training.

    Args:
      state: where training starts.
      with_respect_to: {name: number or arrays}, the hyper-parameters.
      num_pairs: N / 2, antithetic pairs.

    Returns:
      `Particles`.

    Example:
      >>> state = TrainState(step=jnp.int32(0), key=jax.random.key(0), params={"gen": jnp.ones(3)},
      ...                    net_state={})
      >>> particles(state, with_respect_to={"rate": 0.1}, num_pairs=5).state.params["gen"].shape
      (10, 3)
    """
    num = 2 * num_pairs

    def repeat(x: Array) -> Array:
        return jnp.broadcast_to(x, (num, *jnp.shape(x)))

    own = {k: v for k, v in state._asdict().items() if k not in _SHARED}
    at = as_arrays(with_respect_to)
    return Particles(
        state=state._replace(**jax.tree.map(repeat, own)),
        perturbations=jax.tree.map(lambda x: jnp.zeros((num, *x.shape), x.dtype), at),
        values=jnp.zeros(num),
    )


@checked
def evolution_strategies(
    key: Key,
    make: Callable[..., Algorithm],
    objective: Callable[[TrainState], Array],
    *,
    num_steps: Count,
    with_respect_to: Mapping[str, Any],
    state: TrainState,
    batches: Batch,
    std: Positive,
    num_pairs: Count,
) -> Hypergradient:
    r"""`hypergradient` from values of the objective alone, at perturbed hyper-parameters.

    .. math::
        \hat g = \frac{1}{N \sigma^2} \sum_{i=1}^{N} \epsilon_i E(h + \epsilon_i), \quad
        \epsilon_i \sim \mathcal{N}(0, \sigma^2 I), \quad \epsilon_{i + N/2} = -\epsilon_i

    Its mean is the gradient of E smoothed over a width of σ, which ReLUs and chaos leave finite;
    its variance grows with the number of hyper-parameters. All N trainings run side by side, on the
    same batches and draws. One width serves all of them: let `make` take logarithms of what spans
    orders of magnitude.

    Called again from the `state` that it returns, where training with h itself ended, it is
    truncated: the mean of that is not the derivative of the whole.

    Args:
      key: of the perturbations.
      make: hyper-parameters by keyword -> `Algorithm`, of the names of `with_respect_to`.
      objective: (TrainState) -> scalar.
      num_steps: calls of the algorithm's step.
      with_respect_to: {name: number or arrays}, h.
      state: where training starts, of any of these algorithms.
      batches: with an axis of `num_steps` in front of those of the algorithm.
      std: σ.
      num_pairs: N / 2.

    Returns:
      A `Hypergradient`, whose value is the mean over particles.

    Raises:
      ValueError: for a wrong argument, or batches that are not one for each step.

    Example:
      Descent on ½ x² from 1, as in `hypergradient`, where dE/dη = -1:

      >>> from jaxgan.core.game import general_sum
      >>> from jaxgan.algorithms import simultaneous
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.optimizers import sgd
      >>> game = general_sum(lambda key: {"a": jnp.ones(())},
      ...                    lambda params, batch, context: {"a": 0.5 * params["a"] ** 2})
      >>> def make(rate):
      ...     return simultaneous(gradient(game), optimizers={"a": sgd(rate)})
      >>> found = evolution_strategies(
      ...     jax.random.key(1), make, lambda state: state.params["a"], num_steps=2,
      ...     with_respect_to={"rate": 0.5}, batches={}, state=make(0.5).init(jax.random.key(0)),
      ...     std=0.01, num_pairs=1000)
      >>> abs(float(found.gradient["rate"]) + 1) < 0.1
      True

    References:
      Salimans et al., 2017 (arXiv:1703.03864); truncated: Vicol, Metz & Sohl-Dickstein, 2021
      (arXiv:2112.13835).
    """
    check_lengths(batches, num_steps)
    at = as_arrays(with_respect_to)
    drawn = _antithetic(key, at, std, num_pairs)

    def end(given: PyTree) -> tuple[Array, TrainState]:
        return train(make, objective, given, state, batches, num_steps)

    values = jax.vmap(lambda moved: end(moved)[0])(_moved(at, drawn))
    _, last = end(at)
    return Hypergradient(value=jnp.mean(values), gradient=_weighted(values, drawn, std), state=last)


@checked
def persistent_evolution_strategies(
    key: Key,
    make: Callable[..., Algorithm],
    objective: Callable[[TrainState], Array],
    *,
    num_steps: Count,
    with_respect_to: Mapping[str, Any],
    state: Particles,
    batches: Batch,
    std: Positive,
    telescoping: bool = False,
) -> Hypergradient:
    r"""Evolution strategies over parts of a training, without the bias of truncation.

    .. math::
        \hat g_j = \frac{1}{N \sigma^2} \sum_{i=1}^{N} \xi_{i,j} E_{i,j}, \quad
        \xi_{i,j} = \sum_{l \le j} \epsilon_{i,l}, \quad
        \epsilon_{i,l} \sim \mathcal{N}(0, \sigma^2 I)

    Particle i has its own state, and takes part j of training, `num_steps` steps, with h + ε_{i,j},
    to where the objective is E_{i,j}. ξ remembers all that it was given so far, so that ĝ_j knows
    what h did in earlier parts, and h may be moved after each of them. Where h stays, the sum of
    ĝ_j over the parts has the mean of the gradient of Σ_j E_j, smoothed over a width of σ; its
    variance grows with the number of parts. Perturbations come in pairs ± ε, as in
    `evolution_strategies`.

    Start from `particles`, go on from the `state` that is returned, and from `particles` again
    where the training is over.

    Args:
      key: of this part's perturbations; another for each part.
      make: hyper-parameters by keyword -> `Algorithm`, of the names of `with_respect_to`.
      objective: (TrainState) -> scalar.
      num_steps: of this part, calls of the algorithm's step.
      with_respect_to: {name: number or arrays}, h.
      state: `Particles`.
      batches: with an axis of `num_steps` in front of those of the algorithm.
      std: σ.
      telescoping: take E_j - E_{j-1} for E_j. The sum over the parts is then an estimate for the
        objective at the end, instead of the sum over all ends of parts.

    Returns:
      A `Hypergradient`; its value is the mean of E_j over particles, its state are `Particles`.

    Raises:
      ValueError: for a wrong argument, or batches that are not one for each step.

    Example:
      >>> from jaxgan.core.game import general_sum
      >>> from jaxgan.algorithms import simultaneous
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.optimizers import sgd
      >>> game = general_sum(lambda key: {"a": jnp.ones(())},
      ...                    lambda params, batch, context: {"a": 0.5 * params["a"] ** 2})
      >>> def make(rate):
      ...     return simultaneous(gradient(game), optimizers={"a": sgd(rate)})
      >>> start = make(0.5).init(jax.random.key(0))
      >>> state, total = particles(start, with_respect_to={"rate": 0.5}, num_pairs=1000), 0.0
      >>> for part in range(2):  # of the steps that end at (1 - η)²
      ...     found = persistent_evolution_strategies(
      ...         jax.random.key(part), make, lambda state: state.params["a"], num_steps=1,
      ...         with_respect_to={"rate": 0.5}, batches={}, state=state, std=0.01,
      ...         telescoping=True)
      ...     state, total = found.state, total + float(found.gradient["rate"])
      >>> abs(total + 1) < 0.1
      True

    References:
      Vicol, Metz & Sohl-Dickstein, 2021 (arXiv:2112.13835), algorithm 2.
    """
    check_lengths(batches, num_steps)
    at = as_arrays(with_respect_to)
    drawn = _antithetic(key, at, std, len(state.values) // 2)
    sums = jax.tree.map(jnp.add, state.perturbations, drawn)

    def end(given: PyTree, start: TrainState) -> tuple[Array, TrainState]:
        return train(make, objective, given, start, batches, num_steps)

    values, last = jax.vmap(end, in_axes=(0, _AXES), out_axes=(0, _AXES))(
        _moved(at, drawn), state.state
    )
    losses = values - state.values.astype(values.dtype) if telescoping else values
    return Hypergradient(
        value=jnp.mean(values),
        gradient=_weighted(losses, sums, std),
        state=Particles(last, sums, values.astype(state.values.dtype)),
    )


def _antithetic(key: Key, at: PyTree, std: Array | float, num_pairs: int) -> PyTree:
    """ε and -ε for each hyper-parameter, [N, ...]."""
    leaves, structure = jax.tree.flatten(at)

    def draw(index: int, x: Array) -> Array:
        keys = stream(key, "perturbation", index)
        half = std * jax.random.normal(keys, (num_pairs, *x.shape), x.dtype)
        return jnp.concatenate([half, -half])

    return jax.tree.unflatten(structure, [draw(i, x) for i, x in enumerate(leaves)])


def _moved(at: PyTree, drawn: PyTree) -> PyTree:
    return jax.tree.map(lambda x, noise: x[None] + noise, at, drawn)


def _weighted(losses: Array, perturbations: PyTree, std: Array | float) -> PyTree:
    """Σ_i ξ_i L_i / (N σ²)."""

    def mean(x: Array) -> Array:
        return jnp.tensordot(losses.astype(x.dtype), x, axes=1) / (len(x) * std**2)

    return jax.tree.map(mean, perturbations)
