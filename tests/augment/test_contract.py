"""Every augmentation against its contract: a row each."""

from __future__ import annotations

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.augment import Augment, adjustable, bgc, diffaugment, each, fixed
from tests import helpers

SHAPE = (4, 8, 6, 3)

ROWS: dict[str, Augment] = {
    "color": diffaugment(("color",)),
    "translation": diffaugment(("translation",)),
    "cutout": diffaugment(("cutout",)),
    "diffaugment": diffaugment(),
    "adjustable": fixed(adjustable(diffaugment(("color",))), p=1.0),
    "ada blit": fixed(bgc(("blit",)), p=1.0),
    "ada geometric": fixed(bgc(("geometric",)), p=1.0),
    "ada color": fixed(bgc(("color",)), p=1.0),
    "ada cutout": fixed(bgc(("cutout",)), p=1.0),
    "ada": fixed(bgc(), p=0.7),
}

ALL = pytest.mark.parametrize("name", helpers.rows(ROWS, ["ada blit", "ada color", "ada cutout"]))


@ALL
@pytest.mark.usefixtures("float64")
def test_contract(name: str) -> None:
    augment = ROWS[name]
    rng = np.random.default_rng(0)
    images, direction, weights = (jnp.asarray(rng.normal(size=SHAPE)) for _ in range(3))
    # The same image four times: what differs are the draws.
    images = jnp.broadcast_to(images[:1], SHAPE)
    keys = jax.random.split(jax.random.key(2), len(images))

    @jax.jit
    def play(images: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        def loss(images: jax.Array) -> tuple[jax.Array, jax.Array]:
            made = each(augment, keys, images)
            return jnp.sum(weights * made), made

        (value, made), grad = jax.value_and_grad(loss, has_aux=True)(images)
        return value, made, grad

    value, made, grad = play(images)
    chex.assert_equal_shape([made, images])
    assert made.dtype == images.dtype
    assert len({np.asarray(one).tobytes() for one in made}) > 2  # of four
    # All of them are affine in the image, so that a difference of any length is exact.
    up, down = play(images + direction)[0], play(images - direction)[0]
    np.testing.assert_allclose(jnp.vdot(grad, direction), (up - down) / 2, rtol=1e-9)
    np.testing.assert_allclose(value, (up + down) / 2, rtol=1e-9)
    # Nothing of one example reaches another, and a part of the batch is that part of it.
    other = play(images.at[0].set(0.0))[1]
    np.testing.assert_array_equal(other[1:], made[1:])
    whole_batch = augment(jax.random.key(3), images.astype(jnp.float32))
    assert whole_batch.dtype == jnp.float32
    assert len({np.asarray(one).tobytes() for one in whole_batch}) > 2


@pytest.mark.parametrize("policy", [(), "color", ("colour",), ("color", "color"), ("color", 3)])
def test_wrong_policies_are_refused(policy: tuple[str, ...]) -> None:
    for make in (diffaugment, bgc):
        with pytest.raises(ValueError, match=r"^policy.* is .*; it must (name some of|be )"):
            make(policy)


def test_wrong_examples_are_refused() -> None:
    key = jax.random.key(0)
    with pytest.raises(ValueError, match=r"^diffaugment: examples have shape \(2,\); it takes im"):
        diffaugment()(key, jnp.zeros((4, 2)))
    with pytest.raises(ValueError, match=r"^ada: images have 2 channels; it takes 1 or 3$"):
        bgc()(key, jnp.zeros((4, 8, 8, 2)), jnp.float32(0.5))
    with pytest.raises(ValueError, match=r"^p is 1.5; it must be from 0 to 1$"):
        fixed(bgc(), p=1.5)
    with pytest.raises(ValueError, match=r"^color_share is 2.0; it must be from 0 to 1$"):
        bgc(color_share=2.0)
