"""Every field against an independent NumPy formula on games of matrices: a row each.

Losses are L_i = ½ wᵀ M_i w, w being all players' parameters in a row, so ξ = J w with a J of rows
of the M_i, and every method is a formula of a few matrices.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import Context, Game, fields, losses
from jaxgan.fields import Field, gradient, linearize
from tests import helpers
from tests.contracts import terms
from tests.contracts.terms import called
from tests.fields import formulas
from tests.fields.formulas import Formula
from tests.fields.games import Matrices, curved, game_of, matrices

ALL = ("zero_sum", "general", "three")
MOST = ("general", "three")
TIGHT: dict[str, Any] = {"tol": 1e-13, "max_iterations": 100}


class Row(NamedTuple):
    name: str  # the factory's, and what is particular
    make: Callable[[Any], Callable[[Field], Field]]  # from a rate: a number or a schedule
    formula: Formula
    games: tuple[str, ...] = MOST
    solves: bool = False
    remembers: bool = False
    is_variant: bool = False  # of the row above, with the same derivatives to take


def norms_row(name: str, games: tuple[str, ...], norms: dict[str, tuple[str, ...]]) -> Row:
    return Row(
        f"consensus {name}",
        lambda rate: partial(fields.consensus, gamma=rate, norms=norms),
        formulas.descending_norms(norms),
        games,
        is_variant=True,
    )


TABLE = [
    Row("gradient", lambda rate: lambda field: field, formulas.plain),
    Row("microbatch", lambda rate: partial(fields.microbatch, num_parts=2), formulas.plain),
    Row("two_batches", lambda rate: fields.two_batches, formulas.plain),
    Row("with_norms", lambda rate: fields.with_norms, formulas.plain),
    Row(
        "consensus",
        lambda rate: partial(fields.consensus, gamma=rate),
        formulas.descending_norms(None),
    ),
    norms_row("smoothing", ("general",), {"disc": ("gen",)}),
    norms_row("jare", ("general",), {"gen": ("disc",), "disc": ("gen",)}),
    norms_row("some", ("three",), {"a": ("b", "c"), "c": ("c", "a")}),
    Row(
        "gradient_norm",
        lambda rate: partial(fields.gradient_norm, eta=rate),
        formulas.descending_norms({"gen": ("disc",)}, 2.0),
        ("zero_sum", "general"),
        is_variant=True,
    ),
    Row(
        "anchored",
        lambda rate: partial(fields.anchored, weight=rate),
        formulas.drawn_back,
        remembers=True,
    ),
    Row(
        "fictitious_play",
        lambda rate: partial(fields.fictitious_play, num_past=3),
        formulas.with_the_past,
        remembers=True,
    ),
    Row(
        "variance_reduced",
        lambda rate: partial(
            fields.variance_reduced, data={"image": jnp.zeros((2, helpers.DIM))}, refresh=0.5
        ),
        formulas.plain,
    ),
    Row(
        "runge_kutta",
        lambda rate: partial(fields.runge_kutta, step_size=rate),
        formulas.mean_slope(4),
    ),
    Row(
        "runge_kutta heun",
        lambda rate: partial(fields.runge_kutta, step_size=rate, order=2),
        formulas.mean_slope(2),
        ("general",),
        is_variant=True,
    ),
    Row(
        "runge_kutta apart",
        lambda rate: partial(fields.runge_kutta, step_size=rate, moves="apart"),
        formulas.mean_slope(4, apart=True),
        is_variant=True,
    ),
    Row(
        "runge_kutta gen_norm",
        lambda rate: partial(fields.runge_kutta, step_size=rate, gen_norm=0.3),
        formulas.mean_slope(4, gen_norm=0.3),
        ("general",),
        is_variant=True,
    ),
    Row(
        "symplectic",
        lambda rate: partial(fields.symplectic, lam=rate),
        formulas.adjusted(True),
        ALL,
    ),
    Row(
        "symplectic tensors",
        lambda rate: partial(fields.symplectic, lam=rate, eps=0.5, count="tensors"),
        formulas.adjusted(True, 0.5, "tensors"),
        ("general",),
        is_variant=True,
    ),
    Row(
        "symplectic unaligned",
        lambda rate: partial(fields.symplectic, lam=rate, align=False),
        formulas.adjusted(False),
        ("general",),
        is_variant=True,
    ),
    Row(
        "competitive cg",
        lambda rate: partial(fields.competitive, eta=rate, **TIGHT),
        formulas.answered,
        ("zero_sum",),
        solves=True,
    ),
    Row(
        "competitive gmres",
        lambda rate: partial(fields.competitive, eta=rate, solver="gmres", **TIGHT),
        formulas.answered,
        ("three",),
        solves=True,
    ),
    Row(
        "competitive players cg",
        lambda rate: partial(fields.competitive, eta={"gen": rate, "disc": 0.3}, **TIGHT),
        formulas.answered_with({"disc": 0.3}),
        ("zero_sum",),
        solves=True,
        is_variant=True,
    ),
    Row(
        "competitive players gmres",
        lambda rate: partial(
            fields.competitive, eta={"a": rate, "b": 0.3, "c": 0.8}, solver="gmres", **TIGHT
        ),
        formulas.answered_with({"b": 0.3, "c": 0.8}),
        ("three",),
        solves=True,
        is_variant=True,
    ),
    Row(
        "lookahead_opponent",
        lambda rate: partial(fields.lookahead_opponent, alpha=rate),
        formulas.foreseen,
    ),
    Row(
        "lookahead_opponent exact",
        lambda rate: partial(fields.lookahead_opponent, alpha=rate, mode="exact"),
        formulas.foreseen,  # a quadratic game ends after the first order
        ("three",),
    ),
    Row("lola", lambda rate: partial(fields.lola, alpha=rate), formulas.both),
    Row(
        "lola shaping",
        lambda rate: partial(fields.lola, alpha=rate, mode="shaping"),
        formulas.shaped,
        ("general",),
        is_variant=True,
    ),
    Row(
        "lola exact",
        lambda rate: partial(fields.lola, alpha=rate, mode="exact"),
        formulas.through_the_others,
    ),
    Row("sos", lambda rate: partial(fields.sos, alpha=rate), formulas.stable),
    Row(
        "stackelberg",
        lambda rate: partial(fields.stackelberg, damping=rate, **TIGHT),
        formulas.led("gen"),
        ("zero_sum", "general"),
        solves=True,
    ),
    Row(
        "stackelberg disc gmres",
        lambda rate: partial(
            fields.stackelberg, leader="disc", damping=rate, solver="gmres", **TIGHT
        ),
        formulas.led("disc"),
        ("general",),
        solves=True,
        is_variant=True,
    ),
    Row(
        "symplectic_surgery",
        lambda rate: partial(fields.symplectic_surgery, damping=rate, **TIGHT),
        formulas.without_rotation,
        ALL,
        solves=True,
    ),
    Row(
        "follow_the_ridge",
        lambda rate: partial(fields.follow_the_ridge, ratio=rate, **TIGHT),
        formulas.ridge(0.01),
        ("diagonal",),
        solves=True,
    ),
    Row(
        "follow_the_ridge undamped",
        lambda rate: partial(fields.follow_the_ridge, ratio=rate, damping=0.0, **TIGHT),
        formulas.ridge(0.0),
        ("zero_sum",),
        solves=True,
        is_variant=True,
    ),
    Row(
        "follow_the_ridge damped",
        lambda rate: partial(fields.follow_the_ridge, ratio=rate, damping=0.7, **TIGHT),
        formulas.ridge(0.7),
        ("diagonal",),
        solves=True,
        is_variant=True,
    ),
]
ROWS = pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in TABLE])
PLAYED = pytest.mark.parametrize(
    ("row", "name"),
    [pytest.param(row, name, id=f"{row.name}-{name}") for row in TABLE for name in row.games],
)

NUM_STEPS, STEP = 3, 0.1


def rate_at(step: Any) -> Any:
    return 0.6 + 0.3 * step


def starts(m: Matrices) -> np.ndarray:
    """Three points: any, one where shaping must be held back, one near the equilibrium."""
    draws = np.random.default_rng(5).normal(size=(200, sum(m.sizes.values())))
    held_back = min(draws, key=lambda w: formulas.shares(m, w, rate_at(0))[0])
    return np.stack([draws[0], held_back, 1e-3 * draws[1]])


def test_every_factory_has_a_row() -> None:
    plain, *rows = TABLE  # the first is the field that all of them are made of
    factories = {called(row.make(0.5)) for row in rows} | {gradient}
    assert factories == set(terms.factories(fields, "Field").values())
    assert plain.name == "gradient"
    assert all(row.name.split()[0] == called(row.make(0.5)).__name__ for row in rows)


def test_a_field_is_the_gradient_only_where_it_says_so(float64: None) -> None:
    made = {row.name: row.make(0.5)(gradient(game_of(matrices(row.games[0])))) for row in TABLE}
    found = {name for name, field in made.items() if field.is_gradient}
    assert found == {"gradient", "microbatch", "two_batches", "with_norms"}


@PLAYED
def test_the_field_is_its_formula(row: Row, name: str, float64: None) -> None:
    # Under vmap (members), inside scan (a training), with the rate a schedule of the step.
    m = matrices(name)
    field = row.make(lambda step: rate_at(step.astype(float)))(gradient(game_of(m)))

    def play(params: Any) -> Any:
        def body(carry: Any, step: Any) -> Any:
            params, memory = carry
            pull, memory, (_, metrics) = field.apply(
                params, memory, {}, {}, Context(jax.random.key(0), step=step)
            )
            return (jax.tree.map(lambda w, u: w - STEP * u, params, pull), memory), (pull, metrics)

        return jax.lax.scan(body, (params, field.init(params)), jnp.arange(NUM_STEPS))[1]

    points = starts(m)
    pulls, metrics = jax.jit(jax.vmap(play))(jax.tree.map(jnp.asarray, m.split(points)))
    found = m.join(pulls)
    begun = [[w] if row.remembers else [] for w in points]
    for step in range(NUM_STEPS):
        rate = rate_at(step)
        expected = np.stack(
            [row.formula(m, w, rate, *first) for w, first in zip(points, begun, strict=True)]
        )
        scale = np.linalg.norm(expected, axis=1, keepdims=True)
        np.testing.assert_allclose(found[:, step] / scale, expected / scale, atol=1e-8)
        for player, own in m.losses.items():
            value = 0.5 * np.einsum("pi,ij,pj->p", points, own, points)
            np.testing.assert_allclose(metrics[player]["loss"][:, step], value, rtol=1e-6)
        points = points - STEP * expected
    for player in m.sizes:
        solver = {"solver_residual", "solver_converged"} if row.solves else set()
        norm = {"grad_norm"} if row.name == "with_norms" else set()
        assert set(metrics[player]) == {"loss"} | solver | norm
        assert np.min(metrics[player].get("solver_converged", 1.0)) == 1.0


def test_the_points_exercise_every_branch() -> None:
    signs, first, second = set(), set(), set()
    for name in ALL:
        m = matrices(name)
        for w in starts(m):
            signs.add(np.sign(formulas.alignment(m, w) / w.size + 0.1))
            p1, p2 = formulas.shares(m, w, rate_at(0))
            first.add(p1 < 1.0)
            second.add(p2 < p1)
    assert signs == {-1.0, 1.0}
    assert first == second == {False, True}


@pytest.mark.parametrize("count", ["parameters", "tensors"])
def test_what_is_counted_can_decide_the_sign(count: Any, float64: None) -> None:
    m = matrices("general")
    w = next(w for w in starts(m) if formulas.alignment(m, w) < -1.0)
    eps = -formulas.alignment(m, w) * (1 / 7 + 1 / 2) / 2
    field = fields.symplectic(gradient(game_of(m)), lam=1.0, eps=eps, count=count)
    found = m.join(evaluate(field, m.split(w)))
    np.testing.assert_allclose(found, formulas.adjusted(True, eps, count)(m, w, 1.0), rtol=1e-10)
    sign = 1.0 if count == "parameters" else -1.0
    np.testing.assert_allclose(found, formulas.adjusted(False)(m, w, sign), rtol=1e-10)


def evaluate(field: Field, params: Any) -> Any:
    params = jax.tree.map(jnp.asarray, params)
    _, net_state = field.game.init(jax.random.key(0))

    @jax.jit
    def pull(params: Any) -> Any:
        context = Context(jax.random.key(0))
        return field.apply(params, field.init(params), net_state, {}, context)[0]

    return pull(params)


@pytest.mark.parametrize(
    "row", [pytest.param(row, id=row.name) for row in TABLE if not row.is_variant]
)
def test_a_field_is_differentiable_again(row: Row, float64: None) -> None:
    field, draw, size = row.make(0.4)(gradient(curved())), np.random.default_rng(3), 1e-5

    def tree() -> Any:
        return {"gen": jnp.asarray(draw.normal(size=3)), "disc": jnp.asarray(draw.normal(size=2))}

    w, u, v = tree(), tree(), tree()

    @jax.jit
    def products(w: Any, u: Any, v: Any) -> Any:
        context, memory = Context(jax.random.key(0)), field.init(w)
        state: Any = {"gen": {}, "disc": {}}
        here = linearize(field, w, memory, state, {}, context)
        ends = jax.vmap(
            lambda h: field.apply(
                jax.tree.map(lambda a, b: a + h * b, w, v), memory, state, {}, context
            )[0]
        )(jnp.asarray([size, -size]))
        slope = jax.tree.map(lambda x: (x[0] - x[1]) / (2 * size), ends)
        return here.jvp(v), here.vjp(u), slope

    forth, back, slope = products(w, u, v)
    chex.assert_trees_all_close(forth, slope, rtol=1e-6, atol=1e-7)
    there, here = (sum(float(jnp.vdot(a[p], b[p])) for p in a) for a, b in ((u, forth), (back, v)))
    np.testing.assert_allclose(there, here, rtol=1e-8)


def shapes_of(row: Row, game: Game, batch: Any, rate: Any) -> Any:
    """What an evaluation takes and what it gives, without doing it."""
    field = row.make(rate)(gradient(game))
    params, net_state = jax.eval_shape(game.init, jax.random.key(0))
    memory = jax.eval_shape(field.init, params)
    context = Context(jax.random.key(0))
    given = jax.eval_shape(field.apply, params, memory, net_state, batch, context)
    return (params, memory, net_state), given


# The schedule gives float32 numbers, whatever the parameters are.
@ROWS
@pytest.mark.parametrize(
    ("dtype", "wide", "rate"),
    [
        pytest.param("float32", False, 0.5, id="float32"),
        pytest.param("float32", True, jaxgan.linear(0.0, 0.5, 10), id="float32 in 64 bits"),
        pytest.param("float64", True, jaxgan.linear(0.0, 0.5, 10), id="float64"),
    ],
)
def test_dtypes_and_structures_are_kept(row: Row, rate: Any, dtype: str, wide: bool) -> None:
    with jax.enable_x64(wide):
        game = game_of(matrices(row.games[0]), np.dtype(dtype))
        (params, memory, _), given = shapes_of(row, game, {}, rate)
        pull, new_memory, (_, metrics) = given
        chex.assert_trees_all_equal_shapes_and_dtypes(pull, params)
        chex.assert_trees_all_equal_shapes_and_dtypes(new_memory, memory)
        assert {x.shape for x in jax.tree.leaves(metrics)} == {()}
        assert {str(x.dtype) for x in jax.tree.leaves(metrics)} == {dtype}


@pytest.mark.parametrize(
    "row", [pytest.param(row, id=row.name) for row in TABLE if not row.is_variant]
)
def test_networks_are_pulled_as_well(row: Row) -> None:
    game = helpers.mlp_gan(loss=losses.minimax())
    (params, memory, net_state), given = shapes_of(row, game, helpers.real_batch(), 0.5)
    pull, new_memory, (new_state, metrics) = given
    chex.assert_trees_all_equal_shapes_and_dtypes(pull, params)
    chex.assert_trees_all_equal_shapes_and_dtypes(new_memory, memory)
    chex.assert_trees_all_equal_shapes_and_dtypes(new_state, net_state)
    assert {"loss", "real_out", "fake_out"} <= set(metrics["disc"])
