"""Consensus optimization on a ring of Gaussians: Mescheder et al., 2017, section 5.

    python experiments/consensus_mixture.py

trains three seeds of simultaneous descent and three of consensus in vmapped programs, 20,000 steps
each, and writes results/consensus_mixture.json and .png: modes and samples over time, and the
eigenvalues of the flow's Jacobian v' before and after training: of v' itself, of v' - γ v'ᵀv'
(what the paper draws, exact only where v = 0) and of the field that consensus descends, dense.

The settings are those of the authors' notebook: 8 modes at radius 1, standard deviation 0.01,
batches of 64 samples of each mode; 16 normal latents; both networks four layers of 16 ReLU (1122
and 881 parameters), Glorot-uniform; the non-saturating loss; RMSProp with learning rate 1e-4, decay
0.9 and ε = 1e-10 inside the root; γ = 10; Jacobians averaged over 10 minibatches. Three things
differ: the notebook runs 50,000 steps; TensorFlow's RMSProp starts its average at 1, ours at 0; and
the notebook's loop keeps one row of the Jacobian per tensor, ours keeps them all.

Expected after 20,000 steps, of three seeds: with consensus all 8 modes in each (a mode counts if at
least 1 % of samples are within 0.1 of it) and no eigenvalue of v' with a real part above 0.03; 1 to
6 modes without it, and eigenvalues up to 5 to 46. Where consensus ends, all three matrices tell the
same; before, and after plain descent, the field is not small, and what is descended has large
positive eigenvalues that v' - γ v'ᵀv' does not show. Half an hour on two busy cores, most of it for
the Jacobians.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
from consensus_mixture_figure import NUM_SNAPSHOTS, Run, draw, summary
from reporting import Row, parser, positive, write_report

import jaxgan as jg
from jaxgan import metrics
from jaxgan.analysis import dense_jacobian
from jaxgan.cli.program import run_script
from jaxgan.data import ring
from jaxgan.data.source import DeviceSource
from jaxgan.fields import consensus
from jaxgan.models import MLPDiscriminator, MLPGenerator
from jaxgan.transforms import MEMBER_AXES

mpl.use("Agg")

LATENT, DEPTH, WIDTH, BATCH, RATE = 16, 4, 16, 512, 1e-4
NUM_SAMPLES, NUM_SHOWN = 10_000, 512
RADIUS = 0.1
"""A sample this near to a mode belongs to it."""
CHUNK_SIZE = 16
"""Columns of a Jacobian at a time; for networks this narrow fewer are faster."""
FLOW = "v'"
DATA = ring(num_modes=8, radius=1.0, std=0.01)

Sample = Callable[[jax.Array, int], dict[str, jax.Array]]
Sampler = Callable[[jg.TrainState, jax.Array], jax.Array]


def stratified(source: DeviceSource) -> Sample:
    """Samples of a mixture with the same number from each mode, whose number must divide theirs."""
    modes, std = jnp.asarray(source.modes), source.std

    def sample(key: jax.Array, num: int) -> dict[str, jax.Array]:
        if num % len(modes):
            raise ValueError(f"num is {num}; it must be a multiple of the {len(modes)} modes")
        label = jnp.arange(num, dtype=jnp.int32) % len(modes)
        noise = jax.random.normal(key, (num, modes.shape[1]), modes.dtype)
        return {"image": modes[label] + std * noise, "label": label}

    return sample


def make_game(width: int) -> jg.Game:
    """The game of the paper; its width is 16."""
    init = nn.initializers.glorot_uniform()
    gen = MLPGenerator((width,) * DEPTH, (2,), kernel_init=init)
    disc = MLPDiscriminator((width,) * DEPTH, kernel_init=init)
    return jg.gan(
        jg.from_linen(gen, jnp.zeros((1, LATENT))),
        jg.from_linen(disc, jnp.zeros((1, 2))),
        latent=LATENT,
        loss=jg.losses.non_saturating(),
    )


def make_algorithm(
    field: jg.Field, sample: Sample, batch_size: int, num_seeds: int, num_steps: int
) -> jg.Algorithm:
    """Simultaneous RMSProp along a field, all seeds in one program of `num_steps` steps."""
    rmsprop = jg.optimizers.rmsprop(RATE, decay=0.9, eps=1e-10)
    algorithm = jg.simultaneous(field, optimizers={"gen": rmsprop, "disc": rmsprop})
    algorithm = jg.device_data(algorithm, sample=sample, batch_size=batch_size)
    return jg.substeps(jg.seeds(algorithm, num_seeds=num_seeds), num_steps=num_steps)


def make_sampler(game: jg.Game, latent: int, num: int) -> Sampler:
    """(state, key) -> that many samples of every seed, [num_seeds, num, 2]."""

    def one(state: jg.TrainState, key: jax.Array) -> jax.Array:
        z = jax.random.normal(key, (num, latent))
        context = jg.Context(key, train=False)
        scene, _ = game.generate(state.params, state.net_state, {"latent": z}, context)
        fake: jax.Array = scene["fake"]
        return fake

    return jax.jit(jax.vmap(one, in_axes=(MEMBER_AXES, None)))


def train(
    algorithm: jg.Algorithm,
    sampler: Sampler,
    source: DeviceSource,
    num_stds: float,
    num_steps: int,
    eval_every: int,
    note: str,
) -> Run:
    """Trains all seeds, and scores them after every call of an algorithm of `eval_every` steps."""
    step = jax.jit(algorithm.step, donate_argnums=0)
    key = jax.random.key(1)
    state = jax.jit(algorithm.init)(jax.random.key(0))
    names = ("step", "modes", "hq", "loss/disc", "loss/gen")
    curves: dict[str, list[Any]] = {name: [] for name in names}
    snapshots = {0: np.asarray(sampler(state, key))[0, :NUM_SHOWN]}
    wanted = np.linspace(0, num_steps / eval_every, NUM_SNAPSHOTS).round() * eval_every
    start = time.perf_counter()
    for now in range(eval_every, num_steps + 1, eval_every):
        state, means = step(state, {})
        points = np.asarray(sampler(state, key))
        curves["step"].append(now)
        curves["modes"].append(
            [
                metrics.mixture_score(p, source.modes, source.std, num_stds=num_stds)[0]
                for p in points
            ]
        )
        hq = [metrics.mixture_score(p, source.modes, source.std).high_quality for p in points]
        curves["hq"].append([round(share, 5) for share in hq])
        for name in ("loss/disc", "loss/gen"):
            curves[name].append(finite(float(means[name])))
        if now in wanted:
            snapshots[now] = points[0, :NUM_SHOWN]
        spent = time.perf_counter() - start
        left = spent / now * (num_steps - now)
        print(
            f"{note}: step {now}, modes {curves['modes'][-1]}, median HQ {np.median(hq):.1%}, "
            f"{now / spent:.0f} steps/s, {left / 60:.1f} min left",
            flush=True,
        )
    return Run(state, curves, snapshots, round(time.perf_counter() - start, 1))


def finite(value: float) -> float | None:
    """Five digits of a number, or None: JSON knows neither infinity nor NaN."""
    return float(f"{value:.5g}") if math.isfinite(value) else None


def mean_jacobian(
    field: jg.Field, member: jg.TrainState, batch_size: int, num_batches: int
) -> np.ndarray:
    """The Jacobian of a field at one seed's parameters, averaged over minibatches."""
    sample, jacobians = stratified(DATA), []
    for index in range(num_batches):
        key = jg.stream(jax.random.key(2), "spectrum", index)
        batch = sample(jg.stream(key, "data"), batch_size)
        context = jg.Context(key)
        jacobians.append(
            dense_jacobian(
                field, member.params, member.net_state, batch, context, chunk_size=CHUNK_SIZE
            )
        )
    return np.asarray(np.mean(jacobians, axis=0, dtype=np.float64))


def spectra(
    plain: jg.Field,
    regularised: jg.Field | None,
    gamma: float,
    member: jg.TrainState,
    batch_size: int,
    num_batches: int,
) -> dict[str, np.ndarray]:
    """Eigenvalues of v', of v' - γ v'ᵀv' and, if its field is given, of consensus itself."""
    flow = -mean_jacobian(plain, member, batch_size, num_batches)
    found = {
        FLOW: np.linalg.eigvals(flow),
        "v' - gamma v'T v'": np.linalg.eigvals(flow - gamma * flow.T @ flow),
    }
    if regularised is not None:
        jacobian = mean_jacobian(regularised, member, batch_size, num_batches)
        found["consensus field"] = np.linalg.eigvals(-jacobian)
    return found


def all_spectra(
    ends: Mapping[str, jg.TrainState],
    plain: jg.Field,
    gamma: float,
    num_seeds: int,
    batch_size: int,
    num_batches: int,
) -> dict[str, list[dict[str, np.ndarray]]]:
    """{point: [spectra of each seed]}; that of the consensus field, the slowest, of seed 0 only."""
    regularised = consensus(plain, gamma=gamma)
    found: dict[str, list[dict[str, np.ndarray]]] = {point: [] for point in ends}
    for point, state in ends.items():
        for index in range(num_seeds):
            start = time.perf_counter()
            field = None if index else regularised
            member = jg.member(state, index)
            found[point].append(spectra(plain, field, gamma, member, batch_size, num_batches))
            texts = [
                f"{name}: Re {e['min_re']:.3g} to {e['max_re']:.3g}, |Im| to {e['max_im']:.3g}"
                for name, e in ((name, summary(v)) for name, v in found[point][-1].items())
            ]
            spent = time.perf_counter() - start
            print(f"spectra {point}, seed {index}: {'; '.join(texts)} ({spent:.0f} s)", flush=True)
    return found


def rows_of(
    runs: Mapping[str, Run], ends: Mapping[str, Sequence[Mapping[str, Mapping[str, float]]]]
) -> list[Row]:
    """The last scores, and the ends of the spectra."""
    paper = {"plain": "does not settle (figure 2)", "consensus": "all 8 (figure 2)"}
    rows = []
    for name, run in runs.items():
        now, modes, hq = run.curves["step"][-1], run.curves["modes"][-1], run.curves["hq"][-1]
        full = f"{sum(m == 8 for m in modes)}/{len(modes)} seeds with 8 of 8 {modes}"
        rows.append(Row(f"{name}: modes at step {now}", full, paper[name], len(modes)))
        rows.append(Row(f"{name}: median HQ", f"{np.median(hq):.1%}", None, len(modes)))
    for point, seeds in ends.items():
        top = " ".join(f"{seed[FLOW]['max_re']:.3g}" for seed in seeds)
        rows.append(Row(f"{point}: max Re v'", top, None, len(seeds)))
    for point, seeds in ends.items():
        for matrix in seeds[0]:
            values = [seed[matrix] for seed in seeds if matrix in seed]
            low, high = min(v["min_re"] for v in values), max(v["max_re"] for v in values)
            turn = max(v["max_im"] for v in values)
            text = f"Re {low:.3g} to {high:.3g}, |Im| to {turn:.3g}"
            rows.append(Row(f"{point}: {matrix}", text, None, len(values)))
    return rows


def main(argv: Sequence[str] | None = None) -> None:
    """Trains both, takes the spectra, then writes the table and the figure."""
    args_parser = parser(__doc__)
    args_parser.add_argument("--num-steps", type=positive, default=20_000)
    args_parser.add_argument("--seeds", type=positive, default=3)
    args_parser.add_argument("--gamma", type=float, default=10.0)
    args_parser.add_argument("--num-batches", type=positive, default=10, help="per Jacobian")
    args_parser.add_argument("--eval-every", type=positive, default=500)
    args_parser.add_argument("--width", type=positive, default=WIDTH)
    args_parser.add_argument("--batch-size", type=positive, default=BATCH)
    args = args_parser.parse_args(argv)
    if not 0 <= args.gamma < math.inf:
        args_parser.error(f"--gamma: {args.gamma}; it must be at least 0")
    if args.num_steps % args.eval_every:
        args_parser.error(f"--num-steps: {args.num_steps} is no multiple of --eval-every")
    if args.batch_size % len(DATA.modes):
        args_parser.error(f"--batch-size: {args.batch_size} is no multiple of {len(DATA.modes)}")

    game = make_game(args.width)
    plain = jg.gradient(game)
    fields = {"plain": plain, "consensus": consensus(plain, gamma=args.gamma)}
    sampler = make_sampler(game, LATENT, NUM_SAMPLES)
    runs: dict[str, Run] = {}
    for name, field in fields.items():
        algorithm = make_algorithm(
            field, stratified(DATA), args.batch_size, args.seeds, args.eval_every
        )
        runs[name] = train(
            algorithm, sampler, DATA, RADIUS / DATA.std, args.num_steps, args.eval_every, name
        )
    # Both start from the same parameters.
    points = {
        "before": jax.jit(algorithm.init)(jax.random.key(0)),
        **{f"after {name}": run.state for name, run in runs.items()},
    }
    clouds = all_spectra(points, plain, args.gamma, args.seeds, args.batch_size, args.num_batches)
    ends = {
        point: [{matrix: summary(values) for matrix, values in seed.items()} for seed in seeds]
        for point, seeds in clouds.items()
    }
    settings = {name: value for name, value in vars(args).items() if name != "out"}
    write_report(
        args.out,
        "consensus_mixture",
        rows_of(runs, ends),
        settings=settings,
        runs={name: {**run.curves, "seconds": run.seconds} for name, run in runs.items()},
        spectra=ends,
    )
    draw(args.out / "consensus_mixture.png", runs, clouds, DATA)


if __name__ == "__main__":
    run_script(main)
