"""Fields that remember: snapshots that take the noise out, and opponents of the past."""

from __future__ import annotations

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import Context, fields, optimizers
from jaxgan.data import ring
from jaxgan.fields import Field, gradient, variance_reduced
from tests import helpers

pytestmark = pytest.mark.usefixtures("float64")

NUM = 4
DRAW = np.random.default_rng(0)
COUPLING = DRAW.normal(size=(NUM, 2, 2)) + 2.0 * np.eye(2)
SHIFTS = DRAW.normal(size=(NUM, 2, 2))
DATA = np.concatenate([COUPLING, SHIFTS], axis=1)


def on_device() -> dict[str, jax.Array]:
    return {"image": jnp.asarray(DATA)}


def noisy() -> Field:
    """xᵀ A_i y + b_iᵀ x + c_iᵀ y of each example, as in figure 4 of the paper on SVRE."""

    def value(params: Any, batch: Any, context: Any) -> jax.Array:
        x, y, data = params["gen"], params["disc"], batch["image"]
        a, b, c = data[:, :2], data[:, 2], data[:, 3]
        return jnp.mean(jnp.einsum("i,nij,j->n", x, a, y) + b @ x + c @ y)

    ones = {"gen": jnp.ones(2), "disc": jnp.ones(2)}
    return gradient(jaxgan.zero_sum(lambda key: ones, value))


def equilibrium() -> np.ndarray:
    a, (b, c) = COUPLING.mean(axis=0), SHIFTS.mean(axis=0)
    return np.concatenate([-np.linalg.solve(a.T, c), -np.linalg.solve(a, b)])


def distance_after(field: Field, num_steps: int, rate: float = 0.1) -> float:
    algorithm = jaxgan.extragradient(field, optimizers=helpers.sgds(rate))

    def step(state: Any, rows: Any) -> Any:
        return algorithm.step(state, {"image": on_device()["image"][rows]})[0], None

    rows = jax.random.randint(jax.random.key(3), (num_steps, 2, 1), 0, NUM)
    run = jax.jit(lambda state: jax.lax.scan(step, state, rows)[0])
    params = run(algorithm.init(jax.random.key(0))).params
    found = np.concatenate([params["gen"], params["disc"]])
    return float(np.linalg.norm(found - equilibrium()))


def test_svre_converges_at_a_constant_rate_where_extragradient_does_not() -> None:
    reduced = variance_reduced(noisy(), data=on_device(), refresh=1 / NUM)
    far, near = (distance_after(reduced, n) for n in (200, 2000))
    assert near < 1e-6 < 1e-2 < far
    assert distance_after(noisy(), 2000) > 0.05


def test_the_correction_has_mean_zero_and_shrinks_with_the_distance() -> None:
    field = variance_reduced(noisy(), data=on_device(), refresh=0.0)
    start, net_state = field.game.init(jax.random.key(0))
    _, memory, _ = field.apply(
        start, field.init(start), net_state, on_device(), Context(jax.random.key(0))
    )
    context = Context(jax.random.key(1), step=jnp.int32(1))
    spread = []
    for gap in (1.0, 0.1):
        params = jax.tree.map(lambda w, gap=gap: w + gap, start)
        whole = gradient(noisy().game).apply(params, (), net_state, on_device(), context)[0]
        pulls = [
            field.apply(
                params, memory, net_state, {"image": on_device()["image"][i : i + 1]}, context
            )[0]
            for i in range(NUM)
        ]
        for player in start:
            each = np.stack([pull[player] for pull in pulls])
            np.testing.assert_allclose(each.mean(axis=0), whole[player], rtol=1e-10)
        spread.append(np.stack([pull["gen"] for pull in pulls]).std(axis=0))
    np.testing.assert_allclose(spread[1], 0.1 * spread[0], rtol=1e-8)


def test_snapshots_are_taken_once_a_step_with_the_probability() -> None:
    field = variance_reduced(noisy(), data=on_device(), refresh=0.3)
    algorithm = jaxgan.extragradient(field, optimizers=helpers.sgds(0.01))
    batch = {"image": jnp.stack([on_device()["image"]] * 2)}

    def step(state: Any, _: Any) -> Any:
        state, _ = algorithm.step(state, batch)
        return state, (state.params["gen"], state.memory["snapshot"]["gen"])

    start = algorithm.init(jax.random.key(0))
    _, (paths, kept) = jax.jit(lambda s: jax.lax.scan(step, s, length=400))(start)
    paths = np.concatenate([np.ones((1, 2)), paths])
    is_new = (np.asarray(kept) == paths[:-1]).all(axis=1)
    assert is_new[0]
    changed = (np.asarray(kept)[1:] != np.asarray(kept)[:-1]).any(axis=1)
    np.testing.assert_array_equal(changed, is_new[1:])  # never at a point of half a step
    assert abs(is_new[1:].mean() - 0.3) < 3 * np.sqrt(0.21 / 399)


@pytest.mark.slow
def test_a_pass_in_parts_is_the_whole_and_resumes() -> None:
    ends = []
    for parts in (1, 2):
        reduced = variance_reduced(noisy(), data=on_device(), refresh=0.5, num_parts=parts)
        ends.append(distance_after(reduced, 20))
    np.testing.assert_allclose(*ends, rtol=1e-10)


def test_data_that_are_not_on_the_device_are_refused() -> None:
    made: Any = {"image": np.zeros((4, 2))}
    with pytest.raises(ValueError, match=r"^data is \{'image': 'ndarray'\}; it must be finite"):
        variance_reduced(noisy(), data=made, refresh=0.1)
    made = ring()
    with pytest.raises(ValueError, match=r"^data is DeviceSource; it must be finite data"):
        variance_reduced(noisy(), data=made, refresh=0.1)
    with pytest.raises(ValueError, match=r"^refresh is 1.5; it must be from 0 to 1$"):
        variance_reduced(noisy(), data=on_device(), refresh=1.5)


def by_hand(num_steps: int, num_past: int, every: int, rate: float) -> list[tuple[float, float]]:
    """Fictitious play of f = x y, by descent against the mean of the others."""
    x, y = 1.0, 1.0
    path: list[tuple[float, float]] = []
    past: list[tuple[float, float]] = []
    for step in range(num_steps):
        xs, ys = zip(*((x, y), *past[-num_past:]), strict=True)
        if step % every == 0:
            past.append((x, y))
        x, y = x - rate * np.mean(ys), y + rate * np.mean(xs)
        path.append((x, y))
    return path


@pytest.mark.parametrize(("num_past", "every"), [(3, 2), (40, 1)])
def test_fictitious_play_on_the_bilinear_game(num_past: int, every: int) -> None:
    field = fields.fictitious_play(gradient(jaxgan.bilinear()), num_past=num_past, every=every)
    algorithm = jaxgan.simultaneous(field, optimizers=helpers.sgds(0.2))

    def step(state: Any, _: Any) -> Any:
        state, _ = algorithm.step(state, {})
        return state, (state.params["gen"][0], state.params["disc"][0])

    start = algorithm.init(jax.random.key(0))
    _, path = jax.jit(lambda state: jax.lax.scan(step, state, length=30))(start)
    expected = by_hand(30, num_past, every, 0.2)
    np.testing.assert_allclose(np.stack(path, axis=1), expected, rtol=1e-10)


def test_snapshots_of_opponents_are_taken_once_a_step() -> None:
    field = fields.fictitious_play(gradient(jaxgan.bilinear()), num_past=4, every=2)
    sgd = dict.fromkeys(("gen", "disc"), optimizers.sgd(0.1))
    algorithm = jaxgan.sequence(field, optimizers=sgd, pattern=("disc", "gen", "gen"))
    state, _ = helpers.run(algorithm, algorithm.init(jax.random.key(0)), 5)
    assert int(state.memory["count"]) == 3
    seen = list(itertools.pairwise(np.asarray(state.memory["past"]["gen"])[:3, 0]))
    assert all(first != second for first, second in seen)
