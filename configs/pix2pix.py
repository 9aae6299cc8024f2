"""pix2pix: a U-Net that paints facades from their labels, a critic of patches, and L1.

    jaxgan train --config configs/pix2pix.py --workdir runs/pix2pix \\
        --config.data.source=paired:PATH
    jaxgan train --config configs/pix2pix.py:full --workdir runs/pix2pix_full \\
        --config.data.source=paired:PATH
    jaxgan train --config configs/pix2pix.py:smoke --workdir runs/pix2pix_smoke

PATH is a folder of photographs with their labels beside them, such as `facades/train` of the
authors' data (photograph left, labels right), or `FOLDER,FOLDER` with the same names in both.
`small`, the default, is 64x64 pixels and narrow, with instance norm; after 1,500 of its steps
photographs show windows and floors where the labels have them, blurred, at a mean L1 of 0.32 (a
grey image has 0.35: labels do not tell a wall's colour). Where sources tell more, it falls further:
from 0.72 to 0.06 in 2,000 steps that make emoji of 32 pixels sharp, with `--config.data.direction=
AtoB --config.data.jitter=False`. `full` is Isola et al., 2017 (arXiv:1611.07004): 256x256 pixels,
batches of one, 200 epochs of facades' 400 pairs, the learning rate constant for half of them and
linear to 0; it samples with the statistics of the image that is made, as they do. `smoke` is a few
steps of digits made of their edges.
"""

from __future__ import annotations

from typing import Any

import ml_collections

FACADES = {"source": "paired:facades/train", "direction": "BtoA", "jitter": True, "flip": True}

SIZES: dict[str, dict[str, Any]] = {
    "smoke": {
        "total_steps": 4,
        "substeps": 2,
        "batch_size": 8,
        "data": {"source": "paired_digits", "task": "edges"},
        "base_channels": 4,
        "num_layers": 1,
        "norm": "instance",
        "algorithm": "simultaneous",
        "every": (2, 4, 2),
    },
    "small": {
        "total_steps": 4000,
        "substeps": 10,
        "batch_size": 4,
        "data": {**FACADES, "image_size": 64},
        "base_channels": 32,
        "num_layers": 2,
        "norm": "instance",
        "algorithm": "simultaneous",
        "every": (20, 500, 500),
    },
    "full": {
        "total_steps": 80_000,
        "substeps": 10,
        "batch_size": 1,
        "data": {**FACADES, "image_size": 256},
        "base_channels": 64,
        "num_layers": 3,
        "norm": "batch",
        "algorithm": "alternating",
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
            "game": {"name": "pix2pix", "l1_weight": 100.0},
            "total_steps": size["total_steps"],
            "substeps": size["substeps"],
            "batch_size": size["batch_size"],
            "data": size["data"],
            "generator": {
                "name": "unet",
                "base_channels": size["base_channels"],
                "norm": size["norm"],
                "own_statistics": size["norm"] == "batch",
            },
            "discriminator": {
                "name": "patch",
                "base_channels": size["base_channels"],
                "num_layers": size["num_layers"],
                "norm": size["norm"],
            },
            "loss": "non_saturating",
            "algorithm": size["algorithm"],
            "optimizer": {"gen": adam, "disc": adam},
            "num_samples": 16,
            "log_every_steps": log,
            "sample_every_steps": sample,
            "checkpoint_every_steps": checkpoint,
        }
    )
