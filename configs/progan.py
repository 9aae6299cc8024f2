"""Progressive GAN: both networks grow from few pixels, each resolution fades in.

    jaxgan train --config configs/progan.py --workdir runs/progan --config.data.data_dir=PATH
    jaxgan sample --workdir runs/progan --out digits.png
    jaxgan train --config configs/progan.py:full --workdir runs/progan_faces \\
        --config.data.source=folder:PATH
    jaxgan train --config configs/progan.py:smoke --workdir runs/progan_smoke

`small`, the default, is MNIST at 32x32 pixels, narrow, grown from 8x8, with deviations among the
whole batch; it needs `pip install jaxgan[data]` and the data prepared by TensorFlow Datasets in
PATH (by default ~/tensorflow_datasets). `full` is CelebA-HQ at 1024x1024 pixels, grown from 4x4, as
Karras et al., 2018 (arXiv:1710.10196) have it in the first version of their code: 800,000 images
for each fade and each resolution, 19 million in all, of which the last 7 are at 1024 pixels, real
images mirrored at random, Adam of rate 1e-3, WGAN-GP with drift, deviations among the whole batch,
which is 16 in every phase. `smoke` is a few steps of each phase on the digits of scikit-learn.
"""

from __future__ import annotations

from typing import Any

import ml_collections

SIZES: dict[str, dict[str, Any]] = {
    "smoke": {
        "total_steps": 4,
        "substeps": 2,
        "batch_size": 8,
        "data": {"source": "digits", "image_size": 8},
        "latent_dim": 8,
        "channel_base": 32,
        "channel_max": 4,
        "group_size": 4,
        "rate": 1e-3,
        "resolutions": (4, 8),
        "steps": (2, 2),
        "ema": 0.9,
        "every": (2, 4, 2),
    },
    "small": {
        "total_steps": 4000,
        "substeps": 10,
        "batch_size": 32,
        "data": {"source": "tfds:mnist", "data_dir": None, "image_size": 32},
        "latent_dim": 64,
        "channel_base": 512,
        "channel_max": 64,
        "group_size": 32,
        "rate": 2e-3,
        "resolutions": (8, 16, 32),
        "steps": (300, 300),
        "ema": 0.995,
        "every": (50, 400, 400),
    },
    "full": {
        "total_steps": 1_187_500,
        "substeps": 10,
        "batch_size": 16,
        "data": {"source": "folder:celeba_hq", "image_size": 1024, "mirror": True},
        "latent_dim": 512,
        "channel_base": 16384,
        "channel_max": 512,
        "group_size": 16,
        "rate": 1e-3,
        "resolutions": (4, 8, 16, 32, 64, 128, 256, 512, 1024),
        "steps": (50_000, 50_000),
        "ema": 0.999,
        "every": (100, 10_000, 10_000),
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
    adam = {"name": "adam", "learning_rate": size["rate"], "b1": 0.0, "b2": 0.99}
    log, sample, checkpoint = size["every"]
    fade_steps, stable_steps = size["steps"]
    network = {
        "name": "progan",
        "channel_base": size["channel_base"],
        "channel_max": size["channel_max"],
    }
    return ml_collections.ConfigDict(
        {
            "total_steps": size["total_steps"],
            "substeps": size["substeps"],
            "batch_size": size["batch_size"],
            "data": size["data"],
            "latent_dim": size["latent_dim"],
            "game": {
                "name": "progressive",
                "resolutions": size["resolutions"],
                "fade_steps": fade_steps,
                "stable_steps": stable_steps,
            },
            "generator": network,
            "discriminator": {**network, "group_size": size["group_size"]},
            "loss": "wasserstein",
            "penalties": {"wgan_gp": {"weight": 10.0}, "drift": {"weight": 1e-3}},
            "algorithm": {"name": "alternating"},
            "optimizer": {"gen": adam, "disc": adam},
            "ema": {"decay": size["ema"]},
            "log_every_steps": log,
            "sample_every_steps": sample,
            "checkpoint_every_steps": checkpoint,
        }
    )
