"""DCGAN on MNIST at 28x28 pixels.

    jaxgan train --config configs/mnist.py --workdir runs/mnist --config.data.data_dir=PATH
    jaxgan train --config configs/mnist.py:smoke --workdir runs/mnist_smoke \\
        --config.data.data_dir=PATH

needs `pip install jaxgan[data]` and MNIST prepared by TensorFlow Datasets in PATH (by default
~/tensorflow_datasets).
"""

from __future__ import annotations

import ml_collections


def get_config(arg: str = "") -> ml_collections.ConfigDict:
    """The config; `smoke` is a few steps of a small network.

    Args:
      arg: `""` or `"smoke"`.

    Returns:
      A config for `jaxgan train`.

    Raises:
      ValueError: for another argument.
    """
    if arg not in ("", "smoke"):
        raise ValueError(f"argument {arg!r}; it must be empty or 'smoke'")
    smoke = arg == "smoke"
    total_steps = 4 if smoke else 20_000
    decay = {"schedule": "cosine", "num_steps": total_steps}
    adam = {
        "name": "adam",
        "learning_rate": {**decay, "init_value": 4e-4, "final_value": 1e-4},
        "b1": 0.0,
        "b2": 0.99,
    }
    penalty = {"weight": {**decay, "init_value": 1.0, "final_value": 0.1}}
    network = {"name": "dcgan", "base_channels": 4 if smoke else 32}
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
            "generator": {**network, "norm": "batch"},
            "discriminator": {**network, "norm": "none"},
            "loss": {"name": "relativistic", "base": "non_saturating"},
            "penalties": {"r1": penalty, "r2": penalty},
            "algorithm": {"name": "simultaneous"},
            "optimizer": {"gen": adam, "disc": adam},
            "ema": {"decay": 0.999},
            "log_every_steps": 2 if smoke else 50,
            "sample_every_steps": 4 if smoke else 1000,
            "checkpoint_every_steps": 2 if smoke else 1000,
        }
    )
