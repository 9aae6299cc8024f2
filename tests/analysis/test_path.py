"""Path-angle and path-norm against closed forms: attraction, rotation and both."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import Context
from jaxgan.analysis import Path, path
from jaxgan.fields import gradient
from tests import helpers
from tests.analysis import games

pytestmark = pytest.mark.usefixtures("float64")

CONTEXT = Context(jax.random.key(0))
STATE: dict[str, Any] = {"gen": {}, "disc": {}}


def players(x: float, y: float) -> dict[str, jax.Array]:
    return {"gen": jnp.full(1, x), "disc": jnp.full(1, y)}


def line(curvature: float, coupling: float, start: Any, end: Any, **options: Any) -> Path:
    """Along a line in the plane, with J = [[curvature, coupling], [-coupling, curvature]]."""
    one = jnp.eye(1)
    game = jaxgan.quadratic(curvature * one, coupling * one, curvature * one)
    return path(gradient(game), players(*start), players(*end), STATE, {}, CONTEXT, **options)


def test_attraction_switches_the_sign_at_the_end() -> None:
    found = line(3.0, 0.0, (3.0, 4.0), (0.0, 0.0))
    np.testing.assert_allclose(found.alphas, np.linspace(-0.1, 1.1, 100))
    np.testing.assert_allclose(found.angle, np.where(found.alphas < 1, -1.0, 1.0), rtol=1e-12)
    np.testing.assert_allclose(found.norm, 15 * np.abs(1 - found.alphas), atol=1e-12)


def test_rotation_alone_is_a_bump() -> None:
    # From (-2, 1) to (0, 1), past the equilibrium: w = (2 (α - 1), 1), ξ = (1, 2 (1 - α)).
    found = line(0.0, 1.0, (-2.0, 1.0), (0.0, 1.0))
    norm = np.sqrt(1 + 4 * (1 - found.alphas) ** 2)
    np.testing.assert_allclose(found.norm, norm, rtol=1e-12)
    np.testing.assert_allclose(found.angle, 1 / norm, rtol=1e-12)


def test_rotation_about_the_end_itself_is_square_to_the_path() -> None:
    found = line(0.0, 2.0, (3.0, 4.0), (0.0, 0.0))
    np.testing.assert_allclose(found.angle, 0.0, atol=1e-12)
    np.testing.assert_allclose(found.norm, 10 * np.abs(1 - found.alphas), atol=1e-12)


def test_both_at_once() -> None:
    # J is a rotation by 60 degrees times 2, the pull hence 120 degrees off the path before the end.
    found = line(1.0, np.sqrt(3.0), (3.0, 4.0), (0.0, 0.0), alphas=np.array([-0.1, 0.5, 1.5]))
    np.testing.assert_allclose(found.angle, [-0.5, -0.5, 0.5], rtol=1e-12)
    np.testing.assert_allclose(found.norm, [11.0, 5.0, 5.0], rtol=1e-12)


def test_the_angle_at_an_equilibrium_is_zero() -> None:
    found = line(1.0, 0.0, (1.0, 1.0), (0.0, 0.0), alphas=jnp.array([1.0]))
    assert (found.angle.tolist(), found.norm.tolist()) == ([0.0], [0.0])


def test_of_a_gan() -> None:
    field = gradient(helpers.mlp_gan(jnp.float64))
    start, net_state, batch, context = games.situation(field)
    end, _ = field.game.init(jax.random.key(7))
    found = path(field, start, end, net_state, batch, context, alphas=np.array([0.25]))
    here = jax.tree.map(lambda a, b: 0.75 * a + 0.25 * b, start, end)
    pull, _, _ = field.apply(here, (), net_state, batch, context)
    leaves = [np.ravel(leaf) for leaf in jax.tree.leaves(pull)]
    xi = np.concatenate(leaves)
    ends = zip(jax.tree.leaves(end), jax.tree.leaves(start), strict=True)
    along = np.concatenate([np.ravel(b - a) for b, a in ends])
    norm = np.linalg.norm(xi)
    np.testing.assert_allclose(found.norm, norm, rtol=1e-10)
    np.testing.assert_allclose(found.angle, xi @ along / (norm * np.linalg.norm(along)), rtol=1e-10)


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="start and end are the same point"):
        line(1.0, 0.0, (1.0, 2.0), (1.0, 2.0))
    field = gradient(jaxgan.bilinear())
    two = {"gen": jnp.ones(2), "disc": jnp.ones(1)}
    with pytest.raises(ValueError, match="start and end differ in structure or shapes"):
        path(field, two, players(1.0, 1.0), STATE, {}, CONTEXT)
