"""Goes through samples or real examples chunk by chunk, and keeps what the metrics ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import jax
import numpy as np

from jaxgan import metrics
from jaxgan.core.errors import EvaluationError
from jaxgan.core.state import TrainState
from jaxgan.core.typing import Array, Key
from jaxgan.evaluation.programs import Programs
from jaxgan.evaluation.progress import ProgressCallback
from jaxgan.evaluation.reference import Arrays, Reference

MAX_IMAGES = 10_000
"""So many pictures are kept at most, for the metrics that look at pictures."""


class Side(NamedTuple):
    """What is known of the samples, or of the real examples.

    Attributes:
      num: how many.
      features: float32 [num, F]; None unless asked for.
      logits: float32 [num, K], likewise.
      moments: of all features, likewise.
      labels: int32 [num]; None where there are none.
      images: the first of them, as many as the metrics look at; None unless asked for.
      num_flat: how many are of one colour all over.
    """

    num: int
    features: np.ndarray | None = None
    logits: np.ndarray | None = None
    moments: metrics.Moments | None = None
    labels: np.ndarray | None = None
    images: np.ndarray | None = None
    num_flat: int = 0


def class_sequence(counts: Sequence[int], num: int) -> np.ndarray:
    """Labels that follow a class distribution, evenly: label i depends on i and it alone.

    Of the first n labels, for every n, each class has its share of n, give or take one. Classes
    of equal shares come in turn.

    Args:
      counts: examples of each class, in the data.
      num: how many labels.

    Returns:
      int32 of shape [num].

    Raises:
      EvaluationError: if there are no examples.

    Example:
      >>> class_sequence([1, 1, 2], 8).tolist()
      [2, 0, 1, 2, 2, 0, 1, 2]
      >>> class_sequence([5, 5], 5).tolist()
      [0, 1, 0, 1, 0]
    """
    shares = np.asarray(counts, np.int64)
    total = int(shares.sum())
    if total < 1:
        raise EvaluationError("labels: no example of the data has one")
    given, labels = np.zeros_like(shares), np.empty(num, np.int32)
    for index in range(num):
        # Whole numbers, so that no machine rounds another way.
        labels[index] = np.argmax(shares * (index + 1) - total * given)
        given[labels[index]] += 1
    return labels


def collect_fake(
    programs: Programs,
    state: TrainState | None,
    key: Key,
    labels: np.ndarray,
    wants: frozenset[str],
    progress: ProgressCallback,
    num_images: int = MAX_IMAGES,
) -> Side:
    """Draws samples and keeps what is asked for.

    Args:
      programs: as `make_programs` makes them.
      state: of the run, on the devices; None of what has none.
      key: of the latents.
      labels: int32 [num], of samples of a conditional game; anything else ignores them.
      wants: of `features`, `logits`, `moments`, `images`.
      progress: called with how far it is.
      num_images: how many images are kept, at most.

    Returns:
      A `Side`, without labels.

    Raises:
      EvaluationError: if a sample or its features are not finite.

    Example:
      See `make_evaluator`.
    """
    size, num = programs.size, len(labels)

    def chunks() -> Iterator[Array]:
        for start in range(0, num, size):
            chosen = np.resize(labels[start : start + size], size)
            yield programs.generate(state, key, start // size, chosen)

    return _collect(programs, chunks(), num, wants, "samples", progress, num_images)


def collect_real(
    programs: Programs, reference: Reference, wants: frozenset[str], progress: ProgressCallback
) -> Side:
    """Goes through the real examples; each process reads its part of them.

    Args:
      programs: as `make_programs` makes them.
      reference: the examples.
      wants: of `features`, `logits`, `moments`.
      progress: called with how far it is.

    Returns:
      A `Side`, without labels.

    Raises:
      EvaluationError: if features are not finite.

    Example:
      See `make_evaluator`.
    """
    share = programs.size // jax.process_count()
    mine = jax.process_index() * share
    shape = reference.read(0, 1)["image"].shape[1:]

    def chunks() -> Iterator[Array]:
        for start in range(0, reference.num, programs.size):
            first = min(start + mine, reference.num)
            last = min(first + share, reference.num)
            part = np.zeros((share, *shape), np.float32)
            if last > first:
                part[: last - first] = reference.read(first, last)["image"]
            yield programs.put(part)

    return _collect(programs, chunks(), reference.num, wants, "real examples", progress)


def labels_of(reference: Reference) -> np.ndarray | None:
    """The real examples' labels.

    Args:
      reference: the examples.

    Returns:
      int32 [num], -1 where one is hidden; None if the data have none.

    Example:
      >>> from jaxgan.data import digits
      >>> from jaxgan.evaluation.reference import make_reference
      >>> labels_of(make_reference(digits(), 100, 0)).shape
      (100,)
    """
    if reference.num_classes is None:
        return None
    step = 4096
    starts = range(0, reference.num, step)
    parts = [reference.read(at, min(at + step, reference.num))["label"] for at in starts]
    return np.concatenate(parts).astype(np.int32)


def _collect(
    programs: Programs,
    chunks: Iterator[Array],
    num: int,
    wants: frozenset[str],
    what: str,
    progress: ProgressCallback,
    num_images: int = 0,
) -> Side:
    kept: dict[str, list[np.ndarray]] = {}
    moments: metrics.Moments | None = None
    done = 0
    for examples, out in _ahead(programs, chunks):
        valid = min(programs.size, num - done)
        part: Arrays = {name: values[:valid] for name, values in out().items()}
        _check_finite(part, done, num, what)
        if "moments" in wants:
            of_part = metrics.moments(part["features"])
            moments = of_part if moments is None else metrics.merge(moments, of_part)
        if "images" in wants and done < num_images:
            part["images"] = programs.fetch(examples)[: min(valid, num_images - done)]
        for name in (*(wants - {"moments"}), "flat"):
            if name in part:
                kept.setdefault(name, []).append(part[name])
        done += valid
        progress(what, done, num)
    whole = {name: np.concatenate(values) for name, values in kept.items()}
    num_flat = int(whole.pop("flat").sum())
    return Side(num=num, moments=moments, num_flat=num_flat, **whole)


def _ahead(
    programs: Programs, chunks: Iterator[Array]
) -> Iterator[tuple[Array, Callable[[], Arrays]]]:
    """Each chunk is begun before the one ahead of it is read: the devices never wait."""
    before: tuple[Array, Callable[[], Arrays]] | None = None
    for examples in chunks:
        now = (examples, programs.extract(examples))
        if before is not None:
            yield before
        before = now
    if before is not None:
        yield before


def _check_finite(part: Arrays, done: int, num: int, what: str) -> None:
    bad = ~part["finite"]
    if bad.any():
        raise EvaluationError(
            f"{what}: number {done + int(bad.argmax())} of {num} holds NaN or infinite values; "
            "there is nothing to measure"
        )
    for name in ("features", "logits"):
        if name in part and not np.isfinite(part[name]).all():
            lost = int((~np.isfinite(part[name]).all(axis=1)).argmax())
            raise EvaluationError(
                f"{what}: the {name} of number {done + lost} of {num} hold NaN or infinite values; "
                "the feature network cannot take such images"
            )
