"""StyleGAN2: modulated convolutions, skip and residual connections, path length regularisation.

    jaxgan train --config configs/stylegan2.py --workdir runs/stylegan2 --config.data.data_dir=PATH
    jaxgan sample --workdir runs/stylegan2 --out digits.png
    jaxgan train --config configs/stylegan2.py:full --workdir runs/stylegan2_faces \\
        --config.data.source=folder:PATH
    jaxgan train --config configs/stylegan2.py:smoke --workdir runs/stylegan2_smoke

`small`, the default, is MNIST at 32x32 pixels, narrow, with R1 in every fourth update, a shallow
mapping network, no style mixing and deviations among the whole batch; for about 1,000 steps all
its samples are of one shape at a time, then they part. It needs `pip install jaxgan[data]` and the
data prepared by TensorFlow Datasets in PATH (by default ~/tensorflow_datasets). `full` is FFHQ at
1024x1024 pixels as config F of Karras et al., 2020 (arXiv:1912.04958): 25 million images, mirrored
at random, in batches of 32, Adam of rate 2e-3, R1 with weight 10 in every 16th update of the
discriminator, path lengths of half the batch in every 4th of the generator, an average with a
half-life of 10,000 images, in float32. `smoke` is a few steps on the digits of scikit-learn.
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
        "r1": (0.1, 16),
        "half_life": (10, 0.5),
        "every": (2, 4, 2),
    },
    "small": {
        "total_steps": 5000,
        "substeps": 10,
        "batch_size": 32,
        "data": {"source": "tfds:mnist", "data_dir": None, "image_size": 32},
        "latent_dim": 64,
        "channel_base": 512,
        "channel_max": 64,
        "style": (64, 2, 0.0),
        "group_size": 32,
        "r1": (1.0, 4),
        "half_life": (150, 0.1),
        "every": (50, 250, 500),
    },
    "full": {
        "total_steps": 781_250,
        "substeps": 10,
        "batch_size": 32,
        "data": {"source": "folder:ffhq", "image_size": 1024, "mirror": True},
        "latent_dim": 512,
        "channel_base": 32768,
        "channel_max": 512,
        "style": (512, 8, 0.9),
        "group_size": 4,
        "r1": (10.0, 16),
        "half_life": (312.5, 0.0),
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
    adam = {"name": "adam", "learning_rate": 2e-3, "b1": 0.0, "b2": 0.99}
    log, sample, checkpoint = size["every"]
    style_dim, num_mapping_layers, mixing = size["style"]
    half_life, rampup = size["half_life"]
    gamma, every = size["r1"]
    network = {
        "name": "stylegan2",
        "channel_base": size["channel_base"],
        "channel_max": size["channel_max"],
    }
    generator = {
        **network,
        "style_dim": style_dim,
        "num_mapping_layers": num_mapping_layers,
        "mixing": mixing,
    }
    decay = {"schedule": "half_life", "num_steps": half_life, "rampup": rampup}
    return ml_collections.ConfigDict(
        {
            "total_steps": size["total_steps"],
            "substeps": size["substeps"],
            "batch_size": size["batch_size"],
            "data": size["data"],
            "latent_dim": size["latent_dim"],
            "generator": generator,
            "discriminator": {**network, "group_size": size["group_size"]},
            "loss": "non_saturating",
            "penalties": {
                "r1": {"weight": gamma, "every": every},
                "path_length": {"weight": 2.0, "every": 4, "shrink": 2},
            },
            "algorithm": "alternating",
            "optimizer": {"gen": adam, "disc": adam},
            "ema": {"decay": decay, "warmup": False},
            "log_every_steps": log,
            "sample_every_steps": sample,
            "checkpoint_every_steps": checkpoint,
        }
    )
