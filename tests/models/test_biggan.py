"""BigGAN against ajbrock/BigGAN-PyTorch; what is refused.

`references/biggan.npz` was made once by `BigGAN.py` of that repository (commit 9845943, PyTorch
2.15), every array of its state dicts as `published_states.array` makes it of its name, with the
embedding's power iteration converged; inputs likewise.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import pytest

from jaxgan.config.networks import biggan_discriminator, biggan_generator
from jaxgan.config.registry import DISCRIMINATORS as DISCRIMINATOR_TABLE
from jaxgan.config.registry import GENERATORS as GENERATOR_TABLE
from jaxgan.models import BigGANDiscriminator, BigGANGenerator
from jaxgan.pretrained import FAMILIES
from tests.models.published_states import check_discriminator, check_generator, reference

SHARED: dict[str, Any] = {"num_classes": 4}
CODES: dict[str, Any] = {**SHARED, "embedding_dim": 6}
LATENTS = {"biggan32": 16, "biggan64": 10, "biggan128": 12, "biggan256": 14, "flat32": 16}
GENERATORS: dict[str, BigGANGenerator] = {
    "biggan32": BigGANGenerator(32, base_channels=4, attention=0, **CODES),
    "biggan64": BigGANGenerator(64, base_channels=8, attention=32, **CODES),
    "biggan128": BigGANGenerator(128, base_channels=8, attention=64, **CODES),
    "biggan256": BigGANGenerator(256, base_channels=8, attention=64, **CODES),
    "flat32": BigGANGenerator(32, base_channels=4, attention=0, hierarchical=False, **CODES),
}
DISCRIMINATORS: dict[str, BigGANDiscriminator] = {
    "biggan32": BigGANDiscriminator(32, base_channels=4, **SHARED),
    "biggan64": BigGANDiscriminator(64, base_channels=8, attention=32, **SHARED),
    "biggan128": BigGANDiscriminator(128, base_channels=8, **SHARED),
    "biggan256": BigGANDiscriminator(256, base_channels=8, attention=64, **SHARED),
}
FAST = ("biggan32",)


def cases(names: Any) -> list[Any]:
    return [pytest.param(n, marks=() if n in FAST else pytest.mark.slow) for n in names]


@pytest.mark.parametrize("name", cases(GENERATORS))
def test_the_generator_is_the_authors(name: str) -> None:
    expected = reference("biggan.npz", name)
    check_generator(FAMILIES["biggan"], GENERATORS[name], expected, name, LATENTS[name])


@pytest.mark.parametrize("name", cases(DISCRIMINATORS))
def test_the_discriminator_is_the_authors(name: str) -> None:
    expected = reference("biggan.npz", name)
    embedding = ("embed.weight", "embed.u0")
    check_discriminator(FAMILIES["biggan"], DISCRIMINATORS[name], expected, name, embedding)


def num_params(network: Any) -> int:
    params, _ = jax.eval_shape(network.init, jax.random.key(0))
    return sum(leaf.size for leaf in jax.tree.leaves(params))


@pytest.mark.slow
def test_full_width_has_as_many_parameters_as_the_authors() -> None:
    # Counted with PyTorch: 128 pixels, ch 96, 1,000 classes, z of 120.
    shape, width = (128, 128, 3), {"num_classes": 1000, "base_channels": 96}
    assert num_params(biggan_generator(shape, 120, **width)) == 70_433_988
    assert num_params(biggan_discriminator(shape, **width)) == 87_982_370


def test_small_grey_images_begin_at_seven_pixels() -> None:
    generator = BigGANGenerator(28, channels=1, base_channels=2, num_classes=10)
    label = jnp.asarray([1, -1])

    def play() -> Any:
        return generator.init_with_output(jax.random.key(0), jnp.ones((2, 9)), label)[0]

    assert jax.eval_shape(play).shape == (2, 28, 28, 1)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: BigGANGenerator(48, num_classes=2),
            "image_size is 48; it must be 28, 32, 64, 128, 256",
        ),
        (lambda: BigGANDiscriminator(32), "num_classes is none; it must be set"),
        (
            lambda: BigGANGenerator(32, num_classes=2, attention=64),
            "attention is 64; it must be 0 for none, or the size of a map: 8, 16, 32",
        ),
        (
            lambda: biggan_generator((128, 128, 3), 128, num_classes=2),
            "latent_dim is 128; it must be a multiple of 6",
        ),
    ],
)
def test_what_is_refused(build: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()


def test_a_generator_without_labels_is_refused() -> None:
    generator = BigGANGenerator(32, num_classes=2, base_channels=2)
    with pytest.raises(ValueError, match="label is None"):
        jax.eval_shape(generator.init, jax.random.key(0), jnp.ones((1, 8)))


FAMILY: dict[str, dict[str, int]] = {
    "sngan": {"base_channels": 16},
    "sagan": {"base_channels": 16},
    "biggan": {"base_channels": 4},
}
HEADS: dict[str, set[str]] = {
    "projection": set(),
    "logit": set(),
    "classifier": {"class_logits", "features", "logits"},
    "codes": {"code_logits", "code_mean", "features", "logits"},
}


@pytest.mark.parametrize(
    ("name", "head"),
    [("sngan", "codes"), ("sagan", "projection"), ("biggan", "classifier"), ("biggan", "logit")],
)
def test_what_a_config_can_name(name: str, head: str) -> None:
    """Narrow numbers inside, float32 outside, labels given; nothing is computed."""
    shape, num = (28, 28, 1), 3
    options = {"num_classes": 4, "precision": "bfloat16", "remat": "full", **FAMILY[name]}
    gen = GENERATOR_TABLE[name](shape, latent_dim=6, **options)
    disc = DISCRIMINATOR_TABLE[name](shape, head=head, **options)
    assert gen.couples_batch
    assert not disc.couples_batch

    def play() -> Any:
        label, key = jnp.asarray([0, 3, -1]), jax.random.key(0)
        made = gen.init(key)
        images, _ = gen.apply(*made, jnp.ones((num, 6)), label)
        judged = disc.init(key)
        return made, images, judged, disc.apply(*judged, images, label)[0]

    made, images, judged, out = jax.eval_shape(play)
    assert images.shape == (num, *shape)
    leaves = jax.tree.leaves((made, images, judged, out))
    assert {leaf.dtype.name for leaf in leaves} == {"float32"}
    assert (set(out) if isinstance(out, dict) else set()) == HEADS[head]
    logits = out["logits"] if isinstance(out, dict) else out
    assert logits.shape == (num,)
