"""Data of which a few examples only are labelled, for semi-supervised learning."""

from __future__ import annotations

import numpy as np

from jaxgan.core.errors import DataError, bad_value
from jaxgan.core.ranges import Count, checked
from jaxgan.data.hashing import hashed
from jaxgan.data.source import DeviceSource, ElementSpec, NumpyBatch, Seed, Source

UNLABELLED = -1

_CHUNK = 256
_ALL_ONES = 2**64 - 1


@checked
def partly_labelled(source: Source | DeviceSource, num_labels: Count, seed: Seed = 0) -> Source:
    """Hides all labels but those of `num_labels` examples, as many of each class.

    Labels become -1, except those of the chosen examples. Beside its own, every example i carries
    `labelled_image` and `labelled_label`, the image and class of the chosen example number
    h(seed, i) mod num_labels with a fixed hash h, so that each batch has a batch of labelled
    examples and resuming is exact. Images are read until every class has enough, in an order that
    depends on the seed.

    Args:
      source: a labelled data set.
      num_labels: how many examples keep their label, a multiple of the number of classes.
      seed: of the choice, at least 0 and below 2**64.

    Returns:
      A `Source` of as many examples.

    Raises:
      DataError: no labels, a number out of range, a class with fewer examples than asked for, or a
        source that draws for every element.

    >>> from jaxgan.data import digits
    >>> source = partly_labelled(digits(), num_labels=20)
    >>> batch = source.read(np.arange(source.num_examples))
    >>> sorted(batch), int((batch["label"] >= 0).sum())
    (['image', 'label', 'labelled_image', 'labelled_label'], 20)

    References:
      Salimans et al., 2016 (arXiv:1606.03498), section 5, whose labelled sets are balanced too.
    """
    if isinstance(source, DeviceSource):
        raise DataError(
            f"{source.name}: num_labels is {num_labels}; it is for stored examples only"
        )
    if source.read_elements is not None:  # it would be lost: labels are hidden of what is read
        raise DataError(
            f"{source.name}: num_labels is {num_labels} of a stream with draws of its own; write "
            "mirrored(partly_labelled(...))"
        )
    chosen = _choose(source, num_labels, seed)
    is_labelled = np.zeros(source.num_examples, bool)
    is_labelled[chosen] = True

    def read(indices: np.ndarray) -> NumpyBatch:
        partners = chosen[hashed(indices, seed) % np.uint64(num_labels)]
        both = source.read(np.concatenate([indices, partners]))
        num = len(indices)
        return {
            "image": both["image"][:num],
            "label": np.where(is_labelled[indices], both["label"][:num], np.int32(UNLABELLED)),
            "labelled_image": both["image"][num:],
            "labelled_label": both["label"][num:],
        }

    spec = partly_labelled_spec(source.element_spec)
    return source._replace(element_spec=spec, read=read)


def partly_labelled_spec(spec: ElementSpec) -> ElementSpec:
    """One example of a data set whose labels are hidden.

    Args:
      spec: one example of the labelled data set.

    Returns:
      `spec` with `labelled_image` and `labelled_label`.

    >>> from jaxgan.data.source import element_spec_of
    >>> sorted(partly_labelled_spec(element_spec_of((8, 8, 1), labelled=True)))
    ['image', 'label', 'labelled_image', 'labelled_label']
    """
    return {**spec, "labelled_image": spec["image"], "labelled_label": spec["label"]}


def _choose(source: Source, num_labels: int, seed: int) -> np.ndarray:
    """The examples that keep their label, int [num_labels], in increasing order."""
    name, num_classes = source.name, source.num_classes
    if num_classes is None:
        raise DataError(f"{name}: num_labels is {num_labels}; it must be none, as it has no labels")
    per_class, rest = divmod(num_labels, num_classes)
    if rest or not per_class:
        allowed = f"a positive multiple of the {num_classes} classes"
        raise DataError(bad_value(f"{name}: num_labels", num_labels, allowed))
    order = np.argsort(hashed(np.arange(source.num_examples), seed ^ _ALL_ONES), kind="stable")
    found: list[list[int]] = [[] for _ in range(num_classes)]
    for start in range(0, len(order), _CHUNK):
        indices = order[start : start + _CHUNK]
        for index, label in zip(indices, source.read(indices)["label"], strict=True):
            if len(found[label]) < per_class:
                found[label].append(int(index))
        if all(len(examples) == per_class for examples in found):
            break
    least = min(range(num_classes), key=lambda label: len(found[label]))
    if len(found[least]) < per_class:
        most = num_classes * len(found[least])
        raise DataError(
            f"{name}: num_labels is {num_labels}, {per_class} of each class, but class {least} "
            f"has {len(found[least])} examples; it must be at most {most}"
        )
    return np.sort(np.concatenate([np.asarray(examples) for examples in found]))
