"""Metrics of people's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from jaxgan.core.ranges import checked
from jaxgan.evaluation.collect import MAX_IMAGES
from jaxgan.evaluation.measures import Found, Task, real_images
from jaxgan.evaluation.table import Metric


@checked
def make_metric(
    name: str,
    compute: Callable[[np.ndarray, np.ndarray], float],
    *,
    of: Literal["features", "images"] = "features",
) -> Metric:
    """A metric of one score, from real examples and samples.

    Args:
      name: of the score; that of the features is appended to it.
      compute: (real, fake) -> the score: features [N, F] and [M, F], or examples [N, ...] and
        [M, ...] as the data have them, at most 10,000 of each.
      of: whether it compares features or the examples themselves.

    Returns:
      A `Metric`.

    Example:
      >>> gap = make_metric("gap", lambda real, fake: abs(real.mean() - fake.mean()), of="images")
      >>> gap.scores, sorted(gap.needs)
      (('gap',), ['images'])
    """

    def found(task: Task) -> list[Found]:
        if of == "features":
            real, fake = task.real.features, task.fake.features
        else:
            real, fake = real_images(task, MAX_IMAGES), task.fake.images
        assert real is not None
        assert fake is not None
        options = {"n_real": len(real), "n_fake": len(fake)}
        return [Found(name, float(compute(real, fake)), None, options)]

    return Metric((name,), frozenset((of,)), found, on_features=of == "features")
