"""BEGAN: an autoencoder as discriminator, and a controller that holds the two errors at a ratio.

    jaxgan train --config configs/began.py --workdir runs/began
    jaxgan train --config configs/began.py:smoke --workdir runs/began_smoke
    jaxgan train --config configs/began.py:full --workdir runs/began_full \\
        --config.data.source=folder:PATH

by default on the 1,797 digits of 8x8 pixels, with γ of 0.8 and a pulling-away term of 0.1: with 0.5
and without that term all samples are ones; as it is, 1,200 steps make digits of several classes, in
half a minute on two CPU cores. `full` on faces of 64 pixels, with the paper's batch
of 16, code of 64 numbers, learning rate of 1e-4 and γ of 0.5, and DCGAN networks.
"""

from __future__ import annotations

from typing import Any

import ml_collections

VARIANTS = ("", "small", "smoke", "full")


def get_config(arg: str = "") -> ml_collections.ConfigDict:
    """The config; `smoke` is a few steps of a small network, `full` of 64 pixels.

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
    total_steps = 20 if smoke else 300_000 if full else 2000
    decay = {"schedule": "cosine", "num_steps": total_steps}
    adam = {
        "name": "adam",
        "learning_rate": {
            **decay,
            "init_value": 1e-4 if full else 1e-3,
            "final_value": 1e-5 if full else 1e-4,
        },
        "b1": 0.5,
    }
    network: dict[str, Any] = {
        "base_channels": 8 if smoke else 64 if full else 32,
        "num_extra_layers": 1,
        "norm": "none",
    }
    faces = {"source": "folder:faces", "image_size": 64}
    return ml_collections.ConfigDict(
        {
            "total_steps": total_steps,
            "substeps": 10,
            "batch_size": 16 if full else 64,
            "data": faces if full else {"source": "digits"},
            "latent_dim": 64 if full else 32,
            "generator": {"name": "dcgan", **network, "norm": "none" if full else "batch"},
            "discriminator": {
                "name": "dcgan_autoencoder",
                **network,
                "code_dim": 64 if full else 32,
                "error": "l1",
            },
            "loss": {"name": "began", "gamma": 0.5 if full else 0.8, "lambda_k": 1e-3},
            "auxiliary": {} if full else {"pull_away": {"weight": 0.1}},
            "algorithm": {"name": "simultaneous"},
            "optimizer": {"gen": adam, "disc": adam},
            "ema": {"decay": 0.995},
            "log_every_steps": 10 if smoke else 50,
            "sample_every_steps": 10 if smoke else 500,
            "checkpoint_every_steps": 10 if smoke else 1000,
        }
    )
