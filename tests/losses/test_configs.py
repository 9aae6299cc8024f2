"""Objectives in configs: bases within bases, schedules within those, faults with their path."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import Context, losses
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
