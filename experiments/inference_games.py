"""What games with an inference side have learnt of 1,797 digits: InfoGAN, BiGAN, VAE, VAE-GAN.

    python experiments/inference_games.py

trains configs/infogan.py, bigan.py, vae.py and vae_gan.py as they are, InfoGAN from three
seeds, and writes results/inference_games.json and .png. Measured:

- InfoGAN: the purity of the categorical code: the share of samples whose class is the commonest one
  among the samples of the same code value, a support vector machine naming the classes, as in
  digits_report.py; and the same of Q, which names real digits by the code it reads off them.
- BiGAN: how many real digits keep their class through encoder and generator, where the class of a
  reconstruction is that of its nearest real digit, the original itself left out; and how many codes
  E(x) have a nearest neighbour of their class.
- VAE and VAE-GAN: how sharp samples of the prior are: the mean absolute value of the discrete
  Laplacian over the inner pixels, divided by that of the real digits; 1 is as sharp as those.

Measured: 0.86 to 0.91 purity of samples, 0.65 to 0.71 of Q; 0.71 of classes kept, 0.96 of nearest
codes; a sharpness of 0.83 for the VAE's samples and of 1.00 for the VAE-GAN's. Some five minutes.

The papers show pictures of MNIST for most of this; BiGAN's nearest neighbours (97.39 %, there of
60,000 digits) are the one figure to set beside ours.

References:
    Chen et al., 2016 (arXiv:1606.03657); Donahue et al., 2017 (arXiv:1605.09782); Kingma & Welling,
    2014 (arXiv:1312.6114); Larsen et al., 2016 (arXiv:1512.09300).
"""

from __future__ import annotations

import runpy
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
from digits_report import fit_judge
from infogan_report import coded_latents, columns, purity
from reporting import Row, parser, positive, write_report

from jaxgan import metrics, writers
from jaxgan.cli.program import run_script
from jaxgan.config.base import Config
from jaxgan.config.build import build_algorithm
from jaxgan.config.data import open_data
from jaxgan.config.resolve import resolve
from jaxgan.core.game import Game
from jaxgan.core.state import Context, TrainState
from jaxgan.data import Source, pipeline
from jaxgan.sampling.draw import make_scene

mpl.use("Agg")
import matplotlib.pyplot as plt

CONFIGS = Path(__file__).parents[1] / "configs"
SEEDS = {"infogan": 3}
"""What a code comes to mean depends on the start more than the rest."""
NUM, NUM_CLASSES, COLUMNS, ROWS = 2000, 10, 10, 8


class Run(NamedTuple):
    """A trained game and the digits it was trained on."""

    config: Config
    game: Game
    state: TrainState
    digits: dict[str, np.ndarray]

    def scene(self, batch: dict[str, Any]) -> dict[str, Any]:
        """What the game makes of a batch, outside training."""
        draw = jax.jit(lambda state, batch: make_scene(jax.random.key(1), self.game, state, batch))
        drawn: dict[str, Any] = jax.device_get(draw(self.state, batch))
        return drawn


def train(name: str, seed: int, num_steps: int | None) -> Run:
    """Trains a config from a seed; `num_steps` in place of its own number."""
    written = runpy.run_path(str(CONFIGS / f"{name}.py"))["get_config"]("")
    config = resolve({**written.to_dict(), "seed": seed})
    source = open_data(config)
    assert isinstance(source, Source)
    algorithm = build_algorithm(config, source.element_spec)
    step = jax.jit(algorithm.step, donate_argnums=0)
    state = jax.jit(algorithm.init)(jax.random.key(seed))
    lead = algorithm.num_batches
    batches = pipeline(source, batch_size=config["batch_size"], seed=seed, num_batches=lead)
    for _ in range((num_steps or config["total_steps"]) // config["substeps"]):
        state, _ = step(state, next(batches))
    batches.close()
    return Run(config, algorithm.field.game, state, source.read(np.arange(source.num_examples)))


def flat(images: np.ndarray) -> np.ndarray:
    """Images as vectors."""
    return images.reshape(len(images), -1)


def sharpness(images: np.ndarray) -> float:
    """The mean absolute discrete Laplacian over the inner pixels of images [N, H, W, C].

    >>> sharpness(np.ones((1, 4, 4, 1)))
    0.0
    """
    inner = images[:, 1:-1, 1:-1]
    around = images[:, :-2, 1:-1] + images[:, 2:, 1:-1] + images[:, 1:-1, :-2] + images[:, 1:-1, 2:]
    return float(np.abs(around - 4.0 * inner).mean())


Measured = tuple[dict[str, float], np.ndarray]
"""Figures by name, and a picture's images [ROWS * COLUMNS, H, W, C]."""


def measure_infogan(run: Run) -> Measured:
    """Purity of the categorical code, of samples and of what Q says of real digits."""
    latent, values = coded_latents(run.config, NUM)
    samples = run.scene({"latent": latent})["fake"]
    real, label = run.digits["image"], run.digits["label"]
    judge, _ = fit_judge(flat(real), label)
    still = Context(jax.random.key(0), train=False)
    state = run.state
    said = run.game.critic(state.params, state.net_state, jnp.asarray(real), {}, still)
    num_values = run.config["game"]["categorical"][0]
    read = np.asarray(said["code_logits"])[:, :num_values].argmax(axis=1)
    found = {
        "purity of samples": purity(values, judge.predict(flat(samples))),
        "purity of Q on real digits": purity(read, label),
    }
    return found, columns(samples, values, ROWS)


def measure_bigan(run: Run) -> Measured:
    """Classes kept by the way through encoder and generator, and in the space of codes."""
    real, label = run.digits["image"], run.digits["label"]
    scene = run.scene({"image": jnp.asarray(real)})
    rebuilt, codes = scene["reconstruction"], scene["code"]
    kept, near = nearest_other(rebuilt, real, label), nearest_other(codes, codes, label)
    found = {
        "class kept by reconstruction": float((kept == label).mean()),
        "class of the nearest code": float((near == label).mean()),
        "mean absolute error": float(np.abs(rebuilt - real).mean()),
    }
    return found, in_pairs(real, rebuilt)


def nearest_other(asked: np.ndarray, known: np.ndarray, label: np.ndarray) -> np.ndarray:
    """For each of `asked` the label of the nearest of `known`, that of the same index left out."""
    a, b = flat(asked).astype(np.float64), flat(known).astype(np.float64)
    squares = (a**2).sum(axis=1)[:, None] - 2.0 * a @ b.T + (b**2).sum(axis=1)[None]
    np.fill_diagonal(squares, np.inf)
    nearest: np.ndarray = label[squares.argmin(axis=1)]
    return nearest


def in_pairs(real: np.ndarray, rebuilt: np.ndarray) -> np.ndarray:
    """Rows of real digits, each above a row of their reconstructions."""
    chosen = slice(0, COLUMNS * ROWS // 2)
    rows = [x[chosen].reshape(ROWS // 2, 1, COLUMNS, *x.shape[1:]) for x in (real, rebuilt)]
    return np.concatenate(rows, axis=1).reshape(-1, *real.shape[1:])


def measure_samples(run: Run) -> Measured:
    """How sharp samples of the prior are, and how confident the judge is of them."""
    real, label = run.digits["image"], run.digits["label"]
    batch = {"image": jnp.asarray(np.resize(real, (NUM, *real.shape[1:])))}
    scene = run.scene(batch)
    samples = scene["fake"]
    judge, _ = fit_judge(flat(real), label)
    chances = judge.predict_proba(flat(samples))
    classes = metrics.class_histogram(chances.argmax(axis=1), NUM_CLASSES)
    gap = np.abs(scene["reconstruction"] - batch["image"])
    found = {
        "sharpness of samples": sharpness(samples) / sharpness(real),
        "sharpness of reconstructions": sharpness(scene["reconstruction"]) / sharpness(real),
        "judge's confidence in samples": float(chances.max(axis=1).mean()),
        "classes covered": float(metrics.num_covered(classes)),
        "mean absolute error": float(gap.mean()),
    }
    half = ROWS * COLUMNS // 2
    return found, np.concatenate([in_pairs(real, scene["reconstruction"])[:half], samples[:half]])


MEASURES: dict[str, Callable[[Run], Measured]] = {
    "infogan": measure_infogan,
    "bigan": measure_bigan,
    "vae": measure_samples,
    "vae_gan": measure_samples,
}
TITLES = {
    "infogan": "InfoGAN: a column for each value of the code",
    "bigan": "BiGAN: digits above G(E(x))",
    "vae": "VAE: digits above reconstructions; samples",
    "vae_gan": "VAE-GAN: digits above reconstructions; samples",
}
PAPERS = {"bigan: class of the nearest code": "0.9739 (MNIST)"}


def draw(shown: dict[str, np.ndarray]) -> plt.Figure:
    """One panel for each game."""
    figure, axes = plt.subplots(
        1, len(shown), figsize=(4 * len(shown), 3.6), layout="constrained", squeeze=False
    )
    for axis, (name, images) in zip(axes[0], shown.items(), strict=True):
        axis.imshow(writers.image_grid(images, columns=COLUMNS), cmap="gray")
        axis.set_title(TITLES[name], fontsize=9)
        axis.axis("off")
    return figure


def main(argv: Sequence[str] | None = None) -> None:
    """Trains the games, measures them, and writes the report."""
    flags = parser(__doc__)
    flags.add_argument("--seeds", type=positive, help="runs of each game (InfoGAN 3, others 1)")
    flags.add_argument("--games", nargs="+", choices=MEASURES, default=list(MEASURES))
    flags.add_argument("--num-steps", type=positive, help="of each run; by default its config's")
    args = flags.parse_args(argv)
    rows: list[Row] = []
    found: list[dict[str, Any]] = []
    shown: dict[str, np.ndarray] = {}
    start = time.perf_counter()
    for name in args.games:
        by_seed = []
        for seed in range(args.seeds or SEEDS.get(name, 1)):
            began = time.perf_counter()
            run = train(name, seed, args.num_steps)
            seconds = time.perf_counter() - began
            figures, images = MEASURES[name](run)
            shown.setdefault(name, images)
            by_seed.append(figures)
            told = ", ".join(f"{key} {value:.3f}" for key, value in figures.items())
            print(f"{name}, seed {seed}, {seconds:.0f} s: {told}", flush=True)
            found.append({"game": name, "seed": seed, "seconds": round(seconds), **figures})
        for key in by_seed[0]:
            values = [figures[key] for figures in by_seed]
            spread = f" ({min(values):.3f} to {max(values):.3f})" if len(values) > 1 else ""
            title = f"{name}: {key}"
            ours = f"{np.mean(values):.3f}{spread}"
            rows.append(Row(title, ours, PAPERS.get(title), len(values)))
    seconds = round(time.perf_counter() - start)
    write_report(args.out, "inference_games", rows, runs=found, seconds=seconds)
    figure = draw(shown)
    figure.savefig(args.out / "inference_games.png", dpi=100)
    plt.close(figure)


if __name__ == "__main__":
    run_script(main)
