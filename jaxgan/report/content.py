"""What a page says of a run; where it comes from is the caller's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from jaxgan.writers.curves import Curve

Facts = tuple[tuple[str, str], ...]
"""Names and what is known of each, in order."""


class Frame(NamedTuple):
    """One picture.

    Attributes:
      label: what is said of it, such as `step 1200`.
      uri: the picture itself, `data:image/png;base64,...`.
    """

    label: str
    uri: str


class Pictures(NamedTuple):
    """Pictures that follow one another.

    Attributes:
      title: of all.
      frames: in order; the last one is shown first.
      num_files: how many there are, of which these are some.
      folder: where all of them are.
      beside: what they are to be compared with.
    """

    title: str
    frames: tuple[Frame, ...]
    num_files: int
    folder: str
    beside: Frame | None = None


class Scored(NamedTuple):
    """A score.

    Attributes:
      name: of the metric and its features.
      value: with its spread, for people.
      protocol: what it depends on.
    """

    name: str
    value: str
    protocol: Mapping[str, str]


class Warned(NamedTuple):
    """A warning of the watch.

    Attributes:
      step: when it came.
      text: what is wrong.
      advice: what to try.
      cleared: the step from which it held no more; None if it still holds.
    """

    step: int
    text: str
    advice: str
    cleared: int | None


class Checkpoint(NamedTuple):
    """A checkpoint that is kept.

    Attributes:
      step: steps done.
      created: when, in UTC.
      size: in bytes.
      metrics: its losses, and what the best ones are chosen by, for people.
      is_best: whether `keep_best` keeps it.
    """

    step: int
    created: str
    size: int
    metrics: str
    is_best: bool


class Content(NamedTuple):
    """A run.

    Attributes:
      name: of its folder.
      summary: what is said first.
      curves: steps and values of its metrics, see `jaxgan.writers.curves`.
      pictures: its samples first.
      scores: of its last evaluation.
      warnings: of the watch, oldest first.
      checkpoints: oldest first.
      data: what it is trained on.
      config: dotted keys and their values.
      code: files of its user's own, and their digests.
      versions: of the libraries.
    """

    name: str
    summary: Facts = ()
    curves: Mapping[str, Curve] = {}
    pictures: tuple[Pictures, ...] = ()
    scores: tuple[Scored, ...] = ()
    warnings: tuple[Warned, ...] = ()
    checkpoints: tuple[Checkpoint, ...] = ()
    data: Facts = ()
    config: Facts = ()
    code: Facts = ()
    versions: Facts = ()
