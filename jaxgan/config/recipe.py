"""A config for pictures of one's own, from a look at them: `jaxgan init`, `jaxgan train --data`."""

from __future__ import annotations

import math
import pprint
import statistics
from typing import NamedTuple

import numpy as np

from jaxgan.config.base import Config
from jaxgan.core.errors import ConfigError, bad_value
from jaxgan.core.text import escaped
from jaxgan.data import options_of, spec_of
from jaxgan.data.stored import open_stored

SIDES = (8, 16, 28, 32, 64, 128, 256)
"""Pixels per side that there is a recipe for."""

LARGEST_ON_CPU = 32
FEW = 20_000
"""Fewer pictures a discriminator soon memorizes, so they are augmented."""

_LOOKED_AT = 256

_V100_SECONDS = {64: 13.2, 128: 13.2, 256: 22.9}
"""Per thousand pictures by size, on one V100, as the README of the authors' code says; it has no
figure for 64 pixels, which take less than 128."""


class Look(NamedTuple):
    """What a recipe depends on.

    Attributes:
      source: the data, as `data.source` has them.
      num: how many pictures there are.
      side: the shorter side of most, in pixels.
      channels: 1 where all are grey, else 3.
    """

    source: str
    num: int
    side: int
    channels: int


def look(path: str) -> Look:
    """Looks at some of the pictures.

    Args:
      path: a folder or file, or `KIND:PATH`, see `jaxgan.data.spec_of`.

    Returns:
      What a recipe needs to know.

    Raises:
      DataError: if there are no pictures, or one cannot be read.

    Example:
      >>> look("digits")
      Look(source='digits', num=1797, side=8, channels=1)
    """
    source = spec_of(path)
    stored = open_stored(source)
    chosen = np.unique(np.linspace(0, stored.num - 1, _LOOKED_AT).astype(int))
    pictures = [stored.picture(int(index), None) for index in chosen]
    side = statistics.median_low([min(picture.size) for picture in pictures])
    channels = max(len(picture.getbands()) for picture in pictures)
    return Look(source, stored.num, side, channels)


def recipe(found: Look, *, image_size: int | None = None) -> Config:
    """A config that suits the pictures.

    Up to 32 pixels it is a DCGAN with spectral norm in the discriminator, which a CPU trains in
    minutes. Above it is StyleGAN2 with the settings that its authors choose by resolution, in which
    R1 is weighted by 0.0002 N / B for N pixels and a batch of B. Few pictures are augmented.

    Args:
      found: what is known of them.
      image_size: pixels per side, of `SIDES`; by default the largest that the pictures have, at
        most 32: the config is the same on every machine.

    Returns:
      A config for `jaxgan train`.

    Raises:
      ConfigError: for another size.

    Example:
      >>> config = recipe(Look("folder:cats", num=2000, side=300, channels=3))
      >>> config["data"]["image_size"], config["augment"], config["generator"]["name"]
      (32, 'diffaugment', 'dcgan')

    References:
      Radford et al., 2016 (arXiv:1511.06434); Miyato et al., 2018 (arXiv:1802.05957); Zhao et al.,
      2020 (arXiv:2006.10738); Karras et al., 2020 (arXiv:2006.06676), the `auto` settings of its
      code.
    """
    if image_size is None:
        most = min(found.side, LARGEST_ON_CPU)
        image_size = max((side for side in SIDES if side <= most), default=SIDES[0])
    if image_size not in SIDES:
        raise ConfigError(bad_value("size", image_size, SIDES))
    takes = options_of(found.source) or ()
    data = {"image_size": image_size, "channels": found.channels}
    if image_size != found.side and "image_size" not in takes:
        allowed = f"{found.side}, as {found.source} cannot be resized"
        raise ConfigError(bad_value("size", image_size, allowed))
    is_small = image_size <= LARGEST_ON_CPU
    config = _dcgan() if is_small else _stylegan2(image_size)
    few = "diffaugment" if is_small else "ada"
    return {
        "data": {
            "source": found.source,
            **{name: value for name, value in data.items() if name in takes},
        },
        **config,
        "augment": few if found.num < FEW else None,
        "batch_size": min(config["batch_size"], 2 ** int(math.log2(found.num))),
    }


def _dcgan() -> Config:
    total_steps = 10_000
    decay = {"schedule": "cosine", "num_steps": total_steps}
    adam = {
        "name": "adam",
        "learning_rate": {**decay, "init_value": 1e-3, "final_value": 1e-4},
        "b1": 0.0,
        "b2": 0.99,
    }
    network = {"name": "dcgan", "base_channels": 32, "num_extra_layers": 1}
    return {
        "total_steps": total_steps,
        "substeps": 10,
        "batch_size": 64,
        "latent_dim": 64,
        "generator": {**network, "norm": "batch"},
        "discriminator": {**network, "norm": "spectral"},
        "loss": "non_saturating",
        "algorithm": "simultaneous",
        "optimizer": {"gen": adam, "disc": adam},
        "ema": {"decay": 0.999},
        "log_every_steps": 50,
        "sample_every_steps": 500,
        "checkpoint_every_steps": 1000,
    }


def _stylegan2(image_size: int) -> Config:
    batch_size = 32
    adam = {"name": "adam", "learning_rate": 2.5e-3, "b1": 0.0, "b2": 0.99}
    network = {"name": "stylegan2", "channel_base": 16384, "channel_max": 512}
    weight = 0.0002 * image_size**2 / batch_size
    half_life = 10_000 / batch_size
    average = {"schedule": "half_life", "num_steps": half_life, "rampup": 0.05}
    return {
        "total_steps": 200_000,
        "substeps": 10,
        "batch_size": batch_size,
        "latent_dim": 512,
        "generator": {**network, "style_dim": 512, "num_mapping_layers": 2, "mixing": 0.9},
        "discriminator": {**network, "group_size": 4},
        "loss": "non_saturating",
        "penalties": {
            "r1": {"weight": weight, "every": 16},
            "path_length": {"weight": 2.0, "every": 4, "shrink": 2},
        },
        "algorithm": "alternating",
        "optimizer": {"gen": adam, "disc": adam},
        "ema": {"decay": average, "warmup": False},
        "log_every_steps": 50,
        "sample_every_steps": 1000,
        "checkpoint_every_steps": 5000,
    }


def as_file(config: Config, path: str) -> str:
    """A config as a file that can be edited.

    Args:
      config: of `recipe`.
      path: of the data, as a person wrote it.

    Returns:
      Python, for `jaxgan train --config FILE`.

    Example:
      >>> text = as_file({"seed": 0}, "cats")
      >>> text.splitlines()[0]
      '# Written by `jaxgan init --data cats`.'
    """
    body = pprint.pformat(config, sort_dicts=False, width=92).replace("\n", "\n        ")
    return f"""\
# Written by `jaxgan init --data {escaped(path)}`.

import ml_collections


def get_config(arg=""):
    return ml_collections.ConfigDict(
        {body}
    )
"""


def as_rows(config: Config, found: Look) -> list[tuple[str, str]]:
    """What a recipe has chosen, in words.

    Args:
      config: of `recipe`.
      found: what it was made for.

    Returns:
      (what, choice) pairs.

    Example:
      >>> found = look("digits")
      >>> as_rows(recipe(found), found)[1]
      ('trained at', '8x8, grey')
    """
    side, color = config["data"]["image_size"], "grey" if found.channels == 1 else "RGB"
    terms = ", ".join(f"{name} {_shown(one)}" for name, one in config.get("penalties", {}).items())
    norm = config["discriminator"].get("norm")
    kind = config["generator"]["name"] + ("" if norm is None else f", {norm} norm in disc")
    larger = [str(one) for one in SIDES if LARGEST_ON_CPU < one <= found.side and one > side]
    hint = f"; on a GPU, --size {' or '.join(larger)}" if larger else ""
    return [
        ("data", f"{found.num} pictures, most of {found.side} pixels; {found.source}"),
        ("trained at", f"{side}x{side}, {color}{hint}"),
        ("networks", kind),
        ("loss", " + ".join(part for part in (config["loss"], terms) if part)),
        ("augmentation", config["augment"] or "none"),
        ("batches", f"{config['total_steps']:,} of {config['batch_size']}"),
        ("time", _time(config)),
    ]


def _time(config: Config) -> str:
    size = config["data"]["image_size"]
    if (seconds := _V100_SECONDS.get(size)) is None:
        return "minutes on a CPU; how many are left is said while it trains"
    hours = config["total_steps"] * config["batch_size"] / 1000 * seconds / 3600
    most = "at most " if size == 64 else ""
    return f"needs a GPU; the authors' code takes {most}{hours:.0f} hours on one V100"


def _shown(penalty: Config) -> str:
    return f"{penalty['weight']:.3g}, every {penalty['every']} steps"
