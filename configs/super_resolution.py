"""Super-resolution: emoji of 32x32 pixels from emoji of 16x16, as SRGAN does it.

    jaxgan train --config configs/super_resolution.py --workdir runs/super_resolution \\
        --config.data.source=super_resolution:PATH
    jaxgan train --config configs/super_resolution.py:full --workdir runs/srgan \\
        --config.data.source=super_resolution:PATH
    jaxgan train --config configs/super_resolution.py:smoke --workdir runs/srgan_smoke

PATH is a folder of images, which are made smaller, or two folders of the same names, SMALL,LARGE.
`small`, the default, doubles the resolution of images of 16 pixels; `full` has the sizes of Ledig
et al., 2017 (arXiv:1609.04802): factor 4, images of 96 pixels in batches of 16, 100,000 steps at
1e-4 and as many at 1e-5, which are here a cosine; its features of VGG are not part of a config.
`smoke` is a few steps of digits.
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
        "num_layers": 1,
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
        "num_layers": 2,
        "rate": 5e-4,
        "every": (20, 500, 500),
    },
    "full": {
        "total_steps": 200_000,
        "substeps": 10,
        "batch_size": 16,
        "data": {"source": "super_resolution:images", "image_size": 96, "factor": 4, "flip": True},
        "base_channels": 64,
        "num_blocks": 16,
        "num_layers": 3,
        "rate": 1e-4,
        "every": (100, 10_000, 10_000),
    },
}


def get_config(arg: str = "") -> ml_collections.ConfigDict:
    """The config; `smoke` is a few steps of a small network, `full` about the paper's.

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
    rate = {"schedule": "cosine", "num_steps": size["total_steps"]}
    rate |= {"init_value": size["rate"], "final_value": size["rate"] / 10}
    adam = {"name": "adam", "learning_rate": rate, "b1": 0.9, "b2": 0.999}
    log, sample, checkpoint = size["every"]
    width = size["base_channels"]
    return ml_collections.ConfigDict(
        {
            "game": {"name": "super_resolution", "pixel": "l2", "adversarial_weight": 1e-3},
            "total_steps": size["total_steps"],
            "substeps": size["substeps"],
            "batch_size": size["batch_size"],
            "data": size["data"],
            "generator": {
                "name": "srresnet",
                "base_channels": width,
                "num_blocks": size["num_blocks"],
            },
            "discriminator": {
                "name": "patch",
                "base_channels": width,
                "num_layers": size["num_layers"],
            },
            "loss": "non_saturating",
            "algorithm": "simultaneous",
            "optimizer": {"gen": adam, "disc": adam},
            "num_samples": 16,
            "log_every_steps": log,
            "sample_every_steps": sample,
            "checkpoint_every_steps": checkpoint,
        }
    )
