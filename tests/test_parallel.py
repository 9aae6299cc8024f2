"""One program, any number of devices: the same numbers."""

from __future__ import annotations

from pathlib import Path

import jax
import numpy as np
import pytest

from jaxgan import build, parallel
from jaxgan.config import load_config
from jaxgan.data import pipeline

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("algorithm", ["simultaneous", "alternating"])
def test_one_device_and_eight_take_the_same_step(algorithm: str) -> None:
    config = load_config(f"{ROOT / 'configs' / 'digits.py'}:smoke")
    # With batch norm in both players: its statistics are those of the global batch.
    for player in ("generator", "discriminator"):
        config[player]["norm"] = "batch"
    config = build.resolve({**config, "algorithm": algorithm, "substeps": 1})
    source = build.open_data(config)
    method = build.build_algorithm(config, source.element_spec)
    batch = next(pipeline(source, batch_size=64, seed=0, num_batches=method.num_batches))
    results = []
    for num_devices in (1, 8):
        mesh = parallel.make_mesh(num_devices)
        whole = parallel.replicated(mesh)
        sharding = parallel.batch_sharding(mesh, method.num_batches)
        state = jax.jit(method.init, out_shardings=whole)(jax.random.key(0))
        placed = jax.device_put(batch, sharding)
        assert len(placed["image"].sharding.device_set) == num_devices
        state, metrics = jax.jit(method.step, out_shardings=(whole, whole))(state, placed)
        results.append(jax.device_get((state.net_state, metrics)))
    for one, eight in zip(*map(jax.tree.leaves, results), strict=True):
        np.testing.assert_allclose(one, eight, rtol=1e-5, atol=1e-6)


def test_samples_on_the_device_do_not_depend_on_how_many_there_are() -> None:
    source = build.open_data(build.resolve({**_minimal(), "data": "ring"}))
    drawn = [
        jax.jit(parallel.shard_sampler(source.sample, parallel.make_mesh(n)), static_argnums=1)(
            jax.random.key(0), 64
        )["image"]
        for n in (1, 8)
    ]
    assert len(drawn[1].sharding.device_set) == 8
    np.testing.assert_array_equal(*drawn)


def _minimal() -> dict[str, object]:
    adam = {"name": "adam", "learning_rate": 1e-3}
    return {"generator": "mlp", "discriminator": "mlp", "optimizer": {"gen": adam, "disc": adam}}
