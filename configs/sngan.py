"""SNGAN: residual networks, spectral normalisation, hinge loss.

    jaxgan train --config configs/sngan.py --workdir runs/sngan --config.data.data_dir=PATH
    jaxgan train --config configs/sngan.py:full --workdir runs/sngan_cifar10 \\
        --config.data.data_dir=PATH
    jaxgan train --config configs/sngan.py:smoke --workdir runs/sngan_smoke

`small`, the default, is MNIST at 28x28 pixels, narrow. `full` is CIFAR-10 at 32x32 pixels as
kwotsin/mimicry has the networks of Miyato et al., 2018 (arXiv:1802.05957): 100,000 updates of the
generator, five of the discriminator for each; docs/models/sngan.md says what Miyato's own run has
otherwise. With `--config.num_classes=10` either is
class-conditional (Miyato and Koyama, 2018, arXiv:1802.05637). They need `pip install jaxgan[data]`
and the data prepared by TensorFlow Datasets in PATH (by default ~/tensorflow_datasets); `smoke` is
a few steps on the digits of scikit-learn.
"""

from __future__ import annotations

from typing import Any

import ml_collections

SIZES: dict[str, dict[str, Any]] = {
    "smoke": {
        "total_steps": 4,
        "n_critic": 1,
        "substeps": 2,
        "batch_size": 16,
        "data": {"source": "digits", "image_size": 28},
        "latent_dim": 8,
        "channels": 8,
        "rates": (2e-4, 2e-4),
        "b2": 0.9,
        "ema": {"decay": 0.9},
        "every": (2, 4, 2),
    },
    "small": {
        "total_steps": 2000,
        "n_critic": 1,
        "substeps": 10,
        "batch_size": 64,
        "data": {"source": "tfds:mnist", "data_dir": None},
        "latent_dim": 64,
        "channels": 24,
        "rates": (4e-4, 8e-4),
        "b2": 0.9,
        "ema": {"decay": 0.998},
        "every": (50, 250, 500),
    },
    "full": {
        "total_steps": 100_000,
        "n_critic": 5,
        "substeps": 10,
        "batch_size": 64,
        "data": {"source": "tfds:cifar10", "data_dir": None},
        "latent_dim": 128,
        "channels": None,
        "rates": (2e-4, 2e-4),
        "b2": 0.9,
        "ema": None,
        "every": (100, 5000, 5000),
    },
}


def get_config(arg: str = "") -> ml_collections.ConfigDict:
    """The config; `smoke` is a few steps of a small network, `full` mimicry's.

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

    def adam(rate: float, num_updates: int) -> dict[str, Any]:
        decay = {"schedule": "linear", "init_value": rate, "final_value": 0.0}
        decay["num_steps"] = num_updates
        return {"name": "adam", "learning_rate": decay, "b1": 0.0, "b2": size["b2"]}

    gen_rate, disc_rate = size["rates"]
    log, sample, checkpoint = size["every"]
    network = {"name": "sngan", "base_channels": size["channels"]}
    return ml_collections.ConfigDict(
        {
            "total_steps": size["total_steps"],
            "substeps": size["substeps"],
            "batch_size": size["batch_size"],
            "data": size["data"],
            "latent_dim": size["latent_dim"],
            "generator": network,
            "discriminator": network,
            "loss": "hinge",
            "algorithm": {"name": "alternating", "n_critic": size["n_critic"]},
            "optimizer": {
                "gen": adam(gen_rate, size["total_steps"]),
                "disc": adam(disc_rate, size["n_critic"] * size["total_steps"]),
            },
            "ema": size["ema"],
            "log_every_steps": log,
            "sample_every_steps": sample,
            "checkpoint_every_steps": checkpoint,
        }
    )
