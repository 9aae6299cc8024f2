"""DCGAN on MNIST at 28x28 pixels.

    jaxgan train --config configs/mnist.py --workdir runs/mnist --config.data.data_dir=PATH
    jaxgan train --config configs/mnist.py:smoke --workdir runs/mnist_smoke \\
        --config.data.data_dir=PATH

needs `pip install jaxgan[data]` and MNIST prepared by TensorFlow Datasets in PATH (by default
~/tensorflow_datasets).

Spectral norm in the discriminator, one more layer in both players, the plain non-saturating loss.
docs/own_pictures.md has what else was tried. `mnist.py:penalties` is the relativistic loss with R1
and R2 on plain DCGANs, which the benchmarks measure: a step that differentiates twice.
"""

from __future__ import annotations

from typing import Any

import ml_collections


def get_config(arg: str = "") -> ml_collections.ConfigDict:
    """The config; `smoke` is a few steps of a small network.

    Args:
      arg: `""`, `"smoke"` or `"penalties"`.

    Returns:
      A config for `jaxgan train`.

    Raises:
      ValueError: for another argument.
    """
    if arg not in ("", "smoke", "penalties"):
        raise ValueError(f"argument {arg!r}; it must be empty, 'smoke' or 'penalties'")
    smoke = arg == "smoke"
    total_steps = {"": 10_000, "smoke": 4, "penalties": 20_000}[arg]
    network = {"name": "dcgan", "base_channels": 4 if smoke else 32}
    players = _penalized(network, total_steps) if arg == "penalties" else _plain(network)
    decay = {"schedule": "cosine", "num_steps": total_steps, "final_value": 1e-4}
    rate = 4e-4 if arg == "penalties" else 1e-3
    adam = {
        "name": "adam",
        "learning_rate": {**decay, "init_value": rate},
        "b1": 0.0,
        "b2": 0.99,
    }
    return ml_collections.ConfigDict(
        {
            "total_steps": total_steps,
            "substeps": 2 if smoke else 10,
            "batch_size": 64,
            "data": {
                "source": "tfds:mnist",
                "data_dir": None,
                "split": "test[:1000]" if smoke else "train",
            },
            "latent_dim": 64,
            **players,
            "algorithm": {"name": "simultaneous"},
            "optimizer": {"gen": adam, "disc": adam},
            "ema": {"decay": 0.999},
            "log_every_steps": 2 if smoke else 50,
            "sample_every_steps": 4 if smoke else 1000,
            "checkpoint_every_steps": 2 if smoke else 1000,
        }
    )


def _plain(network: dict[str, Any]) -> dict[str, Any]:
    network = {**network, "num_extra_layers": 1}
    return {
        "generator": {**network, "norm": "batch"},
        "discriminator": {**network, "norm": "spectral"},
        "loss": "non_saturating",
    }


def _penalized(network: dict[str, Any], total_steps: int) -> dict[str, Any]:
    falling = {"schedule": "cosine", "num_steps": total_steps}
    penalty = {"weight": {**falling, "init_value": 1.0, "final_value": 0.1}}
    return {
        "generator": {**network, "norm": "batch"},
        "discriminator": {**network, "norm": "none"},
        "loss": {"name": "relativistic", "base": "non_saturating"},
        "penalties": {"r1": penalty, "r2": penalty},
    }
