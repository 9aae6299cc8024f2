"""MLPs on a ring of eight Gaussians, sampled on the device: the toy problem of mode collapse.

    jaxgan train --config configs/ring.py --workdir runs/ring
    jaxgan train --config configs/ring.py:seeds8 --workdir runs/ring8
    jaxgan train --config configs/ring.py:smoke --workdir runs/ring_smoke
    python experiments/ring_report.py --workdir runs/ring8

Relativistic pairing with R1 and R2, as in Huang et al., 2024 (arXiv:2501.05441). Expected: all 8
modes, at least 85 % of samples within three standard deviations (98.9 % is perfect).
"""

from __future__ import annotations

import ml_collections

NUM_SEEDS = {"": 1, "seeds8": 8, "smoke": 2}


def get_config(arg: str = "") -> ml_collections.ConfigDict:
    """The config; `seeds8` trains eight seeds in one program, `smoke` takes a few steps.

    Args:
      arg: one of the keys of `NUM_SEEDS`.

    Returns:
      A config for `jaxgan train`.

    Raises:
      ValueError: for another argument.
    """
    if arg not in NUM_SEEDS:
        raise ValueError(f"argument {arg!r}; it must be one of {sorted(NUM_SEEDS)}")
    smoke = arg == "smoke"
    total_steps = 20 if smoke else 20_000
    decay = {"schedule": "cosine", "num_steps": total_steps}
    adam = {
        "name": "adam",
        "learning_rate": {**decay, "init_value": 1e-3, "final_value": 0.0},
        "b1": 0.0,
        "b2": 0.99,
    }
    penalty = {"weight": {**decay, "init_value": 1.0, "final_value": 0.1}}
    network = {"name": "mlp", "features": (16,) if smoke else (128, 128)}
    return ml_collections.ConfigDict(
        {
            "num_seeds": NUM_SEEDS[arg],
            "total_steps": total_steps,
            "substeps": 10 if smoke else 100,
            "batch_size": 256,
            "data": {"source": "ring"},
            "latent_dim": 16,
            "generator": network,
            "discriminator": network,
            "loss": {"name": "relativistic", "base": "non_saturating"},
            "penalties": {"r1": penalty, "r2": penalty},
            "algorithm": {"name": "simultaneous"},
            "optimizer": {"gen": adam, "disc": adam},
            "num_samples": 1000,
            "log_every_steps": 10 if smoke else 200,
            "sample_every_steps": 20 if smoke else 4000,
            "checkpoint_every_steps": 10 if smoke else 4000,
        }
    )
