"""R3GAN: residual blocks of grouped convolutions, relativistic pairing, R1 and R2, no norm.

    jaxgan train --config configs/r3gan.py --workdir runs/r3gan --config.data.data_dir=PATH
    jaxgan train --config configs/r3gan.py:full --workdir runs/r3gan_cifar10 \\
        --config.data.data_dir=PATH
    jaxgan train --config configs/r3gan.py:smoke --workdir runs/r3gan_smoke

`small`, the default, is MNIST at 28x28 pixels, narrow, from a basis of 7x7. `full` has the authors'
sizes for CIFAR-10 (Huang et al., 2024, arXiv:2501.05441): learning rate, gamma and beta2 fall or
rise by a cosine over the first 20 million images, and the average's half-life grows to 5 million.
With `--config.num_classes=10` either is class-conditional. Both need `pip install jaxgan[data]` and
the data prepared by TensorFlow Datasets in PATH (by default ~/tensorflow_datasets); `smoke` is a
few steps on the digits of scikit-learn.
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
        "ema_decay": 0.9,
        "augment": None,
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
        "ema_decay": 0.998,
        "augment": None,
        "every": (50, 500, 500),
    },
    "full": {
        "total_steps": 390_000,
        "decay_steps": 39_000,
        "substeps": 10,
        "batch_size": 512,
        "data": {"source": "tfds:cifar10", "data_dir": None},
        "latent_dim": 64,
        "stages": {"precision": "bfloat16"},
        "rates": (2e-4, 5e-5),
        "gammas": (0.05, 0.005),
        "ema_decay": 2.0 ** (-512 / 5e6),  # a half-life of 5 million images
        "augment": {"name": "diffaugment"},
        "every": (100, 5000, 5000),
    },
}


def get_config(arg: str = "") -> ml_collections.ConfigDict:
    """The config; `smoke` is a few steps of a small network, `full` about the authors'.

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
    return ml_collections.ConfigDict(
        {
            "total_steps": size["total_steps"],
            "substeps": size["substeps"],
            "batch_size": size["batch_size"],
            "data": size["data"],
            "latent_dim": size["latent_dim"],
            "generator": network,
            "discriminator": network,
            "loss": {"name": "relativistic", "base": "non_saturating"},
            "penalties": {"r1": gamma, "r2": gamma},
            "augment": size["augment"],
            "algorithm": "simultaneous",
            "optimizer": {"gen": adam, "disc": adam},
            "ema": {"decay": size["ema_decay"]},
            "log_every_steps": log,
            "sample_every_steps": sample,
            "checkpoint_every_steps": checkpoint,
        }
    )
