"""A training on one device and on several: the same losses and gradients, step after step."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from jaxgan import distributed
from tests.devices import NUM_STEPS, assert_same_training, distance, make, play

ROWS = [
    ("simultaneous", "unrolled"),
    ("alternating", "unrolled"),
    ("simultaneous", "implicit"),
    ("simultaneous", "consensus"),
    ("alternating", "consensus"),
    ("simultaneous", "both"),
    ("alternating", "both"),
    ("simultaneous", "minibatch"),
    ("alternating", "dcgan"),
]


SLOW = [
    *(("alternating", "both"), ("alternating", "unrolled")),
    *(("simultaneous", "both"), ("simultaneous", "implicit")),
]


@pytest.mark.parametrize(
    ("algorithm", "field"),
    [pytest.param(*row, marks=pytest.mark.slow) if row in SLOW else row for row in ROWS],
)
def test_twenty_steps_in_float64(algorithm: str, field: str, float64: None) -> None:
    made = make(algorithm, field, np.float64)
    meshes = [distributed.make_mesh(1), distributed.make_mesh(8)]
    if field == "dcgan":
        meshes.append(distributed.make_mesh(2))
    if field == "minibatch":
        meshes.append(distributed.make_mesh(8, model=2))
    one, *others = (play(made, mesh, NUM_STEPS, np.float64) for mesh in meshes)
    for other in others:
        assert_same_training(one, other, 1e-10)
    assert distance(one[-1], one[0]) > 1e-2  # it has been a training


# From zero moments the derivative of Adam is a difference of equal numbers, which cancels on one
# device and not in the order of sums of eight: consensus on top of unrolling agrees to 4.5e-6 in
# float32, so that pair is played with plain descent.
@pytest.mark.parametrize(
    ("algorithm", "field", "optimizer"),
    [
        pytest.param("alternating", "unrolled", "adam", marks=pytest.mark.slow),
        ("simultaneous", "consensus", "adam"),
        pytest.param("simultaneous", "both", "sgd", marks=pytest.mark.slow),
        pytest.param("alternating", "dcgan", "adam", marks=pytest.mark.slow),
    ],
)
def test_the_first_step_in_float32(algorithm: str, field: str, optimizer: str) -> None:
    made = make(algorithm, field, np.float32, optimizer)
    one, eight = (play(made, distributed.make_mesh(n), 1, np.float32) for n in (1, 8))
    assert_same_training(one, eight, 1e-6)


@pytest.mark.slow
def test_losses_of_twenty_steps_in_float32() -> None:
    made = make("alternating", "dcgan", np.float32)
    one, eight = (play(made, distributed.make_mesh(n), NUM_STEPS, np.float32) for n in (1, 8))
    assert_same_training([step[:1] for step in one], [step[:1] for step in eight], 1e-5)


def test_large_leaves_are_split_along_the_model_axis() -> None:
    made = make("alternating", "dcgan", np.float32)
    like = jax.eval_shape(made.init, jax.random.key(0))
    mesh = distributed.make_mesh(8, model=4)
    shardings = distributed.state_shardings(like, mesh, min_size=64)
    state = jax.jit(made.init, out_shardings=shardings)(jax.random.key(0))
    split = [x for x in jax.tree.leaves(state) if not x.is_fully_replicated]
    assert split
    for leaf in split:
        assert leaf.size >= 64
        assert {shard.data.size for shard in leaf.addressable_shards} == {leaf.size // 4}
