"""VAE-GAN: an autoencoder whose error is measured by the features of a discriminator.

    jaxgan train --config configs/vae_gan.py --workdir runs/vae_gan
    jaxgan train --config configs/vae_gan.py:smoke --workdir runs/vae_gan_smoke
    jaxgan train --config configs/vae_gan.py:full --workdir runs/vae_gan_full \\
        --config.data.source=folder:PATH

by default on the 1,797 digits of 8x8 pixels with the networks of vae.py: a minute on two CPU cores.
Expected of experiments/inference_games.py: samples as sharp as the digits (100 % of their mean
absolute Laplacian), the VAE's having 83 %. `full` on faces of 64 pixels, codes of 128 numbers,
RMSProp of 3e-4 and batches of 64 as in the paper. Pictures show real examples, their
reconstructions and samples of the prior.
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
    decay = {"schedule": "cosine", "num_steps": total_steps}
    rate = {**decay, "init_value": 1e-3, "final_value": 1e-4}
    adam = {"name": "adam", "learning_rate": rate}
    player = {**adam, "b1": 0.0, "b2": 0.99}
    network = {"name": "dcgan", "base_channels": 8 if smoke else 32, "num_extra_layers": 1}
    return {
        "total_steps": total_steps,
        "substeps": 10,
        "batch_size": 64,
        "data": {"source": "digits"},
        "game": {"name": "vae_gan", "gamma": 0.1},
        "latent_dim": 16,
        "generator": network,
        "encoder": network,
        "discriminator": {**network, "norm": "spectral", "head": "features"},
        "loss": {"name": "non_saturating"},
        "algorithm": {"name": "simultaneous"},
        "optimizer": {"enc": adam, "gen": player, "disc": player},
        "ema": {"decay": 0.995},
        "log_every_steps": 10 if smoke else 50,
        "sample_every_steps": 10 if smoke else 500,
        "checkpoint_every_steps": 10 if smoke else 1000,
    }


def _full() -> dict[str, Any]:
    rmsprop = {"name": "rmsprop", "learning_rate": 3e-4}
    network = {"name": "dcgan", "base_channels": 64, "kernel_size": 5}
    return {
        "total_steps": 100_000,
        "batch_size": 64,
        "data": {"source": "folder:faces", "image_size": 64},
        "game": {"name": "vae_gan", "gamma": 1e-6},
        "latent_dim": 128,
        "generator": network,
        "encoder": network,
        "discriminator": {**network, "head": "features"},
        "loss": {"name": "non_saturating"},
        "algorithm": {"name": "simultaneous"},
        "optimizer": {"enc": rmsprop, "gen": rmsprop, "disc": rmsprop},
    }
