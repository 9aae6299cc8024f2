"""Every objective on the ring of eight Gaussians, with and without R1: modes, quality, evenness.

    python experiments/losses_on_ring.py
    python experiments/losses_on_ring.py --std 0.2     # easy: wide modes

trains each objective eight times in one program, under the same budget, and writes
results/losses_on_ring.json and .png, a heat-map of medians over seeds: modes found (of 8), share of
samples within three standard deviations of a mode (HQ; 98.9 % is perfect) and KL(samples of the
modes || uniform). With `--std` other than 0.02 the files are named after it.

Everything else is the same for all: two layers of 64 ReLU, batches of 128, simultaneous Adam with
b1 = 0, b2 = 0.99 and a learning rate that falls from 2e-3 to 0 by a cosine; R1's weight falls from
1 to 0.1. So this compares objectives as they are, not each at its best. What a method itself
demands is kept, whatever the column says: autoencoders as discriminators of EBGAN and BEGAN, a head
of classes, a head of features; for Wasserstein five critic steps to each of the generator, and a
gradient penalty (of weight 1) or weights clipped to 0.1.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
from reporting import Row, parser, positive, write_report

import jaxgan as jg
from jaxgan import metrics
from jaxgan.cli.program import run_script
from jaxgan.config import networks
from jaxgan.data import DeviceSource, ring
from jaxgan.losses import Loss
from jaxgan.penalties import Penalty
from jaxgan.transforms import MEMBER_AXES

mpl.use("Agg")
import matplotlib.pyplot as plt

BATCH, LATENT, FEATURES, RATE = 128, 16, (64, 64), 2e-3
NUM_SAMPLES, STEPS_PER_CALL = 4_000, 500
PENALTIES = ("none", "r1")


class Play(NamedTuple):
    """How an objective is played.

    Attributes:
      loss: makes it.
      disc: options of the discriminator, beside its features.
      autoencoder: whether the discriminator is one.
      penalty: what the method itself demands.
      weight_clip: bound of D's parameters, or None.
      labelled: whether it is told which mode a real example is of.
      n_critic: updates of D before each of G; 0 for simultaneous play.
    """

    loss: Callable[[], Loss]
    disc: Mapping[str, Any] = {}
    autoencoder: bool = False
    penalty: Callable[[], Penalty] | None = None
    weight_clip: float | None = None
    labelled: bool = False
    n_critic: int = 0


_LOSSES = jg.losses
FEATURED: Mapping[str, Any] = {"head": "features"}
OBJECTIVES: Mapping[str, Play] = {
    "minimax": Play(_LOSSES.minimax),
    "non-saturating": Play(_LOSSES.non_saturating),
    "non-saturating, smoothed 0.1": Play(partial(_LOSSES.non_saturating, smoothing=0.1)),
    "non-saturating, flipped 5 %": Play(
        partial(_LOSSES.flip_labels, _LOSSES.non_saturating, probability=0.05)
    ),
    "non-saturating, top half": Play(partial(_LOSSES.top_k, _LOSSES.non_saturating, fraction=0.5)),
    "maximum likelihood": Play(_LOSSES.maximum_likelihood),
    "least squares": Play(_LOSSES.least_squares),
    "hinge": Play(_LOSSES.hinge),
    "softmax": Play(_LOSSES.softmax),
    "Wasserstein, GP": Play(
        _LOSSES.wasserstein, penalty=partial(jg.penalties.wgan_gp, weight=1.0), n_critic=5
    ),
    "Wasserstein, clipped": Play(_LOSSES.wasserstein, weight_clip=0.1, n_critic=5),
    "relativistic": Play(_LOSSES.relativistic),
    "relativistic, hinge": Play(partial(_LOSSES.relativistic, _LOSSES.hinge)),
    "relativistic average": Play(_LOSSES.relativistic_average),
    "relativistic average, hinge": Play(partial(_LOSSES.relativistic_average, _LOSSES.hinge)),
    **{
        f"f-GAN, {name.replace('_', ' ')}": Play(partial(_LOSSES.f_gan, name))
        for name in sorted(_LOSSES.DIVERGENCES)
    },
    "f-GAN, alpha = 0.5": Play(partial(_LOSSES.f_gan, "alpha", alpha=0.5)),
    "EBGAN": Play(_LOSSES.ebgan, {"error": "l2"}, autoencoder=True),
    "BEGAN": Play(_LOSSES.began, {"error": "l1"}, autoencoder=True),
    "feature matching": Play(_LOSSES.feature_matching, FEATURED),
    "n + 1 classes": Play(_LOSSES.multi_class, {"head": "classes"}, labelled=True),
}


def make_game(play: Play, data: DeviceSource, penalty: str, num_steps: int) -> jg.Game:
    """The game of an objective, with R1 or without."""
    num_classes = data.num_classes if play.labelled else None
    gen = networks.mlp_generator((2,), LATENT, num_classes, features=FEATURES, conditioning="none")
    if play.autoencoder:
        disc = networks.mlp_autoencoder((2,), features=FEATURES, **play.disc)
    else:
        disc = networks.mlp_discriminator((2,), num_classes, features=FEATURES, **play.disc)
    game = jg.gan(gen, disc, latent=LATENT, loss=play.loss(), num_classes=num_classes)
    terms = Penalty(()) if play.penalty is None else play.penalty()
    if penalty == "r1":
        terms = terms + jg.penalties.r1(weight=jg.cosine(1.0, 0.1, num_steps))
    return jg.with_penalty(game, terms) if terms.terms else game


def train(
    play: Play, data: DeviceSource, penalty: str, num_steps: int, num_seeds: int
) -> np.ndarray:
    """Trains an objective and samples it.

    Args:
      play: the objective.
      data: the ring.
      penalty: one of `PENALTIES`.
      num_steps: of training.
      num_seeds: trainings side by side.

    Returns:
      Samples [num_seeds, NUM_SAMPLES, 2].
    """
    game = make_game(play, data, penalty, num_steps)
    # Schedules are of a player's own updates.
    rates = [jg.cosine(RATE, 0.0, num_steps * times) for times in (1, play.n_critic or 1)]
    adam = partial(jg.optimizers.adam, b1=0.0, b2=0.99)
    players = {"gen": adam(rates[0]), "disc": adam(rates[1], weight_clip=play.weight_clip)}
    field = jg.gradient(game)
    if play.n_critic:
        algorithm = jg.alternating(field, optimizers=players, n_critic=play.n_critic)
    else:
        algorithm = jg.simultaneous(field, optimizers=players)
    algorithm = jg.seeds(
        jg.device_data(algorithm, sample=data.sample, batch_size=BATCH), num_seeds=num_seeds
    )
    per_call = min(STEPS_PER_CALL, num_steps)
    step = jax.jit(jg.substeps(algorithm, num_steps=per_call).step, donate_argnums=0)
    state = jax.jit(algorithm.init)(jax.random.key(0))
    for _ in range(num_steps // per_call):
        state, _ = step(state, {})

    def sample(state: jg.TrainState, key: jax.Array) -> jax.Array:
        batch = {"image": jnp.zeros((NUM_SAMPLES, 2)), "label": jnp.zeros(NUM_SAMPLES, jnp.int32)}
        context = jg.Context(key, train=False)
        fake: jax.Array = game.generate(state.params, state.net_state, batch, context)[0]["fake"]
        return fake

    return np.asarray(
        jax.jit(jax.vmap(sample, in_axes=(MEMBER_AXES, None)))(state, jax.random.key(1))
    )


def measure(points: np.ndarray, data: DeviceSource) -> dict[str, list[float | None]]:
    """Modes, HQ and KL of every seed; None where no sample is good."""
    scores = [metrics.mixture_score(p, data.modes, data.std) for p in points]
    return {
        "modes": [score.num_modes for score in scores],
        "hq": [round(score.high_quality, 4) for score in scores],
        "reverse_kl": [
            round(s.reverse_kl, 4) if np.isfinite(s.reverse_kl) else None for s in scores
        ],
    }


def median(values: list[float | None]) -> float:
    """The median over seeds, a seed without a good sample being worst of all."""
    return float(np.median([np.inf if value is None else value for value in values]))


def draw(found: Mapping[str, Mapping[str, Any]], penalties: tuple[str, ...], std: float) -> Any:
    """The heat-map: a row for each objective, three columns for each penalty."""
    panels = (
        ("modes", "modes of 8", 0, 8, "{:.0f}", "viridis"),
        ("hq", "HQ, %", 0, 100, "{:.0f}", "viridis"),
        ("reverse_kl", "KL, nats", 0, 2.1, "{:.2f}", "viridis_r"),
    )
    figure, axes = plt.subplots(
        1, 3, figsize=(9, 0.6 + 0.27 * len(found)), sharey=True, layout="constrained"
    )
    for axis, (key, title, low, high, form, colours) in zip(axes, panels, strict=True):
        scale = 100 if key == "hq" else 1
        table = np.array(
            [[scale * median(runs[p][key]) for p in penalties] for runs in found.values()]
        )
        axis.imshow(np.minimum(table, high), vmin=low, vmax=high, cmap=colours, aspect="auto")
        for (row, column), value in np.ndenumerate(table):
            share = min(value, high) / high
            bright = share > 0.6 if colours == "viridis" else share < 0.4
            text = form.format(value) if np.isfinite(value) else "-"
            axis.text(column, row, text, ha="center", va="center", color="k" if bright else "w")
        axis.set(title=title, xticks=range(len(penalties)), xticklabels=penalties)
    axes[0].set(yticks=range(len(found)), yticklabels=list(found))
    figure.suptitle(f"ring of eight Gaussians, standard deviation {std}; medians over seeds")
    return figure


def main() -> None:
    """Trains what was asked for, and writes the report."""
    flags = parser(__doc__)
    flags.add_argument("--objectives", nargs="+", choices=OBJECTIVES, default=[*OBJECTIVES])
    flags.add_argument("--penalties", nargs="+", choices=PENALTIES, default=[*PENALTIES])
    flags.add_argument("--std", type=float, default=0.02, help="of every mode")
    flags.add_argument("--num-steps", type=positive, default=3_000)
    flags.add_argument("--seeds", type=positive, default=8)
    args = flags.parse_args()
    if args.num_steps % min(STEPS_PER_CALL, args.num_steps):
        flags.error(f"--num-steps is {args.num_steps}; it must be a multiple of {STEPS_PER_CALL}")
    try:
        data = ring(std=args.std)
    except ValueError as error:
        flags.error(f"--{error}")
    found: dict[str, dict[str, Any]] = {name: {} for name in args.objectives}
    start, done = time.perf_counter(), 0
    total = len(args.objectives) * len(args.penalties)
    for name in args.objectives:
        for penalty in args.penalties:
            points = train(OBJECTIVES[name], data, penalty, args.num_steps, args.seeds)
            found[name][penalty] = measure(points, data)
            done += 1
            left = (time.perf_counter() - start) / done * (total - done) / 60
            scores = found[name][penalty]
            print(f"{name}, {penalty}: modes {scores['modes']}, {left:.1f} min left", flush=True)
    rows = [
        Row(f"{name}, {penalty}: {key}", median(scores[key]), None, args.seeds)
        for name, runs in found.items()
        for penalty, scores in runs.items()
        for key in ("modes", "hq")
    ]
    stem = "losses_on_ring" if args.std == 0.02 else f"losses_on_ring_{args.std}"
    settings = {"std": args.std, "num_steps": args.num_steps, "batch": BATCH}
    write_report(args.out, stem, rows, settings=settings, runs=found)
    figure = draw(found, tuple(args.penalties), args.std)
    figure.savefig(Path(args.out) / f"{stem}.png", dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    run_script(main)
