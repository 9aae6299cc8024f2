"""Futures of one state: the same start, and the runs of their own keys from there."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

import jaxgan
from jaxgan.core.errors import InputError
from jaxgan.fields import gradient
from jaxgan.transforms import branch, ema, member, seeds
from tests import helpers


def play(made: Any, state: Any, num_steps: int) -> Any:
    batches = helpers.real_batch((num_steps, *made.num_batches), dtype=np.float64)
    return jax.jit(lambda state: jax.lax.scan(made.step, state, batches)[0])(state)


def test_a_future_is_the_run_with_its_key(float64: None) -> None:
    game = helpers.mlp_gan(np.float64)
    one = ema(jaxgan.simultaneous(gradient(game), optimizers=helpers.adams(1e-3)), decay=0.9)
    now = play(one, one.init(jax.random.key(0)), 3)
    futures = branch(now, num_futures=3)
    later = play(seeds(one, num_seeds=3), futures, 10)
    assert int(later.step) == 13
    for index in range(3):
        key = member(futures, index).key
        helpers.assert_same_bits(member(futures, index)._replace(key=now.key), now)
        alone = play(one, now._replace(key=key), 10)
        assert helpers.max_difference(member(later, index), alone) < 1e-12
    assert helpers.max_difference(member(later, 0).params, member(later, 1).params) > 1e-4
    # They are the same whenever they are asked for, and others with another key.
    helpers.assert_same_bits(branch(now, num_futures=3), futures)
    others = branch(now, num_futures=3, key=jax.random.key(7))
    assert (
        len(
            np.unique(
                np.concatenate([jax.random.key_data(one.key) for one in (others, futures)]), axis=0
            )
        )
        == 6
    )


def test_members_have_no_futures_together() -> None:
    plain = jaxgan.simultaneous(gradient(jaxgan.bilinear()), optimizers=helpers.sgds(0.1))
    state = seeds(plain, num_seeds=2).init(jax.random.key(0))
    with pytest.raises(InputError, match="state has 2 members"):
        branch(state, num_futures=3)
