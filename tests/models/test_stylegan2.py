"""StyleGAN2 against NVlabs/stylegan2-ada-pytorch, and what styles and truncation promise.

`references/stylegan2.npz` was made once: `training/networks.py` of that repository (commit
d72cc7d, reference CPU operations, PyTorch 2.15), every array of a state dict as `array` below makes
it of its name, the inputs likewise; images with `noise_mode="const"`, R1 and path lengths by
the formulas of `training/loss.py`.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.config.networks import stylegan2_discriminator, stylegan2_generator
from jaxgan.config.registry import DISCRIMINATORS, GENERATORS
from jaxgan.core.game import Game
from jaxgan.core.network import Network
from jaxgan.core.state import Context
from jaxgan.games import gan
from jaxgan.models.stylegan2 import StyleGAN2Discriminator, StyleGAN2Generator
from jaxgan.penalties import input_gradient, squared_norm
from jaxgan.penalties._path_length import path_lengths
from jaxgan.pretrained import FAMILIES, Published, convert
from jaxgan.pretrained.stylegan2 import discriminator_rules, generator_rules
from tests.contracts.test_networks import check_network, differ, example
from tests.models.published_states import check_way_back

REFERENCES = Path(__file__).parent / "references" / "stylegan2.npz"


class Case(NamedTuple):
    size: int
    channels: int
    channel_max: int
    latent_dim: int
    style_dim: int
    num_classes: int | None
    layers: int
    num: int


CASES = {
    "16": Case(16, 3, 48, 24, 32, 5, 3, 4),
    "32": Case(32, 1, 32, 16, 16, None, 8, 2),
}


ROWS = ["16", pytest.param("32", marks=pytest.mark.slow)]


def array(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """The deterministic numbers that both sides compute with."""
    draw = np.asarray(np.random.RandomState(zlib.crc32(name.encode())).randn(*shape))
    if ".fc" in name and "mapping" in name:
        scale = 100.0 if name.endswith("weight") else 10.0
    elif name.endswith("affine.bias"):
        return (1.0 + 0.1 * draw).astype(np.float32)
    else:
        scale = 1.0 if name.endswith(("weight", "const")) else 0.1
    return (scale * draw).astype(np.float32)


def reference(name: str) -> dict[str, np.ndarray]:
    with np.load(REFERENCES) as archive:
        found = {key: archive[key] for key in archive.files}
    return {key.removeprefix(f"{name}_"): found[key] for key in found if key.startswith(f"{name}_")}


def filled(rules: Any, template: Any, shapes: np.ndarray) -> Any:
    """The deterministic weights as ours; `shapes` lists what the authors' network has."""
    state = {}
    for line in shapes:
        name, sizes = line.split(" ")
        state[name] = array(name, tuple(int(size) for size in sizes.split(",") if size))
    converted = convert(state, rules, template)
    if "mapping.w_avg" in rules:
        check_way_back(state, converted, Published(rules, FAMILIES["stylegan2"]))
    return jax.tree.map(jnp.asarray, converted)


def make(case: Case) -> tuple[StyleGAN2Generator, StyleGAN2Discriminator]:
    shared: dict[str, Any] = {
        "image_size": case.size,
        "channels": case.channels,
        "channel_base": 512,
        "channel_max": case.channel_max,
        "num_mapping_layers": case.layers,
        "num_classes": case.num_classes,
    }
    generator = StyleGAN2Generator(**shared, style_dim=case.style_dim, mixing=0.0)
    return generator, StyleGAN2Discriminator(**shared, group_size=case.num)


def count(variables: Any) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))


def label_of(case: Case) -> jax.Array | None:
    return jnp.arange(case.num) % case.num_classes if case.num_classes else None


def assert_close(found: Any, expected: np.ndarray, tolerance: float) -> None:
    """Within a share of the largest of them."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.abs(expected).max())


@pytest.mark.parametrize("name", ROWS)
def test_the_generator_is_the_authors(name: str) -> None:
    case, expected = CASES[name], reference(name)
    generator, _ = make(case)
    z, label = jnp.asarray(10 * array(f"z{name}", (case.num, case.latent_dim))), label_of(case)
    template = jax.eval_shape(generator.init, jax.random.key(0), z, label)
    variables = filled(generator_rules(generator), template, expected["shapes_gen"])
    assert count(variables) == expected["params_gen"]

    noise = 10 * array(f"noise{name}", (case.num, case.size, case.size, case.channels))

    @jax.jit
    def play(variables: Any) -> Any:
        w, moved = generator.apply(variables, z, label, method="styles", mutable=["styles"])

        def synthesize(w: jax.Array) -> Any:
            return generator.apply(variables, {"w": w}, train=False)

        mean = variables["styles"]["mapping"]["mean"][None, None]
        lengths = path_lengths(synthesize, w, jnp.asarray(noise))
        return synthesize(w), synthesize(mean + 0.5 * (w[:1] - mean)), lengths, moved

    images, truncated, lengths, moved = play(variables)
    assert_close(images, expected["images"], 1e-5)
    assert_close(truncated, expected["truncated"], 1e-5)
    assert_close(lengths, expected["lengths"], 1e-4)
    assert_close((lengths - 0.01 * lengths.mean()) ** 2, expected["path_length"], 1e-4)
    assert_close(moved["styles"]["mapping"]["mean"], expected["mean"], 1e-5)


@pytest.mark.parametrize("name", ROWS)
def test_the_discriminator_is_the_authors(name: str) -> None:
    case, expected = CASES[name], reference(name)
    _, discriminator = make(case)
    shape = (case.num, case.channels, case.size, case.size)
    images = jnp.asarray(3 * array(f"x{name}", shape).transpose(0, 2, 3, 1))
    label = label_of(case)
    template = jax.eval_shape(discriminator.init, jax.random.key(0), images, label)
    variables = filled(discriminator_rules(discriminator), template, expected["shapes_disc"])
    assert count(variables) == expected["params_disc"]

    @jax.jit
    def play(variables: Any) -> Any:
        def critic(images: jax.Array) -> Any:
            return discriminator.apply(variables, images, label)

        return critic(images), 0.5 * squared_norm(input_gradient(critic, images))

    logits, r1 = play(variables)
    assert_close(logits, expected["logits"], 1e-5)
    assert_close(r1, expected["r1"], 1e-4)


def small_game() -> Game:
    options: dict[str, Any] = {"channel_base": 32, "style_dim": 4, "num_mapping_layers": 1}
    gen = stylegan2_generator((8, 8, 1), 3, mixing=0.5, **options)
    return gan(gen, stylegan2_discriminator((8, 8, 1), channel_base=32), latent=3)


def test_styles_are_of_the_scene_and_truncation_at_0_gives_the_mean_image() -> None:
    game = small_game()
    batch = {"image": jnp.zeros((4, 8, 8, 1))}

    @jax.jit
    def play(key: jax.Array) -> Any:
        players = game.init(key)
        trained, net_state = game.generate(*players, batch, Context(key))
        still = Context(key, train=False)
        state = (players[0], net_state)

        def sample(**given: Any) -> Any:
            return game.generate(*state, {**batch, **given}, still)[0]

        scenes = {psi: sample(truncation=jnp.float32(psi)) for psi in (0.0, 0.5, 1.0)}
        mean = jnp.broadcast_to(net_state["gen"]["network"]["styles"]["mapping"]["mean"], (4, 4, 4))
        return trained, scenes, sample(), sample(w=mean), mean

    trained, scenes, plain, of_mean, mean = play(jax.random.key(0))
    assert trained["w"].shape == (4, 4, 4)
    assert np.abs(mean).max() > 0  # moved by the one training step
    np.testing.assert_allclose(scenes[0.0]["w"], mean, atol=1e-6)
    np.testing.assert_allclose(scenes[0.0]["fake"], of_mean["fake"], atol=1e-6)
    np.testing.assert_allclose(scenes[1.0]["fake"], plain["fake"], atol=1e-5)
    half = 0.5 * (np.asarray(plain["w"]) + np.asarray(mean))
    np.testing.assert_allclose(scenes[0.5]["w"], half, atol=1e-6)
    assert np.ptp(plain["fake"], axis=0).max() > 1e-3
    assert np.ptp(scenes[0.0]["fake"], axis=0).max() < 1e-6


def test_bad_sizes_and_styles_are_refused() -> None:
    with pytest.raises(ValueError, match="image_size is 28; it must be a power of two from 8 on"):
        stylegan2_generator((28, 28, 1), 3)
    with pytest.raises(ValueError, match="conditioning is 'concat'; it must be 'auto' or 'none'"):
        stylegan2_generator((8, 8, 1), 3, conditioning="concat")
    generator = StyleGAN2Generator(8, channel_base=32)
    with pytest.raises(ValueError, match=r"styles have shape \(2, 6, 512\); they must be \[B, 4"):
        jax.eval_shape(generator.init, jax.random.key(0), {"w": jnp.zeros((2, 6, 512))})


@pytest.mark.slow
@pytest.mark.parametrize("name", ["progan", "stylegan", "stylegan2"])
def test_the_contract_of_networks(name: str) -> None:
    shape, latent_dim, small = (8, 8, 1), 4, {"channel_base": 32, "precision": "bfloat16"}
    styled: dict[str, Any] = {"style_dim": 4, "num_mapping_layers": 1}
    gen = GENERATORS[name](shape, latent_dim, 3, **small, **(styled if name != "progan" else {}))
    disc = DISCRIMINATORS[name](shape, 3, remat="full", **small)
    assert (gen.couples_batch, disc.couples_batch) == (False, True)
    for network, of, expected in ((gen, (latent_dim,), (4, *shape)), (disc, shape, (4,))):
        inputs = example(of, is_conditional=True)
        if name == "stylegan2":
            output, other = check_network(network, inputs)
        else:  # layers of lower resolutions are idle, which that check refuses
            output, other = told_apart(network, inputs)
        assert output.shape == expected
        assert output.dtype == jnp.float32
        assert differ(output, other)


def told_apart(network: Network, inputs: tuple[jax.Array, ...]) -> tuple[jax.Array, jax.Array]:
    """What a network makes of its inputs, and of the same with other labels."""

    @jax.jit
    def play(key: jax.Array) -> Any:
        variables = network.init(key)
        x, label = inputs
        labels = (label, jnp.roll(label, 1))
        return [network.apply(*variables, x, one, train=False)[0] for one in labels]

    first, second = play(jax.random.key(0))
    return first, second
