"""An unrolled GAN on the ring of eight Gaussians, with the settings of Metz et al., 2017.

    jaxgan train --config configs/ring_unrolled.py --workdir runs/ring_unrolled
    jaxgan train --config configs/ring_unrolled.py:seeds8 --workdir runs/ring_unrolled8
    jaxgan train --config configs/ring_unrolled.py:smoke --workdir runs/ring_unrolled_smoke
    python experiments/ring_report.py --workdir runs/ring_unrolled8

The generator looks ten of the discriminator's Adam steps ahead (arXiv:1611.02163, appendix A).
Expected: all 8 modes, four in five samples within three standard deviations; without unrolling
(`--config.unrolled=none`) one mode or none at a time. experiments/unrolled_ring.py compares the
numbers of steps and draws them.
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
    width = 16 if smoke else 128
    network = {"name": "mlp", "orthogonal_gain": 0.8}
    adam = {"name": "adam", "learning_rate": 1e-4, "b1": 0.5}
    return ml_collections.ConfigDict(
        {
            "num_seeds": NUM_SEEDS[arg],
            "total_steps": 20 if smoke else 20_000,
            "substeps": 10 if smoke else 100,
            "batch_size": 64 if smoke else 512,
            "data": {"source": "ring"},
            "latent_dim": 16 if smoke else 256,
            "generator": {**network, "features": (width, width)},
            "discriminator": {**network, "features": (width,), "input_scale": 0.25},
            "loss": {"name": "minimax"},
            "unrolled": {"num_steps": 2 if smoke else 10},
            "algorithm": {"name": "alternating"},
            "optimizer": {"gen": adam, "disc": adam},
            "num_samples": 1000,
            "log_every_steps": 10 if smoke else 200,
            "sample_every_steps": 20 if smoke else 4000,
            "checkpoint_every_steps": 10 if smoke else 4000,
        }
    )
