"""Every auxiliary term, bound and distance against its own formula: a row each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import Penalty, auxiliary
from jaxgan.auxiliary import infogan_latent
from jaxgan.games import with_penalty
from jaxgan.penalties import View
from tests.contracts import terms
from tests.contracts.terms import CODES, CONTEXT, Case, Theta, points

LABEL = np.array([0, 3, -1, 1, 2, -1])


def log_softmax(x: np.ndarray) -> np.ndarray:
    x = x - x.max(axis=-1, keepdims=True)
    return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))


def classified(logits: np.ndarray, label: np.ndarray = LABEL) -> np.ndarray:
    rows = [-row[c] if c >= 0 else 0.0 for row, c in zip(log_softmax(logits), label, strict=True)]
    return np.array(rows)


def heads(which: str, player: str = "disc", name: str = "class_logits") -> Any:
    def view(theta: Theta) -> View:
        outputs = {key: {name: theta[key]} for key in which.split()}
        return View(
            params={},
            discriminator=abs,
            scene={"label": jnp.asarray(LABEL)},
            context=CONTEXT,
            player=player,
            outputs=outputs,
        )

    return view


BOTH = {"real": points(1, (6, 4)), "fake": points(2, (6, 4))}
FAKE = {"fake": points(3, (6, 4))}
LABELLED = points(4, (3, 5))


def labelled(theta: Theta) -> View:
    dtype = theta["w"].dtype
    scene = {
        "labelled_image": jnp.asarray(LABELLED, dtype),
        "labelled_label": jnp.asarray([2, 0, 1]),
    }
    return View(
        params={},
        discriminator=lambda x: {"class_logits": x @ theta["w"]},
        scene=scene,
        context=CONTEXT,
    )


def mean_gap(theta: Theta, base: Theta) -> Any:
    return np.sum((theta["real"].mean(axis=0) - theta["fake"].mean(axis=0)) ** 2)


def pulled(theta: Theta, base: Theta) -> Any:
    code, total = theta["fake"], 0.0
    for i in range(6):
        for j in range(6):
            if i != j:
                lengths = np.linalg.norm(code[i]) * np.linalg.norm(code[j])
                total += (code[i] @ code[j] / lengths) ** 2
    return total / (6 * 5)


SIZES: Any = {"noise_dim": 2, "categorical": (3, 2), "num_continuous": 2}  # of the latents below


def latents() -> np.ndarray:
    return np.asarray(infogan_latent(**SIZES)(jax.random.key(5), (6,)))


READ = {"code_logits": points(6, (6, 5)), "code_mean": points(7, (6, 2))}


def reader(theta: Theta) -> View:
    scene = {"latent": jnp.asarray(latents(), theta["code_mean"].dtype)}
    return View(
        params={},
        discriminator=abs,
        scene=scene,
        context=CONTEXT,
        player="gen",
        outputs={"fake": theta},
    )


def not_understood(theta: Theta, base: Theta, weight: float = 1.0) -> Any:
    z, logits = latents(), theta["code_logits"]
    found = np.log(3) + np.sum(z[:, 2:5] * log_softmax(logits[:, :3]), axis=1)
    found = found + np.log(2) + np.sum(z[:, 5:7] * log_softmax(logits[:, 3:]), axis=1)
    std = np.exp(theta.get("code_log_std", np.zeros((6, 2))))
    density = np.exp(-((z[:, 7:] - theta["code_mean"]) ** 2) / (2 * std**2))
    density = density / np.sqrt(2 * np.pi) / std
    return -(found + weight * np.sum(np.log(2 * density), axis=1))


INFOGAN = partial(auxiliary.mutual_information, **SIZES)
CASES = [
    Case(
        "auxiliary_classifier",
        auxiliary.auxiliary_classifier,
        BOTH,
        heads("real fake"),
        lambda theta, base: classified(theta["real"]) + classified(theta["fake"]),
    ),
    Case(
        "auxiliary_classifier gen",
        auxiliary.auxiliary_classifier,
        FAKE,
        heads("fake", "gen"),
        lambda theta, base: classified(theta["fake"]),
    ),
    Case(
        "supervised",
        auxiliary.supervised,
        {"w": points(5, (5, 4))},
        labelled,
        lambda theta, base: classified(LABELLED @ theta["w"], np.array([2, 0, 1])),
    ),
    Case(
        "feature_matching",
        auxiliary.feature_matching,
        BOTH,
        heads("real fake", "gen", "features"),
        mean_gap,
    ),
    Case("pull_away", auxiliary.pull_away, FAKE, heads("fake", "gen", "code"), pulled),
    Case("mutual_information", INFOGAN, READ, reader, not_understood),
    Case(
        "mutual_information std",
        partial(INFOGAN, continuous_weight=0.25),
        READ | {"code_log_std": points(8, (6, 2))},
        reader,
        lambda theta, base: not_understood(theta, base, 0.25),
    ),
]
EACH_CASE = pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])


def test_every_term_has_a_row() -> None:
    rows = {terms.called(case.factory) for case in CASES}
    assert rows == set(terms.factories(auxiliary, "Penalty").values())
    assert all(case.factory().terms[0].name == case.name.split()[0] for case in CASES)


@EACH_CASE
def test_closed_forms(case: Case, float64: None) -> None:
    terms.check_value(case)


@EACH_CASE
def test_gradients_of_closed_forms(case: Case, float64: None) -> None:
    terms.check_gradient(case)


@EACH_CASE
def test_finite_at_zero_and_stateless(case: Case) -> None:
    terms.check_finite_at_zero(case)
    terms.check_state(case)


@EACH_CASE
def test_weights_and_intervals_arrive_or_are_refused(case: Case) -> None:
    terms.check_options(case.factory)


def test_who_couples_the_examples_of_a_batch() -> None:
    terms_of = [term for case in CASES for term in case.factory().terms]
    found = {term.name for term in terms_of if term.couples_batch}
    assert found == {"feature_matching", "pull_away"}  # a mean over the batch, all its pairs


FACTORIES = {case.name.split()[0]: case.factory for case in CASES}


@pytest.mark.parametrize("name", sorted(FACTORIES))
def test_weights_and_lazy_terms_count_exactly(name: str, float64: None) -> None:
    rich = partial(auxiliary.mutual_information, **CODES)
    terms.check_weight_and_laziness(rich if name == "mutual_information" else FACTORIES[name])


def test_unlabelled_rows_pull_at_nothing() -> None:
    def loss(logits: jax.Array) -> jax.Array:
        return jnp.sum(auxiliary.cross_entropy(logits, jnp.asarray(LABEL)))

    grad = jax.grad(loss)(jnp.asarray(BOTH["real"], jnp.float32))
    assert [bool(np.any(row != 0)) for row in grad] == [label >= 0 for label in LABEL]


def test_the_categorical_bound_is_tight_where_q_is_the_posterior(float64: None) -> None:
    # A channel p(x | c) of 3 codes and 4 images, codes uniform: the bound's mean over the joint
    # distribution is I(c; x) with the true posterior, and less with any other.
    channel = np.abs(points(1, (3, 4)))
    channel /= channel.sum(axis=1, keepdims=True)
    joint = channel / 3
    posterior = joint / joint.sum(axis=0)
    information = np.sum(joint * np.log(posterior * 3))
    codes, images = (index.ravel() for index in np.indices(joint.shape))

    def bound(q: np.ndarray) -> float:
        values = auxiliary.categorical_bound(jnp.log(q.T[images]), jnp.eye(3)[codes])
        return float(np.sum(joint.ravel() * values))

    np.testing.assert_allclose(bound(posterior), information, rtol=1e-12)
    other = posterior**2 / np.sum(posterior**2, axis=0)
    assert bound(other) < information - 1e-3
    assert abs(bound(np.full((3, 4), 1 / 3))) < 1e-12


def test_the_gaussian_bound_is_below_the_information(float64: None) -> None:
    # u ~ U[-1, 1], x = u + N(0, s²) with small s: I(u; x) → log 2 - ½ log 2πe s², the bound of
    # Q = N(x, s²) is that in the mean, and any other deviation gives less.
    std, draw = 0.01, np.random.default_rng(0)
    code = draw.uniform(-1, 1, (100_000, 1))
    seen = code + std * draw.normal(size=code.shape)
    found = {
        scale: float(
            np.mean(
                auxiliary.gaussian_bound(
                    jnp.asarray(seen), jnp.full(code.shape, np.log(scale * std)), jnp.asarray(code)
                )
            )
        )
        for scale in (0.5, 1.0, 2.0)
    }
    information = np.log(2) - 0.5 * np.log(2 * np.pi * np.e * std**2)
    np.testing.assert_allclose(found[1.0], information, atol=0.01)
    assert max(found[0.5], found[2.0]) < found[1.0] - 0.1


def test_latents_with_codes_have_their_distributions() -> None:
    z = np.asarray(
        infogan_latent(3, categorical=(4, 2), num_continuous=2)(jax.random.key(0), (8000,))
    )
    assert z.shape == (8000, 3 + 6 + 2)
    noise, first, second, continuous = np.split(z, [3, 7, 9], axis=1)
    np.testing.assert_allclose(noise.mean(axis=0), 0.0, atol=0.05)
    np.testing.assert_allclose(noise.std(axis=0), 1.0, atol=0.05)
    for code in (first, second):
        assert set(np.unique(code)) == {0.0, 1.0}
        np.testing.assert_array_equal(code.sum(axis=1), 1.0)
        np.testing.assert_allclose(code.mean(axis=0), 1 / code.shape[1], atol=0.03)
    assert -1 <= continuous.min() < -0.99 < 0.99 < continuous.max() <= 1
    assert np.abs(np.corrcoef(z[:, [0, 3, 7, 9, 10]].T) - np.eye(5)).max() < 0.06


def test_a_tuple_of_code_logits_is_as_good_as_one_array() -> None:
    theta = terms.arrays({k: v.astype(np.float32) for k, v in READ.items()})
    term = INFOGAN().terms[0]
    whole, _ = term.values(reader(theta), ())
    logits = theta["code_logits"]
    parts, _ = term.values(reader({**theta, "code_logits": (logits[:, :3], logits[:, 3:])}), ())
    np.testing.assert_array_equal(whole, parts)


def test_distances_of_pairs() -> None:
    x, y = (points(seed, (3, 2, 2, 1)).astype(np.float32) for seed in (1, 2))
    first = [np.mean(np.abs(a - b)) for a, b in zip(x, y, strict=True)]
    second = [np.mean((a - b) ** 2) for a, b in zip(x, y, strict=True)]
    for distance in (auxiliary.l1, auxiliary.cycle_consistency, auxiliary.identity):
        np.testing.assert_allclose(distance(jnp.asarray(x), jnp.asarray(y)), first, rtol=1e-6)
    for distance in (auxiliary.cycle_consistency, auxiliary.identity):
        values = distance(jnp.asarray(x), jnp.asarray(y), norm=auxiliary.l2)
        np.testing.assert_allclose(values, second, rtol=1e-6)
    for distance in (auxiliary.l1, auxiliary.l2):
        with pytest.raises(ValueError, match=r"shapes \(2, 3\) and \(2, 1\); they must be"):
            distance(jnp.zeros((2, 3)), jnp.zeros((2, 1)))


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (
            lambda: auxiliary.mutual_information(noise_dim=4, categorical=(), num_continuous=0),
            "mutual_information: there are no codes",
        ),
        (
            lambda: auxiliary.mutual_information(noise_dim=-1),
            "noise_dim is -1; it must be an integer",
        ),
        (
            lambda: auxiliary.mutual_information(noise_dim=4, categorical=(1,)),
            r"categorical\[0\] is 1; it must be an integer, at least 2",
        ),
        (
            lambda: auxiliary.mutual_information(noise_dim=4, continuous_weight=-1.0),
            "continuous_weight is -1",
        ),
        (
            lambda: infogan_latent(4, categorical=(), num_continuous=-2),
            "num_continuous is -2",
        ),
    ],
)
def test_bad_options_are_refused(make: Callable[[], Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        make()


@pytest.mark.parametrize(
    ("penalty", "match"),
    [
        (
            auxiliary.auxiliary_classifier(),
            "auxiliary_classifier needs 'label' in the scene; it has",
        ),
        (auxiliary.supervised(), "supervised needs 'labelled_image' in the scene; it has"),
        (auxiliary.feature_matching(), "feature_matching needs the discriminator's 'features'"),
        (auxiliary.pull_away(), "pull_away needs the discriminator's 'code'; it returns logits"),
        (auxiliary.mutual_information(noise_dim=1), "noise and codes make \\[batch, 13\\]"),
        (
            auxiliary.mutual_information(noise_dim=1, categorical=(2,), num_continuous=0),
            "needs the discriminator's 'code_logits'",
        ),
    ],
)
def test_a_game_that_lacks_what_a_term_needs_is_told_so(penalty: Penalty, match: str) -> None:
    disc = jaxgan.Network(
        init=lambda key: (jnp.ones(2), {}), apply=lambda w, state, x, **_: (x @ w, state)
    )
    gen = jaxgan.Network(
        init=lambda key: (jnp.ones(2), {}), apply=lambda w, state, z, **_: (z[:, :2], state)
    )
    game = with_penalty(jaxgan.gan(gen, disc, latent=3), penalty)
    params, net_state = game.init(jax.random.key(0))
    scene, _ = game.generate(params, net_state, {"image": jnp.ones((4, 2))}, CONTEXT)
    with pytest.raises(ValueError, match=match):
        game.losses(params, net_state, scene, CONTEXT)


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"class_logits have shape \(3, 2\), labels \(2,\)"):
        auxiliary.cross_entropy(jnp.zeros((3, 2)), jnp.zeros(2, jnp.int32))
    with pytest.raises(ValueError, match="categorical_bound: shapes"):
        auxiliary.categorical_bound(jnp.zeros((3, 2)), jnp.zeros((3, 4)))
    with pytest.raises(ValueError, match="gaussian_bound: shapes"):
        auxiliary.gaussian_bound(jnp.zeros((3, 2)), jnp.zeros(2), jnp.zeros((3, 2)))
    wrong = {"code_logits": jnp.zeros((6, 4)), "code_mean": jnp.zeros((6, 2))}
    with pytest.raises(ValueError, match=r"code_logits are of widths \(4,\); the codes have"):
        INFOGAN().terms[0].values(reader(wrong), ())
    alone = View(
        params={},
        discriminator=abs,
        scene={},
        context=CONTEXT,
        player="gen",
        outputs={"fake": {"code": jnp.ones((1, 2))}},
    )
    with pytest.raises(ValueError, match="pull_away: the batch has 1 example; it needs two"):
        auxiliary.pull_away().terms[0].values(alone, ())
