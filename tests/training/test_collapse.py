"""The collapse watch: rules on made lines, what is said when, and runs that collapse on purpose."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jaxgan.cli.main import main
from jaxgan.training.collapse import Watch, diagnose
from jaxgan.training.collapse.rules import RULES
from jaxgan.writers import MetricWriter, read_metrics
from tests.experiments import imported, report_of

ROOT = Path(__file__).parents[2]

Lines = list[dict[str, float]]

# What a healthy run logs.
LINE = {
    "loss/gen": 0.7,
    "loss/disc": 0.7,
    "disc/real_out": 1.3,
    "disc/fake_out": 1.1,
    "disc/real_sign": 0.5,
    "disc/separation": 0.3,
    "disc/loss_slope": 0.45,
    "disc/grad_norm": 0.5,
    "gen/grad_norm": 0.3,
    "samples/spread": 1.0,
    "samples/nearest": 0.9,
    "eval/class_kl_digits-cnn": 0.01,
    "skipped": 0.0,
}


def lines(num: int, **changes: Any) -> Lines:
    """That many healthy lines; changes are values or sequences of them, `__` for a slash."""
    values = {key.replace("__", "/"): np.broadcast_to(v, num) for key, v in changes.items()}
    return [LINE | {key: float(v[i]) for key, v in values.items()} for i in range(num)]


def names(history: Lines, *standing: str) -> list[str]:
    return [one.name for one in diagnose(history, standing)]


SICK: dict[str, Lines] = {
    "discriminator-wins": lines(8, disc__loss_slope=0.001),
    "discriminator-overfits": lines(
        40, disc__real_sign=np.minimum(1.0, np.linspace(0.3, 1.1, 40)), disc__loss_slope=0.05
    ),
    "discriminator-loses": lines(8, disc__separation=-0.9),
    "generator-starves": lines(10) + lines(8, gen__grad_norm=1e-6),
    "gradient-explodes": lines(10) + lines(3, disc__grad_norm=1e6),
    "oscillation": lines(40, disc__separation=np.sin(0.6 * np.arange(40))),
    "mode-collapse": lines(3, samples__spread=0.01),
    "repeated-samples": lines(3, samples__nearest=0.01),
    "classes-missing": lines(2, **{"eval/class_kl_digits-cnn": 1.6}),
    "skipped-steps": lines(8, skipped=0.5),
}


def test_every_rule_has_its_lines_and_its_section() -> None:
    assert set(SICK) == {rule.name for rule in RULES}
    page = (ROOT / "docs" / "collapse.md").read_text()
    for rule in RULES:
        assert f"### {rule.name}\n" in page


@pytest.mark.parametrize("name", SICK)
def test_a_rule_speaks_where_it_should_and_no_other_does(name: str) -> None:
    assert names(SICK[name]) == [name]
    (found,) = diagnose(SICK[name])
    assert found.docs == f"docs/collapse.md#{name}"
    assert found.numbers
    assert "; try " in str(found)
    # It takes all of them, and one healthy line ends it.
    assert names(SICK[name][:-1]) == [] or name in ("discriminator-overfits", "oscillation")
    assert names(SICK[name] + lines(40)) == []


def test_a_healthy_run_is_left_alone() -> None:
    assert names(lines(100)) == []
    assert names([]) == []
    # Runs whose objective is unknown to the rules, or which log nothing of all this.
    assert names([{"loss/gen": 1.0, "loss/disc": 1.0}] * 50) == []
    # Lines without pictures in them.
    assert names([{k: v for k, v in LINE.items() if "samples" not in k}] * 50) == []


def test_the_first_steps_do_not_count() -> None:
    won = lines(30, disc__loss_slope=0.001)
    assert names([{**line, "step": 5 * i} for i, line in enumerate(won)]) == []
    assert names([{**line, "step": 200 + 5 * i} for i, line in enumerate(won)]) != []


def test_units_of_logits_do_not_matter() -> None:
    # A Wasserstein critic far away from zero, with a gap of a thousand.
    line = {
        "disc/real_out": 5e3,
        "disc/fake_out": 4e3,
        "disc/real_sign": 1.0,
        "disc/loss_slope": 1.0,
    }
    assert names(lines(100, **line)) == []
    # An autoencoder's energies: every logit is negative.
    line = {
        "disc/real_out": -0.1,
        "disc/fake_out": -0.2,
        "disc/real_sign": -1.0,
        "disc/loss_slope": 0.5,
    }
    assert names(lines(100, **line)) == []


def test_numbers_that_are_lost_are_no_reason() -> None:
    for value in (np.nan, np.inf):
        lost = [dict.fromkeys(LINE, value)]
        assert names(8 * lost) == names(8 * lost + lines(40)) == []
        assert "mode-collapse" not in names(lines(20) + 8 * lost)
    assert names(lines(20) + [dict.fromkeys(LINE, np.nan)] * 8) == []
    assert names(lines(20, eval__reverse_kl=np.inf)) == []


def test_the_warning_has_the_numbers_in_words() -> None:
    history = lines(
        8, disc__loss_slope=1e-3, disc__real_out=7.0, disc__fake_out=-7.0, gen__grad_norm=1e-7
    )
    (found,) = [one for one in diagnose(history) if one.name == "discriminator-wins"]
    assert found.text.startswith("the discriminator is winning: mean logit gap 14")
    assert "generator gradient 1e-07" in found.text
    assert "R1" in found.advice


def events(workdir: Path) -> list[tuple[int, str]]:
    rows = map(json.loads, (workdir / "warnings.jsonl").read_text().splitlines())
    return [(row["step"], row.get("warning") or "-" + row["cleared"]) for row in rows]


def test_a_warning_is_said_once_until_it_clears(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # At the limit it neither comes nor goes.
    loss_slope = [0.01] * 10 + [0.025, 0.015] * 10 + [0.3] * 2 + [0.01] * 8
    history = lines(len(loss_slope), disc__loss_slope=loss_slope)
    watch = Watch(tmp_path)
    with caplog.at_level(logging.INFO, "jaxgan.training.collapse"):
        for index, line in enumerate(history):
            watch.saw(1000 + index, line)
    name = "discriminator-wins"
    assert events(tmp_path) == [(1007, name), (1030, f"-{name}"), (1039, name)]
    levels = [record.levelname for record in caplog.records]
    assert levels == ["WARNING", "INFO", "WARNING"]
    assert "step 1007: the discriminator is winning: " in caplog.text
    assert f"docs: docs/collapse.md#{name}" in caplog.text


def test_a_healthy_run_has_no_file(tmp_path: Path) -> None:
    watch = Watch(tmp_path)
    for index, line in enumerate(lines(20)):
        watch.saw(1000 + index, line)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("stop", [5, 12, 25])
def test_a_resumed_run_says_what_the_uninterrupted_one_says(tmp_path: Path, stop: int) -> None:
    loss_slope = [0.3] * 2 + [0.001] * 18 + [0.3] * 5 + [0.001] * 10
    history = lines(len(loss_slope), disc__loss_slope=loss_slope, disc__grad_norm=np.inf)

    def play(workdir: Path, start: int, end: int) -> None:
        with MetricWriter(workdir, resume_step=100 * start or None) as writer:
            watch = Watch(workdir, resume_step=100 * start or None)
            for index in range(start, end):
                writer.scalars(100 * (index + 1), history[index])
                watch.saw(100 * (index + 1), history[index])

    play(tmp_path / "whole", 0, len(loss_slope))
    play(tmp_path / "parts", 0, stop + 8)
    play(tmp_path / "parts", stop, len(loss_slope))
    whole, parts = (tmp_path / name / "warnings.jsonl" for name in ("whole", "parts"))
    assert parts.read_text() == whole.read_text()
    assert len(events(tmp_path / "whole")) == 3
    # A run that starts from nothing knows nothing of the one before.
    play(tmp_path / "parts", 0, 3)
    assert not parts.exists()


def test_a_run_that_is_lost_says_so_in_its_log_and_its_folder(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def train(workdir: Path, *flags: str) -> Lines:
        config = f"{ROOT / 'configs' / 'ring.py'}:smoke"
        options = ["total_steps=400", "sample_every_steps=200", "checkpoint_every_steps=400"]
        options += ["num_seeds=1", "num_samples=64", *flags]
        flags = tuple(f"--config.{option}" for option in options)
        assert main(["train", "--config", config, "--workdir", str(workdir), *flags]) == 0
        return read_metrics(workdir / "metrics.jsonl")

    # A discriminator that stands still.
    frozen = ["optimizer.disc={'name': 'sgd', 'learning_rate': 0.0}"]
    frozen += ["optimizer.gen.learning_rate=0.1", "loss=non_saturating"]
    rows = train(tmp_path / "a", *frozen)
    assert "discriminator-loses" in [name for _, name in events(tmp_path / "a")]
    assert "the discriminator is fooled" in capfd.readouterr().err
    assert [row["step"] for row in rows if "samples/spread" in row] == [200, 400]
    assert {"disc/grad_norm", "gen/grad_norm", "disc/loss_slope", "disc/separation"} <= set(rows[0])
    # The same without the watch.
    off = train(tmp_path / "b", *frozen, "watch=false")
    assert not (tmp_path / "b" / "warnings.jsonl").exists()
    assert [row["loss/gen"] for row in off] == [row["loss/gen"] for row in rows]


EXPERIMENT = imported("collapse_watch")


def said(cases: Any, num_lines: int) -> dict[str, list[str]]:
    runs = EXPERIMENT.play_all(cases, num_lines)
    pairs = zip(cases, runs, strict=True)
    return {
        f"{case.name} ({case.objective})": list(EXPERIMENT.warnings_of(run)) for case, run in pairs
    }


def test_runs_broken_on_purpose_are_called_and_healthy_ones_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The first 1,600 steps of the experiment, in small.
    monkeypatch.setattr(EXPERIMENT, "FEATURES", (32, 32))
    monkeypatch.setattr(EXPERIMENT, "BATCH", 64)
    # Two come later, and steps that are too large lead to another end on every machine.
    others = ("discriminator-overfits", "mode-collapse", "generator-starves")
    cases = [case for case in EXPERIMENT.CASES if case.warning not in others]
    found = said(cases, 32)
    for case in cases:
        warnings = found[f"{case.name} ({case.objective})"]
        assert (case.warning in warnings) if case.warning else warnings == [], case
    assert "mode-collapse" in found["a frozen discriminator (relativistic)"]


@pytest.mark.slow
def test_every_case_of_the_experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = report_of("collapse_watch", [], tmp_path, monkeypatch)
    for row in report["rows"]:
        expected = row["name"].rpartition(": ")[2]
        assert (expected in row["ours"]) or (expected, row["ours"]) == ("healthy", "nothing"), row


ADAM = {"name": "adam", "learning_rate": 1e-3, "b1": 0.5, "b2": 0.99}
SLOWER = ADAM | {"learning_rate": 2e-4}
GRADIENT_PENALTY = {
    "penalties": {"wgan_gp": {}},
    "algorithm": {"name": "alternating", "n_critic": 5},
}
DIGITS: dict[str, dict[str, Any]] = {
    "relativistic": {"penalties": {"r1": {"weight": 0.5}, "r2": {"weight": 0.5}}},
    "non_saturating": {"penalties": {"r1": {"weight": 0.5}}},
    "hinge": {
        "generator.norm": "batch",
        "discriminator.norm": "spectral",
        "optimizer.gen": SLOWER,
        "optimizer.disc": ADAM | {"learning_rate": 4e-4},
    },
    "least_squares": {"penalties": {"r1": {"weight": 0.2}}},
    "wasserstein": {**GRADIENT_PENALTY, "optimizer.gen": SLOWER, "total_steps": 400},
}


@pytest.mark.slow
@pytest.mark.parametrize("loss", DIGITS)
def test_healthy_runs_on_digits_are_left_alone(loss: str, tmp_path: Path) -> None:
    options = {
        "loss": loss,
        "penalties": {},
        "total_steps": 800,
        "batch_size": 32,
        "log_every_steps": 20,
        "sample_every_steps": 100,
        "generator.base_channels": 8,
        "generator.num_extra_layers": 0,
        "discriminator.base_channels": 8,
        "discriminator.num_extra_layers": 0,
        "optimizer.gen": ADAM,
        "optimizer.disc": ADAM,
        "ema.decay": 0.95,
        **DIGITS[loss],
    }
    flags = [f"--config.{key}={value}" for key, value in options.items()]
    config = str(ROOT / "configs" / "digits.py")
    assert main(["train", "--config", config, "--workdir", str(tmp_path), *flags]) == 0
    assert not (tmp_path / "warnings.jsonl").exists()
    spread = [row["samples/spread"] for row in read_metrics(tmp_path / "metrics.jsonl")[4::5]]
    assert len(spread) == options["total_steps"] / 100


def test_members_are_watched_one_by_one(tmp_path: Path) -> None:
    names = ("lr=0.1", "lr=1")
    watch = Watch(tmp_path, members=names)
    line = {"disc/loss_slope/lr=0.1": 0.5, "disc/loss_slope/lr=1": 0.001, "disc/loss_slope": 0.001}
    for step in range(0, 1600, 100):
        watch.saw(step, line)
    (row,) = map(json.loads, (tmp_path / "warnings.jsonl").read_text().splitlines())
    assert (row["member"], row["warning"]) == ("lr=1", "discriminator-wins")
    assert row["text"].startswith("lr=1: the discriminator is winning")
    watch.saw(1600, line | {"disc/loss_slope/lr=1": 0.5})
    resumed = Watch(tmp_path, resume_step=1600, members=names)
    assert resumed.saw(1700, line | {"disc/loss_slope/lr=1": 0.5}) == []
    assert len((tmp_path / "warnings.jsonl").read_text().splitlines()) == 2
