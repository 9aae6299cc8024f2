"""What every penalty and auxiliary term must do, for the tables that list them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import Context, Game, Network, Penalty
from jaxgan.auxiliary import infogan_latent
from jaxgan.games import with_penalty
from jaxgan.penalties import Term, View
from tests import helpers

Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def uniform(source: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return source.uniform(size=shape)


def normal(source: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return source.normal(size=shape)


NOISE: dict[str, Draw] = {
    "dragan": uniform,
    "flip_labels": uniform,
    "latent_consistency": normal,
    "mode_seeking": normal,
    "path_length": normal,
}


def noise(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """The same numbers for a name and a shape, whatever the code under test draws."""
    return NOISE[name](np.random.default_rng(list(name.encode())), shape)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Given(Context):
    """A context that gives NumPy's noise, so that expected values need not ask it for its own."""

    def draw(self, name: str, sampler: Any, shape: tuple[int, ...]) -> jax.Array:
        if name not in NOISE:
            return super().draw(name, sampler, shape)
        drawn = jax.eval_shape(lambda key: sampler(key, shape), self.stream(name))
        return jnp.asarray(noise(name, drawn.shape), drawn.dtype)


CONTEXT = Given(jax.random.key(0))
Theta = dict[str, Any]


def factories(package: Any, made: str) -> dict[str, Callable[..., Any]]:
    """The public functions of a package that make one thing, such as `"Penalty"`."""
    public = {name: getattr(package, name) for name in package.__all__}
    functions = {name: value for name, value in public.items() if inspect.isfunction(value)}
    return {n: f for n, f in functions.items() if inspect.signature(f).return_annotation == made}


def called(make: Callable[..., Any]) -> Callable[..., Any]:
    """The function that a row of a table calls, with whatever arguments."""
    return called(make.func) if isinstance(make, partial) else make


def fresh(term: Term, view: View) -> Any:
    return term.init(view.params)


class Case(NamedTuple):
    """A term against its formula, both functions of a few arrays."""

    name: str  # of the factory, then what sets this row apart
    factory: Callable[..., Penalty]
    theta: dict[str, np.ndarray]
    view: Callable[[Theta], View]
    formula: Callable[[Theta, Theta], Any]  # the mean value; averages are those of the second
    which: int = 0  # of the penalty's terms
    state: Callable[[Term, View], Any] = fresh

    @property
    def term(self) -> Term:
        return self.factory().terms[self.which]


def points(seed: int, shape: tuple[int, ...] = (6, 3)) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def mean_value(case: Case, theta: Theta, state: Any) -> jax.Array:
    return jnp.mean(case.term.values(case.view(theta), state)[0])


def arrays(theta: dict[str, np.ndarray]) -> Theta:
    return {name: jnp.asarray(value) for name, value in theta.items()}


def check_value(case: Case) -> None:
    theta = arrays(case.theta)
    state = case.state(case.term, case.view(theta))
    expected = np.mean(case.formula(case.theta, case.theta))
    assert abs(expected) > 1e-6
    np.testing.assert_allclose(mean_value(case, theta, state), expected, rtol=1e-10)


def check_gradient(case: Case) -> None:
    theta = arrays(case.theta)
    state = case.state(case.term, case.view(theta))
    ours = jax.grad(lambda theta: mean_value(case, theta, state))(theta)
    h, largest = 1e-6, 0.0
    for name, value in case.theta.items():
        expected = np.zeros_like(value)
        for index in np.ndindex(*value.shape):
            step = np.zeros_like(value)
            step[index] = h
            ends = [{**case.theta, name: value + sign * step} for sign in (1, -1)]
            up, down = (np.mean(case.formula(end, case.theta)) for end in ends)
            expected[index] = (up - down) / (2 * h)
        np.testing.assert_allclose(ours[name], expected, rtol=2e-6, atol=2e-8, err_msg=name)
        largest = max(largest, np.abs(expected).max())
    assert largest > 1e-6


def check_finite_at_zero(case: Case) -> None:
    theta = {name: jnp.zeros(value.shape) for name, value in case.theta.items()}
    state = case.term.init(case.view(theta).params)
    value, grads = jax.value_and_grad(lambda theta: mean_value(case, theta, state))(theta)
    assert np.isfinite(value)
    assert all(np.isfinite(grad).all() for grad in grads.values())


def check_state(case: Case) -> None:
    """It keeps its structure, shapes and types, so that it scans, saves and is donated."""
    theta = {name: jnp.asarray(value, jnp.float32) for name, value in case.theta.items()}
    view = case.view(theta)
    state = case.term.init(view.params)
    value, moved = case.term.values(view, state)
    assert value.dtype == jnp.float32
    assert jax.tree.structure(state) == jax.tree.structure(moved)
    pointers = [leaf.unsafe_buffer_pointer() for leaf in jax.tree.leaves(state)]
    assert len(set(pointers)) == len(pointers)
    for old, new in zip(jax.tree.leaves(state), jax.tree.leaves(moved), strict=True):
        assert (old.shape, old.dtype, old.weak_type) == (new.shape, jnp.float32, new.weak_type)


def check_options(factory: Callable[..., Penalty]) -> None:
    made = factory(weight=0.25, every=3)
    assert made.terms[0].weight == 0.25
    assert {term.every for term in made.terms} == {3}
    for weight in (-1.0, float("nan")):
        with pytest.raises(ValueError, match=r"^weight is .* at least 0"):
            factory(weight=weight)
    for every in (0, -2, 2.5, True):
        with pytest.raises(ValueError, match=r"^every is .* an integer, at least 1"):
            factory(every=every)
    with pytest.raises(ValueError, match=r"weight is -2\.0"):
        -2.0 * factory(weight=1.0)


# A game with everything that a term can look at: heads, labels, a labelled set, codes, kernels.

CODES: Any = {"noise_dim": 1, "categorical": (3,), "num_continuous": 2}
NUM_CLASSES = 4


def rich_game(loss: Any = None) -> Game:
    def kernel(seed: int, *shape: int) -> dict[str, jax.Array]:
        return {"kernel": jnp.asarray(points(seed, shape), jnp.result_type(float))}

    def gen_init(key: Any) -> Any:
        return {"Dense_0": kernel(1, 6, helpers.DIM)}, {}

    def gen(w: Any, state: Any, z: Any, *, train: bool = True, key: Any = None) -> Any:
        return jnp.tanh(z @ w["Dense_0"]["kernel"]), state

    def disc_init(key: Any) -> Any:
        heads = {"logits": 1, "class_logits": NUM_CLASSES, "code_logits": 3, "code_mean": 2}
        found = {name: kernel(i, 5, num) for i, (name, num) in enumerate(heads.items())}
        return {"body": kernel(9, helpers.DIM, 5), **found}, {}

    def disc(w: Any, state: Any, x: Any, *, train: bool = True, key: Any = None) -> Any:
        features = jnp.tanh(x @ w["body"]["kernel"])
        out = {name: features @ w[name]["kernel"] for name in w if name != "body"}
        logits = out.pop("logits")[:, 0]
        return {**out, "logits": logits, "features": features, "code": features}, state

    return jaxgan.gan(
        Network(init=gen_init, apply=gen),
        Network(init=disc_init, apply=disc),
        latent=infogan_latent(**CODES),
        loss=loss,
    )


def rich_batch() -> dict[str, jax.Array]:
    dtype = jnp.result_type(float)
    return {
        **helpers.real_batch(dtype=dtype),
        "label": jnp.asarray([0, 1, 2, 3, -1, 0, 1, 2], jnp.int32),
        "labelled_image": jnp.asarray(points(3, (3, helpers.DIM)), dtype),
        "labelled_label": jnp.asarray([3, 0, 1], jnp.int32),
    }


def check_weight_and_laziness(factory: Callable[..., Penalty]) -> None:
    """Twice the weight counts twice; with `every=4`, four times in every fourth own update."""
    every, bare = 4, rich_game()
    double = with_penalty(bare, 2.0 * factory())
    lazy = with_penalty(bare, factory(every=every))
    remembers = any(term.init(bare.init(CONTEXT.key)[0]) != () for term in factory().terms)

    def losses(game: Game, params: Any, net_state: Any, counts: Any) -> Any:
        # The step, no multiple of 4, must not matter.
        context = replace(CONTEXT, step=jnp.int32(3), updates=counts)
        scene, net_state = game.generate(params, net_state, rich_batch(), context)
        values, (net_state, metrics, _) = game.losses(params, net_state, scene, context)
        return values, net_state, metrics

    @jax.jit
    def play(counts: Any) -> Any:
        found = []
        for game in (bare, double, lazy):
            params, net_state = game.init(CONTEXT.key)
            if remembers:  # something, from other parameters
                _, net_state, _ = losses(game, params, net_state, dict.fromkeys(params, 0))
            further = jax.tree.map(lambda x: 1.25 * x, params)
            values, _, metrics = losses(game, further, net_state, counts)
            found.append((values, metrics))
        return found

    players = {player for term in factory().terms for player in term.players}
    for player in ("disc", "gen"):
        seen, other = [], "gen" if player == "disc" else "disc"
        for count in range(2 * every if player in players else 1):
            # The other player's count, never a multiple of 4, must not matter either.
            counts = {player: jnp.int32(count), other: jnp.int32(1000003)}
            (without, _), (twice, metrics), (late, _) = jax.device_get(play(counts))
            extra = twice[player] - without[player]
            seen.append(late[player] - without[player])
        if player not in players:
            assert extra == 0.0 == seen[0]
            continue
        assert abs(extra) > 1e-6
        own = [term.name for term in factory().terms if player in term.players]
        np.testing.assert_allclose(sum(metrics[player][name] for name in own), extra, rtol=1e-9)
        expected = [every * extra / 2 if count % every == 0 else 0.0 for count in range(2 * every)]
        np.testing.assert_allclose(seen, expected, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(2 * sum(seen), 2 * every * extra, rtol=1e-9)
