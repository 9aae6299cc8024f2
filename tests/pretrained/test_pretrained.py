"""Published weights: what does not fit is named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from jaxgan.models import SNGANDiscriminator, SNGANGenerator
from jaxgan.pretrained import FAMILIES, PublishedError, Rule, convert
from jaxgan.pretrained.base import dense, dense_to_map, map_to_dense

TEMPLATE = {"params": {"l": {"kernel": np.zeros((3, 2), np.float32), "bias": np.zeros(2)}}}
RULES = {
    "l.weight": Rule(("params", "l", "kernel"), dense),
    "l.bias": Rule(("params", "l", "bias")),
}
STATE = {"l.weight": np.arange(6.0).reshape(2, 3), "l.bias": np.ones(2)}


def test_arrays_are_turned_and_put_in_their_places() -> None:
    made = convert({**STATE, "n.num_batches_tracked": np.asarray(3)}, RULES, TEMPLATE)
    kernel = made["params"]["l"]["kernel"]
    np.testing.assert_array_equal(kernel, STATE["l.weight"].T)
    assert kernel.dtype == np.float32


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"l.weight": None}, r"l.weight: it is missing; params/l/kernel of shape \(3, 2\) needs"),
        (
            {"m.weight": np.ones(4)},
            r"m.weight: of shape \(4,\), it has no place in this network",
        ),
        (
            {"l.weight": np.ones((2, 4))},
            r"l.weight: its shape \(2, 4\) makes \(4, 2\); params/l/kernel has shape \(3, 2\)",
        ),
        ({"l.weight": np.ones(6)}, r"l.weight: its shape \(6,\) makes nothing; params/l/kernel"),
        ({"l.bias": np.asarray([1.0, np.nan])}, "l.bias: it has numbers that are not finite"),
    ],
)
def test_what_does_not_fit_is_named(change: dict[str, Any], message: str) -> None:
    state = {name: array for name, array in {**STATE, **change}.items() if array is not None}
    with pytest.raises(PublishedError, match=message):
        convert(state, RULES, TEMPLATE)


def test_a_leaf_that_nothing_makes_is_named() -> None:
    rules = {"l.weight": RULES["l.weight"]}
    with pytest.raises(PublishedError, match=r"params/l/bias: of shape \(2,\), no published array"):
        convert({"l.weight": STATE["l.weight"]}, rules, TEMPLATE)


def test_maps_are_flattened_as_ours_are() -> None:
    x, weight = np.random.default_rng(0).normal(size=(2, 30)), np.arange(5 * 30.0).reshape(30, 5)
    theirs = (weight @ np.ones(5)).reshape(5, 3, 2)  # [C, h, w]
    ours = (np.ones(5) @ dense_to_map(3, 2)(weight)).reshape(3, 2, 5)
    np.testing.assert_allclose(ours, theirs.transpose(1, 2, 0))
    maps = x.reshape(2, 5, 3, 2)
    flat = maps.transpose(0, 2, 3, 1).reshape(2, 30)
    np.testing.assert_allclose(flat @ map_to_dense(3, 2)(weight.T), x @ weight)


def test_of_classes_and_of_none_the_rules_differ() -> None:
    rules = FAMILIES["sngan"].rules
    told = SNGANGenerator(32, base_channels=8, conditioning="norm", num_classes=4)
    assert "block2.b1.embed.weight" in rules("gen", told)
    assert "block2.b1.weight" in rules("gen", SNGANGenerator(32, base_channels=8))
    assert "l_y.sn_u" not in rules("disc", SNGANDiscriminator(32, base_channels=8))
