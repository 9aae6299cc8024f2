"""Members side by side: the runs of their seeds and numbers, with metrics and batches of each."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import Algorithm
from jaxgan.core.errors import InputError
from jaxgan.fields import gradient
from jaxgan.transforms import member, vectorized
from tests import helpers


def make(lr: Any) -> Algorithm:
    game = helpers.mlp_gan(jnp.float64)
    return jaxgan.simultaneous(gradient(game), optimizers=helpers.adams(lr))


def test_each_member_has_its_seed_its_number_its_batches_and_its_metrics(float64: None) -> None:
    rates, seeds, key = [1e-3, 1e-2], [4, 2], jax.random.key(3)
    two = vectorized(make, seeds=seeds, own_batches=True, lr=rates)
    assert two.num_batches == (2,)
    batch = helpers.real_batch(two.num_batches, dtype=np.float64)
    start = two.init(key)
    last, metrics = jax.jit(two.step)(start, batch)
    for index, (rate, seed) in enumerate(zip(rates, seeds, strict=True)):
        one = make(rate)
        state = one.init(jax.random.fold_in(key, seed))
        helpers.assert_same_bits(member(start, index), state)
        alone, losses = jax.jit(one.step)(state, jax.tree.map(lambda x, i=index: x[i], batch))
        assert helpers.max_difference(member(last, index), alone) < 1e-12
        for name, value in losses.items():
            np.testing.assert_allclose(metrics[name][index], value, rtol=1e-10)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"seeds": [], "lr": []}, "seeds is []; it must be integers, one for each member"),
        ({"seeds": [0.5], "lr": [1.0]}, "it must be integers, one for each member"),
        ({"seeds": [0, 1], "lr": [0.1]}, "lr is [0.1]; it must be 2 numbers, one for each member"),
    ],
)
def test_every_member_has_a_seed_and_its_numbers(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as error:
        vectorized(make, **options)
    assert words in str(error.value)
    with pytest.raises(InputError, match=r"make\(\.\.\.\) is 'int'; it must be an Algorithm"):
        vectorized(int, seeds=[0])
