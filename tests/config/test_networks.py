"""Networks that a config can name: their options are the fields of their Flax modules."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import pytest

from jaxgan.config import networks, registry
from jaxgan.config.networks.base import GENERATOR, NO_OPTIONS, Family, Option
from jaxgan.config.networks.fields import SQUARE
from jaxgan.config.sections import Choice
from jaxgan.core.errors import ConfigError

TABLES = (
    registry.DISCRIMINATORS,
    registry.ENCODERS,
    registry.GENERATORS,
    registry.JOINT_DISCRIMINATORS,
    registry.TRANSLATORS,
)
FAMILIES = [
    pytest.param(family, id=f"{family.name}-{family.module.__name__}")
    for table in TABLES
    for family in table.values()
    if isinstance(family, Family)
]


class Toy(nn.Module):
    image_size: int
    channels: int = 3
    slope: float = 0.5
    norm: str = "none"
    width: int = 2
    dtype: Any = None

    @nn.compact
    def __call__(self, z: jax.Array) -> jax.Array:
        x = nn.Dense(self.width)(z)
        x = nn.Dense(self.image_size**2 * self.channels)(x)
        return x.reshape(-1, self.image_size, self.image_size, self.channels)


toy = Family("toy", Toy, GENERATOR, SQUARE, {"norm": "none"}, {"width": Option(7)})


def test_options_are_the_fields_that_nothing_else_decides() -> None:
    options = {"slope": 0.5, "width": 7, "precision": "float32", "remat": "none"}
    choice = Choice({"toy": toy}, given=GENERATOR.given)
    section = choice.resolve("toy", "generator")
    assert section == {"name": "toy", **options}
    with pytest.raises(ConfigError, match=r"generator\.slope is 'steep'; it must be a number"):
        choice.resolve({"name": "toy", "slope": "steep"}, "generator")
    with pytest.raises(ConfigError, match="norm: unknown key"):
        choice.resolve({"name": "toy", "norm": "batch"}, "generator")


def test_everything_reaches_the_module_by_its_name() -> None:
    section = {"name": "toy", "slope": 0.25, "width": 3, "precision": "bfloat16", "remat": "full"}
    network = Choice({"toy": toy}).make(section, "generator", shape=(4, 4, 1), latent_dim=5)
    expected = Toy(image_size=4, channels=1, slope=0.25, width=3, dtype=jnp.bfloat16)
    assert network.module == expected
    params, _ = jax.eval_shape(network.init, jax.random.key(0))
    assert params["Dense_0"]["kernel"].shape == (5, 3)


def test_options_are_given_by_keyword_alone() -> None:
    with pytest.raises(TypeError, match="too many positional arguments"):
        networks.dcgan_generator((8, 8, 1), 4, None, 8)
    with pytest.raises(TypeError, match="unexpected keyword argument 'width'"):
        networks.dcgan_generator((8, 8, 1), 4, width=8)


def test_every_network_is_of_a_family() -> None:
    assert len(FAMILIES) == sum(map(len, TABLES)) == len(networks.__all__) - 3


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_names_fields_that_its_module_has(family: Family) -> None:
    fields = {field.name: field.default for field in dataclasses.fields(family.module)}
    decided = {*family.from_data, *family.fixed}
    assert decided <= set(fields)
    assert set(family.options) <= {*fields, "conditioning", "orthogonal_gain", "packing"}
    assert not set(family.fixed) & {*family.options, *family.from_data}
    parameters = inspect.signature(family).parameters
    further = {*family.role.given, *family.options, "precision", "remat"}
    for name, parameter in parameters.items():
        if name not in further:
            assert parameter.default == fields[name], name
    assert set(fields) <= {*parameters, *decided, *NO_OPTIONS}
