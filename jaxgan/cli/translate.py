"""`jaxgan translate`: images made of a folder of images."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxgan.cli.program import check_new_folder, check_seed
from jaxgan.cli.terminal import say
from jaxgan.cli.trained import add_run, load_run
from jaxgan.core.errors import ConfigError, InputError, bad_value

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

    from jaxgan.data.pictures import Files
    from jaxgan.run.loaded import Loaded

_AT_ONCE, _PIXELS_AT_ONCE = 16, 2**20

_MAX_WEBP_SIDE = 16_383

_DESCRIPTION = """\
Makes an image of each picture in a folder, with a run of pix2pix, CycleGAN or super-resolution, and
gives it the name of the picture. Pictures are brought to the size of the training, unless the
generator enlarges them or --full-size is given."""


def add_parser(commands: Any) -> None:
    """Adds the command to the parser.

    Args:
      commands: argparse's sub-parsers.

    Example:
      >>> parser = argparse.ArgumentParser()
      >>> add_parser(parser.add_subparsers())
      >>> parser.parse_args("translate --workdir a --data b --out c".split()).domain
      'source'
    """
    parser = commands.add_parser(
        "translate",
        help="make images of a folder of images",
        description=_DESCRIPTION,
        allow_abbrev=False,
    )
    add_run(parser)
    parser.add_argument(
        "--data", required=True, type=Path, metavar="PATH", help="a folder of pictures, or one"
    )
    parser.add_argument(
        "--out", required=True, type=Path, metavar="DIR", help="a new folder, or an empty one"
    )
    parser.add_argument(
        "--domain",
        choices=("source", "image"),
        default="source",
        help="what the pictures are; image for the way back of CycleGAN (source)",
    )
    parser.add_argument("--full-size", action="store_true", help="take pictures as they are")
    parser.add_argument(
        "--format", choices=("png", "webp"), default="png", help="of the files, lossless (png)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of the noise (0)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Translates; see `jaxgan translate --help`.

    Args:
      args: as parsed.

    Returns:
      The exit code.

    Raises:
      ConfigError, CheckpointError, DataError: for bad input.
    """
    import jax

    from jaxgan.data.pictures import read_sizes
    from jaxgan.run.saved import read_run

    check_seed(args.seed)
    saved = read_run(args.workdir, trust_code=args.trust_code)
    if not (paths := saved.row.translations):
        name = saved.config["game"]["name"]
        allowed = "pix2pix, cyclegan or super_resolution, which make images of images"
        raise ConfigError(bad_value("game", name, allowed))
    if args.domain not in paths:
        raise ConfigError(bad_value("domain", args.domain, ", ".join(paths)))
    check_new_folder(args.out)
    files, names = _listed(args.data, args.out, args.format)
    sizes = read_sizes(str(args.data), files)
    shape = saved.spec[args.domain].shape
    enlarges = shape[:2] != saved.spec["image"].shape[:2]
    side = None if args.full_size or enlarges else _side(shape, sizes)
    if side is None and args.format == "webp":
        factor = saved.spec["image"].shape[0] // shape[0]
        if (most := max(map(max, sizes)) * factor) > _MAX_WEBP_SIDE:
            allowed = f"png, as a picture has {most} pixels and WebP at most {_MAX_WEBP_SIDE}"
            raise ConfigError(bad_value("format", "webp", allowed))
    loaded = load_run(saved, args, ema=not args.no_ema)
    key = jax.random.key(args.seed)
    _check_takes(loaded, files, sizes if side is None else [(side, side)], args.domain)
    _translate(loaded, files, [args.out / name for name in names], args.domain, side, key)
    say(f"pictures of step {loaded.step}: {args.out}, {len(files)} of them")
    return 0


def _listed(data: Path, out: Path, suffix: str) -> tuple[list[Path], list[Path]]:
    """The pictures, and the names of what is made of them."""
    from jaxgan.data.files import SUFFIXES, list_tree

    if not data.exists():
        raise ConfigError(bad_value("data", data, "a folder of pictures, or one"))
    root = data if data.is_dir() else data.parent
    if Path(os.path.realpath(out)).is_relative_to(os.path.realpath(data)):
        raise ConfigError(bad_value("out", out, f"outside of {data}"))
    paths = [data] if data.is_file() else list_tree(data).images
    if not paths:
        raise ConfigError(bad_value("data", data, f"a folder of {', '.join(SUFFIXES)} files"))
    names = [path.relative_to(root).with_suffix(f".{suffix}") for path in paths]
    first: dict[Path, Path] = {}
    for path, name in zip(paths, names, strict=True):
        if (other := first.setdefault(name, path)) is not path:
            both = f"{other.relative_to(root)} and {path.relative_to(root)}"
            raise ConfigError(f"data: {both} would both be {name}; they must have other names")
    return paths, names


def _side(shape: Sequence[int], sizes: Sequence[tuple[int, int]]) -> int | None:
    """Of the square that pictures are brought to; None where all are as large as in training."""
    height, width = shape[:2]
    if all(size == (width, height) for size in sizes):
        return None
    if height != width:
        allowed = f"{width}x{height} as in training, or taken as they are: --full-size"
        raise ConfigError(bad_value("data: the size of pictures", sizes[0], allowed))
    return height


def _check_takes(
    loaded: Loaded, files: Files, sizes: Sequence[tuple[int, int]], domain: str
) -> None:
    """Compiles for every size, before anything is written; a generator may refuse some."""
    import numpy as np

    channels = loaded.saved.spec[domain].shape[-1]
    for width, height in dict.fromkeys(sizes):
        num = _at_once(width, height)
        try:
            loaded.translate(np.zeros((num, height, width, channels), np.float32), domain=domain)
        except InputError as error:
            raise ConfigError(f"data: {files[sizes.index((width, height))]}: {error}") from error


def _translate(
    loaded: Loaded, files: Files, outs: Sequence[Path], domain: str, side: int | None, key: Any
) -> None:
    """Pictures of one size go together, filled up to one number: few programs are compiled."""
    import numpy as np

    from jaxgan.core.pixels import to_float, to_uint8
    from jaxgan.core.state import stream
    from jaxgan.data.images import resize_and_crop, to_array
    from jaxgan.data.pictures import open_picture
    from jaxgan.data.progress import with_progress
    from jaxgan.writers.pictures import SAVERS

    channels = loaded.saved.spec[domain].shape[-1]

    def read(number: int) -> np.ndarray:
        picture: Image.Image = open_picture(str(files[number]), files[number], channels)
        return to_array(picture if side is None else resize_and_crop(picture, side))

    def together() -> Iterator[list[tuple[Path, np.ndarray]]]:
        """Pictures of one size that follow one another, and where what is made of them goes."""
        some: list[tuple[Path, np.ndarray]] = []
        for number in with_progress(range(len(files)), len(files), "pictures"):
            image = read(number)
            if some and (
                image.shape != some[0][1].shape or len(some) == _at_once(*image.shape[:2])
            ):
                yield some
                some = []
            some.append((outs[number], image))
        yield some

    for number, some in enumerate(together()):
        noise = stream(key, "translate", number)
        images = [image for _, image in some]
        filled = np.stack([*images, *[images[-1]] * (_at_once(*images[0].shape[:2]) - len(images))])
        made = to_uint8(loaded.translate(to_float(filled), domain=domain, key=noise))
        for (out, _), image in zip(some, made, strict=False):
            SAVERS[out.suffix[1:]](out, image)


def _at_once(*size: int) -> int:
    """How many pictures of a size are translated together."""
    return max(1, min(_AT_ONCE, _PIXELS_AT_ONCE // math.prod(size)))
