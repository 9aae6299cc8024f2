"""`jaxgan evaluate`, `jaxgan compare`, and evaluation in training, through the front door."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxgan import metrics
from jaxgan.cli.main import main
from jaxgan.data import digits
from jaxgan.evaluation import Score, read_report
from jaxgan.evaluation.evaluator import Evaluation, Evaluator
from jaxgan.evaluation.protocol import make_protocol
from jaxgan.run.load import load
from jaxgan.writers.metrics import read_metrics
from tests.jobs import jaxgan_job

ROOT = Path(__file__).parents[2]
RING = f"{ROOT / 'configs' / 'ring.py'}:smoke"
DIGITS = f"{ROOT / 'configs' / 'digits.py'}:smoke"
MEASURED = [
    "--config.eval_every_steps=10",
    "--config.evaluation={'metrics': ['modes', 'fd', 'kd'], 'num_samples': 300}",
]
BEST = "--config.keep_best={'metric': 'eval/fd_pixels'}"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        for name, config, flags in (("ring", RING, [*MEASURED, BEST]), ("digits", DIGITS, [])):
            command = ["train", "--config", config, "--workdir", str(folder / name)]
            assert main([*command, *flags]) == 0
        yield folder


def evaluate(workdir: Path, *flags: str) -> dict[str, Score]:
    command = ["evaluate", "--workdir", str(workdir), "--num-samples", "300", "--num-real", "300"]
    assert main([*command, *flags]) == 0
    return {score.name: score for score in read_report(workdir)}


FEATURES = ["--features", "random-conv", "--metrics"]


def test_a_run_is_measured(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workdir = runs / "digits"
    found = evaluate(workdir, "--features", "pixels", "--metrics", "fd,nearest")
    printed = capsys.readouterr().out
    for name, score in found.items():
        assert f"{name} " in printed
        assert f"{score.value:.5g}" in printed
    samples = load(workdir).sample(300)
    real = digits().read(np.arange(1797))["image"]
    _, far = metrics.nearest_neighbors(samples[:256] / 2, real / 2)
    # Compared with 300 of them only, what is nearest is not nearer.
    assert found["nearest"].value >= np.median(far)
    protocol = found["fd_pixels"].protocol
    expected = {"n_fake": 300, "n_real": 300, "step": 20, "ema": True, "reference": "digits"}
    assert {key: protocol[key] for key in expected} == expected
    with Image.open(workdir / "evaluation" / "nearest.png") as picture:
        assert picture.size == (1218, 184)  # with a title, distances, and what is what


def test_the_live_generator_is_another(runs: Path) -> None:
    workdir = runs / "digits"
    averaged = evaluate(workdir, "--features", "pixels", "--metrics", "fd", "--ema")
    live = evaluate(workdir, "--features", "pixels", "--metrics", "fd", "--no-ema")
    assert averaged["fd_pixels"].value != live["fd_pixels"].value
    assert [one["fd_pixels"].protocol["ema"] for one in (averaged, live)] == [True, False]


def test_members_and_repeats_are_summed_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = ["--config", RING, "--config.num_seeds=3"]
    assert main(["train", "--workdir", str(tmp_path), *config]) == 0
    several = ["--metrics", "modes,fd", "--features", "pixels"]
    singles = {
        (member, seed): evaluate(tmp_path, *several, f"--member={member}", f"--seed={seed}")
        for member in (2, 0)
        for seed in (5, 6)
    }
    capsys.readouterr()
    found = evaluate(tmp_path, *several, "--members=2,0", "--seed=5", "--repeats=2")
    printed = capsys.readouterr().out
    assert "members 2, repeats 2" in printed
    bad = {"num_modes": min, "high_quality": min, "fd_pixels": max, "reverse_kl": max}
    for name, score in found.items():
        values = [one[name].value for one in singles.values()]
        np.testing.assert_allclose(score.values, values, rtol=1e-6)
        assert score.value == pytest.approx(np.mean(values))
        if np.isfinite(values).all():
            assert score.std == pytest.approx(np.std(values, ddof=1))
        else:
            assert score.std is None
        assert f"{bad[name](values):.5g}" in printed
        assert {k: score.protocol[k] for k in ("members", "repeats", "member")} == {
            **{"members": 2, "repeats": 2},
            "member": None,
        }
    stored = json.loads((tmp_path / "evaluation.json").read_text())["metrics"]
    assert {one["name"]: one["worst"] for one in stored}["fd_pixels"] == pytest.approx(
        max(one["fd_pixels"].value for one in singles.values())
    )
    everyone = evaluate(tmp_path, *several, "--members=all")
    assert len(everyone["fd_pixels"].values) == 3
    assert (
        load(tmp_path).evaluate(metrics=["modes"], num_samples=300)["num_modes"]
        == (everyone["num_modes"].values[0])
    )


def test_evaluation_in_training(runs: Path) -> None:
    workdir = runs / "ring"
    rows = [row for row in read_metrics(workdir / "metrics.jsonl") if "eval/fd_pixels" in row]
    assert [row["step"] for row in rows] == [10, 20]
    reports = [workdir / "evaluations" / f"step_{step:08d}.json" for step in (10, 20)]
    for row, path in zip(rows, reports, strict=True):
        scores = {score.name: score for score in read_report(path)}
        assert row["eval/fd_pixels"] == pytest.approx(scores["fd_pixels"].value, rel=1e-6)
        assert row["std/eval/kd_pixels"] == pytest.approx(scores["kd_pixels"].std, rel=1e-6)
        assert scores["fd_pixels"].protocol["member"] == 0
        assert scores["fd_pixels"].protocol["step"] == row["step"]
    assert (workdir / "curves/losses.png").stat().st_size > 0
    # The command finds what training found.
    found = evaluate(workdir, "--metrics", "modes,fd", "--step", "20")
    for name, score in found.items():
        seen = {one.name: one for one in read_report(reports[1])}[name]
        assert score.value == pytest.approx(seen.value, rel=1e-5, abs=1e-6)
        assert score.protocol == seen.protocol


def test_the_best_step_is_found(runs: Path) -> None:
    workdir = runs / "ring"
    rows = [row for row in read_metrics(workdir / "metrics.jsonl") if "eval/fd_pixels" in row]
    best = min(rows, key=lambda row: row["eval/fd_pixels"])
    found = evaluate(workdir, "--metrics", "fd", "--step", "best")
    assert found["fd_pixels"].protocol["step"] == best["step"]
    assert load(workdir, step="best").step == best["step"]


def test_samples_in_files_are_measured_without_a_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    images = np.random.default_rng(0).integers(0, 256, (2, 60, 4, 4, 1), dtype=np.uint8)
    for name, half in zip(("real", "fake"), images, strict=True):
        np.savez(f"{name}.npz", images=half)
        for index, image in enumerate(half[..., 0]):
            Path(name).mkdir(exist_ok=True)
            Image.fromarray(image).save(f"{name}/{index:02d}.png")
    flags = ["--features", "pixels", "--metrics", "fd", "--cache-dir", "cache"]
    arrays = ["evaluate", "--fake", "fake.npz", "--real", "npz:real.npz", "--out", "a.json"]
    assert main([*arrays, *flags]) == 0
    capsys.readouterr()
    assert main(["evaluate", "--samples", "fake", "--data", "real", "--json", *flags]) == 0
    in_folders = json.loads(capsys.readouterr().out)
    assert main(["evaluate", "--fake", "real", "--real", "real", "--out", "b.json", *flags]) == 0
    (one,), (same,) = read_report(Path("a.json")), read_report(Path("b.json"))
    # Grey as RGB: every coordinate three times, and so is the squared distance.
    assert in_folders["metrics"][0]["value"] == pytest.approx(3 * one.value, rel=1e-3)
    assert abs(same.value) < 1e-3 < one.value
    assert one.protocol["n_fake"] == one.protocol["n_real"] == 60


def test_runs_are_compared(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [str(runs / "ring" / "evaluations" / f"step_{step:08d}.json") for step in (10, 20)]
    assert main(["compare", *paths, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["differences"] == []
    assert all(list(column["values"]) == paths for column in found["columns"])
    evaluate(runs / "ring", "--metrics", "fd", "--seed", "1")
    capsys.readouterr()
    assert main(["compare", paths[1], str(runs / "ring")]) == 0
    printed = capsys.readouterr().out
    assert "fd_pixels (A) and fd_pixels (B) cannot be compared: seed 0 / 1" in printed


@pytest.mark.parametrize(
    ("run", "flags", "message"),
    [
        ("ring", ["--ema"], "kept no average of the generator"),
        ("digits", ["--step", "best"], "has no best one, as its keep_best is none"),
        ("digits", ["--step", "x"], "step is 'x'; it must be a step, best or last"),
        ("digits", ["--step", "7"], "has no checkpoint 7"),
        ("digits", ["--metrics", "fid"], "jaxgan weights"),
        ("digits", ["--metrics", "fid", "--features", "pixels"], "give fd_pixels"),
        ("digits", ["--metrics", "nothing"], "metrics is 'nothing'"),
        ("digits", ["--features", "nothing"], "features is 'nothing'"),
        ("digits", ["--metrics", "gan_test"], "needs a class-conditional game"),
        ("digits", ["--split", "test"], "split is 'test'; digits has none"),
        ("digits", ["--data-dir", "x"], "data_dir is 'x'; digits lies nowhere"),
        ("digits", ["--features", "pixels", "--truncation", "-1"], "truncation is -1.0; it must"),
        ("digits", ["--features", "pixels", "--truncation", "inf"], "truncation is inf; it must"),
        ("ring", ["--member", "2"], "member is 2; the run has members 0 to 1"),
        ("digits", ["--member", "0"], "member is 0, but the run has a single member"),
    ],
)
def test_bad_input(
    runs: Path, run: str, flags: list[str], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "--workdir", str(runs / run), *flags]) == 2
    (line,) = [x for x in capfd.readouterr().err.splitlines() if x.startswith("jaxgan: error")]
    assert message in line


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([BEST], "nothing is evaluated, as eval_every_steps is 0"),
        ([BEST, "--config.eval_every_steps=20"], "it must be a multiple of eval_every_steps, 20"),
        ([*MEASURED, "--config.keep_best={'metric': 'eval/fid'}"], "'eval/num_modes'"),
        (["--config.eval_every_steps=15"], "it must be a multiple of substeps, 10"),
        (["--config.evaluation.metrics=fd"], "it must be a list, each a string"),
        (["--config.evaluation.num_samples=1"], "it must be an integer, at least 2"),
        (["--config.evaluation.number=1"], "evaluation.number: unknown key"),
    ],
)
def test_bad_configs(
    flags: list[str], message: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    command = ["train", "--config", RING, "--workdir", str(tmp_path / "run"), *flags]
    assert main(command) == 2
    assert message in capfd.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_score_that_is_no_number_is_no_success(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    found = Evaluation([Score("fd_pixels", math.nan, None, make_protocol())], {})
    evaluator = Evaluator(("fd_pixels",), lambda *_, **__: found)
    monkeypatch.setattr("jaxgan.run.loaded.make_run_evaluator", lambda *_, **__: evaluator)
    out = tmp_path / "a.json"
    assert main(["evaluate", "--workdir", str(runs / "digits"), "--out", str(out)]) == 3
    assert "jaxgan: not a number: fd_pixels" in capfd.readouterr().err
    assert math.isnan(read_report(out)[0].value)


def test_compare_needs_evaluations(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(tmp_path)]) == 2
    assert "there is no such file; `jaxgan evaluate --workdir" in capfd.readouterr().err


@pytest.mark.slow
def test_processes_make_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    metric = "--config.evaluation={'metrics': ['fd', 'kd', 'prdc'], 'num_samples': 300, "
    flags = ["--config", DIGITS, "--config.eval_every_steps=10", "--config.total_steps=10"]
    flags += [metric + "'features': 'random-conv'}", "--config.log_every_steps=10"]
    found = []
    for name, num_processes in (("one", 1), ("two", 2)):
        workdir = tmp_path / name
        command = [*flags, "--workdir", str(workdir), f"--config.num_devices={2 * num_processes}"]
        with jaxgan_job(tmp_path / f"{name}_logs", num_processes, 2, command) as job:
            assert [ended.code for ended in job.wait()] == [0] * num_processes, job.text(0)
        found.append(read_report(workdir / "evaluations" / "step_00000010.json"))
    for one, two in zip(*found, strict=True):
        assert two.name == one.name
        assert two.protocol == one.protocol
        assert two.value == pytest.approx(one.value, rel=1e-5, abs=1e-6)


@pytest.mark.slow
def test_the_command_in_two_processes(runs: Path, tmp_path: Path) -> None:
    flags = ["--workdir", str(runs / "digits"), "--features", "random-conv", "--num-samples", "600"]
    assert main(["evaluate", *flags, "--out", str(tmp_path / "one.json")]) == 0
    two = [*flags, "--out", str(tmp_path / "two.json")]
    with jaxgan_job(tmp_path / "logs", 2, 2, two, command="evaluate") as job:
        assert [ended.code for ended in job.wait()] == [0, 0], job.text(0)
        assert "fd_random-conv" in job.text(0)
        assert "fd_random-conv" not in job.text(1)
    found = [read_report(tmp_path / f"{name}.json") for name in ("one", "two")]
    for one, other in zip(*found, strict=True):
        assert other.protocol == one.protocol
        assert other.value == pytest.approx(one.value, rel=1e-5, abs=1e-6)
