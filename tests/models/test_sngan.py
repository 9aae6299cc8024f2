"""SNGAN, cGAN-PD and SAGAN against kwotsin/mimicry; what is refused.

`references/sngan.npz` was made once by the networks of `torch_mimicry/nets` (commit a7fda06,
PyTorch 2.15), every array of their state dicts as `published_states.array` makes it of its name,
with the embedding's power iteration converged; inputs likewise. Images are those in training mode
and, but for SAGAN, out of it: PyTorch's spectral norm then keeps its vectors where ours moves once
more.
"""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import pytest

from jaxgan.config.networks import sagan_generator, sngan_discriminator, sngan_generator
from jaxgan.models import SNGANDiscriminator, SNGANGenerator
from jaxgan.models.layers import ResBlockUp
from jaxgan.pretrained import FAMILIES
from tests.models.published_states import check_discriminator, check_generator, reference

LATENT, CLASSES = 8, 4
CLASSIFIED: dict[str, Any] = {"num_classes": CLASSES, "conditioning": "norm"}
ATTENDING: dict[str, Any] = {**CLASSIFIED, "kernel_norm": "spectral"}
GENERATORS: dict[str, SNGANGenerator] = {
    "sngan32": SNGANGenerator(32, base_channels=16),
    "sngan48": SNGANGenerator(48, base_channels=32),
    "sngan64": SNGANGenerator(64, base_channels=32),
    "sngan128": SNGANGenerator(128, base_channels=32),
    "cgan32": SNGANGenerator(32, base_channels=16, **CLASSIFIED),
    "cgan128": SNGANGenerator(128, base_channels=32, **CLASSIFIED),
    "sagan32": SNGANGenerator(32, base_channels=16, attention=16, **ATTENDING),
    "sagan128": SNGANGenerator(128, base_channels=32, attention=32, **ATTENDING),
}
TOLD: dict[str, Any] = {"num_classes": CLASSES, "head": "projection"}
DISCRIMINATORS: dict[str, SNGANDiscriminator] = {
    "sngan32": SNGANDiscriminator(32, base_channels=8),
    "sngan48": SNGANDiscriminator(48, base_channels=32),
    "sngan64": SNGANDiscriminator(64, base_channels=32),
    "sngan128": SNGANDiscriminator(128, base_channels=32),
    "cgan32": SNGANDiscriminator(32, base_channels=8, **TOLD),
    "cgan128": SNGANDiscriminator(128, base_channels=32, **TOLD),
    "sagan32": SNGANDiscriminator(32, base_channels=8, attention=8, **TOLD),
    "sagan128": SNGANDiscriminator(128, base_channels=64, attention=32, **TOLD),
}
FAST = ("sngan32", "sagan32")
CASES = [pytest.param(n, marks=() if n in FAST else pytest.mark.slow) for n in GENERATORS]


@pytest.mark.parametrize("name", CASES)
def test_the_generator_is_mimicrys(name: str) -> None:
    expected = reference("sngan.npz", name)
    check_generator(FAMILIES["sngan"], GENERATORS[name], expected, name, LATENT)


@pytest.mark.parametrize("name", CASES)
def test_the_discriminator_is_mimicrys(name: str) -> None:
    expected = reference("sngan.npz", name)
    own = ("l_y.weight", "l_y.sn_u")
    torchs = ("l_y.weight_orig", "l_y.weight_u", "l_y.weight_v")
    embedding = own if name == "cgan32" else torchs
    check_discriminator(FAMILIES["sngan"], DISCRIMINATORS[name], expected, name, embedding)


def num_params(build: Any) -> int:
    params, _ = jax.eval_shape(build.init, jax.random.key(0))
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def test_full_width_has_as_many_parameters_as_mimicrys() -> None:
    # Counted with PyTorch, at mimicry's default widths.
    for size, expected in {32: (4276739, 1053825), 48: (4878083, 10141441)}.items():
        shape = (size, size, 3)
        assert num_params(sngan_generator(shape, 128)) == expected[0]
        assert num_params(sngan_discriminator(shape)) == expected[1]


def test_small_grey_images_begin_at_seven_pixels() -> None:
    generator = SNGANGenerator(28, channels=1, base_channels=8)
    discriminator = SNGANDiscriminator(28, channels=1, base_channels=8)

    def play() -> Any:
        images, _ = generator.init_with_output(jax.random.key(0), jnp.ones((2, 16)))
        return images, discriminator.init_with_output(jax.random.key(1), images)[0]

    images, logits = jax.eval_shape(play)
    assert images.shape == (2, 28, 28, 1)
    assert logits.shape == (2,)


@pytest.mark.parametrize("upsampling", ["bilinear", "nearest"])
def test_every_block_enlarges_as_it_is_told(upsampling: Any) -> None:
    seen = []

    def note(call: Any, args: Any, kwargs: Any, context: Any) -> Any:
        if isinstance(context.module, ResBlockUp) and context.method_name == "__call__":
            seen.append(context.module.upsampling)
        return call(*args, **kwargs)

    with nn.intercept_methods(note):
        network = sagan_generator((32, 32, 3), 8, base_channels=8, upsampling=upsampling)
        state = jax.eval_shape(network.init, jax.random.key(0))
    assert seen[:3] == [upsampling] * 3
    plain = sagan_generator((32, 32, 3), 8, base_channels=8)
    assert state == jax.eval_shape(plain.init, jax.random.key(0))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: SNGANGenerator(32, upsampling="none"),
            "upsampling is 'none'; it must be 'bilinear' or 'nearest'",
        ),
        (lambda: SNGANGenerator(33), "image_size is 33; it must be 28, 32, 48, 64, 128"),
        (
            lambda: SNGANDiscriminator(64, base_channels=100),
            "base_channels is 100; it must be a multiple of 16",
        ),
        (
            lambda: SNGANDiscriminator(32, attention=5),
            r"attention is 5; it must be 0 for none, or the size of a map: 16, 8",
        ),
        (
            lambda: SNGANGenerator(28, attention=7),
            "attention is 7; it must be 0 for none, or the size of a map: 14, 28",
        ),
        (
            lambda: SNGANGenerator(32, conditioning="norm"),
            "conditioning is 'norm', which needs classes; set num_classes",
        ),
        (lambda: SNGANDiscriminator(32, head="projection"), "head is 'projection', which needs"),
        (
            lambda: sagan_generator((32, 16, 3), 8),
            r"data of shape \(32, 16, 3\); sagan makes square images",
        ),
        (lambda: sngan_generator((40, 40, 3), 8), "image_size is 40; it must be 28"),
    ],
)
def test_what_is_refused(build: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()


def test_images_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match=r"images have shape \(28, 28, 3\); they must be \(32"):
        jax.eval_shape(
            SNGANDiscriminator(32, base_channels=8).init,
            jax.random.key(0),
            jnp.ones((1, 28, 28, 3)),
        )
