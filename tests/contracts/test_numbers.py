"""Every number that a public factory takes may be traced, so that a grid of it is one program.

The numbers are read from the signatures: a new factory has no row here, unless it needs arguments.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from types import UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import augment, auxiliary, data, fields, games, losses, optimizers, penalties
from jaxgan.core import ranges, schedules
from tests import helpers
from tests.contracts import terms

VALUES = (0.25, 0.5)  # in the range of every number so far
CONTEXT = jaxgan.Context(jax.random.key(0), step=jnp.int32(3))
DIM, CODE = helpers.DIM, 3

Make = functools.partial[Any]
"""A factory that has its options."""


def network(num_in: int, num_out: int, wrap: Callable[[Any], Any] = lambda x: x) -> jaxgan.Network:
    kernel = terms.points(num_in, (num_in, num_out))

    def apply(w: Any, state: Any, x: Any, *, train: bool = True, key: Any = None) -> Any:
        return wrap(x @ w), state

    return jaxgan.Network(
        init=lambda key: (jnp.asarray(kernel, jnp.result_type(float)), {}), apply=apply
    )


def logit(x: jax.Array) -> jax.Array:
    return x[:, 0]


def spread(code: jax.Array) -> Any:
    return {"mean": code, "log_var": 0.1 * code}


def heads(x: jax.Array) -> Any:
    return {"logits": x[:, 0], "features": x, "code_logits": x[:, :3], "code_mean": x[:, 3:]}


def points() -> dict[str, jax.Array]:
    line = jnp.linspace(-0.9, 0.7, helpers.BATCH * DIM).reshape(-1, DIM)
    return {"image": line, "source": -0.5 * line}


def halved(key: Any, x: jax.Array) -> jax.Array:
    return 0.5 * x


def dimmed(key: Any, x: jax.Array, p: jax.Array) -> jax.Array:
    return (1.0 - 0.5 * p) * x


AUTOENCODER = (network(DIM, CODE, spread), network(CODE, DIM))
ONE_WAY = (network(DIM, DIM), network(2 * DIM, 1, logit))
FRESH: dict[str, Any] = {"inner": optimizers.sgd(0.1), "inner_state": "fresh"}
NEEDED: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "ada": ((terms.rich_game(),), {"augment": dimmed}),
    "apa": ((terms.rich_game(),), {}),
    "augmented_at": ((terms.rich_game(), dimmed), {}),
    "autoencoder": (
        (network(DIM, CODE), network(CODE, DIM)),
        {"sparsity": "kl", "sparsity_weight": 0.5},
    ),
    "balanced": ((terms.rich_game(), auxiliary.pull_away()), {"player": "gen"}),
    "balanced_consistency": ((halved,), {}),
    "consistency": ((halved,), {}),
    "cosine": ((), {"init_value": 1.0, "final_value": 0.1, "num_steps": 10}),
    "cyclegan": (
        (
            {name: network(DIM, DIM) for name in ("forward", "backward")},
            {name: network(DIM, 1, logit) for name in ("image", "source")},
        ),
        {"shapes": {"image": (DIM,), "source": (DIM,)}},
    ),
    "exponential": ((), {"init_value": 1.0, "final_value": 0.1, "num_steps": 10}),
    "fixed": ((augment.bgc(),), {}),
    "half_life": ((), {"num_steps": 10.0}),
    "implicit": ((terms.rich_game(),), {"inner": optimizers.sgd(0.1), "num_steps": 1}),
    "infogan": ((network(6, DIM), network(DIM, 5, heads)), terms.CODES),
    "gman": (
        (network(DIM, DIM), [network(DIM, 1, logit), network(DIM, 1, jnp.ravel)]),
        {"latent": DIM},
    ),
    "instance_noise": ((terms.rich_game(),), {}),
    "lookahead": ((), {"num_steps": 2}),
    "linear": ((), {"init_value": 1.0, "final_value": 0.1, "num_steps": 10}),
    "mutual_information": ((), terms.CODES),
    "pix2pix": (ONE_WAY, {}),
    "sos": ((), {"alpha": 0.5}),
    "anchored": ((), {"weight": 0.5}),
    "competitive": ((), {"eta": 0.5}),
    "logan": ((terms.rich_game(),), {}),
    "variance_reduced": ((), {"data": {"image": jnp.zeros((2, 1))}, "refresh": 0.5}),
    "matrix_game": ((jnp.eye(2), -jnp.eye(2)), {}),
    "runge_kutta": ((), {"step_size": 0.5}),
    "super_resolution": ((network(DIM, DIM), network(DIM, 1, logit)), {"features": jnp.sin}),
    "translation": (ONE_WAY, {"loss": losses.hinge(), "comparisons": {}}),
    "unrolled": ((terms.rich_game(),), {"num_steps": "auto", "max_steps": 2, **FRESH}),
    "vae": (AUTOENCODER, {"latent_dim": CODE}),
    "vae_gan": ((*AUTOENCODER, network(DIM, 5, heads)), {"latent_dim": CODE}),
}
RATES = {"learning_rate": 0.1}
OPTIMIZERS = ("adam", "complex_momentum", "optimistic", "optimistic_adam", "rmsprop", "sgd")
NEEDED |= dict.fromkeys(OPTIMIZERS, ((), RATES))

SKIPPED = {
    "solve.tol": "of a solver, and what competitive.tol is",
    "f_gan.alpha": "the formulas differ on both sides of 1",
    "alpha_divergence.alpha": "likewise",
    "capped_exp.cap": "a function of arrays, and what maximum_likelihood.cap is",
    "bilinear.matrix": "it takes an array",
    "pilot.factor": "of a choice between candidates, which has no derivative",
    "pilot.min_gain": "likewise",
    "sparsity_kl.target": "a function of arrays, and what autoencoder.sparsity_target is",
}

# From what a factory makes to a number.


def of_game(game: jaxgan.Game, batch: Any) -> jax.Array:
    params, net_state = game.init(jax.random.key(0))
    scene, net_state = game.generate(params, net_state, batch, CONTEXT)
    values, (_, metrics, _) = game.losses(params, net_state, scene, CONTEXT)
    return sum(values.values()) + sum(metrics.get("gen", {}).values(), jnp.zeros(()))


def of_loss(make: Make) -> jax.Array:
    return of_game(terms.rich_game(make()), terms.rich_batch())


def of_penalty(make: Make) -> jax.Array:
    return of_game(jaxgan.with_penalty(terms.rich_game(), make()), terms.rich_batch())


def of_map(make: Make) -> jax.Array:
    made = make()
    if isinstance(made, games.Likelihood):
        x = points()["image"]
        return jnp.sum(made.nll(made.init(), x, 0.5 * x))
    pairs = (games.cyclegan, games.pix2pix, games.super_resolution, games.translation)
    batch = points()
    return of_game(made, batch if make.func in pairs else {"image": batch["image"]})


def curved() -> jaxgan.Game:
    def value(params: Any, batch: Any, context: Any) -> jax.Array:
        x, y = params["gen"], params["disc"]
        return jnp.sum(jnp.sin(x) * y) + 0.2 * jnp.sum(x**4) - 0.3 * jnp.sum(y**2)

    return jaxgan.zero_sum(lambda key: {"gen": jnp.ones(2), "disc": jnp.full(2, 0.5)}, value)


def total(tree: Any) -> jax.Array:
    return sum((jnp.sum(leaf) for leaf in jax.tree.leaves(tree)), start=jnp.zeros(()))


def of_field(make: Make) -> jax.Array:
    field = make(fields.gradient(curved()))
    params, net_state = field.game.init(jax.random.key(0))
    return total(field.apply(params, field.init(params), net_state, {}, CONTEXT)[0])


def after_two_steps(algorithm: jaxgan.Algorithm) -> jax.Array:
    state = algorithm.init(jax.random.key(0))
    for _ in range(2):
        state, _ = algorithm.step(state, {})
    return total((state.params, state.ema))


def plain() -> jaxgan.Algorithm:
    return jaxgan.simultaneous(fields.gradient(curved()), optimizers=helpers.sgds(0.1))


def of_transform(make: Make) -> jax.Array:
    return after_two_steps(make(plain()))


def of_optimizer(make: Make) -> jax.Array:
    optimizer = make()
    pair = {"gen": optimizer, "disc": optimizer}
    return after_two_steps(jaxgan.simultaneous(fields.gradient(curved()), optimizers=pair))


def of_schedule(make: Make) -> jax.Array:
    return jnp.asarray(make()(jnp.int32(1)))


def of_source(make: Make) -> jax.Array:
    return jnp.sum(make().sample(jax.random.key(0), 4)["image"])


def of_augment(make: Make) -> jax.Array:
    images = jnp.linspace(-1, 1, 96).reshape(2, 4, 4, 3)
    p = () if make.func is augment.fixed else (jnp.float32(0.5),)
    return jnp.sum(make()(jax.random.key(0), images, *p))


class Way(NamedTuple):
    module: Any
    value: Callable[[Make], jax.Array]
    names: tuple[str, ...] = ()  # all that is public, unless given
    given: tuple[Any, ...] = ()  # what all of them take first


WAYS = [
    Way(losses, of_loss),
    Way(penalties, of_penalty),
    Way(auxiliary, of_penalty),
    Way(fields, of_field, given=(fields.gradient(curved()),)),
    Way(jaxgan.transforms, of_transform, given=(plain(),)),
    Way(augment, of_augment),
    Way(games, of_map),
    Way(games, of_map, ("balanced",)),
    Way(optimizers, of_optimizer, OPTIMIZERS),
    Way(schedules, of_schedule, ("cosine", "exponential", "half_life", "linear")),
    Way(data, of_source, ("grid", "ring")),
]


class Number(NamedTuple):
    way: Way
    factory: Callable[..., Any]
    name: str

    def make(self, number: Any) -> Make:
        given, options = NEEDED.get(self.factory.__name__, ((), {}))
        return functools.partial(self.factory, *given, **{**options, self.name: number})

    def build(self, number: Any) -> Any:
        return self.make(number)(*self.way.given)

    def value(self, number: Any) -> jax.Array:
        """What comes of the number, in that place."""
        return self.way.value(self.make(number))


def alternatives(kind: Any) -> set[Any]:
    """Of an annotation such as `Positive | None`: `{float, NoneType}`."""
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return alternatives(args[0])
    if origin in (Union, UnionType):
        return {one for part in args for one in alternatives(part)}
    return {kind}


def numbers() -> Iterator[Any]:
    for way in WAYS:
        for name in way.names or way.module.__all__:
            factory = getattr(way.module, name)
            if not inspect.isfunction(factory):
                continue
            for parameter, kind in ranges.parameter_types(factory).items():
                full = f"{name}.{parameter}"
                if float in alternatives(kind) and full not in SKIPPED:
                    yield pytest.param(Number(way, factory, parameter), id=full)


EACH = pytest.mark.parametrize("number", list(numbers()))


FEW = ("hinge.margin", "r1.weight", "consensus.gamma", "ema.decay", "ring.std")


@EACH
def test_what_takes_a_number_takes_one_that_is_traced(number: Number) -> None:
    def built(traced: jax.Array) -> jax.Array:
        number.build(traced)
        return traced

    jax.eval_shape(jax.vmap(built), jax.ShapeDtypeStruct((2,), jnp.float32))
    jax.eval_shape(jax.grad(built), jax.ShapeDtypeStruct((), jnp.float32))


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(*row.values, id=row.id, marks=() if row.id in FEW else pytest.mark.slow)
        for row in numbers()
    ],
)
def test_a_grid_is_the_single_runs(number: Number) -> None:
    found = jax.jit(jax.vmap(number.value))(jnp.asarray(VALUES))
    expected = [float(jax.jit(lambda v=v: number.value(v))()) for v in VALUES]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert np.isfinite(jax.jit(jax.grad(number.value))(jnp.asarray(VALUES[0])))


@EACH
def test_what_is_no_number_is_refused(number: Number) -> None:
    for wrong in (float("nan"), np.float32("nan"), np.full((), np.inf), "a", np.ones(2)):
        with pytest.raises(ValueError, match=rf"{number.name} is .*; it must be ") as raised:
            number.build(wrong)
        assert "\n" not in str(raised.value)


@EACH
def test_scalars_of_numpy_and_jax_are_numbers(number: Number) -> None:
    for kind in (float, np.float64, np.float32, jnp.float32):
        number.build(kind(0.5))


def test_what_is_skipped_is_there() -> None:
    for full in SKIPPED:
        name, parameter = full.split(".")
        factory = next(f for way in WAYS if (f := getattr(way.module, name, None)) is not None)
        assert parameter in inspect.signature(factory).parameters
    with pytest.raises(ValueError, match="alpha is traced; it must be known"):
        jax.vmap(lambda alpha: losses.f_gan("alpha", alpha=alpha))(jnp.ones(2))


@pytest.mark.parametrize("factor", [np.float64(2.0), np.float32(2.0), jnp.float32(2.0), 2])
def test_a_penalty_takes_any_factor_from_either_side(factor: Any) -> None:
    for made in (factor * penalties.r1(3.0), penalties.r1(3.0) * factor):
        assert float(made.terms[0].weight) == 6.0
    with pytest.raises(ValueError, match=r"weight is -6\.0; it must be at least 0"):
        -factor * penalties.r1(3.0)


def test_a_grid_of_weights_from_outside() -> None:
    def weighted(v: jax.Array) -> jax.Array:
        return of_penalty(lambda: v * penalties.r1())

    assert jax.eval_shape(jax.vmap(weighted), jnp.ones(2)).shape == (2,)
