"""The shape of an example of a data set that is not there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jaxgan.data.partly_labelled import partly_labelled_spec
from jaxgan.data.source import ElementSpec, element_spec_of


def tfds_spec(name: str, options: Mapping[str, Any]) -> ElementSpec | None:
    """One example of a data set that TFDS knows, prepared or not.

    Args:
      name: as TFDS names it.
      options: of `jaxgan.data.tfds`; `image_size`, `channels`, `labels` and `num_labels` count.

    Returns:
      Its shape and dtype, or None where TFDS is not installed, does not know the data set, or its
      images have many sizes.

    Example:
      >>> tfds_spec("no_such_data_set", {}) is None
      True
    """
    try:
        import tensorflow_datasets

        features = dict(tensorflow_datasets.builder(name).info.features.items())
        height, width, depth = features["image"].shape
    except Exception:  # not installed, not known, no image: TFDS's errors share no base class
        return None
    size = options.get("image_size")
    height, width = (size, size) if size else (height, width)
    if height is None or width is None:
        return None
    labelled = hasattr(features.get("label"), "num_classes") and options.get("labels", True)
    spec = element_spec_of((height, width, options.get("channels") or depth), bool(labelled))
    return partly_labelled_spec(spec) if labelled and options.get("num_labels") else spec
