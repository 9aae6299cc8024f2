"""CycleGAN: two domains translated into each other without pairs.

    jaxgan train --config configs/cyclegan.py --workdir runs/cyclegan \\
        --config.data.source=unpaired:PATH_A,PATH_B
    jaxgan train --config configs/cyclegan.py:full --workdir runs/cyclegan_full \\
        --config.data.source=unpaired:PATH_A,PATH_B
    jaxgan train --config configs/cyclegan.py:smoke --workdir runs/cyclegan_smoke

PATH_A and PATH_B are folders of images; one folder of photographs with their labels beside them,
such as `facades/train`, is taken for two domains. `small`, the default, is 64x64 pixels and narrow;
`full` is Zhu et al., 2017 (arXiv:1703.10593): 256x256 pixels, batches of one, 200 epochs of 400
images, the learning rate constant for half of them and linear to 0; like the authors' code, but
not all of the paper, with the identity term. `smoke` is a few steps of digits and of other digits,
white on black.
"""

from __future__ import annotations

from typing import Any

import ml_collections

FACADES = {"source": "unpaired:facades/train", "direction": "BtoA", "jitter": True, "flip": True}

SIZES: dict[str, dict[str, Any]] = {
    "smoke": {
        "total_steps": 4,
        "substeps": 2,
        "batch_size": 8,
        "data": {"source": "unpaired_digits", "task": "inverted"},
        "base_channels": 4,
        "num_blocks": 1,
        "num_layers": 1,
        "pool_size": 6,
        "every": (2, 4, 2),
    },
    "small": {
        "total_steps": 3000,
        "substeps": 10,
        "batch_size": 1,
        "data": {**FACADES, "image_size": 64},
        "base_channels": 16,
        "num_blocks": 3,
        "num_layers": 2,
        "pool_size": 50,
        "every": (20, 500, 500),
    },
    "full": {
        "total_steps": 80_000,
        "substeps": 10,
        "batch_size": 1,
        "data": {**FACADES, "image_size": 256},
        "base_channels": 64,
        "num_blocks": 9,
        "num_layers": 3,
        "pool_size": 50,
        "every": (100, 4000, 4000),
    },
}


def get_config(arg: str = "") -> ml_collections.ConfigDict:
    """The config; `smoke` is a few steps of a small network, `full` the paper's.

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
    half = size["total_steps"] // 2
    rate = {"schedule": "linear", "init_value": 2e-4, "final_value": 0.0}
    rate |= {"start_step": half, "num_steps": half}
    adam = {"name": "adam", "learning_rate": rate, "b1": 0.5, "b2": 0.999}
    log, sample, checkpoint = size["every"]
    return ml_collections.ConfigDict(
        {
            "game": {"name": "cyclegan", "cycle_weight": 10.0, "pool_size": size["pool_size"]},
            "total_steps": size["total_steps"],
            "substeps": size["substeps"],
            "batch_size": size["batch_size"],
            "data": size["data"],
            "generator": {
                "name": "resnet",
                "base_channels": size["base_channels"],
                "num_blocks": size["num_blocks"],
            },
            "discriminator": {
                "name": "patch",
                "base_channels": size["base_channels"],
                "num_layers": size["num_layers"],
                "norm": "instance",
            },
            "loss": "least_squares",
            # The authors' code steps G and then D on images made before G's step: both at once.
            "algorithm": "simultaneous",
            "optimizer": {"gen": adam, "disc": adam},
            "num_samples": 8,
            "log_every_steps": log,
            "sample_every_steps": sample,
            "checkpoint_every_steps": checkpoint,
        }
    )
