"""InfoGAN: a code of ten values finds the ten digits by itself.

    jaxgan train --config configs/infogan.py --workdir runs/infogan
    jaxgan train --config configs/infogan.py:smoke --workdir runs/infogan_smoke
    jaxgan train --config configs/infogan.py:mnist --workdir runs/infogan_mnist \\
        --config.data.data_dir=PATH
    jaxgan train --config configs/infogan.py:full --workdir runs/infogan_full \\
        --config.data.data_dir=PATH

by default on the 1,797 digits of 8x8 pixels, one categorical code of ten values, two continuous
ones: a minute on two CPU cores. Expected of experiments/inference_games.py: 86 to 91 % of the
samples of a code value are of one class (three seeds); nine of the ten digits have a value of their
own. `jaxgan explore traverse` shows what each code does. `full` is MNIST as in the authors' code:
the paper's networks, 62 numbers of noise, 5,000 updates of the discriminator, each with one of the
generator after it, weights of 1 for all codes. `mnist` has half the width, a weight of 0.1 for the
continuous codes and both players at once: six minutes on two CPU cores;
experiments/infogan_report.py says what came of it.
"""

from __future__ import annotations

from typing import Any

import ml_collections

VARIANTS = ("", "small", "smoke", "mnist", "full")


def get_config(arg: str = "") -> ml_collections.ConfigDict:
    """The config; `smoke` is a few steps of a small network, `full` the paper's, on MNIST.

    Args:
      arg: one of `VARIANTS`.

    Returns:
      A config for `jaxgan train`.

    Raises:
      ValueError: for another argument.
    """
    if arg not in VARIANTS:
        raise ValueError(f"argument {arg!r}; it must be one of {', '.join(map(repr, VARIANTS))}")
    if arg in ("mnist", "full"):
        return ml_collections.ConfigDict(_mnist(narrow=arg == "mnist"))
    return ml_collections.ConfigDict(_small(smoke=arg == "smoke"))


def _small(smoke: bool) -> dict[str, Any]:
    total_steps = 20 if smoke else 2000
    learning_rate = {
        "schedule": "cosine",
        "num_steps": total_steps,
        "init_value": 1e-3,
        "final_value": 1e-4,
    }
    adam = {"name": "adam", "learning_rate": learning_rate, "b1": 0.5, "b2": 0.99}
    network = {"name": "dcgan", "base_channels": 8 if smoke else 32, "num_extra_layers": 1}
    return {
        "total_steps": total_steps,
        "substeps": 10,
        "batch_size": 64,
        "num_samples": 80,
        "data": {"source": "digits"},
        "game": {"name": "infogan", "categorical": (10,), "num_continuous": 2},
        "latent_dim": 32,
        "generator": network,
        "discriminator": {**network, "norm": "spectral", "head": "codes"},
        "loss": {"name": "non_saturating"},
        "algorithm": {"name": "simultaneous"},
        "optimizer": {"gen": adam, "disc": adam},
        "ema": {"decay": 0.995},
        "log_every_steps": 10 if smoke else 50,
        "sample_every_steps": 10 if smoke else 500,
        "checkpoint_every_steps": 10 if smoke else 1000,
    }


def _mnist(narrow: bool) -> dict[str, Any]:
    adam = {"name": "adam", "b1": 0.5}
    network = {
        "name": "dcgan",
        "base_channels": 32 if narrow else 64,
        "dense_features": 512 if narrow else 1024,
    }
    return {
        "total_steps": 5000,
        "substeps": 10,
        "batch_size": 128,
        "data": {"source": "tfds:mnist", "data_dir": None, "split": "train"},
        "game": {
            "name": "infogan",
            "categorical": (10,),
            "num_continuous": 2,
            "continuous_weight": 0.1 if narrow else 1.0,
        },
        "latent_dim": 74,
        "generator": network,
        "discriminator": {**network, "head": "codes"},
        "loss": {"name": "non_saturating"},
        "algorithm": {"name": "simultaneous" if narrow else "alternating"},
        "optimizer": {
            "gen": {**adam, "learning_rate": 1e-3},
            "disc": {**adam, "learning_rate": 2e-4},
        },
        "log_every_steps": 50,
        "sample_every_steps": 500,
        "checkpoint_every_steps": 1000,
    }
