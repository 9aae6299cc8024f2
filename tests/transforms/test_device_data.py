"""Data drawn inside the step depend on the run's key and the step, and on nothing else."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import Algorithm, losses
from jaxgan.fields import gradient
from jaxgan.transforms import device_data, seeds, substeps
from tests import helpers

BATCH = 5


def sample(key: Any, num: int) -> dict[str, jax.Array]:
    return {"image": jax.random.uniform(key, (num, 1))}


def fed(n_critic: int = 0, source: Any = sample) -> Algorithm:
    """A Dirac-GAN at rest with D(x) = x: the metric disc/real_out is the mean of the data."""
    field = gradient(jaxgan.dirac(losses.wasserstein()))
    if n_critic:
        algorithm = jaxgan.alternating(field, optimizers=helpers.sgds(0.0), n_critic=n_critic)
    else:
        algorithm = jaxgan.simultaneous(field, optimizers=helpers.sgds(0.0))
    return device_data(algorithm, sample=source, batch_size=BATCH)


def means(algorithm: Algorithm, seed: int, num_steps: int) -> list[float]:
    state, step = algorithm.init(jax.random.key(seed)), jax.jit(algorithm.step)
    found = []
    for _ in range(num_steps):
        state, metrics = step(state, {})
        found.append(float(metrics["disc/real_out"]))
    return found


def test_data_depend_on_key_and_step_alone() -> None:
    algorithm = fed()
    first = means(algorithm, 0, 4)
    assert first == means(algorithm, 0, 4)
    assert len({*first, *means(algorithm, 1, 4)}) == 8
    # From the middle, with nothing carried over but the step count.
    state = algorithm.init(jax.random.key(0))._replace(step=jnp.int32(2))
    _, metrics = jax.jit(algorithm.step)(state, {})
    assert float(metrics["disc/real_out"]) == first[2]


@pytest.mark.parametrize(("n_critic", "num"), [(0, BATCH), (1, 2 * BATCH), (3, 4 * BATCH)])
def test_every_update_has_its_own_batch(n_critic: int, num: int) -> None:
    asked = []

    def counted(key: Any, num: int) -> dict[str, jax.Array]:
        asked.append(num)
        return {"image": jnp.arange(num, dtype=jnp.float32)[:, None]}

    algorithm = fed(n_critic, counted)
    assert algorithm.num_batches == ((n_critic + 1,) if n_critic else ())
    found = means(algorithm, 0, 1)
    assert asked == [num]
    # The critic's batches are the first ones; its metric is their mean.
    np.testing.assert_allclose(found, [(max(n_critic, 1) * BATCH - 1) / 2])


def test_members_draw_their_own_data() -> None:
    three = seeds(fed(), num_seeds=3)
    _, metrics = jax.jit(three.step)(three.init(jax.random.key(5)), {})
    own = []
    for index in range(3):
        one = fed()
        state = one.init(jax.random.fold_in(jax.random.key(5), index))
        own.append(float(one.step(state, {})[1]["disc/real_out"]))
    np.testing.assert_allclose(metrics["disc/real_out"], np.mean(own), rtol=1e-6)
    np.testing.assert_allclose(metrics["std/disc/real_out"], np.std(own), rtol=1e-4)
    assert np.std(own) > 0.01


def test_substeps_draw_as_single_steps_do() -> None:
    four = substeps(fed(), num_steps=4)
    _, metrics = jax.jit(four.step)(four.init(jax.random.key(0)), {})
    np.testing.assert_allclose(metrics["disc/real_out"], np.mean(means(fed(), 0, 4)), rtol=1e-6)


def test_empty_batches_are_refused() -> None:
    with pytest.raises(ValueError, match="batch_size is 0"):
        device_data(fed(), sample=sample, batch_size=0)
