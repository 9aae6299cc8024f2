"""Derivatives over long horizons, estimated: bias, spread and cost, on the Dirac-GAN with R1.

    python experiments/hypergradient_estimators.py

Two problems of 100 training steps, each in parts of K steps. *Best response*: the discriminator
trains while the generator's θ is held, and what is asked for is the total derivative of the
generator's loss in θ, which `implicit` has in closed form. *Hyper-parameters*: both players train,
and what is asked for is the derivative of the squared distance from the equilibrium in the
logarithms of the learning rate and of R1's weight.

At the last part each estimator says what the derivative of the objective is: truncated unrolling,
evolution strategies (ES) and persistent evolution strategies (PES), of 100 particles; K = 100 is
the whole training. Means and standard deviations are over 500 keys; costs are operations in
products, counted. Writes
results/hypergradient_estimators.json and .png.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
from jax.flatten_util import ravel_pytree
from reporting import Row, parser, positive, write_report

import jaxgan as jg
from jaxgan import analysis
from jaxgan.cli.program import run_script
from jaxgan.plan.flops import count_flops

mpl.use("Agg")
import matplotlib.pyplot as plt

NUM_STEPS = 100
PARTS = (1, 2, 5, 10, 20, 50, 100)


class Problem(NamedTuple):
    """What is differentiated.

    Attributes:
      make: hyper-parameters -> algorithm.
      objective: state -> number.
      at: where.
      std: σ of the perturbations.
    """

    make: Callable[..., jg.Algorithm]
    objective: Callable[[jg.TrainState], Any]
    at: Mapping[str, float]
    std: float


def batch_of(*leading: int) -> dict[str, jax.Array]:
    """The data, a point at 0."""
    return {"image": jnp.zeros((*leading, 1, 1))}


def game(weight: Any) -> jg.Game:
    """The Dirac-GAN whose discriminator has R1: not zero-sum."""
    return jg.with_penalty(jg.dirac(), jg.penalties.r1(weight=weight))


def train_discriminator(theta: Any) -> jg.Algorithm:
    """The discriminator's descent against a generator at θ."""
    sgds = {"gen": jg.optimizers.sgd(0.0), "disc": jg.optimizers.sgd(0.2)}
    both = jg.simultaneous(jg.gradient(game(1.0)), optimizers=sgds)

    def step(state: jg.TrainState, batch: dict[str, jax.Array]) -> tuple[jg.TrainState, Any]:
        params = {**state.params, "gen": jnp.reshape(theta, 1)}
        return both.step(state._replace(params=params), batch)

    return both._replace(step=step)


def generators_loss(state: jg.TrainState) -> Any:
    """Its loss against the discriminator of this moment."""
    played, context = game(1.0), jg.Context(jax.random.key(0))
    net_state = played.init(context.key)[1]
    scene, _ = played.generate(state.params, net_state, batch_of(), context)
    return played.losses(state.params, net_state, scene, context)[0]["gen"]


def train_both(log_rate: Any, log_weight: Any) -> jg.Algorithm:
    """Simultaneous descent."""
    rate: Any = jnp.exp(log_rate)
    sgd = jg.optimizers.sgd(rate)
    field = jg.gradient(game(jnp.exp(log_weight)))
    return jg.simultaneous(field, optimizers={"gen": sgd, "disc": sgd})


def squared_distance(state: jg.TrainState) -> Any:
    """From the equilibrium."""
    return state.params["gen"][0] ** 2 + state.params["disc"][0] ** 2


PROBLEMS: Mapping[str, Problem] = {
    "best response": Problem(train_discriminator, generators_loss, {"theta": 0.8}, 0.1),
    "hyper-parameters": Problem(
        train_both,
        squared_distance,
        {"log_rate": float(np.log(0.05)), "log_weight": float(np.log(0.5))},
        0.1,
    ),
}


def start_of(problem: Problem) -> jg.TrainState:
    """θ = 0.8, ψ = -0.4."""
    state = problem.make(**problem.at).init(jax.random.key(0))
    params = {"gen": jnp.asarray([0.8]), "disc": jnp.asarray([-0.4])}
    return state._replace(params=params)


def implicit_gradient() -> float:
    """The total derivative in θ at the discriminator's best response."""
    ahead = jg.implicit(game(1.0), inner=jg.optimizers.sgd(0.2), num_steps=100, newton_steps=3)
    context = jg.Context(jax.random.key(0))
    net_state = ahead.init(context.key)[1]

    @jax.jit
    def pull(params: Any) -> Any:
        grads, _, _ = jg.gradient(ahead).apply(params, (), net_state, batch_of(), context)
        return grads["gen"][0]

    return float(pull(start_of(PROBLEMS["best response"]).params))


def exact(problem: Problem, num_steps: int) -> np.ndarray:
    """Through that many steps from the start."""
    found = jax.jit(
        lambda at, state: (
            analysis.hypergradient(
                problem.make,
                problem.objective,
                num_steps=num_steps,
                with_respect_to=at,
                state=state,
                batches=batch_of(num_steps),
            ).gradient
        )
    )(dict(problem.at), start_of(problem))
    return np.asarray(ravel_pytree(found)[0])


def estimators(problem: Problem, size: int, num_pairs: int) -> dict[str, tuple[Any, Any]]:
    """(key, state) -> `Hypergradient` of one part, and the first state, by name."""
    start, at = start_of(problem), dict(problem.at)
    options: Any = {"num_steps": size, "batches": batch_of(size)}
    options |= {"with_respect_to": at}
    make, objective = problem.make, problem.objective

    def truncated(key: Any, state: Any) -> Any:
        return analysis.hypergradient(make, objective, state=state, **options)

    def plain(key: Any, state: Any) -> Any:
        return analysis.evolution_strategies(
            key, make, objective, state=state, std=problem.std, num_pairs=num_pairs, **options
        )

    def persistent(key: Any, state: Any) -> Any:
        return analysis.persistent_evolution_strategies(
            key, make, objective, state=state, std=problem.std, **options
        )

    particles = analysis.particles(start, with_respect_to=at, num_pairs=num_pairs)
    return {"truncated": (truncated, start), "ES": (plain, start), "PES": (persistent, particles)}


def measure(estimate: Any, start: Any, size: int, num_keys: int) -> tuple[np.ndarray, float]:
    """What it says at the last part, for each key, and the operations of one part."""

    def part(state: Any, key: Any) -> Any:
        found = estimate(key, state)
        return found.state, ravel_pytree(found.gradient)[0]

    def run(key: Any) -> Any:
        return jax.lax.scan(part, start, jax.random.split(key, NUM_STEPS // size))[1][-1]

    keys = jax.random.split(jax.random.key(1), num_keys)
    values = np.asarray(jax.jit(jax.vmap(run))(keys))
    return values, count_flops(part, start, keys[0]).total


def study(problem: Problem, truth: np.ndarray, pairs: int, num_keys: int) -> dict[str, Any]:
    """Bias and standard deviation relative to the truth's norm, and cost, of each estimator."""
    size = float(np.linalg.norm(truth))
    found: dict[str, Any] = {}
    for parts in PARTS:
        for name, (estimate, start) in estimators(problem, parts, pairs).items():
            values, cost = measure(estimate, start, parts, 1 if name == "truncated" else num_keys)
            spread = float(np.sqrt(((values - values.mean(0)) ** 2).sum(1).mean()) / size)
            one = found.setdefault(name, {"K": [], "bias": [], "std": [], "operations": []})
            one["K"].append(parts)
            one["bias"].append(float(np.linalg.norm(values.mean(0) - truth) / size))
            one["std"].append(spread)
            one["operations"].append(cost)
        print(
            f"K = {parts}: {[(n, round(o['bias'][-1], 4)) for n, o in found.items()]}", flush=True
        )
    return found


def rows_of(found: dict[str, dict[str, Any]], num_keys: int) -> list[Row]:
    """Bias and deviation at K = 1, 10 and 100."""
    rows = []
    for problem, by_name in found.items():
        for name, one in by_name.items():
            for index, parts in enumerate(one["K"]):
                if parts in (1, 10, 100):
                    said = f"{one['bias'][index]:.2g}, {one['std'][index]:.2g}"
                    said += f", {one['operations'][index]:.0f}"
                    seeds = 1 if name == "truncated" else num_keys
                    what = "bias, std (relative), operations"
                    rows.append(Row(f"{problem}, {name}, K = {parts}: {what}", said, None, seeds))
    return rows


def draw(found: dict[str, dict[str, Any]], num_keys: int) -> plt.Figure:
    """Bias, standard deviation and cost over K, a row for each problem."""
    figure, panels = plt.subplots(2, 3, figsize=(13, 7), layout="constrained", sharex=True)
    colors = {"truncated": "tab:blue", "ES": "tab:orange", "PES": "tab:green"}
    for line, (problem, by_name) in zip(panels, found.items(), strict=True):
        for name, one in by_name.items():
            style: Any = {"marker": "o", "markersize": 4, "color": colors[name], "label": name}
            line[0].plot(one["K"], one["bias"], **style)
            if name != "truncated":
                error = np.asarray(one["std"]) / np.sqrt(num_keys)
                line[0].plot(
                    one["K"], error, ":", color=colors[name], label=f"{name}: standard error of it"
                )
                line[1].plot(one["K"], one["std"], **style)
            line[2].plot(one["K"], one["operations"], **style)
        line[0].set(yscale="log", ylabel="relative to the norm of the truth")
        line[0].set_title(f"{problem}: bias", fontsize="medium")
        line[1].set(yscale="log")
        line[1].set_title(f"{problem}: standard deviation", fontsize="medium")
        line[2].set(yscale="log", ylabel="operations in products")
        line[2].set_title(f"{problem}: cost of one part", fontsize="medium")
    for axis in panels[-1]:
        axis.set(xscale="log", xlabel="K, steps in a part")
        axis.set_xticks(PARTS, [str(k) for k in PARTS])
        axis.minorticks_off()
    panels[0, 0].legend(fontsize="x-small")
    return figure


def main() -> None:
    """Measures every estimator on both problems and writes the report."""
    flags = parser(__doc__)
    flags.add_argument("--num-keys", type=positive, default=500)
    flags.add_argument("--num-pairs", type=positive, default=50)
    args = flags.parse_args()
    with jax.enable_x64(True):
        limit = implicit_gradient()
        truths = {"best response": np.asarray([limit])}
        truths["hyper-parameters"] = exact(PROBLEMS["hyper-parameters"], NUM_STEPS)
        first = {k: exact(PROBLEMS["best response"], k)[0] for k in PARTS}
        found = {
            name: study(problem, truths[name], args.num_pairs, args.num_keys)
            for name, problem in PROBLEMS.items()
        }
    rows = [Row("implicit gradient in theta", limit, None, 1)]
    for k, slope in first.items():
        gap = float(abs(slope - limit) / abs(limit))
        rows.append(
            Row(f"exact k = {k} from psi_0: distance from implicit, relative", gap, None, 1)
        )
    rows += rows_of(found, args.num_keys)
    said = {name: truth.tolist() for name, truth in truths.items()}
    settings = {"num_steps": NUM_STEPS, "num_pairs": args.num_pairs}
    write_report(
        args.out, "hypergradient_estimators", rows, settings=settings, truths=said, runs=found
    )
    figure = draw(found, args.num_keys)
    figure.savefig(args.out / "hypergradient_estimators.png", dpi=120)


if __name__ == "__main__":
    run_script(main)
