"""One's own loss, field, generator and data, in the file of the config: a flower of Gaussians.

    jaxgan train --config configs/own_code.py --workdir runs/own_code
    jaxgan train --config configs/own_code.py:smoke --workdir runs/own_code_smoke

Parts are named as functions at the top of this file, or as `"FILE.py:NAME"`; see docs/own_code.md.
"""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import ml_collections
import numpy as np

import jaxgan as jg
from jaxgan.core.typing import Batch, PlayerTree
from jaxgan.data import DeviceSource, mixture
from jaxgan.fields import trees


@jg.ranges.checked
def soft_hinge(*, sharpness: jg.ranges.Positive = 2.0) -> jg.Loss:
    """The hinge loss with a rounded corner: s(x) = softplus(βx) / β in place of max(0, x).

    L_D = s(1 - D(x)) + s(1 + D(G(z))),  L_G = -D(G(z)).

    Args:
      sharpness: β; the hinge is its limit.

    Returns:
      A `Loss`.
    """

    def soft(x: jax.Array) -> jax.Array:
        return nn.softplus(sharpness * x) / sharpness

    return jg.losses.stateless(
        disc=lambda real, fake, context: soft(1 - real) + soft(1 + fake),
        gen=lambda real, fake, context: -fake,
    )


@jg.ranges.checked
def clipped(field: jg.Field, *, norm: jg.ranges.Positive = 1.0) -> jg.Field:
    """Each player's pull ξ_i, shortened to a length: ξ_i min(1, c / ‖ξ_i‖).

    Args:
      field: what pulls.
      norm: c.

    Returns:
      A `Field`.
    """

    def apply(
        params: PlayerTree, memory: Any, net_state: PlayerTree, batch: Batch, context: jg.Context
    ) -> Any:
        pull, memory, rest = field.apply(params, memory, net_state, batch, context)
        for player, own in pull.items():
            length = jnp.sqrt(trees.dot(own, own))
            pull = {**pull, player: trees.scaled(own, jnp.minimum(1.0, norm / length))}
        return pull, memory, rest

    return field._replace(apply=apply, is_gradient=False)


class Generator(nn.Module):
    """Residual blocks: h ← h + W₂ relu(W₁ h)."""

    width: int = 128
    num_blocks: int = 2

    @nn.compact
    def __call__(self, z: jax.Array) -> jax.Array:
        """Latents [B, Z] -> points [B, 2]."""
        h = nn.Dense(self.width)(z)
        for _ in range(self.num_blocks):
            h = h + nn.Dense(self.width)(nn.relu(nn.Dense(self.width)(h)))
        return nn.Dense(2)(nn.relu(h))


@jg.ranges.checked
def flower(*, num_petals: jg.ranges.Count = 10, std: jg.ranges.Positive = 0.05) -> DeviceSource:
    """Gaussians on the petals of a rose, r = 2 and r = 1 in turn.

    Args:
      num_petals: how many Gaussians.
      std: of each, in both coordinates.

    Returns:
      A `DeviceSource`.
    """
    angle = 2 * np.pi * np.arange(num_petals) / num_petals
    radius = np.where(np.arange(num_petals) % 2, 1.0, 2.0)
    modes = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return mixture("flower", modes, std)


def get_config(arg: str = "") -> ml_collections.ConfigDict:
    """The config; `smoke` takes a few steps.

    Args:
      arg: nothing, or `smoke`.

    Returns:
      A config for `jaxgan train`.

    Raises:
      ValueError: for another argument.
    """
    if arg not in ("", "smoke"):
        raise ValueError(f"argument {arg!r}; it must be 'smoke', or none")
    smoke = arg == "smoke"
    total_steps = 20 if smoke else 10_000
    decay = {"schedule": "cosine", "num_steps": total_steps}
    rate = {**decay, "init_value": 1e-3, "final_value": 0.0}
    adam = {"name": "adam", "learning_rate": rate, "b1": 0.0, "b2": 0.99}
    penalty = {"weight": {**decay, "init_value": 1.0, "final_value": 0.1}}
    return ml_collections.ConfigDict(
        {
            "total_steps": total_steps,
            "substeps": 10 if smoke else 100,
            "batch_size": 256,
            "data": {"source": flower, "num_petals": 10},
            "latent_dim": 16,
            "generator": {"name": Generator, "width": 16 if smoke else 128},
            "discriminator": {"name": "mlp", "features": (16,) if smoke else (128, 128)},
            "loss": {"name": soft_hinge, "sharpness": 2.0},
            "field": [{"name": clipped, "norm": 1.0}],
            "penalties": {"r1": penalty, "r2": penalty},
            "optimizer": {"gen": adam, "disc": adam},
            "num_samples": 1000,
            "log_every_steps": 10 if smoke else 200,
            "sample_every_steps": 20 if smoke else 5000,
            "checkpoint_every_steps": 10 if smoke else 5000,
        }
    )
