"""What was read, for the log and for a run's folder; what changed since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jaxgan.core.errors import DataError
from jaxgan.data.source import DeviceSource, Source

MAX_CLASSES_LISTED = 16


def record_of(source: Source | DeviceSource) -> dict[str, Any]:
    """What a run's folder keeps of its data, to know them again.

    Args:
      source: the data.

    Returns:
      A dict for JSON: how many examples, classes by number and by name, and a digest. Nothing in it
      depends on where the data lie.

    >>> from jaxgan.data import ring
    >>> record_of(ring(num_modes=3))
    {'num_examples': None, 'num_classes': 3, 'class_names': [], 'digest': ''}
    """
    record = {"num_examples": None, "num_classes": source.num_classes}
    if isinstance(source, DeviceSource):
        return {**record, "class_names": [], "digest": ""}
    names = list(source.class_names)
    return {
        **record,
        "num_examples": source.num_examples,
        "class_names": names,
        "digest": source.digest,
    }


def summary(source: Source | DeviceSource) -> str:
    """One line on what was read.

    Args:
      source: the data.

    Returns:
      How many examples, their shape and range, the classes, and what was passed over.

    >>> from jaxgan.data import digits, ring
    >>> summary(ring(num_modes=3))
    'ring: points of 2 numbers, drawn as they are needed; 3 classes'
    >>> summary(digits())
    'digits: 1797 images of 8x8x1, floats in [-1, 1]; 10 classes'
    >>> summary(digits(labels=False))
    'digits: 1797 images of 8x8x1, floats in [-1, 1]; no classes'
    """
    parts = [f"{source.name}: {_examples(source)}", _classes(source)]
    if isinstance(source, Source) and source.passed_over:
        parts.append(f"passed over: {', '.join(source.passed_over)}")
    return "; ".join(parts)


def repetition(source: Source | DeviceSource, batch_size: int) -> str:
    """What a batch that is larger than the data set means.

    Args:
      source: the data.
      batch_size: examples in a global batch.

    Returns:
      One line; empty where the data are enough for a batch.

    >>> from jaxgan.data import digits
    >>> repetition(digits(), 64)
    ''
    >>> repetition(digits()._replace(num_examples=10), 64)  # doctest: +ELLIPSIS
    'batch_size is 64, and there are 10 examples: each is in a batch 6 times or more, so ...'
    """
    if isinstance(source, DeviceSource) or source.num_examples >= batch_size:
        return ""
    num = source.num_examples
    return (
        f"batch_size is {batch_size}, and there are {num} examples: each is in a batch "
        f"{batch_size // num} times or more, so statistics of the batch are those of the same "
        "examples at every step, and a discriminator soon memorizes them; a smaller batch and "
        "`augment: ada` help"
    )


def check_same(old: Mapping[str, Any], new: Mapping[str, Any]) -> str | None:
    """Compares the data of a run with those that it had when it last began.

    Args:
      old: as `record_of` gave it.
      new: as it gives it now.

    Returns:
      One line on what changed; None if nothing did.

    Raises:
      DataError: if the classes are others: labels would mean something else.

    >>> old = {"num_examples": 9, "num_classes": 2, "class_names": ["cat", "dog"], "digest": "a"}
    >>> check_same(old, {**old, "num_examples": 10, "digest": "b"})
    'data: 9 examples when the run last began, 10 now'
    >>> check_same(old, {**old, "class_names": ["cat", "emu"]})
    Traceback (most recent call last):
    ...
    jaxgan.core.errors.DataError: data: class 1 was 'dog', is 'emu'; it must be the run's
    """
    _check_classes(old, new)
    was, now = old["num_examples"], new["num_examples"]
    if was != now:
        return f"data: {was} examples when the run last began, {now} now"
    if old["digest"] != new["digest"]:
        return f"data: as many examples as when the run last began, {now}, but others"
    return None


def _check_classes(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    was, now = old["num_classes"], new["num_classes"]
    if was != now:
        raise DataError(
            f"data: {now or 'no'} classes, {was or 'none'} when the run began; it must be as many"
        )
    for number, (a, b) in enumerate(zip(old["class_names"], new["class_names"], strict=False)):
        if a != b:
            raise DataError(f"data: class {number} was {a!r}, is {b!r}; it must be the run's")


def _examples(source: Source | DeviceSource) -> str:
    if not source.element_spec:
        return "no examples"
    if "image" not in source.element_spec:
        columns = ", ".join(source.element_spec)
        num = source.num_examples if isinstance(source, Source) else "any number of"
        return f"{num} examples of {columns}"
    shape = source.element_spec["image"].shape
    what = f"points of {shape[0]} numbers" if len(shape) == 1 else f"images of {_by(shape)}"
    if isinstance(source, DeviceSource):
        return f"{what}, drawn as they are needed"
    text = f"{source.num_examples} {what}"
    if "source" in source.element_spec:
        text += f" made of {_by(source.element_spec['source'].shape)}"
    return f"{text}, {source.values}" if source.values else text


def _by(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))


def _classes(source: Source | DeviceSource) -> str:
    num = source.num_classes
    if not num:
        return "no classes"
    names = source.class_names if isinstance(source, Source) else ()
    text = f"{num} class{'' if num == 1 else 'es'}"
    if list(names) == [str(number) for number in range(len(names))]:
        return text
    few = ", ".join(f"{number} {name}" for number, name in enumerate(names[:MAX_CLASSES_LISTED]))
    return f"{text}: {few}{', ...' if num > MAX_CLASSES_LISTED else ''}"
