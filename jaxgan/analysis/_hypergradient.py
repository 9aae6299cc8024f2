"""What a hyper-parameter does to the end of training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.analysis._kinks import kinks, warn_of_kinks
from jaxgan.core.algorithm import Algorithm
from jaxgan.core.errors import bad_value
from jaxgan.core.loops import checkpointed_scan
from jaxgan.core.ranges import Count, checked
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Array, Batch, PyTree


class Hypergradient(NamedTuple):
    """An objective after training, and how it changes with what training was given.

    Attributes:
      value: of the objective, a scalar.
      gradient: its derivatives, {name: array}, shaped like the hyper-parameters.
      state: where training ended, to go on from.
    """

    value: Array
    gradient: Mapping[str, PyTree]
    state: Any


@checked
def hypergradient(
    make: Callable[..., Algorithm],
    objective: Callable[[TrainState], Array],
    *,
    num_steps: Count,
    with_respect_to: Mapping[str, Any],
    state: TrainState,
    batches: Batch,
    mode: Literal["reverse", "forward"] = "reverse",
) -> Hypergradient:
    """The derivative of an objective after k whole training steps in any hyper-parameters.

    dE(w_k)/dh for w_{i+1} = step_h(w_i, batch_i): through every step, its optimizers, penalties and
    lookaheads, to all digits. It is a pure function of `with_respect_to`, `state` and `batches`:
    compile it with `jax.jit`, step along it with an optimizer.

    Networks and losses have to be smooth: where the slope of a ReLU jumps, so does the gradient
    and the derivative leaves that out. What `kinks` finds is warned of. A long horizon
    has derivatives that explode where training is chaotic; they are right, and no help.

    Call it again from the `state` that it returns and it is truncated unrolling: cheap and at once,
    but blind to what a hyper-parameter did before the last k steps. `evolution_strategies` and
    `persistent_evolution_strategies` estimate without derivatives, the latter without that bias.

    Args:
      make: hyper-parameters by keyword -> `Algorithm`, of the names of `with_respect_to`.
      objective: (TrainState) -> scalar, such as a loss on data held out.
      num_steps: k, calls of the algorithm's step.
      with_respect_to: {name: number or arrays}, where the derivative is taken.
      state: where training starts, of any of these algorithms.
      batches: with an axis of `num_steps` in front of those of the algorithm.
      mode: "reverse" costs the same for any number of hyper-parameters and keeps about 2 √k states;
        "forward" keeps one or two, and costs a run for each number.

    Returns:
      A `Hypergradient`.

    Raises:
      ValueError: for a wrong argument, or batches that are not one for each step.

    Example:
      Descent on ½ x² from 1 ends at E = x = (1 - η)^k, so that dE/dη = -k (1 - η)^(k-1):

      >>> from jaxgan.core.game import general_sum
      >>> from jaxgan.algorithms import simultaneous
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.optimizers import sgd
      >>> game = general_sum(lambda key: {"a": jnp.ones(())},
      ...                    lambda params, batch, context: {"a": 0.5 * params["a"] ** 2})
      >>> def make(rate):
      ...     return simultaneous(gradient(game), optimizers={"a": sgd(rate)})
      >>> found = hypergradient(make, lambda state: state.params["a"], num_steps=2,
      ...                       with_respect_to={"rate": 0.5}, batches={},
      ...                       state=make(0.5).init(jax.random.key(0)))
      >>> float(found.value), float(found.gradient["rate"])
      (0.25, -1.0)

    References:
      Maclaurin, Duvenaud & Adams, 2015 (arXiv:1502.03492); both modes: Franceschi et al., 2017
      (arXiv:1703.01785).
    """

    check_lengths(batches, num_steps)
    first = jax.tree.map(lambda x: x[0], batches)
    warn_of_kinks("hypergradient", kinks(make(**with_respect_to), state, first))

    def end(given: Mapping[str, Any]) -> tuple[Array, tuple[Array, TrainState]]:
        value, last = train(make, objective, given, state, batches, num_steps)
        return value, (value, last)

    derive = jax.jacfwd if mode == "forward" else jax.grad
    gradient, (value, last) = derive(end, has_aux=True)(as_arrays(with_respect_to))
    return Hypergradient(value=value, gradient=gradient, state=last)


def check_lengths(batches: Batch, num_steps: int) -> None:
    """Raises unless there is a batch for each step.

    Args:
      batches: arrays, each with an axis of steps in front.
      num_steps: how many there must be.

    Raises:
      ValueError: naming both numbers.

    Example:
      >>> check_lengths({"image": jnp.zeros((3, 8, 1))}, 3)
    """
    lengths = {jnp.shape(leaf)[:1] for leaf in jax.tree.leaves(batches)}
    if lengths - {(num_steps,)}:
        found = sorted(length[0] if length else 0 for length in lengths)
        raise ValueError(bad_value("the first axis of batches", found, f"num_steps = {num_steps}"))


def as_arrays(given: Mapping[str, Any]) -> dict[str, PyTree]:
    """Hyper-parameters as arrays of floating point numbers.

    Args:
      given: {name: number or arrays}.

    Returns:
      {name: arrays}.

    Example:
      >>> as_arrays({"rate": 1})["rate"].dtype.name
      'float32'
    """
    arrays: dict[str, PyTree] = jax.tree.map(
        lambda x: jnp.asarray(x, jnp.result_type(float, x)), dict(given)
    )
    return arrays


def train(
    make: Callable[..., Algorithm],
    objective: Callable[[TrainState], Array],
    given: Mapping[str, Any],
    state: TrainState,
    batches: Batch,
    num_steps: int,
) -> tuple[Array, TrainState]:
    """An objective after some steps of training, and where they end.

    Args:
      make: hyper-parameters by keyword -> `Algorithm`.
      objective: (TrainState) -> scalar.
      given: the hyper-parameters.
      state: where training starts.
      batches: with an axis of `num_steps` in front of those of the algorithm.
      num_steps: calls of the algorithm's step.

    Returns:
      (value, state).

    Raises:
      ValueError: if the objective is no scalar.

    Example:
      >>> from jaxgan.algorithms import simultaneous
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import bilinear
      >>> from jaxgan.optimizers import sgd
      >>> def make(rate):
      ...     both = {"gen": sgd(rate), "disc": sgd(rate)}
      ...     return simultaneous(gradient(bilinear()), optimizers=both)
      >>> start = make(0.5).init(jax.random.key(0))
      >>> value, _ = train(make, lambda state: state.params["gen"][0], {"rate": 0.5}, start, {}, 1)
      >>> float(value)
      0.5
    """
    algorithm = make(**given)

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, None]:
        return algorithm.step(state, batch)[0], None

    last = checkpointed_scan(step, state, batches, length=num_steps)
    value = objective(last)
    if jnp.shape(value) != ():
        raise ValueError(bad_value("objective: the shape", jnp.shape(value), "(), a number"))
    return value, last
