"""DCGAN on emoji, or any pictures of one kind, at 32x32 pixels; StyleGAN2 at 64x64.

    jaxgan train --config configs/emoji.py --workdir runs/emoji --config.data.source=folder:PATH
    jaxgan train --config configs/emoji.py:64 --workdir runs/emoji64 \\
        --config.data.source=folder:PATH
    jaxgan train --config configs/emoji.py:smoke --workdir runs/emoji_smoke

PATH is a folder of pictures, such as `png/128` of Noto Emoji (Apache-2.0), of which there are
3,600. It is the config that `jaxgan train --data PATH` chooses for them, see
docs/own_pictures.md; 64 pixels are for a GPU.
"""

from __future__ import annotations

import ml_collections

from jaxgan.config.recipe import Look, recipe

NUM_PICTURES = 3583


def get_config(arg: str = "") -> ml_collections.ConfigDict:
    """The config; `smoke` is a few steps of a small network on the digits.

    Args:
      arg: `""` or `"32"`, `"64"`, `"smoke"`.

    Returns:
      A config for `jaxgan train`.

    Raises:
      ValueError: for another argument.
    """
    if arg not in ("", "32", "64", "smoke"):
        raise ValueError(f"argument {arg!r}; it must be empty, '32', '64' or 'smoke'")
    if arg != "smoke":
        found = Look("folder:png/128", num=NUM_PICTURES, side=128, channels=3)
        config = recipe(found, image_size=64 if arg == "64" else 32)
    else:
        config = recipe(Look("digits", num=1797, side=8, channels=1))
        network = {"name": "dcgan", "base_channels": 4}
        config |= {"total_steps": 4, "substeps": 2, "log_every_steps": 2}
        config |= {"sample_every_steps": 4, "checkpoint_every_steps": 2}
        config |= {"generator": network, "discriminator": {**network, "norm": "spectral"}}
    return ml_collections.ConfigDict(config)
