"""EBGAN: the discriminator is an autoencoder, and what it rebuilds badly is generated.

    jaxgan train --config configs/ebgan.py --workdir runs/ebgan
    jaxgan train --config configs/ebgan.py:smoke --workdir runs/ebgan_smoke
    jaxgan train --config configs/ebgan.py:full --workdir runs/ebgan_full \\
        --config.data.data_dir=PATH

by default on the 1,797 digits of 8x8 pixels, with the pulling-away term of 0.1; `full` on MNIST.
The energy is the mean squared error of a pixel in [-1, 1], so margins are those of that unit. With
batch norm in the discriminator or a margin of 0.5 the generator is lost; as it is, 1,200 steps make
soft digits of most classes, in half a minute on two CPU cores.
"""

from __future__ import annotations

from typing import Any

import ml_collections

VARIANTS = ("", "small", "smoke", "full")


def get_config(arg: str = "") -> ml_collections.ConfigDict:
    """The config; `smoke` is a few steps of a small network, `full` on MNIST.

    Args:
      arg: one of `VARIANTS`.

    Returns:
      A config for `jaxgan train`.

    Raises:
      ValueError: for another argument.
    """
    if arg not in VARIANTS:
        raise ValueError(f"argument {arg!r}; it must be one of {', '.join(map(repr, VARIANTS))}")
    smoke, full = arg == "smoke", arg == "full"
    total_steps = 20 if smoke else 100_000 if full else 2000
    decay = {"schedule": "cosine", "num_steps": total_steps}
    adam = {
        "name": "adam",
        "learning_rate": {**decay, "init_value": 1e-3, "final_value": 1e-4},
        "b1": 0.5,
    }
    network: dict[str, Any] = {"name": "dcgan", "base_channels": 8 if smoke else 64 if full else 32}
    mnist = {"source": "tfds:mnist", "data_dir": None, "split": "train"}
    return ml_collections.ConfigDict(
        {
            "total_steps": total_steps,
            "substeps": 10,
            "batch_size": 64,
            "data": mnist if full else {"source": "digits"},
            "latent_dim": 64 if full else 32,
            "generator": {**network, "num_extra_layers": 0 if full else 1},
            "discriminator": {
                **network,
                "name": "dcgan_autoencoder",
                "num_extra_layers": 0 if full else 1,
                "norm": "none",
                "code_dim": 64 if full else 32,
                "error": "l2",
            },
            "loss": {"name": "ebgan", "margin": 0.2},
            "auxiliary": {"pull_away": {"weight": 0.1}},
            "algorithm": {"name": "simultaneous"},
            "optimizer": {"gen": adam, "disc": {**adam, "learning_rate": 3e-4}},
            "ema": {"decay": 0.995},
            "log_every_steps": 10 if smoke else 50,
            "sample_every_steps": 10 if smoke else 500,
            "checkpoint_every_steps": 10 if smoke else 1000,
        }
    )
