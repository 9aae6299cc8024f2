"""DCGAN on 1,797 real handwritten digits, 8x8 pixels: the main job.

    jaxgan train --config configs/digits.py --workdir runs/digits
    jaxgan train --config configs/digits.py:smoke --workdir runs/digits_smoke
    python experiments/digits_report.py --workdir runs/digits

Relativistic pairing with R1 and R2, as in Huang et al., 2024 (arXiv:2501.05441), on a DCGAN with
two extra layers, without batch norm. Expected of the report: all 10 classes, a KL of the classes
below 0.02, a mean confidence above 0.88 (0.92 on real digits), no copies.
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
    total_steps = 20 if smoke else 8000
    decay = {"schedule": "cosine", "num_steps": total_steps}
    adam = {
        "name": "adam",
        "learning_rate": {**decay, "init_value": 1e-3, "final_value": 1e-4},
        "b1": 0.0,
        "b2": 0.99,
    }
    penalty = {"weight": {**decay, "init_value": 0.5, "final_value": 0.05}}
    network = {
        "name": "dcgan",
        "base_channels": 8 if smoke else 32,
        "num_extra_layers": 1 if smoke else 2,
        "norm": "none",
    }
    return ml_collections.ConfigDict(
        {
            "total_steps": total_steps,
            "substeps": 10,
            "batch_size": 64,
            "data": {"source": "digits"},
            "latent_dim": 32,
            "generator": network,
            "discriminator": network,
            "loss": {"name": "relativistic", "base": "non_saturating"},
            "penalties": {"r1": penalty, "r2": penalty},
            "algorithm": {"name": "simultaneous"},
            "optimizer": {"gen": adam, "disc": adam},
            "ema": {"decay": 0.999},
            "log_every_steps": 10 if smoke else 50,
            "sample_every_steps": 10 if smoke else 500,
            "checkpoint_every_steps": 10 if smoke else 1000,
        }
    )
