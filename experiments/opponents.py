"""Opponents that answer, on the games that they were made for: prisoner's dilemma and tandem.

    python experiments/opponents.py

Every field of opponents that answer, played by descent from 50 seeds: the iterated prisoner's
dilemma as in Foerster et al., 2018 (arXiv:1709.04326) with the exact value, 100 steps at a rate of
1, and the tandem game of Letcher et al., 2019 (arXiv:1811.08469), 100 steps at 0.1. The lookahead α
is the rate. Writes results/opponents.json and .png.

Expected: naive players defect, which costs 2 years a round; LOLA and SOS cooperate, as tit for tat
does, for about 1. On the tandem SOS ends where the losses sum to 0, and LOLA above that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import matplotlib as mpl
import numpy as np
from reporting import Row, parser, positive, write_report

import jaxgan as jg
from jaxgan import fields
from jaxgan.cli.program import run_script

mpl.use("Agg")
import matplotlib.pyplot as plt

DISCOUNT = 0.96
Change = Callable[[jg.Field, float], jg.Field]

METHODS: Mapping[str, Change] = {
    "naive": lambda field, rate: field,
    "LookAhead": lambda field, rate: fields.lookahead_opponent(field, alpha=rate),
    "LOLA": lambda field, rate: fields.lola(field, alpha=rate),
    "LOLA exact": lambda field, rate: fields.lola(field, alpha=rate, mode="exact"),
    "SOS": lambda field, rate: fields.sos(field, alpha=rate),
    "competitive": lambda field, rate: fields.competitive(field, eta=rate, solver="gmres"),
    "consensus": lambda field, rate: fields.consensus(field, gamma=rate),
    "symplectic": lambda field, rate: fields.symplectic(field, lam=1.0),
}


class Played(NamedTuple):
    """A game as its paper plays it.

    Attributes:
      game: what is played.
      rate: of descent, and of what the others are expected to do.
      scale: from a loss to what is reported.
      says: of the paper, by method.
    """

    game: jg.Game
    rate: float
    scale: float
    says: Mapping[str, Any]


GAMES: Mapping[str, Played] = {
    "prisoner's dilemma": Played(
        jg.games.prisoners_dilemma(discount=DISCOUNT),
        1.0,
        1 - DISCOUNT,
        {"naive": 1.98, "LOLA exact": 1.06},
    ),
    "tandem": Played(jg.games.tandem(), 0.1, 1.0, {"SOS": 0.0}),
}


def losses_of(played: Played, change: Change, num_steps: int, num_seeds: int) -> np.ndarray:
    """The first player's loss before each step, [steps, seeds]."""
    field = change(jg.gradient(played.game), played.rate)
    both = dict.fromkeys(played.game.players, jg.optimizers.sgd(played.rate))
    algorithm = jg.simultaneous(field, optimizers=both)

    @jax.jit
    @partial(jax.vmap, out_axes=1)
    def run(key: jax.Array) -> jax.Array:
        def step(state: jg.TrainState, _: None) -> tuple[jg.TrainState, jax.Array]:
            state, metrics = algorithm.step(state, {})
            return state, metrics["loss/first"]

        return jax.lax.scan(step, algorithm.init(key), None, num_steps)[1]

    return played.scale * np.asarray(run(jax.random.split(jax.random.key(0), num_seeds)))


def draw(curves: Mapping[str, Mapping[str, np.ndarray]]) -> plt.Figure:
    """A panel for each game: means over seeds, and a standard deviation about them."""
    figure, panels = plt.subplots(1, len(curves), figsize=(11, 4.2), layout="constrained")
    for panel, (name, of_game) in zip(np.atleast_1d(panels), curves.items(), strict=True):
        for method, losses in of_game.items():
            mean, spread = losses.mean(axis=1), losses.std(axis=1)
            (line,) = panel.plot(mean, label=method)
            panel.fill_between(
                np.arange(len(mean)),
                mean - spread,
                mean + spread,
                alpha=0.1,
                color=line.get_color(),
            )
        years = "years a round" if "dilemma" in name else "loss"
        panel.set(xlabel="step", ylabel=f"the first player's {years}", title=name)
    np.atleast_1d(panels)[0].legend(fontsize="small")
    figure.suptitle("means over seeds, and a standard deviation about them", fontsize="medium")
    return figure


def main() -> None:
    """Plays every game with every method and writes the report."""
    flags = parser(__doc__)
    flags.add_argument("--methods", nargs="+", choices=METHODS, default=[*METHODS])
    flags.add_argument("--num-steps", type=positive, default=100)
    flags.add_argument("--seeds", type=positive, default=50)
    args = flags.parse_args()
    curves: dict[str, dict[str, np.ndarray]] = {}
    rows = []
    for name, played in GAMES.items():
        curves[name] = {}
        for method in args.methods:
            losses = losses_of(played, METHODS[method], args.num_steps, args.seeds)
            curves[name][method] = losses
            ours = float(losses[-1].mean())
            rows.append(Row(f"{name}, {method}: loss", ours, played.says.get(method), args.seeds))
            spread = float(losses[-1].std())
            rows.append(Row(f"{name}, {method}: its standard deviation", spread, None, args.seeds))
    settings = {"num_steps": args.num_steps, "discount": DISCOUNT}
    write_report(args.out, "opponents", rows, settings=settings)
    draw(curves).savefig(args.out / "opponents.png", dpi=120)


if __name__ == "__main__":
    run_script(main)
