"""Commands that are written down run, at the smallest size that there is."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from jaxgan.cli.main import main
from jaxgan.config.base import load_config
from tests import helpers
from tests.commands import ROOT, all_commands
from tests.experiments import imported

TFDS = Path(os.environ.get("JAXGAN_TFDS_DIR", ROOT.parent / "shared" / "data" / "tfds"))

# Which tests run a script at a size of its own, by its name in them.
RUN_BY = {
    "own_pictures": "tests/integration/test_own_pictures.py",
    "recipes": "tests/integration/test_own_pictures.py",
    "bilinear": "tests/integration/test_toy_experiments.py",
    "browser_page": "tests/export/test_browser.py",
    "certificates": "tests/integration/test_toy_experiments.py",
    "collapse_watch": "tests/training/test_collapse.py",
    "consensus_bias": "tests/integration/test_toy_experiments.py",
    "consensus_mixture": "tests/integration/test_mixture_experiments.py",
    "dirac": "tests/integration/test_toy_experiments.py",
    "hypergradient_estimators": "tests/integration/test_toy_experiments.py",
    "inference_games": "tests/integration/test_inference_games.py",
    "infogan_report": "tests/integration/test_inference_games.py",
    "no_return": "tests/integration/test_futures.py",
    "losses_on_mnist": "tests/integration/test_loss_experiments.py",
    "losses_on_ring": "tests/integration/test_loss_experiments.py",
    "phase_consensus": "tests/integration/test_toy_experiments.py",
    "ode_gan": "tests/integration/test_mixture_experiments.py",
    "opponents": "tests/integration/test_toy_experiments.py",
    "pilot": "tests/integration/test_toy_experiments.py",
    "saturation": "tests/integration/test_loss_experiments.py",
    "semi_supervised": "tests/integration/test_loss_experiments.py",
    "sga_grid": "tests/integration/test_mixture_experiments.py",
    "smooth_players": "tests/integration/test_toy_experiments.py",
    "stacked_mnist": "tests/integration/test_stacked_mnist.py",
    "tune_ring": "tests/integration/test_unrolled_ring.py",
    "unroll_limit": "tests/integration/test_unrolled_ring.py",
    "unrolled_ring": "tests/integration/test_unrolled_ring.py",
}

NOT_RUN: dict[str, str] = {
    r"(python )?benchmarks/.*": "measures for minutes, on a quiet machine; some need PyTorch",
    r"python experiments/metric_sanity.py": "trains an extractor for two minutes, of one size",
    r"(\.venv/bin/)?(pip|python3?) (install|-m) .*": "changes or tests the installation itself",
    r"make .*": "this is called by it",
    r"(curl|docker|gcloud|git|kubectl|npm|salloc|sbatch|tar|tfds|launch/\S+) ?.*": "needs a "
    "network or a cluster; tests/test_launch.py runs launch/ with stand-ins",
    r"srun .*": "needs Slurm; tests/test_launch.py has a stand-in",
    r"(export|source|wait)\b.*": "of the shell itself",
    r"jaxgan( \S+)?( --help)?": "is a name, not a whole command",
    r"jaxgan data .*": "names no data: tests/cli/test_data.py",
    r"jaxgan (init|train) --data .*": "names no data: tests/config/test_recipe.py",
    r"jaxgan train --config mine.py .*": "of one's own: tests/config/test_recipe.py",
    r"jaxgan (completion|configs) .*": "tests/cli/test_configs.py",
    r"jaxgan new .*": "writes files: tests/cli/test_new.py",
    r"jaxgan --version": "is a name, not a whole command",
    r"jaxgan .*\[.*": "is a synopsis",
    r"jaxgan (sample|evaluate|explore)(?!.*--workdir).*": "a sentence's, which names no run",
    r"jaxgan train --config FILE .*": "names no config",
    r"jaxgan train .*--(coordinator|distributed).*": "of several processes: "
    "tests/integration/test_jobs.py",
    r"jaxgan train .*loss=soft_hinge": "docs/add_a_loss.md adds that loss first",
    r"jaxgan plan .*v5e.*": "compiles for a TPU for minutes: benchmarks/full_configs.py",
    r"jaxgan (weights \S+ --from|import) .*": "needs published files: tests/features, "
    "tests/integration/test_import.py",
    r"jaxgan sample --workdir runs/published": "needs published files",
    r"jaxgan export .*": "takes a trained run: tests/export",
    r"jaxgan compare runs/a .*": "tests/integration/test_evaluate.py",
    r"jaxgan report (DIR|runs/a .*)": "tests/report",
    r"jaxgan translate .*": "takes a folder of pictures: tests/integration/test_translate.py",
    r"jaxgan map .*": "trains a grid: tests/run/test_phase_map.py",
    r"jaxgan futures .*": "takes a trained run: tests/integration/test_futures.py",
    r"jaxgan checkpoints /mnt.*": "is on a cluster",
    r"jaxgan explore (traverse|arithmetic) .*": "takes a trained run: tests/sampling",
    r"jaxgan explore serve .*": "serves until it is ended: tests/integration/test_explore.py",
    r"jaxgan evaluate .*gan_test.*": "trains a classifier of MNIST",
}
"""Commands that are not run here, and why."""

SMALL = {
    "sample": ["--num", "16"],
    "evaluate": ["--num-samples", "64", "--metrics", "fd"],
    "explore truncation": ["--num-samples", "64"],
}
"""Flags that make a command small; the last one counts."""


def reason_not_to_run(words: tuple[str, ...]) -> str | None:
    text = " ".join(words)
    if words[0] == "python" and (name := Path(words[1]).stem) in RUN_BY:
        return f"run by {RUN_BY[name]}"
    return next((why for row, why in NOT_RUN.items() if re.fullmatch(row, text)), None)


QUICK = ("docs/features.md",)
COMMANDS: dict[str, list[tuple[str, ...]]] = {}
for one in all_commands():
    if reason_not_to_run(one.words) is None:
        COMMANDS.setdefault(one.where, []).append(one.words)


def test_every_reason_is_one_of_a_command() -> None:
    texts = [" ".join(one.words) for one in all_commands()]
    for row in NOT_RUN:
        assert any(re.fullmatch(row, text) for text in texts), row
    for name, path in RUN_BY.items():
        assert f'"{name}"' in (ROOT / path).read_text(), name


def test_a_new_command_is_run_or_has_a_reason() -> None:
    ways = {words[:2] for commands in COMMANDS.values() for words in commands}
    jaxgan = ("train", "sample", "evaluate", "explore", "plan", "checkpoints", "weights")
    scripts = ("digits_report", "gallery", "ring_report")
    known = {("jaxgan", name) for name in jaxgan}
    known |= {("python", f"experiments/{name}.py") for name in scripts}
    assert ways == known


TRAINED: list[list[str]] = []


def smoke_train(words: list[str]) -> list[str]:
    """The command with the smallest variant of its config, and data that are there."""
    written = words[words.index("--config") + 1]
    path, _, arg = written.partition(":")
    kinds = [word for word in arg.split(",") if word in ("denoising", "sparse", "contractive")]
    config = f"{ROOT / path}:{','.join([*kinds, 'smoke'])}"
    source, kept = load_config(config)["data"]["source"], []
    for flag in words:
        if flag.startswith("--config.data.source=tfds:"):
            source = flag.partition("=")[2]
            kept += [flag, "--config.data.split=test[:256]"]
        elif flag.startswith("--config.") and not flag.startswith(
            ("--config.data.", "--config.total_steps=")
        ):
            kept.append(flag)
    if source.startswith("tfds:"):
        if not TFDS.exists():
            pytest.skip("no prepared data here")
        kept.append(f"--config.data.data_dir={TFDS}")
    if arg == "seeds8":
        kept.append("--config.num_seeds=2")
    return ["train", "--config", config, "--workdir", workdir_of(words), *kept]


def workdir_of(words: list[str]) -> str:
    return words[words.index("--workdir") + 1]


def begin(folder: str) -> None:
    """Trains a run that a page takes for granted: `runs/digits` is of configs/digits.py."""
    if not Path(folder, "config.json").exists():
        name = Path(folder).name.removesuffix("8")
        variant = ":seeds8" if folder.endswith("8") else ""
        words = ["train", "--config", f"configs/{name}.py{variant}", "--workdir", folder]
        assert main(smoke_train(words)) == 0


def run_jaxgan(words: list[str]) -> None:
    if words[0] == "train":
        # Given again it would go on where it stopped: at its end.
        if smoke_train(words) not in TRAINED:
            assert main(smoke_train(words)) == 0
            TRAINED.append(smoke_train(words))
        return
    if words[0] == "checkpoints":
        begin(words[1])
    if "--workdir" in words:
        begin(workdir_of(words))
    words = [str(ROOT / word) if word.startswith("configs/") else word for word in words]
    name = " ".join(words[:2]) if words[0] == "explore" else words[0]
    assert main([*words, *SMALL.get(name, [])]) == 0


def run_python(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    path, *flags = words
    if "--workdir" in flags:
        begin(workdir_of(flags))
    if path == "experiments/gallery.py":
        flags += ["--docs", "docs", "--out", "results"]
        Path("docs/images/gallery").mkdir(parents=True, exist_ok=True)
    monkeypatch.setattr(sys, "argv", [path, *flags])
    imported(Path(path).stem).main()


def is_trained_elsewhere(words: list[str]) -> bool:
    """tests/integration/test_train.py trains the smallest variant of every config as it is."""
    flags = [flag for flag in smoke_train(words)[5:] if not flag.startswith("--config.data.data_d")]
    return not flags and smoke_train(words)[2].endswith("py:smoke")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all of them run, so that what one has trained another can take."""
    return tmp_path_factory.mktemp("commands")


@pytest.mark.parametrize("where", helpers.rows(COMMANDS, sorted(set(COMMANDS) - {*QUICK})))
def test_commands_run(where: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for program, *words in COMMANDS[where]:
        if program == "python":
            run_python(words, monkeypatch)
        elif words[0] != "train" or not is_trained_elsewhere(words):
            run_jaxgan(words)
