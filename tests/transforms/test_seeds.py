"""Members trained side by side are the runs of their own keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import Algorithm, penalties
from jaxgan.fields import gradient
from jaxgan.transforms import ema, member, seeds
from tests import helpers

NUM = 4


def player_of(made: Algorithm, num_steps: int, dtype: Any) -> Callable[[Any], tuple[Any, Any]]:
    """All steps from a key in one program: the last state and the metrics of every step."""
    batch = helpers.real_batch((5, *made.num_batches), dtype=dtype)

    @jax.jit
    def all_steps(state: Any) -> Any:
        def body(state: Any, index: Any) -> Any:
            return made.step(state, jax.tree.map(lambda x: x[index % 5], batch))

        return jax.lax.scan(body, state, jnp.arange(num_steps))

    return lambda key: all_steps(made.init(key))


def test_members_start_with_the_bits_of_their_own_run_and_follow_it() -> None:
    game = helpers.mlp_gan(penalty=penalties.r1(weight=1.0, every=2))
    one = ema(jaxgan.simultaneous(gradient(game), optimizers=helpers.adams(1e-3)), decay=0.9)
    key = jax.random.key(3)
    four = seeds(one, num_seeds=NUM)
    assert four.num_batches == one.num_batches
    start = four.init(key)
    assert start.step.shape == ()
    last, metrics = player_of(four, 10, np.float32)(key)
    assert int(last.step) == 10
    play_alone, losses = player_of(one, 10, np.float32), []
    for index in range(NUM):
        own = jax.random.fold_in(key, index)
        helpers.assert_same_bits(member(start, index), one.init(own))
        alone, history = play_alone(own)
        assert helpers.max_difference(member(last, index), alone) < 1e-6
        losses.append(np.asarray(history["loss/gen"]))
    # Metrics are the mean and the standard deviation over members.
    np.testing.assert_allclose(metrics["loss/gen"], np.mean(losses, axis=0), rtol=1e-5)
    np.testing.assert_allclose(metrics["std/loss/gen"], np.std(losses, axis=0), rtol=1e-3)
    kernels = start.params["gen"]["Dense_0"]["kernel"]
    assert min(float(jnp.abs(kernels[i] - kernels[i - 1]).max()) for i in range(NUM)) > 0.1


@pytest.mark.slow
def test_float64_members_follow_their_own_run_for_long(float64: None) -> None:
    game = helpers.mlp_gan(jnp.float64)
    one, key = (
        jaxgan.simultaneous(gradient(game), optimizers=helpers.adams(1e-3)),
        jax.random.key(3),
    )
    last, _ = player_of(seeds(one, num_seeds=2), 100, np.float64)(key)
    play_alone = player_of(one, 100, np.float64)
    for index in range(2):
        alone, _ = play_alone(jax.random.fold_in(key, index))
        assert alone.params["gen"]["Dense_0"]["kernel"].dtype == jnp.float64
        assert helpers.max_difference(member(last, index), alone) < 1e-10


def num_conds(jaxpr: Any) -> int:
    total = 0
    for equation in jaxpr.eqns:
        total += equation.primitive.name == "cond"
        for value in jax.tree.leaves(
            list(equation.params.values()), is_leaf=lambda v: hasattr(v, "jaxpr")
        ):
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                total += num_conds(inner)
    return total


def test_a_lazy_penalty_stays_lazy() -> None:
    game = helpers.mlp_gan(penalty=penalties.r1(every=2))
    one = ema(jaxgan.alternating(gradient(game), optimizers=helpers.adams(), n_critic=2))
    batch = helpers.real_batch(one.num_batches)
    state = one.init(jax.random.key(0))
    alone = num_conds(jax.make_jaxpr(one.step)(state, batch).jaxpr)
    assert alone > 0
    four = seeds(one, num_seeds=NUM)
    states = four.init(jax.random.key(0))
    assert num_conds(jax.make_jaxpr(four.step)(states, batch).jaxpr) == alone
    # With a step count for each member, vmap turns the branch into "evaluate both, select".
    every = states._replace(step=jnp.zeros(NUM, jnp.int32))
    naive = jax.vmap(one.step, in_axes=(0, None))
    assert num_conds(jax.make_jaxpr(naive)(every, batch).jaxpr) == 0


def test_a_raw_key_begins_the_run_of_the_typed_one() -> None:
    one = jaxgan.simultaneous(gradient(jaxgan.bilinear()), optimizers=helpers.adams())
    raw, key = jax.random.PRNGKey(3), jax.random.key(3)
    helpers.assert_same_bits(one.init(raw), one.init(key))
    helpers.assert_same_bits(seeds(one, num_seeds=2).init(raw), seeds(one, num_seeds=2).init(key))
    with pytest.raises(ValueError, match="member is 1, but the run has a single member"):
        member(one.init(raw), 1)
    by_hand = one.init(key)._replace(key=raw)
    with pytest.raises(ValueError, match=r"state.key is uint32\[2\]; it must be a typed key"):
        member(by_hand, 1)


def test_members_that_do_not_exist_are_refused() -> None:
    one = jaxgan.simultaneous(gradient(jaxgan.bilinear()), optimizers=helpers.sgds(0.1))
    state = seeds(one, num_seeds=3).init(jax.random.key(0))
    for index, words in ((-1, "index is -1; it must be"), (3, "member is 3; .* 0 to 2")):
        with pytest.raises(ValueError, match=words):
            member(state, index)
    with pytest.raises(ValueError, match="single member"):
        member(one.init(jax.random.key(0)), 0)
    with pytest.raises(ValueError, match="num_seeds is 0"):
        seeds(one, num_seeds=0)
