"""R3GAN against brownvc/R3GAN; its start; what is refused.

`references/r3gan.npz` was made once by `R3GAN/Networks.py` of that repository (commit 19a7ddf,
reference CPU operations, PyTorch 2.15), every array of their state dicts, with the
prefix `Model.` that snapshots have, as `published_states.array` makes it of its name; inputs
likewise; R1 is the squared gradient of the sum of the logits.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.config.networks import r3gan_discriminator, r3gan_generator
from jaxgan.core.errors import ConfigError
from jaxgan.models import R3GANDiscriminator, R3GANGenerator
from jaxgan.models.layers import conv2d
from jaxgan.penalties import input_gradient, squared_norm
from jaxgan.pretrained import FAMILIES
from tests.models.published_states import (
    assert_close,
    count,
    draw,
    reference,
    state_of,
    thin,
    variables_of,
)

LATENT = 6
SIZES: dict[str, dict[str, Any]] = {
    "r3gan16": {
        "image_size": 16,
        "widths": (16, 16, 8),
        "cardinalities": (4, 8, 2),
        "num_blocks": (1, 2, 1),
    },
    "r3gan32": {
        "image_size": 32,
        "widths": (16, 16, 12, 8),
        "cardinalities": (8, 8, 4, 4),
        "num_blocks": (2, 2, 2, 2),
        "num_classes": 3,
    },
}
SMALL: dict[str, Any] = {"widths": (8, 4), "cardinalities": (4, 2), "num_blocks": (1, 1)}
CASES = ["r3gan16", pytest.param("r3gan32", marks=pytest.mark.slow)]


@pytest.mark.parametrize("name", CASES)
def test_the_generator_is_the_authors(name: str) -> None:
    expected = reference("r3gan.npz", name)
    module = R3GANGenerator(**SIZES[name], embedding_dim=5)
    num = len(expected["train"])
    z = jnp.asarray(draw(f"z{name}", (num, LATENT)), jnp.float32)
    inputs = (z, jnp.arange(num) % 3) if module.num_classes else (z,)
    state = state_of(expected["shapes_gen"])
    variables = variables_of(FAMILIES["r3gan"], "gen", module, state, *inputs)
    assert count(variables) == expected["counts"][0]
    images = jax.jit(lambda v: module.apply(v, *inputs))(variables)
    assert_close(thin(images), expected["train"], 1e-4)


@pytest.mark.parametrize("name", CASES)
def test_the_discriminator_is_the_authors(name: str) -> None:
    expected = reference("r3gan.npz", name)
    module = R3GANDiscriminator(**SIZES[name], embedding_dim=7)
    num, size = len(expected["logits"]), module.image_size
    x = jnp.asarray(draw(f"x{name}", (num, 3, size, size)).transpose(0, 2, 3, 1), jnp.float32)
    label = (jnp.arange(num) % 3,) if module.num_classes else ()
    state = state_of(expected["shapes_disc"])
    variables = variables_of(FAMILIES["r3gan"], "disc", module, state, x, *label)
    assert count(variables) == expected["counts"][1]

    @jax.jit
    def play(variables: Any) -> Any:
        def critic(x: jax.Array) -> Any:
            return module.apply(variables, x, *label)

        return critic(x), squared_norm(input_gradient(critic, x))

    logits, squares = play(variables)
    assert_close(logits, expected["logits"], 1e-4)
    assert_close(squares, expected["r1"], 1e-3)


def num_params(network: Any) -> int:
    params, _ = jax.eval_shape(network.init, jax.random.key(0))
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def test_full_width_has_as_many_parameters_as_the_authors() -> None:
    # Counted with PyTorch, at their sizes for CIFAR-10.
    assert num_params(r3gan_generator((32, 32, 3), 64)) == 20732160
    assert num_params(r3gan_discriminator((32, 32, 3))) == 20683776


def test_blocks_begin_as_the_identity_and_images_with_the_basis() -> None:
    # With W_3 = 0 nothing but basis, widths and interpolation is left: linear in the latents.
    module = R3GANGenerator(8, channels=1, **SMALL)
    z = jnp.asarray(draw("z", (2, 5)), jnp.float32)

    def play() -> Any:
        variables = module.init(jax.random.key(0), z)
        return module.apply(variables, z), module.apply(variables, 3.0 * z)

    once, thrice = jax.jit(play)()
    np.testing.assert_allclose(thrice, 3.0 * once, rtol=1e-4, atol=1e-5)


def test_narrow_numbers_stay_inside() -> None:
    options: dict[str, Any] = {**SMALL, "dtype": jnp.bfloat16}
    generator = R3GANGenerator(8, channels=1, **options)
    discriminator = R3GANDiscriminator(8, channels=1, **options)

    def play() -> Any:
        images, variables = generator.init_with_output(jax.random.key(0), jnp.ones((2, 5)))
        logits, other = discriminator.init_with_output(jax.random.key(1), images)
        return images, logits, variables, other

    for leaf in jax.tree.leaves(jax.eval_shape(play)):
        assert leaf.dtype == jnp.float32


@pytest.mark.parametrize("stride", [1, 2])
def test_groups_are_convolved_by_themselves(stride: int) -> None:
    x = jnp.asarray(draw("x", (2, 6, 6, 6)), jnp.float32)
    kernel = jnp.asarray(draw("kernel", (3, 3, 2, 9)), jnp.float32)
    options: dict[str, Any] = {"stride": stride, "padding": 1}
    parts = [
        conv2d(x[..., 2 * i : 2 * i + 2], kernel[..., 3 * i : 3 * i + 3], **options)
        for i in range(3)
    ]
    expected = jnp.concatenate(parts, axis=-1)
    for lowering in ("matmul", "native"):
        found = conv2d(x, kernel, groups=3, lowering=lowering, **options)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    with pytest.raises(ValueError, match="groups is 4 for 6 input and 9 output channels"):
        conv2d(x, kernel, groups=4)
    with pytest.raises(ValueError, match=r"must be x\.shape\[3\] / 3 groups"):
        conv2d(x, kernel[:, :, :1], groups=3)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: R3GANGenerator(16, **SMALL), "image_size is 16; 2 stages from 4 pixels make 8"),
        (
            lambda: R3GANGenerator(8, **{**SMALL, "cardinalities": (4, 3)}),
            r"cardinalities has 3; each must divide 4 \* expansion = 8 channels",
        ),
        (
            lambda: R3GANGenerator(8, **{**SMALL, "num_blocks": (1,)}),
            "widths, cardinalities and num_blocks have 2, 2 and 1 stages",
        ),
    ],
)
def test_what_is_refused(build: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        build()


def test_what_configs_are_refused() -> None:
    words = "widths: 2 stages make images of 8 or 14 pixels; the data's are of 32"
    with pytest.raises(ConfigError, match=words):
        r3gan_generator((32, 32, 3), 4, **SMALL)
    with pytest.raises(ValueError, match="conditioning is 'norm'; it must be 'auto' or 'none'"):
        r3gan_discriminator((8, 8, 1), **SMALL, conditioning="norm")


def test_labels_are_for_conditional_games() -> None:
    for conditioning, expected in (("auto", True), ("none", False)):
        options: dict[str, Any] = {**SMALL, "conditioning": conditioning}
        gen = r3gan_generator((8, 8, 1), 4, 2, **options)
        disc = r3gan_discriminator((8, 8, 1), 2, **options)

        def play(gen: Any = gen, disc: Any = disc) -> Any:
            label = jnp.asarray([0, 1])
            gen_params, state = gen.init(jax.random.key(0))
            images, _ = gen.apply(gen_params, state, jnp.ones((2, 4)), label)
            params, state = disc.init(jax.random.key(1))
            return gen_params, params, disc.apply(params, state, images, label)[0]

        *params, logits = jax.eval_shape(play)
        assert [("embedding" in each) for each in params] == [expected] * 2
        assert logits.shape == (2,)
