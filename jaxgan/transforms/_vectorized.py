"""Many members in one program, each with its own seed, numbers and metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.core.algorithm import Algorithm
from jaxgan.core.errors import InputError, bad_value
from jaxgan.core.ranges import Index, checked
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Array, Batch, Key, Metrics

MEMBER_AXES = TrainState._make(None if name == "step" else 0 for name in TrainState._fields)
"""The axes of members in a state of many, as `vmap` takes them; `step` has none."""


@checked
def vectorized(
    make: Callable[..., Algorithm],
    *,
    seeds: Sequence[Index] | np.ndarray,
    own_batches: bool = False,
    **numbers: Sequence[float] | np.ndarray,
) -> Algorithm:
    """Trains members side by side under `vmap`, and keeps the metrics of each.

    What `seeds` and `sweep` are made of; they give means. Member i is the run of
    `make(**numbers of i)` with the key `fold_in(key, seeds[i])`: its initial bits are those of that
    run, which it follows to rounding for as long as the game is not chaotic. The step count is
    shared, so that lazy penalties stay lazy.

    Args:
      make: numbers by keyword -> the algorithm; they are traced.
      seeds: of the members, integers [members].
      own_batches: whether each member takes batches of its own from the host, [members, ...],
        rather than all the same.
      **numbers: hyper-parameters of the members, [members] each.

    Returns:
      An `Algorithm` over a state with a leading axis of members on every leaf but `step`, whose
      metrics are arrays [members]. `substeps` around it takes means over steps alone.

    Raises:
      InputError: if there is no member, or not a number for each.

    Example:
      >>> from jaxgan.algorithms import simultaneous
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import bilinear
      >>> from jaxgan.optimizers import sgd
      >>> def make(lr):
      ...     sgds = {"gen": sgd(lr), "disc": sgd(lr)}
      ...     return simultaneous(gradient(bilinear()), optimizers=sgds)
      >>> three = vectorized(make, seeds=[0, 0, 1], lr=[0.1, 0.2, 0.2])
      >>> state, metrics = three.step(three.init(jax.random.key(0)), {})
      >>> state.params["gen"].shape, metrics["loss/gen"].shape
      ((3, 1), (3,))
    """
    chosen = np.asarray(seeds)
    if chosen.ndim != 1 or not chosen.size or chosen.dtype.kind not in "iu":
        raise InputError(bad_value("seeds", seeds, "integers, one for each member"))
    for name, given in numbers.items():
        if np.shape(given) != chosen.shape:
            allowed = f"{len(chosen)} numbers, one for each member"
            raise InputError(bad_value(name, given, allowed))
    first = make(**{name: float(given[0]) for name, given in numbers.items()})
    if not isinstance(first, Algorithm):
        raise InputError(bad_value("make(...)", type(first).__name__, "an Algorithm"))

    def init(key: Key) -> TrainState:
        def begin(given: tuple[dict[str, Array], Array]) -> TrainState:
            own, seed = given
            return make(**own).init(jax.random.fold_in(key, seed))

        # One after the other rather than under vmap: the very bits of the single run.
        state: TrainState = jax.lax.map(begin, (_arrays(numbers), jnp.asarray(chosen)))
        return state._replace(step=state.step[0])

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        def advance(
            state: TrainState, own: dict[str, Array], batch: Batch
        ) -> tuple[TrainState, Metrics]:
            return make(**own).step(state, batch)

        stepped: tuple[TrainState, Metrics] = jax.vmap(
            advance,
            in_axes=(MEMBER_AXES, 0, 0 if own_batches else None),
            out_axes=(MEMBER_AXES, 0),
            axis_size=len(chosen),
        )(state, _arrays(numbers), batch)
        return stepped

    lead = (len(chosen), *first.num_batches) if own_batches else first.num_batches
    return first._replace(init=init, step=step, num_batches=lead)


def _arrays(numbers: Mapping[str, Sequence[float] | np.ndarray]) -> dict[str, Array]:
    return {name: jnp.asarray(one, dtype=float) for name, one in numbers.items()}
