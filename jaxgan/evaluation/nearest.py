"""Samples beside the stored examples that are nearest to them: is the data repeated?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from jaxgan import metrics
from jaxgan.evaluation.reference import Reference
from jaxgan.writers import image_grid, lettered

NUM_QUERIES = 256
"""Samples that are looked up, and real examples to compare with."""

NUM_SHOWN = 16
CHUNK = 2048


class Nearest(NamedTuple):
    """What is nearest to samples, in pixels.

    Attributes:
      indices: of the nearest example, in the reference's order, of shape [N].
      distances: Euclidean, in units of the pixels' full range, of shape [N].
      of_real: those of real examples to the nearest other one, of shape [N].
    """

    indices: np.ndarray
    distances: np.ndarray
    of_real: np.ndarray


def find_nearest(samples: np.ndarray, reference: Reference) -> Nearest:
    """Looks samples up among all examples, chunk by chunk.

    Args:
      samples: [N, ...] in [-1, 1].
      reference: the examples, of which the first N are looked up too.

    Returns:
      A `Nearest`.

    Example:
      >>> from jaxgan.data import digits
      >>> from jaxgan.evaluation.reference import make_reference
      >>> examples = make_reference(digits(), None, 0)
      >>> copies = examples.read(500, 504)["image"]
      >>> found = find_nearest(copies, examples)
      >>> found.indices.tolist(), found.distances.tolist(), bool((found.of_real > 0).all())
      ([500, 501, 502, 503], [0.0, 0.0, 0.0, 0.0], True)
    """
    num = min(len(samples), reference.num, CHUNK)
    indices, distances = np.zeros(len(samples), int), np.full(len(samples), np.inf)
    real = reference.read(0, num)["image"] / 2
    of_real = np.full(num, np.inf)
    for start in range(0, reference.num, CHUNK):
        part = reference.read(start, min(start + CHUNK, reference.num))["image"] / 2
        where, far = metrics.nearest_neighbors(samples / 2, part)
        is_nearer = far < distances
        indices = np.where(is_nearer, start + where, indices)
        distances = np.minimum(far, distances)
        if start == 0:
            others = metrics.leave_one_out_distances(part)[:num]
        else:
            _, others = metrics.nearest_neighbors(real, part)
        of_real = np.minimum(of_real, others)
    return Nearest(indices, distances, of_real)


def nearest_picture(samples: np.ndarray, found: Nearest, reference: Reference) -> np.ndarray:
    """Samples in the upper row, what is nearest to each below it, and how far it is above.

    Args:
      samples: [N, H, W, C] in [-1, 1].
      found: as `find_nearest` gives it.
      reference: the same examples.

    Returns:
      uint8 of shape [height, width, C].

    Example:
      >>> from jaxgan.data import digits
      >>> from jaxgan.evaluation.reference import make_reference
      >>> examples = make_reference(digits(), None, 0)
      >>> some = examples.read(0, 16)["image"]
      >>> nearest_picture(some, find_nearest(some, examples), examples).shape
      (184, 1218, 1)
    """
    shown = min(NUM_SHOWN, len(samples))
    below = [reference.read(i, i + 1)["image"] for i in found.indices[:shown].tolist()]
    grid = image_grid(np.concatenate([samples[:shown], *below]), columns=shown)
    distances = [f"{far:.2f}" for far in found.distances[:shown]]
    title = "samples above the nearest examples of the data, and their Euclidean distance"
    return lettered(grid, title=title, columns=distances, rows=("samples", "nearest"))
