"""Where real examples come from: `Source` on the host, `DeviceSource` inside the training step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.core.ranges import Range
from jaxgan.core.typing import Batch, Key

NumpyBatch = dict[str, np.ndarray]
ElementSpec = dict[str, jax.ShapeDtypeStruct]
Bytes = Annotated[int, Range(at_least=0, at_most=2**63 - 1)]
Seed = Annotated[int, Range(at_least=0, at_most=2**64 - 1)]
"""Of a stream of examples, which Philox and the hash take whole."""


class Source(NamedTuple):
    """A finite data set on the host, with random access.

    Attributes:
      name: what it was opened as: `"digits"`, `"tfds:mnist"`.
      element_spec: one example: `{"image": (H, W, C) or (D,) float32}` and, when labelled,
        `"label": () int32`.
      num_examples: how many there are.
      num_classes: labels are in [0, num_classes); None when unlabelled.
      class_names: one name per class, or () when unknown.
      read: maps int [n] indices to a batch of n examples, images float32 in [-1, 1]; pure, and
        called from several threads.
      read_elements: maps the numbers of elements of a shuffled stream, int [n], and its seed to
        their batch, for a source that draws more for an element than an example: a crop, an
        example of a second domain. Pure likewise. None where the stream is of examples as `read`
        gives them.
      values: the range of the stored images in words, `"bytes in [0, 255]"`; of images that are
        decoded when read it is that of a few. Empty when unknown.
      digest: tells this data set from another; empty when unknown. It does not depend on where
        the data lie.
      passed_over: what lies beside the data and is not read, in a few words for each reason.
    """

    name: str
    element_spec: ElementSpec
    num_examples: int
    num_classes: int | None
    class_names: tuple[str, ...]
    read: Callable[[np.ndarray], NumpyBatch]
    read_elements: Callable[[np.ndarray, int], NumpyBatch] | None = None
    values: str = ""
    digest: str = ""
    passed_over: tuple[str, ...] = ()


_NO_MODES = np.zeros((0, 0), np.float32)


class DeviceSource(NamedTuple):
    """A distribution that is sampled on the device, inside the training step.

    Attributes:
      name: what it was opened as: `"ring"`.
      element_spec: one example, as in `Source`.
      num_classes: labels are in [0, num_classes); None when unlabelled.
      sample: `(key, num) -> {"image": [num, D], "label": [num]}`, jittable with `num` static.
      modes: float32 [num_modes, D], the centres of a Gaussian mixture; no rows of what is none.
      std: the standard deviation of each mode, in every coordinate.
    """

    name: str
    element_spec: ElementSpec
    num_classes: int | None
    sample: Callable[[Key, int], Batch]
    modes: np.ndarray = _NO_MODES
    std: float = 0.0


def element_spec_of(shape: Sequence[int], labelled: bool) -> ElementSpec:
    """Describes one example: a float32 image or point, and an int32 label if `labelled`.

    >>> sorted(element_spec_of((8, 8, 1), labelled=True))
    ['image', 'label']
    """
    spec: ElementSpec = {"image": jax.ShapeDtypeStruct(tuple(shape), jnp.float32)}
    if labelled:
        spec["label"] = jax.ShapeDtypeStruct((), jnp.int32)
    return spec
