"""BiGAN: a generator and an encoder against a discriminator of pairs.

    jaxgan train --config configs/bigan.py --workdir runs/bigan
    jaxgan train --config configs/bigan.py:smoke --workdir runs/bigan_smoke
    jaxgan train --config configs/bigan.py:full --workdir runs/bigan_full \\
        --config.data.data_dir=PATH

by default on the 1,797 digits of 8x8 pixels, a minute and a half on two CPU cores. Expected of
experiments/inference_games.py: 96 % of the codes have a nearest neighbour of their digit, 71 % of
the reconstructions are nearest to a digit of the original's class. `full` on MNIST with the paper's
perceptrons of 1,024 units, z of 50 numbers uniform there and normal here, Adam with b1 = 0.5 and a
rate that is constant for 200 epochs, then falls exponentially to a hundredth in as many.
Pictures show real digits, their reconstructions G(E(x)) and samples.
"""

from __future__ import annotations

from typing import Any

import ml_collections

VARIANTS = ("", "small", "smoke", "full")


def get_config(arg: str = "") -> ml_collections.ConfigDict:
    """The config; `smoke` is a few steps of a small network, `full` the paper's.

    Args:
      arg: one of `VARIANTS`.

    Returns:
      A config for `jaxgan train`.

    Raises:
      ValueError: for another argument.
    """
    if arg not in VARIANTS:
        raise ValueError(f"argument {arg!r}; it must be one of {', '.join(map(repr, VARIANTS))}")
    config = _full() if arg == "full" else _small(smoke=arg == "smoke")
    return ml_collections.ConfigDict(config)


def _small(smoke: bool) -> dict[str, Any]:
    total_steps = 20 if smoke else 3000
    decay = {"schedule": "cosine", "num_steps": total_steps}
    adam = {
        "name": "adam",
        "learning_rate": {**decay, "init_value": 1e-3, "final_value": 1e-4},
        "b1": 0.0,
        "b2": 0.99,
    }
    network = {"name": "dcgan", "base_channels": 8 if smoke else 32, "num_extra_layers": 1}
    return {
        "total_steps": total_steps,
        "substeps": 10,
        "batch_size": 64,
        "data": {"source": "digits"},
        "game": {"name": "bigan"},
        "latent_dim": 16,
        "generator": network,
        "encoder": network,
        "discriminator": {**network, "name": "dcgan_joint", "norm": "spectral"},
        "loss": {"name": "non_saturating"},
        "algorithm": {"name": "simultaneous"},
        "optimizer": {"gen": adam, "disc": adam},
        "ema": {"decay": 0.995},
        "log_every_steps": 10 if smoke else 50,
        "sample_every_steps": 10 if smoke else 500,
        "checkpoint_every_steps": 10 if smoke else 1000,
    }


def _full() -> dict[str, Any]:
    total_steps = 187_500  # 400 epochs, the paper's, of batches of 128
    learning_rate = {
        "schedule": "exponential",
        "start_step": total_steps // 2,
        "num_steps": total_steps // 2,
        "init_value": 2e-4,
        "final_value": 2e-6,
    }
    adam = {"name": "adam", "learning_rate": learning_rate, "b1": 0.5}
    widths = (1024, 1024)
    joint = {"features": (), "latent_features": (), "joint_features": widths}
    return {
        "total_steps": total_steps,
        "substeps": 10,
        "batch_size": 128,
        "data": {"source": "tfds:mnist", "data_dir": None, "split": "train"},
        "game": {"name": "bigan"},
        "latent_dim": 50,
        "generator": {"name": "mlp", "features": widths},
        "encoder": {"name": "mlp", "features": widths, "activation": "leaky_relu"},
        "discriminator": {"name": "mlp_joint", **joint},
        "loss": {"name": "non_saturating"},
        "algorithm": {"name": "simultaneous"},
        "optimizer": {"gen": adam, "disc": adam},
    }
