"""Generators as ONNX in onnxruntime: equal to ours, at any batch size."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

from jaxgan.core.errors import InputError
from jaxgan.export import _generator, make_generator, to_onnx
from tests import helpers
from tests.export.families import INPUTS, Family, arguments, generated, make_family

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
FAST = ("stylegan2",)


def check(data: bytes, family: Family, *names: str, domain: str = "image") -> None:
    """Against the game itself, at batch sizes that the export did not try."""
    session = onnxruntime.InferenceSession(data)
    assert [each.name for each in session.get_inputs()] == list(names)
    for num in (2, 5):
        given = arguments(family, num)
        (found,) = session.run(None, {name: given[name] for name in names})
        expected = generated(family, given, domain)
        assert found.std() > 1e-3
        np.testing.assert_allclose(found, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    "name", helpers.rows(INPUTS, [name for name in INPUTS if name not in FAST])
)
def test_every_family_is_equal_in_onnxruntime(name: str) -> None:
    family = make_family(name)
    made = to_onnx(make_generator(family.game, family.state, family.spec, **family.options))
    assert list(made.inputs) == INPUTS[name]
    assert 0 <= made.difference < 1e-4
    check(made.data, family, *INPUTS[name])
    model = onnx.load_from_string(made.data)
    assert [(each.domain, each.version) for each in model.opset_import] == [("", 18)]
    assert any(each.name.startswith("params/") for each in model.graph.initializer)


def test_it_is_compared_with_products_of_all_bits() -> None:
    family, seen = make_family("digits"), []

    def generate(*args: Any) -> Any:
        seen.append(str(jax.make_jaxpr(lambda x: x @ x)(np.eye(2, dtype=np.float32))))
        return family.game.generate(*args)

    game = family.game._replace(generate=generate)
    generator = make_generator(game, family.state, family.spec, **family.options)
    seen.clear()  # of shapes alone
    to_onnx(generator)
    assert all("HIGHEST" in product for product in seen)  # an accelerator would leave some out
    assert seen


@pytest.mark.slow
def test_dropout_that_stays_has_the_bits_of_jax() -> None:
    family = make_family("pix2pix", "--config.data.image_size=64")
    made = to_onnx(make_generator(family.game, family.state, family.spec, **family.options))
    assert "BitwiseXor" in {node.op_type for node in onnx.load_from_string(made.data).graph.node}
    check(made.data, family, "source")


@pytest.mark.slow
def test_both_generators_of_cyclegan_go_their_way() -> None:
    family = make_family("cyclegan")
    made = to_onnx(
        make_generator(
            family.game, family.state, family.spec, direction="backward", **family.options
        )
    )
    check(made.data, family, "image", domain="source")


def test_what_differs_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    family = make_family("vae")
    generated = _generator.Generator.examples

    def other(self: _generator.Generator, num: int) -> list[np.ndarray]:
        return [np.nan * given for given in generated(self, num)]

    monkeypatch.setattr(_generator.Generator, "examples", other)
    with pytest.raises(InputError, match="what was exported differs from the generator by nan"):
        to_onnx(make_generator(family.game, family.state, family.spec, **family.options))
