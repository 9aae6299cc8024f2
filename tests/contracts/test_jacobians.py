"""Jacobians are those of the fields: against finite differences of what is followed, a row each.

A value that the gradient holds constant moves the field all the same, so that `stop_gradient`
would give consensus, exact unrolling and spectra another Jacobian than the field's.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, get_args

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import jaxgan
from jaxgan import Context, Game, Network, fields, from_linen, games, penalties
from jaxgan.analysis import dense_jacobian, leading_eigenvalues, products
from jaxgan.core import derivatives
from jaxgan.fields import gradient
from jaxgan.games import balanced, implicit, unrolled, with_penalty, with_signals
from jaxgan.models import layers
from jaxgan.models.layers.norms import Norm, apply_layer, normalise
from jaxgan.optimizers import sgd
from jaxgan.penalties import Penalty, Term, View
from tests import helpers
from tests.contracts.terms import called, factories

CONTEXT = Context(jax.random.key(1))
NUM, LATENT, DIM = 6, 3, 2
STEP = 1e-5
EIGHT = 8


def mlp(sizes: tuple[int, ...], squeeze: bool = False) -> Network:
    def init(key: Any) -> Any:
        keys = jax.random.split(key, len(sizes) - 1)
        shapes = zip(keys, sizes, sizes[1:], strict=False)
        return [{"kernel": jax.random.normal(k, (m, n))} for k, m, n in shapes], {}

    def apply(params: Any, state: Any, x: Any, **_: Any) -> Any:
        for index, layer in enumerate(params):
            x = (jnp.tanh(x) if index else x) @ layer["kernel"]
        return (x[:, 0] if squeeze else x), state

    return Network(init=init, apply=apply)


def plain(disc: Network | None = None, gen: Network | None = None) -> Game:
    return jaxgan.gan(
        mlp((LATENT, 4, DIM)) if gen is None else gen,
        mlp((DIM, 4, 1), squeeze=True) if disc is None else disc,
        latent=lambda key, shape: jax.random.normal(key, (*shape, LATENT)),
    )


def near_target() -> Penalty:
    def values(view: View, state: Any) -> tuple[jax.Array, Any]:
        return jnp.sum((view.scene["fake"] - 0.5) ** 2, axis=1), state

    return Penalty((Term(name="near_target", values=values, players=("gen",)),))


def shifted(key: Any, x: jax.Array) -> jax.Array:
    return 0.8 * x + 0.3 * jax.random.normal(key, x.shape)


def scaled(key: Any, x: jax.Array, p: jax.Array) -> jax.Array:
    return (1.0 + p.astype(x.dtype)) * shifted(key, x)


def ahead(game: Game, **options: Any) -> Game:
    return unrolled(game, num_steps=2, inner=sgd(0.2), inner_state="fresh", **options)


def answered(game: Game, **options: Any) -> Game:
    near: Any = {"damping": 4.0, "tol": 1e-12, "max_iterations": 30, "newton_steps": 4}
    return implicit(game, num_steps=2, inner=sgd(0.1), **near, **options)


class Normed(nn.Module):
    """A discriminator with a normalisation in it."""

    norm: str

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = True) -> jax.Array:
        x = apply_layer(layers.Dense(EIGHT), x, self.norm, train)
        if self.norm != "spectral":
            x = normalise(x, self.norm, train)
        return nn.Dense(1)(jnp.tanh(x))[:, 0]


def normed(norm: str) -> Game:
    return plain(from_linen(Normed(norm), jnp.zeros((2, DIM), jnp.float32)))


GAMES: dict[str, Callable[[], Game]] = {
    "gan": plain,
    "ada": lambda: games.ada(plain(), augment=scaled),
    "apa": lambda: games.apa(plain()),
    "augmented": lambda: games.augmented(plain(), shifted),
    "augmented_at": lambda: games.augmented_at(plain(), scaled, p=0.5),
    "instance_noise": lambda: games.instance_noise(plain(), std=0.3),
    "logan": lambda: games.logan(plain(), weight=1.0, bound=9.0),
    "unrolled auto": lambda: unrolled(
        plain(), num_steps="auto", inner=sgd(0.2), inner_state="fresh", tolerance=0.8
    ),
    "implicit": lambda: answered(plain()),
    "implicit(apa)": lambda: answered(games.apa(plain()), player="disc", opponent="gen"),
    "with_signals": lambda: with_signals(plain()),
    "balanced": lambda: balanced(plain(), near_target()),
    "balanced(apa)": lambda: balanced(games.apa(plain()), near_target()),
    "unrolled": lambda: ahead(plain()),
    "unrolled first_order": lambda: ahead(plain(), mode="first_order"),
    "unrolled(apa)": lambda: ahead(games.apa(plain())),
    "unrolled(balanced)": lambda: ahead(
        balanced(plain(), near_target()), player="disc", opponent="gen"
    ),
}
PENALTIES: dict[str, Callable[[], Penalty]] = {
    "balanced_consistency": partial(penalties.balanced_consistency, shifted),
    "consistency": partial(penalties.consistency, shifted),
    "dragan": penalties.dragan,
    "drift": penalties.drift,
    "historical_averaging": penalties.historical_averaging,
    "latent_consistency": partial(penalties.latent_consistency, scale=0.5),
    "lecam": partial(penalties.lecam, decay=0.5),
    "max_gp": penalties.max_gp,
    "mode_seeking": penalties.mode_seeking,
    "orthogonal": penalties.orthogonal,
    "path_length": partial(penalties.path_length, decay=0.5),
    "r1": penalties.r1,
    "r2": penalties.r2,
    "spectral_norm_penalty": penalties.spectral_norm_penalty,
    "wgan_gp": penalties.wgan_gp,
    "wgan_lp": partial(penalties.wgan_lp, target=0.1),
    "zero_centered_gp": penalties.zero_centered_gp,
}


def penalized(make: Callable[[], Penalty]) -> Game:
    return with_penalty(plain(), make())


NORMS = {norm: (lambda norm=norm: normed(norm)) for norm in get_args(Norm) if norm != "virtual"}
LEFT_OUT = {
    "progressive": "no game of a game: phases of networks",
    "virtual": "needs a reference batch; no stop_gradient in it, see STOPS",
    "with_penalty": "has a row for each penalty",
}
ROWS = {
    **GAMES,
    **{name: partial(penalized, make) for name, make in PENALTIES.items()},
    **NORMS,
    "r1 on renorm": lambda: with_penalty(normed("renorm"), penalties.r1()),
}
HOLDING = helpers.rows(
    ("apa", "spectral", "balanced", "lecam", "path_length", "spectral_norm_penalty", "renorm"),
    ("apa", "balanced", "lecam", "path_length", "spectral_norm_penalty", "renorm"),
)
SLOW = (
    *("consistency", "drift", "r2", "wgan_lp", "orthogonal", "none", "layer", "instance", "max_gp"),
    *("with_signals", "augmented", "augmented_at", "instance_noise", "unrolled"),
    *("implicit(apa)", "unrolled auto", "logan"),
    *(
        "balanced_consistency",
        "historical_averaging",
        "zero_centered_gp",
        "unrolled(balanced)",
        "mode_seeking",
    ),
    *("latent_consistency", "gan", "dragan", "ada", "balanced(apa)", "unrolled first_order"),
    *("r1", "wgan_gp", "batch", "r1 on renorm", "path_length", "spectral_norm_penalty", "renorm"),
)
"""Rows that hold nothing, or add little to the others."""


class Evaluated(NamedTuple):
    pull: np.ndarray
    product: np.ndarray  # J v
    differences: np.ndarray  # of the pull along v


def wide(tree: Any) -> Any:
    return jax.tree.map(lambda x: x.astype(jnp.float64) if x.dtype == jnp.float32 else x, tree)


def evaluated(game: Game) -> Evaluated:
    """The pull, its derivative along a direction, and its central differences."""
    field = gradient(game)
    params, narrow = jax.jit(game.init)(jax.random.key(0))
    params, net_state = wide((params, narrow))
    for name in ("ada", "apa"):
        if name in net_state["disc"]:
            net_state["disc"][name] = {**narrow["disc"][name], "p": jnp.float32(0.5)}
    batch = {"image": jnp.asarray(np.random.default_rng(0).normal(size=(NUM, DIM)))}
    point, unravel = jax.flatten_util.ravel_pytree(params)
    direction = jnp.asarray(np.random.default_rng(1).normal(size=point.shape))

    @jax.jit
    def both(w: jax.Array) -> Any:
        def pull(w: jax.Array) -> jax.Array:
            grads, _, _ = field.apply(unravel(w), (), net_state, batch, CONTEXT)
            return jax.flatten_util.ravel_pytree(grads)[0]

        return jax.jvp(pull, (w,), (direction,))

    with jax.numpy_dtype_promotion("standard"):  # Flax's layers are of float32 at first
        pull, product = both(point)
        ends = [np.asarray(both(point + sign * STEP * direction)[0]) for sign in (1, -1)]
    return Evaluated(np.asarray(pull), np.asarray(product), (ends[0] - ends[1]) / (2 * STEP))


def gap(found: Evaluated) -> float:
    return float(
        np.linalg.norm(found.product - found.differences) / np.linalg.norm(found.differences)
    )


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", helpers.rows(ROWS, SLOW))
def test_the_jacobian_is_that_of_the_field(name: str) -> None:
    assert gap(evaluated(ROWS[name]())) < 1e-6


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", HOLDING)
def test_stop_gradient_has_the_same_gradient_and_another_jacobian(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = evaluated(ROWS[name]())
    monkeypatch.setattr(derivatives, "_held", lambda tree, params: lax.stop_gradient(tree))
    stopped = evaluated(ROWS[name]())
    np.testing.assert_allclose(ours.pull, stopped.pull, rtol=1e-12, atol=1e-15)
    assert gap(stopped) > 1e-3 > 1e-6 > gap(ours)


def test_every_combinator_penalty_and_normalisation_has_a_row() -> None:
    makers = {name for name in games.__all__ if inspect.isfunction(getattr(games, name))}
    of_games = {
        name
        for name in makers
        if next(iter(inspect.signature(getattr(games, name)).parameters), "") == "game"
    }
    assert of_games <= set(GAMES) | set(LEFT_OUT)
    assert {called(make) for make in PENALTIES.values()} == set(
        factories(penalties, "Penalty").values()
    )
    assert set(get_args(Norm)) <= set(NORMS) | set(LEFT_OUT)


STOPS = {
    "fields/_norms.py": "a metric",
    "fields/_solve.py": "when a solver stops, and where it starts: its solution is differentiated",
    "games/_adaptive.py": "signs, of derivative 0",
    "games/_bigan.py": "a metric",
    "games/_implicit.py": "where Newton's method starts: its steps are differentiated",
    "games/_lookahead.py": "a metric, and when a search stops",
    "games/_signals.py": "metrics",
    "losses/_softmax.py": "a shift that cancels, whatever it is",
    "models/layers/mapping.py": "a running mean that no loss reads",
    "optimizers.py": "a rounding error",
}
"""Where derivatives of all orders are stopped, and why no Jacobian is wrong by it."""


def test_nothing_else_stops_derivatives_of_all_orders() -> None:
    package = Path(jaxgan.__file__).parent
    found = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if "stop_gradient" in (text := path.read_text())
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute) and node.attr == "stop_gradient"
    }
    assert found == set(STOPS)


# Spectral norm at converged vectors: against the singular values of NumPy.


@pytest.mark.usefixtures("float64")
def test_the_hessian_of_spectral_norm_is_that_of_the_largest_singular_value() -> None:
    draw = np.random.default_rng(3)
    left, right = (np.linalg.qr(draw.normal(size=(n, 3)))[0] for n in (4, 3))
    kernel = left @ np.diag([3.0, 1.0, 0.5]) @ right.T  # so that 12 iterations are enough
    x, out = draw.normal(size=(5, 4)), draw.normal(size=(5, 3))
    direction = draw.normal(size=kernel.shape)

    class Layer(nn.Module):
        @nn.compact
        def __call__(self, x: jax.Array) -> jax.Array:
            dense = nn.Dense(3, use_bias=False, param_dtype=jnp.float64)
            return layers.spectral_norm(dense, x, train=False, num_steps=12)

    variables = jax.jit(Layer().init)(jax.random.key(0), x)

    def slope(kernel: Any) -> Any:
        def loss(kernel: Any) -> jax.Array:
            params = {"Dense_0": {"kernel": kernel}}
            y = Layer().apply({**variables, "params": params}, jnp.asarray(x))
            return jnp.sum(jnp.sin(y) * out)

        return jax.grad(loss)(kernel)

    def exact(kernel: np.ndarray) -> np.ndarray:
        left, sigmas, right = np.linalg.svd(kernel)
        sigma = sigmas[0]
        outer = x.T @ (np.cos(x @ kernel / sigma) * out)
        return outer / sigma - np.sum(outer * kernel) / sigma**2 * np.outer(left[:, 0], right[0])

    value, found = jax.jit(lambda k: jax.jvp(slope, (k,), (jnp.asarray(direction),)))(kernel)
    np.testing.assert_allclose(value, exact(kernel), rtol=1e-8)
    ends = [exact(kernel + sign * 1e-6 * direction) for sign in (1, -1)]
    np.testing.assert_allclose(found, (ends[0] - ends[1]) / 2e-6, rtol=1e-6, atol=1e-8)


# Networks that others made.


class Theirs(nn.Module):
    @nn.compact
    def __call__(self, x: jax.Array, train: bool = True) -> jax.Array:
        return nn.SpectralNorm(nn.Dense(1))(x, update_stats=train)[:, 0]


def test_who_needs_second_derivatives_says_where_they_are_wrong() -> None:
    disc = from_linen(Theirs(), jnp.zeros((1, DIM)))
    assert disc.detached == ("flax.linen.SpectralNorm",)
    game = jaxgan.gan(from_linen(nn.Dense(DIM), jnp.zeros((1, LATENT))), disc, latent=LATENT)
    field, words = gradient(game), r": flax\.linen\.SpectralNorm stops derivatives"
    params, net_state = game.init(jax.random.key(0))
    batch = {"image": jnp.zeros((NUM, DIM))}
    at = {"params": params, "net_state": net_state, "batch": batch, "context": CONTEXT}
    askers: dict[str, Callable[[], Any]] = {
        "consensus": lambda: fields.consensus(field, gamma=0.1),
        "implicit": lambda: implicit(game),
        "unrolled": lambda: unrolled(game, num_steps=1),
    }
    for name, ask in askers.items():
        with pytest.warns(UserWarning, match=f"^{name}{words}") as caught:
            ask()
        assert len(caught) == 1
    refused: dict[Callable[..., Any], dict[str, Any]] = {  # before anything is computed
        dense_jacobian: {"max_params": 1},
        leading_eigenvalues: {"num": 1000},
        products: {"batch": {}},
    }
    for count, options in refused.items():
        told = pytest.warns(UserWarning, match=f"^analysis{words}")
        with told, pytest.raises((ValueError, KeyError)):
            count(field, **{**at, **options})
    assert unrolled(game, num_steps=1, mode="first_order").detached == disc.detached
    assert normed("spectral").detached == ()
