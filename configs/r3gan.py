"""R3GAN: residual blocks of grouped convolutions, relativistic pairing, R1 and R2, no norm.

    jaxgan train --config configs/r3gan.py --workdir runs/r3gan --config.data.data_dir=PATH
    jaxgan train --config configs/r3gan.py:full --workdir runs/r3gan_cifar10 \\
        --config.data.data_dir=PATH
    jaxgan train --config configs/r3gan.py:smoke --workdir runs/r3gan_smoke

`small`, the default, is MNIST at 28x28 pixels, narrow, from a basis of 7x7; with
`--config.num_classes=10` it is class-conditional. `full` is CIFAR-10 as the authors' command has it
(Huang et al., 2024, arXiv:2501.05441): class-conditional, real images mirrored at random, the
discriminator's update before the generator's, ADA's changes and cutout with a probability that
rises to 0.55, half of it for colours; that, learning rate, gamma, beta2 and the average's
half-life, up to 5 million images, change by half a cosine over the first 20 million. `small` and
`full` need `pip install jaxgan[data]` and the data prepared by TensorFlow Datasets in PATH (by
default ~/tensorflow_datasets); `smoke` is a few steps on the digits of scikit-learn.
"""

from __future__ import annotations

from typing import Any

import ml_collections

SIZES: dict[str, dict[str, Any]] = {
    "smoke": {
        "total_steps": 4,
        "decay_steps": 4,
        "substeps": 2,
        "batch_size": 16,
        "data": {"source": "digits"},
        "latent_dim": 8,
        "stages": {"widths": [8, 4], "cardinalities": [4, 2], "num_blocks": [1, 1]},
        "rates": (1e-3, 1e-4),
        "gammas": (0.5, 0.05),
        "ema": {"decay": 0.9},
        "every": (2, 4, 2),
    },
    "small": {
        "total_steps": 2500,
        "decay_steps": 2500,
        "substeps": 10,
        "batch_size": 32,
        "data": {"source": "tfds:mnist", "data_dir": None},
        "latent_dim": 64,
        "stages": {"widths": [64, 32, 16], "cardinalities": [8, 4, 2], "num_blocks": [1, 1, 1]},
        "rates": (1e-3, 1e-4),
        "gammas": (1.0, 0.1),
        "ema": {"decay": 0.998},
        "every": (50, 500, 500),
    },
    "full": {
        "total_steps": 390_000,
        "decay_steps": 39_062,  # 20 million images
        "substeps": 10,
        "batch_size": 512,
        "num_classes": 10,
        "data": {"source": "tfds:cifar10", "data_dir": None, "mirror": True},
        "latent_dim": 64,
        "stages": {"precision": "bfloat16"},
        "rates": (2e-4, 5e-5),
        "gammas": (0.05, 0.005),
        "half_life": (0.0, 5e6 / 512),  # steps: 5 million images
        "augment": (0.0, 0.55),
        "algorithm": "alternating",
        "every": (100, 5000, 5000),
    },
}


def get_config(arg: str = "") -> ml_collections.ConfigDict:
    """The config; `smoke` is a few steps of a small network, `full` the authors'.

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

    def cosine(first: float, last: float) -> dict[str, Any]:
        steps = size["decay_steps"]
        return {"schedule": "cosine", "init_value": first, "final_value": last, "num_steps": steps}

    adam = {"name": "adam", "learning_rate": cosine(*size["rates"]), "b1": 0.0}
    adam["b2"] = cosine(0.9, 0.99)
    gamma = {"weight": cosine(*size["gammas"])}
    network = {"name": "r3gan", **size["stages"]}
    log, sample, checkpoint = size["every"]
    if "half_life" in size:
        decay = {"schedule": "half_life", "num_steps": cosine(*size["half_life"])}
        ema: dict[str, Any] = {"decay": decay, "warmup": False}
    else:
        ema = size["ema"]
    augment = None
    if "augment" in size:
        augment = {"name": "bgc", "p": cosine(*size["augment"]), "color_share": 0.5}
        augment["policy"] = ("blit", "geometric", "color", "cutout")
    return ml_collections.ConfigDict(
        {
            "total_steps": size["total_steps"],
            "substeps": size["substeps"],
            "batch_size": size["batch_size"],
            "num_classes": size.get("num_classes", 0),
            "data": size["data"],
            "latent_dim": size["latent_dim"],
            "generator": network,
            "discriminator": network,
            "loss": {"name": "relativistic", "base": "non_saturating"},
            "penalties": {"r1": gamma, "r2": gamma},
            "augment": augment,
            "algorithm": size.get("algorithm", "simultaneous"),
            "optimizer": {"gen": adam, "disc": adam},
            "ema": ema,
            "log_every_steps": log,
            "sample_every_steps": sample,
            "checkpoint_every_steps": checkpoint,
        }
    )
