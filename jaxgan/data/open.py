"""Opens a data set from the words of a config: `"digits"`, `"ring"`, `"tfds:mnist"`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from jaxgan.core.errors import DataError, bad_value
from jaxgan.core.ranges import Count, check, checked
from jaxgan.data.cifar import cifar
from jaxgan.data.columns import no_data
from jaxgan.data.digit_pairs import paired_digits, unpaired_digits
from jaxgan.data.digits import digits
from jaxgan.data.folder import folder
from jaxgan.data.hdf5 import hdf5
from jaxgan.data.idx import idx
from jaxgan.data.lmdb import lmdb
from jaxgan.data.mirror import mirrored
from jaxgan.data.mixture import grid, ring
from jaxgan.data.npy import npy
from jaxgan.data.npz import npz
from jaxgan.data.pairs import paired, super_resolution, unpaired
from jaxgan.data.parquet import parquet
from jaxgan.data.partly_labelled import partly_labelled
from jaxgan.data.source import DeviceSource, Seed, Source
from jaxgan.data.tar_archive import tar_archive
from jaxgan.data.tfds import tfds
from jaxgan.data.tfrecord import tfrecord
from jaxgan.data.webdataset import webdataset
from jaxgan.data.zip_archive import zip_archive

# What each kind is opened by, and what its argument after the colon is (None: it takes none).
SOURCES: dict[str, tuple[Callable[..., Source | DeviceSource], str | None]] = {
    "cifar": (cifar, "PATH"),
    "digits": (digits, None),
    "folder": (folder, "PATH"),
    "grid": (grid, None),
    "hdf5": (hdf5, "PATH"),
    "idx": (idx, "PATH"),
    "lmdb": (lmdb, "PATH"),
    "none": (no_data, None),
    "npy": (npy, "PATH"),
    "npz": (npz, "PATH"),
    "paired": (paired, "PATH"),
    "paired_digits": (paired_digits, None),
    "parquet": (parquet, "PATH"),
    "ring": (ring, None),
    "super_resolution": (super_resolution, "PATH"),
    "tar": (tar_archive, "PATH"),
    "tfds": (tfds, "NAME"),
    "tfrecord": (tfrecord, "PATH"),
    "unpaired": (unpaired, "PATH"),
    "unpaired_digits": (unpaired_digits, None),
    "webdataset": (webdataset, "PATH"),
    "zip": (zip_archive, "PATH"),
}

# Images one by one, with labels: those that can be mirrored, and have labels hidden.
STORED = (
    *("cifar", "digits", "folder", "hdf5", "idx", "lmdb", "npy", "npz", "parquet", "tar", "tfds"),
    *("tfrecord", "webdataset", "zip"),
)

# Those whose `source` does not belong to the `image` beside it.
UNPAIRED = ("unpaired", "unpaired_digits")

# Options of every stored data set, beside those of its own function.
LABELLING = ("num_labels", "label_seed")


def open_source(spec: str, /, **options: Any) -> Source | DeviceSource:
    """Opens a data set by name, with the options of the function that opens it.

    Args:
      spec: a name of `SOURCES`, with what it takes after a colon: `digits`, `folder:PATH`.
      **options: keyword arguments of the function of that name; and `num_labels`, `label_seed`,
        for all but the labels of a few examples hidden, see `partly_labelled`; and `mirror`, for
        images mirrored at random in training, see `mirrored`.

    Returns:
      A `Source`, or a `DeviceSource` for `ring` and `grid`.

    Raises:
      DataError: an unknown kind or option, or data that cannot be used; one line.

    >>> open_source("digits", image_size=16).element_spec["image"].shape
    (16, 16, 1)
    >>> open_source("ring", modes=8)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    jaxgan.core.errors.DataError: ring: option is 'modes'; it must be 'num_modes', 'radius' or ...
    """
    kind, colon, argument = spec.partition(":")
    known = ", ".join(f"{name}:{takes}" if takes else name for name, (_, takes) in SOURCES.items())
    if kind not in SOURCES:
        raise DataError(bad_value("data", spec, known))
    opener, takes = SOURCES[kind]
    if (takes is None and colon) or (takes is not None and not argument):
        raise DataError(bad_value("data", spec, f"{kind}:{takes}" if takes else kind))
    mirror = options.pop("mirror", False)
    labelling = {name: options.pop(name) for name in LABELLING if name in options}
    parameters = inspect.signature(opener).parameters.values()
    allowed = [one.name for one in parameters if one.kind is inspect.Parameter.KEYWORD_ONLY]
    for option in options:
        if option not in allowed:
            raise DataError(bad_value(f"{kind}: option", option, sorted(allowed)))
    try:
        source = opener(*([argument] if takes else []), **options)
        source = _hide_labels(source, **labelling) if labelling else source
        check("mirror", mirror, bool)
        return mirrored(source) if mirror else source
    except DataError:
        raise
    except ValueError as error:  # an option's value: say whose
        raise DataError(f"{kind}: {error}") from error


def options_of(spec: str) -> tuple[str, ...] | None:
    """The options that a data set takes.

    Args:
      spec: as of `open_source`.

    Returns:
      Their names; None of an unknown kind.

    >>> options_of("ring"), options_of("rings:8")
    (('num_modes', 'radius', 'std'), None)
    """
    kind = spec.partition(":")[0]
    if kind not in SOURCES:
        return None
    opener, _ = SOURCES[kind]
    parameters = inspect.signature(opener).parameters.values()
    own = tuple(one.name for one in parameters if one.kind is inspect.Parameter.KEYWORD_ONLY)
    return (*own, *LABELLING, "mirror") if kind in STORED else own


@checked
def _hide_labels(
    source: Source | DeviceSource, num_labels: Count | None = None, label_seed: Seed = 0
) -> Source | DeviceSource:
    return source if num_labels is None else partly_labelled(source, num_labels, label_seed)
