"""Generators as StableHLO: equal to ours, at any batch size."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

import jaxgan as jg
from jaxgan.core.errors import InputError
from jaxgan.export import make_generator, to_stablehlo
from tests import helpers
from tests.export.families import INPUTS, arguments, generated, make_family

pytest.importorskip("flatbuffers")


@pytest.mark.parametrize(
    "name", helpers.rows(INPUTS, [name for name in INPUTS if name != "stylegan2"])
)
def test_every_family_is_exported_equal(name: str) -> None:
    family = make_family(name)
    made = to_stablehlo(make_generator(family.game, family.state, family.spec, **family.options))
    assert list(made.inputs) == INPUTS[name]
    given = arguments(family, 5)
    found = export.deserialize(bytearray(made.data)).call(*(given[one] for one in made.inputs))
    np.testing.assert_allclose(found, generated(family, given), atol=1e-4, rtol=0)


def test_what_differs_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    game = helpers.mlp_gan()
    state = jg.simultaneous(jg.gradient(game), optimizers=helpers.sgds(0.1)).init(jax.random.key(0))
    spec = {"image": jax.ShapeDtypeStruct((2,), jnp.float32)}
    read = export.deserialize

    class Off:
        def __init__(self, data: bytearray) -> None:
            self.exported = read(data)

        def call(self, *given: np.ndarray) -> jax.Array:
            return self.exported.call(*given) + 0.01

    dim = helpers.LATENT
    monkeypatch.setattr(export, "deserialize", Off)
    with pytest.raises(InputError, match=r"differs from the generator by 0\.01"):
        to_stablehlo(make_generator(game, state, spec, latent_dim=dim))
