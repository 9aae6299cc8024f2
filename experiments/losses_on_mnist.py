"""Objectives on MNIST, under one budget and one penalty: classes, evenness, quality, distance.

    python experiments/losses_on_mnist.py --data-dir TFDS_DIR

trains a DCGAN with each objective and writes results/losses_on_mnist.json and .png: how many of the
ten digits 10,000 samples show (at least 1 % of the samples, each named with a confidence of at
least 0.9), KL(digits named || uniform), the share of samples so named, and a Fréchet distance; and
samples of each. The names come from our own classifier, whose accuracy on the test digits is
reported beside what real digits score.

The distance, fd_mnist-cnn, is that of Gaussians fitted to the last hidden layer (128 ReLU) of this
classifier, of samples and of the training digits. It is no FID: the features are not Inception's,
and its numbers compare with nothing but one another. It falls with the number of samples: real test
digits show its floor.

Everything else is the same for all: a DCGAN whose discriminator has no norm, batches of 64,
simultaneous Adam with b1 = 0.5, b2 = 0.99 and a learning rate that falls to 0 by a cosine; R1 with
a weight that falls from 1 to 0.1. So this compares objectives as they are, at a short budget, not
each at its best. What a method itself demands is kept, as in losses_on_ring.py, whose table this
is: autoencoders for EBGAN and BEGAN, a head of features for feature matching, a gradient penalty
beside R1 for Wasserstein. EBGAN's margin is 1, in the unit of our mean squared errors of pixels in
[-1, 1]; the paper's 10 belongs to another unit.

`--budget small` (16 base channels, 1,000 steps, one seed) took 20 minutes on two busy CPU cores. It
shows how training begins: of the better objectives' samples one in two can be named. `--budget
full` (64, 20,000 steps, four seeds) is for an accelerator.

Measured with `small`: from minimax to relativistic average, and feature matching, all lie between
164 and 251 in fd_mnist-cnn, with 7 to 10 classes; one seed orders them no finer. The four f-GANs,
whose generators minimise the bound itself, lose classes or collapse (471 to 986). The autoencoders
have not begun: EBGAN shows 3 classes, BEGAN none. Its error on real digits stays at 0.26, which is
that of a black picture, the median pixel that an L1 error asks for first; k stays 0.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
from losses_on_ring import OBJECTIVES as ON_RING
from losses_on_ring import Play, median
from reporting import Row, parser, positive, write_report
from stacked_mnist import Judge, load_mnist, make_judge
from stacked_mnist_model import NUM_DIGITS, Classifier, Digits, name_digits, to_float

import jaxgan as jg
from jaxgan import metrics, writers
from jaxgan.cli.program import run_script
from jaxgan.config import networks
from jaxgan.core.typing import Array, Batch, Key, Params
from jaxgan.data import DataError
from jaxgan.penalties import Penalty
from jaxgan.sampling.sampler import make_sampler

mpl.use("Agg")
import matplotlib.pyplot as plt

SHAPE, BATCH, LATENT, RATE = (28, 28, 1), 64, 64, 1e-3
NUM_SAMPLES, NUM_SHOWN, NUM_JUDGED, STEPS_PER_CALL = 10_000, 16, 1_000, 50
CONFIDENT, LEAST_SHARE = 0.9, 0.01
FD = "fd_mnist-cnn"

OBJECTIVES: Mapping[str, Play] = {
    name: ON_RING[name]
    for name in (
        "minimax",
        "non-saturating",
        "maximum likelihood",
        "least squares",
        "hinge",
        "softmax",
        "Wasserstein, GP",
        "relativistic",
        "relativistic average",
        "f-GAN, kl",
        "f-GAN, reverse kl",
        "f-GAN, pearson",
        "f-GAN, squared hellinger",
        "EBGAN",
        "BEGAN",
        "feature matching",
    )
} | {"EBGAN": ON_RING["EBGAN"]._replace(loss=partial(jg.losses.ebgan, margin=1.0))}


class Budget(NamedTuple):
    """What a run may cost."""

    num_steps: int
    num_seeds: int
    base_channels: int


BUDGETS = {"small": Budget(1_000, 1, 16), "full": Budget(20_000, 4, 64)}


def make_game(play: Play, base_channels: int, num_steps: int) -> jg.Game:
    """The game of an objective, with R1."""
    gen = networks.dcgan_generator(SHAPE, LATENT, base_channels=base_channels)
    make = networks.dcgan_autoencoder if play.autoencoder else networks.dcgan_discriminator
    disc = make(SHAPE, base_channels=base_channels, norm="none", **play.disc)
    game = jg.gan(gen, disc, latent=LATENT, loss=play.loss())
    terms = Penalty(()) if play.penalty is None else play.penalty()
    return jg.with_penalty(game, terms + jg.penalties.r1(weight=jg.cosine(1.0, 0.1, num_steps)))


def sampler_of(digits: Digits) -> Callable[[Key, int], Batch]:
    """Draws single digits on the device: (key, num) -> `{"image": [num, 28, 28, 1]}`."""
    images = jnp.asarray(digits.images)

    def sample(key: Key, num: int) -> Batch:
        chosen = images[jax.random.randint(key, (num,), 0, len(images))]
        return {"image": to_float(chosen)[..., None]}

    return sample


class Trained(NamedTuple):
    """Samples [num_seeds, NUM_SAMPLES, 28, 28, 1], and what they took."""

    samples: np.ndarray
    steps_per_second: float
    compile_seconds: float


def train(play: Play, digits: Digits, budget: Budget) -> Trained:
    """Trains an objective, all seeds in one program, and samples it."""
    game = make_game(play, budget.base_channels, budget.num_steps)
    rate = jg.cosine(RATE, 0.0, budget.num_steps)
    adam = partial(jg.optimizers.adam, rate, b1=0.5, b2=0.99)
    players = {"gen": adam(), "disc": adam(weight_clip=play.weight_clip)}
    algorithm = jg.simultaneous(jg.gradient(game), optimizers=players)
    algorithm = jg.device_data(algorithm, sample=sampler_of(digits), batch_size=BATCH)
    algorithm = jg.seeds(algorithm, num_seeds=budget.num_seeds)
    per_call = min(STEPS_PER_CALL, budget.num_steps)
    start = time.perf_counter()
    state = jax.jit(algorithm.init)(jax.random.key(0))
    step = jax.jit(jg.substeps(algorithm, num_steps=per_call).step, donate_argnums=0)
    compiled = step.lower(state, {}).compile()
    trained = time.perf_counter()
    for _ in range(budget.num_steps // per_call):
        state, _ = compiled(state, {})
    jax.block_until_ready(state)
    seconds = time.perf_counter() - trained
    sampler = make_sampler(game, {"image": jax.ShapeDtypeStruct(SHAPE, jnp.float32)})
    samples = sampler(state, jax.random.key(1), NUM_SAMPLES)
    return Trained(samples, budget.num_steps / seconds, trained - start)


@jax.jit
def _features(params: Params, images: Array) -> Array:
    _, state = Classifier().apply(
        {"params": params}, images, capture_intermediates=True, mutable=["intermediates"]
    )
    return jax.nn.relu(state["intermediates"]["Dense_0"]["__call__"][0])


def fit(params: Params, images: np.ndarray) -> metrics.Moments:
    """Fits a Gaussian to the classifier's last hidden features of images [N, 28, 28] in [-1, 1]."""
    parts = np.array_split(images, -(-len(images) // NUM_JUDGED))
    return metrics.moments(np.concatenate([np.asarray(_features(params, part)) for part in parts]))


def measure(judge: Judge, real: metrics.Moments, images: np.ndarray) -> dict[str, float | None]:
    """The four scores of images [N, 28, 28] in [-1, 1]; None for what is not finite."""
    if not np.isfinite(images).all():
        return {"classes": 0, "kl": None, "confident": 0.0, FD: None}
    labels, sure = name_digits(judge.params, images)
    good = metrics.labelled_score(
        labels, NUM_DIGITS, confidences=sure, min_confidence=CONFIDENT, least_share=LEAST_SHARE
    )
    evenness = metrics.labelled_score(labels, NUM_DIGITS)
    return {
        "classes": good.num_modes,
        "kl": round(evenness.reverse_kl, 4),
        "confident": round(good.high_quality, 4),
        FD: round(metrics.frechet_distance(real, fit(judge.params, images)), 3),
    }


PANELS = (
    ("classes", "classes", 0.0, 10.0, "{:.0f}", 1, "viridis"),
    ("kl", "KL, nats", 0.0, 0.5, "{:.2f}", 1, "viridis_r"),
    ("confident", "named, %", 0.0, 100.0, "{:.0f}", 100, "viridis"),
    (FD, FD, 0.0, 400.0, "{:.0f}", 1, "viridis_r"),
)


def draw(
    scores: Mapping[str, Mapping[str, list[Any]]], shown: Mapping[str, np.ndarray], title: str
) -> plt.Figure:
    """A row for each objective, and one for real digits: medians of four scores, and samples."""
    num = len(scores)
    figure, axes = plt.subplots(
        1,
        len(PANELS) + 1,
        figsize=(14, 0.9 + 0.45 * num),
        sharey=True,
        width_ratios=(*[1.2] * len(PANELS), 9),
        layout="constrained",
    )
    for axis, (key, name, low, high, form, scale, colours) in zip(axes, PANELS, strict=False):
        column = np.array([[scale * median(runs[key])] for runs in scores.values()])
        clipped = np.minimum(column, high)
        axis.imshow(clipped, vmin=low, vmax=high, cmap=colours, aspect="auto")
        for row, value in enumerate(column[:, 0]):
            share = min(value, high) / high
            bright = share > 0.6 if colours == "viridis" else share < 0.4
            text = form.format(value) if np.isfinite(value) else "-"
            axis.text(0, row, text, ha="center", va="center", color="k" if bright else "w")
        axis.set(xticks=[])
        axis.set_title(name, fontsize="medium")
        axis.tick_params(left=axis is axes[0])
    axes[0].set(yticks=range(num), yticklabels=list(scores))
    strips = [writers.image_grid(shown[name], columns=NUM_SHOWN, scale=1) for name in scores]
    axes[-1].imshow(
        np.concatenate(strips)[..., 0],
        cmap="gray",
        extent=(0, NUM_SHOWN, num - 0.5, -0.5),
        aspect="auto",
    )
    axes[-1].set(xticks=[])
    axes[-1].set_title("samples", fontsize="medium")
    axes[-1].tick_params(left=False)
    figure.suptitle(title)
    return figure


def _arguments(
    argv: Sequence[str] | None,
) -> tuple[argparse.ArgumentParser, argparse.Namespace, Budget]:
    flags = parser(__doc__)
    flags.add_argument("--budget", choices=BUDGETS, default="small", help="small: 20 minutes")
    flags.add_argument("--objectives", nargs="+", choices=OBJECTIVES, default=[*OBJECTIVES])
    flags.add_argument("--num-steps", type=positive, help="training steps; by budget")
    flags.add_argument("--seeds", type=positive, help="trainings side by side; by budget")
    flags.add_argument("--base-channels", type=positive, help="of both networks; by budget")
    flags.add_argument("--data-dir", help="where TFDS prepared MNIST (TFDS's own default)")
    args = flags.parse_args(argv)
    given = (args.num_steps, args.seeds, args.base_channels)
    defaults = BUDGETS[args.budget]
    budget = Budget(*(value or own for value, own in zip(given, defaults, strict=True)))
    if budget.num_steps % min(STEPS_PER_CALL, budget.num_steps):
        flags.error(f"--num-steps is {budget.num_steps}; it must be a multiple of {STEPS_PER_CALL}")
    return flags, args, budget


def main(argv: Sequence[str] | None = None) -> None:
    """Trains what was asked for, and writes the report."""
    flags, args, budget = _arguments(argv)
    try:
        digits, test = (load_mnist(args.data_dir, split) for split in ("train", "test"))
    except (DataError, ImportError) as error:
        flags.error(str(error))
    judge = make_judge(digits, test)
    real = fit(judge.params, np.asarray(to_float(digits.images)))
    real_images = np.asarray(to_float(test.images))
    real_scores = measure(judge, real, real_images)
    scores: dict[str, dict[str, list[Any]]] = {
        "real test digits": {key: [value] for key, value in real_scores.items()}
    }
    shown = {"real test digits": real_images[:NUM_SHOWN, ..., None]}
    speeds: dict[str, Any] = {}
    start = time.perf_counter()
    try:
        for done, name in enumerate(args.objectives, 1):
            trained = train(OBJECTIVES[name], digits, budget)
            measured = [measure(judge, real, one[..., 0]) for one in trained.samples]
            scores[name] = {key: [one[key] for one in measured] for key in real_scores}
            shown[name] = np.nan_to_num(trained.samples[0, :NUM_SHOWN])
            speeds[name] = {
                "steps_per_second": round(trained.steps_per_second, 2),
                "compile_seconds": round(trained.compile_seconds, 1),
            }
            left = (time.perf_counter() - start) / done * (len(args.objectives) - done) / 60
            told = ", ".join(f"{key} {value}" for key, value in scores[name].items())
            print(
                f"{done}/{len(args.objectives)} {name}: {told}; "
                f"{trained.steps_per_second:.3g} steps/s, {left:.1f} min left",
                flush=True,
            )
    except KeyboardInterrupt:
        if not speeds:
            raise
        print("interrupted: the report holds what was finished")
    rows = [Row("classifier: accuracy on test digits", round(judge.accuracy, 4), None, 1)] + [
        Row(f"{name}: {key}", median(values), None, len(values))
        for name, found in scores.items()
        for key, values in found.items()
        if np.isfinite(median(values))
    ]
    write_report(
        args.out,
        "losses_on_mnist",
        rows,
        settings={**budget._asdict(), "budget": args.budget, "batch": BATCH, "penalty": "r1"},
        scores=scores,
        speeds=speeds,
        seconds=round(time.perf_counter() - start),
    )
    title = f"MNIST, {budget.num_steps} steps of batch {BATCH}, R1; medians over seeds"
    figure = draw(scores, shown, title)
    figure.savefig(args.out / "losses_on_mnist.png", dpi=100)
    plt.close(figure)


if __name__ == "__main__":
    run_script(main)
