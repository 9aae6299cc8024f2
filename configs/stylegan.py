"""StyleGAN: a mapping network, AdaIN, noise in every layer, style mixing; grown as Progressive GAN.

    jaxgan train --config configs/stylegan.py --workdir runs/stylegan --config.data.data_dir=PATH
    jaxgan sample --workdir runs/stylegan --out clothes.png
    jaxgan train --config configs/stylegan.py:full --workdir runs/stylegan_faces \\
        --config.data.source=folder:PATH
    jaxgan train --config configs/stylegan.py:smoke --workdir runs/stylegan_smoke

`small`, the default, is Fashion-MNIST at 32x32 pixels, narrow, with R1 in every fourth update, a
shallow mapping network, no style mixing (with it the samples lack a class) and deviations among the
whole batch. It needs `pip install jaxgan[data]` and the data prepared by TensorFlow Datasets in
PATH (by default ~/tensorflow_datasets). `full` is FFHQ at 1024x1024 pixels as Karras et al., 2019
(arXiv:1812.04948) have it: growing from 8x8 pixels, 600,000 images for each fade and each
resolution, 25 million in all, mirrored at random, Adam of rate 1e-3 up to 64 pixels, 1.5e-3 at
128, 2e-3 at 256 and 3e-3 from 512 on, the non-saturating loss with R1; the batch is 32 in every
phase. `smoke` is a few steps of each phase on the digits of scikit-learn.
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
        "channel_base": 64,
        "channel_max": 4,
        "style": (8, 2, 0.9),
        "group_size": 4,
        "rates": (1e-3, {}),
        "resolutions": (4, 8),
        "steps": (2, 2),
        "r1": (1.0, 1),
        "ema": 0.9,
        "every": (2, 4, 2),
    },
    "small": {
        "total_steps": 4000,
        "substeps": 10,
        "batch_size": 32,
        "data": {"source": "tfds:fashion_mnist", "data_dir": None, "image_size": 32},
        "latent_dim": 64,
        "channel_base": 512,
        "channel_max": 64,
        "style": (64, 2, 0.0),
        "group_size": 32,
        "rates": (2e-3, {}),
        "resolutions": (8, 16, 32),
        "steps": (500, 500),
        "r1": (1.0, 4),
        "ema": 0.995,
        "every": (50, 500, 500),
    },
    "full": {
        "total_steps": 781_250,
        "substeps": 10,
        "batch_size": 32,
        "data": {"source": "folder:ffhq", "image_size": 1024, "mirror": True},
        "latent_dim": 512,
        "channel_base": 16384,
        "channel_max": 512,
        "style": (512, 8, 0.9),
        "group_size": 4,
        "rates": (1e-3, {128: 1.5e-3, 256: 2e-3, 512: 3e-3}),
        "resolutions": (8, 16, 32, 64, 128, 256, 512, 1024),
        "steps": (18_750, 18_750),
        "r1": (10.0, 1),
        "ema": 0.9978,
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
    adam = {"name": "adam", "learning_rate": _rate(size), "b1": 0.0, "b2": 0.99}
    gamma, every = size["r1"]
    log, sample, checkpoint = size["every"]
    fade_steps, stable_steps = size["steps"]
    style_dim, num_mapping_layers, mixing = size["style"]
    network = {
        "name": "stylegan",
        "channel_base": size["channel_base"],
        "channel_max": size["channel_max"],
    }
    generator = {
        **network,
        "style_dim": style_dim,
        "num_mapping_layers": num_mapping_layers,
        "mixing": mixing,
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
            "generator": generator,
            "discriminator": {**network, "group_size": size["group_size"]},
            "loss": "non_saturating",
            "penalties": {"r1": {"weight": gamma, "every": every}},
            "algorithm": {"name": "alternating"},
            "optimizer": {"gen": adam, "disc": adam},
            "ema": {"decay": size["ema"]},
            "log_every_steps": log,
            "sample_every_steps": sample,
            "checkpoint_every_steps": checkpoint,
        }
    )


def _rate(size: dict[str, Any]) -> Any:
    """One rate, or one that changes as the resolutions that are listed with theirs fade in."""
    first, later = size["rates"]
    if not later:
        return first
    fade_steps, stable_steps = size["steps"]
    places = {resolution: index for index, resolution in enumerate(size["resolutions"])}
    boundaries = [
        stable_steps + (places[resolution] - 1) * (fade_steps + stable_steps)
        for resolution in later
    ]
    return {"schedule": "piecewise", "values": (first, *later.values()), "boundaries": boundaries}
