"""A step takes as many batches as it has moves: nothing is dropped, nothing is taken twice."""

from __future__ import annotations

from typing import Any

import jax
import pytest

from jaxgan.fields import gradient
from tests import helpers
from tests.contracts.test_algorithms import TABLE, Row

SEVERAL = [pytest.param(row, id=row.name) for row in TABLE if row.num_batches]


@pytest.mark.parametrize("row", SEVERAL)
def test_batches_without_a_move_are_refused(row: Row) -> None:
    algorithm = row.make(gradient(helpers.mlp_gan()), optimizers=helpers.sgds(0.1))
    state = jax.eval_shape(algorithm.init, jax.random.key(0))
    (num,) = algorithm.num_batches

    def play(batch: Any) -> Any:
        return jax.eval_shape(algorithm.step, state, batch)

    play(helpers.real_batch((num,)))
    for wrong in (num - 1, num + 1, helpers.BATCH):
        batch = helpers.real_batch((wrong,))
        with pytest.raises(
            ValueError, match=f"batch has {wrong} batches .* it must have {num}, one"
        ):
            play(batch)
    with pytest.raises(ValueError, match=f"batch has {helpers.BATCH} batches in front"):
        play(helpers.real_batch())
    with pytest.raises(ValueError, match="batch has no batches in front"):
        play({**helpers.real_batch((num,)), "scale": jax.numpy.ones(())})
