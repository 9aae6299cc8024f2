"""The experiments with unrolled and tuned GANs on a ring: their parts, and runs of their mains."""

from __future__ import annotations

from pathlib import Path

import jax
import numpy as np
import pytest

from tests.experiments import imported, report_of


def test_the_networks_are_the_papers() -> None:
    ring = imported("unrolled_ring")
    params, _ = ring.make_game().init(jax.random.key(0))
    sizes = {player: [x.shape for x in jax.tree.leaves(w)] for player, w in params.items()}
    assert sizes["disc"] == [(128,), (2, 128), (1,), (128, 1)]
    assert sizes["gen"] == [(128,), (256, 128), (128,), (128, 128), (2,), (128, 2)]
    # Orthogonal with gain 0.8.
    kernel = np.asarray(params["gen"]["Dense_1"]["kernel"])
    np.testing.assert_allclose(kernel @ kernel.T, 0.64 * np.eye(128), atol=1e-5)
    assert len(ring.DATA.modes) == 8
    np.testing.assert_allclose(np.linalg.norm(ring.DATA.modes, axis=1), 2.0, rtol=1e-6)


@pytest.mark.slow
def test_main_trains_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ring = imported("unrolled_ring")
    for name, value in {"BATCH": 8, "LATENT": 4, "WIDTH": 8, "NUM_SAMPLES": 600}.items():
        monkeypatch.setattr(ring, name, value)
    flags = ["--seeds", "2", "--num-steps", "4", "--eval-every", "2", "--modes", "exact", "--k"]
    report = report_of("unrolled_ring", [*flags, "0"], tmp_path, monkeypatch)
    assert [row["name"] for row in report["rows"]] == ["k=0: modes", "k=0: median HQ"]
    assert all(set(row) == {"name", "ours", "paper", "seeds"} for row in report["rows"])
    run = report["runs"]["k=0"]
    assert run["step"] == [2, 4]
    assert np.shape(run["modes"]) == np.shape(run["hq"]) == (2, 2)
    assert np.shape(run["snapshots"]["0"]) == (512, 2)
    assert report_of("unrolled_ring", [*flags, "0"], tmp_path, monkeypatch)["runs"] == {"k=0": run}


def test_flags_are_checked(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for flags, message in ((["--k", "-1"], "--k: -1"), (["--seeds", "0"], "'0' is not a whole")):
        with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as stopped:
            report_of("unrolled_ring", flags, tmp_path, patch)
        assert stopped.value.code == 2
        assert message in capsys.readouterr().err


@pytest.mark.slow
def test_unrolling_goes_to_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = imported("unroll_limit")
    for name, value in {"BATCH": 16, "GEN_WIDTH": 8, "DISC_WIDTH": 8, "NUM_SAMPLES": 200}.items():
        monkeypatch.setattr(limit, name, value)
    flags = ["--k", "0", "5", "100", "--num-steps", "100", "--eval-every", "50", "--seeds", "2"]
    report = report_of("unroll_limit", flags, tmp_path, monkeypatch)
    assert list(report["runs"]) == ["0", "5", "100", "implicit"]
    assert report["runs"]["5"]["step"] == [50, 100]
    far = {k: np.median(one["gap"]) for k, one in report["distances"].items()}
    assert far["implicit"] == 0
    assert far["100"] < far["0"]


@pytest.mark.slow
def test_tuning_lowers_the_objective(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = imported("tune_ring")
    for name, value in {"BATCH": 32, "WIDTH": 8, "NUM_HELD": 128}.items():
        monkeypatch.setattr(experiment, name, value)
    flags = ["--num-steps", "10", "--num-updates", "20", "--seeds", "2", "--tuning-seeds", "2"]
    report = report_of("tune_ring", flags, tmp_path, monkeypatch)
    assert report["path"]["objective"][-1] < report["path"]["objective"][0]
    assert np.shape(report["held_out"]["after"]) == (10, 2)
    assert all(np.isfinite(report["path"][name]).all() for name in experiment.START)
