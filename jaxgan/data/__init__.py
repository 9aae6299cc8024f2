"""Where real examples come from, and the stream of batches that reads them."""

from jaxgan.core.errors import DataError
from jaxgan.core.pixels import to_float, to_uint8
from jaxgan.data.arrays import array_source, decoded_source
from jaxgan.data.cifar import cifar
from jaxgan.data.columns import columns, no_data
from jaxgan.data.digit_pairs import paired_digits, unpaired_digits
from jaxgan.data.digits import digits
from jaxgan.data.folder import folder
from jaxgan.data.hdf5 import hdf5
from jaxgan.data.idx import idx
from jaxgan.data.images import resize_and_crop
from jaxgan.data.lmdb import lmdb
from jaxgan.data.mirror import mirrored
from jaxgan.data.mixture import grid, mixture, ring
from jaxgan.data.npy import npy
from jaxgan.data.npz import npz
from jaxgan.data.open import open_source, options_of
from jaxgan.data.pairs import paired, super_resolution, unpaired
from jaxgan.data.parquet import parquet
from jaxgan.data.partly_labelled import partly_labelled
from jaxgan.data.pipeline import Pipeline, example_order, pipeline, prefetch_to_device
from jaxgan.data.recognize import recognized, spec_of
from jaxgan.data.record import record_of, summary
from jaxgan.data.source import DeviceSource, Source
from jaxgan.data.tar_archive import tar_archive
from jaxgan.data.tfds import tfds
from jaxgan.data.tfrecord import tfrecord
from jaxgan.data.webdataset import webdataset
from jaxgan.data.zip_archive import zip_archive

__all__ = [
    "DataError",
    "DeviceSource",
    "Pipeline",
    "Source",
    "array_source",
    "cifar",
    "columns",
    "decoded_source",
    "digits",
    "example_order",
    "folder",
    "grid",
    "hdf5",
    "idx",
    "lmdb",
    "mirrored",
    "mixture",
    "no_data",
    "npy",
    "npz",
    "open_source",
    "options_of",
    "paired",
    "paired_digits",
    "parquet",
    "partly_labelled",
    "pipeline",
    "prefetch_to_device",
    "recognized",
    "record_of",
    "resize_and_crop",
    "ring",
    "spec_of",
    "summary",
    "super_resolution",
    "tar_archive",
    "tfds",
    "tfrecord",
    "to_float",
    "to_uint8",
    "unpaired",
    "unpaired_digits",
    "webdataset",
    "zip_archive",
]
