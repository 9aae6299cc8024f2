"""A step that would leave the numbers is not taken, and the next one is."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan.fields import gradient
from jaxgan.transforms import all_finite, seeds, skip_nonfinite
from tests import helpers


def test_a_bad_batch_is_skipped_and_the_next_good_one_trains() -> None:
    game = helpers.mlp_gan(disc_batch_norm=True)
    plain = jaxgan.simultaneous(gradient(game), optimizers=helpers.adams())
    guarded = skip_nonfinite(plain)
    step = jax.jit(guarded.step)
    start, metrics = step(guarded.init(jax.random.key(0)), helpers.real_batch(seed=0))
    assert float(metrics["skipped"]) == 0.0

    for poison in (np.nan, -np.inf):
        bad = helpers.real_batch(seed=1)
        bad["image"] = bad["image"].at[3, 1].set(poison)
        state, metrics = step(start, bad)
        assert float(metrics["skipped"]) == 1.0
        assert int(state.step) == 2
        helpers.assert_same_bits(state._replace(step=start.step), start)

    good = helpers.real_batch(seed=2)
    state, metrics = step(state, good)
    assert float(metrics["skipped"]) == 0.0
    # As the unguarded algorithm would go on from the same numbers at step 2: other latents.
    expected, _ = jax.jit(plain.step)(start._replace(step=jnp.int32(2)), good)
    assert helpers.max_difference(state, expected) < 1e-6
    assert int(state.step) == int(expected.step) == 3
    assert helpers.max_difference(state.params, start.params) > 1e-3


@pytest.mark.parametrize("is_outside", [False, True])
def test_one_member_may_skip_alone(is_outside: bool) -> None:
    one = jaxgan.simultaneous(gradient(jaxgan.bilinear()), optimizers=helpers.sgds(0.5))
    three = (
        skip_nonfinite(seeds(one, num_seeds=3))
        if is_outside
        else seeds(skip_nonfinite(one), num_seeds=3)
    )
    state = three.init(jax.random.key(0))
    broken = state.params["gen"].at[1, 0].set(jnp.inf)
    state = state._replace(params={**state.params, "gen": broken})
    state, metrics = jax.jit(three.step)(state, {})
    np.testing.assert_array_equal(state.params["disc"], [[1.5], [1.0], [1.5]])
    np.testing.assert_array_equal(state.params["gen"], [[0.5], [np.inf], [0.5]])
    np.testing.assert_allclose(metrics["skipped"], 1 / 3)
    assert int(state.step) == 1


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        ({"a": jnp.ones(3), "b": jnp.int32(1), "key": jax.random.key(0)}, True),
        ({"a": jnp.asarray([1.0, np.nan])}, False),
        ({"a": jnp.ones(3), "b": jnp.asarray(np.inf, jnp.bfloat16)}, False),
        ({}, True),
        (jnp.asarray(np.finfo(np.float32).max), True),
    ],
)
def test_what_is_finite(tree: object, expected: bool) -> None:
    assert bool(all_finite(tree)) is expected
