"""`jaxgan data`: says what a data set is, and converts it to an archive that others read too."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxgan.cli.program import check_folder, check_out, whole
from jaxgan.cli.terminal import print_table, say
from jaxgan.core.errors import InputError, bad_value
from jaxgan.core.text import escaped

if TYPE_CHECKING:
    from jaxgan.data.stored import Stored
    from jaxgan.data.survey import Survey

CONVERT = "convert"
CROPS = ("center", "stretch", "none")

_NUM_LISTED = 3
_NUM_CLASSES, _NUM_EXAMPLES = 16, 8
_LARGEST_TILE = 256


def add_parser(commands: Any) -> None:
    """Adds the command to the parser.

    Args:
      commands: argparse's sub-parsers.

    Example:
      >>> parser = argparse.ArgumentParser()
      >>> add_parser(parser.add_subparsers())
      >>> parser.parse_args(["data", "convert", "cats", "--out", "cats.zip"]).words
      ['convert', 'cats']
    """
    parser = commands.add_parser(
        "data",
        help="say what a data set is, or convert it to a StyleGAN zip",
        usage="jaxgan data PATH [--split S] [--json] [--out DIR]\n"
        "       jaxgan data convert PATH --out FILE.zip [--size N] [--crop CROP] [--channels C]\n"
        "                           [--split S]",
        description="Reads every picture once: sizes, classes, values, duplicates, near-identical "
        "pictures, files that cannot be read. PATH is a folder or file of any kind that "
        "data.source has, or such a source, KIND:PATH.",
        epilog="exit codes: 0 all can be read, 1 some cannot",
        allow_abbrev=False,
    )
    parser.add_argument("words", nargs="+", metavar="[convert] PATH", help=argparse.SUPPRESS)
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR|FILE",
        help="a folder for a picture of each class; or the zip",
    )
    parser.add_argument("--size", type=whole(1), metavar="N", help="convert: side in pixels")
    parser.add_argument(
        "--crop", choices=CROPS, default="center", help="convert: what becomes of other shapes"
    )
    parser.add_argument(
        "--channels", type=int, choices=(1, 3), default=3, help="convert: grey or RGB (3)"
    )
    parser.add_argument("--split", metavar="S", help="of data that have several: train, test")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Looks at a data set, or converts it; see `jaxgan data --help`.

    Args:
      args: as parsed.

    Returns:
      The exit code.

    Raises:
      InputError: for data that cannot be used.
      OSError: if what is asked for cannot be written.
    """
    words = args.words
    if len(words) > 2 or (len(words) == 2 and words[0] != CONVERT):
        raise InputError(bad_value("arguments", " ".join(words), "PATH, or convert PATH"))
    convert = len(words) == 2
    if convert and args.out is None:
        raise InputError("out is missing; convert needs --out FILE.zip")
    if args.out is not None:
        check_out(args.out) if convert else check_folder("out", args.out, args.out)
    stored = _open(words[-1], args.split)
    return _convert(stored, args) if convert else _survey(stored, args)


def _open(path: str, split: str | None) -> Stored:
    from jaxgan.data import spec_of
    from jaxgan.data.stored import open_stored

    try:
        return open_stored(spec_of(path), split=split)
    except ImportError as error:
        raise InputError(str(error)) from error


def _convert(stored: Stored, args: argparse.Namespace) -> int:
    from jaxgan.data.convert import converted
    from jaxgan.writers.stored import save_zip

    entries, cut = converted(stored, image_size=args.size, crop=args.crop, channels=args.channels)
    save_zip(args.out, entries)
    size = f"{args.size}x{args.size}" if args.size else "their own size"
    say(f"{args.out}: {stored.num} pictures of {size}, {args.channels} channels")
    if args.crop == "center" and args.size:
        say(f"crop center: the ends of {len(cut)} of {stored.num} pictures are cut off")
    elif args.size:
        say(f"crop {args.crop}: nothing is cut off")
    return 0


def _survey(stored: Stored, args: argparse.Namespace) -> int:
    from jaxgan.data.survey import survey

    found = survey(stored)
    if args.json:
        print(json.dumps(_as_json(stored, found)))
    else:
        _print(stored, found)
    if args.out is not None:
        path = _draw(stored, found, args.out)
        if not args.json:
            say(f"written: {path}")
    return 1 if found.broken else 0


def _as_json(stored: Stored, found: Survey) -> dict[str, Any]:
    def names(groups: list[list[int]]) -> list[list[str]]:
        return [[stored.label_of(index) for index in group] for group in groups]

    return {
        "name": found.name,
        "num_examples": found.num,
        "sizes": [[*size, count] for size, count in found.sizes.items()],
        "classes": list(found.classes),
        "class_names": list(found.class_names),
        "values": list(found.values),
        "duplicates": names(found.duplicates),
        "near_identical": names(found.alike),
        "broken": [[stored.label_of(index), reason] for index, reason in found.broken],
        "passed_over": list(found.passed_over),
    }


def _print(stored: Stored, found: Survey) -> None:
    from rich.table import Table

    table = Table("", "", box=None, show_header=False)
    for name, text in _rows(stored, found):
        table.add_row(name, escaped(text))
    print_table(table)


def _rows(stored: Stored, found: Survey) -> list[tuple[str, str]]:
    kind, _, path = found.name.partition(":")
    sizes = [f"{h}x{w}x{c} ({count})" for (h, w, c), count in found.sizes.items()]
    rows = [
        ("data", f"{path} ({kind})" if path else kind),
        ("pictures", str(found.num)),
        ("height x width x channels", _few(sizes, 2 * _NUM_LISTED)),
        ("bytes", f"in [{found.values[0]}, {found.values[1]}]"),
        ("classes", _classes(found)),
        ("equal to the pixel", _groups(stored, found.duplicates)),
        ("near-identical", _groups(stored, found.alike)),
        (
            "cannot be read",
            _few([f"{stored.label_of(i)} ({reason})" for i, reason in found.broken], _NUM_LISTED),
        ),
    ]
    return [*rows, ("passed over", "; ".join(found.passed_over))] if found.passed_over else rows


def _classes(found: Survey) -> str:
    if not found.classes:
        return "none"
    listed = [f"{name} {n}" for name, n in zip(_names(found), found.classes, strict=True)]
    without = found.num - sum(found.classes)
    note = f"; {without} pictures have a label below 0" if without else ""
    return f"{len(listed)}: {_few(listed, _NUM_CLASSES)}{note}"


def _names(found: Survey) -> list[str]:
    """A name for each class, its number where it has none."""
    numbers = range(len(found.class_names), len(found.classes))
    return [*found.class_names, *map(str, numbers)]


def _groups(stored: Stored, groups: list[list[int]]) -> str:
    if not groups:
        return "none"
    more = sum(len(group) - 1 for group in groups)
    first = " = ".join(stored.label_of(index) for index in groups[0][:2])
    return f"{more} pictures repeat {len(groups)} others, such as {first}"


def _few(items: list[str], num: int) -> str:
    rest = len(items) - num
    return ", ".join([*items[:num], *([f"and {rest} more"] if rest > 0 else [])]) or "none"


def _draw(stored: Stored, found: Survey, folder: Path) -> Path:
    """A column for each class, under its name; of unlabelled data, pictures from all over it."""
    from jaxgan.data.images import resize_and_crop, to_array
    from jaxgan.data.survey import examples_of_classes
    from jaxgan.writers import image_grid, save_png, with_titles

    labelled = bool(found.classes)
    num = _NUM_EXAMPLES if labelled else _NUM_EXAMPLES**2
    chosen = examples_of_classes(stored, found, num)[:_NUM_CLASSES]
    largest = max(min(height, width) for height, width, _ in found.sizes)
    side = min(largest, _LARGEST_TILE)
    columns = len(chosen) if labelled else min(_NUM_EXAMPLES, len(chosen[0]))
    order = [(row, column) for row in range(_NUM_EXAMPLES) for column in range(columns)]
    tiles = np.full((len(order), side, side, 3), 255, np.uint8)
    for place, (row, column) in enumerate(order):
        listed = chosen[column] if labelled else chosen[0]
        number = row if labelled else place
        if number < len(listed):
            image = stored.picture(listed[number], 3)
            tiles[place] = to_array(resize_and_crop(image, side))
    titles = _names(found)[:columns] if labelled else []
    grid = with_titles(image_grid(tiles, columns=columns), titles)
    path = folder / "examples.png"
    save_png(path, grid)
    return path
