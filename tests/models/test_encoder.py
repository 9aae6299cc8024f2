"""Encoders and judges of pairs: shapes, what they look at, what they refuse."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.config import networks
from jaxgan.models import DCGANJointDiscriminator, MLPJointDiscriminator
from tests.contracts.test_networks import check_network

IMAGE, POINT, LATENT, BATCH = (8, 8, 1), (2,), 3, 4
WIDE = (16, 16, 1)


def slow(*values: Any) -> Any:
    return pytest.param(*values, marks=pytest.mark.slow)


ENCODERS = [
    ("mlp", {"features": (4,)}, POINT),
    ("mlp", {"features": (4,), "distribution": "gaussian", "orthogonal_gain": 0.8}, IMAGE),
    ("dcgan", {"base_channels": 2, "norm": "none", "distribution": "gaussian"}, IMAGE),
    slow("dcgan", {"base_channels": 2, "norm": "batch", "precision": "bfloat16"}, WIDE),
]
JOINTS = [
    ("mlp", {"features": (4,), "latent_features": (4,), "joint_features": (4,)}, POINT),
    ("mlp", {"features": (), "latent_features": (), "joint_features": (4,)}, IMAGE),
    slow("mlp", {"features": (4,), "norm": "spectral", "precision": "bfloat16"}, POINT),
    ("dcgan", {"base_channels": 2, "norm": "none", "latent_features": (4,)}, IMAGE),
    slow("dcgan", {"base_channels": 2, "norm": "spectral", "precision": "bfloat16"}, IMAGE),
    slow("dcgan", {"base_channels": 2, "norm": "batch", "remat": "full"}, WIDE),
]


def examples(*shapes: tuple[int, ...]) -> tuple[jax.Array, ...]:
    generator = np.random.default_rng(0)
    return tuple(jnp.asarray(generator.uniform(-1, 1, (BATCH, *s)), jnp.float32) for s in shapes)


@pytest.mark.parametrize(("name", "options", "shape"), ENCODERS)
def test_encoders(name: str, options: dict[str, Any], shape: tuple[int, ...]) -> None:
    network = getattr(networks, f"{name}_encoder")(shape, LATENT, **options)
    output, _ = check_network(network, examples(shape))
    assert network.couples_batch == (options.get("norm") == "batch")
    if options.get("distribution") == "gaussian":
        assert sorted(output) == ["log_var", "mean"]
    assert {leaf.shape for leaf in jax.tree.leaves(output)} == {(BATCH, LATENT)}
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(output))


@pytest.mark.parametrize(("name", "options", "shape"), JOINTS)
def test_judges_of_pairs(name: str, options: dict[str, Any], shape: tuple[int, ...]) -> None:
    network = getattr(networks, f"{name}_joint_discriminator")(shape, LATENT, **options)
    # `other` is the judgement of the same images with each other's codes.
    output, other = check_network(network, examples(shape, (LATENT,)))
    assert output.shape == (BATCH,)
    assert output.dtype == jnp.float32
    assert np.abs(output - other).max() > 1e-6
    assert network.couples_batch == (options.get("norm") == "batch")


def test_what_cannot_be_built_is_refused() -> None:
    with pytest.raises(ValueError, match="distribution is 'cauchy'; it must be 'gaussian' or 'poi"):
        networks.mlp_encoder(POINT, LATENT, "cauchy")
    with pytest.raises(ValueError, match="code_dim is 0; it must be an integer"):
        networks.mlp_encoder(POINT, 0, features=(4,))
    with pytest.raises(ValueError, match="head is 'codes'; it must be 'features' or 'logit'"):
        MLPJointDiscriminator(head="codes")
    with pytest.raises(ValueError, match="image_size is 9"):
        DCGANJointDiscriminator(9)
    with pytest.raises(ValueError, match="remat is 'half'"):
        networks.dcgan_joint_discriminator(IMAGE, LATENT, remat="half")
    with pytest.raises(ValueError, match="activation is 'gelu'"):
        networks.mlp_joint_discriminator(POINT, LATENT, activation="gelu")
    network = networks.dcgan_encoder(IMAGE, LATENT, norm="none", base_channels=2)
    params, net_state = network.init(jax.random.key(0))
    with pytest.raises(ValueError, match=r"images have shape \(16, 16, 1\); they must be"):
        network.apply(params, net_state, *examples(WIDE))
