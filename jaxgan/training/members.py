"""Playing members side by side, and keeping the lines of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax

from jaxgan import distributed
from jaxgan.core.algorithm import Algorithm
from jaxgan.core.errors import InputError, bad_value
from jaxgan.core.ranges import Count, checked
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Batch
from jaxgan.training.hooks import check_every
from jaxgan.transforms import substeps
from jaxgan.writers import Progress

Line = dict[str, float]
Look = Callable[[TrainState], Sequence[Mapping[str, float]]]
"""What is measured of a state now and then: numbers by name, for each member."""


class Played(NamedTuple):
    """Members after they were played.

    Attributes:
      state: theirs, with a leading axis of members.
      lines: of each member those that it has logged, with `step`, as `metrics.jsonl` has them.
    """

    state: TrainState
    lines: list[list[Line]]


def forever() -> Iterator[Batch]:
    """The batches of an algorithm that takes none from the host.

    Returns:
      Empty ones without end.

    Example:
      >>> next(forever())
      {}
    """
    while True:
        yield {}


@checked
def play(
    algorithm: Algorithm,
    state: TrainState,
    batches: Iterator[Any],
    *,
    num_steps: Count,
    log_every_steps: Count,
    look: Look | None = None,
    look_every_steps: Count | None = None,
    progress: Progress | None = None,
) -> Played:
    """Plays members side by side in one compiled program, sharded over the devices.

    A line of a member has its metrics, as means over the steps since the line before, and what
    `look` finds of it where that is due. A member whose numbers are lost stops no other.

    Args:
      algorithm: of members, as `transforms.vectorized` makes it; without `substeps`.
      state: where they begin: what its `init` gives, or `branch`, or what was played before. It is
        taken.
      batches: what its step takes from the host, `log_every_steps` steps' worth an item, see
        `forever`.
      num_steps: how many steps to play.
      log_every_steps: between two lines; it divides `num_steps`.
      look: what else is measured of a state.
      look_every_steps: between two looks, a multiple of `log_every_steps`; there is one at the end
        in any case, and no other by default.
      progress: where to show how far it is, and how long it will take.

    Returns:
      A `Played`.

    Raises:
      InputError: if the numbers of steps are not multiples of each other.

    Example:
      >>> from jaxgan.algorithms import simultaneous
      >>> from jaxgan.fields import gradient
      >>> from jaxgan.games import bilinear
      >>> from jaxgan.optimizers import sgd
      >>> from jaxgan.transforms import vectorized
      >>> def make(lr):
      ...     sgds = {"gen": sgd(lr), "disc": sgd(lr)}
      ...     return simultaneous(gradient(bilinear()), optimizers=sgds)
      >>> two = vectorized(make, seeds=[0, 0], lr=[0.1, 0.2])
      >>> state = two.init(jax.random.key(0))
      >>> played = play(two, state, forever(), num_steps=20, log_every_steps=10)
      >>> [[line["step"] for line in lines] for lines in played.lines]
      [[10, 20], [10, 20]]
    """
    num = state.key.shape[0]
    every = {"num_steps": num_steps, "look_every_steps": look_every_steps or num_steps}
    check_every({"log_every_steps": log_every_steps}, steps_per_call=algorithm.num_steps)
    for name, steps in every.items():
        if steps % log_every_steps:
            allowed = f"a multiple of log_every_steps, {log_every_steps}"
            raise InputError(bad_value(name, steps, allowed))
    many = substeps(algorithm, num_steps=log_every_steps // algorithm.num_steps)
    shardings = distributed.member_shardings(state, distributed.members_mesh(num))
    step = jax.jit(many.step, donate_argnums=0, out_shardings=(shardings, None))
    state = jax.device_put(state, shardings)
    start = int(state.step)
    lines: list[list[Line]] = [[] for _ in range(num)]
    for done in range(log_every_steps, num_steps + 1, log_every_steps):
        state, metrics = step(state, next(batches))
        found: dict[str, Any] = jax.device_get(metrics)
        is_due = done % every["look_every_steps"] == 0 or done == num_steps
        looked = look(state) if is_due and look is not None else [{}] * num
        for index, own in enumerate(lines):
            values = {name: float(value[index]) for name, value in found.items()}
            own.append({"step": start + done, **values, **looked[index]})
        if progress is not None:
            progress.update(done, found)
    return Played(state, lines)
