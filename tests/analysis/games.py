"""Games of the analysis' tests: matrices of a known Jacobian, and perceptrons."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

import jaxgan
from jaxgan import Context, Game, Loss
from jaxgan.fields import Field
from jaxgan.losses import non_saturating
from tests import helpers


def matrices(num_x: int = 3, num_y: int = 4, seed: int = 0) -> tuple[np.ndarray, ...]:
    """A, B, C of a quadratic game, with A and C symmetric and indefinite."""
    draw = np.random.default_rng(seed)
    a, c = draw.normal(size=(num_x, num_x)), draw.normal(size=(num_y, num_y))
    return a + a.T, draw.normal(size=(num_x, num_y)), c + c.T


def quadratic(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> Game:
    return jaxgan.quadratic(jnp.asarray(a), jnp.asarray(b), jnp.asarray(c))


def jacobian_of(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """J of ξ = (A x + B y, -Bᵀ x + C y)."""
    return np.block([[a, b], [-b.T, c]])


def deep_gan(width: int = 17, depth: int = 4, loss: Loss | None = None) -> Game:
    """Two perceptrons in float64; of the default width they have 2,009 parameters."""
    hidden = (width,) * depth
    gen = helpers.Mlp((*hidden, helpers.DIM), jnp.float64)
    disc = helpers.Mlp((*hidden, 1), jnp.float64, squeeze=True)
    return jaxgan.gan(
        jaxgan.from_linen(gen, jax.ShapeDtypeStruct((2, helpers.LATENT), jnp.float64)),
        jaxgan.from_linen(disc, jax.ShapeDtypeStruct((2, helpers.DIM), jnp.float64)),
        latent=lambda key, shape: jax.random.normal(key, (*shape, helpers.LATENT), jnp.float64),
        loss=loss or non_saturating(),
    )


def situation(field: Field, dtype: Any = np.float64) -> tuple[Any, Any, Any, Context]:
    """(params, net_state, batch, context) of a GAN at its start."""
    params, net_state = field.game.init(jax.random.key(1))
    return params, net_state, helpers.real_batch(dtype=dtype), Context(jax.random.key(2))


def plain_jacobian(field: Field, situation: tuple[Any, Any, Any, Context]) -> np.ndarray:
    """J by reverse mode twice and by hand, rows and columns: gen, then disc."""
    params, net_state, batch, context = situation

    def pull(gen: Any, disc: Any) -> tuple[Any, Any]:
        here = {"gen": gen, "disc": disc}
        grads, _, _ = field.apply(here, field.init(here), net_state, batch, context)
        return grads["gen"], grads["disc"]

    gen, unravel_gen = ravel_pytree(params["gen"])
    disc, unravel_disc = ravel_pytree(params["disc"])

    def flat(w: jax.Array) -> jax.Array:
        parts = pull(unravel_gen(w[: gen.size]), unravel_disc(w[gen.size :]))
        return jnp.concatenate([ravel_pytree(part)[0] for part in parts])

    return np.asarray(jax.jit(jax.jacrev(flat))(jnp.concatenate([gen, disc])))
