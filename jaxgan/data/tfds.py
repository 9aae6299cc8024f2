"""Data sets prepared by TensorFlow Datasets, read without TensorFlow."""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan.core.errors import DataError
from jaxgan.core.ranges import checked
from jaxgan.data.arrays import DECODE_LIMIT_BYTES, Decoded, decoded_source
from jaxgan.data.images import Channels, Side, resize_array
from jaxgan.data.source import Bytes, Source


@checked
def tfds(
    name: str,
    *,
    split: str = "train",
    data_dir: str | None = None,
    image_size: Side | None = None,
    channels: Channels | None = None,
    labels: bool = True,
    decode_limit_bytes: Bytes = DECODE_LIMIT_BYTES,
) -> Source:
    """Opens the images of a data set that TFDS has prepared as array_record files.

    Nothing is downloaded. The data set's features must hold an `image` of uint8; a `label`, if it
    is a class label, is read too.

    Args:
      name: as TFDS names it: `mnist`, `cifar10:3.0.2`, `imagenette/320px-v2`.
      split: as TFDS writes it: `train`, `train+test`, `train[:10%]`.
      data_dir: where it was prepared; None for TFDS's own default.
      image_size: side in pixels; needed when sizes differ, else None keeps the images' own. See
        `images.resize_and_crop`.
      channels: 1 (grey), 3 (RGB), or None to keep the images' own.
      labels: whether to read the labels, if there are any.
      decode_limit_bytes: up to this size the decoded set is held in memory.

    Returns:
      A `Source`.

    Raises:
      ValueError: an option out of its range.
      DataError: there is no such data set or split, it is not prepared, it holds no such images,
        or its files are damaged.
      ImportError: `jaxgan[data]` is not installed.

    >>> tfds("mnist", data_dir="/data/tfds").num_examples  # doctest: +SKIP
    60000
    """
    title = f"tfds:{name}"
    with _absl_silenced():
        builder = _builder(title, name, data_dir)
        records = _records(title, builder, split)
        height, width, depth = _image_shape(title, builder, image_size)
        depth = channels or depth
        class_label = _class_label(builder) if labels else None

        def decode(indices: np.ndarray) -> Decoded:
            try:
                examples = records.__getitems__(indices.tolist())
            except Exception as error:  # the reader's own errors share no base class
                raise DataError(
                    f"{title}: cannot read {builder.data_dir} ({_first_line(error)}); "
                    "prepare it again"
                ) from error
            images = [resize_array(one["image"], image_size, depth) for one in examples]
            classes = [0 if class_label is None else one["label"] for one in examples]
            return np.stack(images), np.array(classes)

        source = decoded_source(
            title,
            decode,
            (len(records), height, width, depth),
            num_classes=None if class_label is None else class_label.num_classes,
            class_names=() if class_label is None else class_label.names,
            decode_limit_bytes=decode_limit_bytes,
        )
        return source._replace(digest=f"{builder.info.full_name} {split}")


@contextlib.contextmanager
def _absl_silenced() -> Iterator[None]:
    """Keeps TFDS's warnings, on OpenCV and on missing folders, from burying our one line."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _builder(title: str, name: str, data_dir: str | None) -> Any:
    """Returns the TFDS builder of a data set that is prepared as array_record."""
    try:
        import tensorflow_datasets
    except ImportError as error:
        raise ImportError(
            f"{title}: needs tensorflow-datasets ({_first_line(error)}): pip install jaxgan[data]"
        ) from error
    if data_dir is not None:
        data_dir = os.path.expanduser(data_dir)
        _check_level(title, name, Path(data_dir))
    try:
        builder = tensorflow_datasets.builder(name, data_dir=data_dir)
    except Exception as error:  # unknown names, versions and damaged metadata: many types
        raise DataError(
            f"{title}: TFDS knows no such data set ({_first_line(error)}); it must "
            "be in tensorflow_datasets.list_builders(), or prepared in data_dir"
        ) from error
    where = str(builder.data_dir_root) if data_dir is None else data_dir
    again = f"tfds build {name} --data_dir={where} --file_format=array_record"
    needs = "needs tensorflow, for preparing only"
    if not builder.is_prepared():
        raise DataError(f"{title}: not prepared in data_dir {where}; prepare it: {again} ({needs})")
    if builder.info.file_format.value != "array_record":
        raise DataError(
            f"{title}: prepared as {builder.info.file_format.value} in data_dir {where}; "
            f"it must be array_record, prepare it again: {again} --overwrite ({needs})"
        )
    return builder


def _check_level(title: str, name: str, data_dir: Path) -> None:
    """Raises where `data_dir` is the data set's own folder, or below it."""
    base = name.partition(":")[0].partition("/")[0]
    for folder in (data_dir, *data_dir.parents):
        found = [folder.glob(f"{inner}/dataset_info.json") for inner in ("*", "*/*")]
        if folder.name == base and any(True for _ in itertools.chain(*found)):
            raise DataError(
                f"{title}: data_dir {data_dir} is the data set's own folder, or in it; it must "
                f"be the folder that holds {base}, {folder.parent}"
            )


def _records(title: str, builder: Any, split: str) -> Any:
    """Returns the examples of a split, with random access."""
    splits = ", ".join(builder.info.splits)
    allowed = f"it must be {splits}, or a slice or sum of them as TFDS writes it"
    try:
        records = builder.as_data_source(split=split)
    except Exception as error:  # TFDS parses with asserts, AttributeErrors and ValueErrors
        raise DataError(f"{title}: split {split!r} ({_first_line(error)}); {allowed}") from error
    return records


def _image_shape(title: str, builder: Any, image_size: int | None) -> tuple[int, int, int]:
    """Returns (height, width, channels) after resizing; channels are the data set's own."""
    features = builder.info.features
    image: Any = dict(features.items()).get("image")
    shape: tuple[Any, ...] = getattr(image, "shape", None) or ()
    if len(shape) != 3 or image.np_dtype != np.uint8 or shape[-1] not in (1, 3):
        raise DataError(
            f"{title}: features {', '.join(features)}; "
            "one must be an image of uint8 with 1 or 3 channels"
        )
    if image_size is not None:
        return image_size, image_size, shape[-1]
    if None in shape:
        raise DataError(f"{title}: images of many sizes; give image_size")
    return shape[0], shape[1], shape[2]


def _class_label(builder: Any) -> Any:
    """Returns the data set's `label` if it is one of a known number of classes, or None."""
    label = dict(builder.info.features.items()).get("label")
    return label if getattr(label, "num_classes", None) else None


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
