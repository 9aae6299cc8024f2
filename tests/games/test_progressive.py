"""Progressive growing: what each phase shows, and that no phase changes the state's shape."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import penalties
from jaxgan.config import build
from jaxgan.config.base import load_config
from jaxgan.config.data import open_data
from jaxgan.config.networks import progan_discriminator, progan_generator
from jaxgan.config.resolve import resolve
from jaxgan.core.errors import ConfigError
from jaxgan.core.network import Network
from jaxgan.core.state import Context
from jaxgan.games import make_phases, progressive, with_penalty
from jaxgan.games._progressive import averaged_to, repeated_to, shown_at
from jaxgan.losses import wasserstein
from jaxgan.penalties import View

SHAPE, BATCH = (8, 8, 1), 4
PHASES = make_phases((4, 8), fade_steps=10, stable_steps=20)
IMAGES = np.random.default_rng(0).normal(size=(BATCH, *SHAPE)).astype(np.float32)
CONFIGS = Path(__file__).parents[2] / "configs"


def game_at(step: int) -> Any:
    return progressive(
        lambda r: progan_generator(SHAPE, 3, resolution=r, channel_base=32),
        lambda r: progan_discriminator(SHAPE, resolution=r, channel_base=32),
        phases=PHASES,
        step=step,
        latent=3,
    )


def context_at(step: int, train: bool = True) -> Context:
    return Context(jax.random.key(1), step=jnp.int32(step), train=train)


def test_phases_are_a_function_of_the_step() -> None:
    phases = make_phases((4, 8, 16), fade_steps=4, stable_steps=6)
    assert phases.first_steps == (0, 6, 16)
    steps = [0, 5, 6, 8, 10, 15, 16, 18, 1000]
    expected = [(0, 1.0), (0, 1.0), (1, 0.0), (1, 0.5), (1, 1.0), (1, 1.0), (2, 0.0), (2, 0.5)]
    expected.append((2, 1.0))
    for step, (phase, alpha) in zip(steps, expected, strict=True):
        assert phases.at(step) == int(phases.traced_at(jnp.int32(step))) == phase
        assert float(phases.alpha(jnp.int32(step), phase)) == alpha


def test_real_images_gain_detail_with_alpha() -> None:
    coarse = repeated_to(averaged_to(jnp.asarray(IMAGES), 4), 8)
    np.testing.assert_allclose(shown_at(IMAGES, 8, jnp.float32(0.0)), coarse, atol=1e-6)
    np.testing.assert_allclose(shown_at(IMAGES, 8, jnp.float32(1.0)), IMAGES, atol=1e-6)
    mean = IMAGES.reshape(BATCH, 4, 2, 4, 2, 1).mean((2, 4))
    np.testing.assert_allclose(shown_at(IMAGES, 4, jnp.float32(1.0)), mean, atol=1e-6)


def test_every_phase_has_its_resolution_and_sampling_has_the_datas() -> None:
    batch = {"image": jnp.asarray(IMAGES)}

    @jax.jit
    def play(key: jax.Array) -> Any:
        made = {}
        params, net_state = game_at(0).init(key)
        for step in (0, 20, 25, 30):
            game = game_at(step)
            made[step], _ = game.generate(params, net_state, batch, context_at(step))
        # The game of whatever phase samples that of the step.
        sampled = {
            step: game_at(0).generate(params, net_state, batch, context_at(step, False))[0]
            for step in (0, 20, 25)
        }
        losses, _ = game_at(25).losses(params, net_state, made[25], context_at(25))
        return made, sampled, losses, game_at(30).init(key), (params, net_state)

    made, sampled, losses, later, first = play(jax.random.key(0))
    assert {step: scene["fake"].shape[1] for step, scene in made.items()} == {
        **{0: 4, 20: 8},
        **{25: 8, 30: 8},
    }
    # At its first step a phase shows what the one before it showed.
    np.testing.assert_allclose(made[20]["fake"], repeated_to(made[0]["fake"], 8), atol=1e-5)
    np.testing.assert_allclose(made[20]["real"], repeated_to(made[0]["real"], 8), atol=1e-5)
    for step, scene in sampled.items():
        assert scene["fake"].shape == scene["real"].shape == (BATCH, *SHAPE)
        np.testing.assert_allclose(scene["fake"], repeated_to(made[step]["fake"], 8), atol=1e-5)
        np.testing.assert_array_equal(scene["real"], IMAGES)
    assert all(np.isfinite(value) for value in losses.values())
    for one, other in zip(jax.tree.leaves(first), jax.tree.leaves(later), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", ["progan", "stylegan"])
def test_the_state_has_the_same_shapes_in_all_phases(name: str) -> None:
    config = resolve(load_config(f"{CONFIGS / name}.py:smoke"))
    source = open_data(config)
    algorithms = build.build_phases(config, source.element_spec)
    assert list(algorithms) == [0, 2]
    states = [jax.eval_shape(one.init, jax.random.key(0)) for one in algorithms.values()]
    assert states[0] == states[1]


def test_bad_phases_are_refused() -> None:
    with pytest.raises(ValueError, match=r"resolutions is \(4, 16\); it must be"):
        make_phases((4, 16), fade_steps=1, stable_steps=1)
    with pytest.raises(ValueError, match="fade_steps is -1; it must be an integer"):
        make_phases((4, 8), fade_steps=-1, stable_steps=1)
    with pytest.raises(ValueError, match="resolutions: the last is 8; it must be that of the"):
        game_at(0).generate({}, {}, {"image": jnp.zeros((1, 16, 16, 1))}, context_at(0))
    config = load_config(f"{CONFIGS / 'progan'}.py:smoke")
    config["data"] = {"source": "digits", "image_size": 16}
    config = resolve(config)
    with pytest.raises(ConfigError, match=r"game: resolutions: the last is 8; .* data, 16"):
        build.build_game(config, open_data(config).element_spec)


def image_network(weights: Any) -> Any:
    """A discriminator of images: the logit w · x, whatever its resolution."""

    def apply(params: Any, state: Any, inputs: Any, train: bool = True, key: Any = None) -> Any:
        flat = inputs["image"].reshape(len(inputs["image"]), -1)
        return jnp.sin(flat @ params[: flat.shape[1]]), state

    return Network(init=lambda key: (weights, {}), apply=apply)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(("name", "step"), [("r1", 0), ("r2", 0), ("wgan_gp", 0), ("wgan_gp", 35)])
def test_slopes_are_those_at_images_of_full_size(name: str, step: int) -> None:
    """The authors show the discriminator every image upsampled to full size; it averages."""
    weights = jnp.asarray(np.random.default_rng(1).normal(size=64))
    real, fake = np.random.default_rng(2).normal(size=(2, BATCH, *SHAPE))
    size = PHASES.resolutions[PHASES.at(step)]

    def gen_apply(params: Any, state: Any, inputs: Any, train: bool = True, key: Any = None) -> Any:
        return params * averaged_to(jnp.asarray(fake), size), state

    game = progressive(
        lambda r: Network(init=lambda key: (jnp.ones(()), {}), apply=gen_apply),
        lambda r: image_network(weights),
        phases=PHASES,
        step=step,
        latent=3,
        loss=wasserstein(),
    )
    game = with_penalty(game, getattr(penalties, name)(weight=1.0))
    context, batch = context_at(step), {"image": jnp.asarray(real)}
    params, net_state = game.init(jax.random.key(0))
    scene, _ = game.generate(params, net_state, batch, context)
    _, (_, metrics, _) = game.losses(params, net_state, scene, context)

    def at_full_size(images: Any) -> Any:
        flat = averaged_to(images, size).reshape(len(images), -1)
        return jnp.sin(flat @ weights[: flat.shape[1]])

    large = {key: repeated_to(scene[key], 8) for key in ("real", "fake")}
    view = View(params={}, discriminator=at_full_size, scene=large, context=context)
    values, _ = getattr(penalties, name)(weight=1.0).terms[0].values(view, ())
    np.testing.assert_allclose(metrics["disc"][name], jnp.mean(values), rtol=1e-9)


def growing_configs() -> list[str]:
    """Every config of this repository that grows, in every size."""
    found = []
    for file in sorted(CONFIGS.glob("*.py")):
        for size in runpy.run_path(str(file)).get("SIZES", ()):
            if load_config(f"{file}:{size}").get("game", {}).get("name") == "progressive":
                found.append(f"{file.stem}:{size}")
    return found


def test_growing_configs_end_at_their_last_resolution_faded_in() -> None:
    names = growing_configs()
    assert {"progan:small", "progan:full", "stylegan:small", "stylegan:full"} <= set(names)
    for name in names:
        file, _, size = name.partition(":")
        config = resolve(load_config(f"{CONFIGS / file}.py:{size}"))
        options, total = config["game"], config["total_steps"]
        phases = make_phases(
            tuple(options["resolutions"]),
            fade_steps=options["fade_steps"],
            stable_steps=options["stable_steps"],
        )
        last = len(phases.resolutions) - 1
        assert phases.resolutions[-1] == config["data"]["image_size"], name
        assert phases.at(total - 1) == last, name
        # The few steps of a smoke run end with the fade: what is sampled is faded in.
        trained = total if size == "smoke" else total - 1
        assert float(phases.alpha(jnp.int32(trained), last)) == 1.0, name
