"""Unrolled GANs on stacked MNIST: the size study of Metz et al., 2017, section 3.3.1.

    python experiments/stacked_mnist.py --data-dir TFDS_DIR

trains small discriminators (a quarter and a half of the generator's widths) against a generator
that looks k steps ahead, k in {0, 1, 5, 10}, and counts how many of the 1000 modes of three stacked
digits the samples show, as our own classifier of digits names them. Writes stacked_mnist.json and
stacked_mnist.png: modes and KL(modes of samples || uniform) over the training steps, and samples.

The settings are the paper's: batch 128, D then G, non-saturating loss, Adam with learning rates
2e-4 (D) and 1e-4 (G), b1 = 0.5, b2 = 0.99; 25,600 samples are scored. The paper trains for 500,000
steps (`--budget full`); `--budget small` (2,000 steps of the smaller discriminator, one seed: 16
minutes on two CPU cores) shows only how training begins: its numbers stand beside the paper's, not
against them. What the paper leaves open: weights start at N(0, 0.02), batch norm averages with
momentum 0.9 and samples are drawn with these averages.

MNIST is read as TensorFlow Datasets prepared it (`pip install jaxgan[data]`).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import matplotlib as mpl
import numpy as np
from reporting import Row, parser, positive, write_report
from stacked_mnist_model import (
    DISC_WIDTHS,
    NUM_MODES,
    Digits,
    make_game,
    name_digits,
    name_stacks,
    stacked_sampler,
    to_float,
    train_classifier,
)

import jaxgan as jg
from jaxgan import metrics, writers
from jaxgan.cli.program import run_script
from jaxgan.core.typing import Params
from jaxgan.data import DataError, tfds
from jaxgan.sampling.sampler import Sampler, make_sampler

mpl.use("Agg")
import matplotlib.pyplot as plt

BATCH = 128
NUM_SAMPLES = 25_600
CURVE_SAMPLES = 6_400
NUM_POINTS = 10
STEPS_PER_CALL = 50
CONFIDENT = 0.9
PAPER_STEPS = 500_000
STEPS_UNROLLED = (0, 1, 5, 10)
PAPER = {
    ("quarter", 0): ("30.6 ± 20.7", "5.99 ± 0.42"),
    ("quarter", 1): ("65.4 ± 34.8", "5.91 ± 0.14"),
    ("quarter", 5): ("236.4 ± 63.3", "4.67 ± 0.43"),
    ("quarter", 10): ("327.2 ± 74.7", "4.66 ± 0.46"),
    ("half", 0): ("628.0 ± 140.9", "2.58 ± 0.75"),
    ("half", 1): ("523.6 ± 55.8", "2.44 ± 0.26"),
    ("half", 5): ("732.0 ± 45.0", "1.66 ± 0.09"),
    ("half", 10): ("817.4 ± 37.9", "1.43 ± 0.12"),
}
FRACTION = {"quarter": "1/4", "half": "1/2"}


class Budget(NamedTuple):
    """What a run may cost."""

    num_steps: int
    num_seeds: int
    discriminators: tuple[str, ...]


BUDGETS = {
    "small": Budget(2_000, 1, ("quarter",)),
    "full": Budget(PAPER_STEPS, 5, ("quarter", "half")),
}


class Setting(NamedTuple):
    """One line of the paper's table."""

    discriminator: str
    num_unrolled: int

    @property
    def name(self) -> str:
        """Such as `D = 1/4 G, k = 5`."""
        return f"D = {FRACTION[self.discriminator]} G, k = {self.num_unrolled}"


class Judge(NamedTuple):
    """Who names the samples."""

    params: Params
    accuracy: float
    seconds: float

    def score(self, images: np.ndarray) -> tuple[metrics.LabelledScore, float]:
        """The score as in the paper (every sample counts), and the share of confident samples."""
        labels, sure = name_stacks(self.params, images)
        plain = metrics.labelled_score(labels, NUM_MODES)
        strict = metrics.labelled_score(
            labels, NUM_MODES, confidences=sure, min_confidence=CONFIDENT
        )
        return plain, strict.high_quality


def load_mnist(data_dir: str | None, split: str) -> Digits:
    """Reads all digits of a split.

    Args:
      data_dir: where TFDS prepared MNIST; None for its default, `TFDS_DATA_DIR` if that is set.
      split: `"train"` or `"test"`.

    Returns:
      The digits.

    Raises:
      DataError: they are not there.
    """
    source = tfds("mnist", split=split, data_dir=data_dir)
    batch = source.read(np.arange(source.num_examples))
    images = np.rint((batch["image"][..., 0] + 1.0) * 127.5).astype(np.uint8)
    return Digits(images, batch["label"])


def make_judge(train: Digits, test: Digits) -> Judge:
    """Trains the classifier, and measures it on digits that it has not seen."""
    start = time.perf_counter()
    params = jax.block_until_ready(train_classifier(train, jax.random.key(0)))
    seconds = time.perf_counter() - start
    named, _ = name_digits(params, np.asarray(to_float(test.images)))
    judge = Judge(params, float((named == test.labels).mean()), seconds)
    print(f"classifier: {judge.accuracy:.2%} of {len(named)} test digits, {seconds:.0f} s")
    return judge


def make_algorithm(
    setting: Setting, digits: Digits, num_seeds: int, steps_per_call: int
) -> jg.Algorithm:
    """The training of one setting, all seeds in one program."""
    # The discriminator is so small that its activations of all inner steps may be kept.
    game = jg.unrolled(
        make_game(setting.discriminator), num_steps=setting.num_unrolled, remat=False
    )
    optimizers = {
        "disc": jg.optimizers.adam(2e-4, b1=0.5, b2=0.99),
        "gen": jg.optimizers.adam(1e-4, b1=0.5, b2=0.99),
    }
    algorithm = jg.alternating(jg.gradient(game), optimizers=optimizers)
    algorithm = jg.device_data(algorithm, sample=stacked_sampler(digits), batch_size=BATCH)
    return jg.substeps(jg.seeds(algorithm, num_seeds=num_seeds), num_steps=steps_per_call)


class Run(NamedTuple):
    """What one setting gave; scores have one entry per seed."""

    setting: Setting
    curve: dict[str, list[Any]]
    modes: list[int]
    reverse_kl: list[float]
    confident: list[float]
    samples: np.ndarray
    steps_per_second: float
    compile_seconds: float


def _scores(
    judge: Judge, sampler: Sampler, state: jg.TrainState, num_seeds: int, num: int
) -> tuple[list[int], list[float], list[float]]:
    results = []
    for index in range(num_seeds):
        images = sampler(jg.member(state, index), jax.random.key(1), num)
        results.append(judge.score(images))
    return (
        [score.num_modes for score, _ in results],
        [round(score.reverse_kl, 4) for score, _ in results],
        [round(confident, 4) for _, confident in results],
    )


def train(setting: Setting, digits: Digits, judge: Judge, num_seeds: int, num_steps: int) -> Run:
    """Trains one setting and scores it along the way.

    Args:
      setting: which discriminator, and how far ahead the generator looks.
      digits: the training digits.
      judge: who names the samples.
      num_seeds: how many trainings side by side.
      num_steps: a multiple of NUM_POINTS.

    Returns:
      Its scores over time and at the end.
    """
    every = num_steps // NUM_POINTS
    per_call = max(n for n in range(1, min(every, STEPS_PER_CALL) + 1) if every % n == 0)
    algorithm = make_algorithm(setting, digits, num_seeds, per_call)
    start = time.perf_counter()
    state = jax.jit(algorithm.init)(jax.random.key(0))
    step = jax.jit(algorithm.step, donate_argnums=0).lower(state, {}).compile()
    compile_seconds, train_seconds = time.perf_counter() - start, 0.0
    image = jax.ShapeDtypeStruct((28, 28, 3), np.float32)
    sampler = make_sampler(algorithm.field.game, {"image": image})
    curve: dict[str, list[Any]] = {"step": [], "modes": [], "reverse_kl": [], "confident": []}
    with writers.Progress(num_steps) as progress:
        for now in range(per_call, num_steps + 1, per_call):
            start = time.perf_counter()
            state, values = step(state, {})
            values = jax.device_get(values)
            train_seconds += time.perf_counter() - start
            progress.update(now, values)
            if now % every == 0:
                modes, kl, confident = _scores(judge, sampler, state, num_seeds, CURVE_SAMPLES)
                curve["step"].append(now)
                curve["modes"].append(modes)
                curve["reverse_kl"].append(kl)
                curve["confident"].append(confident)
    modes, kl, confident = _scores(judge, sampler, state, num_seeds, NUM_SAMPLES)
    samples = sampler(jg.member(state, 0), jax.random.key(2), 36)
    speed = num_steps / train_seconds
    print(
        f"{setting.name}: {_spread(modes, 0)} modes, KL {_spread(kl, 2)}, "
        f"{np.mean(confident):.0%} confident, {speed:.3g} steps/s, "
        f"compiled in {compile_seconds:.0f} s",
        flush=True,
    )
    return Run(setting, curve, modes, kl, confident, samples, speed, compile_seconds)


def _spread(values: Sequence[float], digits: int) -> str:
    mean = f"{np.mean(values):.{digits}f}"
    return mean if len(values) == 1 else f"{mean} ± {np.std(values, ddof=1):.{digits}f}"


def _rows(runs: Sequence[Run]) -> list[Row]:
    rows = []
    for run in runs:
        paper = PAPER.get((run.setting.discriminator, run.setting.num_unrolled), (None, None))
        num = len(run.modes)
        rows.append(Row(f"{run.setting.name}: modes", _spread(run.modes, 0), paper[0], num))
        rows.append(Row(f"{run.setting.name}: KL", _spread(run.reverse_kl, 2), paper[1], num))
    return rows


def draw(path: Path, runs: Sequence[Run]) -> None:
    """Draws modes and KL over the steps, and samples of each setting.

    Args:
      path: the PNG.
      runs: what was trained.
    """
    discriminators = list(dict.fromkeys(run.setting.discriminator for run in runs))
    num_columns = 2 + max(
        sum(run.setting.discriminator == name for run in runs) for name in discriminators
    )
    figure, grid = plt.subplots(
        len(discriminators),
        num_columns,
        figsize=(3.4 * num_columns, 3.4 * len(discriminators)),
        squeeze=False,
        layout="constrained",
    )
    for axes, name in zip(grid, discriminators, strict=True):
        for panel in axes[2:]:
            panel.axis("off")
        own = [run for run in runs if run.setting.discriminator == name]
        for index, run in enumerate(own):
            label, color = f"k = {run.setting.num_unrolled}", f"C{index}"
            for panel, key in ((axes[0], "modes"), (axes[1], "reverse_kl")):
                values = np.asarray(run.curve[key])
                panel.plot(run.curve["step"], values.mean(axis=1), color=color, label=label)
                panel.plot(run.curve["step"], values, color=color, alpha=0.25, linewidth=0.8)
            axes[2 + index].imshow(writers.image_grid(run.samples, columns=6))
            axes[2 + index].set_title(f"{run.setting.name}: samples", fontsize="medium")
        axes[0].set(title=f"D = {FRACTION[name]} G: modes of {NUM_MODES}", xlabel="step")
        axes[1].set(title="KL(modes || uniform), nats", xlabel="step")
        axes[0].legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=80)
    plt.close(figure)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 0")
    return int(text)


def _arguments(argv: Sequence[str] | None) -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    flags = parser(__doc__)
    flags.add_argument("--discriminator", nargs="+", choices=DISC_WIDTHS, help="by budget")
    flags.add_argument(
        "--steps-unrolled", nargs="+", type=_count, metavar="K", default=STEPS_UNROLLED
    )
    flags.add_argument("--budget", choices=BUDGETS, default="small", help="small: 20 minutes")
    flags.add_argument("--num-steps", type=positive, help="training steps; by budget")
    flags.add_argument("--seeds", type=positive, help="trainings side by side; by budget")
    flags.add_argument("--data-dir", help="where TFDS prepared MNIST (TFDS's own default)")
    args = flags.parse_args(argv)
    budget = BUDGETS[args.budget]
    args.num_steps = args.num_steps or budget.num_steps
    args.seeds = args.seeds or budget.num_seeds
    args.discriminator = args.discriminator or budget.discriminators
    if args.num_steps % NUM_POINTS:
        flags.error(f"--num-steps is {args.num_steps}; it must be a multiple of {NUM_POINTS}")
    for name in ("discriminator", "steps_unrolled"):
        if len(set(values := getattr(args, name))) < len(values):
            flags.error(f"--{name.replace('_', '-')}: {values}; each may be named once")
    return flags, args


def main(argv: Sequence[str] | None = None) -> None:
    """Trains the settings that were asked for, and writes the report."""
    flags, args = _arguments(argv)
    try:
        digits, test = (load_mnist(args.data_dir, split) for split in ("train", "test"))
    except (DataError, ImportError) as error:
        flags.error(str(error))
    start = time.perf_counter()
    judge = make_judge(digits, test)
    real = np.asarray(stacked_sampler(digits)(jax.random.key(3), NUM_SAMPLES)["image"])
    real_score, real_confident = judge.score(real)
    settings = [Setting(name, k) for name in args.discriminator for k in args.steps_unrolled]
    runs: list[Run] = []
    try:
        for index, setting in enumerate(settings, 1):
            print(f"{index}/{len(settings)}: {setting.name}", flush=True)
            runs.append(train(setting, digits, judge, args.seeds, args.num_steps))
    except KeyboardInterrupt:
        if not runs:
            raise
        print("interrupted: the report holds what was finished")
    draw(args.out / "stacked_mnist.png", runs)
    rows = [
        Row("classifier: accuracy on test digits", round(judge.accuracy, 4), 0.9925, 1),
        Row("real digits: modes", real_score.num_modes, NUM_MODES, 1),
        Row("real digits: KL", round(real_score.reverse_kl, 4), None, 1),
        *_rows(runs),
    ]
    write_report(
        args.out,
        "stacked_mnist",
        rows,
        settings={
            "budget": args.budget,
            "num_steps": args.num_steps,
            "paper_num_steps": PAPER_STEPS,
            "num_seeds": args.seeds,
            "num_samples": NUM_SAMPLES,
            "curve_samples": CURVE_SAMPLES,
            "batch": BATCH,
        },
        real={
            "kl_floor": round((NUM_MODES - 1) / (2 * NUM_SAMPLES), 4),
            "confident": round(real_confident, 4),
        },
        runs={
            run.setting.name: {
                "modes": run.modes,
                "reverse_kl": run.reverse_kl,
                "confident": run.confident,
                "curve": run.curve,
                "steps_per_second": round(run.steps_per_second, 2),
                "compile_seconds": round(run.compile_seconds, 1),
            }
            for run in runs
        },
        seconds=round(time.perf_counter() - start),
    )


if __name__ == "__main__":
    run_script(main)
