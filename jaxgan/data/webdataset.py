"""Images in WebDataset's shards: tar archives in which files of one name are one example."""

from __future__ import annotations

import os
import re
from array import array
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from jaxgan.core.errors import DataError, FileError, bad_value
from jaxgan.core.ranges import checked
from jaxgan.data.archive import digest
from jaxgan.data.arrays import DECODE_LIMIT_BYTES
from jaxgan.data.encoded import Pictures, picture_source
from jaxgan.data.files import SUFFIXES
from jaxgan.data.images import Channels, Side
from jaxgan.data.parts import parts_of
from jaxgan.data.paths import shards
from jaxgan.data.source import Bytes, Source
from jaxgan.files import parse_json
from jaxgan.files.part import read_part
from jaxgan.files.tar_file import TarEntry, tar_entries

LABELS = ("label", "cls", "class", "class_label")
"""Under which of these keys the `.json` of an example may have its class."""

MAX_LABEL_BYTES = 2**20


@checked
def webdataset(
    path: str | os.PathLike[str],
    *,
    image_size: Side | None = None,
    channels: Channels = 3,
    labels: bool = True,
    decode_limit_bytes: Bytes = DECODE_LIMIT_BYTES,
) -> Source:
    """Opens the images of WebDataset's shards.

    An example is the files that share a name up to its first dot: `KEY.jpg` and `KEY.cls`, a class
    in digits, or `KEY.json` with one under `label`, `cls` or `class`. Others are passed over.
    Examples are read in the order of the shards, wherever they lie in them.

    Args:
      path: a shard; or several: a folder of `.tar` files, a pattern (`faces-*.tar`), or a range in
        braces (`faces-{000..127}.tar`). Not compressed.
      image_size: as of `folder`.
      channels: as of `folder`.
      labels: whether to use the labels, if there are any.
      decode_limit_bytes: up to this size the decoded set is held in memory.

    Returns:
      A `Source`.

    Raises:
      ValueError: an option out of its range.
      DataError: there are no such shards, no images in them, examples of which only some have a
        label, or pictures that cannot be read.
      FileError: a shard is damaged.

    >>> import tarfile, tempfile
    >>> from PIL import Image
    >>> folder = Path(tempfile.mkdtemp())
    >>> Image.new("RGB", (6, 4)).save(folder / "0.png")
    >>> _ = (folder / "0.cls").write_text("2")
    >>> for shard in ("00", "01"):
    ...     with tarfile.open(folder / f"{shard}.tar", "w") as archive:
    ...         archive.add(folder / "0.png", "0.png")
    ...         archive.add(folder / "0.cls", "0.cls")
    >>> source = webdataset(folder / "{00..01}.tar")
    >>> source.num_examples, source.num_classes
    (2, 3)
    """
    name = f"webdataset:{os.fspath(path)}"
    return picture_source(
        name,
        webdataset_pictures(name, os.path.expanduser(path)),
        image_size=image_size,
        channels=channels,
        labels=labels,
        decode_limit_bytes=decode_limit_bytes,
    )


def webdataset_pictures(name: str, path: str) -> Pictures:
    """What `webdataset` reads, before it is decoded.

    Args:
      name: of the source, for messages.
      path: as of `webdataset`.

    Returns:
      The pictures, whose index is their names, places and sizes.

    Raises:
      DataError: as `webdataset`.
      FileError: likewise.
    """
    files = shards(name, path, ".tar")
    names: list[str] = []
    which, places, classes = array("q"), array("q"), array("q")
    others: set[str] = set()
    for number, shard in enumerate(files):
        for example in _examples(shard):
            images = [kind for kind in example if PurePosixPath(f"a.{kind}").suffix in SUFFIXES]
            others.update(kind for kind in example if kind not in (*images, "cls", "json"))
            if not images:
                continue
            if len(images) > 1:
                raise DataError(f"{name}: {example[images[0]].name} is one of several pictures")
            entry = example[images[0]]
            names.append(entry.name)
            which.append(number)
            places.extend((entry.offset, entry.size))
            label = _label(shard, example)
            if label is not None:
                classes.append(label)
    if not names:
        raise DataError(f"{name}: no image in it; there must be {', '.join(SUFFIXES)} files")
    if len(classes) not in (0, len(names)):
        raise DataError(
            f"{name}: {len(classes)} of {len(names)} pictures have a label; all must, or none"
        )
    found = np.array(places).reshape(-1, 2)
    return Pictures(
        files=parts_of(files, np.array(which), names, found),
        classes=np.array(classes) if len(classes) else None,
        class_names=(),
        digest=digest(names, found[:, 1].tolist()),
        passed_over=(f"files .{', .'.join(sorted(others))}",) if others else (),
    )


def _examples(shard: Path) -> Iterator[dict[str, TarEntry]]:
    """Files that lie one after another and share a name, by what follows its first dot."""
    example: dict[str, TarEntry] = {}
    last = None
    for entry in tar_entries(shard):
        folder, _, file = entry.name.rpartition("/")
        key, dot, kind = file.partition(".")
        if not key or not dot:
            continue  # hidden, or of no example
        kind = kind.lower()
        if last not in (None, (folder, key)):
            yield example
            example = {}
        if kind in example:
            raise FileError(shard, f"its entry {entry.name!r} is there twice")
        example[kind], last = entry, (folder, key)
    if example:
        yield example


def _label(shard: Path, example: dict[str, TarEntry]) -> int | None:
    kind = next((one for one in ("cls", "json") if one in example), None)
    if kind is None:
        return None
    entry = example[kind]
    where = f"{shard}/{entry.name}"
    if entry.size > MAX_LABEL_BYTES:
        raise FileError(where, f"it has {entry.size} bytes; at most {MAX_LABEL_BYTES} are read")
    content = read_part(shard, entry.offset, entry.size)
    if kind == "json":
        said = parse_json(content, where, dict[str, Any])
        label = next((said[key] for key in LABELS if key in said), None)
        if label is None:
            return None
    else:
        text = content.decode(errors="replace").strip()
        label = int(text) if re.fullmatch(r"\d{1,9}", text) else text
    if not isinstance(label, int) or isinstance(label, bool) or not 0 <= label < 2**31:
        raise FileError(where, bad_value("its label", label, "an integer of at least 0"))
    return label
