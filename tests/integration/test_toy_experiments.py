"""The experiments on games of two numbers: a few methods of each, against the known figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.experiments import imported, report_of


def by_name(report: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {row["name"]: (row["ours"], row["paper"]) for row in report["rows"]}


@pytest.mark.slow
def test_radii_on_the_bilinear_game(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = {
        "simultaneous": {0.2: 1.0198, 0.5: 1.1180},
        "extragradient": {0.2: 0.98061, 0.5: 0.90139},
        "OGDA": {0.2: 0.97891, 0.5: 0.70711},
        "consensus, gamma = 1": {0.2: 0.82462, 0.5: 0.70711},
        "CGD": {0.2: 0.98058, 0.5: 0.89443},
        "unrolled k=5 first order": {0.1: 0.97980},
        "lookahead k=6 alpha=0.8": {0.3: 1.0033},
    }
    report = report_of("bilinear", ["--methods", *table], tmp_path, monkeypatch)
    rows = by_name(report)
    for method, radii in table.items():
        for eta, expected in radii.items():
            ours, paper = rows[f"{method}: radius, eta = {eta}"]
            np.testing.assert_allclose([ours, paper], expected, atol=5e-5, err_msg=method)
        assert rows[f"{method}: max |radius - closed form|"][0] < 1e-7
        assert rows[f"{method}: max |decay of a long run - closed form|"][0] < 3e-3
    for method in ("simultaneous", "OGDA", "CGD", "consensus, gamma = 1"):
        for a in (1, 3, 6):
            ours, paper = rows[f"{method}: distance after 50 steps, a = {a}"]
            np.testing.assert_allclose(ours, paper, rtol=1e-9, err_msg=method)
    strong = {name: runs["6"][-1] for name, runs in report["strong"].items()}
    assert [name for name, left in strong.items() if left < 1] == ["CGD"]


@pytest.mark.slow
def test_eigenvalues_of_the_dirac_gan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected: dict[str, tuple[Any, float | None, str]] = {
        "minimax": ([-0.5j, 0.5j], np.hypot(1, 0.1), "diverges"),
        "WGAN-GP, target 0.3": (None, None, "cycles"),
        "instance noise, std = 1": ([-0.25 - 0.4330127j, -0.25 + 0.4330127j], None, "converges"),
        "unrolled k = 10, exact": ([-0.5, -0.5], 0.9, "converges"),
        "unrolled k = 10, first order": (
            [-0.25 - 0.4330127j, -0.25 + 0.4330127j],
            None,
            "converges",
        ),
    }
    flags = ["--num-steps", "400", "--methods", *expected]
    report = report_of("dirac", flags, tmp_path, monkeypatch)
    rows = by_name(report)
    for name, (eigenvalues, radius, verdict) in expected.items():
        found = report["methods"][name]
        if eigenvalues is not None:
            ours = [complex(*pair) for pair in found["eigenvalues"]]
            np.testing.assert_allclose(ours, eigenvalues, atol=1e-6, err_msg=name)
            text, paper = rows[f"{name}: eigenvalues"]
            assert text == paper, name
            np.testing.assert_allclose(found["radius"], found["closed_radius"], atol=1e-7)
        if radius is not None:
            np.testing.assert_allclose(found["radius"], radius, atol=1e-7, err_msg=name)
        assert found["verdict"] == verdict, name
    assert rows["unrolled k = 10, first order: eigenvalues"][0] == "-0.25 ± 0.433i"
    jump, paper = rows["WGAN-GP, target 0.3: jump of xi_disc at 0"]
    np.testing.assert_allclose([jump, paper], -0.6, atol=1e-6)


def test_the_dirac_experiment_refuses_what_it_does_not_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for flags, message in ((["--methods", "R3"], "['R3']"), (["--num-steps", "7"], "40")):
        with pytest.raises(SystemExit):
            report_of("dirac", flags, tmp_path, monkeypatch)
        assert message in capsys.readouterr().err


@pytest.mark.slow
def test_opponents_cooperate_where_they_shape_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = ["--methods", "naive", "LOLA exact", "SOS", "--seeds", "20"]
    rows = by_name(report_of("opponents", flags, tmp_path, monkeypatch))
    assert rows["prisoner's dilemma, naive: loss"][0] > 1.95
    assert rows["prisoner's dilemma, LOLA exact: loss"][0] < 1.3
    assert rows["prisoner's dilemma, SOS: loss"][0] < 1.3
    assert abs(rows["tandem, SOS: loss"][0]) < 0.1 < rows["tandem, LOLA exact: loss"][0]


@pytest.mark.slow
def test_consensus_has_its_closed_boundary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flags = ["--side", "8", "--ring-side", "2", "--ring-steps", "20", "--ring-seeds", "1"]
    report = report_of("phase_consensus", flags, tmp_path, monkeypatch)
    for game in ("bilinear", "dirac"):
        ours, closed = by_name(report)[f"{game}: cells that agree with the closed form"]
        assert ours > 0.98
        assert closed == 1.0
    assert (tmp_path / "phase_consensus_ring.png").is_file()


@pytest.mark.slow
def test_certificates_of_the_functions_of_follow_the_ridge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = ["--methods", "simultaneous", "--num-steps", "5", "--gap-steps", "2", "--seeds", "1"]
    report = report_of("certificates", flags, tmp_path, monkeypatch)
    rows = by_name(report)
    origins = [rows[f"g{i}: the origin"] for i in (1, 2, 3)]
    assert origins == [
        ("local minimax", "local minimax"),
        ("neither", "not local minimax"),
        ("local minimax", "local minimax"),
    ]
    for name in ("g1", "g3"):
        assert rows[f"{name}, follow the ridge"][0].startswith("(0, 0): local minimax")
        assert not rows[f"{name}, GDA"][0].startswith("(0, 0)")
    assert rows["g2, GDA"][0].startswith("(0, 0): neither")
    assert rows["g2, follow the ridge"][0] == "leaves"
    assert report["ring"]["simultaneous"][0]["kind"] == "no equilibrium"


@pytest.mark.slow
def test_a_pilot_on_the_bilinear_game(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = report_of("pilot", ["--tasks", "bilinear"], tmp_path, monkeypatch)
    found = report["runs"]["bilinear"]
    # From every cell it ends nearer than the best of the cells.
    assert found["piloted_worst"] <= found["best"] < found["median"]


@pytest.mark.slow
def test_estimators_of_hypergradients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imported("hypergradient_estimators"), "PARTS", (10, 100))
    flags = ["--num-keys", "50", "--num-pairs", "20"]
    report = report_of("hypergradient_estimators", flags, tmp_path, monkeypatch)
    for name, runs in report["runs"].items():
        (short, whole), (noise, _) = runs["truncated"]["bias"], runs["PES"]["std"]
        assert whole < 1e-5 < short, name
        assert runs["PES"]["bias"][0] < max(0.05, 4 * noise / np.sqrt(50)), name
    assert report["runs"]["hyper-parameters"]["ES"]["bias"][0] > 0.5


@pytest.mark.slow
def test_derivatives_miss_kinks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = imported("smooth_players")
    some = {name: experiment.ACTIVATIONS[name] for name in ("relu", "tanh")}
    monkeypatch.setattr(experiment, "ACTIVATIONS", some)
    report = report_of("smooth_players", ["--num-steps", "10"], tmp_path, monkeypatch)
    for by_name in report["runs"].values():
        slope, differences, kinks = by_name["tanh"]
        assert abs(slope - differences) < 2e-3 * abs(slope)
        assert not kinks
        slope, differences, kinks = by_name["relu"]
        assert abs(slope - differences) > 0.1 * abs(slope)
        assert kinks == "relu"


@pytest.mark.slow
def test_the_bias_of_consensus_is_as_predicted_and_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = ["--num-steps", "500", "--pairs", "512", "--batches", "1024"]
    rows = by_name(report_of("consensus_bias", flags, tmp_path, monkeypatch))
    predicted = rows["step 500: bias, B = 32"][0]
    np.testing.assert_allclose(rows["step 500: mean of one batch of 32"][0], predicted, rtol=0.3)
    assert rows["step 500: mean of two_batches"][0] < 0.5 * predicted
