"""Latent space against closed forms, on generators that show their latents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image, ImageSequence
from scipy import stats

import jaxgan as jg
from jaxgan.games import infogan_codes
from jaxgan.sampling.explore import (
    ExploreError,
    Explorer,
    arithmetic,
    interpolate,
    linear,
    make_explorer,
    mixing,
    spherical,
    traverse,
    truncation,
)
from jaxgan.writers import save_animation

SHARES = np.linspace(0, 1, 11)
LABELS = np.zeros(4, int)


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape)


def render(given: Mapping[str, np.ndarray], labels: np.ndarray) -> np.ndarray:
    """A picture whose pixels are the latent, or the styles."""
    found = given.get("w", given.get("latent"))
    assert found is not None
    psi = given.get("truncation", 1.0)
    return (psi * found).reshape(len(found), found[0].size, 1, 1)


def styles(latent: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Six layers; their mean is 0."""
    return np.repeat(latent[:, None], 6, axis=1)


PLAIN = Explorer(lambda seed, num: normal(num, 3), None, render)
STYLED = PLAIN._replace(styles=styles)


@pytest.mark.parametrize("path", [linear, spherical])
def test_paths_begin_and_end_where_they_should(path: Callable[..., np.ndarray]) -> None:
    a, b = normal(2, 5, 7)
    points = path(a, b, SHARES)
    np.testing.assert_allclose(points[[0, -1]], [a, b], atol=1e-12)


def test_the_great_circle_keeps_the_norm_and_the_speed() -> None:
    a, b = normal(2, 5, 7)
    b *= np.linalg.norm(a, axis=1, keepdims=True) / np.linalg.norm(b, axis=1, keepdims=True)
    points = spherical(a, b, SHARES)
    norms = np.linalg.norm(points, axis=-1)
    np.testing.assert_allclose(norms, np.broadcast_to(norms[0], norms.shape), rtol=1e-12)
    steps = np.linalg.norm(np.diff(points, axis=0), axis=-1)
    np.testing.assert_allclose(steps, np.broadcast_to(steps[0], steps.shape), rtol=1e-9)
    # The line cuts through the sphere.
    assert (np.linalg.norm(linear(a, b, SHARES), axis=-1)[5] < 0.95 * norms[0]).all()


def test_parallel_latents_are_joined_by_a_line() -> None:
    a = normal(1, 4)
    np.testing.assert_allclose(spherical(a, 3 * a, SHARES), linear(a, 3 * a, SHARES), atol=1e-12)


@pytest.mark.parametrize("space", ["z", "w"])
def test_interpolation_goes_round(space: str) -> None:
    z = normal(4, 3)
    images = interpolate(STYLED, z, LABELS, num_frames=5, path="linear", space=space)
    assert images.shape[:2] == (4, 5)
    ends = render({"latent" if space == "z" else "w": z if space == "z" else styles(z, LABELS)}, z)
    np.testing.assert_allclose(images[:, 0], ends)
    middle = linear(ends, np.roll(ends, -1, axis=0), np.asarray([0.4]))[0]
    np.testing.assert_allclose(images[:, 2], middle)


def test_the_sum_of_means() -> None:
    a, b, c = normal(3, 4, 2)
    images, total = arithmetic(PLAIN, [a, b, c], np.zeros(1, int), num=3)
    np.testing.assert_allclose(total, a.mean(0) - b.mean(0) + c.mean(0))
    np.testing.assert_allclose(images[:, 0].squeeze(), [a.mean(0), b.mean(0), c.mean(0), total])
    np.testing.assert_allclose(images[0, 1:].squeeze(), a[:3])


def test_truncated_latents_have_the_law_of_those_drawn_anew() -> None:
    latents = normal(4000, 1)
    shown = truncation(PLAIN, latents, np.zeros(4000, int), [0.7]).ravel()
    assert stats.kstest(shown, stats.truncnorm(-0.7, 0.7).cdf).pvalue > 0.01
    assert (np.argsort(shown) == np.argsort(latents.ravel())).all()


def test_styles_shrink_to_their_mean() -> None:
    shown = truncation(STYLED, normal(4, 3), LABELS, [0.0, 0.5, 1.0])
    assert not shown[0].any()
    np.testing.assert_allclose(shown[1], 0.5 * shown[2])


def test_a_traversal_changes_one_code_alone() -> None:
    codes = infogan_codes(2, categorical=(3,), num_continuous=1)
    explorer = PLAIN._replace(codes=codes, is_normal=False)
    latent = normal(6)
    images, names = traverse(explorer, latent, 0, num=3)
    assert names == ["categorical 0", "continuous 0"]
    rows = images.squeeze()
    np.testing.assert_array_equal(rows[0, :, 2:5], np.eye(3))
    np.testing.assert_array_equal(rows[1, :, 5], [-2.0, 0.0, 2.0])
    for row, changed in zip(rows, ([2, 3, 4], [5]), strict=True):
        kept = np.delete(np.arange(6), changed)
        np.testing.assert_array_equal(row[:, kept], np.repeat(latent[None, kept], 3, axis=0))


def test_mixed_styles_come_layer_by_layer() -> None:
    a, b = normal(2, 2, 1)
    images = mixing(STYLED, a, b, 0, layers=(1, 2)).squeeze()
    assert (images[0, 0] == 1).all()  # white
    np.testing.assert_allclose(images[0, 1:], np.repeat(b, 6, axis=1))
    np.testing.assert_allclose(images[1:, 0], np.repeat(a, 6, axis=1))
    expected = np.repeat(b, 6, axis=1)
    expected[:, 1:3] = a[1]
    np.testing.assert_allclose(images[2, 1:], expected)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: interpolate(PLAIN, normal(4, 3), LABELS, path="curved"), "path is 'curved'"),
        (lambda: interpolate(PLAIN, normal(4, 3), LABELS, space="w"), "has no styles"),
        (lambda: interpolate(PLAIN, normal(4, 3), LABELS, num_frames=1), "at least 2"),
        (lambda: arithmetic(PLAIN, [normal(1, 3)] * 2, LABELS), "each needs at least 1"),
        (lambda: truncation(PLAIN, normal(4, 3), LABELS, [0.0]), "must be above 0"),
        (lambda: truncation(STYLED, normal(4, 3), LABELS, [-0.1]), "must be at least 0"),
        (
            lambda: truncation(PLAIN._replace(is_normal=False), normal(4, 3), LABELS, [0.5]),
            "no normal ones",
        ),
        (lambda: traverse(PLAIN, normal(3), 0, ["7"]), "codes is '7'"),
        (lambda: mixing(STYLED, normal(2, 3), normal(2, 3), 0, (4, 6)), "within 0-5"),
        (lambda: mixing(PLAIN, normal(2, 3), normal(2, 3), 0), "has no styles"),
    ],
)
def test_bad_input(ask: Callable[[], object], message: str) -> None:
    with pytest.raises(ExploreError, match=message):
        ask()


def test_an_animation_has_its_frames(tmp_path: Path) -> None:
    frames = [np.full((8, 8, 1), level, np.uint8) for level in (0, 100, 200)]
    save_animation(tmp_path / "a.gif", frames, frames_per_second=10)
    with Image.open(tmp_path / "a.gif") as found:
        assert len(ImageSequence.all_frames(found)) == 3
        assert found.info["duration"] == 100
    with pytest.raises(ValueError, match=r"must be a \.gif or \.mp4 file"):
        save_animation(tmp_path / "a.png", frames)


# The encoder's library leaves its pipe to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_film_has_its_frames(tmp_path: Path) -> None:
    iio = pytest.importorskip("imageio.v3")
    pytest.importorskip("imageio_ffmpeg")
    frames = [np.full((32, 33, 3), level, np.uint8) for level in (0, 100, 200)]
    save_animation(tmp_path / "a.mp4", frames)
    assert iio.imread(tmp_path / "a.mp4").shape == (3, 32, 32, 3)


def test_samples_with_their_code_beside_them_are_images() -> None:
    one = jg.Network(init=lambda key: ((), {}), apply=lambda w, s, z, **_: (z[:, None, None], s))
    game = jg.gan(one, one, latent=3)

    def generate(*given: Any) -> tuple[Any, Any]:
        scene, net_state = game.generate(*given)
        return {**scene, "fake": {"image": scene["fake"], "code": scene["latent"]}}, net_state

    params, net_state = game.init(jax.random.key(0))
    state = jg.TrainState(
        step=jnp.int32(0), key=jax.random.key(0), params=params, net_state=net_state
    )
    spec = {"image": jax.ShapeDtypeStruct((1, 1, 3), jnp.float32)}
    explorer = make_explorer(game._replace(generate=generate), state, spec)
    latent = explorer.draw(0, 4)
    images = explorer.render({"latent": latent}, LABELS)
    np.testing.assert_array_equal(images, latent[:, None, None])


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({}, "the run's data have no images"),
        ({"image": jax.ShapeDtypeStruct((2,), jnp.float32)}, "the run makes points of shape"),
        (
            {"image": jax.ShapeDtypeStruct((2, 2, 1), jnp.float32)},
            "the game's scene has no fake and no latent",
        ),
    ],
)
def test_a_game_without_images_is_one_line(spec: dict[str, Any], message: str) -> None:
    game = jg.bilinear()
    params, net_state = game.init(jax.random.key(0))
    state = jg.TrainState(
        step=jnp.int32(0), key=jax.random.key(0), params=params, net_state=net_state
    )
    with pytest.raises(ExploreError, match=message):
        make_explorer(game, state, spec).render({}, LABELS)
