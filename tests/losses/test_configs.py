"""Objectives in configs: bases within bases, schedules within those, faults with their path."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import Context, losses
from jaxgan.config.base import override
from jaxgan.config.build import build_optimizers
from jaxgan.config.games.base import LOSS
from jaxgan.config.registry import LOSSES
from jaxgan.config.resolve import resolve
from jaxgan.core.errors import ConfigError
from jaxgan.core.schedules import linear
from tests.contracts.terms import factories

SGD = {"name": "sgd", "learning_rate": 0.1}


def resolved(loss: Any) -> Any:
    return resolve({"loss": loss, "optimizer": {"gen": SGD, "disc": SGD}})["loss"]


def test_every_objective_has_a_name_in_configs() -> None:
    assert set(LOSSES) == set(factories(losses, "Loss")) - {"as_loss", "stateless"}


def test_a_base_may_have_a_base() -> None:
    schedule = {"schedule": "linear", "init_value": 1.0, "final_value": 0.5, "num_steps": 10}
    section = {
        "name": "top_k",
        "fraction": schedule,
        "base": {
            "name": "flip_labels",
            "probability": 0.25,
            "base": {"name": "relativistic_average", "base": {"name": "hinge", "margin": 2.0}},
        },
    }
    full = resolved(section)
    assert full["base"]["base"]["base"] == {"name": "hinge", "margin": 2.0}
    assert resolved(full) == full
    assert resolved("feature_matching")["base"]["name"] == "non_saturating"
    made = LOSS.make(full, "loss")
    mine = losses.top_k(
        losses.flip_labels(losses.relativistic_average(losses.hinge, margin=2.0), probability=0.25),
        fraction=linear(1.0, 0.5, 10),
    )
    real, fake = jnp.arange(8.0) / 4, jnp.arange(8.0)[::-1] / 3
    for step in (0, 10):
        context = Context(jax.random.key(0), step=jnp.int32(step))
        for found, expected in (
            (made.disc(real, fake, (), context)[0], mine.disc(real, fake, (), context)[0]),
            (made.gen(real, fake, (), context), mine.gen(real, fake, (), context)),
        ):
            np.testing.assert_array_equal(found, expected)


FAULTS = {
    "loss.base.base.name is 'hing'; it must be 'began', ": {
        "name": "top_k",
        "fraction": 0.5,
        "base": {"name": "relativistic", "base": "hing"},
    },
    "loss.base (flip_labels).probabilty": {
        "name": "relativistic",
        "base": {"name": "flip_labels", "probabilty": 0.1},
    },
    "loss.fraction is missing": "top_k",
    "loss.gamma is 'much'": {"name": "began", "gamma": "much"},
}


@pytest.mark.parametrize("message", FAULTS)
def test_faults_are_named_with_their_path(message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolved(FAULTS[message])
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"name": "f_gan", "divergence": "kll"}, "loss.divergence is 'kll'; .*; did you mean kl"),
        ({"name": "f_gan", "divergence": "alpha"}, "loss: divergence 'alpha' needs alpha"),
        (
            {"name": "relativistic", "base": {"name": "hinge", "margin": 0.0}},
            "loss.base.margin is 0.0",
        ),
    ],
)
def test_values_are_refused_in_the_objectives_own_words(section: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        LOSS.make(resolved(section), "loss")


def test_weight_clipping_in_a_config() -> None:
    clipped = {"name": "rmsprop", "learning_rate": 5e-5, "weight_clip": 0.01}
    config = resolve({"loss": "wasserstein", "optimizer": {"gen": SGD, "disc": clipped}})
    assert config["optimizer"]["gen"]["weight_clip"] is None
    optimizer = build_optimizers(config)["disc"]
    w = jnp.ones(3)
    updates, _ = optimizer.update(w, optimizer.init(w), w)
    np.testing.assert_allclose(w + updates, np.full(3, 0.01), rtol=1e-4)


# Sums.


def test_a_config_of_one_loss_is_as_it_was() -> None:
    assert resolved("hinge") == resolved({"name": "hinge"}) == {"name": "hinge", "margin": 1.0}


def test_a_loss_may_be_a_sum() -> None:
    weight = {"schedule": "linear", "init_value": 1.0, "final_value": 0.0, "num_steps": 10}
    weight = {**weight, "start_step": 0}
    full = resolved(
        {
            "hinge": {"weight": 2},
            "wide": {"name": "hinge", "margin": 3.0, "weight": weight},
            "relativistic": {"base": {"hinge": {}, "minimax": {"weight": 0.5}}},
            "softmax": None,
        }
    )
    assert full["hinge"] == {"margin": 1.0, "weight": 2}
    assert full["wide"] == {"name": "hinge", "margin": 3.0, "weight": weight}
    assert full["relativistic"]["base"]["minimax"]["weight"] == 0.5
    assert set(full) == {"hinge", "wide", "relativistic"}
    assert resolved(full) == full
    made = LOSS.make(full, "loss")
    assert [term.name for term in made.terms] == ["hinge", "wide", "relativistic"]
    base = losses.hinge() + 0.5 * losses.minimax()
    mine = 2.0 * losses.hinge() + linear(1.0, 0.0, 10) * losses.hinge(margin=3.0)
    mine = mine + losses.relativistic(base)
    real, fake = jnp.arange(8.0) / 4, jnp.arange(8.0)[::-1] / 3
    context = Context(jax.random.key(0), step=jnp.int32(4))
    found, _ = made.disc(real, fake, (), context)
    np.testing.assert_array_equal(found, mine.disc(real, fake, (), context)[0])


def test_flags_address_the_terms_of_a_sum() -> None:
    said = {"loss": {"hinge": {"weight": 1.0}, "minimax": {}}}
    assert resolved(override(said, "loss.hinge.weight", "2")["loss"])["hinge"]["weight"] == 2
    assert set(resolved(override(said, "loss.minimax", "none")["loss"])) == {"hinge"}
    added = override(said, "loss.softmax.weight", "0.5")["loss"]
    assert resolved(added)["softmax"] == {"weight": 0.5}
    for loss in ("hinge", {"name": "hinge"}):
        alone = resolved(override({"loss": loss}, "loss.hinge.weight", "2")["loss"])
        assert alone == {"hinge": {"margin": 1.0, "weight": 2}}
        assert LOSS.make(alone, "loss").name == "hinge"


def weighed(*, weight: float = 1.0) -> losses.Loss:
    return losses.hinge(margin=weight)


def test_a_weight_of_its_own_is_the_functions() -> None:
    own = f"{__name__}:weighed"
    assert resolved({"name": own, "weight": 2.0}) == {"name": own, "weight": 2.0}
    made = LOSS.make(resolved({"mine": {"name": own, "weight": 2.0}, "hinge": {}}), "loss")
    values = made.disc(jnp.zeros(1), jnp.zeros(1), (), Context(jax.random.key(0)))[0]
    assert values.tolist() == [4.0 + 2.0]  # a margin of 2, and of 1


def test_over_outputs_in_a_config() -> None:
    full = resolved({"name": "over_outputs", "base": "hinge", "weights": {"a": 1.0, "b": 0.5}})
    assert full == {
        "name": "over_outputs",
        "base": {"name": "hinge", "margin": 1.0},
        "weights": {"a": 1.0, "b": 0.5},
    }
    out = {"logits": {"a": jnp.full(2, 3.0), "b": jnp.ones((2, 4))}}
    assert LOSS.make(full, "loss")(out, out)["gen"].tolist() == [-3.5, -3.5]
    listed = resolved(
        {"name": "over_outputs", "base": {"hinge": {}, "softmax": {}}, "weights": [1]}
    )
    assert [term.name for term in LOSS.make(listed, "loss").terms] == ["hinge", "softmax"]


SUM_FAULTS = {
    "loss.hing: unknown key; did you mean hinge?": {"hing": {}},
    "loss.hinge.weight is -1; it must be at least 0": {"hinge": {"weight": -1}},
    "loss.hinge.weight is 'much'; ": {"hinge": {"weight": "much"}, "minimax": {}},
    "loss.hinge (hinge).margn: unknown key": {"hinge": {"margn": 1.0}},
    "loss.hinge is 2.0; it must be {option: value}": {"hinge": 2.0},
    "loss.mine.name is 'hing'": {"mine": {"name": "hing"}},
    "loss is {}; it must be a name": {},
    "loss.name is 'hing'": {"name": "hing", "weight": 2.0},
    "loss.weights is {'a': -1.0}": {"name": "over_outputs", "weights": {"a": -1.0}},
    "loss.base.hinge.weight is -1": {"name": "relativistic", "base": {"hinge": {"weight": -1}}},
}


@pytest.mark.parametrize("message", SUM_FAULTS)
def test_faults_of_a_sum_are_named_with_their_path(message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolved(SUM_FAULTS[message])
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
