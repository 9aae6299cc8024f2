"""Which batch fits: an estimate from two compilations, and then one to be sure."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple


class BatchFit(NamedTuple):
    """The largest batch per device found to fit.

    Attributes:
      batch: a power of two; 0 if none was found.
      estimate: the largest power of two by an affine fit of memory over the batch.
      is_compiled: whether the compiler found room for `batch`, or it is the estimate alone.
      bytes_per_example: the slope of the fit.
      fixed_bytes: its value at a batch of nothing.
    """

    batch: int
    estimate: int
    is_compiled: bool
    bytes_per_example: float
    fixed_bytes: float


def find_batch(
    memory: Callable[[int], float | None], limit: float, *, start: int = 256, tries: int = 4
) -> BatchFit:
    """Finds the largest power of two that fits.

    Memory is compiled for `start` and twice that, an affine function is laid through both, and its
    largest power of two under the limit is compiled; half of that if it does not fit, and so on.

    Args:
      memory: bytes on a device for a batch per device, or None where it does not fit.
      limit: bytes that a device has.
      start: the batch to begin with, a power of two; halved as long as it does not fit.
      tries: compilations of the estimate and its halves; then the fit is all there is.

    Returns:
      What was found.

    Example:
      >>> find_batch(lambda batch: 100 + 2 * batch if batch <= 400 else None, 1000, start=64)
      BatchFit(batch=256, estimate=256, is_compiled=True, bytes_per_example=2.0, fixed_bytes=100.0)
    """
    low = memory(start)
    while low is None and start > 1:
        start //= 2
        low = memory(start)
    high = None if low is None else memory(2 * start)
    if low is None:
        return BatchFit(0, 0, True, math.nan, math.nan)
    if high is None:
        return BatchFit(start, start, True, math.nan, math.nan)
    slope = (high - low) / start
    fixed = low - slope * start
    if slope <= 0:
        return BatchFit(2 * start, 2 * start, True, slope, fixed)
    estimate = max(2 ** int(math.log2(max((limit - fixed) / slope, 1.0))), 2 * start)
    batch = estimate
    for _ in range(tries):
        if batch == 2 * start or memory(batch) is not None:
            return BatchFit(batch, estimate, True, slope, fixed)
        batch //= 2
    return BatchFit(batch, estimate, False, slope, fixed)
