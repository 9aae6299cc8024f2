"""Every adversarial objective against an independent NumPy formula: a row each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from jaxgan import Context, Loss, losses
from jaxgan.core.schedules import linear
from jaxgan.core.typing import PyTree
from tests.contracts import terms
from tests.contracts.terms import CONTEXT, called, factories

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


def target(values: np.ndarray, smoothing: float) -> np.ndarray:
    """Cross-entropy of σ(values) to a target of 1 - smoothing."""
    return -(1 - smoothing) * log_sigmoid(values) - smoothing * log_sigmoid(-values)


def softplus(x: np.ndarray) -> np.ndarray:
    return -log_sigmoid(-x)


def exp(x: np.ndarray, cap: float = 20.0) -> np.ndarray:
    return np.where(x <= cap, np.exp(np.minimum(x, cap)), np.exp(cap) * (1 + x - cap))


def estimator(g: Any, composed: Any) -> tuple[Formula, Formula]:
    """f-GAN, both players: E[g(v)] - E[f*(g(v))]."""
    return lambda r, f: composed(f) - g(r), lambda r, f: g(r) - composed(f)


def alpha_above(alpha: float) -> tuple[Formula, Formula]:
    edge = (np.exp(20 * (alpha - 1) / alpha) - 1) / (alpha - 1)

    def composed(v: np.ndarray) -> np.ndarray:
        y = np.maximum(0, 1 + (alpha - 1) * np.minimum(v, edge))
        tangent = (1 + (alpha - 1) * edge) ** (1 / (alpha - 1)) * np.maximum(0, v - edge)
        return (y ** (alpha / (alpha - 1)) - 1) / alpha + tangent

    return estimator(lambda v: v, composed)


def alpha_below(alpha: float, edge: float) -> tuple[Formula, Formula]:
    def y(v: np.ndarray) -> np.ndarray:
        return (1 - alpha) * softplus(-v)

    def composed(v: np.ndarray) -> np.ndarray:
        e = np.float64(edge)
        inside = (y(np.minimum(v, e)) ** (alpha / (alpha - 1)) - 1) / alpha
        slope = y(e) ** (1 / (alpha - 1)) / (1 + np.exp(e))
        return inside + slope * np.maximum(0, v - e)

    return estimator(lambda v: 1 / (1 - alpha) - softplus(-v), composed)


def averaged(disc: Formula) -> tuple[Formula, Formula]:
    """A discriminator's formula on differences to the other side's mean, both ways."""
    return (
        lambda r, f: disc(r - f.mean(), f - r.mean()),
        lambda r, f: disc(f - r.mean(), r - f.mean()),
    )


def log_sum(*values: np.ndarray) -> np.ndarray:
    return scipy.special.logsumexp(np.concatenate(values))


def flipped(disc: Formula, probability: float) -> Formula:
    def formula(r: np.ndarray, f: np.ndarray) -> np.ndarray:
        return np.where(terms.noise("flip_labels", r.shape) < probability, disc(f, r), disc(r, f))

    return formula


def best(gen: Formula, k: Callable[[int], int]) -> Formula:
    """The mean of the k best is the mean of all of these."""

    def formula(r: np.ndarray, f: np.ndarray) -> np.ndarray:
        count = k(f.size)
        chosen = np.argsort(-f, kind="stable")[:count]
        return np.where(np.isin(np.arange(f.size), chosen), gen(r, f) * f.size / count, 0.0)

    return formula


# Where ((1 - α) ζ(-v))^(α / (α - 1)) is e^20, for α = ½: exp(-20) / ½ = ζ(-v).
EDGE = -np.log(np.expm1(2 * np.exp(-20.0)))

# What a discriminator with other heads makes of one number per example.


def with_features(logits: jax.Array) -> Any:
    return {"logits": logits, "features": jnp.stack([logits, jnp.sin(logits)], axis=1)}


def features_apart(r: np.ndarray, f: np.ndarray) -> np.ndarray:
    return (r.mean() - f.mean()) ** 2 + (np.sin(r).mean() - np.sin(f).mean()) ** 2


def with_classes(logits: jax.Array) -> Any:
    label = jnp.arange(logits.shape[0], dtype=jnp.int32) % 3 - 1  # unlabelled, first, second
    return {"class_logits": jnp.stack([logits, -0.5 * logits], axis=1), "label": label}


def class_logits(x: np.ndarray) -> np.ndarray:
    return np.stack([x, -0.5 * x])


def semi_supervised(r: np.ndarray, f: np.ndarray, weight: float = 1.0) -> np.ndarray:
    real, fake = (np.logaddexp(*class_logits(x)) for x in (r, f))
    label = np.arange(r.size) % 3 - 1
    own = np.where(label == 0, class_logits(r)[0], class_logits(r)[1])
    supervised = np.where(label < 0, 0.0, real - own)
    return softplus(-real) + softplus(fake) + weight * supervised


def paired(disc: Formula) -> tuple[Formula, Formula]:
    """Relativistic pairing of a discriminator's formula: half of it on the gap, both ways."""
    return (
        lambda real, fake: disc(real - fake, fake - real) / 2,
        lambda real, fake: disc(fake - real, real - fake) / 2,
    )


def two_outputs(logits: jax.Array) -> Any:
    return {"logits": {"one": logits, "two": -0.5 * logits}}


class Row(NamedTuple):
    name: str
    loss: Callable[[], Loss]
    disc: Formula
    gen: Formula
    wrap: Callable[[jax.Array], Any] = lambda logits: logits  # what the discriminator returns


TABLE = [
    Row("minimax", losses.minimax, bce, lambda r, f: -bce(r, f)),
    Row(
        "minimax smoothed",
        partial(losses.minimax, smoothing=0.1),
        lambda r, f: bce(r, f, 0.1),
        lambda r, f: -bce(r, f, 0.1),
    ),
    Row("non_saturating", losses.non_saturating, bce, lambda r, f: -log_sigmoid(f)),
    Row(
        "non_saturating smoothed",
        partial(losses.non_saturating, smoothing=0.25),
        lambda r, f: bce(r, f, 0.25),
        lambda r, f: -log_sigmoid(f),
    ),
    Row("wasserstein", losses.wasserstein, lambda r, f: f - r, lambda r, f: r - f),
    Row("hinge", losses.hinge, hinges, lambda r, f: -f),
    Row("least_squares", losses.least_squares, squares(0, 1), lambda r, f: (f - 1) ** 2 / 2),
    Row(
        "least_squares pearson",
        partial(losses.least_squares, fake_label=-1.0, real_label=1.0, gen_label=0.0),
        squares(-1, 1),
        lambda r, f: f**2 / 2,
    ),
    Row("relativistic", losses.relativistic, *paired(bce)),
    Row(
        "relativistic smoothed",
        partial(losses.relativistic, losses.non_saturating, smoothing=0.1),
        *paired(lambda r, f: bce(r, f, 0.1)),
    ),
    Row("relativistic minimax", partial(losses.relativistic, losses.minimax), *paired(bce)),
    Row(
        "relativistic wasserstein",
        partial(losses.relativistic, losses.wasserstein),
        *paired(lambda r, f: f - r),
    ),
    Row("relativistic hinge", partial(losses.relativistic, losses.hinge), *paired(hinges)),
    Row(
        "relativistic least_squares",
        partial(losses.relativistic, losses.least_squares()),
        *paired(squares(0, 1)),
    ),
    Row(
        "minimax smoothed on both sides",
        partial(losses.minimax, smoothing=0.1, fake_smoothing=0.3),
        lambda r, f: target(r, 0.1) + target(-f, 0.3),
        lambda r, f: -target(r, 0.1) - target(-f, 0.3),
    ),
    Row(
        "non_saturating smoothed on both sides",
        partial(losses.non_saturating, fake_smoothing=0.2),
        lambda r, f: target(r, 0.0) + target(-f, 0.2),
        lambda r, f: -log_sigmoid(f),
    ),
    Row("maximum_likelihood", losses.maximum_likelihood, bce, lambda r, f: -exp(f) / 2),
    Row(
        "maximum_likelihood smoothed, capped",
        partial(losses.maximum_likelihood, smoothing=0.1, cap=2.0),
        lambda r, f: bce(r, f, 0.1),
        lambda r, f: -exp(f, 2.0) / 2,
    ),
    Row(
        "hinge margin",
        partial(losses.hinge, margin=2.5),
        lambda r, f: np.maximum(0, 2.5 - r) + np.maximum(0, 2.5 + f),
        lambda r, f: -f,
    ),
    Row("ebgan", losses.ebgan, lambda r, f: -r + np.maximum(0, 10 + f), lambda r, f: -f),
    Row(
        "ebgan margin",
        partial(losses.ebgan, margin=3.0),
        lambda r, f: -r + np.maximum(0, 3 + f),
        lambda r, f: -f,
    ),
    Row("began", losses.began, lambda r, f: -r + 0 * f, lambda r, f: -f),  # k is 0 at first
    Row(
        "f_gan",
        losses.f_gan,
        *estimator(lambda v: np.log(2) - softplus(-v), lambda v: softplus(v) - np.log(2)),
    ),
    Row("f_gan gan", partial(losses.f_gan, "gan"), bce, lambda r, f: -bce(r, f)),
    Row(
        "f_gan gan, heuristic",
        partial(losses.f_gan, "gan", non_saturating=True),
        bce,
        lambda r, f: -log_sigmoid(f),
    ),
    Row("f_gan kl", partial(losses.f_gan, "kl"), *estimator(lambda v: v, lambda v: exp(v - 1))),
    Row(
        "f_gan reverse_kl",
        partial(losses.f_gan, "reverse_kl"),
        *estimator(lambda v: -exp(-v), lambda v: v - 1),
    ),
    Row(
        "f_gan reverse_kl, heuristic",
        partial(losses.f_gan, "reverse_kl", non_saturating=True),
        lambda r, f: exp(-r) + f - 1,
        lambda r, f: exp(-f),
    ),
    Row(
        "f_gan pearson",
        partial(losses.f_gan, "pearson"),
        *estimator(lambda v: v, lambda v: v**2 / 4 + v),
    ),
    Row(
        "f_gan neyman",
        partial(losses.f_gan, "neyman"),
        *estimator(lambda v: 1 - exp(-v), lambda v: 2 - 2 * exp(-v / 2, 10.0)),
    ),
    Row(
        "f_gan squared_hellinger",
        partial(losses.f_gan, "squared_hellinger"),
        *estimator(lambda v: 1 - exp(-v), lambda v: exp(v) - 1),
    ),
    Row(
        "f_gan total_variation",
        partial(losses.f_gan, "total_variation"),
        *estimator(lambda v: np.tanh(v) / 2, lambda v: np.tanh(v) / 2),
    ),
    Row("f_gan alpha 3", partial(losses.f_gan, "alpha", alpha=3.0), *alpha_above(3.0)),
    Row("f_gan alpha 1.25", partial(losses.f_gan, "alpha", alpha=1.25), *alpha_above(1.25)),
    Row("f_gan alpha 0.5", partial(losses.f_gan, "alpha", alpha=0.5), *alpha_below(0.5, EDGE)),
    Row("f_gan alpha -1", partial(losses.f_gan, "alpha", alpha=-1.0), *alpha_below(-1.0, 20.0)),
    Row("relativistic_average", losses.relativistic_average, *averaged(bce)),
    Row(
        "relativistic_average smoothed",
        partial(losses.relativistic_average, losses.minimax, smoothing=0.1),
        *averaged(lambda r, f: bce(r, f, 0.1)),
    ),
    Row(
        "relativistic_average hinge",
        partial(losses.relativistic_average, losses.hinge),
        *averaged(hinges),
    ),
    Row(
        "relativistic_average least_squares",
        partial(losses.relativistic_average, losses.least_squares(fake_label=-1.0, real_label=1.0)),
        *averaged(squares(-1, 1)),
    ),
    Row(
        "softmax",
        losses.softmax,
        lambda r, f: log_sum(r, f) - r,
        lambda r, f: log_sum(r, f) - (r + f) / 2,
    ),
    Row(
        "multi_class",
        losses.multi_class,
        semi_supervised,
        lambda r, f: softplus(-np.logaddexp(*class_logits(f))),
        with_classes,
    ),
    Row(
        "multi_class weighted",
        partial(losses.multi_class, label_weight=0.25),
        lambda r, f: semi_supervised(r, f, 0.25),
        lambda r, f: softplus(-np.logaddexp(*class_logits(f))),
        with_classes,
    ),
    Row("feature_matching", losses.feature_matching, bce, features_apart, with_features),
    Row(
        "feature_matching relativistic",
        partial(losses.feature_matching, losses.relativistic),
        paired(bce)[0],
        features_apart,
        with_features,
    ),
    Row(
        "flip_labels",
        partial(losses.flip_labels, probability=0.3),
        flipped(bce, 0.3),
        lambda r, f: -log_sigmoid(f),
    ),
    Row(
        "flip_labels hinge",
        partial(losses.flip_labels, losses.hinge(), probability=0.3),
        flipped(hinges, 0.3),
        lambda r, f: -f,
        with_features,
    ),
    Row(
        "over_outputs",
        partial(losses.over_outputs, losses.hinge),
        lambda r, f: hinges(r, f) + hinges(-r / 2, -f / 2),
        lambda r, f: -f / 2,
        two_outputs,
    ),
    Row(
        "over_outputs weighted",
        partial(losses.over_outputs, weights={"two": 0.25, "one": 1.0}),
        lambda r, f: bce(r, f) + bce(-r / 2, -f / 2) / 4,
        lambda r, f: -log_sigmoid(f) - log_sigmoid(-f / 2) / 4,
        two_outputs,
    ),
    Row(
        "top_k",
        partial(losses.top_k, fraction=0.75),
        bce,
        best(lambda r, f: -log_sigmoid(f), lambda num: round(0.75 * num)),
    ),
    Row(
        "top_k of one",
        partial(losses.top_k, losses.minimax, fraction=0.001),
        bce,
        best(lambda r, f: -bce(r, f), lambda num: 1),
        with_features,
    ),
]
ROWS = [pytest.param(row, id=row.name) for row in TABLE]
OF_LOGITS = [
    pytest.param(row, id=row.name) for row in TABLE if row.wrap not in (with_classes, two_outputs)
]


def values_of(row: Row, real: Any, fake: Any) -> dict[str, jax.Array]:
    loss, outputs = row.loss(), (row.wrap(jnp.asarray(real)), row.wrap(jnp.asarray(fake)))
    disc, _ = loss.disc(*outputs, loss.init(), CONTEXT)
    return {"disc": disc, "gen": loss.gen(*outputs, loss.init(), CONTEXT)}


def gradients_of(row: Row, real: Any, fake: Any) -> dict[str, tuple[jax.Array, jax.Array]]:
    def total(player: str, real: jax.Array, fake: jax.Array) -> jax.Array:
        return values_of(row, real, fake)[player].sum()

    arrays = jnp.asarray(real), jnp.asarray(fake)
    return {player: jax.grad(total, argnums=(1, 2))(player, *arrays) for player in ("disc", "gen")}


def central(formula: Formula, real: np.ndarray, fake: np.ndarray) -> list[np.ndarray]:
    """Of the sum over the batch, by every logit: formulas may couple examples."""
    steps = 1e-6 * np.eye(real.size)
    by_real = [formula(real + h, fake) - formula(real - h, fake) for h in steps]
    by_fake = [formula(real, fake + h) - formula(real, fake - h) for h in steps]
    return [np.array([np.sum(change) / 2e-6 for change in by]) for by in (by_real, by_fake)]


def logits(num: int = 32) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(1)
    return draw.normal(scale=3.0, size=num), draw.normal(scale=3.0, size=num)


def test_every_factory_has_a_row() -> None:
    public = set(factories(losses, "Loss").values()) - {losses.as_loss, losses.stateless}
    assert public == {called(row.loss) for row in TABLE}
    assert all(row.name.split()[0] == called(row.loss).__name__ for row in TABLE)


@pytest.mark.parametrize("row", ROWS)
def test_values_match_the_formula(row: Row, float64: None) -> None:
    real, fake = logits()
    values = values_of(row, real, fake)
    np.testing.assert_allclose(values["disc"], row.disc(real, fake), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(values["gen"], row.gen(real, fake), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("row", ROWS)
def test_gradients_match_central_differences(row: Row, float64: None) -> None:
    real, fake = logits()
    grads = gradients_of(row, real, fake)
    for player, formula in (("disc", row.disc), ("gen", row.gen)):
        for ours, theirs in zip(grads[player], central(formula, real, fake), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("row", ROWS)
def test_finite_at_huge_logits(row: Row) -> None:
    real = np.array([1e4, 1e4, -1e4, -1e4, 0.0], np.float32)
    fake = np.array([1e4, -1e4, 1e4, -1e4, 0.0], np.float32)
    values = values_of(row, real, fake)
    grads = gradients_of(row, real, fake)
    for player, formula in (("disc", row.disc), ("gen", row.gen)):
        expected = formula(real.astype(np.float64), fake.astype(np.float64))
        np.testing.assert_allclose(values[player], expected, rtol=2e-6)
        assert all(np.isfinite(grad).all() for grad in grads[player])


@pytest.mark.parametrize("row", ROWS)
def test_one_value_per_example_in_the_dtype_of_the_logits(row: Row) -> None:
    for dtype in (jnp.float32, jnp.bfloat16):
        values = values_of(row, jnp.ones(5, dtype), jnp.zeros(5, dtype))
        assert values["disc"].shape == (5,)
        # Feature matching has one value for all.
        assert values["gen"].shape == (() if row.name.startswith("feature") else (5,))
        assert {v.dtype for v in values.values()} == {jnp.dtype(dtype)}


@pytest.mark.parametrize("row", OF_LOGITS)
def test_a_loss_is_called_on_two_arrays(row: Row) -> None:
    loss, (real, fake) = row.loss(), (row.wrap(jnp.asarray(x)) for x in logits(6))
    found, context = loss(real, fake, key=jax.random.key(3)), Context(jax.random.key(3))
    disc, _ = loss.disc(real, fake, loss.init(), context)
    np.testing.assert_array_equal(found["disc"], disc)
    np.testing.assert_array_equal(found["gen"], loss.gen(real, fake, loss.init(), context))


@pytest.mark.parametrize("row", OF_LOGITS)
@pytest.mark.parametrize("shapes", [((4, 1), (4, 1)), ((4,), (4, 1)), ((), ()), ((4,), (3,))])
def test_logits_of_another_shape_are_refused(row: Row, shapes: tuple[Any, Any]) -> None:
    loss, (real, fake) = row.loss(), map(jnp.zeros, shapes)
    with pytest.raises(ValueError, match=r"must be \[batch\]"):
        loss.disc(real, fake, loss.init(), CONTEXT)
    if not row.name.startswith("feature"):
        with pytest.raises(ValueError, match=r"must be \[batch\]"):
            loss.gen(real, fake, loss.init(), CONTEXT)


@pytest.mark.parametrize("row", OF_LOGITS)
def test_other_heads_change_nothing(row: Row) -> None:
    loss, (real, fake) = row.loss(), map(jnp.asarray, logits(6))
    plain, _ = loss.disc(with_features(real), with_features(fake), loss.init(), CONTEXT)
    headed, _ = loss.disc(real, fake, loss.init(), CONTEXT)
    np.testing.assert_array_equal(plain, headed)


@pytest.mark.parametrize("row", ROWS)
def test_state_passes_through(row: Row) -> None:
    loss, zeros = row.loss(), row.wrap(jnp.zeros(2))
    assert row.loss().name == called(row.loss).__name__ or row.name.startswith("over_outputs")
    if row.name == "began":
        return  # the only one that has a state: tests/losses/test_began.py
    assert loss.init() == ()
    marker = {"count": 7}
    _, state = loss.disc(zeros, zeros, marker, CONTEXT)
    assert state is marker


COUPLED = {"began", "feature_matching", "relativistic_average", "softmax", "top_k"}


@pytest.mark.parametrize("row", ROWS)
def test_an_example_alone_says_whether_the_batch_is_coupled(row: Row) -> None:
    assert row.loss().couples_batch == (row.name.split()[0] in COUPLED)
    if row.name.split()[0] in COUPLED or "flip" in row.name:
        return
    real, fake = (x.astype(np.float32) for x in logits(3))
    whole, alone = values_of(row, real, fake), values_of(row, real[:1], fake[:1])
    for player in ("disc", "gen"):
        np.testing.assert_allclose(whole[player][:1], alone[player], rtol=1e-5)


SMOOTHED = [
    losses.minimax,
    losses.non_saturating,
    losses.maximum_likelihood,
    lambda **options: losses.relativistic(losses.minimax, **options),
    lambda **options: losses.relativistic_average(losses.non_saturating, **options),
]
SIDES = ["smoothing", "fake_smoothing"]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("factory", SMOOTHED)
@pytest.mark.parametrize("smoothing", [-0.1, 1.0, 2.0, float("nan")])
def test_smoothing_outside_its_range_is_refused(factory: Any, smoothing: float, side: str) -> None:
    with pytest.raises(ValueError, match=rf"^{side} is .* at least 0 and below 1"):
        factory(**{side: smoothing})


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("factory", SMOOTHED)
def test_smoothing_may_be_a_schedule_of_the_step(factory: Any, side: str) -> None:
    loss = factory(**{side: linear(0.0, 0.5, 10)})
    real, fake = (x.astype(np.float32) for x in logits())
    for step, smoothing in ((0, 0.0), (4, 0.2), (30, 0.5)):
        context = Context(jax.random.key(0), step=jnp.int32(step))
        fixed = factory(**{side: smoothing})
        values, _ = jax.jit(loss.disc)(real, fake, (), context)
        expected, _ = fixed.disc(real, fake, (), context)
        np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-6)


def test_smoothing_is_one_sided() -> None:
    smooth, plain = losses.minimax(smoothing=0.3), losses.minimax()
    sure = jnp.asarray([5.0]), jnp.asarray([-2.0])
    gap = smooth.disc(*sure, (), CONTEXT)[0] - plain.disc(*sure, (), CONTEXT)[0]
    np.testing.assert_allclose(gap, [0.3 * 5.0], rtol=1e-5)  # s (log σ(a) - log σ(-a)) = s a


@pytest.mark.parametrize("row", ROWS)
def test_zero_sum_where_it_says_so(row: Row) -> None:
    if not row.loss().is_zero_sum:
        return
    values = values_of(row, *(x.astype(np.float32) for x in logits()))
    np.testing.assert_array_equal(values["gen"], -values["disc"])


def test_who_is_zero_sum() -> None:
    found = {row.name.split()[0] for row in TABLE if row.loss().is_zero_sum}
    assert found == {"minimax", "wasserstein", "f_gan"}


BAD = {
    "margin is 0.0": lambda: losses.hinge(margin=0.0),
    "margin is -1.0": lambda: losses.ebgan(margin=-1.0),
    "margin is nan": lambda: losses.ebgan(margin=float("nan")),
    "cap is 0.0": lambda: losses.maximum_likelihood(cap=0.0),
    "cap is 100.0": lambda: losses.maximum_likelihood(cap=100.0),
    "gamma is 1.5": lambda: losses.began(gamma=1.5),
    "lambda_k is 0.0": lambda: losses.began(lambda_k=0.0),
    "divergence is 'pearsn'; it must be 'alpha'": lambda: losses.f_gan("pearsn"),
    "divergence is 'wasserstein'": lambda: losses.f_gan("wasserstein"),
    "'alpha' needs alpha": lambda: losses.f_gan("alpha"),
    "alpha is 2.0; only": lambda: losses.f_gan("kl", alpha=2.0),
    "alpha is 1.0": lambda: losses.f_gan("alpha", alpha=1.0),
    "alpha is 0.0": lambda: losses.f_gan("alpha", alpha=0.0),
    "alpha is inf": lambda: losses.f_gan("alpha", alpha=float("inf")),
    "label_weight is -1.0": lambda: losses.multi_class(label_weight=-1.0),
    "probability is 1.0": lambda: losses.flip_labels(probability=1.0),
    "probability is -0.1": lambda: losses.flip_labels(probability=-0.1),
    "fraction is 0.0": lambda: losses.top_k(fraction=0.0),
    "fraction is 1.5": lambda: losses.top_k(fraction=1.5),
}


@pytest.mark.parametrize("message", BAD)
def test_bad_options_are_refused(message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        BAD[message]()
    assert len(str(caught.value).splitlines()) == 1


OVER_A_BASE: list[Callable[..., Loss]] = [
    losses.relativistic,
    losses.relativistic_average,
    losses.feature_matching,
    lambda base, **options: losses.flip_labels(base, probability=0.1, **options),
    lambda base, **options: losses.top_k(base, fraction=0.5, **options),
]


@pytest.mark.parametrize("over", [*OVER_A_BASE, losses.over_outputs])
def test_options_of_a_made_loss_are_refused(over: Callable[..., Loss]) -> None:
    with pytest.raises(TypeError, match="smoothing"):
        over(losses.minimax(), smoothing=0.1)


@pytest.mark.parametrize("over", OVER_A_BASE)
def test_what_is_built_on_a_base_keeps_its_state(over: Callable[..., Loss]) -> None:
    def disc(real: Any, fake: Any, state: PyTree, context: Context) -> tuple[jax.Array, PyTree]:
        return fake - real, {"count": state["count"] + 1}

    base = Loss(
        disc=disc,
        gen=lambda real, fake, state, context: real,
        init=lambda: {"count": 3},
        couples_batch=True,
    )
    loss = over(base)
    _, state = loss.disc(jnp.zeros(2), jnp.zeros(2), loss.init(), CONTEXT)
    assert state == {"count": 4}
    assert loss.couples_batch
