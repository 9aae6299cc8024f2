"""BigGAN: class-conditional, wide, a shared class embedding, a split latent, averaged weights.

    jaxgan train --config configs/biggan.py --workdir runs/biggan --config.data.data_dir=PATH
    jaxgan sample --workdir runs/biggan --out digits.png
    jaxgan train --config configs/biggan.py:full --workdir runs/biggan_imagenet \\
        --config.data.data_dir=PATH
    jaxgan train --config configs/biggan.py:launch --workdir runs/biggan_launch \\
        --config.data.data_dir=PATH
    jaxgan train --config configs/biggan.py:smoke --workdir runs/biggan_smoke

`small`, the default, is MNIST by class at 28x28 pixels, narrow: 1,500 steps, 12 minutes of CPU
time. Expected: a column for each digit in the pictures, and the digit that was asked for in 99 of
100 samples:

    jaxgan evaluate --workdir runs/biggan --metrics gan_test --split test \\
        --standing-statistics 16 --num-samples 2000

`full` is ImageNet at 128x128 pixels as Brock et al., 2019 (arXiv:1809.11096) have it: width 96, a
latent of 120 in six parts, an embedding of 128, batches of 2,048, rates 5e-5 (generator) and 2e-4
(discriminator), two updates of the discriminator for each of the generator, off-diagonal orthogonal
regularisation of the generator, an average of decay 0.9999. `launch` is the run whose logs and
weights ajbrock/BigGAN-PyTorch publishes (its launch_BigGAN_bs256x8.sh): twice the rates, one update
each, no regularisation, Adam's epsilon 1e-6, an average from step 20,000 on. They need `pip install
jaxgan[data]` and the data prepared by TensorFlow Datasets in PATH (by default
~/tensorflow_datasets); `smoke` is a few steps on the digits of scikit-learn.
"""

from __future__ import annotations

from typing import Any

import ml_collections

SIZES: dict[str, dict[str, Any]] = {
    "smoke": {
        "total_steps": 4,
        "substeps": 2,
        "n_critic": 1,
        "batch_size": 16,
        "num_classes": 10,
        "data": {"source": "digits", "image_size": 28},
        "latent_dim": 9,
        "base_channels": 4,
        "embedding_dim": 8,
        "precision": "float32",
        "rates": (1e-4, 4e-4),
        "ema": 0.9,
        "every": (2, 4, 2),
    },
    "small": {
        "total_steps": 1500,
        "substeps": 10,
        "n_critic": 1,
        "batch_size": 64,
        "num_classes": 10,
        "data": {"source": "tfds:mnist", "data_dir": None},
        "latent_dim": 48,
        "base_channels": 8,
        "embedding_dim": 32,
        "precision": "float32",
        "rates": (4e-4, 8e-4),
        "ema": 0.998,
        "every": (50, 250, 500),
    },
    "full": {
        "total_steps": 150_000,
        "substeps": 10,
        "n_critic": 2,
        "batch_size": 2048,
        "num_classes": 1000,
        "data": {"source": "tfds:imagenet2012", "data_dir": None, "image_size": 128, "channels": 3},
        "latent_dim": 120,
        "base_channels": 96,
        "embedding_dim": 128,
        "precision": "float32",
        "rates": (5e-5, 2e-4),
        "ema": 0.9999,
        "every": (100, 1000, 1000),
    },
}
SIZES["launch"] = {
    **SIZES["full"],
    "n_critic": 1,
    "rates": (1e-4, 4e-4),
    "eps": 1e-6,
    "is_regularised": False,
    "ema_start": 20_000,
}


def get_config(arg: str = "") -> ml_collections.ConfigDict:
    """The config; `smoke` is a few steps of a small network, `full` and `launch` are large.

    Args:
      arg: `""` or `"small"`, `"smoke"`, `"full"`, `"launch"`.

    Returns:
      A config for `jaxgan train`.

    Raises:
      ValueError: for another argument.
    """
    if (arg or "small") not in SIZES:
        raise ValueError(f"argument {arg!r}; it must be empty or one of {', '.join(SIZES)}")
    size = SIZES[arg or "small"]
    adam = {"name": "adam", "b1": 0.0, "b2": 0.999, "eps": size.get("eps", 1e-8)}
    ema: dict[str, Any] = {"decay": size["ema"]}
    if "ema_start" in size:
        decay = {"schedule": "piecewise", "values": (0.0, size["ema"])}
        ema = {"decay": {**decay, "boundaries": (size["ema_start"],)}, "warmup": False}
    orthogonal = {"weight": 1e-4, "off_diagonal": True, "player": "gen"}
    penalties = {"orthogonal": orthogonal} if size.get("is_regularised", True) else {}
    gen_rate, disc_rate = size["rates"]
    log, sample, checkpoint = size["every"]
    network = {
        "name": "biggan",
        "base_channels": size["base_channels"],
        "precision": size["precision"],
    }
    return ml_collections.ConfigDict(
        {
            "total_steps": size["total_steps"],
            "substeps": size["substeps"],
            "batch_size": size["batch_size"],
            "num_samples": 80,
            "num_classes": size["num_classes"],
            "data": size["data"],
            "latent_dim": size["latent_dim"],
            "generator": {**network, "embedding_dim": size["embedding_dim"]},
            "discriminator": network,
            "loss": "hinge",
            "penalties": penalties,
            "algorithm": {"name": "alternating", "n_critic": size["n_critic"]},
            "optimizer": {
                "gen": {**adam, "learning_rate": gen_rate},
                "disc": {**adam, "learning_rate": disc_rate},
            },
            "ema": ema,
            "log_every_steps": log,
            "sample_every_steps": sample,
            "checkpoint_every_steps": checkpoint,
        }
    )
