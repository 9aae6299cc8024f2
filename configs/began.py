"""BEGAN: an autoencoder as discriminator, and a controller that holds the two errors at a ratio.

    jaxgan train --config configs/began.py --workdir runs/began
    jaxgan train --config configs/began.py:smoke --workdir runs/began_smoke
    jaxgan train --config configs/began.py:full --workdir runs/began_full \\
        --config.data.source=folder:PATH

by default on the 1,797 digits of 8x8 pixels, narrow, with a code of 12 numbers, γ of 1, a
pulling-away term of 0.2, and rates of the controller and of the networks ten times the paper's:
all ten digits, in a minute on two CPU cores; and on MNIST (`--config.data.source=tfds:mnist`) in
six. A code of 32 numbers rebuilds noise too, and the samples are of one class. `full` on faces of
64 pixels: the paper's batch of 16, width of 128, code of 64 numbers, learning rate of 1e-4, γ of
0.5 and skip connections.
"""

from __future__ import annotations

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
    total_steps = 20 if smoke else 300_000 if full else 3000
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
    network = {"base_channels": 8 if smoke else 128 if full else 16, "skips": True}
    faces = {"source": "folder:faces", "image_size": 64}
    return ml_collections.ConfigDict(
        {
            "total_steps": total_steps,
            "substeps": 10,
            "batch_size": 16 if full else 32,
            "data": faces if full else {"source": "digits"},
            "latent_dim": 64 if full else 32,
            "generator": {"name": "began", **network},
            "discriminator": {
                "name": "began_autoencoder",
                **network,
                "code_dim": 64 if full else 12,
            },
            "loss": {
                "name": "began",
                "gamma": 0.5 if full else 1.0,
                "lambda_k": 1e-3 if full else 1e-2,
            },
            "auxiliary": {} if full else {"pull_away": {"weight": 0.2}},
            "algorithm": {"name": "simultaneous"},
            "optimizer": {"gen": adam, "disc": adam},
            "ema": {"decay": 0.995},
            "log_every_steps": 10 if smoke else 50,
            "sample_every_steps": 10 if smoke else 500,
            "checkpoint_every_steps": 10 if smoke else 1000,
        }
    )
