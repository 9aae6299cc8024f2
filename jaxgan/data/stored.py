"""Any stored data set as pictures one by one: what lies in it, before it is brought to one size."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from jaxgan.core.errors import DataError, bad_value
from jaxgan.core.pixels import to_uint8
from jaxgan.data.encoded import Pictures
from jaxgan.data.folder import list_pictures
from jaxgan.data.images import convert_channels
from jaxgan.data.lmdb import lmdb_pictures
from jaxgan.data.open import STORED, open_source, options_of
from jaxgan.data.parquet import parquet_pictures
from jaxgan.data.pictures import Files, open_picture
from jaxgan.data.source import Source
from jaxgan.data.tar_archive import tar_pictures
from jaxgan.data.tfrecord import tfrecord_pictures
from jaxgan.data.webdataset import webdataset_pictures
from jaxgan.data.zip_archive import zip_pictures

_BY_FILE: dict[str, Callable[..., Pictures]] = {
    "folder": lambda name, path: list_pictures(name, Path(path)),
    "lmdb": lambda name, path: lmdb_pictures(name, Path(path)),
    "parquet": lambda name, path, **split: parquet_pictures(name, Path(path), **split),
    "tar": tar_pictures,
    "tfrecord": tfrecord_pictures,
    "webdataset": webdataset_pictures,
    "zip": zip_pictures,
}


class Stored(NamedTuple):
    """Pictures in the order of their source.

    Attributes:
      name: what they were opened as.
      num: how many there are.
      picture: (index, channels) to a Pillow image, 1 for grey and 3 for RGB; None for grey where
        it is stored as grey, else RGB. Raises `UnreadableError`. Called from several threads.
      label_of: the picture's name, for messages.
      classes: integers [N]; None when unlabelled.
      class_names: one name per class, or () when unknown.
      passed_over: as in `Source`.
    """

    name: str
    num: int
    picture: Callable[[int, int | None], Image.Image]
    label_of: Callable[[int], str]
    classes: np.ndarray | None
    class_names: tuple[str, ...]
    passed_over: tuple[str, ...]


def open_stored(spec: str, *, split: str | None = None) -> Stored:
    """Opens a data set to look at its pictures one by one; nothing is decoded yet.

    Args:
      spec: as of `open_source`, of stored images.
      split: of those that have several; None for the data set's own default.

    Returns:
      The pictures.

    Raises:
      DataError: of no such kind, or data that cannot be used.
      FileError: a file is damaged.
      ImportError: an extra of jaxgan is needed.

    >>> digits = open_stored("digits")
    >>> digits.num, digits.picture(0, 1).size
    (1797, (8, 8))
    """
    kind, _, path = spec.partition(":")
    if kind not in STORED:
        raise DataError(bad_value("data", spec, f"one of {', '.join(STORED)}"))
    if split is not None and "split" not in (options_of(spec) or ()):
        raise DataError(bad_value(f"{spec}: split", split, "left out, as there are none"))
    options: dict[str, Any] = {} if split is None else {"split": split}
    if kind in _BY_FILE:
        return _of_files(spec, _BY_FILE[kind](spec, os.path.expanduser(path), **options))
    if "decode_limit_bytes" in (options_of(spec) or ()):
        options["decode_limit_bytes"] = 0  # one by one is enough
    source = open_source(spec, **options)
    if not isinstance(source, Source) or len(source.element_spec["image"].shape) != 3:
        raise DataError(f"{spec}: holds points; it must hold images")
    return _of_source(spec, source)


def _of_files(spec: str, found: Pictures) -> Stored:
    files: Files = found.files

    def label_of(index: int) -> str:
        file = files[index]
        return str(file) if isinstance(file, Path) else f"{Path(file.container).name}/{file.name}"

    return Stored(
        name=spec,
        num=len(files),
        picture=lambda index, channels: open_picture(spec, files[index], channels),
        label_of=label_of,
        classes=found.classes,
        class_names=found.class_names,
        passed_over=found.passed_over,
    )


def _of_source(spec: str, source: Source) -> Stored:
    def picture(index: int, channels: int | None) -> Image.Image:
        pixels = to_uint8(source.read(np.array([index]))["image"][0])
        image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
        return convert_channels(image, channels)

    classes = None
    if "label" in source.element_spec:
        chunks = np.array_split(np.arange(source.num_examples), source.num_examples // 256 + 1)
        classes = np.concatenate([source.read(chunk)["label"] for chunk in chunks])
    return Stored(
        name=spec,
        num=source.num_examples,
        picture=picture,
        label_of=lambda index: f"example {index}",
        classes=classes,
        class_names=source.class_names,
        passed_over=source.passed_over,
    )
