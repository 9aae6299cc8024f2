"""The experiments on objectives: their parts, and a small run of each one's main."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan as jg
from jaxgan.data import digits
from tests.experiments import imported, report_of


def rows_of(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    rows = {row["name"]: row for row in report["rows"]}
    assert len(rows) == len(report["rows"])
    assert all(set(row) == {"name", "ours", "paper", "seeds"} for row in rows.values())
    return rows


@pytest.fixture(scope="module")
def on_mnist() -> ModuleType:
    return imported("losses_on_mnist")


@pytest.fixture(scope="module")
def semi() -> ModuleType:
    return imported("semi_supervised")


@pytest.fixture(scope="module")
def enlarged() -> tuple[np.ndarray, np.ndarray]:
    """Scikit-learn's 1797 digits at MNIST's size and margin: uint8 [N, 28, 28], and labels."""
    source = digits()
    batch = source.read(np.arange(source.num_examples))
    images = np.rint((batch["image"][..., 0] + 1.0) * 127.5).astype(np.uint8)
    images = np.pad(images.repeat(3, axis=1).repeat(3, axis=2), ((0, 0), (2, 2), (2, 2)))
    return images, batch["label"]


@pytest.mark.slow
def test_saturation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flags = ["--num-steps", "300", "--seeds", "2", "--objectives", "minimax", "non-saturating"]
    small = {"NUM_LOOKED_AT": 512, "BATCH": 128, "FEATURES": (32, 32), "RATE": 3e-3}
    for name, value in small.items():
        monkeypatch.setattr(imported("saturation"), name, value)
    report = report_of("saturation", flags, tmp_path, monkeypatch)
    rows = rows_of(report)
    change = {
        name: rows[f"{name}: gradient, last tenth / first"]["ours"]
        for name in ("minimax", "non-saturating")
    }
    # The discriminator wins early; the saturating generator's gradient is then the weaker.
    assert rows["minimax: gradient, last tenth / first"]["paper"] == "vanishes"
    assert 0 < change["minimax"] < 0.5 * change["non-saturating"]
    mistaken = rows["minimax: examples mistaken, last tenth"]["ours"]
    assert 0 <= mistaken < report["curves"]["minimax"]["mistaken"][0] <= 1


@pytest.mark.slow
def test_losses_on_ring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imported("losses_on_ring"), "NUM_SAMPLES", 500)
    flags = ["--objectives", "non-saturating", "n + 1 classes", "--penalties", "r1"]
    flags += ["--num-steps", "4", "--seeds", "2"]
    report = report_of("losses_on_ring", flags, tmp_path, monkeypatch)
    rows = rows_of(report)
    for name in ("non-saturating", "n + 1 classes"):
        assert 0 <= rows[f"{name}, r1: modes"]["ours"] <= 8
        assert 0 <= rows[f"{name}, r1: hq"]["ours"] <= 1
        assert rows[f"{name}, r1: hq"]["seeds"] == 2
        assert len(report["runs"][name]["r1"]["reverse_kl"]) == 2


@pytest.mark.slow
def test_every_objective_of_the_ring_and_of_mnist_is_a_game(on_mnist: ModuleType) -> None:
    """Abstractly: networks fit losses, and every player has a loss; nothing is compiled."""
    on_ring = imported("losses_on_ring")
    data = on_ring.ring()
    games = {
        f"ring, {name}": (on_ring.make_game(play, data, "r1", 10), (2,))
        for name, play in on_ring.OBJECTIVES.items()
    }
    games |= {
        name: (on_mnist.make_game(play, 2, 10), on_mnist.SHAPE)
        for name, play in on_mnist.OBJECTIVES.items()
    }
    for name, (game, shape) in games.items():

        def losses(game: jg.Game = game, shape: tuple[int, ...] = shape) -> Any:
            params, state = game.init(jax.random.key(0))
            batch = {"image": jnp.zeros((4, *shape)), "label": jnp.zeros(4, jnp.int32)}
            context = jg.Context(jax.random.key(1))
            scene, state = game.generate(params, state, batch, context)
            return game.losses(params, state, scene, context)[0]

        found = jax.eval_shape(losses)
        assert {player: value.shape for player, value in found.items()} == {
            "gen": (),
            "disc": (),
        }, name


@pytest.mark.slow
def test_features_are_what_the_classifier_s_last_layer_reads(on_mnist: ModuleType) -> None:
    images = np.random.default_rng(0).uniform(-1, 1, (5, 28, 28)).astype(np.float32)
    params = on_mnist.Classifier().init(jax.random.key(0), jnp.zeros((1, 28, 28)))["params"]
    last = params["Dense_1"]
    ours = on_mnist._features(params, images) @ last["kernel"] + last["bias"][None]
    expected = on_mnist.Classifier().apply({"params": params}, images)
    np.testing.assert_allclose(ours, expected, atol=1e-4)


@pytest.mark.slow
def test_losses_on_mnist(
    on_mnist: ModuleType,
    enlarged: tuple[np.ndarray, np.ndarray],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parts = {"train": slice(0, 1400), "test": slice(1400, None)}

    def load(data_dir: str | None, split: str) -> Any:
        return on_mnist.Digits(*(array[parts[split]] for array in enlarged))

    monkeypatch.setattr(on_mnist, "load_mnist", load)
    monkeypatch.setattr(on_mnist, "BATCH", 4)
    monkeypatch.setattr(on_mnist, "NUM_SAMPLES", 200)
    flags = ["--objectives", "feature matching", "--num-steps", "2", "--seeds", "2"]
    report = report_of("losses_on_mnist", [*flags, "--base-channels", "2"], tmp_path, monkeypatch)
    rows = rows_of(report)
    assert rows["classifier: accuracy on test digits"]["ours"] > 0.8
    assert rows["real test digits: classes"]["ours"] == 10
    assert rows["real test digits: kl"]["ours"] < 0.05
    assert rows["real test digits: confident"]["ours"] > 0.7
    assert rows["feature matching: classes"]["seeds"] == 2
    # Two steps make no digits.
    fd = on_mnist.FD
    ours, real = (
        rows[f"{name}: {fd}"]["ours"] for name in ("feature matching", "real test digits")
    )
    assert 0 < real < 0.5 * ours
    assert report["settings"]["base_channels"] == 2


def test_samples_that_are_lost_score_nothing(on_mnist: ModuleType) -> None:
    images = np.full((4, 28, 28), np.nan, np.float32)
    scores = on_mnist.measure(None, None, images)
    assert scores == {"classes": 0, "kl": None, "confident": 0.0, on_mnist.FD: None}


@pytest.mark.slow
def test_semi_supervised(
    semi: ModuleType,
    enlarged: tuple[np.ndarray, np.ndarray],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images, labels = enlarged
    source = semi_source(images[:1400], labels[:1400])
    test = semi_source(images[1400:], labels[1400:])
    monkeypatch.setattr(semi, "load", lambda _: (source, test.read(np.arange(test.num_examples))))
    monkeypatch.setattr(semi, "BATCH", 20)
    monkeypatch.setitem(semi.BUDGETS, "small", semi.Budget(200, 2, (48, 32), (32,)))
    monkeypatch.setattr(semi, "NUM_POINTS", 4)
    flags = ["--num-labels", "100", "--num-steps", "200", "--draws", "2"]
    report = report_of("semi_supervised", flags, tmp_path, monkeypatch)
    rows = rows_of(report)
    for name in ("labels only", "GAN"):
        curves = report["curves"][name]
        assert [[step for step, _ in curve] for curve in curves] == [[50, 100, 150, 200]] * 2
        # Both learn: guessing would make 357 errors of 397.
        assert 0.5 < rows[f"{name}: accuracy"]["ours"] < 1
        last = [curve[-1][1] for curve in curves]
        assert rows[f"{name}: test errors"]["ours"].startswith(f"{np.mean(last):.0f} ± ")
        assert rows[f"{name}: accuracy"]["seeds"] == 2
    assert rows["GAN: test errors"]["paper"] == "93 ± 6.5"


def semi_source(images: np.ndarray, labels: np.ndarray) -> Any:
    return jg.data.array_source("enlarged", images[..., None], labels)


def test_layers_start_normalised_and_keep_their_gain(semi: ModuleType) -> None:
    x = np.random.default_rng(0).normal(2.0, 3.0, (50, 4)).astype(np.float32)
    layer = semi.Layer(3)
    y, variables = layer.init_with_output(jax.random.key(0), jnp.asarray(x))
    np.testing.assert_allclose(np.mean(y, axis=0), 0.0, atol=1e-5)
    np.testing.assert_allclose(np.var(y, axis=0), 1.0, atol=1e-4)
    params = variables["params"]
    for scale in (1.0, 7.0):  # the length of the columns does not matter
        scaled = {**params, "kernel": scale * params["kernel"]}
        np.testing.assert_allclose(layer.apply({"params": scaled}, x[:5]), y[:5], atol=1e-4)

    def total(params: Any, trains: bool) -> jax.Array:
        return jnp.sum(semi.Layer(3, trains).apply({"params": params}, x) ** 3)

    gains = [jax.grad(total)(params, trains)["gain"] for trains in (False, True)]
    assert not np.any(gains[0])
    assert np.all(gains[1])


@pytest.mark.parametrize(
    ("name", "flags", "message"),
    [
        ("losses_on_mnist", ["--objectives", "EBGAM"], "invalid choice: 'EBGAM'"),
        (
            "losses_on_mnist",
            ["--num-steps", "75"],
            "--num-steps is 75; it must be a multiple of 50",
        ),
        ("losses_on_mnist", ["--data-dir", "nowhere"], "mnist"),
        (
            "semi_supervised",
            ["--num-steps", "30"],
            "--num-steps is 30; it must be a multiple of 20",
        ),
        ("semi_supervised", ["--draws", "0"], "'0' is not a whole number of at least 1"),
        ("semi_supervised", ["--data-dir", "nowhere"], "mnist"),
        ("saturation", ["--num-steps", "75"], "--num-steps is 75; it must be a multiple of 50"),
        ("losses_on_ring", ["--std", "0"], "std is 0.0; it must be above 0"),
    ],
)
def test_bad_flags_are_one_line(
    name: str,
    flags: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as stop:
        report_of(name, flags, tmp_path, monkeypatch)
    assert stop.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert "error: " in last
    assert message in last
