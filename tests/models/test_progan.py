"""Progressive GAN and StyleGAN: fades, sizes and numbers of parameters as the papers have them."""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.games._progressive import averaged_to, repeated_to
from jaxgan.models import ProGANDiscriminator, ProGANGenerator, StyleGANGenerator
from jaxgan.models.stylegan2 import StyleGAN2Discriminator, StyleGAN2Generator

SMALL: dict[str, Any] = {"image_size": 8, "channels": 1, "channel_base": 32}
STYLED: dict[str, Any] = {**SMALL, "style_dim": 4, "num_mapping_layers": 1}
Z, IMAGES = np.random.default_rng(0).normal(size=(2, 3)), np.random.default_rng(1)


def close(actual: Any, expected: Any) -> None:
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", ["progan", "stylegan"])
def test_a_new_resolution_fades_in_over_the_old_one(kind: str) -> None:
    old: nn.Module = ProGANGenerator(**SMALL, resolution=4)
    new: nn.Module = ProGANGenerator(**SMALL)
    if kind == "stylegan":
        old, new = StyleGANGenerator(**STYLED, resolution=4), StyleGANGenerator(**STYLED)
    z = jnp.asarray(Z, jnp.float32)
    options: dict[str, Any] = {} if kind == "progan" else {"train": False}

    @jax.jit
    def play(key: jax.Array) -> Any:
        variables = new.init(key, z)

        def fade(alpha: float) -> Any:
            inputs = {"latent": z, "alpha": jnp.float32(alpha)}
            return new.apply(variables, inputs, **options)

        before = old.apply(variables, z, **options)
        whole = new.apply(variables, z, **options)
        return before, whole, fade(0.0), fade(0.25), fade(1.0)

    before, whole, none, quarter, all_of_it = play(jax.random.key(0))
    assert before.shape == (2, 4, 4, 1)
    close(none, repeated_to(before, 8))
    close(all_of_it, whole)
    close(quarter, 0.75 * none + 0.25 * whole)
    assert np.abs(whole - none).max() > 1e-2


def test_the_discriminators_new_layers_fade_in_too() -> None:
    old, new = ProGANDiscriminator(**SMALL, resolution=4), ProGANDiscriminator(**SMALL)
    images = jnp.asarray(IMAGES.normal(size=(4, 8, 8, 1)), jnp.float32)

    @jax.jit
    def play(key: jax.Array) -> Any:
        variables = new.init(key, images)

        def fade(alpha: float) -> Any:
            return new.apply(variables, {"image": images, "alpha": jnp.float32(alpha)})

        before = old.apply(variables, averaged_to(images, 4))
        return before, new.apply(variables, images), fade(0.0), fade(1.0)

    before, whole, none, all_of_it = play(jax.random.key(0))
    close(none, before)
    close(all_of_it, whole)
    assert np.abs(whole - none).max() > 1e-3
    with pytest.raises(
        ValueError, match=r"images have shape \(8, 8, 1\); they must be \(4, 4, 1\)"
    ):
        jax.eval_shape(old.init, jax.random.key(0), images)


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (ProGANGenerator, 23_079_115),
        (ProGANDiscriminator, 23_087_249),
        (StyleGANGenerator, 26_219_627),
        (StyleGAN2Generator, 30_370_060),
        (StyleGAN2Discriminator, 29_012_513),
    ],
)
def test_full_networks_have_as_many_parameters_as_their_papers_say(
    module: Any, expected: int
) -> None:
    """23.1, 26.2 and 30 million; the digits are the sums over the papers' tables of layers."""
    is_generator = "Generator" in module.__name__
    shape = (1, 512) if is_generator else (4, 1024, 1024, 3)
    spec = jax.ShapeDtypeStruct(shape, jnp.float32)
    variables = jax.eval_shape(module(1024).init, jax.random.key(0), spec)
    assert sum(leaf.size for leaf in jax.tree.leaves(variables["params"])) == expected


@pytest.mark.parametrize(
    ("module", "spec"),
    [
        (ProGANGenerator, (2, 3)),
        (ProGANDiscriminator, None),
        (StyleGANGenerator, (2, 3)),
    ],
)
def test_networks_have_the_parameters_of_all_resolutions_at_each(module: Any, spec: Any) -> None:
    shapes = []
    for resolution in (4, 8, 16):
        shape = spec or (4, resolution, resolution, 3)
        network = module(16, channel_base=64, resolution=resolution)
        x = jax.ShapeDtypeStruct(shape, jnp.float32)
        output, variables = jax.eval_shape(network.init_with_output, jax.random.key(0), x)
        assert output.shape == ((2, resolution, resolution, 3) if spec else (4,))
        shapes.append(variables)
    assert shapes[0] == shapes[1] == shapes[2]
