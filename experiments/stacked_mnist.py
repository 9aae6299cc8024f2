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

Seeds are trained one after the other: three side by side take the time of three on a CPU. With
`--keep DIR` each is kept once it is done, and the same command goes on from there.

MNIST is read as TensorFlow Datasets prepared it (`pip install jaxgan[data]`).
"""

from __future__ import annotations

import argparse
import functools
import itertools
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from reporting import Row, parser, positive, write_report
from stacked_mnist_figure import Cell, Run, Setting, draw
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
from jaxgan.sampling.sampler import make_sampler

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


class Budget(NamedTuple):
    """What a run may cost."""

    num_steps: int
    num_seeds: int
    discriminators: tuple[str, ...]


BUDGETS = {
    "small": Budget(2_000, 1, ("quarter",)),
    "full": Budget(PAPER_STEPS, 5, ("quarter", "half")),
}


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


def make_algorithm(setting: Setting, digits: Digits, steps_per_call: int) -> jg.Algorithm:
    """The training of one setting."""
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
    return jg.substeps(algorithm, num_steps=steps_per_call)


def train(setting: Setting, digits: Digits, judge: Judge, seed: int, num_steps: int) -> Cell:
    """Trains one seed of one setting and scores it along the way.

    Args:
      setting: which discriminator, and how far ahead the generator looks.
      digits: the training digits.
      judge: who names the samples.
      seed: of the weights and the samples.
      num_steps: a multiple of NUM_POINTS.

    Returns:
      Its scores over time and at the end.
    """
    every = num_steps // NUM_POINTS
    per_call = max(n for n in range(1, min(every, STEPS_PER_CALL) + 1) if every % n == 0)
    algorithm = make_algorithm(setting, digits, per_call)
    start = time.perf_counter()
    state = jax.jit(algorithm.init)(jax.random.fold_in(jax.random.key(0), seed))
    step = jax.jit(algorithm.step, donate_argnums=0).lower(state, {}).compile()
    compile_seconds, train_seconds = time.perf_counter() - start, 0.0
    image = jax.ShapeDtypeStruct((28, 28, 3), np.float32)
    sampler = make_sampler(algorithm.field.game, {"image": image})

    def score(num: int) -> tuple[int, float, float]:
        plain, confident = judge.score(sampler(state, jax.random.key(1), num))
        return plain.num_modes, round(plain.reverse_kl, 4), round(confident, 4)

    curve = []
    with writers.Progress(num_steps) as progress:
        for now in range(per_call, num_steps + 1, per_call):
            start = time.perf_counter()
            state, values = step(state, {})
            values = jax.device_get(values)
            train_seconds += time.perf_counter() - start
            progress.update(now, values)
            if now % every == 0:
                curve.append((now, *score(CURVE_SAMPLES)))
    last = score(NUM_SAMPLES)
    speed = num_steps / train_seconds
    print(
        f"{setting.name}, seed {seed}: {last[0]} modes, KL {last[1]:.2f}, "
        f"{last[2]:.0%} confident, {speed:.3g} steps/s, compiled in {compile_seconds:.0f} s",
        flush=True,
    )
    samples = sampler(state, jax.random.key(2), 36)
    timing = (speed, compile_seconds)
    return Cell(*(np.asarray(x) for x in (*zip(*curve, strict=True), *last, samples, *timing)))


def keep(path: Path | None, make: Callable[[], Cell]) -> Cell:
    """What a file holds, or what is made now and written to it.

    Args:
      path: of the cell; None keeps nothing.
      make: trains it.

    Returns:
      The cell.
    """
    if path is not None and path.exists():
        with np.load(path) as file:
            return Cell(**file)
    cell = make()
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_suffix(".part.npz")
        np.savez(half, **cell._asdict())
        half.rename(path)
    return cell


def _spread(values: Sequence[float], digits: int) -> str:
    mean = f"{np.mean(values):.{digits}f}"
    return mean if len(values) == 1 else f"{mean} ± {np.std(values, ddof=1):.{digits}f}"


def _rows(runs: Sequence[Run]) -> list[Row]:
    rows = []
    for run in runs:
        paper = PAPER.get((run.setting.discriminator, run.setting.num_unrolled), (None, None))
        modes, kl = run.per_seed("modes"), run.per_seed("reverse_kl")
        rows.append(Row(f"{run.setting.name}: modes", _spread(modes, 0), paper[0], len(modes)))
        rows.append(Row(f"{run.setting.name}: KL", _spread(kl, 2), paper[1], len(kl)))
    return rows


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
    flags.add_argument("--seeds", type=positive, help="trainings of each; by budget")
    flags.add_argument("--keep", type=Path, metavar="DIR", help="goes on from what is kept there")
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


def train_all(
    settings: Sequence[Setting], digits: Digits, judge: Judge, args: argparse.Namespace
) -> list[Run]:
    """Trains seed after seed of all settings, until done or interrupted.

    Args:
      settings: which.
      digits: the training digits.
      judge: who names the samples.
      args: of the command line.

    Returns:
      The settings of which at least one seed was finished.
    """
    runs = [Run(setting, []) for setting in settings]
    cells = list(itertools.product(range(args.seeds), runs))
    try:
        for index, (seed, run) in enumerate(cells, 1):
            setting = run.setting
            print(f"{index}/{len(cells)}: {setting.name}, seed {seed}", flush=True)
            name = f"{setting.discriminator}-k{setting.num_unrolled}-{args.num_steps}-{seed}.npz"
            one = functools.partial(train, setting, digits, judge, seed, args.num_steps)
            run.cells.append(keep(args.keep and args.keep / name, one))
    except KeyboardInterrupt:
        if not any(run.cells for run in runs):
            raise
        print("interrupted: the report holds what was finished")
    return [run for run in runs if run.cells]


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
    runs = train_all(settings, digits, judge, args)
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
                "modes": run.per_seed("modes"),
                "reverse_kl": run.per_seed("reverse_kl"),
                "confident": run.per_seed("confident"),
                "curve": {
                    "step": run.cells[0].step.tolist(),
                    **{name: run.curves(name) for name in ("modes", "reverse_kl", "confident")},
                },
                "steps_per_second": [round(x, 2) for x in run.per_seed("steps_per_second")],
                "compile_seconds": [round(x, 1) for x in run.per_seed("compile_seconds")],
            }
            for run in runs
        },
        seconds=round(time.perf_counter() - start),
    )


if __name__ == "__main__":
    run_script(main)
