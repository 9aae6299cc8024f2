"""A GAN of n + 1 classes learns MNIST from 100 labels: Salimans et al., 2016, section 5.

    python experiments/semi_supervised.py --data-dir TFDS_DIR

trains one classifier twice on the same labelled digits, as many of each class: alone, and as the
discriminator of a GAN that also sees all 60,000 digits without their labels. Writes
results/semi_supervised.json and .png: errors on the 10,000 test digits over the training steps, for
several draws of the labels, and what the generator makes.

Networks and settings follow the paper's code: a classifier of ReLU layers with weight norm,
Gaussian noise of 0.3 on the pixels (from 0 to 1) and 0.5 after every layer; a generator of two
layers of softplus with batch norm and a weight-normed output, which matches the means of the
classifier's last hidden layer; batches of 100; D then G, Adam with b1 = 0.5; the average of the
classifier's weights is measured. `--budget full` has the paper's widths (1000-500-250-250-250,
500-500) and 180,000 steps; `small`, for two CPU cores, has 400-200-200 and 300-300, and 8,000
steps: its figures stand beside the paper's, not against them. What else differs: latents are
normal; the generator's pixels start at the mean digit; learning rates (2e-3 for D, 3e-3 for G;
there 3e-3 for both) fall to 0 by a cosine; and the average follows faster. L_D weighs its parts 2
(labels) : 1 : 1, as the paper's code and not as its formula.

Measured with `small`, two draws: 2,118 errors of 10,000 with the labels only, 576 with the GAN. The
paper: 93 ± 6.5 errors with 100 labels. Learning rates and widths of `small` were chosen by the test
errors of the first draw, so that ours are a little too good.

References:
    Salimans et al., "Improved Techniques for Training GANs" (2016), arXiv:1606.03498.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
from flax import linen as nn
from jax import lax
from reporting import Row, parser, positive, write_report

import jaxgan as jg
from jaxgan import writers
from jaxgan.auxiliary import cross_entropy
from jaxgan.cli.program import run_script
from jaxgan.core.typing import Array, Key, NetState, Params, PlayerTree, PyTree
from jaxgan.data import DataError, Source, partly_labelled, pipeline, tfds
from jaxgan.sampling.sampler import make_sampler
from jaxgan.transforms import averaged

mpl.use("Agg")
import matplotlib.pyplot as plt

BATCH, LATENT, NUM_CLASSES = 100, 100, 10
RATES, B1 = {"disc": 2e-3, "gen": 3e-3}, 0.5
PIXEL_NOISE, HIDDEN_NOISE = 0.3, 0.5
SUPERVISED_WEIGHT = 2.0
EMA_SHARE = 0.02
"""The average remembers this share of the training: its decay is 1 - 1 / (share · steps)."""
STEPS_PER_CALL, NUM_POINTS, NUM_SHOWN, NUM_INITIAL = 20, 20, 80, 500
PAPER_ERRORS = "93 ± 6.5"
ALONE, TOGETHER = "labels only", "GAN"

Digits = dict[str, np.ndarray]
"""`image`, float32 [N, 28, 28, 1] in [-1, 1], and `label` [N]."""


class Budget(NamedTuple):
    """What a run may cost: steps, draws of the labels, hidden widths of both networks."""

    num_steps: int
    num_draws: int
    disc: tuple[int, ...]
    gen: tuple[int, ...]


BUDGETS = {
    "small": Budget(8_000, 2, (400, 200, 200), (300, 300)),
    "full": Budget(180_000, 10, (1000, 500, 250, 250, 250), (500, 500)),
}


def unit_columns(kernel: Array) -> Array:
    """V / ‖V‖, the norm over each column."""
    return kernel / jnp.sqrt(jnp.sum(kernel**2, axis=0, keepdims=True) + 1e-12)


class Layer(nn.Module):
    """A dense layer with weight norm, g x V / ‖V‖ + b, the norm over each column of V.

    g and b start so that the outputs have mean 0 and variance 1 over the batch it is initialised
    with; g stays so unless it is trained.
    """

    features: int
    trains_gain: bool = False

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map [batch, in_features] to [batch, features]."""
        shape = (x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.normal(0.05), shape)
        y = x @ unit_columns(kernel)
        gain = self.param("gain", lambda _: 1.0 / jnp.sqrt(jnp.var(y, axis=0) + 1e-6))
        bias = self.param("bias", lambda _: -jnp.mean(y, axis=0) * gain)
        return y * (gain if self.trains_gain else lax.stop_gradient(gain))[None] + bias[None]


class Classifier(nn.Module):
    """Noisy perceptrons; a discriminator whose logit is log Σ_k exp l_k.

    Args:
      hidden: widths of the hidden layers.
    """

    hidden: tuple[int, ...]

    @nn.compact
    def __call__(self, x: Array, train: bool = True) -> dict[str, Array]:
        """Map images [batch, 28, 28, 1] to `logits`, `class_logits` and `features`."""

        def noisy(x: Array, std: float) -> Array:
            if not train:
                return x
            return x + std * jax.random.normal(self.make_rng("noise"), x.shape, x.dtype)

        x = noisy((x.reshape(len(x), -1) + 1.0) / 2.0, PIXEL_NOISE)
        features = x
        for width in self.hidden:
            features = nn.relu(Layer(width)(x))
            x = noisy(features, HIDDEN_NOISE)
        class_logits = Layer(NUM_CLASSES, trains_gain=True)(x)
        logits = jax.nn.logsumexp(class_logits, axis=-1)
        return {"logits": logits, "class_logits": class_logits, "features": features}


class Generator(nn.Module):
    """Perceptrons with batch norm and softplus; columns of length 1 and tanh at the end.

    Args:
      hidden: widths of the hidden layers.
      start: initialiser of the output's bias [784], of which tanh makes the first pixels.
    """

    hidden: tuple[int, ...]
    start: Callable[..., Array]

    @nn.compact
    def __call__(self, z: Array, train: bool = True) -> Array:
        """Map latents [batch, 100] to images [batch, 28, 28, 1]."""
        for width in self.hidden:
            z = nn.Dense(width, use_bias=False)(z)
            z = nn.softplus(nn.BatchNorm(not train, momentum=0.9)(z))
        # Free columns soon drive pixels to where tanh is flat, and the generator stands still.
        kernel = self.param("kernel", nn.initializers.normal(0.05), (z.shape[-1], 28 * 28))
        bias = self.param("bias", self.start, (28 * 28,))
        return jnp.tanh(z @ unit_columns(kernel) + bias[None]).reshape(-1, 28, 28, 1)


def make_players(budget: Budget, examples: Array) -> PlayerTree:
    """Both networks, which start at what fits examples [N, 28, 28, 1]."""
    classifier = Classifier(budget.disc)
    mean = jnp.arctanh(0.98 * jnp.mean(examples, axis=0).ravel())
    generator = Generator(budget.gen, lambda *_: mean)

    def init(key: Key) -> tuple[Params, NetState]:
        return classifier.init(key, examples)["params"], {}

    return {
        "gen": jg.from_linen(generator, jnp.zeros((1, LATENT))),
        "disc": jg.from_linen(classifier, examples[:1])._replace(init=init),
    }


def make_game(players: PlayerTree) -> jg.Game:
    """The game of n + 1 classes: labelled digits teach D, G matches D's features."""
    # Labels teach through `supervised`; among the unlabelled digits they count for nothing.
    loss = jg.losses.feature_matching(jg.losses.multi_class(label_weight=0.0))
    game = jg.gan(**players, latent=LATENT, loss=loss)
    return jg.with_penalty(game, jg.auxiliary.supervised(weight=SUPERVISED_WEIGHT))


Curves = dict[str, list[list[tuple[int, int]]]]
"""(step, errors) by method, for each draw of the labels."""

Told = Callable[[int, Params], None]
"""Is told the step and the classifier's average."""


def ema_decay(num_steps: int) -> float:
    """β of the average of weights."""
    return 1.0 - 1.0 / max(EMA_SHARE * num_steps, 2.0)


def make_examiner(classifier: jg.Network, test: Digits) -> Callable[[Params], int]:
    """Counts the test digits that the classifier misnames, without noise."""

    @jax.jit
    def name(params: Params, images: Array) -> Array:
        out, _ = classifier.apply(params, {}, images, train=False)
        return jnp.argmax(out["class_logits"], axis=1)

    return lambda params: int((np.asarray(name(params, test["image"])) != test["label"]).sum())


def train_alone(classifier: jg.Network, labelled: Digits, num_steps: int, told: Told) -> None:
    """Trains the classifier on the labelled digits and nothing else.

    Args:
      classifier: the network.
      labelled: the few labelled digits, `image` and `label`.
      num_steps: a multiple of NUM_POINTS.
      told: called at NUM_POINTS moments.
    """
    optimizer = jg.optimizers.adam(jg.cosine(RATES["disc"], 0.0, num_steps), b1=B1)
    images, labels = jnp.asarray(labelled["image"]), jnp.asarray(labelled["label"])
    weight = 1.0 - ema_decay(num_steps)

    def step(carry: PyTree, key: Array) -> tuple[PyTree, None]:
        params, opt_state, mean = carry
        chosen = jax.random.randint(key, (BATCH,), 0, len(images))

        def loss(params: Params) -> Array:
            out, _ = classifier.apply(params, {}, images[chosen], key=key)
            return jnp.mean(cross_entropy(out["class_logits"], labels[chosen]))

        grads = jax.grad(loss)(params)
        params, opt_state = jg.optimizers.update(optimizer, grads, opt_state, params)
        mean = jax.tree.map(lambda m, p: m + weight * (p - m), mean, params)
        return (params, opt_state, mean), None

    @jax.jit
    def steps(carry: PyTree, key: Array) -> PyTree:
        return lax.scan(step, carry, jax.random.split(key, num_steps // NUM_POINTS))[0]

    key = jax.random.key(0)
    params, _ = classifier.init(jg.stream(key, "init"))
    carry = (params, jg.optimizers.init(optimizer, params), params)
    for point in range(NUM_POINTS):
        carry = steps(carry, jg.stream(key, "steps", point))
        told((point + 1) * num_steps // NUM_POINTS, carry[2])


def train_together(players: PlayerTree, source: Source, num_steps: int, told: Told) -> np.ndarray:
    """Trains the GAN.

    Args:
      players: both networks.
      source: the partly labelled digits.
      num_steps: a multiple of NUM_POINTS.
      told: called at NUM_POINTS moments.

    Returns:
      Samples [NUM_SHOWN, 28, 28, 1].
    """
    optimizers = {
        player: jg.optimizers.adam(jg.cosine(rate, 0.0, num_steps), b1=B1)
        for player, rate in RATES.items()
    }
    algorithm = jg.alternating(jg.gradient(make_game(players)), optimizers=optimizers)
    algorithm = jg.ema(algorithm, decay=ema_decay(num_steps), player="disc")
    every = num_steps // NUM_POINTS
    per_call = max(n for n in range(1, min(every, STEPS_PER_CALL) + 1) if every % n == 0)
    algorithm = jg.substeps(algorithm, num_steps=per_call)
    step = jax.jit(algorithm.step, donate_argnums=0)
    state = jax.jit(algorithm.init)(jax.random.key(0))
    batches = pipeline(source, batch_size=BATCH, seed=0, num_batches=algorithm.num_batches)
    for done in range(per_call, num_steps + 1, per_call):
        state, _ = step(state, next(batches))
        if done % every == 0:
            told(done, averaged(state)[0]["disc"])
    batches.close()
    sampler = make_sampler(algorithm.field.game, {"image": source.element_spec["image"]})
    return sampler(state, jax.random.key(1), NUM_SHOWN)


def labelled_digits(source: Source) -> Digits:
    """The digits that kept their labels, class by class."""
    labels = source.read(np.arange(source.num_examples))["label"]
    chosen = np.flatnonzero(labels >= 0)
    batch = source.read(chosen[np.argsort(labels[chosen], kind="stable")])
    return {"image": batch["image"], "label": batch["label"]}


def draw(curves: Curves, num_test: int, shown: Sequence[np.ndarray]) -> plt.Figure:
    """Test errors over steps, and the first draw's labelled and generated digits."""
    figure, axes = plt.subplots(
        1, 3, figsize=(12, 4), width_ratios=(1.4, 1, 1), layout="constrained"
    )
    for index, (name, runs) in enumerate(curves.items()):
        for number, run in enumerate(runs):
            steps, errors = np.asarray(run).T
            label = name if number == 0 else None
            axes[0].plot(steps, 100 * errors / num_test, ".-", color=f"C{index}", label=label)
    axes[0].axhline(0.93, color="k", linestyle=":", label="the paper's GAN, 180,000 steps")
    axes[0].set(yscale="log", xlabel="step", ylabel="errors, % of the test digits")
    axes[0].set_yticks([1, 2, 5, 10, 20, 50, 100], ["1", "2", "5", "10", "20", "50", "100"])
    axes[0].legend()
    for axis, images, title in zip(axes[1:], shown, ("labelled", "generated"), strict=True):
        axis.imshow(writers.image_grid(images, columns=NUM_CLASSES), cmap="gray")
        axis.set_title(title)
        axis.axis("off")
    return figure


def _arguments(
    argv: Sequence[str] | None,
) -> tuple[argparse.ArgumentParser, argparse.Namespace, Budget]:
    flags = parser(__doc__)
    flags.add_argument("--budget", choices=BUDGETS, default="small", help="small: 10 minutes")
    flags.add_argument("--num-labels", type=positive, default=100)
    flags.add_argument("--draws", type=positive, help="of the labelled digits; by budget")
    flags.add_argument("--num-steps", type=positive, help="training steps; by budget")
    flags.add_argument("--data-dir", help="where TFDS prepared MNIST (TFDS's own default)")
    args = flags.parse_args(argv)
    budget = BUDGETS[args.budget]
    budget = budget._replace(
        num_steps=args.num_steps or budget.num_steps, num_draws=args.draws or budget.num_draws
    )
    if budget.num_steps % NUM_POINTS:
        flags.error(f"--num-steps is {budget.num_steps}; it must be a multiple of {NUM_POINTS}")
    return flags, args, budget


def load(data_dir: str | None) -> tuple[Source, Digits]:
    """The training digits as a source, the test digits as arrays."""
    train, test = (tfds("mnist", split=split, data_dir=data_dir) for split in ("train", "test"))
    return train, test.read(np.arange(test.num_examples))


def rows_of(curves: Curves, num_test: int, num_labels: int) -> list[Row]:
    """Errors and accuracy at the end; the paper's are those of 100 labels."""
    rows = []
    for name in (ALONE, TOGETHER):
        last = np.asarray([curve[-1][1] for curve in curves[name]])
        spread = f" ± {last.std(ddof=1):.0f}" if len(last) > 1 else ""
        is_papers = name == TOGETHER and num_labels == 100
        errors, share = (PAPER_ERRORS, 0.9907) if is_papers else (None, None)
        rows.append(Row(f"{name}: test errors", f"{last.mean():.0f}{spread}", errors, len(last)))
        accuracy = round(1.0 - float(last.mean()) / num_test, 4)
        rows.append(Row(f"{name}: accuracy", accuracy, share, len(last)))
    return rows


def main(argv: Sequence[str] | None = None) -> None:
    """Trains both for every draw of the labels, and writes the report."""
    flags, args, budget = _arguments(argv)
    try:
        train, test = load(args.data_dir)
        sources = [
            partly_labelled(train, args.num_labels, seed) for seed in range(budget.num_draws)
        ]
    except (DataError, ImportError) as error:
        flags.error(str(error))
    num_test = len(test["label"])
    players = make_players(budget, jnp.asarray(train.read(np.arange(NUM_INITIAL))["image"]))
    examine = make_examiner(players["disc"], test)
    curves: Curves = {ALONE: [], TOGETHER: []}
    shown: list[np.ndarray] = []
    start = time.perf_counter()

    def teller(name: str, number: int) -> Told:
        curve: list[tuple[int, int]] = []
        curves[name].append(curve)
        began = time.perf_counter()

        def told(step: int, params: Params) -> None:
            errors = examine(params)
            curve.append((step, errors))
            left = (time.perf_counter() - began) * (budget.num_steps / step - 1.0) / 60
            print(
                f"draw {number + 1}/{len(sources)}, {name}: step {step}/{budget.num_steps}, "
                f"{errors} errors of {num_test}, {left:.1f} min left for it",
                flush=True,
            )

        return told

    for number, source in enumerate(sources):
        labelled = labelled_digits(source)
        train_alone(players["disc"], labelled, budget.num_steps, teller(ALONE, number))
        samples = train_together(players, source, budget.num_steps, teller(TOGETHER, number))
        shown = shown or [labelled["image"][: 10 * NUM_SHOWN], samples]
    write_report(
        args.out,
        "semi_supervised",
        rows_of(curves, num_test, args.num_labels),
        settings={
            "num_labels": args.num_labels,
            "budget": args.budget,
            **budget._asdict(),
            "batch": BATCH,
            "num_test": num_test,
        },
        curves=curves,
        seconds=round(time.perf_counter() - start),
    )
    figure = draw(curves, num_test, shown)
    figure.savefig(args.out / "semi_supervised.png", dpi=100)
    plt.close(figure)


if __name__ == "__main__":
    run_script(main)
