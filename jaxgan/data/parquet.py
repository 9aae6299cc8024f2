"""Images in Parquet files, as the Hugging Face Hub has them."""

from __future__ import annotations

import os
import re
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

import numpy as np

from jaxgan.core.errors import DataError, FileError, bad_value
from jaxgan.core.ranges import checked
from jaxgan.core.text import shown
from jaxgan.data.archive import digest
from jaxgan.data.arrays import DECODE_LIMIT_BYTES
from jaxgan.data.encoded import Pictures, picture_source
from jaxgan.data.extras import library
from jaxgan.data.images import Channels, Side
from jaxgan.data.pictures import Member, Members
from jaxgan.data.progress import with_progress
from jaxgan.data.source import Bytes, Source
from jaxgan.files import parse_json
from jaxgan.files.base import reading
from jaxgan.files.spool import Spool

IMAGES = ("image", "img", "images", "jpg", "png")
LABELS = ("label", "labels", "fine_label", "class", "cls")

SPLITS = ("train", "validation", "valid", "val", "dev", "test")
"""What files without numbers are called that are splits of one data set."""

_ROWS_AT_ONCE = 64


@checked
def parquet(
    path: str | os.PathLike[str],
    *,
    split: str | None = None,
    image_size: Side | None = None,
    channels: Channels = 3,
    labels: bool = True,
    decode_limit_bytes: Bytes = DECODE_LIMIT_BYTES,
) -> Source:
    """Opens the images of Parquet files, which lie on this machine.

    Their column `image` (or `img`) holds encoded pictures, `{bytes, path}` or the bytes alone; a
    column `label`, integers from 0 on, is read where there is one, with the names of its classes
    where the schema has those of a `ClassLabel`. Rows in a Parquet file cannot be read one by one:
    the pictures are copied once, encoded, into a temporary file.

    Args:
      path: a file, or a folder of `.parquet` files, read in the order of their names.
      split: of the files in a folder, those whose names begin with it: `train` for
        `train-00000-of-00002.parquet`. Needed where there are several.
      image_size: as of `folder`.
      channels: as of `folder`.
      labels: whether to use the labels, if there are any.
      decode_limit_bytes: up to this size the decoded set is held in memory.

    Returns:
      A `Source`.

    Raises:
      ValueError: an option out of its range.
      DataError: there are no such files, no images in them, or pictures that cannot be read.
      FileError: a file is damaged.
      ImportError: `jaxgan[formats]` is not installed.

    >>> import io, tempfile
    >>> import pyarrow, pyarrow.parquet
    >>> from PIL import Image
    >>> file, png = os.path.join(tempfile.mkdtemp(), "a.parquet"), io.BytesIO()
    >>> Image.new("RGB", (6, 4)).save(png, "png")
    >>> table = pyarrow.table({"image": [{"bytes": png.getvalue(), "path": "a.png"}], "label": [1]})
    >>> pyarrow.parquet.write_table(table, file)
    >>> source = parquet(file)
    >>> source.num_classes, source.element_spec["image"].shape
    (2, (4, 6, 3))
    """
    name = f"parquet:{os.fspath(path)}"
    return picture_source(
        name,
        parquet_pictures(name, Path(os.path.expanduser(path)), split),
        image_size=image_size,
        channels=channels,
        labels=labels,
        decode_limit_bytes=decode_limit_bytes,
    )


def parquet_pictures(name: str, path: Path, split: str | None = None) -> Pictures:
    """What `parquet` reads, before it is decoded.

    Args:
      name: of the source, for messages.
      path: a file or a folder.
      split: as of `parquet`.

    Returns:
      The pictures, copied into a temporary file that goes away with them.

    Raises:
      DataError: as `parquet`.
      FileError: likewise.
      ImportError: likewise.
    """
    reader: Any = library(name, "pyarrow.parquet", "pyarrow")
    files = _files(name, path, split)
    opened = [_open(reader, file) for file in files]
    columns = _columns(name, opened[0].schema_arrow)
    spool, classes = Spool(), array("q")
    for file, one in zip(files, opened, strict=True):
        if _columns(name, one.schema_arrow) != columns:
            raise DataError(f"{name}: {file.name} has other columns than {files[0].name}")
        with reading(file, "a Parquet file"):
            for image, label in with_progress(_rows(one, columns), one.metadata.num_rows, name):
                spool.append(_encoded(file, image))
                classes.append(-1 if label is None else label)
    ends = np.cumsum([one.metadata.num_rows for one in opened])
    if not ends[-1]:
        raise DataError(f"{name}: no image in it; there must be at least 1")

    def member(index: int) -> Member:
        which = int(np.searchsorted(ends, index, side="right"))
        row = index - (int(ends[which - 1]) if which else 0)
        return Member(f"row {row}", str(files[which]), lambda: spool.read(index))

    sizes = spool.sizes()
    return Pictures(
        files=Members(len(sizes), member),
        classes=None if columns.label is None else np.array(classes),
        class_names=columns.class_names,
        digest=digest([f"{row}" for row in range(len(sizes))], sizes),
        passed_over=columns.passed_over,
    )


class _Columns(NamedTuple):
    image: str
    label: str | None
    class_names: tuple[str, ...]
    passed_over: tuple[str, ...]


def _files(name: str, path: Path, split: str | None) -> list[Path]:
    """The files of the split."""
    if path.is_file():
        return [path]
    splits: dict[str, list[Path]] = {}
    for file in sorted(path.rglob("*.parquet")) if path.is_dir() else ():
        splits.setdefault(_split_of(path, file), []).append(file)
    if not splits:
        raise DataError(f"{name}: no .parquet file; it must be one, or a folder of them")
    if split is None and len(splits) == 1:
        (split,) = splits
    if split not in splits:
        raise DataError(bad_value(f"{name}: split", split, sorted(splits)))
    return splits[split]


def _split_of(root: Path, file: Path) -> str:
    """`train` of `train-00000-of-00002.parquet`, `train.parquet` and `train/0000.parquet`."""
    named = re.fullmatch(r"(.+?)-\d+-of-\d+(-\w+)?", file.stem)
    if named:
        return named[1]
    if file.stem in SPLITS:
        return file.stem
    return "" if file.parent == root else file.parent.name


def _open(reader: Any, file: Path) -> Any:
    with reading(file, "a Parquet file"):
        return reader.ParquetFile(file)


def _columns(name: str, schema: Any) -> _Columns:
    """Which columns are read, and the names of the classes."""
    features = _features(name, schema)
    kinds = {field.name: str(field.type) for field in schema}
    images = [one for one, feature in features.items() if feature.get("_type") == "Image"]
    image = next((one for one in (*images, *IMAGES) if one in kinds), None)
    encoded = r"(large_)?binary|struct<.*bytes: (large_)?binary"
    if image is None or not re.match(encoded, kinds[image]):
        raise DataError(
            f"{name}: columns {', '.join(f'{one} {kind}' for one, kind in kinds.items())}; one "
            f"must be {' or '.join(IMAGES[:2])}, of encoded pictures: {{bytes, path}} or binary"
        )
    label = next((one for one in LABELS if re.fullmatch(r"u?int\d+", kinds.get(one, ""))), None)
    names = features.get(label, {}).get("names", []) if label else []
    rest = [shown(one) for one in kinds if one not in (image, label)]
    return _Columns(
        image, label, tuple(map(str, names)), (f"columns {', '.join(rest)}",) if rest else ()
    )


class _Info(TypedDict):
    features: dict[str, dict[str, Any]]


class _Metadata(TypedDict):
    info: _Info


def _features(name: str, schema: Any) -> dict[str, dict[str, Any]]:
    """What the `datasets` library has written on the columns; nothing where it has not."""
    about = (schema.metadata or {}).get(b"huggingface")
    if about is None:
        return {}
    return parse_json(about, f"{name}: the schema", _Metadata)["info"]["features"]


def _rows(file: Any, columns: _Columns) -> Iterator[tuple[Any, int | None]]:
    chosen = [columns.image] if columns.label is None else [columns.image, columns.label]
    for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE, columns=chosen):
        images, *labels = [batch.column(one).to_pylist() for one in chosen]
        yield from zip(images, labels[0] if labels else [0] * len(images), strict=True)


def _encoded(file: Path, image: Any) -> bytes:
    content = image.get("bytes") if isinstance(image, dict) else image
    if content is None:
        raise FileError(
            file, "it has rows without the bytes of a picture; the pictures must be in it"
        )
    return bytes(content)
