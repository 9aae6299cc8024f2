"""One program, any number of devices: the same numbers."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

import jaxgan
from jaxgan import distributed
from jaxgan.config.data import open_data
from jaxgan.config.resolve import resolve
from tests import helpers


def test_samples_on_the_device_do_not_depend_on_how_many_there_are() -> None:
    source = open_data(resolve({**_minimal(), "data": "ring"}))
    drawn = [
        jax.jit(
            distributed.shard_sampler(source.sample, distributed.make_mesh(n)), static_argnums=1
        )(jax.random.key(0), 64)["image"]
        for n in (1, 8)
    ]
    assert len(drawn[1].sharding.device_set) == 8
    np.testing.assert_array_equal(*drawn)


@pytest.mark.parametrize("per_replica", [False, True])
def test_latents_differ_on_every_device_and_are_those_of_one(per_replica: bool) -> None:
    """That processes draw the same too is seen in tests/integration/test_jobs.py."""
    params, net_state = helpers.mlp_gan().init(jax.random.key(0))
    drawn = []
    for num_devices in (1, 2, 8):
        mesh = distributed.make_mesh(num_devices)
        sharding = distributed.batch_sharding(mesh)
        game = helpers.mlp_gan()
        if per_replica:
            game = distributed.replica_mean(game, mesh=mesh)

        def latents(batch: Any, game: Any = game) -> jax.Array:
            scene, _ = game.generate(params, net_state, batch, jaxgan.Context(jax.random.key(1)))
            return scene["latent"]

        batch = jax.device_put(helpers.real_batch(), sharding)
        drawn.append(jax.jit(latents, out_shardings=sharding)(batch))
    rows = np.asarray(drawn[-1])
    assert len(drawn[-1].sharding.device_set) == len(rows) == 8
    assert len({row.tobytes() for row in rows}) == 8
    for other in drawn[:-1]:
        # The same random bits; how a shard is vectorised may round a normal number's last bit.
        np.testing.assert_allclose(np.asarray(other), rows, rtol=1e-6, atol=1e-7)


def _minimal() -> dict[str, object]:
    adam = {"name": "adam", "learning_rate": 1e-3}
    return {"generator": "mlp", "discriminator": "mlp", "optimizer": {"gen": adam, "disc": adam}}
