"""Path lengths of a generator that is steered by styles, and which parameters are kernels."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import penalties
from jaxgan.penalties import View
from tests.contracts import terms


def test_path_lengths_are_those_of_the_styles_where_there_are_any() -> None:
    """G(w) = Σ_l w_l A_l: the length is √(mean_l ‖A_l y‖²), of every second example."""
    draw = np.random.default_rng(0)
    matrices = draw.normal(size=(3, 2, 5)).astype(np.float32)
    scene = {
        "w": jnp.asarray(draw.normal(size=(4, 3, 2)), jnp.float32),
        "label": jnp.arange(4),
        "real": jnp.zeros((4, 5)),
    }
    asked = []

    def generator(given: Any) -> jax.Array:
        asked.append((given["w"].shape, given["label"].tolist()))
        return jnp.einsum("bld,ldp->bp", given["w"], matrices)

    view = View(
        params={}, discriminator=abs, scene=scene, context=terms.CONTEXT, generator=generator
    )
    values, state = (
        penalties.path_length(shrink=2).terms[0].values(view, {"length": jnp.float32(2.0)})
    )
    noise = terms.noise("path_length", (2, 5)) / np.sqrt(5)
    pulled = np.einsum("bp,ldp->bld", noise, matrices)
    lengths = np.sqrt((pulled**2).sum(2).mean(1))
    mean = 2.0 + 0.01 * (lengths.mean() - 2.0)
    np.testing.assert_allclose(values, (lengths - mean) ** 2, rtol=1e-5)
    np.testing.assert_allclose(state["length"], mean, rtol=1e-6)
    assert set(map(str, asked)) == {str(((2, 3, 2), [0, 2]))}
    with pytest.raises(ValueError, match="shrink is 0; it must be an integer"):
        penalties.path_length(shrink=0)
