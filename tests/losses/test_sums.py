"""Objectives that add and scale: values, states, names, and what is refused."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import Context, Loss, losses
from jaxgan.core.heads import named_logits
from jaxgan.core.loss import gen_terms
from jaxgan.core.schedules import linear
from jaxgan.core.typing import PyTree
from jaxgan.fields import gradient
from tests import helpers
from tests.losses.test_modifiers import pair

CONTEXT = Context(jax.random.key(3))


def values(loss: Loss, context: Context = CONTEXT) -> tuple[Any, Any]:
    real, fake = map(jnp.asarray, pair())
    disc, _ = loss.disc(real, fake, loss.init(), context)
    return disc, loss.gen(real, fake, loss.init(), context)


def counting(start: int = 3, name: str = "counting") -> Loss:
    """Wasserstein times a count that its state holds."""

    def disc(real: Any, fake: Any, state: PyTree, context: Context) -> tuple[jax.Array, PyTree]:
        count = state["count"]
        return count * (fake - real), {"count": count + 1.0}

    def gen(real: Any, fake: Any, state: PyTree, context: Context) -> jax.Array:
        scaled: jax.Array = state["count"] * (real - fake)
        return scaled

    return Loss(disc=disc, gen=gen, init=lambda: {"count": jnp.float32(start)}, name=name)


def test_values_are_the_weighted_sum_of_the_formulas() -> None:
    real, fake = pair()
    disc, gen = values(losses.hinge() + 0.25 * losses.wasserstein())
    hinges = np.maximum(0, 1 - real) + np.maximum(0, 1 + fake)
    np.testing.assert_allclose(disc, hinges + 0.25 * (fake - real), rtol=1e-6)
    np.testing.assert_allclose(gen, -fake + 0.25 * (real - fake), rtol=1e-6)


IDENTITIES: dict[str, Callable[[Loss], Loss]] = {
    "times 1": lambda loss: loss * 1,
    "1 times": lambda loss: 1.0 * loss,
    "0 and it": lambda loss: sum([loss], losses.hinge() * 0),
    "and 0 times another": lambda loss: loss + 0.0 * losses.hinge(),
    "halves": lambda loss: 0.5 * loss + loss * 0.5,
    "a NumPy number": lambda loss: np.float32(1.0) * loss,
    "an array": lambda loss: jnp.float32(1.0) * loss,
    "sum()": lambda loss: sum([loss]) or loss,
}


@pytest.mark.parametrize("name", IDENTITIES)
def test_identities_hold_to_the_bit(name: str) -> None:
    loss = losses.relativistic()
    for found, expected in zip(values(IDENTITIES[name](loss)), values(loss), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_training_with_an_identity_is_the_same_to_the_bit() -> None:
    def trained(loss: Loss) -> Any:
        field = gradient(helpers.mlp_gan(loss=loss))
        algorithm = jaxgan.simultaneous(field, optimizers=helpers.sgds(0.1))
        return helpers.run(algorithm, algorithm.init(jax.random.key(0)), 3)

    plain, history = trained(losses.hinge())
    state, _ = trained(1.0 * losses.hinge() + 0.0 * losses.minimax())
    helpers.assert_same_bits(state, plain)
    assert set(history[0]) == {"loss/gen", "loss/disc", "disc/real_out", "disc/fake_out"}


def test_adding_is_associative() -> None:
    a, b, c = losses.hinge(), losses.minimax(), counting()
    left, right = (a + b) + c, a + (b + c)
    assert [term.name for term in left.terms] == [term.name for term in right.terms]
    for found, expected in zip(values(left), values(right), strict=True):
        np.testing.assert_array_equal(found, expected)
    flat, nested = 2.0 * (a + b), 2.0 * a + 2.0 * b
    assert [term.name for term in flat.terms] == ["hinge", "minimax"]
    for found, expected in zip(values(flat), values(nested), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_one_loss_is_its_own_term() -> None:
    real, fake = map(jnp.asarray, pair())
    loss = counting(3)
    terms = gen_terms(loss, real, fake, loss.init(), CONTEXT)
    assert set(terms) == {"counting"}
    np.testing.assert_allclose(terms["counting"], 3 * (real - fake))


def test_names_are_kept_apart() -> None:
    loss = losses.hinge() + losses.hinge(margin=2.0) + counting(1) + counting(5)
    assert [term.name for term in loss.terms] == ["hinge", "hinge_2", "counting", "counting_2"]
    assert set(loss.init()) == {"counting", "counting_2"}
    assert [term.name for term in loss.named("all").terms][:2] == ["all_hinge", "all_hinge_2"]
    assert losses.hinge().named("mine").terms[0].name == "mine"


def test_what_is_changed_by_hand_is_no_sum_any_more() -> None:
    both = losses.hinge() + losses.wasserstein()
    assert len(both.terms) == 2
    assert len(both._replace(gen=losses.hinge().gen).terms) == 1
    assert len(losses.top_k(both, fraction=0.5).terms) == 1
    assert len(losses.flip_labels(both, probability=0.1).terms) == 1


def test_weights_may_be_schedules_and_traced() -> None:
    loss = losses.hinge() + linear(0.0, 1.0, 10) * losses.wasserstein()
    bare, extra = values(losses.hinge())[0], values(losses.wasserstein())[0]
    for step, weight in ((0, 0.0), (5, 0.5), (20, 1.0)):
        found, _ = values(loss, replace(CONTEXT, step=jnp.int32(step)))
        np.testing.assert_allclose(found, bare + weight * extra, rtol=1e-6)

    def disc(weight: jax.Array) -> jax.Array:
        return jnp.mean(values(losses.hinge() + weight * losses.wasserstein())[0])

    weights = jnp.asarray([0.0, 0.5, 2.0])
    np.testing.assert_allclose(
        jax.vmap(disc)(weights), [jnp.mean(bare + w * extra) for w in weights], rtol=1e-6
    )


def test_each_term_keeps_its_own_state() -> None:
    loss = counting(3) + losses.hinge() + 0.5 * losses.began(gamma=0.5, lambda_k=0.1)
    real, fake = jnp.full(4, -8.0), jnp.full(4, -1.0)
    state = loss.init()
    for _ in range(2):
        _, state = loss.disc(real, fake, state, CONTEXT)
    alone = losses.began(gamma=0.5, lambda_k=0.1)
    _, expected = alone.disc(real, fake, alone.init(), CONTEXT)
    _, expected = alone.disc(real, fake, expected, CONTEXT)
    assert float(state["counting"]["count"]) == 5.0
    np.testing.assert_array_equal(state["began"]["k"], expected["k"])
    gen = loss.gen(real, fake, state, CONTEXT)
    np.testing.assert_allclose(gen, 5.0 * (real - fake) - fake - 0.5 * fake)
    scaled = 2.0 * counting(3)
    assert scaled.init() == counting(3).init()


def test_what_a_sum_says_of_itself() -> None:
    zero_sum = losses.minimax() + 0.5 * losses.wasserstein()
    assert zero_sum.is_zero_sum
    assert not (zero_sum + losses.hinge()).is_zero_sum
    disc, gen = values(zero_sum)
    np.testing.assert_allclose(gen, -disc, rtol=1e-6)
    assert (losses.hinge() + losses.softmax()).couples_batch
    assert not zero_sum.couples_batch


def test_one_value_for_the_batch_adds_to_one_per_example() -> None:
    draw = np.random.default_rng(0)
    outs = [
        {
            "logits": jnp.asarray(draw.normal(size=6)),
            "features": jnp.asarray(draw.normal(size=(6, 2))),
        }
        for _ in range(2)
    ]
    apart = losses.feature_matching(losses.hinge)
    found = (losses.hinge() + 10.0 * apart)(outs[0], outs[1])["gen"]
    expected = -jnp.mean(outs[1]["logits"]) + 10.0 * apart(outs[0], outs[1])["gen"]
    np.testing.assert_allclose(jnp.mean(found), expected, rtol=1e-6)


def test_needs_that_are_not_met_are_named() -> None:
    loss, out = losses.hinge() + losses.multi_class(), jnp.zeros(4)
    with pytest.raises(ValueError, match="multi_class needs the discriminator's 'class_logits'"):
        loss.disc(out, out, loss.init(), CONTEXT)
    with pytest.raises(ValueError, match=r"one array of logits; .* a, b: .*over_outputs\(loss\)"):
        losses.hinge()({"a": out, "b": out}, {"a": out, "b": out})


REFUSED: dict[str, Callable[[Loss], Any]] = {
    "what is added to a Loss is 1; it must be another Loss": lambda loss: loss + 1,
    "what is added to a Loss is 1.5; ": lambda loss: 1.5 + loss,
    "what is added to a Loss is .*Penalty.*with_penalty": lambda loss: jaxgan.penalties.r1() + loss,
    "what is added to a Loss is .*hinge.*; it must": lambda loss: loss + losses.hinge,
    "what is added to a Loss is .1,.; ": lambda loss: operator.add((1,), loss),
    "a Loss is multiplied by a Loss": lambda loss: loss * loss,
    "weight is -1.0; it must be at least 0": lambda loss: -1.0 * loss,
    "weight is nan; ": lambda loss: loss * float("nan"),
    "weight is 'half'; ": lambda loss: loss * "half",
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_is_refused(message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=f"^{message}") as caught:
        REFUSED[message](losses.hinge())
    assert len(str(caught.value).splitlines()) == 1


def test_terms_are_logged_in_every_game() -> None:
    loss = 0.5 * losses.hinge() + losses.minimax().named("old") + counting(1)
    game = helpers.mlp_gan(loss=loss)
    algorithm = jaxgan.simultaneous(gradient(game), optimizers=helpers.sgds(0.1))
    _, (metrics,) = helpers.run(algorithm, algorithm.init(jax.random.key(0)), 1)
    for player in ("disc", "gen"):
        terms = [metrics[f"{player}/{name}"] for name in ("hinge", "old", "counting")]
        np.testing.assert_allclose(sum(terms), metrics[f"loss/{player}"], rtol=1e-5)
    assert float(metrics["disc/counting_count"]) == 2.0
    assert game.terms[:2] == (("disc", "hinge"), ("disc", "old"))


def test_names_that_are_taken_are_refused() -> None:
    loss = losses.hinge() + losses.minimax().named("real_out")
    algorithm = jaxgan.simultaneous(
        gradient(helpers.mlp_gan(loss=loss)), optimizers=helpers.adams()
    )
    with pytest.raises(ValueError, match="a term of the loss is 'real_out', a metric of the game"):
        helpers.run(algorithm, algorithm.init(jax.random.key(0)), 1)
    loss = losses.hinge() + losses.minimax().named("r1")
    with pytest.raises(ValueError, match="'r1' is given 'disc' twice"):
        helpers.mlp_gan(loss=loss, penalty=jaxgan.penalties.r1())


def test_outputs_in_outputs_are_named_by_their_path() -> None:
    logits = {"scales": {"small": 1.0, "large": 2.0}, "patch": (3.0,)}
    named = {"patch_0": 3.0, "scales_large": 2.0, "scales_small": 1.0}
    assert named_logits(logits) == named
