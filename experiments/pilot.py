"""Hyper-parameters by the multipliers of the step, against the cells of a grid.

    python experiments/pilot.py

On four games a grid of pairs of numbers (4 x 4, for networks 3 x 3) is trained twice, in one
program each: with the
numbers fixed (`transforms.sweep`), and with `transforms.pilot` started from each of them. Bilinear:
descent with consensus, rate and gamma. Dirac-GAN: descent with R1, rate and weight. Ring of eight
Gaussians and handwritten digits: Adam with R1, rate and weight, smooth networks, the
non-saturating loss. It writes results/pilot.json and .png.

A decision is not free: the cost of a piloted run in fixed runs, c, is measured in this very program
as the ratio of the times. At equal cost a person could have trained the best of c cells picked at
random; its expected score, over all picks of c cells (rounded up), stands beside the piloted runs'
mean. Best of the grid is what all its runs give. Games that the JSON holds already, with the same
flags, are not trained again (`--fresh` does).

Expected: on the bilinear game every piloted run arrives, on the Dirac-GAN most do, and nearer than
the best of the cells; not those that start at the highest rate and a weight that makes it explode.
On the ring and on digits it takes down rates that are too high, which fixed runs do not survive;
on the ring it ends better than any cell from there. Rates that were good or low it takes down too:
most of these runs on the ring, and half of them on digits, end worse than without it.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypedDict

import flax.linen as nn
import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
from reporting import Row, parser, positive, write_report

import jaxgan as jg
from jaxgan import metrics
from jaxgan.cli.program import run_script
from jaxgan.core.typing import Array, Batch
from jaxgan.data import digits, ring
from jaxgan.files import read_json
from jaxgan.models import MLPDiscriminator, MLPGenerator
from jaxgan.transforms import MEMBER_AXES, pilot, points, sweep

mpl.use("Agg")
import matplotlib.pyplot as plt

PLAYERS = ("gen", "disc")
RING = ring(num_modes=8, radius=1.0, std=0.05)
LATENT, BATCH, NUM_SAMPLES = 8, 64, 2000


class Task(NamedTuple):
    """A game with two numbers.

    Attributes:
      make: numbers -> the algorithm, data included.
      axes: of the grid.
      every: steps between two decisions.
      num_steps: of a run.
      score: state of one run -> what is reported; the lower the better.
      says: what the score is.
    """

    make: Callable[..., jg.Algorithm]
    axes: Mapping[str, tuple[float, ...]]
    every: int
    num_steps: int
    score: Callable[[jg.TrainState], float]
    says: str


def bilinear(rate: Any, gamma: Any) -> jg.Algorithm:
    """Descent with consensus on f = x y."""
    field = jg.fields.consensus(jg.gradient(jg.bilinear()), gamma=gamma)
    return jg.simultaneous(field, optimizers=dict.fromkeys(PLAYERS, jg.optimizers.sgd(rate)))


def no_data(algorithm: jg.Algorithm) -> jg.Algorithm:
    """The Dirac-GAN's data are a point at 0."""

    def sample(key: Array, num: int) -> Batch:
        return {"image": jnp.zeros((num, 1))}

    return jg.device_data(algorithm, sample=sample, batch_size=1)


def dirac(rate: Any, weight: Any) -> jg.Algorithm:
    """Descent with R1 on the Dirac-GAN."""
    game = jg.with_penalty(jg.dirac(), jg.penalties.r1(weight))
    sgds = dict.fromkeys(PLAYERS, jg.optimizers.sgd(rate))
    return no_data(jg.simultaneous(jg.gradient(game), optimizers=sgds))


def distance(state: jg.TrainState) -> float:
    """log10 of the distance to the equilibrium."""
    size = float(np.linalg.norm([state.params[player][0] for player in PLAYERS]))
    return float(np.clip(np.log10(max(size, 1e-30)), -12, 3)) if np.isfinite(size) else 3.0


def networks(num: int, width: int) -> jg.Game:
    """A GAN of two smooth perceptrons on vectors of `num` values."""
    gen = MLPGenerator((width, width), (num,), activation=nn.tanh)
    disc = MLPDiscriminator((width, width), activation=nn.tanh)
    return jg.gan(
        jg.from_linen(gen, jnp.zeros((1, LATENT))),
        jg.from_linen(disc, jnp.zeros((1, num))),
        latent=LATENT,
        loss=jg.losses.non_saturating(),
    )


def gan_of(game: jg.Game, sample: Callable[[Array, int], Batch]) -> Callable[..., jg.Algorithm]:
    """Adam with R1."""

    def make(rate: Any, weight: Any) -> jg.Algorithm:
        adam = jg.optimizers.adam(rate, b1=0.5)
        field = jg.gradient(jg.with_penalty(game, jg.penalties.r1(weight)))
        algorithm = jg.simultaneous(field, optimizers=dict.fromkeys(PLAYERS, adam))
        return jg.transforms.skip_nonfinite(
            jg.device_data(algorithm, sample=sample, batch_size=BATCH)
        )

    return make


def sampler(game: jg.Game) -> Callable[[jg.TrainState], Array]:
    """A run's state -> samples."""

    @jax.jit
    def draw(state: jg.TrainState) -> Array:
        key = jax.random.key(1)
        z = jax.random.normal(key, (NUM_SAMPLES, LATENT))
        context = jg.Context(key, train=False)
        fake: Array = game.generate(state.params, state.net_state, {"latent": z}, context)[0][
            "fake"
        ]
        return fake

    return draw


def ring_task(num_steps: int) -> Task:
    """The ring of eight Gaussians."""
    game = networks(2, 32)
    draw = sampler(game)

    def score(state: jg.TrainState) -> float:
        found = metrics.mixture_score(np.asarray(draw(state)), RING.modes, RING.std)
        return 1.0 - found.num_modes / 8 * found.high_quality

    axes = {"rate": (2e-4, 2e-3, 2e-2), "weight": (1e-3, 1e-2, 1e-1)}
    says = "1 - (modes / 8) (share within 3 std)"
    return Task(gan_of(game, RING.sample), axes, 250, num_steps, score, says)


def digits_task(num_steps: int) -> Task:
    """Handwritten digits, 8x8 pixels as vectors."""
    game, source = networks(64, 48), digits()
    images = source.read(np.arange(source.num_examples))["image"]
    data = jnp.asarray(images.reshape(len(images), -1))
    draw = sampler(game)
    real = metrics.moments(np.asarray(data, np.float64))

    def sample(key: Array, num: int) -> Batch:
        return {"image": data[jax.random.randint(key, (num,), 0, len(data))]}

    def score(state: jg.TrainState) -> float:
        fake = metrics.moments(np.asarray(draw(state), np.float64))
        return float(metrics.frechet_distance(real, fake))

    axes = {"rate": (2e-4, 2e-3, 2e-2), "weight": (1e-3, 1e-2, 1e-1)}
    return Task(gan_of(game, sample), axes, 250, num_steps, score, "Fréchet distance of pixels")


def all_tasks(num_steps: int) -> Mapping[str, Callable[[], Task]]:
    """The games by name, and their tasks."""
    rates, weights = (0.02, 0.08, 0.32, 1.28), (0.1, 0.4, 1.6, 6.4)
    consensus = {"rate": rates, "gamma": weights}
    says = "log10 distance to the equilibrium"
    return {
        "bilinear": lambda: Task(bilinear, consensus, 10, 100, distance, says),
        "Dirac-GAN": lambda: Task(
            dirac, {"rate": rates, "weight": weights}, 10, 100, distance, says
        ),
        "ring": lambda: ring_task(num_steps),
        "digits": lambda: digits_task(num_steps),
    }


TASKS = tuple(all_tasks(1))


class Trained(NamedTuple):
    """All runs of a task.

    Attributes:
      scores: of the runs, in the order of the grid.
      seconds: of a call, compilation left out.
      numbers: at the end, {name: values}.
    """

    scores: list[float]
    seconds: float
    numbers: dict[str, list[float]]


def train(task: Task, algorithm: jg.Algorithm, state: jg.TrainState) -> Trained:
    """Plays all runs of a program to their end."""
    call = jax.jit(jg.substeps(algorithm, num_steps=task.every).step)
    seconds = []
    for _ in range(task.num_steps // task.every):
        begin = time.perf_counter()
        state, _ = jax.block_until_ready(call(state, {}))
        seconds.append(time.perf_counter() - begin)
    runs = [jg.member(state, index) for index in range(state.key.shape[0])]
    numbers: dict[str, list[float]] = {}
    if isinstance(state.memory, dict) and "pilot" in state.memory:
        found = state.memory["pilot"]["numbers"]
        numbers = {name: np.asarray(values).tolist() for name, values in found.items()}
    # The first call compiles.
    later = float(np.median(seconds[1:] or seconds))
    return Trained([task.score(run) for run in runs], later, numbers)


def piloted(task: Task) -> tuple[jg.Algorithm, jg.TrainState]:
    """A run for each cell of the grid, which starts from its numbers; all have the same key."""
    grid = points(**task.axes)
    bounds = {name: (min(values) / 4, 4 * max(values)) for name, values in task.axes.items()}
    one = pilot(task.make, start=grid[0], bounds=bounds, every=task.every)
    # As sweep has it: seed 0 at every point.
    state = one.init(jax.random.fold_in(jax.random.key(0), 0))
    fields = state._asdict()
    step = fields.pop("step")
    many = jax.tree.map(lambda x: jnp.broadcast_to(x, (len(grid), *x.shape)), fields)
    numbers = {name: jnp.asarray([point[name] for point in grid]) for name in task.axes}
    many["memory"]["pilot"]["numbers"] = numbers

    def advance(state: jg.TrainState, batch: Batch) -> Any:
        return jax.vmap(one.step, (MEMBER_AXES, None), (MEMBER_AXES, 0), axis_size=len(grid))(
            state, batch
        )

    def step_all(state: jg.TrainState, batch: Batch) -> Any:
        state, found = advance(state, batch)
        return state, {name: jnp.mean(values) for name, values in found.items()}

    return one._replace(step=step_all), jg.TrainState(step=step, **many)


def expected_best(scores: list[float], num: int) -> float:
    """The mean over all picks of so many cells of the best score among them."""
    picks = itertools.combinations(sorted(scores), num)
    return float(np.mean([pick[0] for pick in picks]))


def run(name: str, task: Task) -> dict[str, Any]:
    """Both programs of a task."""
    axes: dict[str, Any] = dict(task.axes)
    grid = sweep(task.make, **axes)
    fixed = train(task, grid, jax.jit(grid.init)(jax.random.key(0)))
    flown = train(task, *piloted(task))
    cost = flown.seconds / fixed.seconds
    cells = int(np.clip(np.ceil(cost), 1, len(fixed.scores)))
    found = {
        "axes": {key: list(values) for key, values in task.axes.items()},
        "says": task.says,
        "num_steps": task.num_steps,
        "every": task.every,
        "fixed": fixed.scores,
        "piloted": flown.scores,
        "numbers_at_the_end": flown.numbers,
        "cost_in_runs": cost,
        "best": min(fixed.scores),
        "median": float(np.median(fixed.scores)),
        "at_equal_cost": expected_best(fixed.scores, cells),
        "piloted_mean": float(np.mean(flown.scores)),
        "piloted_worst": max(flown.scores),
    }
    print(name, {key: found[key] for key in list(found)[7:]}, flush=True)
    return found


class Settled(TypedDict, total=False):
    """What the file holds, of this script's."""

    settings: dict[str, Any]
    runs: dict[str, Any]


def rows_of(runs: Mapping[str, Any]) -> list[Row]:
    """What the fixed and the piloted runs come to."""
    rows = []
    for name, found in runs.items():
        num = len(found["fixed"])
        for what, key in (
            (f"best of {num} fixed", "best"),
            ("median fixed", "median"),
            (f"best of {found['cost_in_runs']:.1f} fixed, equal cost", "at_equal_cost"),
            ("piloted, mean over starts", "piloted_mean"),
            ("piloted, worst start", "piloted_worst"),
        ):
            rows.append(Row(f"{name}: {what}", found[key], None, 1))
    return rows


def draw(runs: Mapping[str, Any]) -> plt.Figure:
    """Of each game the fixed grid, the piloted grid, and both sorted."""
    figure, axes = plt.subplots(
        len(runs), 3, figsize=(13, 3.6 * len(runs)), layout="constrained", squeeze=False
    )
    for line, (name, found) in zip(axes, runs.items(), strict=True):
        (row_name, rows), (col_name, cols) = found["axes"].items()
        both = [np.reshape(found[key], (len(rows), len(cols))) for key in ("fixed", "piloted")]
        low, high, middle = np.min(both), np.max(both), found["median"]
        # A run that is lost takes no colors from the others.
        high = min(high, low + 3 * (middle - low))
        for axis, values, title in zip(line, both, ("fixed", "piloted from there"), strict=False):
            axis.imshow(values, vmin=low, vmax=high, cmap="viridis_r", aspect="auto")
            axis.set_xticks(range(len(cols)), [f"{x:g}" for x in cols])
            axis.set_yticks(range(len(rows)), [f"{x:g}" for x in rows])
            axis.set(xlabel=col_name, ylabel=row_name, title=f"{name}: {title}")
            for (i, j), value in np.ndenumerate(values):
                dark = (value - low) > 0.5 * (high - low)
                axis.text(
                    j, i, f"{value:.2g}", ha="center", va="center", color="k" if not dark else "w"
                )
        line[2].plot(sorted(found["fixed"]), "o-", label="fixed")
        line[2].plot(sorted(found["piloted"]), "s-", label="piloted")
        label = f"best of {found['cost_in_runs']:.1f} fixed: equal cost"
        line[2].axhline(found["at_equal_cost"], color="C2", ls="--", label=label)
        line[2].set(xlabel="rank of the runs", ylabel=found["says"], title="the lower the better")
        if low > 0 and np.max(both) > 100 * low:
            line[2].set_yscale("log")
        line[2].xaxis.get_major_locator().set_params(integer=True)
        line[2].legend(fontsize=8)
    return figure


def main() -> None:
    """Trains, compares and writes the report."""
    flags = parser(__doc__)
    flags.add_argument("--tasks", nargs="+", choices=TASKS, default=[*TASKS])
    flags.add_argument("--num-steps", type=positive, default=1000, help="on ring and digits")
    flags.add_argument("--fresh", action="store_true", help="train every game again")
    args = flags.parse_args()
    tasks = all_tasks(args.num_steps)
    path, settings = args.out / "pilot.json", {"num_steps": args.num_steps}
    held = read_json(path, Settled) if path.exists() and not args.fresh else Settled()
    runs = held.get("runs", {}) if held.get("settings") == settings else {}
    for name in args.tasks:
        if name not in runs:
            runs[name] = run(name, tasks[name]())
            # Written after each game: an interrupted run goes on from there.
            write_report(args.out, "pilot", rows_of(runs), settings=settings, runs=runs)
    runs = {name: runs[name] for name in TASKS if name in runs}
    write_report(args.out, "pilot", rows_of(runs), settings=settings, runs=runs)
    draw(runs).savefig(args.out / "pilot.png", dpi=90)


if __name__ == "__main__":
    run_script(main)
