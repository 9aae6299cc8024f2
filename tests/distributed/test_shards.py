"""The same bits on any number of devices."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan import Context, distributed
from jaxgan.core.errors import InputError
from jaxgan.core.game import Game
from jaxgan.distributed import shards
from tests import helpers
from tests.distributed.digests import CASES
from tests.jobs import HANGS

FLAGS = f"--xla_force_host_platform_device_count=4 {distributed.NO_FUSED_MULTIPLY_ADD}"


@pytest.fixture(autouse=True)
def rounds_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tested in this process does not depend on how its compiler rounds."""
    monkeypatch.setattr(shards, "fuses_multiply_add", lambda: False)


@pytest.mark.parametrize(
    "name", helpers.rows(CASES, [name for name in CASES if name != "penalties"])
)
def test_a_state_has_the_same_bits_on_any_number_of_devices(name: str) -> None:
    steps, *devices = ("5", "1", "4") if name == "penalties" else ("60", "1", "2", "4")
    command = [sys.executable, "-W", "ignore", "-m", "tests.distributed.digests", name, steps]
    environment = {**os.environ, "XLA_FLAGS": FLAGS, "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [*command, *devices], env=environment, capture_output=True, text=True, timeout=HANGS
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert list(found) == devices
    assert len(set(found.values())) == 1


def evaluate(game: Game) -> object:
    params, net_state = game.init(jax.random.key(0))
    batch, context = helpers.real_batch(), Context(jax.random.key(1))

    def losses(params: object) -> object:
        scene, state = game.generate(params, net_state, batch, context)
        values, (state, metrics, _) = game.losses(params, state, scene, context)
        return values, (state, metrics)

    return helpers.plain(jax.jit(jax.jacrev(losses, has_aux=True))(params))


@pytest.mark.parametrize("num_devices", [1, 2])
def test_it_is_the_game_itself(num_devices: int) -> None:
    game = helpers.mlp_gan(penalty=jaxgan.penalties.r1(weight=0.5))
    mesh = distributed.make_mesh(num_devices)
    split = distributed.reproducible(game, num_shards=4, mesh=mesh)
    assert helpers.max_difference(evaluate(split), evaluate(game)) < 1e-5


def test_loops_in_loops_add_along_the_same_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    def value(max_turns: int) -> np.ndarray:
        monkeypatch.setattr(shards, "MAX_TURNS", max_turns)
        game = jaxgan.zero_sum(
            lambda key: {"gen": jnp.ones(()), "disc": jnp.ones(())},
            lambda params, batch, context: jnp.mean(batch["x"]) * params["gen"],
        )
        split = distributed.reproducible(game, num_shards=16, mesh=distributed.make_mesh(1))
        params, net_state = split.init(jax.random.key(0))
        batch = {"x": jnp.asarray(np.random.default_rng(0).normal(size=16), jnp.float32)}

        def loss(x: jax.Array) -> jax.Array:
            at = {**params, "gen": x}
            return split.losses(at, net_state, batch, Context(jax.random.key(0)))[0]["gen"]

        found = jax.jit(jax.value_and_grad(loss))(jnp.ones(()))
        terms = np.asarray(batch["x"])
        while len(terms) > 1:
            terms = terms[0::2] + terms[1::2]
        assert [float(x) for x in found] == [float(terms[0] / np.float32(16))] * 2
        return np.asarray(found)

    np.testing.assert_array_equal(value(2), value(16))


def test_what_cannot_be_exact_is_refused() -> None:
    game, mesh = helpers.mlp_gan(), distributed.make_mesh(2)
    with pytest.raises(ValueError, match=r"looks ahead.*unrolled\(reproducible"):
        distributed.reproducible(jaxgan.unrolled(game, num_steps=1), num_shards=4, mesh=mesh)
    split = distributed.make_mesh(4, model=2)
    with pytest.raises(ValueError, match=r"mesh\.model is 2"):
        distributed.reproducible(game, num_shards=8, mesh=split)
    with pytest.raises(ValueError, match="there are 3 devices; use a power of two"):
        distributed.reproducible(game, num_shards=8, mesh=distributed.make_mesh(3))
    for num in (2, 6):
        with pytest.raises(ValueError, match=f"num_shards is {num}; it must be a power of two"):
            distributed.reproducible(game, num_shards=num, mesh=mesh)
    with pytest.raises(ValueError, match="does not divide the batch of 8"):
        evaluate(distributed.reproducible(game, num_shards=16, mesh=mesh))
    with pytest.warns(UserWarning, match="each shard is normalized by itself"):
        distributed.reproducible(helpers.mlp_gan(disc_batch_norm=True), num_shards=4, mesh=mesh)


def test_processors_that_round_once_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "fuses_multiply_add", lambda: True)
    with pytest.raises(InputError, match="set XLA_FLAGS=--xla_cpu_max_isa=AVX before JAX starts"):
        distributed.reproducible(helpers.mlp_gan(), num_shards=4, mesh=distributed.make_mesh(2))
