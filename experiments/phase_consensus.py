"""Where consensus optimization converges: rate x gamma, against the closed boundary.

    python experiments/phase_consensus.py
    python experiments/phase_consensus.py --side 8 --ring-side 2 --ring-steps 40   # a look

Players descend with rate h along consensus's field. Near the equilibrium of the bilinear game x y
(a = 1) and of the Dirac-GAN (a = 1/2) the flow's eigenvalues are λ = -γ a² ± i a (Mescheder et al.,
2017, arXiv:1705.10461), and plain descent converges if and only if |1 + h λ| < 1, that is for

    h < 2 γ / (1 + γ² a²).

Each game is played at 40 x 40 points side by side, in one program, for 1,000 steps from (1, 1), by
plain descent and by Adam (b1 = 0.5), for which there is no closed boundary. A cell is said to
converge by its trajectory and the multipliers of its step (`jaxgan.training.collapse.phase`), and
the share of cells that agree with the closed form is in the JSON. The bilinear game is linear, the
Dirac-GAN is not: beyond its boundary it cycles, and a large step may throw it out of the basin.

The ring of eight Gaussians (MLPs of 2 x 32, batches of 64) is played at 8 x 8 points with 2 seeds,
by both optimizers, and judged by its modes and the rules of the watch. It takes minutes on two
cores, and writes results/phase_consensus.json, phase_consensus.png and phase_consensus_ring.png.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from reporting import Row, parser, positive, write_report

import jaxgan as jg
from jaxgan.cli.program import run_script
from jaxgan.config.data import open_data
from jaxgan.config.resolve import resolve
from jaxgan.run.map_motion import multipliers_at_origin, with_motion
from jaxgan.run.phase_map import Player, play_points
from jaxgan.training.collapse import phase
from jaxgan.training.collapse.phases import PHASES
from jaxgan.training.members import play
from jaxgan.transforms import points, vectorized
from jaxgan.writers.phases import Along, Panel, phases_png

STEPS, EVERY = 1000, 25
RATES, GAMMAS = (0.01, 3.0), (0.01, 30.0)
RING_RATES, RING_GAMMAS = (1e-4, 1e-1), (1e-3, 1e1)
SLOPES = {"bilinear": 1.0, "dirac": 0.5}
"""a of each game: the derivative of the players' coupling at the equilibrium."""

GAMES: dict[str, Callable[[], jg.Game]] = {"bilinear": jg.bilinear, "dirac": jg.dirac}
OPTIMIZERS: dict[str, Callable[[Any], Any]] = {
    "descent": jg.optimizers.sgd,
    "Adam": lambda rate: jg.optimizers.adam(rate, b1=0.5),
}
RING_RATE_KEYS = ("optimizer.gen.learning_rate", "optimizer.disc.learning_rate")
RING_GAMMA_KEY = "field.consensus.gamma"


def boundary(gammas: np.ndarray, slope: float) -> np.ndarray:
    """The rate below which plain descent converges.

    Args:
      gammas: of consensus.
      slope: a.

    Returns:
      h with |1 + h λ| = 1.
    """
    return 2.0 * gammas / (1.0 + (gammas * slope) ** 2)


def play_toy(name: str, optimizer: str, rates: np.ndarray, gammas: np.ndarray) -> np.ndarray:
    """The phase of each point.

    Args:
      name: of the game.
      optimizer: a key of `OPTIMIZERS`.
      rates: h, [rates].
      gammas: γ, [gammas].

    Returns:
      Words [rates, gammas].
    """

    def make(rate: Any, gamma: Any) -> jg.Algorithm:
        field = jg.fields.consensus(jg.gradient(GAMES[name]()), gamma=gamma)
        both = {player: OPTIMIZERS[optimizer](rate) for player in ("gen", "disc")}
        return with_motion(jg.simultaneous(field, optimizers=both))

    def batches() -> Iterator[dict[str, Any]]:
        while True:
            yield {"image": jnp.zeros((EVERY, 1, 1))} if name == "dirac" else {}

    grid = points(rate=rates, gamma=gammas)
    numbers = {key: np.array([point[key] for point in grid]) for key in ("rate", "gamma")}
    many = vectorized(make, seeds=np.zeros(len(grid), int), own_batches=False, **numbers)
    state = jax.jit(many.init)(jax.random.key(0))
    lines = play(many, state, batches(), num_steps=STEPS, log_every_steps=EVERY).lines
    batch = {"image": jnp.zeros((1, 1))} if name == "dirac" else {}
    # Adam divides by the root of a moment that is 0 at the equilibrium: no derivative tells of it.
    radii = multipliers_at_origin(make, numbers, batch) if optimizer == "descent" else None
    words = [
        phase(own, multiplier=None if radii is None else float(radii[index])).phase
        for index, own in enumerate(lines)
    ]
    return np.array(words).reshape(len(rates), len(gammas))


def ring_config(optimizer: str) -> dict[str, Any]:
    """The config of the ring.

    Args:
      optimizer: a key of `OPTIMIZERS`.

    Returns:
      A complete config.
    """
    network = {"name": "mlp", "features": (32, 32)}
    adam = {"name": "adam", "learning_rate": 1e-3, "b1": 0.5}
    own = adam if optimizer == "Adam" else {"name": "sgd", "learning_rate": 1e-3}
    return resolve(
        {
            "data": "ring",
            "batch_size": 64,
            "latent_dim": 16,
            "generator": network,
            "discriminator": network,
            "field": [{"name": "consensus", "gamma": 1.0}],
            "optimizer": {"gen": own, "disc": own},
            "nonfinite": "skip",
        }
    )


def play_ring(
    optimizer: str, rates: np.ndarray, gammas: np.ndarray, num_steps: int, num_seeds: int
) -> tuple[np.ndarray, np.ndarray]:
    """The shares of phases, and the mean number of modes, at each point.

    Args:
      optimizer: a key of `OPTIMIZERS`.
      rates: of both players, [rates].
      gammas: γ, [gammas].
      num_steps: of training.
      num_seeds: at each point.

    Returns:
      (shares [rates, gammas, phases], modes [rates, gammas]).
    """
    config = resolve(ring_config(optimizer))
    grid = [
        {**dict.fromkeys(RING_RATE_KEYS, one["rate"]), RING_GAMMA_KEY: one["gamma"]}
        for one in points(rate=rates, gamma=gammas)
    ]
    with tempfile.TemporaryDirectory() as folder:
        player = Player(config, open_data(config), num_seeds, Path(folder))
        cells = play_points(player, grid, num_steps)
    shares = np.array([[cell.shares.get(word, 0.0) for word in PHASES] for cell in cells])
    modes = np.array([cell.scores.get("eval/num_modes", 0.0) for cell in cells])
    shape = (len(rates), len(gammas))
    return shares.reshape(*shape, len(PHASES)), modes.reshape(shape)


def spaced(ends: tuple[float, float], num: int) -> np.ndarray:
    """Numbers in equal ratios."""
    return np.geomspace(*ends, num)


def main() -> None:
    """Plays everything, and writes JSON and pictures."""
    made = parser(__doc__)
    made.add_argument("--side", type=positive, default=40, help="of the toys' grids (40)")
    made.add_argument("--ring-side", type=positive, default=8, help="of the ring's grid (8)")
    made.add_argument("--ring-steps", type=positive, default=1500, help="of the ring (1500)")
    made.add_argument("--ring-seeds", type=positive, default=2, help="of the ring (2)")
    args = made.parse_args()

    rates, gammas = spaced(RATES, args.side), spaced(GAMMAS, args.side)
    rows, panels, counts = [], {}, {}
    for name, slope in SLOPES.items():
        for optimizer in OPTIMIZERS:
            words = play_toy(name, optimizer, rates, gammas)
            shares = np.stack([words == word for word in PHASES], axis=-1).astype(float)
            curve = np.stack([boundary(gammas, slope), gammas], axis=-1)
            curves = {"|1 + hλ| = 1, plain descent": curve}
            panels[f"{name}, {optimizer}"] = Panel(shares, curves)
            counts[f"{name}, {optimizer}"] = {w: int((words == w).sum()) for w in PHASES}
            if optimizer == "descent":
                inside = rates[:, None] < boundary(gammas, slope)
                agree = float(((words == "converges") == inside).mean())
                rows.append(Row(f"{name}: cells that agree with the closed form", agree, 1.0, 1))
    args.out.mkdir(parents=True, exist_ok=True)
    x, y = Along("rate h", rates.tolist(), log=True), Along("gamma", gammas.tolist(), log=True)
    title = f"Consensus optimization, {STEPS} steps from (1, 1)"
    phases_png(args.out / "phase_consensus.png", panels, PHASES, x, y, title, columns=2)

    rates, gammas = spaced(RING_RATES, args.ring_side), spaced(RING_GAMMAS, args.ring_side)
    ring, modes = {}, {}
    for optimizer in OPTIMIZERS:
        shares, found = play_ring(optimizer, rates, gammas, args.ring_steps, args.ring_seeds)
        ring[f"ring, {optimizer}"] = Panel(shares)
        modes[optimizer] = found.tolist()
        best = float(found.max())
        rows.append(Row(f"ring, {optimizer}: modes of the best cell", best, 8, args.ring_seeds))
    x, y = Along("rate h", rates.tolist(), log=True), Along("gamma", gammas.tolist(), log=True)
    title = f"Consensus on the ring, {args.ring_steps} steps, {args.ring_seeds} seeds a cell"
    phases_png(args.out / "phase_consensus_ring.png", ring, PHASES, x, y, title)
    about = {"cells": counts, "steps": STEPS, "side": args.side, "ring_modes": modes}
    write_report(args.out, "phase_consensus", rows, **about)


if __name__ == "__main__":
    run_script(main)
