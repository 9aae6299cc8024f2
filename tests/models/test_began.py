"""BEGAN's networks: the paper's layers, what its skips add, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.models import BEGANAutoencoder, BEGANGenerator


def count(module: Any, *shape: int) -> int:
    params = jax.eval_shape(module.init, jax.random.key(0), jnp.zeros((1, *shape)))["params"]
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def conv(width: int, features: int) -> int:
    return 9 * width * features + features


@pytest.mark.parametrize(("size", "start", "num"), [(8, 8, 0), (28, 7, 2), (64, 8, 3), (96, 6, 4)])
def test_layers_are_the_papers(size: int, start: int, num: int) -> None:
    """Figure 1: constant width on the way up, linear on the way down, two of a kind."""
    n, z = 3, 5
    decoder = (z + 1) * start**2 * n + 2 * (num + 1) * conv(n, n) + conv(n, 2)
    assert count(BEGANGenerator(size, 2, n), z) == decoder
    skips = decoder + num * 9 * n * n
    assert count(BEGANGenerator(size, 2, n, skips=True), z) == skips

    widths = [n * (i + 1) for i in range(num + 1)]
    encoder = conv(2, n) + (start**2 * widths[-1] + 1) * z
    encoder += sum(conv(a, b) for a, b in zip([n, *widths], widths, strict=False))
    encoder += sum(conv(a, a) for a in widths) + sum(conv(a, a) for a in widths[:-1])
    assert count(BEGANAutoencoder(size, 2, n, z), size, size, 2) == encoder + decoder


def test_a_skip_is_the_first_map_enlarged() -> None:
    """Kernels that pass over the skip give the plain network; others see the first map."""
    plain, skipping = BEGANGenerator(16, 1, 2), BEGANGenerator(16, 1, 2, skips=True)
    z = jax.random.normal(jax.random.key(1), (3, 4))
    params = jax.jit(plain.init)(jax.random.key(0), z)["params"]
    kernel = params["b1_conv0"]["kernel"]
    affine = params["from_code"]
    first = np.asarray(z) @ affine["kernel"] + np.asarray(affine["bias"])[None]

    def play(module: BEGANGenerator, kernel: Any) -> tuple[Any, Any]:
        """The images, and what the first convolution after the doubling says."""
        layer = {**params["b1_conv0"], "kernel": kernel}
        images, kept = module.apply(
            {"params": {**params, "b1_conv0": layer}},
            z,
            capture_intermediates=lambda layer, _: layer.name == "b1_conv0",
            mutable="intermediates",
        )
        return images, kept["intermediates"]["b1_conv0"]["__call__"][0]

    def skipped(beside: Any) -> tuple[Any, Any]:
        return play(skipping, jnp.concatenate([kernel, beside], axis=2))

    images, hidden = play(plain, kernel)
    np.testing.assert_allclose(skipped(jnp.zeros_like(kernel))[0], images, atol=1e-5)

    # Where only the centre tap sees it, the skip adds the first map, each pixel four times.
    added = skipped(jnp.zeros_like(kernel).at[1, 1].set(jnp.eye(2)))[1] - hidden
    expected = np.asarray(first).reshape(3, 8, 8, 2).repeat(2, axis=1).repeat(2, axis=2)
    np.testing.assert_allclose(added, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: BEGANGenerator(4), "image_size is 4; it must be 5, 6, 7 or 8 times 2"),
        (lambda: BEGANGenerator(36), "image_size is 36; it must be 5, 6, 7 or 8 times 2"),
        (lambda: BEGANGenerator(8, base_channels=0), "base_channels is 0; it must be an integer"),
        (lambda: BEGANGenerator(8, conditioning="concat"), "which needs classes"),
        (lambda: BEGANGenerator(8, conditioning="norm"), "conditioning is 'norm'; it must be"),
        (lambda: BEGANAutoencoder(8, code_dim=0), "code_dim is 0; it must be an integer"),
        (lambda: BEGANAutoencoder(8, error="l3"), "error is 'l3'; it must be 'l1' or 'l2'"),
        (lambda: BEGANAutoencoder(33), "image_size is 33"),
    ],
)
def test_bad_options_are_named(build: Callable[[], Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        build()
