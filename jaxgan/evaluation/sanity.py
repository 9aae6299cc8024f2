"""Numbers that are computed but hardly mean what they seem to: warnings, in words and figures."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from jaxgan.evaluation.collect import Side
from jaxgan.evaluation.measures import Task

logger = logging.getLogger("jaxgan.evaluation")


def warn(task: Task, names: Sequence[str], known: set[str]) -> None:
    """Logs what makes scores doubtful: few samples, flat images, samples that are all the same.

    Args:
      task: both sides.
      names: of the scores.
      known: lines that were logged already; what is new is added.

    Example:
      See `warnings_of`.
    """
    for line in warnings_of(task, names):
        if line not in known:
            known.add(line)
            logger.warning("%s", line)


def warnings_of(task: Task, names: Sequence[str]) -> list[str]:
    """What there is to say.

    Args:
      task: both sides.
      names: of the scores.

    Returns:
      One line each.

    Example:
      >>> from jaxgan.data import ring
      >>> from jaxgan.evaluation.reference import make_reference
      >>> flat = Side(num=4, num_flat=4)
      >>> source = ring()
      >>> task = Task(flat, flat, source, make_reference(source, 4, 4), None, 0, None, {})
      >>> warnings_of(task, ["num_modes"])
      []
    """
    found = []
    is_image = len(task.source.element_spec["image"].shape) == 3
    for what, side in (("samples", task.fake), ("real examples", task.real)):
        if is_image and side.num_flat:
            found.append(f"{side.num_flat} of {side.num} {what} are one colour all over")
        if (line := _few(what, side)) is not None:
            distances = ", ".join(name for name in names if name.startswith(("fd_", "fid")))
            found += [f"{distances}: {line}"] if distances else []
    if task.fake.moments is not None and not np.any(np.diag(task.fake.moments.scatter) > 0):
        found.append(f"all {task.fake.num} samples have the same features: one picture, repeated")
    return found


def _few(what: str, side: Side) -> str | None:
    if side.moments is None:
        return None
    num_features = len(side.moments.mean)
    if side.num > num_features:
        return None
    return (
        f"{side.num} {what} of {num_features} features: the covariance is singular and the "
        f"distance biased upwards; take more than {num_features}, at best {10 * num_features}"
    )
