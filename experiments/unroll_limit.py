"""How large must k be? Unrolling from 0 to 200 steps and its limit, on the ring of eight Gaussians.

    python experiments/unroll_limit.py                  # the budget of the picture
    python experiments/unroll_limit.py --budget full    # 5,000 steps of every k

trains eight seeds of each k and of `implicit` in one vmapped program, then takes one step of each
program from the same states, those after k = 5, and compares the generator's gradients with the
implicit one: cosine and norm. Writes results/unroll_limit.json and .png.

Smooth players (tanh), and a discriminator that has a best response nearby: R1 and weight decay on
it, and a learning rate ten times the generator's, so that it follows. Inner steps are its own Adam,
from the live moments. The default budget gives fewer steps to the larger k; compare modes at equal
steps, in the picture. It takes about six minutes on two CPU cores.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
from reporting import Row, parser, positive, write_report

import jaxgan as jg
from jaxgan import metrics
from jaxgan.cli.program import run_script
from jaxgan.core.penalty import Penalty, Term, View
from jaxgan.data import ring
from jaxgan.models import MLPDiscriminator, MLPGenerator
from jaxgan.transforms import MEMBER_AXES

mpl.use("Agg")
import matplotlib.pyplot as plt

BATCH, LATENT, GEN_WIDTH, DISC_WIDTH = 64, 16, 64, 32
GEN_RATE, DISC_RATE, B1 = 1e-3, 1e-2, 0.5
R1, DECAY = 0.1, 0.01
NUM_SAMPLES = 2_000
REFERENCE = "5"
DATA = ring(num_modes=8, radius=2.0, std=0.1)
IMPLICIT: dict[str, Any] = {"num_steps": 50, "newton_steps": 3}
IMPLICIT |= {"solver": "gmres", "max_iterations": 40}
STEPS = {"0": 800, "1": 800, "2": 800, "5": 800, "10": 400, "20": 200}
STEPS |= {"50": 100, "100": 50, "200": 25, "implicit": 200}
ORDER = ("5", "implicit", "50", "200", "0", "10", "1", "100", "20", "2")
"""Of training: what there is is written after each, so that an interrupted run has its most."""

BUDGETS = {"small": STEPS, "full": dict.fromkeys(STEPS, 5_000)}


class Run(NamedTuple):
    """What training with one k left."""

    curves: dict[str, list[Any]]
    state: jg.TrainState
    step: Any
    seconds_per_step: float


def weight_decay(weight: float) -> Penalty:
    """½ w ‖ψ‖², which gives the discriminator a best response."""

    def values(view: View, state: Any) -> tuple[jax.Array, Any]:
        squares = [jnp.sum(x**2) for x in jax.tree.leaves(view.params[view.player])]
        return 0.5 * jnp.sum(jnp.stack(squares)), state

    return Penalty((Term(name="decay", values=values, weight=weight),))


def make_game() -> jg.Game:
    """The game without lookahead."""
    gen = MLPGenerator((GEN_WIDTH, GEN_WIDTH), (2,), activation=nn.tanh)
    disc = MLPDiscriminator((DISC_WIDTH,), activation=nn.tanh)
    game = jg.gan(
        jg.from_linen(gen, jnp.zeros((1, LATENT))),
        jg.from_linen(disc, jnp.zeros((1, 2))),
        latent=LATENT,
        loss=jg.losses.minimax(),
    )
    return jg.with_penalty(game, jg.penalties.r1(weight=R1) + weight_decay(DECAY))


def make_algorithm(k: str, num_seeds: int) -> jg.Algorithm:
    """The training with k inner steps, all seeds in one program."""
    game = make_game()
    if k == "implicit":
        game = jg.implicit(game, **IMPLICIT)
    else:
        game = jg.unrolled(game, num_steps=int(k), remat=int(k) > 20)
    adams = {
        "gen": jg.optimizers.adam(GEN_RATE, b1=B1),
        "disc": jg.optimizers.adam(DISC_RATE, b1=B1),
    }
    algorithm = jg.alternating(jg.gradient(game), optimizers=adams)
    algorithm = jg.device_data(algorithm, sample=DATA.sample, batch_size=BATCH)
    return jg.seeds(algorithm, num_seeds=num_seeds)


def make_sampler() -> Any:
    """state -> samples of every member, [num_seeds, NUM_SAMPLES, 2]."""
    game, key = make_game(), jax.random.key(1)

    def one(state: jg.TrainState) -> Any:
        latents = {"latent": jax.random.normal(key, (NUM_SAMPLES, LATENT))}
        context = jg.Context(key, train=False)
        return game.generate(state.params, state.net_state, latents, context)[0]["fake"]

    return jax.jit(jax.vmap(one, in_axes=(MEMBER_AXES,)))


def train(
    k: str, state: jg.TrainState, num_seeds: int, num_steps: int, eval_every: int, sampler: Any
) -> Run:
    """Trains all seeds with one k; modes and good samples over time."""
    step = jax.jit(make_algorithm(k, num_seeds).step)
    curves: dict[str, list[Any]] = {"step": [], "modes": [], "hq": []}
    jax.block_until_ready(step(state, {}))
    seconds = 0.0
    for now in range(1, num_steps + 1):
        start = time.perf_counter()
        state, said = jax.block_until_ready(step(state, {}))
        seconds += time.perf_counter() - start
        if now % eval_every == 0 or now == num_steps:
            scores = [metrics.mixture_score(p, DATA.modes, DATA.std) for p in sampler(state)]
            curves["step"].append(now)
            curves["modes"].append([score.num_modes for score in scores])
            curves["hq"].append([round(score.high_quality, 4) for score in scores])
            for name in ("response_residual", "solver_residual"):
                if f"gen/{name}" in said:
                    curves.setdefault(name, []).append(round(float(said[f"gen/{name}"]), 5))
    print(f"k = {k}: modes {curves['modes'][-1]}, {1e3 * seconds / num_steps:.1f} ms", flush=True)
    return Run(curves, state, step, seconds / num_steps)


def pull(run: Run, state: jg.TrainState) -> np.ndarray:
    """The generator's gradient in one step from a state, [num_seeds, parameters].

    It is read off Adam's first moment, m' = β₁ m + (1 - β₁) g: the program is compiled already. The
    discriminator has moved once before, by the same step whatever k is.
    """
    moved, _ = run.step(state, {})

    def moments(state: jg.TrainState) -> Any:
        leaves = jax.tree.leaves(state.opt_state["gen"], is_leaf=lambda x: hasattr(x, "mu"))
        return next(one.mu for one in leaves if hasattr(one, "mu"))

    before, after = moments(state), moments(moved)
    grads = jax.tree.map(lambda new, old: (new - B1 * old) / (1 - B1), after, before)
    flat = [np.asarray(x, np.float64).reshape(len(x), -1) for x in jax.tree.leaves(grads)]
    return np.concatenate(flat, axis=1)


def distances(runs: dict[str, Run], state: jg.TrainState) -> dict[str, dict[str, list[float]]]:
    """Cosine with the implicit gradient, and the norm relative to its, for each seed."""
    limit = pull(runs["implicit"], state)
    size = np.linalg.norm(limit, axis=1)
    found = {}
    for k, run in runs.items():
        grads = pull(run, state)
        norms = np.linalg.norm(grads, axis=1)
        cosine = np.sum(grads * limit, axis=1) / (norms * size)
        gap = np.linalg.norm(grads - limit, axis=1) / size
        found[k] = {
            name: np.round(values, 5).tolist()
            for name, values in (("cosine", cosine), ("norm", norms / size), ("gap", gap))
        }
    return found


def rows_of(runs: dict[str, Run], far: dict[str, dict[str, list[float]]]) -> list[Row]:
    """For each k: modes at its end, time of a step, distance to the limit."""
    rows = []
    for k, run in runs.items():
        modes, hq, now = (run.curves[name][-1] for name in ("modes", "hq", "step"))
        num, name = len(modes), k if k == "implicit" else f"k = {k}"
        median = f"{np.median(modes):g} of 8 after {now} steps {modes}, {np.median(hq):.0%} good"
        rows.append(Row(f"{name}: modes", median, None, num))
        rows.append(Row(f"{name}: ms a step", round(1e3 * run.seconds_per_step, 2), None, num))
        for word, entry in (("cosine with", "cosine"), ("distance from", "gap")):
            middle = float(np.median(far[k][entry]))
            rows.append(Row(f"{name}: {word} the implicit gradient", middle, None, num))
    return rows


def draw(runs: dict[str, Run], far: dict[str, dict[str, list[float]]]) -> plt.Figure:
    """Modes over steps, distance to the limit over k, cost over k."""
    figure, panels = plt.subplots(1, 4, figsize=(16, 4), layout="constrained")
    modes, *limits, cost = panels
    colors = plt.get_cmap("viridis")(np.linspace(0, 0.9, len(runs) - 1))
    for (k, run), color in zip(runs.items(), [*colors, "tab:red"], strict=True):
        label = k if k == "implicit" else f"k = {k}"
        mean = np.mean(run.curves["modes"], axis=1)
        modes.plot(run.curves["step"], mean, "o-", markersize=3, color=color, label=label)
    modes.set(xlabel="step", ylabel="modes of 8, mean over seeds", title="modes")
    modes.legend(fontsize="x-small", ncols=2)

    ks = [k for k in runs if k != "implicit"]
    places = np.arange(len(ks))
    labels = {"cosine": "cosine with the implicit gradient", "gap": "|g_k - g| / |g|, g implicit"}
    for panel, (entry, label) in zip(limits, labels.items(), strict=True):
        low, middle, high = np.quantile([far[k][entry] for k in ks], (0.25, 0.5, 0.75), axis=1)
        panel.plot(places, middle, "o-")
        panel.fill_between(places, low, high, alpha=0.2)
        panel.axhline(1, color="0.8", linewidth=0.8)
        panel.set(xlabel="k", ylabel="median and quartiles over seeds")
        panel.set_title(label, fontsize="medium")
        panel.set_xticks(places, ks)
    limits[1].set_yscale("log")

    times = [1e3 * runs[k].seconds_per_step for k in ks]
    cost.plot(places, times, "o-", label="unrolled")
    implicit = 1e3 * runs["implicit"].seconds_per_step
    cost.axhline(implicit, color="tab:red", label="implicit")
    cost.set(xlabel="k", ylabel="ms a step, all seeds", yscale="log", title="cost")
    cost.set_xticks(places, ks)
    cost.legend(fontsize="small")
    return figure


def main() -> None:
    """Trains every k, measures, and writes the report."""
    flags = parser(__doc__)
    flags.add_argument("--budget", choices=BUDGETS, default="small")
    flags.add_argument("--k", nargs="+", choices=[k for k in STEPS if k != "implicit"])
    flags.add_argument("--num-steps", type=positive, help="of every k; by default the budget's")
    flags.add_argument("--eval-every", type=positive, default=50)
    flags.add_argument("--seeds", type=positive, default=8)
    args = flags.parse_args()
    steps = BUDGETS[args.budget]
    wanted = [k for k in ORDER if args.k is None or k in (*args.k, REFERENCE, "implicit")]
    settings = {
        "budget": args.budget,
        "r1": R1,
        "decay": DECAY,
        "rates": [GEN_RATE, DISC_RATE],
        "batch_size": BATCH,
        "implicit": IMPLICIT,
    }
    # Lookahead changes no state: all start alike.
    start = jax.jit(make_algorithm("0", args.seeds).init)(jax.random.key(0))
    sampler, done = make_sampler(), {}
    for k in wanted:
        num_steps = args.num_steps or steps[k]
        done[k] = train(k, start, args.seeds, num_steps, args.eval_every, sampler)
        if "implicit" in done:
            save(args.out, {k: done[k] for k in STEPS if k in done}, settings)


def save(out: Path, runs: dict[str, Run], settings: dict[str, Any]) -> None:
    """Writes the report of what there is."""
    far = distances(runs, runs[REFERENCE].state)
    curves = {k: run.curves for k, run in runs.items()}
    rows = rows_of(runs, far)
    write_report(out, "unroll_limit", rows, settings=settings, runs=curves, distances=far)
    figure = draw(runs, far)
    figure.savefig(out / "unroll_limit.png", dpi=120)
    plt.close(figure)


if __name__ == "__main__":
    run_script(main)
