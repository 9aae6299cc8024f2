"""A variational autoencoder.

    jaxgan train --config configs/vae.py --workdir runs/vae
    jaxgan train --config configs/vae.py:smoke --workdir runs/vae_smoke
    jaxgan train --config configs/vae.py:full --workdir runs/vae_full --config.data.data_dir=PATH

by default on the 1,797 digits of 8x8 pixels, DCGAN networks, pixels normal around the decoder's
image with a standard deviation that is learnt: half a minute on two CPU cores. Expected of
experiments/inference_games.py: samples with 83 % of the digits' sharpness. `full` on MNIST with the
paper's perceptrons of 500 units, Bernoulli pixels and codes of 20 numbers. Pictures show real
digits, their reconstructions and samples of the prior.
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
    total_steps = 20 if smoke else 2000
    learning_rate = {
        "schedule": "cosine",
        "num_steps": total_steps,
        "init_value": 1e-3,
        "final_value": 1e-4,
    }
    network = {"name": "dcgan", "base_channels": 8 if smoke else 32, "num_extra_layers": 1}
    return {
        "total_steps": total_steps,
        "substeps": 10,
        "batch_size": 64,
        "data": {"source": "digits"},
        "game": {"name": "vae", "learn_std": True, "std": 0.5},
        "latent_dim": 16,
        "generator": network,
        "encoder": network,
        "algorithm": {"name": "simultaneous"},
        "optimizer": {"gen": {"name": "adam", "learning_rate": learning_rate}},
        "ema": {"decay": 0.995},
        "log_every_steps": 10 if smoke else 50,
        "sample_every_steps": 10 if smoke else 500,
        "checkpoint_every_steps": 10 if smoke else 1000,
    }


def _full() -> dict[str, Any]:
    network = {"name": "mlp", "features": (500,), "activation": "tanh"}
    return {
        "total_steps": 500_000,
        "substeps": 10,
        "batch_size": 100,
        "data": {"source": "tfds:mnist", "data_dir": None, "split": "train"},
        "game": {"name": "vae", "likelihood": "bernoulli"},
        "latent_dim": 20,
        "generator": network,
        "encoder": network,
        "algorithm": {"name": "simultaneous"},
        "optimizer": {"gen": {"name": "adam", "learning_rate": 1e-3}},
    }
