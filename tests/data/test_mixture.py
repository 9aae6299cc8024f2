"""The ring and the grid against the moments of a Gaussian mixture."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.data import grid, mixture, ring

NUM = 40_000


@pytest.fixture(scope="module", params=(ring, grid), ids=["ring", "grid"])
def source_and_batch(request):
    source = request.param()
    sample = jax.jit(source.sample, static_argnums=1)
    return source, jax.tree.map(np.asarray, sample(jax.random.key(0), NUM))


def test_ring_modes_are_on_the_circle():
    modes = ring().modes
    np.testing.assert_allclose(np.linalg.norm(modes, axis=1), 2.0, rtol=1e-6)
    np.testing.assert_allclose(modes[[0, 2]], [[2, 0], [0, 2]], atol=1e-6)
    # Neighbours of a regular octagon are 2 r sin(π / 8) apart.
    sides = np.linalg.norm(modes - np.roll(modes, 1, axis=0), axis=1)
    np.testing.assert_allclose(sides, 4 * np.sin(np.pi / 8), rtol=1e-6)


def test_grid_modes_are_the_squares():
    side = (-4, -2, 0, 2, 4)
    assert grid().modes.tolist() == [[a, b] for a in side for b in side]


def test_labels_are_uniform(source_and_batch):
    source, batch = source_and_batch
    counts = np.bincount(batch["label"], minlength=source.num_classes)
    assert len(counts) == source.num_classes == len(source.modes)
    share = 1 / source.num_classes
    deviation = np.sqrt(NUM * share * (1 - share))
    assert np.abs(counts - NUM * share).max() < 4 * deviation


def test_noise_is_normal_around_the_mode_of_the_label(source_and_batch):
    source, batch = source_and_batch
    noise = (batch["image"] - source.modes[batch["label"]]) / source.std
    np.testing.assert_allclose(noise.mean(axis=0), 0, atol=4 / np.sqrt(NUM))
    # Var of the sample covariance of normals: 2 / n on the diagonal, 1 / n off it.
    np.testing.assert_allclose(np.cov(noise.T), np.eye(2), atol=4 * np.sqrt(2 / NUM))
    np.testing.assert_allclose((noise**4).mean(), 3, atol=4 * np.sqrt(96 / (2 * NUM)))


def test_moments_of_the_whole(source_and_batch):
    source, batch = source_and_batch
    covariance = np.cov(batch["image"].T)
    # E x = 0; Cov x = Cov m + std² I: r²/2 on the ring, mean of side² (8) on the grid.
    spread = {"ring": 2.0, "grid": 8.0}[source.name] + source.std**2
    np.testing.assert_allclose(covariance, spread * np.eye(2), atol=0.03 * spread)


def test_dtypes_and_shapes_keep_to_the_spec_under_x64():
    source = ring()
    with jax.enable_x64(True):
        batch = source.sample(jax.random.key(0), 3)
    for key, spec in source.element_spec.items():
        assert batch[key].shape == (3, *spec.shape)
        assert batch[key].dtype == spec.dtype


def test_same_key_same_sample_and_other_key_other():
    source = ring()
    first, again = (source.sample(jax.random.key(1), 9)["image"] for _ in range(2))
    other = source.sample(jax.random.key(2), 9)["image"]
    np.testing.assert_array_equal(np.asarray(first), np.asarray(again))
    assert not jnp.any(first == other)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: mixture("m", np.zeros((2,)), 0.1), r"modes.shape is \(2,\); it must"),
        (lambda: mixture("m", np.full((2, 2), np.nan), 0.1), "modes.shape is .*all finite"),
        (lambda: mixture("m", np.zeros((0, 2)), 0.1), r"modes.shape is \(0, 2\)"),
    ],
)
def test_bad_mixtures(make, message):
    with pytest.raises(ValueError, match=message):
        make()
