"""The stacked-MNIST experiment: its parts against the library's, and a run of its main."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxgan.data import digits
from jaxgan.models.layers import conv2d, conv2d_transpose
from tests.experiments import imported


@pytest.fixture(scope="module")
def model() -> ModuleType:
    return imported("stacked_mnist_model")


@pytest.fixture(scope="module")
def experiment(model: ModuleType) -> ModuleType:
    return imported("stacked_mnist")


def batch_last(x: jax.Array) -> jax.Array:
    return x.transpose(3, 1, 2, 0)


@pytest.mark.parametrize(("size", "stride"), [(28, 2), (14, 2), (7, 2), (28, 1), (5, 1)])
def test_convolutions_are_the_library_s(model: ModuleType, size: int, stride: int) -> None:
    keys = jax.random.split(jax.random.key(0), 2)
    x = jax.random.normal(keys[0], (4, size, size, 5))
    kernel = jax.random.normal(keys[1], (3, 3, 5, 2))
    ours = model.conv(batch_last(x), kernel, stride).transpose(3, 1, 2, 0)
    np.testing.assert_allclose(ours, conv2d(x, kernel, stride=stride), atol=2e-5)


@pytest.mark.parametrize(("size", "padding"), [(4, 1), (7, 0), (14, 0)])
def test_transposes_are_those_of_same_convolutions(
    model: ModuleType, size: int, padding: int
) -> None:
    keys = jax.random.split(jax.random.key(0), 2)
    y = jax.random.normal(keys[0], (4, size, size, 5))
    kernel = jax.random.normal(keys[1], (3, 3, 2, 5))
    large = 2 * size - padding
    ours = model.conv_transpose(batch_last(y), kernel, padding).transpose(3, 1, 2, 0)
    image = jax.ShapeDtypeStruct((4, large, large, 2), jnp.float32)
    (expected,) = jax.linear_transpose(lambda x: conv2d(x, kernel, stride=2), image)(y)
    np.testing.assert_allclose(ours, expected, atol=2e-5)
    if padding == 0:
        np.testing.assert_allclose(ours, conv2d_transpose(y, kernel, stride=2), atol=2e-5)


def test_the_networks_are_as_large_as_published(model: ModuleType) -> None:
    def sizes(name: str) -> dict[str, int]:
        params, _ = jax.eval_shape(model.make_game(name).init, jax.random.key(0))
        return {p: sum(x.size for x in jax.tree.leaves(w)) for p, w in params.items()}

    dense, norms = 256 * 1024, 2 * (64 + 32 + 16 + 8)
    deconvs = 9 * (64 * 32 + 32 * 16 + 16 * 8)
    gen = dense + norms + deconvs + 9 * 8 * 3 + 3
    quarter = 9 * (3 * 2 + 2 * 4 + 4 * 8) + 2 * (2 + 4 + 8) + 4 * 4 * 8 + 1
    half = 9 * (3 * 4 + 4 * 8 + 8 * 16) + 2 * (4 + 8 + 16) + 4 * 4 * 16 + 1
    assert sizes("quarter") == {"gen": gen, "disc": quarter}
    assert sizes("half") == {"gen": gen, "disc": half}


def test_stacks_are_digits_in_channels(model: ModuleType) -> None:
    images = np.arange(10, dtype=np.uint8)[:, None, None] * np.ones((28, 28), np.uint8)
    sample = model.stacked_sampler(model.Digits(images, np.arange(10, dtype=np.int32)))
    drawn = np.asarray(sample(jax.random.key(0), 500)["image"])
    assert drawn.shape == (500, 28, 28, 3)
    constant = drawn[:, :1, :1]
    np.testing.assert_array_equal(drawn, np.broadcast_to(constant, drawn.shape))
    values = np.rint((constant[:, 0, 0] + 1) * 127.5).astype(int)
    assert set(values.ravel()) == set(range(10))
    # The three channels are drawn one by one.
    assert len({tuple(row) for row in values}) > 300


@pytest.fixture
def fake_mnist(experiment: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scikit-learn's 1797 digits, 8x8, enlarged to MNIST's size and margin."""
    source = digits()
    batch = source.read(np.arange(source.num_examples))
    images = np.rint((batch["image"][..., 0] + 1.0) * 127.5).astype(np.uint8)
    images = np.pad(images.repeat(3, axis=1).repeat(3, axis=2), ((0, 0), (2, 2), (2, 2)))
    parts = {"train": slice(0, 1400), "test": slice(1400, None)}

    def load(data_dir: str | None, split: str) -> tuple[np.ndarray, np.ndarray]:
        return experiment.Digits(images[parts[split]], batch["label"][parts[split]])

    monkeypatch.setattr(experiment, "load_mnist", load)


@pytest.mark.slow
def test_main_trains_scores_and_reports(
    experiment: ModuleType,
    fake_mnist: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(experiment, "BATCH", 8)
    monkeypatch.setattr(experiment, "NUM_POINTS", 2)
    monkeypatch.setattr(experiment, "NUM_SAMPLES", 5_000)
    monkeypatch.setattr(experiment, "CURVE_SAMPLES", 256)
    flags = ["--discriminator", "quarter", "--steps-unrolled", "0", "--num-steps", "4"]
    experiment.main([*flags, "--seeds", "2", "--out", str(tmp_path)])

    report = json.loads((tmp_path / "stacked_mnist.json").read_text())
    rows = {row["name"]: row for row in report["rows"]}
    assert all(set(row) == {"name", "ours", "paper", "seeds"} for row in rows.values())
    assert rows["classifier: accuracy on test digits"]["ours"] > 0.8
    # Real digits show what a perfect sampler would: nearly all modes, KL near its floor, which
    # 1400 digits with uneven classes and a judge that errs cannot quite reach.
    floor = 999 / (2 * 5_000)
    assert report["real"]["kl_floor"] == pytest.approx(floor, abs=1e-4)
    assert rows["real digits: modes"]["ours"] > 950
    assert 0.8 * floor < rows["real digits: KL"]["ours"] < 2 * floor

    assert rows["D = 1/4 G, k = 0: modes"]["paper"] == "30.6 ± 20.7"
    assert rows["D = 1/4 G, k = 0: modes"]["seeds"] == 2
    run = report["runs"]["D = 1/4 G, k = 0"]
    assert run["curve"]["step"] == [2, 4]
    assert all(len(values) == 2 for values in run["curve"]["modes"])
    assert all(1 <= modes <= 1000 for modes in run["modes"])
    assert all(0 < kl < np.log(1000) + 1e-4 for kl in run["reverse_kl"])
    with Image.open(tmp_path / "stacked_mnist.png") as picture:
        assert min(picture.size) > 200


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--discriminator", "third"], "invalid choice: 'third'"),
        (["--discriminator", "half", "half"], "each may be named once"),
        (["--steps-unrolled", "-1"], "'-1' is not a whole number of at least 0"),
        (["--steps-unrolled", "x"], "'x' is not a whole number of at least 0"),
        (["--num-steps", "15"], "--num-steps is 15; it must be a multiple of 10"),
        (["--seeds", "0"], "'0' is not a whole number of at least 1"),
        (["--budget", "huge"], "invalid choice: 'huge'"),
        (["--data-dir", "nowhere"], "mnist"),
    ],
)
def test_bad_flags_are_one_line(
    experiment: ModuleType, flags: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        experiment.main(flags)
    assert stop.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert "error: " in last
    assert message in last
