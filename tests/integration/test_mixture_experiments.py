"""The experiments on mixtures, consensus and symplectic: their parts, and runs of their mains."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from PIL import Image
from scipy.optimize import linear_sum_assignment

import jaxgan as jg
from jaxgan.fields import consensus
from tests.experiments import imported

# The same small programs serve the test of the spectra and the run of the main: one compilation.
WIDTH, NUM, GAMMA = 3, 16, 5.0


@pytest.fixture(scope="module")
def mixture() -> ModuleType:
    return imported("consensus_mixture")


@pytest.fixture(scope="module")
def grid(mixture: ModuleType) -> ModuleType:
    return imported("sga_grid")


def sizes(game: jg.Game) -> dict[str, int]:
    params, _ = jax.eval_shape(game.init, jax.random.key(0))
    return {player: sum(x.size for x in jax.tree.leaves(w)) for player, w in params.items()}


def test_networks_are_as_large_as_published(mixture: ModuleType, grid: ModuleType) -> None:
    assert sizes(mixture.make_game(16)) == {"gen": 1122, "disc": 881}
    hidden = 5 * (384 * 384 + 384)
    gen, disc = 64 * 384 + 384 + hidden + 384 * 2 + 2, 2 * 384 + 384 + hidden + 385
    assert sizes(grid.make_game(384)) == {"gen": gen, "disc": disc}


def test_grid_networks_start_like_sonnet_s(grid: ModuleType) -> None:
    params, _ = grid.make_game(96).init(jax.random.key(0))
    kernel = np.asarray(params["gen"]["Dense_1"]["kernel"]) * math.sqrt(96)
    assert 1.9 < np.abs(kernel).max() <= 2.0
    assert kernel.std() == pytest.approx(0.8796, rel=0.02)


def test_batches_hold_as_many_of_each_mode(mixture: ModuleType, grid: ModuleType) -> None:
    for source, expected in ((mixture.DATA, 64), (grid.DATA, 32)):
        batch = mixture.stratified(source)(jax.random.key(0), 512)
        distances = np.linalg.norm(np.asarray(batch["image"])[:, None] - source.modes, axis=-1)
        np.testing.assert_array_equal(distances.argmin(axis=1), batch["label"])
        np.testing.assert_array_equal(
            np.bincount(batch["label"]), np.full(len(source.modes), expected)
        )
        rms = np.sqrt(np.mean(distances.min(axis=1) ** 2))
        assert rms == pytest.approx(math.sqrt(2) * source.std, rel=0.1)
    assert sorted(map(tuple, grid.DATA.modes.tolist())) == [
        (x, y) for x in (-1.5, -0.5, 0.5, 1.5) for y in (-1.5, -0.5, 0.5, 1.5)
    ]
    with pytest.raises(ValueError, match="num is 20; it must be a multiple of the 8 modes"):
        mixture.stratified(mixture.DATA)(jax.random.key(0), 20)


def jacobians_by_hand(params: Any, real: jax.Array, z: jax.Array) -> list[np.ndarray]:
    """Those of v and of v - γ ∇½‖v‖², of networks and losses written out."""
    flat, unravel = ravel_pytree(params)

    def network(layers: Any, x: jax.Array) -> jax.Array:
        for index in range(len(layers)):
            layer = layers[f"Dense_{index}"]
            x = jnp.maximum(x, 0.0) if index else x
            x = jnp.einsum("bi,io->bo", x, layer["kernel"]) + layer["bias"][None]
        return x

    def losses(w: jax.Array) -> tuple[jax.Array, jax.Array]:
        gen_params, disc_params = (unravel(w)[player] for player in ("gen", "disc"))
        on_real = network(disc_params, real)[:, 0]
        on_fake = network(disc_params, network(gen_params, z))[:, 0]
        gen = -jnp.mean(jnp.log(jax.nn.sigmoid(on_fake)))
        disc = -jnp.mean(jnp.log(jax.nn.sigmoid(on_real)) + jnp.log(1 - jax.nn.sigmoid(on_fake)))
        return gen, disc

    is_gen, _ = ravel_pytree(
        {p: jax.tree.map(lambda x, p=p: jnp.full(x.shape, p == "gen"), params[p]) for p in params}
    )

    def flow(w: jax.Array) -> jax.Array:
        gen, disc = jax.jacrev(losses)(w)
        return -jnp.where(is_gen, gen, disc)

    def consented(w: jax.Array) -> jax.Array:
        return flow(w) - GAMMA * jax.grad(lambda w: 0.5 * jnp.sum(flow(w) ** 2))(w)

    both = jax.jit(jax.jacfwd(lambda w: (flow(w), consented(w))))(flat)
    return [np.asarray(jacobian, np.float64) for jacobian in both]


def distance(eigenvalues: np.ndarray, others: np.ndarray) -> float:
    """The largest distance between partners, paired as near as can be."""
    apart = np.abs(eigenvalues[:, None] - others[None])
    return float(apart[linear_sum_assignment(apart)].max())


@pytest.mark.slow
def test_spectra_are_those_of_dense_jacobians(
    mixture: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mixture, "DEPTH", 1)
    game = mixture.make_game(WIDTH)
    plain = jg.gradient(game)
    params, net_state = game.init(jax.random.key(3))
    # Away from the start, where biases are 0 and whole layers may be dead.
    params = jax.tree.map(lambda x: 1.5 * x + 0.1, params)
    member = jg.TrainState(
        step=jnp.int32(0),
        key=jax.random.key(0),
        params=params,
        net_state=net_state,
        opt_state={},
        memory=(),
        ema={},
    )
    found = mixture.spectra(plain, consensus(plain, gamma=GAMMA), GAMMA, member, NUM, 2)

    pairs = []
    for index in range(2):
        key = jg.stream(jax.random.key(2), "spectrum", index)
        real = mixture.stratified(mixture.DATA)(jg.stream(key, "data"), NUM)["image"]
        pairs.append(
            jacobians_by_hand(params, real, jax.random.normal(jg.stream(key, "latent"), (NUM, 16)))
        )
    flow, consented = np.mean(pairs, axis=0)
    expected = {
        "v'": flow,
        "v' - gamma v'T v'": flow - GAMMA * flow.T @ flow,
        "consensus field": consented,
    }
    assert list(found) == list(expected)
    for name, matrix in expected.items():
        eigenvalues = np.linalg.eigvals(matrix)
        scale = np.abs(eigenvalues).max()
        assert distance(found[name], eigenvalues) < 2e-3 * scale, name
        assert distance(np.zeros(len(eigenvalues)), eigenvalues) > 0.5 * scale
    # Away from an equilibrium the paper's matrix is not the Jacobian of what is descended.
    assert distance(found["consensus field"], found["v' - gamma v'T v'"]) > 0.01


def read(folder: Path, name: str) -> dict[str, Any]:
    def refuse(text: str) -> None:
        raise AssertionError(f"{name}.json holds {text}")

    report = json.loads((folder / f"{name}.json").read_text(), parse_constant=refuse)
    assert all(set(row) == {"name", "ours", "paper", "seeds"} for row in report["rows"])
    for run in report["runs"].values():
        assert run["step"] == [10, 20]
        assert all(len(run[entry]) == 2 for entry in ("modes", "hq", "loss/disc", "loss/gen"))
        assert all(len(scores) == 2 for scores in run["modes"] + run["hq"])
        assert run["seconds"] > 0
    with Image.open(folder / f"{name}.png") as picture:
        assert min(picture.size) > 500
    return report


TINY = ["--num-steps", "20", "--eval-every", "10", "--seeds", "2", "--width", str(WIDTH)]
TINY += ["--batch-size", str(NUM)]


@pytest.mark.slow
def test_consensus_mixture_runs(
    mixture: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mixture, "DEPTH", 1)
    monkeypatch.setattr(mixture, "NUM_SAMPLES", 200)
    flags = ["--num-batches", "1", "--gamma", str(GAMMA), "--out", str(tmp_path)]
    mixture.main([*TINY, *flags])

    report = read(tmp_path, "consensus_mixture")
    assert list(report["runs"]) == ["plain", "consensus"]
    assert report["settings"]["gamma"] == GAMMA
    names = [row["name"] for row in report["rows"]]
    assert len(names) == len(set(names))
    points = ("before", "after plain", "after consensus")
    assert tuple(report["spectra"]) == points
    for point in points:
        first, second = report["spectra"][point]
        assert list(first) == ["v'", "v' - gamma v'T v'", "consensus field"]
        assert list(second) == list(first)[:2]
        for ends in (*first.values(), *second.values()):
            assert ends["min_re"] <= ends["max_re"]
            assert ends["max_im"] >= 0
        row = report["rows"][names.index(f"{point}: max Re v'")]
        assert [float(text) for text in row["ours"].split()] == pytest.approx(
            [first["v'"]["max_re"], second["v'"]["max_re"]], rel=1e-2
        )
        assert row["seeds"] == 2
    # Training moved both, and apart.
    tops = [report["spectra"][point][0]["v'"]["min_re"] for point in points]
    assert len(set(tops)) == 3


@pytest.mark.slow
def test_sga_grid_runs(grid: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grid, "DEPTH", 1)
    monkeypatch.setattr(grid, "NUM_SAMPLES", 200)
    grid.main([*TINY, "--out", str(tmp_path)])

    report = read(tmp_path, "sga_grid")
    assert list(report["runs"]) == ["RMSProp", "SGA"]
    assert report["settings"]["budget"] == "small"
    assert report["settings"]["width"] == WIDTH
    rows = {row["name"]: row for row in report["rows"]}
    assert rows["RMSProp: loss of the discriminator"]["paper"] == 0.58
    assert rows["SGA: loss of the discriminator"]["paper"] == 1.3857
    assert rows["SGA: loss of the generator"]["paper"] == 0.6932
    assert report["runs"]["RMSProp"]["loss/disc"] != report["runs"]["SGA"]["loss/disc"]
    # Untrained networks do not tell real from generated.
    assert rows["SGA: loss of the discriminator"]["ours"] == pytest.approx(1.386, abs=0.3)


def test_budgets_fill_in_what_no_flag_says(
    grid: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert grid.BUDGETS["full"] == (384, 10_000, 1)
    monkeypatch.setattr(grid, "BUDGETS", {"small": grid.Budget(8, 30, 1)})
    with pytest.raises(SystemExit):
        grid.main(["--eval-every", "20"])
    assert "--num-steps: 30 is no multiple of --eval-every" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["consensus_mixture", "sga_grid"])
@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--num-steps", "0"], "'0' is not a whole number of at least 1"),
        (["--num-steps", "700"], "--num-steps: 700 is no multiple of --eval-every"),
        (["--batch-size", "20"], "--batch-size: 20 is no multiple of"),
        (["--seeds", "two"], "'two' is not a whole number of at least 1"),
    ],
)
def test_bad_flags_are_one_line(
    name: str, flags: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        imported(name).main(flags)
    assert stop.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert "error: " in last
    assert message in last


def test_negative_gamma_is_refused(mixture: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        mixture.main(["--gamma", "-1"])
    assert "--gamma: -1.0; it must be at least 0" in capsys.readouterr().err


@pytest.mark.slow
def test_ode_gan_runs_and_has_the_orders(
    mixture: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ode = imported("ode_gan")
    monkeypatch.setattr(ode, "NUM_SAMPLES", 200)
    flags = ["--num-steps", "4", "--eval-every", "2", "--seeds", "2", "--batch-size", "32"]
    ode.main([*flags, "--out", str(tmp_path)])
    report = json.loads((tmp_path / "ode_gan.json").read_text())
    for row in report["rows"][:3]:
        assert row["ours"] == pytest.approx(row["paper"], abs=0.05), row["name"]
    assert list(report["runs"]) == ["RK4, norm", "RK4", "Euler, norm", "Euler", "Adam"]
    norms = [report["runs"][name]["loss/disc"] for name in ("RK4, norm", "RK4")]
    assert norms[0] != norms[1]
    with Image.open(tmp_path / "ode_gan.png") as picture:
        assert picture.width > 800
