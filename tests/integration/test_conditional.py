"""Conditional runs from the command line, and layers over the batch on several devices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

import jaxgan as jg
from jaxgan import distributed, from_linen
from jaxgan.cli.main import main
from jaxgan.models import DCGANDiscriminator
from tests.devices import distance

# Beside what the config has: power iterations and groups, which other runs of the suite have not.
FLAGS = ("--config.discriminator.norm=spectral", "--config.discriminator.minibatch=stddev")
CONFIG = f"{Path(__file__).parents[2] / 'configs' / 'conditional_digits.py'}:smoke"
TITLES = 16


def train(workdir: Path, *flags: str) -> int:
    return main(["train", "--config", CONFIG, "--workdir", str(workdir), *FLAGS, *flags])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workdir = tmp_path_factory.mktemp("runs") / "conditional"
    assert train(workdir) == 0
    return workdir


def sample(workdir: Path, out: Path, *flags: str) -> int:
    return main(["sample", "--workdir", str(workdir), "--out", str(out), *flags])


def arrays(run: Path, out: Path, *flags: str) -> dict[str, np.ndarray]:
    assert sample(run, out, "--num", "25", *flags) == 0
    with np.load(out) as found:
        return dict(found)


def test_all_classes_are_sampled_in_turn(run: Path, tmp_path: Path) -> None:
    found = arrays(run, tmp_path / "a.npz")
    assert found["labels"].tolist() == [*range(10), *range(10), *range(5)]
    said = arrays(run, tmp_path / "b.npz", "--label", "all")
    np.testing.assert_array_equal(said["images"], found["images"])


def test_classes_that_are_asked_for(run: Path, tmp_path: Path) -> None:
    """Sample i depends on the seed, i and its class alone."""
    whole = arrays(run, tmp_path / "a.npz")
    three = arrays(run, tmp_path / "b.npz", "--label", "3")
    assert three["labels"].tolist() == [3] * 25
    two = arrays(run, tmp_path / "c.npz", "--label", "7,3")
    assert two["labels"].tolist() == [7, 3] * 12 + [7]
    np.testing.assert_array_equal(three["images"][3::10], whole["images"][3::10])
    np.testing.assert_array_equal(two["images"][1::2], three["images"][1::2])
    assert np.abs(three["images"].astype(int) - whole["images"])[0::10].max() > 0


def test_a_folder_has_one_for_each_class_unless_it_is_flat(run: Path, tmp_path: Path) -> None:
    for name, flags in (("deep", []), ("flat", ["--flat"])):
        assert sample(run, tmp_path / name, "--num", "12", *flags) == 0
    deep, flat = (sorted(tmp_path.glob(f"{name}/**/*.png")) for name in ("deep", "flat"))
    assert [path.parent.name for path in deep] == [str(n) for n in (0, 0, 1, 1, *range(2, 10))]
    assert {path.parent for path in flat} == {tmp_path / "flat"}
    files = {path.name: path.read_bytes() for path in deep}
    assert files == {path.name: path.read_bytes() for path in flat}


@pytest.mark.parametrize(
    ("flags", "size"),
    [
        (["--num", "20"], (10, 2)),
        (["--num", "9", "--label", "3"], (3, 3)),
        (["--num", "6", "--label", "1,2"], (2, 3)),
    ],
)
def test_the_picture_has_a_column_for_each_class(
    run: Path, tmp_path: Path, flags: list[str], size: tuple[int, int]
) -> None:
    assert sample(run, tmp_path / "a.png", *flags) == 0
    with Image.open(tmp_path / "a.png") as picture:
        width, height = (8 * (9 * tiles + 1) for tiles in size)
        assert picture.size == (width, height + TITLES)


def test_pictures_of_training_have_a_column_for_each_class(run: Path) -> None:
    path = sorted((run / "samples").glob("*.png"))[-1]
    with Image.open(path) as picture:
        assert picture.size == (8 * 91, 8 * 73 + TITLES)


@pytest.mark.parametrize("label", ["10", "-1", "3,10", "three", "", "3,"])
def test_labels_that_are_none_are_refused_in_one_line(
    run: Path, tmp_path: Path, label: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert sample(run, tmp_path / "a.png", f"--label={label}") == 2
    error = capfd.readouterr().err.strip()
    assert f"label is {label!r}; it must be all, or classes from 0 to 9" in error
    assert len(error.splitlines()) == 1


@pytest.mark.slow
def test_spectral_norm_is_saved_and_resumed(run: Path, tmp_path: Path) -> None:
    assert train(tmp_path, "--config.total_steps=10") == 0
    assert train(tmp_path) == 0
    states = [jg.load(path).state.net_state["disc"]["network"] for path in (run, tmp_path)]
    assert list(states[0]) == ["spectral"]
    once, twice = (jax.device_get(state) for state in states)
    assert distance(once, twice) == 0.0
    leaves = jax.tree.leaves_with_path(once)
    sigmas = [float(leaf) for path, leaf in leaves if str(path[-1]).endswith("sigma']")]
    assert len(sigmas) == 5
    assert all(sigma > 0 for sigma in sigmas)


@pytest.mark.parametrize("num_devices", [8])
def test_groups_and_power_iterations_are_the_same_on_any_number_of_devices(
    num_devices: int, float64: None
) -> None:
    """16 examples in groups of 4: on 8 devices every group lies on two of them."""
    module = DCGANDiscriminator(
        8, 1, 2, "spectral", minibatch="stddev", head="projection", num_classes=3
    )
    specs = jax.ShapeDtypeStruct((1, 8, 8, 1), jnp.float32), jax.ShapeDtypeStruct((1,), jnp.int32)
    network = from_linen(module, *specs, couples_batch=True)
    draw = np.random.default_rng(0)
    x, label = draw.uniform(-1, 1, (16, 8, 8, 1)), draw.integers(0, 3, 16).astype(np.int32)
    start = jax.tree.map(
        lambda leaf: np.asarray(leaf, np.float64), jax.jit(network.init)(jax.random.key(0))
    )

    def step(start: Any, x: jax.Array, label: jax.Array) -> Any:
        def loss(params: Any, state: Any) -> Any:
            with jax.numpy_dtype_promotion("standard"):
                for _ in range(2):
                    logits, state = network.apply(params, state, x, label)
            return jnp.mean(jnp.square(1.0 - logits)), (logits, state)

        return jax.value_and_grad(loss, has_aux=True)(*start)

    def play(num: int) -> Any:
        sharding = distributed.batch_sharding(distributed.make_mesh(num))
        given = jax.device_put((x, label), sharding)
        return jax.device_get(jax.jit(step)(start, *given))

    (_, (_, state)), _ = one = play(1)
    other = play(num_devices)
    assert {leaf.dtype for leaf in jax.tree.leaves(one)} == {np.dtype(np.float64)}
    assert distance(other, one) < 1e-10
    assert distance(state, start[1]) > 1e-3
