"""What a GAN trained on `digits` has learned: class coverage, confidence, memorisation.

    python experiments/digits_report.py --workdir runs/digits

reads the run that `jaxgan train --config configs/digits.py --workdir runs/digits` made, prints a
short report, and writes `report.json` and `nearest.png` (samples above their nearest training
images) into its folder. A support vector machine, fitted on a fixed half of the real digits and
calibrated, names the samples; its accuracy and mean confidence on the other half are its own
credentials, and the most that the samples could reach.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

import jaxgan as jg
from jaxgan import metrics, writers
from jaxgan.cli.program import Parser, run_script, whole
from jaxgan.config.data import open_data
from jaxgan.core.errors import InputError
from jaxgan.data import Source

LEVELS = 16
"""The digits' pixels are whole numbers from 0 to 16; samples are rounded to them to find copies."""


def fit_judge(images: np.ndarray, labels: np.ndarray) -> tuple[CalibratedClassifierCV, Any]:
    """A calibrated classifier of digits, and its credentials.

    Args:
      images: the real digits, flattened: [N, D] in [-1, 1].
      labels: their classes.

    Returns:
      (classifier, {"accuracy", "confidence"} on the half that it has not seen).
    """
    seen, unseen, seen_labels, unseen_labels = train_test_split(
        images, labels, test_size=0.5, random_state=0, stratify=labels
    )
    machine = SVC(C=10.0, gamma=4.0 / images.shape[1])
    judge = CalibratedClassifierCV(machine, cv=5, ensemble=False).fit(seen, seen_labels)
    chances = judge.predict_proba(unseen)
    accuracy = float((chances.argmax(axis=1) == unseen_labels).mean())
    return judge, {"accuracy": accuracy, "confidence": float(chances.max(axis=1).mean())}


def score(samples: np.ndarray, images: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """The report's numbers.

    Args:
      samples: flattened, [N, D] in [-1, 1].
      images: the real digits, flattened: [M, D].
      labels: their classes.

    Returns:
      Numbers by name; distances are Euclidean, in units of the pixels' full range.
    """
    judge, credentials = fit_judge(images, labels)
    chances = judge.predict_proba(samples)
    found = metrics.class_histogram(chances.argmax(axis=1), 10)
    real = metrics.class_histogram(labels, 10)
    _, distances = metrics.nearest_neighbors(samples / 2, images / 2)
    _, to_copies = metrics.nearest_neighbors(_rounded(samples), _rounded(images))
    return {
        "judge": credentials,
        "num_samples": len(samples),
        "classes_covered": metrics.num_covered(found),
        "class_kl": metrics.kl_divergence(found, real),
        "confidence": float(chances.max(axis=1).mean()),
        "copies": float((to_copies == 0).mean()),
        "nearest_distance": float(np.median(distances)),
        "nearest_distance_of_real": float(np.median(metrics.leave_one_out_distances(images / 2))),
        "class_shares": found.round(4).tolist(),
    }


def _rounded(images: np.ndarray) -> np.ndarray:
    return np.round((images + 1.0) * (LEVELS / 2))


def main() -> None:
    """Writes and prints the report."""
    parser = Parser(description=__doc__)
    parser.add_argument("--workdir", type=Path, required=True)
    parser.add_argument("--num", type=whole(1), default=2000, help="samples to judge (2000)")
    parser.add_argument("--seed", type=whole(0), default=0, help="of the latents (0)")
    args = parser.parse_args()

    run = jg.load(args.workdir)
    source = open_data(run.config.as_configdict().to_dict())
    if not isinstance(source, Source) or source.name != "digits":
        raise InputError(f"{args.workdir}: trained on {source.name}; this report is on digits")
    real = source.read(np.arange(source.num_examples))
    samples = run.sample(args.num, key=jax.random.key(args.seed))
    flat, flat_real = (x.reshape(len(x), -1) for x in (samples, real["image"]))
    report = score(flat, flat_real, real["label"])
    (args.workdir / "report.json").write_text(json.dumps({"step": run.step, **report}, indent=2))

    shown = slice(0, 16)
    nearest, _ = metrics.nearest_neighbors(flat[shown], flat_real)
    pairs = np.concatenate([samples[shown], real["image"][nearest]])
    picture = writers.image_grid(pairs, columns=16)
    writers.save_png(args.workdir / "nearest.png", picture)

    judge = report["judge"]
    print(f"step {run.step}, {args.num} samples")
    print(f"classes covered: {report['classes_covered']}/10")
    print(f"KL(classes of samples || classes of digits): {report['class_kl']:.4f}")
    print(
        f"mean confidence: {report['confidence']:.3f} (real digits: {judge['confidence']:.3f}, "
        f"of which {judge['accuracy']:.1%} are named right)"
    )
    print(f"samples identical to a training image: {report['copies']:.2%}")
    print(
        f"median distance to the nearest training image: {report['nearest_distance']:.2f} "
        f"(between real digits: {report['nearest_distance_of_real']:.2f})"
    )
    print(f"pictures in {args.workdir}: samples/, nearest.png, curves/")


if __name__ == "__main__":
    run_script(main)
