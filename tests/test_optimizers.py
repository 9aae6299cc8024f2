"""Optax's optimizers as the factories make them: the same updates, but differentiable."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan import cosine, linear, optimizers
from jaxgan.config.optimizers import OPTAX, OPTIMIZER
from jaxgan.core.errors import ConfigError

GRADS = np.random.default_rng(0).normal(size=(20, 4))


def trajectory(optimizer: optax.GradientTransformation, grads: np.ndarray = GRADS) -> np.ndarray:
    params = jnp.ones(grads.shape[1], grads.dtype)
    state, path = optimizers.init(optimizer, params), []
    step = jax.jit(lambda g, s, p: optimizers.update(optimizer, g, s, p))
    for grad in grads:
        params, state = step(jnp.asarray(grad), state, params)
        path.append(params)
    return np.stack(path)


PAIRS = [
    pytest.param(optimizers.adam(1e-2), optax.adam(1e-2), id="adam"),
    pytest.param(
        optimizers.adam(1e-2, b1=0.0, b2=0.99), optax.adam(1e-2, b1=0.0, b2=0.99), id="adam b1=0"
    ),
    pytest.param(
        optimizers.rmsprop(1e-2, decay=0.99),
        optax.rmsprop(1e-2, decay=0.99, eps=1e-8, eps_in_sqrt=True),
        id="rmsprop",
    ),
    pytest.param(optimizers.sgd(1e-2), optax.sgd(1e-2), id="sgd"),
    pytest.param(
        optimizers.sgd(1e-2, momentum=-0.3), optax.sgd(1e-2, momentum=-0.3), id="sgd momentum"
    ),
]


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_the_update_is_optaxs_own(ours: Any, theirs: Any, float64: None) -> None:
    found, expected = trajectory(ours), trajectory(theirs)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert np.abs(found[-1] - 1.0).max() > 1e-2


def adam_by_hand(rate: Callable[[int], float], b2: Callable[[int], float]) -> np.ndarray:
    """Adam with b1 = 0.5 and hyper-parameters of the update count, bias corrected by today's."""
    params, m, v, path = np.ones(GRADS.shape[1]), 0.0, 0.0, []
    for index, grad in enumerate(GRADS):
        m = 0.5 * m + 0.5 * grad
        v = b2(index) * v + (1 - b2(index)) * grad**2
        m_hat, v_hat = m / (1 - 0.5 ** (index + 1)), v / (1 - b2(index) ** (index + 1))
        params = params - rate(index) * m_hat / (np.sqrt(v_hat) + 1e-8)
        path.append(params)
    return np.stack(path)


def test_any_hyperparameter_of_adam_may_be_a_schedule(float64: None) -> None:
    optimizer = optimizers.adam(linear(0.0, 0.5, 10), b1=0.5, b2=cosine(0.9, 0.99, 10))
    expected = adam_by_hand(
        lambda t: min(t, 10) / 20,
        lambda t: 0.99 - 0.09 * 0.5 * (1 + np.cos(np.pi * min(t, 10) / 10)),
    )
    # Schedules give float32 numbers.
    np.testing.assert_allclose(trajectory(optimizer), expected, rtol=1e-5, atol=1e-6)


def test_other_hyperparameters_may_be_schedules(float64: None) -> None:
    found = trajectory(optimizers.rmsprop(0.25, decay=linear(0.0, 0.5, 2)))
    params, v = np.ones(GRADS.shape[1]), 0.0
    for index, grad in enumerate(GRADS):
        decay = min(index, 2) / 4
        v = decay * v + (1 - decay) * grad**2
        params = params - 0.25 * grad / np.sqrt(v + 1e-8)
        np.testing.assert_allclose(found[index], params, rtol=1e-6)
    found = trajectory(optimizers.sgd(0.25, momentum=linear(0.0, 0.5, 2)))
    params, trace = np.ones(GRADS.shape[1]), 0.0
    for index, grad in enumerate(GRADS):
        trace = grad + min(index, 2) / 4 * trace
        params = params - 0.25 * trace
        np.testing.assert_allclose(found[index], params, rtol=1e-6)


@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 1.0), (0.5, 2.0), (1.0, 0.0)])
def test_optimistic_descent_by_hand(alpha: float, beta: float, float64: None) -> None:
    params, past, path = np.ones(GRADS.shape[1]), GRADS[0], []  # ξ_{-1} = ξ_0
    for grad in GRADS:
        params = params - 0.1 * (alpha * grad + beta * (grad - past))
        past = grad
        path.append(params)
    found = trajectory(optimizers.optimistic(0.1, alpha=alpha, beta=beta))
    np.testing.assert_allclose(found, path, rtol=1e-12)


@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 1.0), (0.5, 2.0)])
@pytest.mark.parametrize("rate", [0.1, linear(0.0, 0.1, 10)], ids=["number", "schedule"])
def test_optimistic_adam_by_hand(alpha: float, beta: float, rate: Any, float64: None) -> None:
    b1, b2, eps, eps_root = 0.5, 0.9, 1e-3, 1e-2
    params, m, v, path = np.ones(GRADS.shape[1]), 0.0, 0.0, []
    past = None
    for index, grad in enumerate(GRADS):
        m, v = b1 * m + (1 - b1) * grad, b2 * v + (1 - b2) * grad**2
        m_hat, v_hat = m / (1 - b1 ** (index + 1)), v / (1 - b2 ** (index + 1))
        r = m_hat / (np.sqrt(v_hat + eps_root) + eps)
        past = r if past is None else past
        eta = 0.01 * min(index, 10) if callable(rate) else rate
        params = params - eta * (alpha * r + beta * (r - past))
        past = r
        path.append(params)
    made = optimizers.optimistic_adam(
        rate, b1=b1, b2=b2, alpha=alpha, beta=beta, eps=eps, eps_root=eps_root
    )
    # Schedules give float32 numbers.
    tolerance = 1e-6 if callable(rate) else 1e-12
    np.testing.assert_allclose(trajectory(made), path, rtol=tolerance, atol=tolerance)


def test_the_decays_of_optimistic_adam_may_be_schedules(float64: None) -> None:
    constant = optimizers.optimistic_adam(0.1, b1=0.5, b2=0.9)
    scheduled = optimizers.optimistic_adam(0.1, b1=linear(0.5, 0.5, 10), b2=linear(0.9, 0.9, 10))
    moving = optimizers.optimistic_adam(0.1, b1=linear(0.5, 0.0, 10), b2=0.9)
    found = trajectory(constant)
    np.testing.assert_allclose(trajectory(scheduled), found, rtol=1e-5, atol=1e-6)
    assert np.abs(trajectory(moving) - found).max() > 1e-2


DIFFERENTIABLE = {
    "adam": optimizers.adam(1e-2, b1=0.5),
    "adam b1=0": optimizers.adam(1e-2, b1=0.0),
    "adam, b2 scheduled": optimizers.adam(1e-2, b2=linear(0.9, 0.99, 10)),
    "rmsprop": optimizers.rmsprop(1e-2),
    "sgd": optimizers.sgd(1e-2, momentum=0.9),
    "complex momentum": optimizers.complex_momentum(1e-2),
    "optimistic": optimizers.optimistic(1e-2),
    "optimistic adam": optimizers.optimistic_adam(1e-2, b1=0.5),
}


@pytest.mark.parametrize("name", DIFFERENTIABLE)
@pytest.mark.parametrize("num_before", [0, 3])
def test_the_update_has_a_derivative_at_zero_gradient(name: str, num_before: int) -> None:
    optimizer, params = DIFFERENTIABLE[name], jnp.ones(3)
    state = optimizers.init(optimizer, params)
    for _ in range(num_before):  # a unit that was never alive
        params, state = optimizers.update(optimizer, jnp.zeros(3), state, params)

    def move(grad: jax.Array) -> jax.Array:
        return optimizers.update(optimizer, grad, state, params)[0]

    def derivatives(grad: jax.Array) -> Any:
        return jax.jacrev(move)(grad), jax.jacfwd(move)(grad), jax.jacfwd(jax.jacrev(move))(grad)

    by_rows, by_columns, second = jax.jit(derivatives)(jnp.zeros(3))
    for slope in (by_rows, by_columns):
        assert np.isfinite(slope).all()
        assert (np.diagonal(slope) < 0).all(), "the update must still follow the gradient"
    assert np.isfinite(second).all()


def test_optaxs_own_adam_has_none() -> None:
    # Why the factories are there: this is what they mend.
    optimizer, params = optax.adam(1e-2), jnp.ones(3)
    state = optimizers.init(optimizer, params)
    slope = jax.jacrev(lambda g: optimizers.update(optimizer, g, state, params)[0])(jnp.zeros(3))
    assert not np.isfinite(slope).all()


def test_eps_root_does_not_slow_small_gradients() -> None:
    # The first step of Adam has length η however small the gradient; 1e-6 is small for a GAN.
    optimizer, params = optimizers.adam(1e-2), jnp.zeros(1)
    grads = jnp.full(1, 1e-6)
    params, _ = optimizers.update(optimizer, grads, optimizers.init(optimizer, params), params)
    np.testing.assert_allclose(params, [-1e-2], rtol=2e-2)


def test_mixed_dtypes_are_met_in_a_strict_session() -> None:
    # Optax's own call raises here, the wrapper does not; and parameters keep their dtype.
    optimizer, params = optax.adam(optax.linear_schedule(1e-2, 0.0, 5)), jnp.ones(2, jnp.bfloat16)
    state = optimizers.init(optimizer, params)
    with pytest.raises(ValueError, match="promotion path"):
        optimizer.update(params, state, params)
    moved, state = optimizers.update(optimizer, params, state, params)
    assert moved.dtype == jnp.bfloat16
    assert float(moved[0]) < 1.0
    # The session is as strict as before.
    with pytest.raises(ValueError, match="promotion path"):
        jnp.ones(2, jnp.float32) + jnp.ones(2, jnp.int32)


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (optimizers.adam, {"b1": -1.0}, "b1 is -1.0; it must be above -1 and below 1"),
        (optimizers.adam, {"b1": 1.0}, "b1 is 1.0; it must be above -1 and below 1"),
        (optimizers.adam, {"b2": 1.0}, "b2 is 1.0; it must be at least 0 and below 1"),
        (optimizers.adam, {"b2": -0.1}, "b2 is -0.1; it must be at least 0 and below 1"),
        (optimizers.adam, {"eps": -1.0}, "eps is -1.0; it must be at least 0"),
        (optimizers.adam, {"eps_root": np.inf}, "eps_root is inf; it must be at least 0"),
        (optimizers.optimistic_adam, {"b2": np.nan}, "b2 is nan; it must be at least 0"),
        (optimizers.optimistic, {"alpha": np.nan}, "alpha is nan; it must be a finite number"),
        (optimizers.rmsprop, {"decay": 1.5}, "decay is 1.5; it must be at least 0 and below 1"),
        (optimizers.sgd, {"momentum": -2.0}, "momentum is -2.0; it must be above -1 and below 1"),
    ],
)
def test_hyperparameters_are_in_their_ranges(
    make: Callable[..., optax.GradientTransformation], options: dict[str, float], message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        make(0.1, **options)


def test_a_negative_momentum_is_one() -> None:
    optimizers.sgd(0.1, momentum=-0.3)
    optimizers.adam(0.1, b1=-0.3)


OPTIONS = {"sign_sgd": {}, "lars": {"momentum": 0.5}, "adan": {"weight_decay": 0.1}}


def of_config(**section: Any) -> optax.GradientTransformation:
    return OPTIMIZER.make(OPTIMIZER.resolve(section, "optimizer.gen"), "optimizer.gen")


@pytest.mark.parametrize("name", OPTAX)
def test_a_config_has_optaxs_own_by_their_names(name: str, float64: None) -> None:
    options = OPTIONS.get(name, {})
    theirs = getattr(optax, name)(1e-2, **options)
    ours = of_config(name=name, learning_rate=1e-2, **options)
    np.testing.assert_allclose(trajectory(ours), trajectory(theirs), rtol=1e-6)

    def moved(gradient: jax.Array) -> jax.Array:
        params = jnp.ones(2)
        return optimizers.update(ours, gradient, optimizers.init(ours, params), params)[0].sum()

    assert np.isfinite(jax.grad(moved)(jnp.zeros(2))).all()


@pytest.mark.parametrize("rate", [1e-2, cosine(1e-2, 1e-3, 10)])
def test_decoupled_decay_is_that_of_adamw(rate: Any, float64: None) -> None:
    decayed = optimizers.decay_weights(optimizers.adam(rate), weight=0.3, learning_rate=rate)
    theirs = optax.adamw(rate, weight_decay=0.3)
    np.testing.assert_allclose(trajectory(decayed), trajectory(theirs), rtol=1e-6)
    section = {"name": "adam", "learning_rate": 1e-2, "weight_decay": 0.3}
    if not callable(rate):
        np.testing.assert_allclose(trajectory(of_config(**section)), trajectory(theirs), rtol=1e-6)


def test_gradients_are_clipped_before_they_are_used(float64: None) -> None:
    theirs = optax.chain(optax.clip_by_global_norm(0.5), optax.adam(1e-2))
    ours = of_config(name="adam", learning_rate=1e-2, clip_by_global_norm=0.5)
    np.testing.assert_allclose(trajectory(ours), trajectory(theirs), rtol=1e-6)
    falling = optimizers.clip_gradients(optimizers.sgd(1.0), norm=linear(1.0, 0.5, 2))
    lengths = np.linalg.norm(np.diff(trajectory(falling, 10 * GRADS), axis=0, prepend=1.0), axis=1)
    np.testing.assert_allclose(lengths[:3], [1.0, 0.75, 0.5], rtol=1e-6)


def test_rates_are_those_of_the_parameters_that_match() -> None:
    params = {"mapping": {"kernel": jnp.ones(2), "bias": jnp.ones(2)}, "out": {"bias": jnp.ones(2)}}
    grads = jax.tree.map(lambda w: w * jnp.asarray([1.0, -3.0]), params)
    rates = {"mapping/*": 0.1, "*bias": 0.0, "out/*": 2.0}
    ours = of_config(name="adam", learning_rate=1e-2, rates=rates)
    state, plain = optimizers.init(ours, params), optimizers.adam(1e-2)
    moved, _ = optimizers.update(ours, grads, state, params)
    whole, _ = optimizers.update(plain, grads, optimizers.init(plain, params), params)
    shares = jax.tree.map(lambda w, a, b: (a - w) / (b - w), params, moved, whole)
    expected = {"mapping": {"kernel": 0.1, "bias": 0.0}, "out": {"bias": 2.0}}
    for share, factor in zip(jax.tree.leaves(shares), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(share, factor, rtol=1e-4)


def test_tentative_updates_hold_the_schedules_of_what_is_around(float64: None) -> None:
    rate = cosine(0.1, 0.0, 10)
    optimizer = optimizers.decay_weights(optimizers.sgd(rate), weight=1.0, learning_rate=rate)
    optimizer = optimizers.clip_gradients(optimizer, norm=linear(1.0, 0.5, 10))
    params = jnp.ones(2)
    past = optimizers.init(optimizer, params)
    _, new = optimizers.update(optimizer, params, past, params)
    held = optimizers.hold_schedules(new, past)
    counts = [int(x) for x in jax.tree.leaves(held) if x.dtype == jnp.int32]
    assert counts == [0] * len(counts)
    assert [int(x) for x in jax.tree.leaves(new) if x.dtype == jnp.int32] == [1] * len(counts)
    assert len(counts) >= 3


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"name": "lyon"}, "optimizer.gen.name is 'lyon'; it must be 'adam', 'complex_momentum'"),
        ({"name": "lion", "mask": 1}, "optimizer.gen (lion).mask: unknown key"),
        ({"name": "lion", "b1": "x"}, "optimizer.gen.b1 is 'x'; it must be a finite number"),
        ({"name": "lion", "learning_rate": -1.0}, "learning_rate is -1.0; it must be at least 0"),
        ({"name": "sgd", "weight_decay": -1.0}, "weight_decay is -1.0; it must be at least 0"),
        ({"name": "sgd", "clip_by_global_norm": 0.0}, "clip_by_global_norm is 0.0; it must be a"),
        ({"name": "sgd", "rates": {"a": -1.0}}, "rates.a is -1.0; it must be at least 0"),
        (
            {"name": "sgd", "rates": {"b/*": 0.5}},
            "optimizer.gen: rates: 'b/*' matches no parameter",
        ),
        (
            {"name": "optax:set_to_zero", "learning_rate": None, "weight_decay": 0.1},
            "optimizer.gen.weight_decay is for optimizers that have a learning_rate",
        ),
    ],
)
def test_what_an_optimizer_has_not_is_refused(section: dict[str, Any], words: str) -> None:
    section = {"learning_rate": 0.1, **section}
    section = {key: value for key, value in section.items() if value is not None}
    with pytest.raises(ConfigError) as error:
        of_config(**section).init({"a": {"kernel": jnp.ones(2)}})
    assert words in str(error.value)
    assert len(str(error.value).splitlines()) == 1
