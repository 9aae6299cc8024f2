"""Unrolled GANs on the ring of eight Gaussians: Metz et al., 2017, section 3.1 and appendix A.

    python experiments/unrolled_ring.py

trains eight seeds of each variant in one vmapped program, k in {0, 1, 5, 10}, exact and first
order, 20,000 steps each, and writes results/unrolled_ring.json and .png: modes, share of samples
within three standard deviations (HQ) and reverse KL over time, and the samples over time. Variants
that the JSON holds already, with the same flags, are not trained again (`--fresh` does).

The paper's settings: 8 modes at radius 2, standard deviation 0.02; G: 256 normal latents, two
layers of 128 ReLU; D: x/4, one layer of 128 ReLU; orthogonal initialisation with gain 0.8; the
saddle loss for both; Adam with learning rate 1e-4 and b1 = 0.5; batch 512; D then G, fresh batches.
Inner steps are D's own Adam from its live moments; D itself takes one ordinary step.

Without unrolling, and with k = 1, the generator hops between modes and covers one at most; with
k = 10 all seeds find all eight. At k = 5 the exact gradient does in seven of eight, first order in
four. On two shared CPU cores a variant of eight seeds takes 10 to 55 minutes.
"""

from __future__ import annotations

import time
import warnings
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypedDict

import flax.linen as nn
import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
from reporting import Row, parser, positive, write_report

import jaxgan as jg
from jaxgan import metrics
from jaxgan.cli.program import run_script
from jaxgan.data import ring
from jaxgan.files import read_json
from jaxgan.models import MLPDiscriminator, MLPGenerator
from jaxgan.transforms import MEMBER_AXES

mpl.use("Agg")
import matplotlib.pyplot as plt

BATCH, LATENT, WIDTH, GAIN, RATE = 512, 256, 128, 0.8, 1e-4
NUM_SAMPLES = 10_000
NUM_SNAPSHOTS = 5
DATA = ring(num_modes=8, radius=2.0, std=0.02)
Mode = Literal["exact", "first_order"]


class Variant(NamedTuple):
    """One line of the figure."""

    num_steps: int
    mode: Mode

    @property
    def name(self) -> str:
        """Such as `k=10 exact`."""
        mode = f" {self.mode.replace('_', ' ')}" if self.num_steps else ""
        return f"k={self.num_steps}{mode}"


def make_game() -> jg.Game:
    """The game without lookahead."""
    init = nn.initializers.orthogonal(GAIN)
    gen = MLPGenerator((WIDTH, WIDTH), (2,), kernel_init=init)
    disc = MLPDiscriminator((WIDTH,), input_scale=0.25, kernel_init=init)
    return jg.gan(
        jg.from_linen(gen, jnp.zeros((1, LATENT))),
        jg.from_linen(disc, jnp.zeros((1, 2))),
        latent=LATENT,
        loss=jg.losses.minimax(),
    )


def make_algorithm(variant: Variant, num_seeds: int, steps_per_call: int) -> jg.Algorithm:
    """The training of one variant, all seeds in one program."""
    # Networks this small need no recomputation.
    game = jg.unrolled(make_game(), num_steps=variant.num_steps, mode=variant.mode, remat=False)
    adam = jg.optimizers.adam(RATE, b1=0.5)
    algorithm = jg.alternating(jg.gradient(game), optimizers={"gen": adam, "disc": adam})
    algorithm = jg.device_data(algorithm, sample=DATA.sample, batch_size=BATCH)
    return jg.substeps(jg.seeds(algorithm, num_seeds=num_seeds), num_steps=steps_per_call)


def make_sampler(num: int) -> Any:
    """(state, key) -> that many samples of every member, [num_seeds, num, 2]."""
    game = make_game()

    def one(state: jg.TrainState, key: jax.Array) -> jax.Array:
        z = jax.random.normal(key, (num, LATENT))
        context = jg.Context(key, train=False)
        scene, _ = game.generate(state.params, state.net_state, {"latent": z}, context)
        fake: jax.Array = scene["fake"]
        return fake

    return jax.jit(jax.vmap(one, in_axes=(MEMBER_AXES, None)))


def train(
    variant: Variant, num_seeds: int, num_steps: int, eval_every: int, note: str
) -> dict[str, Any]:
    """Trains all seeds of a variant; scores over time, and samples of seed 0 at a few times."""
    algorithm = make_algorithm(variant, num_seeds, eval_every)
    step = jax.jit(algorithm.step, donate_argnums=0)
    sampler, key = make_sampler(NUM_SAMPLES), jax.random.key(1)
    state = jax.jit(algorithm.init)(jax.random.key(0))
    curves: dict[str, list[Any]] = {"step": [], "modes": [], "hq": [], "reverse_kl": []}
    snapshots = {0: np.asarray(sampler(state, key))[0, :512]}
    wanted = np.linspace(0, num_steps, NUM_SNAPSHOTS).round(-3)
    start = time.perf_counter()
    for now in range(eval_every, num_steps + 1, eval_every):
        state, _ = step(state, {})
        points = np.asarray(sampler(state, key))
        scores = [metrics.mixture_score(p, DATA.modes, DATA.std) for p in points]
        curves["step"].append(now)
        curves["modes"].append([score.num_modes for score in scores])
        curves["hq"].append([round(score.high_quality, 5) for score in scores])
        # JSON knows no infinity: None where no sample is good.
        curves["reverse_kl"].append(
            [round(s.reverse_kl, 5) if np.isfinite(s.reverse_kl) else None for s in scores]
        )
        if now in wanted:
            snapshots[now] = points[0, :512]
        spent = time.perf_counter() - start
        left = spent / now * (num_steps - now)
        print(
            f"{note} {variant.name}: step {now}, modes {curves['modes'][-1]}, "
            f"median HQ {np.median(curves['hq'][-1]):.1%}, {now / spent:.0f} steps/s, "
            f"{left / 60:.1f} min left",
            flush=True,
        )
    points_by_step = {str(s): np.round(p, 3).tolist() for s, p in snapshots.items()}
    return {
        **curves,
        "snapshots": points_by_step,
        "seconds": round(time.perf_counter() - start, 1),
    }


def rows_of(runs: dict[str, dict[str, Any]]) -> list[Row]:
    """The last scores of each variant; every seed's are in the file."""
    found = {
        0: "collapse: hops between modes",
        5: "7.6 modes, 35.6 % HQ (VEEGAN, table 1)",
        10: "all 8 modes",
    }
    rows = []
    for name, run in runs.items():
        k = int(name.split()[0].removeprefix("k="))
        modes, hq = run["modes"][-1], run["hq"][-1]
        full = f"{sum(m == 8 for m in modes)}/{len(modes)} seeds with 8 of 8 modes {modes}"
        rows.append(Row(f"{name}: modes", full, found.get(k), len(modes)))
        rows.append(Row(f"{name}: median HQ", f"{np.median(hq):.1%}", None, len(modes)))
    return rows


def draw(path: Path, runs: dict[str, dict[str, Any]]) -> None:
    """Scores over time with their spread over seeds on top, seed 0's samples over time below."""
    wide = max(NUM_SNAPSHOTS, 3)
    figure, axes = plt.subplots(
        len(runs) + 1, wide, figsize=(2.6 * wide, 2.6 * (len(runs) + 1)), layout="constrained"
    )
    titles = (("modes", "modes of 8"), ("hq", "share within 3 std"), ("reverse_kl", "reverse KL"))
    for axis, (entry, title) in zip(axes[0], titles, strict=False):
        for name, run in runs.items():
            values = np.asarray(run[entry], float)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)  # no seed has a good sample yet
                low, mid, high = np.nanquantile(values, (0.25, 0.5, 0.75), axis=1)
            (line,) = axis.plot(run["step"], mid, label=name)
            axis.fill_between(run["step"], low, high, color=line.get_color(), alpha=0.2)
        axis.set_title(f"{title}: median, quartiles", fontsize=9)
        axis.tick_params(labelsize=7)
    axes[0, 0].legend(fontsize=6)
    for axis in axes[0, 3:]:
        axis.axis("off")
    for line, (name, run) in zip(axes[1:], runs.items(), strict=True):
        for axis in line:
            axis.axis("off")
        for axis, (now, points) in zip(line, run["snapshots"].items(), strict=False):
            axis.scatter(*DATA.modes.T, s=12, c="0.75")
            axis.scatter(*np.asarray(points).T, s=2, c="tab:blue")
            axis.set(xlim=(-3, 3), ylim=(-3, 3), aspect="equal")
            axis.set_title(f"{name}, step {now}", fontsize=8)
    figure.savefig(path, dpi=110)
    plt.close(figure)


class Settled(TypedDict):
    """What the file holds, of this script's."""

    runs: dict[str, dict[str, Any]]


def settled(path: Path) -> dict[str, dict[str, Any]]:
    """The runs that the file holds already."""
    return read_json(path, Settled)["runs"] if path.exists() else {}


def main() -> None:
    """Trains what is missing, then writes the table and the figure."""
    args_parser = parser(__doc__)
    args_parser.add_argument("--k", type=int, nargs="+", default=[0, 1, 5, 10])
    args_parser.add_argument(
        "--modes", nargs="+", choices=("exact", "first_order"), default=["exact", "first_order"]
    )
    args_parser.add_argument("--seeds", type=positive, default=8)
    args_parser.add_argument("--num-steps", type=positive, default=20_000)
    args_parser.add_argument("--eval-every", type=positive, default=500)
    args_parser.add_argument("--fresh", action="store_true", help="train every variant again")
    args = args_parser.parse_args()
    if min(args.k) < 0:
        args_parser.error(f"--k: {min(args.k)} is negative")
    if args.num_steps % args.eval_every:
        args_parser.error(f"--num-steps: {args.num_steps} is no multiple of --eval-every")

    settings = {"num_steps": args.num_steps, "seeds": args.seeds, "eval_every": args.eval_every}
    path = args.out / "unrolled_ring.json"
    runs = settled(path)
    variants = [Variant(k, mode) for mode in args.modes for k in args.k]
    variants = list({variant.name: variant for variant in variants}.values())
    for index, variant in enumerate(variants):
        if not args.fresh and runs.get(variant.name, {}).get("settings") == settings:
            continue
        note = f"[{index + 1}/{len(variants)}]"
        run = train(variant, args.seeds, args.num_steps, args.eval_every, note)
        runs[variant.name] = {"settings": settings, **run}
        # Written after each variant: an interrupted run goes on from there.
        save(args.out, runs)
    save(args.out, runs)
    draw(args.out / "unrolled_ring.png", in_order(runs))


def save(out: Path, runs: dict[str, dict[str, Any]]) -> None:
    """Writes the report of what there is."""
    write_report(out, "unrolled_ring", rows_of(in_order(runs)), runs=in_order(runs))


def in_order(runs: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """By number of inner steps."""
    return dict(sorted(runs.items(), key=lambda item: _order(item[0])))


def _order(name: str) -> tuple[int, str]:
    k, _, mode = name.partition(" ")
    return int(k.removeprefix("k=")), mode


if __name__ == "__main__":
    run_script(main)
