"""The games with an encoder or codes: their measures, and a short run of the experiment."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jaxgan.cli.main import main
from jaxgan.core.errors import InputError
from tests.experiments import imported, report_of

CONFIGS = Path(__file__).parents[2] / "configs"


def test_measures_of_the_experiment() -> None:
    experiment = imported("inference_games")
    generator = np.random.default_rng(0)
    images = generator.normal(size=(3, 5, 6, 1))
    # The Laplacian of a quadratic x² + 3 y² is 8 everywhere.
    rows, columns = np.indices((5, 6))
    bowl = np.broadcast_to((rows**2 + 3 * columns**2)[None, :, :, None], (2, 5, 6, 1))
    assert experiment.sharpness(bowl) == pytest.approx(8.0)
    assert experiment.sharpness(0.5 * images) == pytest.approx(0.5 * experiment.sharpness(images))
    groups, classes = np.array([0, 0, 0, 1, 1, 2]), np.array([7, 7, 1, 3, 7, 7])
    assert experiment.purity(groups, classes) == pytest.approx(4 / 6)
    shown = experiment.columns(np.arange(6.0), groups % 2, 2)
    assert shown.tolist() == [0.0, 3.0, 1.0, 4.0]
    points, label = np.array([[0.0], [1.0], [1.5], [9.0]]), np.array([5, 6, 7, 8])
    np.testing.assert_array_equal(experiment.nearest_other(points, points, label), [6, 7, 6, 7])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["infogan", "bigan", "vae", "vae_gan"])
def test_the_experiment_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flags = ["--games", name, "--seeds", "1", "--num-steps", "10"]
    report = report_of("inference_games", flags, tmp_path, monkeypatch)
    assert len(report["runs"]) == 1
    assert all(row["name"].startswith(name) for row in report["rows"])
    assert all(np.isfinite(value) for key, value in report["runs"][0].items() if key != "game")


@pytest.mark.slow
def test_the_report_of_infogan_reads_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def trained(name: str) -> str:
        workdir = str(tmp_path / name)
        config = f"{CONFIGS / name}.py:smoke"
        assert main(["train", "--config", config, "--workdir", workdir]) == 0
        return workdir

    cache = ["--cache-dir", str(tmp_path / "cache")]
    flags = ["--workdirs", trained("infogan"), *cache]
    [run] = report_of("infogan_report", flags, tmp_path, monkeypatch)["runs"]
    table = np.asarray(run["samples of a value by class"])
    assert table.shape == (10, 10)
    assert table.sum() == 2000
    assert run["purity"] == pytest.approx(table.max(axis=1).sum() / 2000)
    with pytest.raises(InputError, match="plays gan; this report is of infogan"):
        report_of(
            "infogan_report", ["--workdirs", trained("digits"), *cache], tmp_path, monkeypatch
        )
