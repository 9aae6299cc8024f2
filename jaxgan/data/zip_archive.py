"""A data set of your own, as image files in one zip archive; StyleGAN's among them."""

from __future__ import annotations

import os
import zipfile

from jaxgan.core.ranges import checked
from jaxgan.data.archive import HEADER_BYTES, MAX_PICTURE_BYTES, arrange, digest
from jaxgan.data.arrays import DECODE_LIMIT_BYTES
from jaxgan.data.encoded import ClassOrder, Pictures, picture_source
from jaxgan.data.images import Channels, Side
from jaxgan.data.paths import existing_file
from jaxgan.data.pictures import Member, Members
from jaxgan.data.source import Bytes, Source
from jaxgan.files import zip_file
from jaxgan.files.base import reading

MAX_ENTRIES = 10_000_000


@checked
def zip_archive(
    path: str | os.PathLike[str],
    *,
    image_size: Side | None = None,
    channels: Channels = 3,
    labels: bool = True,
    class_order: ClassOrder = "natural",
    decode_limit_bytes: Bytes = DECODE_LIMIT_BYTES,
) -> Source:
    """Opens the images of a zip archive, without unpacking it.

    Classes are what StyleGAN's `dataset.json` says where there is one: `{"labels": [["00/0.png",
    3], ...]}`, or null for none, and perhaps `class_names`. Else they are folders, as `folder` has
    them; a folder that holds all the others is no class. Pictures are treated as `folder` does.

    Args:
      path: the archive; entries stored or deflated.
      image_size: as of `folder`.
      channels: as of `folder`.
      labels: whether to use the classes, if there are any.
      class_order: as of `folder`, of classes that are folders.
      decode_limit_bytes: up to this size the decoded set is held in memory.

    Returns:
      A `Source`.

    Raises:
      ValueError: an option out of its range.
      DataError: there is no such file, no picture in it, pictures that cannot be read, a
        `dataset.json` about other files, or names that lead out of the archive.
      FileError: the archive is damaged or encrypted.

    >>> import io, tempfile
    >>> from PIL import Image
    >>> file, png = os.path.join(tempfile.mkdtemp(), "a.zip"), io.BytesIO()
    >>> Image.new("RGB", (6, 4)).save(png, "png")
    >>> with zipfile.ZipFile(file, "w") as archive:
    ...     archive.writestr("00/0.png", png.getvalue())
    ...     archive.writestr("dataset.json", '{"labels": [["00/0.png", 3]]}')
    >>> source = zip_archive(file)
    >>> source.num_classes, source.element_spec["image"].shape
    (4, (4, 6, 3))
    """
    name = f"zip:{os.fspath(path)}"
    return picture_source(
        name,
        zip_pictures(name, path, class_order),
        image_size=image_size,
        channels=channels,
        labels=labels,
        decode_limit_bytes=decode_limit_bytes,
    )


def zip_pictures(
    name: str, path: str | os.PathLike[str], class_order: ClassOrder = "natural"
) -> Pictures:
    """What `zip_archive` reads, before it is read.

    Args:
      name: of the source, for messages.
      path: the archive.
      class_order: as of `zip_archive`.

    Returns:
      The pictures, whose index is that of `zipfile`.

    Raises:
      DataError: as `zip_archive`.
      FileError: likewise.
    """
    file = existing_file(name, path, ".zip")
    archive, infos = zip_file.open_zip(file, MAX_ENTRIES)

    def load(info: zipfile.ZipInfo) -> bytes:
        with reading(file, "a zip archive"):
            return zip_file.read_alone(archive, info, MAX_PICTURE_BYTES, file)

    def member(index: int) -> Member:
        info = chosen[index]
        header_alone = HEADER_BYTES < info.file_size <= MAX_PICTURE_BYTES
        opened = (lambda: archive.open(info)) if header_alone else None
        return Member(info.filename, str(file), lambda: load(info), opened)

    paths = [info.filename for info in infos]
    found = arrange(name, paths, lambda number: load(infos[number]), class_order)
    chosen = [infos[number] for number in found.entries]
    return Pictures(
        files=Members(len(chosen), member),
        classes=found.classes,
        class_names=found.class_names,
        digest=digest([i.filename for i in chosen], [i.file_size for i in chosen]),
        passed_over=found.passed_over,
    )
