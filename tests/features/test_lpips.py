"""LPIPS against the authors' package (lpips 0.1.4, PyTorch 2.15), under deterministic weights."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import traverse_util

from jaxgan.features import Distance, FeatureError, lpips
from jaxgan.features.lpips import recipe
from jaxgan.features.weights import Weights
from tests.features.states import lpips_arrays

# What the package gives for two pairs of `pair(SIZE)`.
EXPECTED = {
    "alex": ((36, 40), [1.4110300540924072, 1.4771430492401123]),
    "vgg16": ((17, 20), [1.2885570526123047, 1.1993688344955444]),
}


def pair(size: tuple[int, int]) -> np.ndarray:
    return np.random.RandomState(1).uniform(-1, 1, (2, 2, *size, 3)).astype(np.float32)


def make(network: str) -> Distance:
    arrays = lpips_arrays(network)
    assert {name: array.shape for name, array in arrays.items()} == recipe(network).shapes()
    params = traverse_util.unflatten_dict(arrays, sep="/")
    return lpips(Weights(f"lpips-{network}", params, "ab", False, ()), network=network)


@pytest.mark.parametrize("network", ["alex", "vgg16"])
def test_distances_are_those_of_the_package(network: str) -> None:
    size, expected = EXPECTED[network]
    x, y = pair(size)
    distance = make(network)
    apply = jax.jit(distance.apply)
    found = apply(distance.params, x, y)
    np.testing.assert_allclose(found, expected, rtol=2e-6)
    np.testing.assert_allclose(apply(distance.params, y, x), found, rtol=1e-6)
    assert np.abs(apply(distance.params, x, x)).max() < 1e-12
    assert distance.name == f"lpips-{network}"


@pytest.mark.parametrize("shape", [(2, 30, 40, 3), (2, 40, 40, 2), (2, 40)])
def test_other_images_are_refused(shape: tuple[int, ...]) -> None:
    distance = lpips(Weights("lpips-alex", {}, "ab", False, ()), network="alex")
    with pytest.raises(FeatureError, match="at least 31 pixels"):
        distance.apply({}, jnp.zeros(shape), jnp.zeros(shape))


def test_another_network_is_refused() -> None:
    with pytest.raises(FeatureError, match="network is 'squeeze'; it must be 'alex' or 'vgg16'"):
        lpips(network="squeeze")
