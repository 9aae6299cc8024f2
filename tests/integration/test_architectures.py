"""Every config's game, played in every way, stopped and gone on with."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import jaxgan as jg
from jaxgan.cli.main import main
from jaxgan.config import build
from jaxgan.config.base import load_config
from jaxgan.config.data import open_data
from jaxgan.config.games import named
from jaxgan.config.resolve import resolve
from jaxgan.data import DeviceSource
from jaxgan.run.previews import examples

ROOT = Path(__file__).parents[2]
TFDS = Path(os.environ.get("JAXGAN_TFDS_DIR", ROOT.parent / "shared" / "data" / "tfds"))
CONFIGS = {path.stem: path for path in sorted((ROOT / "configs").glob("*.py"))}
OTHERS = ("fashion_mnist", "mnist", "ring", "ring_unrolled")
"""Plain GANs, which other tests play in every way."""

GAMES = sorted(set(CONFIGS) - set(OTHERS))

WAYS: dict[str, dict[str, Any]] = {
    "simultaneous": {"algorithm": "simultaneous"},
    "alternating": {"algorithm": "alternating"},
    "unrolled": {"algorithm": "simultaneous", "unrolled": {"num_steps": 1}},
    "consensus": {"algorithm": "simultaneous", "field": {"name": "consensus", "gamma": 0.1}},
}


def flags_of(config: dict[str, Any]) -> list[str]:
    if "tfds:" not in str(config["data"]):
        return []
    if not TFDS.exists():
        pytest.skip("no prepared data here")
    return [f"--config.data.data_dir={TFDS}"]


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", GAMES)
def test_two_finite_steps(name: str, way: str) -> None:
    smoke = f"{CONFIGS[name]}:smoke"
    written = load_config(smoke, flags_of(load_config(smoke)))
    written.update({"field": "gradient", "unrolled": None, "substeps": 1, "batch_size": 4})
    for key in ("total_steps", "log_every_steps", "sample_every_steps", "checkpoint_every_steps"):
        written[key] = 2
    config = resolve({**written, **WAYS[way]})
    if way in ("alternating", "unrolled") and len(named(config).players) < 2:
        pytest.skip("one player alone: nobody to take turns with, or to look ahead at")
    source = open_data(config)
    on_device = source if isinstance(source, DeviceSource) else None
    algorithm = build.build_algorithm(config, source.element_spec, on_device)
    state, step = jax.jit(algorithm.init)(jax.random.key(0)), jax.jit(algorithm.step)
    num = 4 * int(np.prod(algorithm.num_batches, dtype=int))
    drawn = examples(jax.random.key(1), source, num)
    batch = {k: v.reshape(*algorithm.num_batches, 4, *v.shape[1:]) for k, v in drawn.items()}
    before = state.params
    for _ in range(2):
        state, metrics = step(state, {} if on_device else batch)
        assert all(bool(np.isfinite(value).all()) for value in metrics.values()), metrics
    for player in config["optimizer"]:
        moved = jax.tree.map(
            lambda a, b: bool((a != b).any()), before[player], state.params[player]
        )
        assert any(jax.tree.leaves(moved)), player


@pytest.mark.slow
@pytest.mark.parametrize("name", GAMES)
def test_a_resumed_run_is_the_uninterrupted_one_bit_for_bit(name: str, tmp_path: Path) -> None:
    smoke = f"{CONFIGS[name]}:smoke"
    config = resolve(load_config(smoke))
    total, every = config["total_steps"], config["checkpoint_every_steps"]
    assert every < total, "a smoke run has a checkpoint on its way"
    states = []
    for folder, stops in (("whole", [total]), ("parts", [every, total])):
        for stop in stops:
            flags = [*flags_of(load_config(smoke)), f"--config.total_steps={stop}"]
            where = ["--config", smoke, "--workdir", str(tmp_path / folder)]
            assert main(["train", *where, *flags]) == 0
        loaded = jg.load(tmp_path / folder)
        assert loaded.step == total
        state = loaded.state._replace(key=jax.random.key_data(loaded.state.key))
        states.append([np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(state)])
    assert states[0] == states[1]
