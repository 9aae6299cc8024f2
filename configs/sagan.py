"""SAGAN: class-conditional, spectral normalisation of both networks, self-attention, two rates.

    jaxgan train --config configs/sagan.py --workdir runs/sagan --config.data.data_dir=PATH
    jaxgan train --config configs/sagan.py:full --workdir runs/sagan_imagenet \\
        --config.data.data_dir=PATH
    jaxgan train --config configs/sagan.py:smoke --workdir runs/sagan_smoke

`small`, the default, is MNIST by class at 28x28 pixels, narrow, with attention at 14x14. `full` is
ImageNet at 128x128 pixels as Zhang et al., 2019 (arXiv:1805.08318) have it: a million steps, Adam
with rates 1e-4 (generator) and 4e-4 (discriminator), b1 = 0, b2 = 0.9, batches of 256, attention
at 32x32, upsampling to nearest neighbours and shortcuts as in the authors' code. They need `pip
install jaxgan[data]` and the data prepared by TensorFlow Datasets in PATH (by default
~/tensorflow_datasets); `smoke` is a few steps on the digits of scikit-learn.
"""

from __future__ import annotations

from typing import Any

import ml_collections

SIZES: dict[str, dict[str, Any]] = {
    "smoke": {
        "total_steps": 4,
        "substeps": 2,
        "batch_size": 16,
        "num_classes": 10,
        "data": {"source": "digits", "image_size": 28},
        "latent_dim": 8,
        "network": {"base_channels": 8},
        "rates": (1e-4, 4e-4),
        "ema": {"decay": 0.9},
        "every": (2, 4, 2),
    },
    "small": {
        "total_steps": 1500,
        "substeps": 10,
        "batch_size": 64,
        "num_classes": 10,
        "data": {"source": "tfds:mnist", "data_dir": None},
        "latent_dim": 64,
        "network": {"base_channels": 24},
        "rates": (4e-4, 8e-4),
        "ema": {"decay": 0.998},
        "every": (50, 250, 500),
    },
    "full": {
        "total_steps": 1_000_000,
        "substeps": 10,
        "batch_size": 256,
        "num_classes": 1000,
        "data": {"source": "tfds:imagenet2012", "data_dir": None, "image_size": 128, "channels": 3},
        "latent_dim": 128,
        "network": {"base_channels": 1024},
        "gen": {"upsampling": "nearest"},
        "disc": {"rectified_shortcut": False},
        "rates": (1e-4, 4e-4),
        "ema": None,
        "every": (100, 5000, 5000),
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
    adam = {"name": "adam", "b1": 0.0, "b2": 0.9}
    gen_rate, disc_rate = size["rates"]
    log, sample, checkpoint = size["every"]
    network = {"name": "sagan", **size["network"]}
    return ml_collections.ConfigDict(
        {
            "total_steps": size["total_steps"],
            "substeps": size["substeps"],
            "batch_size": size["batch_size"],
            "num_samples": 80,
            "num_classes": size["num_classes"],
            "data": size["data"],
            "latent_dim": size["latent_dim"],
            "generator": {**network, **size.get("gen", {})},
            "discriminator": {**network, **size.get("disc", {})},
            "loss": "hinge",
            "algorithm": "alternating",
            "optimizer": {
                "gen": {**adam, "learning_rate": gen_rate},
                "disc": {**adam, "learning_rate": disc_rate},
            },
            "ema": size["ema"],
            "log_every_steps": log,
            "sample_every_steps": sample,
            "checkpoint_every_steps": checkpoint,
        }
    )
