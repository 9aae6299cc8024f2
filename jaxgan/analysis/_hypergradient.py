"""What a hyper-parameter does to the end of training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp

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
    """

    value: Array
    gradient: Mapping[str, PyTree]


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

    Networks have to be smooth: at a ReLU's kinks there is no derivative, and under R1 and its kin
    what is left of it has little to do with the truth. A long horizon has derivatives that explode
    where training is chaotic; they are right, and no help.

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

    lengths = {jnp.shape(leaf)[:1] for leaf in jax.tree.leaves(batches)}
    if lengths - {(num_steps,)}:
        found = sorted(length[0] if length else 0 for length in lengths)
        raise ValueError(bad_value("the first axis of batches", found, f"num_steps = {num_steps}"))

    def end(given: Mapping[str, Any]) -> tuple[Array, Array]:
        algorithm = make(**given)

        def step(state: TrainState, batch: Batch) -> tuple[TrainState, None]:
            return algorithm.step(state, batch)[0], None

        value = objective(checkpointed_scan(step, state, batches, length=num_steps))
        if jnp.shape(value) != ():
            raise ValueError(bad_value("objective: the shape", jnp.shape(value), "(), a number"))
        return value, value

    at = jax.tree.map(lambda x: jnp.asarray(x, jnp.result_type(float, x)), dict(with_respect_to))
    derive = jax.jacfwd if mode == "forward" else jax.grad
    gradient, value = derive(end, has_aux=True)(at)
    return Hypergradient(value, gradient)
