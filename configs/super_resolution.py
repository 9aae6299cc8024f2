"""Super-resolution: emoji of 32x32 pixels from emoji of 16x16, as SRGAN does it.

    jaxgan train --config configs/super_resolution.py --workdir runs/super_resolution \\
        --config.data.source=super_resolution:PATH
    jaxgan train --config configs/super_resolution.py:full --workdir runs/srgan \\
        --config.data.source=super_resolution:PATH
    jaxgan train --config configs/super_resolution.py:smoke --workdir runs/srgan_smoke

PATH is a folder of images, which are made smaller, or two folders of the same names, SMALL,LARGE.
`small`, the default, doubles the resolution of images of 16 pixels; `full` is Ledig et al., 2017
(arXiv:1609.04802): factor 4, random parts of 96 pixels of large pictures in batches of 16, a
million steps of the generator alone on squared errors, then 100,000 of both networks at 1e-4 and
as many at 1e-5; its features of VGG are not part of a config. `smoke` is a few steps of digits.
"""

from __future__ import annotations

from typing import Any

import ml_collections

SIZES: dict[str, dict[str, Any]] = {
    "smoke": {
        "total_steps": 4,
        "substeps": 2,
        "batch_size": 8,
        "data": {"source": "paired_digits", "task": "halved"},
        "base_channels": 4,
        "num_blocks": 1,
        "critic": {"name": "patch", "num_layers": 1},
        "rate": 2e-4,
        "every": (2, 4, 2),
    },
    "small": {
        "total_steps": 2000,
        "substeps": 10,
        "batch_size": 16,
        "data": {"source": "super_resolution:png/128", "image_size": 32, "factor": 2},
        "base_channels": 32,
        "num_blocks": 4,
        "critic": {"name": "patch", "num_layers": 2},
        "rate": 5e-4,
        "every": (20, 500, 500),
    },
    "full": {
        "total_steps": 1_200_000,
        "pretraining_steps": 1_000_000,
        "substeps": 10,
        "batch_size": 16,
        "data": {
            "source": "super_resolution:images",
            "image_size": 96,
            "factor": 4,
            "crop": True,
            "flip": True,
        },
        "base_channels": 64,
        "num_blocks": 16,
        "critic": {"name": "srgan"},
        "rate": 1e-4,
        "every": (100, 10_000, 10_000),
    },
}


def get_config(arg: str = "") -> ml_collections.ConfigDict:
    """The config; `smoke` is a few steps of a small network, `full` the paper's but for VGG.

    Args:
      arg: `""` or `"small"`, `"smoke"`, `"full"`.

    Returns:
      A config for `jaxgan train`.

    Raises:
      ValueError: for another argument.
    """
    if (arg or "small") not in SIZES:
        raise ValueError(f"argument {arg!r}; it must be empty, 'small', 'smoke' or 'full'")
    size = SIZES[arg or "small"]
    weight, gen_rate, disc_rate = _course(size)
    adam = {"name": "adam", "b1": 0.9, "b2": 0.999}
    log, sample, checkpoint = size["every"]
    width = size["base_channels"]
    return ml_collections.ConfigDict(
        {
            "game": {"name": "super_resolution", "pixel": "l2", "adversarial_weight": weight},
            "total_steps": size["total_steps"],
            "substeps": size["substeps"],
            "batch_size": size["batch_size"],
            "data": size["data"],
            "generator": {
                "name": "srresnet",
                "base_channels": width,
                "num_blocks": size["num_blocks"],
            },
            "discriminator": {"base_channels": width, **size["critic"]},
            "loss": "non_saturating",
            "algorithm": "simultaneous",
            "optimizer": {
                "gen": {**adam, "learning_rate": gen_rate},
                "disc": {**adam, "learning_rate": disc_rate},
            },
            "num_samples": 16,
            "log_every_steps": log,
            "sample_every_steps": sample,
            "checkpoint_every_steps": checkpoint,
        }
    )


def _course(size: dict[str, Any]) -> tuple[Any, Any, Any]:
    """The adversarial weight, and the rates of the generator and of the discriminator.

    With pretraining the generator first minimises the squared error alone and the discriminator
    stands still; then both play for the rest, half of it at a tenth of the rate.
    """
    rate, total = size["rate"], size["total_steps"]
    if "pretraining_steps" not in size:
        cosine = {"schedule": "cosine", "num_steps": total}
        cosine |= {"init_value": rate, "final_value": rate / 10}
        return 1e-3, cosine, cosine
    start = size["pretraining_steps"]
    late = (start + total) // 2

    def piecewise(values: tuple[float, ...], *boundaries: int) -> dict[str, Any]:
        return {"schedule": "piecewise", "values": values, "boundaries": boundaries}

    weight = piecewise((0.0, 1e-3), start)
    gen_rate = piecewise((rate, rate / 10), late)
    return weight, gen_rate, piecewise((0.0, rate, rate / 10), start, late)
