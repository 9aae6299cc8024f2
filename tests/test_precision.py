"""Precision and memory: every path trains every replica alike, and does what it says."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh

import jaxgan
from jaxgan import Algorithm, Field, Game, Network, distributed, fields
from jaxgan.config import build, networks
from jaxgan.config.resolve import resolve
from jaxgan.core.errors import ConfigError
from tests import helpers

SIZE, LATENT, BATCH, NUM_DEVICES = 8, 4, 16, 8
BF16 = {"precision": "bfloat16"}
R1 = jaxgan.penalties.r1(weight=1.0)


class Path(NamedTuple):
    """One way to compute a step: options of both networks, and what is made of the game."""

    network: Mapping[str, Any] = MappingProxyType({})
    game: Callable[[Game, Mesh], Game] = lambda game, mesh: game
    field: Callable[[Field], Field] = lambda field: field


def with_r1(game: Game, mesh: Mesh) -> Game:
    return jaxgan.with_penalty(game, R1)


def unrolled(game: Game, mesh: Mesh) -> Game:
    return jaxgan.unrolled(game, num_steps=1)


MICROBATCH = functools.partial(fields.microbatch, num_parts=2)
PATHS = {
    "float32": Path(),
    "bfloat16": Path(BF16),
    "full, batch norm": Path({"remat": "full", "norm": "batch"}),
    "bfloat16, batch norm, replicas": Path({**BF16, "norm": "batch"}, distributed.replica_mean),
    "float32, R1, microbatch": Path({}, with_r1, MICROBATCH),
    "bfloat16, full, R1, microbatch": Path({**BF16, "remat": "full"}, with_r1, MICROBATCH),
    "bfloat16, consensus": Path(BF16, field=functools.partial(fields.consensus, gamma=1.0)),
    "bfloat16, unrolled": Path(BF16, unrolled),
}


def pair(norm: str = "none", **options: Any) -> tuple[Network, Network]:
    # With an extra layer the discriminator has a norm even at this size.
    shape = (SIZE, SIZE, 1)
    common: dict[str, Any] = {"base_channels": 4, "num_extra_layers": 1, "norm": norm}
    gen = networks.dcgan_generator(shape, LATENT, **common, **options)
    return gen, networks.dcgan_discriminator(shape, **common, **options)


def make_game(**options: Any) -> Game:
    gen, disc = pair(**options)
    return jaxgan.gan(gen, disc, latent=LATENT)


def make_algorithm(path: Path, mesh: Mesh) -> Algorithm:
    field = path.field(jaxgan.gradient(path.game(make_game(**path.network), mesh)))
    return jaxgan.simultaneous(field, optimizers=helpers.adams())


def images() -> dict[str, jax.Array]:
    draw = np.random.default_rng(0).uniform(-1, 1, (BATCH, SIZE, SIZE, 1))
    return {"image": jnp.asarray(draw, jnp.float32)}


def check_copies(tree: Any) -> None:
    """Every device holds the same bits of every array."""
    for path, leaf in jax.tree.leaves_with_path(tree):
        copies = [np.asarray(shard.data).tobytes() for shard in leaf.addressable_shards]
        assert len(copies) == NUM_DEVICES, jax.tree_util.keystr(path)
        assert set(copies) == {copies[0]}, f"{jax.tree_util.keystr(path)} differs by device"


def test_copies_that_differ_in_a_bit_are_found() -> None:
    mesh = distributed.make_mesh(NUM_DEVICES)
    for last in (1.0, float(np.nextafter(np.float32(1), np.float32(2)))):
        parts = [
            jax.device_put(jnp.float32(last if i == NUM_DEVICES - 1 else 1.0), device)
            for i, device in enumerate(mesh.devices.flat)
        ]
        leaf = jax.make_array_from_single_device_arrays((), distributed.replicated(mesh), parts)
        if last == 1.0:
            check_copies({"x": leaf})
        else:
            with pytest.raises(AssertionError, match=r"\['x'\] differs by device"):
                check_copies({"x": leaf})


SLOW = [
    "float32",
    "full, batch norm",
    "bfloat16, full, R1, microbatch",
    "bfloat16, consensus",
    "bfloat16, unrolled",
]


@pytest.mark.parametrize("name", helpers.rows(PATHS, SLOW))
def test_every_replica_holds_the_same_bits_after_a_step(name: str) -> None:
    mesh = distributed.make_mesh(NUM_DEVICES)
    algorithm, whole = make_algorithm(PATHS[name], mesh), distributed.replicated(mesh)
    state = jax.jit(algorithm.init, out_shardings=whole)(jax.random.key(0))
    before = jax.device_get(state.params)
    batch = jax.device_put(images(), distributed.batch_sharding(mesh, algorithm.num_batches))
    state, metrics = jax.jit(algorithm.step, out_shardings=whole)(state, batch)
    trained = (state.params, state.opt_state, state.net_state)
    check_copies((trained, metrics))
    for leaf in jax.tree.leaves((trained, metrics)):
        assert leaf.dtype in (jnp.float32, jnp.int32)
        assert np.isfinite(leaf).all()
    for old, new in zip(*map(jax.tree.leaves, (before, state.params)), strict=True):
        assert np.abs(old - np.asarray(new)).max() > 0


@functools.cache
def gradients(**options: Any) -> tuple[dict[str, jax.Array], Any]:
    """Losses and gradients of a game whose logits are not all near zero."""
    field = jaxgan.gradient(jaxgan.with_penalty(make_game(**options), R1))
    params, net_state = field.game.init(jax.random.key(0))
    params = jax.tree.map(lambda w: 10 * w if w.ndim > 1 else w, params)
    context = jaxgan.Context(jax.random.key(1))
    grads, _, (_, metrics) = jax.jit(field.apply)(params, (), net_state, images(), context)
    return {player: metrics[player]["loss"] for player in grads}, grads


def relative(tree: Any, other: Any) -> float:
    flat, others = (
        np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(t)]) for t in (tree, other)
    )
    return float(np.linalg.norm(flat - others) / np.linalg.norm(others))


@pytest.mark.parametrize("norm", helpers.rows(["none", "batch"], ["none"]))
def test_bfloat16_is_float32_to_its_eight_bits_and_no_further(norm: str) -> None:
    losses, grads = gradients(norm=norm)
    half_losses, half_grads = gradients(norm=norm, precision="bfloat16")
    for player in losses:
        assert float(half_losses[player]) == pytest.approx(float(losses[player]), rel=2e-2)
        assert half_losses[player] != losses[player]
        assert 1e-4 < relative(half_grads[player], grads[player]) < 5e-2


@pytest.mark.parametrize(
    "options",
    [pytest.param({}, marks=pytest.mark.slow), {**BF16, "norm": "batch"}],
    ids=str,
)
def test_recomputing_changes_no_gradient(options: dict[str, Any]) -> None:
    losses, grads = gradients(**options)
    other_losses, other_grads = gradients(**options, remat="full")
    for player in losses:
        assert float(other_losses[player]) == pytest.approx(float(losses[player]), rel=1e-6)
        assert relative(other_grads[player], grads[player]) < 1e-6


def tpu_program(**options: Any) -> str:
    """What the TPU's compiler is given for a step with R1."""
    algorithm = make_algorithm(Path(options, with_r1), distributed.make_mesh(1))
    state = jax.eval_shape(algorithm.init, jax.random.key(0))
    traced = jax.jit(algorithm.step).trace(state, images())
    return traced.lower(lowering_platforms=("tpu",)).as_text()


def operations(program: str, name: str) -> list[list[tuple[list[int], str]]]:
    """Shapes and dtypes of the arguments and the result of every operation of that name."""
    found = []
    for line in program.splitlines():
        if re.search(rf"stablehlo\.{name}\b", line):
            types = re.findall(r"tensor<((?:\d+x)*)(\w+)>", line.rpartition(" : ")[2])
            found.append([([int(n) for n in dims.split("x")[:-1]], kind) for dims, kind in types])
    return found


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_products_are_bfloat16_and_sums_are_float32(norm: str) -> None:
    program = tpu_program(norm=norm, **BF16)
    convolutions, dots = operations(program, "convolution"), operations(program, "dot_general")
    assert len(convolutions) > 10
    assert {kind for one in convolutions for _, kind in one} == {"bf16"}
    kinds = [{kind for _, kind in one} for one in dots]
    assert {"bf16"} in kinds
    for one, kind in zip(dots, kinds, strict=True):
        # All but the layer that makes the logit, a product with one vector.
        is_head = any(1 in shape for shape, _ in one)
        assert kind == ({"f32"} if is_head else {"bf16"}), one
    reductions = operations(program, "reduce")
    sums = {kind for one in reductions for _, kind in one if kind not in ("i1", "i32", "ui32")}
    assert sums == {"f32"}


def test_float32_has_no_bfloat16() -> None:
    assert "bf16" in tpu_program(**BF16)
    assert "bf16" not in tpu_program()


def residuals(policy: str, **options: Any) -> int:
    """Bytes that a gradient of the discriminator's parameters keeps of its forward pass."""
    _, disc = pair(norm="batch", remat=policy, **options)
    params, net_state = disc.init(jax.random.key(0))

    def forward(params: Any) -> jax.Array:
        return jnp.sum(disc.apply(params, net_state, images()["image"])[0])

    _, pullback = jax.vjp(forward, params)
    return sum(leaf.nbytes for leaf in jax.tree.leaves(pullback))


def test_only_the_inputs_are_kept() -> None:
    none, full = map(residuals, ("none", "full"))
    _, disc = pair(norm="batch")
    inputs = jax.tree.leaves((disc.init(jax.random.key(0)), images()))
    assert full <= sum(leaf.nbytes for leaf in inputs)
    assert none > 2 * full


@pytest.mark.parametrize("section", ["generator", "discriminator"])
@pytest.mark.parametrize("name", ["dcgan", "mlp"])
@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("precision", "fp16", "precision is 'fp16'; it must be 'bfloat16' or 'float32'"),
        ("remat", "all", "remat is 'all'; it must be 'none' or 'full'"),
    ],
)
def test_unknown_names_are_one_line(
    section: str, name: str, option: str, value: str, words: str
) -> None:
    sgd = {"name": "sgd", "learning_rate": 0.1}
    config = {section: {"name": name, option: value}, "optimizer": {"gen": sgd, "disc": sgd}}
    spec = {"image": jax.ShapeDtypeStruct((SIZE, SIZE, 1), jnp.float32)}
    with pytest.raises(ConfigError) as error:
        build.build_game(resolve(config), spec)
    assert str(error.value) == f"{section}.{words}"


@pytest.mark.parametrize("shape", [(2,), (SIZE, SIZE, 1)], ids=str)
def test_perceptrons_in_bfloat16_learn_in_float32(shape: tuple[int, ...]) -> None:
    gen = networks.mlp_generator(shape, LATENT, features=(16,), precision="bfloat16", remat="full")
    disc = networks.mlp_discriminator(shape, features=(16,), precision="bfloat16", remat="full")
    game = jaxgan.with_penalty(jaxgan.gan(gen, disc, latent=LATENT), R1)
    algorithm = jaxgan.simultaneous(jaxgan.gradient(game), optimizers=helpers.sgds(0.1))
    batch = {"image": jnp.ones((BATCH, *shape))}
    state, metrics = jax.jit(algorithm.step)(algorithm.init(jax.random.key(0)), batch)
    leaves = jax.tree.leaves((state.params, state.opt_state, metrics))
    assert {leaf.dtype for leaf in leaves} <= {jnp.dtype(jnp.float32), jnp.dtype(jnp.int32)}
    assert all(np.isfinite(leaf).all() for leaf in leaves)
    text = str(jax.make_jaxpr(algorithm.step)(state, batch))
    assert re.search(r":bf16\[[\d,]+\] = dot_general", text)
