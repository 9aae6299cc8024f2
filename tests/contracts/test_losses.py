"""Every adversarial objective against an independent NumPy formula: a row each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import Context, Loss, losses
from jaxgan.schedules import linear
from jaxgan.typing import PyTree

Formula = Callable[[np.ndarray, np.ndarray], np.ndarray]


def log_sigmoid(x: np.ndarray) -> np.ndarray:
    # Two branches, each safe on its side; no softplus, which is what the product uses.
    return np.where(x >= 0, -np.log1p(np.exp(-np.abs(x))), x - np.log1p(np.exp(-np.abs(x))))


def bce(real: np.ndarray, fake: np.ndarray, smoothing: float = 0.0) -> np.ndarray:
    positive = (1 - smoothing) * log_sigmoid(real) + smoothing * log_sigmoid(-real)
    return -positive - log_sigmoid(-fake)


def hinges(real: np.ndarray, fake: np.ndarray) -> np.ndarray:
    return np.maximum(0, 1 - real) + np.maximum(0, 1 + fake)


def squares(a: float, b: float) -> Formula:
    return lambda real, fake: ((real - b) ** 2 + (fake - a) ** 2) / 2


def paired(disc: Formula) -> tuple[Formula, Formula]:
    """Relativistic pairing of a discriminator's formula: half of it on the gap, both ways."""
    return (
        lambda real, fake: disc(real - fake, fake - real) / 2,
        lambda real, fake: disc(fake - real, real - fake) / 2,
    )


class Row(NamedTuple):
    name: str
    loss: Callable[[], Loss]
    disc: Formula
    gen: Formula


TABLE = [
    Row("minimax", losses.minimax, bce, lambda r, f: -bce(r, f)),
    Row(
        "minimax smoothed",
        lambda: losses.minimax(smoothing=0.1),
        lambda r, f: bce(r, f, 0.1),
        lambda r, f: -bce(r, f, 0.1),
    ),
    Row("non_saturating", losses.non_saturating, bce, lambda r, f: -log_sigmoid(f)),
    Row(
        "non_saturating smoothed",
        lambda: losses.non_saturating(smoothing=0.25),
        lambda r, f: bce(r, f, 0.25),
        lambda r, f: -log_sigmoid(f),
    ),
    Row("wasserstein", losses.wasserstein, lambda r, f: f - r, lambda r, f: r - f),
    Row("hinge", losses.hinge, hinges, lambda r, f: -f),
    Row("least_squares", losses.least_squares, squares(0, 1), lambda r, f: (f - 1) ** 2 / 2),
    Row(
        "least_squares pearson",
        lambda: losses.least_squares(-1.0, 1.0, 0.0),
        squares(-1, 1),
        lambda r, f: f**2 / 2,
    ),
    Row("relativistic", losses.relativistic, *paired(bce)),
    Row(
        "relativistic smoothed",
        lambda: losses.relativistic(losses.non_saturating, smoothing=0.1),
        *paired(lambda r, f: bce(r, f, 0.1)),
    ),
    Row("relativistic minimax", lambda: losses.relativistic(losses.minimax), *paired(bce)),
    Row(
        "relativistic wasserstein",
        lambda: losses.relativistic(losses.wasserstein),
        *paired(lambda r, f: f - r),
    ),
    Row("relativistic hinge", lambda: losses.relativistic(losses.hinge), *paired(hinges)),
    Row(
        "relativistic least_squares",
        lambda: losses.relativistic(losses.least_squares()),
        *paired(squares(0, 1)),
    ),
]
ROWS = [pytest.param(row, id=row.name) for row in TABLE]
CONTEXT = Context(jax.random.key(0))


def values_of(loss: Loss, real: Any, fake: Any) -> dict[str, jax.Array]:
    disc, _ = loss.disc(jnp.asarray(real), jnp.asarray(fake), loss.init(), CONTEXT)
    return {
        "disc": disc,
        "gen": loss.gen(jnp.asarray(real), jnp.asarray(fake), loss.init(), CONTEXT),
    }


def gradients_of(loss: Loss, real: Any, fake: Any) -> dict[str, tuple[jax.Array, jax.Array]]:
    def total(player: str, real: jax.Array, fake: jax.Array) -> jax.Array:
        return values_of(loss, real, fake)[player].sum()

    arrays = jnp.asarray(real), jnp.asarray(fake)
    return {player: jax.grad(total, argnums=(1, 2))(player, *arrays) for player in ("disc", "gen")}


def central(formula: Formula, real: np.ndarray, fake: np.ndarray) -> list[np.ndarray]:
    h = 1e-6
    by_real = (formula(real + h, fake) - formula(real - h, fake)) / (2 * h)
    by_fake = (formula(real, fake + h) - formula(real, fake - h)) / (2 * h)
    return [by_real, by_fake]


def logits(num: int = 32) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(1)
    return draw.normal(scale=3.0, size=num), draw.normal(scale=3.0, size=num)


def test_every_factory_has_a_row() -> None:
    public = set(losses.__all__) - {"Loss", "stateless"}
    assert public == {row.name.split()[0] for row in TABLE}


@pytest.mark.parametrize("row", ROWS)
def test_values_match_the_formula(row: Row, float64: None) -> None:
    real, fake = logits()
    values = values_of(row.loss(), real, fake)
    np.testing.assert_allclose(values["disc"], row.disc(real, fake), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(values["gen"], row.gen(real, fake), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("row", ROWS)
def test_gradients_match_central_differences(row: Row, float64: None) -> None:
    real, fake = logits()
    grads = gradients_of(row.loss(), real, fake)
    for player, formula in (("disc", row.disc), ("gen", row.gen)):
        for ours, theirs in zip(grads[player], central(formula, real, fake), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("row", ROWS)
def test_finite_at_huge_logits(row: Row) -> None:
    real = np.array([1e4, 1e4, -1e4, -1e4, 0.0], np.float32)
    fake = np.array([1e4, -1e4, 1e4, -1e4, 0.0], np.float32)
    values = values_of(row.loss(), real, fake)
    grads = gradients_of(row.loss(), real, fake)
    for player, formula in (("disc", row.disc), ("gen", row.gen)):
        expected = formula(real.astype(np.float64), fake.astype(np.float64))
        np.testing.assert_allclose(values[player], expected, rtol=1e-6)
        assert all(np.isfinite(grad).all() for grad in grads[player])


@pytest.mark.parametrize("row", ROWS)
def test_one_value_per_example_in_the_dtype_of_the_logits(row: Row) -> None:
    for dtype in (jnp.float32, jnp.bfloat16):
        values = values_of(row.loss(), jnp.ones(5, dtype), jnp.zeros(5, dtype))
        assert {v.shape for v in values.values()} == {(5,)}
        assert {v.dtype for v in values.values()} == {jnp.dtype(dtype)}


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("shapes", [((4, 1), (4, 1)), ((4,), (4, 1)), ((), ()), ((4,), (3,))])
def test_logits_of_another_shape_are_refused(row: Row, shapes: tuple[Any, Any]) -> None:
    loss, (real, fake) = row.loss(), map(jnp.zeros, shapes)
    with pytest.raises(ValueError, match=r"must be \[batch\]"):
        loss.disc(real, fake, loss.init(), CONTEXT)
    with pytest.raises(ValueError, match=r"must be \[batch\]"):
        loss.gen(real, fake, loss.init(), CONTEXT)


@pytest.mark.parametrize("row", ROWS)
def test_state_passes_through(row: Row) -> None:
    loss = row.loss()
    assert loss.init() == ()
    marker = {"count": 7}
    _, state = loss.disc(jnp.zeros(2), jnp.zeros(2), marker, CONTEXT)
    assert state is marker


def test_relativistic_keeps_the_state_of_its_base() -> None:
    def disc(real: Any, fake: Any, state: PyTree, context: Context) -> tuple[jax.Array, PyTree]:
        return fake - real, {"count": state["count"] + 1}

    base = Loss(disc, lambda real, fake, state, context: real, lambda: {"count": 3}, True)
    loss = losses.relativistic(base)
    _, state = loss.disc(jnp.zeros(2), jnp.zeros(2), loss.init(), CONTEXT)
    assert state == {"count": 4}
    assert loss.couples_batch
    assert not losses.relativistic().couples_batch


def test_relativistic_refuses_options_of_a_made_loss() -> None:
    with pytest.raises(TypeError, match="smoothing"):
        losses.relativistic(losses.minimax(), smoothing=0.1)


SMOOTHED = [
    losses.minimax,
    losses.non_saturating,
    lambda smoothing: losses.relativistic(losses.minimax, smoothing=smoothing),
]


@pytest.mark.parametrize("factory", SMOOTHED)
@pytest.mark.parametrize("smoothing", [-0.1, 1.0, 2.0, float("nan")])
def test_smoothing_outside_its_range_is_refused(factory: Any, smoothing: float) -> None:
    with pytest.raises(ValueError, match=r"smoothing is .* at least 0 and below 1"):
        factory(smoothing=smoothing)


@pytest.mark.parametrize("factory", SMOOTHED)
def test_smoothing_may_be_a_schedule_of_the_step(factory: Any) -> None:
    loss = factory(smoothing=linear(0.0, 0.5, 10))
    real, fake = (x.astype(np.float32) for x in logits())
    for step, smoothing in ((0, 0.0), (4, 0.2), (30, 0.5)):
        context = Context(jax.random.key(0), step=jnp.int32(step))
        fixed = factory(smoothing=smoothing)
        values, _ = jax.jit(loss.disc)(real, fake, (), context)
        expected, _ = fixed.disc(real, fake, (), context)
        np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-6)


def test_smoothing_is_one_sided() -> None:
    smooth, plain = losses.minimax(smoothing=0.3), losses.minimax()
    sure = jnp.asarray([5.0]), jnp.asarray([-2.0])
    gap = smooth.disc(*sure, (), CONTEXT)[0] - plain.disc(*sure, (), CONTEXT)[0]
    np.testing.assert_allclose(gap, [0.3 * 5.0], rtol=1e-5)  # s (log σ(a) - log σ(-a)) = s a


@pytest.mark.parametrize("name", ["minimax", "wasserstein"])
def test_zero_sum_where_it_says_so(name: str) -> None:
    values = values_of(getattr(losses, name)(), *(x.astype(np.float32) for x in logits()))
    np.testing.assert_array_equal(values["gen"], -values["disc"])
