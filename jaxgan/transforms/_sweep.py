"""A grid of hyper-parameters, trained in one program."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import jax.numpy as jnp
import numpy as np

from jaxgan.core.algorithm import Algorithm
from jaxgan.core.errors import InputError, bad_value
from jaxgan.core.ranges import Width, checked
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Batch, Metrics
from jaxgan.transforms._vectorized import vectorized


@checked
def sweep(
    make: Callable[..., Algorithm], *, num_seeds: Width = 1, **axes: Sequence[float] | np.ndarray
) -> Algorithm:
    """Trains an algorithm at every point of a grid of hyper-parameters, side by side under `vmap`.

    A hyper-parameter is a number that the program takes, not one that is compiled into it; so the
    whole grid is one program. What changes shapes, such as a width or a number of inner steps, can
    be no axis. Seed i starts from the key `fold_in(key, i)` at every point, so that points differ
    by their numbers alone; batches from the host are the same for all.

    Members lie along one axis, as those of `seeds`: the last axis of the grid, and then the seeds,
    change fastest. `points` names them, and `member` takes one. What is put around `sweep`, such as
    `ema` and `substeps`, goes for all members; what `make` puts inside, such as `skip_nonfinite`,
    for each by itself.

    Args:
      make: hyper-parameters by keyword -> the algorithm; they are traced.
      num_seeds: members at each point.
      **axes: values of each hyper-parameter, one axis each.

    Returns:
      An `Algorithm` over a state with a leading axis of members on every leaf but `step`. A metric
      is the mean over all members; under `NAME/lr=0.1,gamma=1`, over the seeds of a point; and with
      several seeds, under `NAME/lr=0.1,gamma=1,seed=0`, that of one member.

    Raises:
      ValueError: if `num_seeds` is not positive.
      InputError: if there is no axis, one is no list of numbers, or two points have one name.

    Example:
      Consensus on the bilinear game, which plain descent leaves:

      >>> import jax
      >>> from jaxgan.algorithms import simultaneous
      >>> from jaxgan.fields import consensus, gradient
      >>> from jaxgan.games import bilinear
      >>> from jaxgan.optimizers import sgd
      >>> def make(lr, gamma):
      ...     field = consensus(gradient(bilinear()), gamma=gamma)
      ...     return simultaneous(field, optimizers={"gen": sgd(lr), "disc": sgd(lr)})
      >>> grid = sweep(make, lr=[0.1, 0.2], gamma=[0.0, 1.0])
      >>> state = grid.init(jax.random.key(0))
      >>> for _ in range(30):
      ...     state, metrics = jax.jit(grid.step)(state, {})
      >>> distances = jnp.hypot(state.params["gen"][:, 0], state.params["disc"][:, 0])
      >>> for point, distance in zip(points(lr=[0.1, 0.2], gamma=[0.0, 1.0]), distances):
      ...     print(point, f"{distance:.3f}")
      {'lr': 0.1, 'gamma': 0.0} 1.642
      {'lr': 0.1, 'gamma': 1.0} 0.072
      {'lr': 0.2, 'gamma': 0.0} 2.547
      {'lr': 0.2, 'gamma': 1.0} 0.004
    """
    grid = points(**axes)
    labels = [_label(point) for point in grid]
    if twice := [label for label, num in Counter(labels).items() if num > 1]:
        raise InputError(f"axes: {twice[0]} is there twice; numbers must differ in six digits")
    members = member_names(num_seeds=num_seeds, **axes)
    repeated = {name: np.repeat([point[name] for point in grid], num_seeds) for name in axes}
    seeds = np.tile(np.arange(num_seeds), len(grid))
    many = vectorized(make, seeds=seeds, own_batches=False, **repeated)

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        state, metrics = many.step(state, batch)
        named: Metrics = {}
        for name, one in metrics.items():
            means = jnp.mean(one.reshape(len(grid), num_seeds), axis=1)
            named[name] = jnp.mean(one)
            named |= {f"{name}/{label}": mean for label, mean in zip(labels, means, strict=True)}
            named |= {f"{name}/{each}": value for each, value in zip(members, one, strict=True)}
        return state, named

    return many._replace(step=step)


def points(**axes: Sequence[float] | np.ndarray) -> list[dict[str, float]]:
    """The points of a grid, in the order of the members of `sweep`.

    Args:
      **axes: values of each hyper-parameter, one axis each.

    Returns:
      Numbers by name; the last axis changes fastest.

    Raises:
      InputError: if there is no axis, or one is no list of numbers.

    Example:
      >>> points(lr=[0.1, 0.2], gamma=[0.0, 1.0])[1]
      {'lr': 0.1, 'gamma': 1.0}
    """
    if not axes:
        raise InputError("axes: there is none; give values of a hyper-parameter, lr=[0.1, 0.2]")
    for name, given in axes.items():
        found = np.asarray(given)
        if found.ndim != 1 or not found.size or found.dtype.kind not in "fiu":
            raise InputError(bad_value(name, given, "a list of numbers"))
        if not np.isfinite(found).all():
            raise InputError(bad_value(name, given, "a list of finite numbers"))
    lists = ([float(value) for value in np.asarray(given)] for given in axes.values())
    return [dict(zip(axes, chosen, strict=True)) for chosen in itertools.product(*lists)]


@checked
def member_names(*, num_seeds: Width = 1, **axes: Sequence[float] | np.ndarray) -> list[str]:
    """The names of the members of a `sweep`, as their metrics have them.

    Args:
      num_seeds: members at each point.
      **axes: values of each hyper-parameter, one axis each.

    Returns:
      One name a member, in the order of the state.

    Raises:
      ValueError: if `num_seeds` is not positive.
      InputError: if there is no axis, or one is no list of numbers.

    Example:
      >>> member_names(lr=[0.1, 0.2]), member_names(num_seeds=2, lr=[0.1])
      (['lr=0.1', 'lr=0.2'], ['lr=0.1,seed=0', 'lr=0.1,seed=1'])
    """
    labels = [_label(point) for point in points(**axes)]
    if num_seeds == 1:
        return labels
    return [f"{label},seed={seed}" for label in labels for seed in range(num_seeds)]


def _label(point: Mapping[str, float]) -> str:
    return ",".join(f"{name}={value:.6g}" for name, value in point.items())
