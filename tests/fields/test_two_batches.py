"""Field and Jacobian of independent halves: by all batches that can be drawn."""

from __future__ import annotations

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import Context, fields
from jaxgan.fields import Field, gradient, linearize, microbatch, two_batches
from tests import helpers

pytestmark = pytest.mark.usefixtures("float64")

DATA = np.random.default_rng(0).normal(size=(4, 2))
CONTEXT = Context(jax.random.key(0))


def field() -> Field:
    """A zero-sum game that every example bends in its own way."""

    def value(params: Any, batch: Any, context: Any) -> jax.Array:
        x, y, a = params["gen"], params["disc"], batch["image"]
        return jnp.mean(jnp.sin(a[:, 0] * x[0] * y[0]) + a[:, 1] * x[0] ** 2 - (a * y[0]).sum(1))

    start = {"gen": jnp.full(1, 0.7), "disc": jnp.full(1, -0.4)}
    return gradient(jaxgan.zero_sum(lambda key: start, value))


def pulls(field: Field, batches: np.ndarray) -> Any:
    params, net_state = field.game.init(jax.random.key(0))

    def one(batch: jax.Array) -> Any:
        return field.apply(params, field.init(params), net_state, {"image": batch}, CONTEXT)[0]

    return jax.jit(jax.vmap(one))(jnp.asarray(batches))


def joined(tree: Any) -> np.ndarray:
    return np.concatenate([tree["gen"], tree["disc"]], axis=-1)


METHODS = {
    "consensus": lambda field: fields.consensus(field, gamma=0.5),
    "symplectic": lambda field: fields.symplectic(field, lam=0.5, align=False),
}


@pytest.mark.parametrize("name", METHODS)
def test_halves_have_the_mean_of_all_data_and_one_batch_has_not(name: str) -> None:
    method, size = METHODS[name], 2
    everything = joined(pulls(method(field()), DATA[None]))[0]
    batches = DATA[list(itertools.product(range(len(DATA)), repeat=size))]
    halves = joined(pulls(method(two_batches(field())), batches)).mean(axis=0)
    np.testing.assert_allclose(halves, everything, rtol=1e-12)
    # Of one batch, the gap is that of single examples, divided by their number.
    single = joined(pulls(method(field()), DATA[:, None])).mean(axis=0)
    biased = joined(pulls(method(field()), batches)).mean(axis=0)
    np.testing.assert_allclose(biased - everything, (single - everything) / size, rtol=1e-10)
    assert np.linalg.norm(biased - everything) > 0.01 * np.linalg.norm(everything)


def test_the_pull_is_of_one_half_and_derivatives_of_the_other() -> None:
    own = field()
    params, net_state = own.game.init(jax.random.key(0))
    at = (params, (), net_state)
    batch = {"image": jnp.asarray(DATA)}
    parts = [{"image": batch["image"][half]} for half in (slice(0, 2), slice(2, 4))]
    both = linearize(two_batches(own), *at, batch, CONTEXT)
    first, second = (linearize(own, *at, part, CONTEXT) for part in parts)
    v = {"gen": jnp.ones(1), "disc": jnp.full(1, 0.3)}
    np.testing.assert_array_equal(joined(both.pull), joined(first.pull))
    np.testing.assert_array_equal(joined(both.jvp(v)), joined(second.jvp(v)))
    np.testing.assert_allclose(joined(both.vjp(v)), joined(second.vjp(v)), rtol=1e-14)


@pytest.mark.slow
def test_parts_go_inside_and_see_the_latents_of_the_whole() -> None:
    own = gradient(helpers.mlp_gan(jnp.float64))
    params, net_state = own.game.init(jax.random.key(0))
    batch = helpers.real_batch(dtype=np.float64)
    found = []
    for inner in (own, microbatch(own, num_parts=2)):
        made = fields.consensus(two_batches(inner), gamma=0.5)
        found.append(jax.jit(made.apply)(params, (), net_state, batch, CONTEXT)[0])
    assert helpers.max_difference(*found) < 1e-12


def test_an_odd_batch_is_one_line() -> None:
    with pytest.raises(ValueError, match=r"^the batch has 3 examples; two_batches needs an even"):
        pulls(two_batches(field()), DATA[None, :3])
