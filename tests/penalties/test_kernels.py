"""Which parameters the penalties of kernels look at."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from jaxgan.penalties import View, orthogonal
from tests.contracts import terms


def test_kernels_are_matrices_of_that_name_or_their_values() -> None:
    def value(params: object) -> float:
        view = View(params={"disc": params}, discriminator=abs, scene={}, context=terms.CONTEXT)
        return float(orthogonal().terms[0].values(view, ())[0])

    kernel, other = jnp.full((2, 1), 2.0), jnp.full((2, 2), 9.0)
    expected = (2 * 2.0**2 - 1) ** 2  # of one column of squared length 8
    for params in (
        {"kernel": kernel, "bias": other, "kernel_scale": other},
        {"Dense_0": {"kernel": {"value": kernel}}},
        {"kernel": kernel, "norm": {"kernel": jnp.full(3, 9.0)}},
        {"conv": {"kernel": kernel}, "kernel": {"of": {"a": other}}},
    ):
        np.testing.assert_allclose(value(params), expected)
