"""Autoencoders: plain, denoising, sparse, contractive.

    jaxgan train --config configs/autoencoder.py --workdir runs/autoencoder
    jaxgan train --config configs/autoencoder.py:denoising --workdir runs/denoising
    jaxgan train --config configs/autoencoder.py:sparse,smoke --workdir runs/sparse_smoke
    jaxgan train --config configs/autoencoder.py:denoising,full --workdir runs/denoising_full \\
        --config.data.data_dir=PATH

by default the plain one on the 1,797 digits of 8x8 pixels, a code of 16 numbers. `denoising` adds
noise of 0.5 to the pixels and masks one in ten; `sparse` has 128 sigmoid units, each on in 5 % of
the digits; `contractive` keeps the encoder's Jacobian small. `full` is on MNIST with perceptrons of
1,000 units, `full` of `sparse` with 196 units. Pictures show digits and their reconstructions.
"""

from __future__ import annotations

from typing import Any

import ml_collections

KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "denoising": {"noise_std": 0.5, "mask_share": 0.1},
    "sparse": {"sparsity": "kl", "sparsity_weight": 0.01, "sparsity_target": 0.05},
    "contractive": {"contraction": 1e-3},
}
BUDGETS = ("small", "smoke", "full")


def get_config(arg: str = "") -> ml_collections.ConfigDict:
    """The config; `smoke` is a few steps of a small network, `full` on MNIST.

    Args:
      arg: one of `KINDS`, one of `BUDGETS`, or both with a comma between; plain and small.

    Returns:
      A config for `jaxgan train`.

    Raises:
      ValueError: for another argument.
    """
    kind, budget = "plain", "small"
    for word in filter(None, arg.split(",")):
        if word in KINDS:
            kind = word
        elif word in BUDGETS:
            budget = word
        else:
            known = ", ".join([*KINDS, *BUDGETS])
            raise ValueError(f"argument {word!r}; it must be of {known}")
    config = _full(kind) if budget == "full" else _small(kind, smoke=budget == "smoke")
    config["game"] = {"name": "autoencoder", **KINDS[kind]}
    return ml_collections.ConfigDict(config)


def _small(kind: str, smoke: bool) -> dict[str, Any]:
    total_steps = 20 if smoke else 2000
    network = {"name": "dcgan", "base_channels": 8 if smoke else 32, "num_extra_layers": 1}
    return {
        "total_steps": total_steps,
        "substeps": 10,
        "batch_size": 64,
        "data": {"source": "digits"},
        "latent_dim": 128 if kind == "sparse" else 16,
        "generator": network,
        "encoder": network,
        "algorithm": {"name": "simultaneous"},
        "optimizer": {"gen": _adam(total_steps)},
        "log_every_steps": 10 if smoke else 50,
        "sample_every_steps": 10 if smoke else 500,
        "checkpoint_every_steps": 10 if smoke else 1000,
    }


def _full(kind: str) -> dict[str, Any]:
    total_steps = 100_000
    network = {"name": "mlp", "features": () if kind == "sparse" else (1000,)}
    return {
        "total_steps": total_steps,
        "substeps": 10,
        "batch_size": 128,
        "data": {"source": "tfds:mnist", "data_dir": None, "split": "train"},
        "latent_dim": 196 if kind == "sparse" else 64,
        "generator": network,
        "encoder": network,
        "algorithm": {"name": "simultaneous"},
        "optimizer": {"gen": _adam(total_steps)},
    }


def _adam(total_steps: int) -> dict[str, Any]:
    learning_rate = {
        "schedule": "cosine",
        "num_steps": total_steps,
        "init_value": 1e-3,
        "final_value": 1e-5,
    }
    return {"name": "adam", "learning_rate": learning_rate}
