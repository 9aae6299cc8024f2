"""Derivatives through whole training runs, against finite differences of them."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import Algorithm, TrainState, fields, optimizers, penalties
from jaxgan.analysis import hypergradient
from jaxgan.fields import gradient
from tests import helpers

pytestmark = pytest.mark.usefixtures("float64")

NUM_STEPS, NUM = 20, 4


def adams(gen_rate: Any, disc_rate: Any) -> Any:
    return {"gen": optimizers.adam(gen_rate, b1=0.5), "disc": optimizers.adam(disc_rate, b1=0.5)}


def alternating(gen_rate: Any, disc_rate: Any, weight: Any) -> Algorithm:
    game = jaxgan.with_penalty(jaxgan.dirac(), penalties.r1(weight=weight, every=3))
    return jaxgan.alternating(gradient(game), optimizers=adams(gen_rate, disc_rate))


def extragradient(gen_rate: Any, disc_rate: Any, weight: Any) -> Algorithm:
    game = jaxgan.with_penalty(jaxgan.dirac(), penalties.r1(weight=1.0))
    field = fields.consensus(gradient(game), gamma=weight)
    return jaxgan.extragradient(field, optimizers=adams(gen_rate, disc_rate))


def implicit(gen_rate: Any, disc_rate: Any, weight: Any) -> Algorithm:
    game = jaxgan.with_penalty(jaxgan.dirac(), penalties.r1(weight=1.0))
    game = jaxgan.implicit(game, num_steps=2, newton_steps=4, damping=weight, tol=1e-13)
    return jaxgan.ema(
        jaxgan.simultaneous(gradient(game), optimizers=adams(gen_rate, disc_rate)), decay=0.5
    )


def distance(state: TrainState) -> jax.Array:
    return sum((jnp.sum(x**2) for x in jax.tree.leaves(state.params)), jnp.zeros(()))


MAKERS = {one.__name__: one for one in (alternating, extragradient, implicit)}


@pytest.mark.parametrize("name", helpers.rows(MAKERS, ["extragradient", "implicit"]))
def test_it_is_that_of_finite_differences(name: str) -> None:
    make = MAKERS[name]
    at = {"gen_rate": 0.05, "disc_rate": 0.02, "weight": 0.4}
    algorithm = make(**at)
    state = algorithm.init(jax.random.key(0))
    batches = {"image": jnp.zeros((NUM_STEPS, *algorithm.num_batches, NUM, 1))}

    @jax.jit
    def end(given: Any) -> jax.Array:
        step = make(**given).step
        return distance(jax.lax.scan(lambda s, b: (step(s, b)[0], None), state, batches)[0])

    expected = {
        name: (end({**at, name: at[name] + 1e-5}) - end({**at, name: at[name] - 1e-5})) / 2e-5
        for name in at
    }
    for mode in ("reverse", "forward"):
        options: Any = {"num_steps": NUM_STEPS, "mode": mode, "state": state, "batches": batches}
        call = partial(hypergradient, make, distance, **options)
        value, gradients, _ = jax.jit(lambda at, call=call: call(with_respect_to=at))(at)
        np.testing.assert_allclose(value, end(at), rtol=1e-12)
        for name in at:
            np.testing.assert_allclose(gradients[name], expected[name], rtol=1e-6, err_msg=name)
            assert abs(expected[name]) > 1e-4, name


@pytest.mark.slow
def test_on_networks() -> None:
    def make(rate: Any, weight: Any) -> Algorithm:
        game = helpers.mlp_gan(jnp.float64, penalty=penalties.r1(weight=weight))
        return jaxgan.simultaneous(gradient(game), optimizers=adams(rate, rate))

    at = {"rate": 0.01, "weight": 0.5}
    state, batches = make(**at).init(jax.random.key(0)), helpers.real_batch((3,), dtype=np.float64)
    call = jax.jit(
        lambda at: hypergradient(
            make, distance, num_steps=3, with_respect_to=at, state=state, batches=batches
        )
    )
    found = call(at)
    for name in at:
        ends = [call({**at, name: at[name] + sign * 1e-6}).value for sign in (1, -1)]
        np.testing.assert_allclose(
            found.gradient[name], (ends[0] - ends[1]) / 2e-6, rtol=1e-6, err_msg=name
        )


def test_wrong_arguments_are_refused() -> None:
    call = partial(hypergradient, alternating, distance, with_respect_to={}, batches={})
    with pytest.raises(ValueError, match=r"num_steps is 0; it must be an integer, at least 1"):
        call(num_steps=0, state=())
    with pytest.raises(ValueError, match=r"mode is 'both'; it must be 'reverse' or 'forward'"):
        call(num_steps=1, state=(), mode="both")
    with pytest.raises(ValueError, match=r"axis of batches is \[30\]; it must be num_steps = 20"):
        call(num_steps=20, state=(), batches={"image": jnp.zeros((30, 2, NUM, 1))})
