"""Runs that collapse on purpose, and what the watch says of them.

    python experiments/collapse_watch.py

GANs of two MLPs on the ring of eight Gaussians. Some are healthy, each with another objective; the
others are broken, each in one way. All are played side by side in one program, since what differs
(objective, penalties, learning rates) is a number. They log what `jaxgan train` logs, and
`jaxgan.training.collapse` reads it line by line.

The picture has a panel for each kind of trouble: the signal that the watch looks at, in the broken
run and in the healthy ones, its limit, and where the warning was said. Writes
results/collapse_watch.json and .png.

Expected: each broken run is called by its name, and no healthy one by any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
from reporting import Row, parser, positive, write_report

import jaxgan as jg
from jaxgan.cli.program import run_script
from jaxgan.core.typing import Array, PyTree
from jaxgan.data import ring
from jaxgan.losses import Loss
from jaxgan.models import MLPDiscriminator, MLPGenerator
from jaxgan.training import collapse
from jaxgan.training.collapse.conditions import GAP, series

mpl.use("Agg")
import matplotlib.pyplot as plt

BATCH, LATENT, FEATURES = 128, 8, (64, 64)
STEPS_PER_LINE, LINES_PER_PICTURE, NUM_SAMPLES = 50, 5, 128
RING = ring()
FEW = RING.sample(jax.random.key(3), 64)

OBJECTIVES: Mapping[str, Loss] = {
    "relativistic": jg.losses.relativistic(),
    "non-saturating": jg.losses.non_saturating(),
    "minimax": jg.losses.minimax(),
    "hinge": jg.losses.hinge(),
    "least squares": jg.losses.least_squares(),
    "Wasserstein": jg.losses.wasserstein(),
}


class Case(NamedTuple):
    """One run.

    Attributes:
      name: what is done to it.
      objective: of `OBJECTIVES`.
      gen_rate: Adam's learning rate of the generator.
      disc_rate: likewise of the discriminator.
      b1: Adam's, for both.
      r: weight of R1 and R2.
      gp: weight of WGAN-GP.
      num_data: real examples; 0 for fresh ones in every batch.
      warning: what the watch should say; None for a healthy run.
    """

    name: str
    objective: str
    gen_rate: float = 1e-3
    disc_rate: float = 1e-3
    b1: float = 0.5
    r: float = 0.0
    gp: float = 0.0
    num_data: int = 0
    warning: str | None = None


CASES: tuple[Case, ...] = (
    Case("relativistic, R1 and R2", "relativistic", r=1.0),
    Case("non-saturating, R1 and R2", "non-saturating", r=0.5),
    Case("hinge, R1 and R2", "hinge", r=0.5),
    Case("least squares, R1 and R2", "least squares", r=0.2),
    Case("Wasserstein, GP", "Wasserstein", gp=1.0),
    Case("a fast discriminator with R1 and R2", "non-saturating", 1e-4, 1e-2, r=0.5),
    Case("a fast discriminator", "non-saturating", 1e-4, 1e-2, warning="discriminator-wins"),
    Case("few examples", "non-saturating", 1e-4, num_data=64, warning="discriminator-overfits"),
    Case("a frozen discriminator", "relativistic", disc_rate=0.0, warning="discriminator-loses"),
    Case("too large steps", "least squares", 1e-2, 3e-2, 0.9, warning="generator-starves"),
    Case("a critic without bound", "Wasserstein", 1e-4, 1e-2, warning="gradient-explodes"),
    Case("too much momentum", "Wasserstein", b1=0.9, warning="oscillation"),
    Case("a fast discriminator", "hinge", 1e-4, 1e-2, warning="mode-collapse"),
)


class Panel(NamedTuple):
    """What is drawn of a warning.

    Attributes:
      signal: the metric.
      limit: of the rule.
      is_log: whether the axis is logarithmic.
    """

    signal: str
    limit: float | None = None
    is_log: bool = False


PANELS: Mapping[str, Panel] = {
    "discriminator-wins": Panel(GAP, 15.0, is_log=True),
    "discriminator-overfits": Panel("disc/real_sign", 0.95),
    "discriminator-loses": Panel("disc/separation", -0.5),
    "generator-starves": Panel("gen/grad_norm", None, is_log=True),
    "gradient-explodes": Panel("gen/grad_norm", 1e4, is_log=True),
    "oscillation": Panel("disc/separation"),
    "mode-collapse": Panel("samples/spread", 0.2),
}


def chosen(weights: Array) -> Loss:
    """The objective with the weight 1, of `OBJECTIVES`."""
    losses = list(OBJECTIVES.values())

    def disc(real_out: PyTree, fake_out: PyTree, state: PyTree, context: jg.Context) -> Any:
        values = [loss.disc(real_out, fake_out, (), context)[0] for loss in losses]
        return sum(w * v for w, v in zip(weights, values, strict=True)), state

    def gen(real_out: PyTree, fake_out: PyTree, state: PyTree, context: jg.Context) -> Array:
        values = [loss.gen(real_out, fake_out, (), context) for loss in losses]
        return sum((w * v for w, v in zip(weights, values, strict=True)), jnp.zeros(()))

    return Loss(disc=disc, gen=gen)


def play_all(cases: Sequence[Case], num_lines: int, seed: int = 0) -> list[list[dict[str, float]]]:
    """Plays some cases side by side.

    Args:
      cases: which.
      num_lines: logged, of `STEPS_PER_LINE` steps each.
      seed: of all.

    Returns:
      For each case its logged lines.
    """
    names = list(OBJECTIVES)
    settings = {
        "weights": np.eye(len(names), dtype=np.float32)[[names.index(c.objective) for c in cases]],
        **{
            key: np.asarray([getattr(c, key) for c in cases], np.float32)
            for key in ("gen_rate", "disc_rate", "b1", "r", "gp", "num_data")
        },
    }

    def play(setting: dict[str, Array]) -> tuple[dict[str, Array], Array]:
        def number(key: str) -> Any:
            return lambda step: setting[key]

        gen = jg.from_linen(MLPGenerator(FEATURES, (2,)), jnp.zeros((1, LATENT)))
        disc = jg.from_linen(MLPDiscriminator(FEATURES), jnp.zeros((1, 2)))
        loss = chosen(setting["weights"])
        game = jg.games.with_signals(jg.gan(gen, disc, latent=LATENT, loss=loss))
        r1, r2 = jg.penalties.r1(weight=number("r")), jg.penalties.r2(weight=number("r"))
        game = jg.with_penalty(game, r1 + r2 + jg.penalties.wgan_gp(weight=number("gp")))
        adams = {
            player: jg.optimizers.adam(number(f"{player}_rate"), b1=number("b1"), b2=0.99)
            for player in ("gen", "disc")
        }
        algorithm = jg.simultaneous(jg.fields.with_norms(jg.gradient(game)), optimizers=adams)

        def sample(key: Array, num: int) -> dict[str, Array]:
            fresh = RING.sample(key, num)["image"]
            index = jax.random.uniform(key, (num,)) * setting["num_data"]
            few = FEW["image"][index.astype(jnp.int32)]
            return {"image": jnp.where(setting["num_data"] > 0, few, fresh)}

        algorithm = jg.device_data(algorithm, sample=sample, batch_size=BATCH)
        algorithm = jg.substeps(algorithm, num_steps=STEPS_PER_LINE)
        context = jg.Context(jax.random.key(1), train=False)
        like = {"image": jnp.zeros((NUM_SAMPLES, 2))}

        def line(state: jg.TrainState, _: None) -> tuple[jg.TrainState, Any]:
            state, metrics = algorithm.step(state, {})
            scene = game.generate(state.params, state.net_state, like, context)[0]
            return state, (metrics, scene["fake"])

        lines: tuple[dict[str, Array], Array]
        _, lines = jax.lax.scan(line, algorithm.init(jax.random.key(seed)), None, length=num_lines)
        return lines

    metrics, samples = jax.device_get(jax.jit(jax.vmap(play))(settings))
    real = np.asarray(RING.sample(jax.random.key(2), NUM_SAMPLES)["image"])
    return [
        [_line(metrics, samples, real, case, index) for index in range(num_lines)]
        for case in range(len(cases))
    ]


def _line(metrics: Any, samples: np.ndarray, real: np.ndarray, case: int, index: int) -> Any:
    values = {name: float(value[case, index]) for name, value in metrics.items()}
    if index % LINES_PER_PICTURE == LINES_PER_PICTURE - 1:
        values |= collapse.diversity(samples[case, index], real)
    return {"step": (index + 1) * STEPS_PER_LINE, **values}


def warnings_of(lines: Sequence[Mapping[str, float]]) -> dict[str, tuple[int, str]]:
    """What the watch says of a run: {warning: (step, text)}, each at its first time."""
    said: dict[str, tuple[int, str]] = {}
    standing: list[str] = []
    for index, line in enumerate(lines):
        found = collapse.diagnose(lines[: index + 1], standing)
        standing = [one.name for one in found]
        for one in found:
            said.setdefault(one.name, (int(line["step"]), one.text))
    return said


def draw(cases: Sequence[Case], runs: Sequence[Sequence[Mapping[str, float]]]) -> plt.Figure:
    """A panel for each warning: the broken run before the healthy ones."""
    broken = [i for i, case in enumerate(cases) if case.warning is not None]
    healthy = [i for i, case in enumerate(cases) if case.warning is None]
    num_rows = -(-len(broken) // 2)
    figure, grid = plt.subplots(
        num_rows, 2, figsize=(11, 2.6 * num_rows), layout="constrained", squeeze=False
    )
    for axes in grid.flat[len(broken) :]:
        axes.set_axis_off()
    for axes, index in zip(grid.flat, broken, strict=False):
        warning = str(cases[index].warning)
        panel = PANELS[warning]
        for other in healthy:
            _curve(axes, runs[other], panel, color="0.7", linewidth=0.8)
        _curve(axes, runs[index], panel, color="tab:red")
        if panel.limit is not None:
            axes.axhline(panel.limit, color="0.3", linestyle=":", linewidth=1)
        if warning in (said := warnings_of(runs[index])):
            axes.axvline(said[warning][0], color="tab:red", linestyle="--", linewidth=1)
        axes.set_title(f"{cases[index].name} ({cases[index].objective}): {warning}", fontsize=9)
        axes.set_ylabel(panel.signal, fontsize="small")
        axes.set_xlabel("step", fontsize="small")
        axes.tick_params(labelsize="small")
        if panel.is_log:
            axes.set_yscale("log")
    return figure


def _curve(axes: Any, lines: Sequence[Mapping[str, float]], panel: Panel, **style: Any) -> None:
    steps = [line["step"] for line in lines if panel.signal in line or panel.signal == GAP]
    values = series(lines, panel.signal)
    axes.plot(steps, np.where(values > 0, values, np.nan) if panel.is_log else values, **style)


def main() -> None:
    """Plays every case and writes the report."""
    flags = parser(__doc__)
    flags.add_argument("--num-lines", type=positive, default=80)
    flags.add_argument("--cases", nargs="+", choices=[case.name for case in CASES])
    args = flags.parse_args()
    cases = [case for case in CASES if args.cases is None or case.name in args.cases]
    runs = play_all(cases, args.num_lines)
    rows: list[Row] = []
    warnings: dict[str, list[str]] = {}
    for case, lines in zip(cases, runs, strict=True):
        said = warnings_of(lines)
        found = ", ".join(f"{name} at {step}" for name, (step, _) in said.items())
        title = f"{case.name} ({case.objective}): {case.warning or 'healthy'}"
        rows.append(Row(title, found or "nothing", None, 1))
        warnings[f"{case.name} ({case.objective})"] = [text for _, text in said.values()]
    settings = {"steps_per_line": STEPS_PER_LINE, "num_lines": args.num_lines, "batch": BATCH}
    write_report(args.out, "collapse_watch", rows, settings=settings, warnings=warnings)
    figure = draw(cases, runs)
    figure.savefig(args.out / "collapse_watch.png", dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    run_script(main)
