"""Many steps in one dispatch are the same steps."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import penalties
from jaxgan.fields import gradient
from jaxgan.transforms import ema, substeps
from tests import helpers

NUM = 4


def test_bit_for_bit() -> None:
    game = helpers.mlp_gan(penalty=penalties.r1(weight=2.0, every=3))
    one = ema(jaxgan.alternating(gradient(game), optimizers=helpers.adams(), n_critic=2), decay=0.5)
    many = substeps(one, num_steps=NUM)
    assert many.num_batches == (NUM, 3)
    batches = [helpers.real_batch(one.num_batches, seed=index) for index in range(2 * NUM)]

    state, step = one.init(jax.random.key(0)), jax.jit(one.step)
    history = []
    for batch in batches:
        state, metrics = step(state, batch)
        history.append(metrics)

    together, step = many.init(jax.random.key(0)), jax.jit(many.step)
    for index in range(2):
        stacked = jax.tree.map(
            lambda *leaves: jnp.stack(leaves), *batches[index * NUM : (index + 1) * NUM]
        )
        together, means = step(together, stacked)
        for name, value in means.items():
            expected = np.mean([float(m[name]) for m in history[index * NUM : (index + 1) * NUM]])
            np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6)
    assert int(together.step) == 2 * NUM
    helpers.assert_same_bits(together, state)


def test_they_nest() -> None:
    one = jaxgan.simultaneous(gradient(jaxgan.bilinear()), optimizers=helpers.sgds(0.1))
    six = substeps(substeps(one, num_steps=3), num_steps=2)
    assert six.num_batches == (2, 3)
    state, _ = six.step(six.init(jax.random.key(0)), {})
    radius = np.sqrt(sum(float(w[0]) ** 2 for w in state.params.values()))
    np.testing.assert_allclose(radius, np.sqrt(2) * 1.01**3, rtol=1e-5)


@pytest.mark.parametrize("num", [0, -1])
def test_no_steps_are_refused(num: int) -> None:
    one = jaxgan.simultaneous(gradient(jaxgan.bilinear()), optimizers=helpers.sgds(0.1))
    with pytest.raises(ValueError, match=f"num_steps is {num}"):
        substeps(one, num_steps=num)
