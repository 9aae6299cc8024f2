"""A training step with exact unrolling, k = 10, ours against PyTorch written by hand.

    pip install jaxgan[bench]
    python benchmarks/unrolled_vs_torch.py

One process, one run, interleaved. The game is that of experiments/unrolled_ring.py, the ring of
Metz et al.: G 256-128-128-2, D 2-128-1 on x/4, the saddle loss, Adam with learning rate 1e-4 and
b1 = 0.5, batch 512, both players from the same batch, inner steps through D's own Adam from its
live moments; data and latents are drawn inside the step on both sides. PyTorch goes through the
same functional Adam three ways: `torch.func.grad`, the same compiled, and `autograd.grad` with
`create_graph`; like ours it makes G(z) once for all inner steps. First both must give the same
gradient of the generator, in float64. Prints steps/s and ratios, and writes
benchmarks/results/unrolled_vs_torch.json.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import timing

import jaxgan as jg
from jaxgan.cli.program import Parser, run_script, whole
from jaxgan.data import ring
from jaxgan.models import MLPDiscriminator, MLPGenerator

torch = timing.peer("torch")
F = torch.nn.functional

BATCH, LATENT, WIDTH, GAIN, SCALE = 512, 256, 128, 0.8, 0.25
RATE, B1, B2, EPS, EPS_ROOT = 1e-4, 0.5, 0.999, 1e-8, jg.optimizers.EPS_ROOT
INNER, STEPS = 10, 20
RADIUS, STD, MODES = 2.0, 0.02, 8
DATA = ring(num_modes=MODES, radius=RADIUS, std=STD)
TOLERANCE, GOAL = 1e-6, 5.0
ADAM = jg.optimizers.adam(RATE, b1=B1)
ADAMS = {"gen": ADAM, "disc": ADAM}

Tensors = tuple[Any, ...]
Gradient = Callable[[Callable[..., Any], Tensors, Tensors], Tensors]


def our_game(**options: Any) -> jg.Game:
    """The unrolled game, as a user writes it."""
    init = nn.initializers.orthogonal(GAIN)
    gen = MLPGenerator((WIDTH, WIDTH), (2,), kernel_init=init)
    disc = MLPDiscriminator((WIDTH,), input_scale=SCALE, kernel_init=init)
    game = jg.gan(
        jg.from_linen(gen, jnp.zeros((1, LATENT))),
        jg.from_linen(disc, jnp.zeros((1, 2))),
        latent=LATENT,
        loss=jg.losses.minimax(),
    )
    return jg.unrolled(game, num_steps=INNER, **options)


def our_steps(**options: Any) -> Callable[[], None]:
    """A call of `STEPS` steps that keeps its state, donated."""
    algorithm = jg.simultaneous(jg.gradient(our_game(**options)), optimizers=ADAMS)
    many = jg.substeps(
        jg.device_data(algorithm, sample=DATA.sample, batch_size=BATCH), num_steps=STEPS
    )
    step = jax.jit(many.step, donate_argnums=0)
    states = [jax.jit(many.init)(jax.random.key(0))]

    def run() -> None:
        state, _ = step(states.pop(), {})
        states.append(jax.block_until_ready(state))

    return run


class Moments(NamedTuple):
    """Adam's state in PyTorch."""

    count: Any
    mean: Tensors
    square: Tensors


def adam(params: Tensors, grads: Tensors, state: Moments) -> tuple[Tensors, Moments]:
    """One step of Adam that can be differentiated."""
    count = state.count + 1
    mean = tuple(B1 * m + (1 - B1) * g for m, g in zip(state.mean, grads, strict=True))
    square = tuple(B2 * v + (1 - B2) * g * g for v, g in zip(state.square, grads, strict=True))
    left, right = 1 - B1**count, 1 - B2**count
    moved = tuple(
        p - RATE * (m / left) / ((v / right + EPS_ROOT).sqrt() + EPS)
        for p, m, v in zip(params, mean, square, strict=True)
    )
    return moved, Moments(count, mean, square)


def mlp(params: Tensors, x: Any) -> Any:
    """A perceptron; `params` are bias, kernel, bias, kernel and so on."""
    for i in range(0, len(params), 2):
        x = torch.addmm(params[i], x, params[i + 1])
        if i < len(params) - 2:
            x = x.relu()
    return x


def disc_loss(disc: Tensors, real: Any, fake: Any) -> Any:
    """L_D; L_G is its negative."""
    real_logits, fake_logits = mlp(disc, SCALE * real), mlp(disc, SCALE * fake)
    return (F.softplus(-real_logits) + F.softplus(fake_logits)).mean()


def by_func(loss: Callable[..., Any], params: Tensors, others: Tensors) -> Tensors:
    """The gradient by `torch.func`, which nests."""
    grads: Tensors = torch.func.grad(loss)(params, *others)
    return grads


def by_graph(loss: Callable[..., Any], params: Tensors, others: Tensors) -> Tensors:
    """The gradient by `torch.autograd`, which keeps its graph."""
    grads: Tensors = torch.autograd.grad(loss(params, *others), params, create_graph=True)
    return grads


def torch_gradients(
    gen: Tensors, disc: Tensors, state: Moments, real: Any, z: Any, inner: Gradient
) -> tuple[Tensors, Tensors]:
    """The unrolled gradient of the generator and the ordinary one of the discriminator."""

    def foreseen(gen: Tensors) -> Any:
        fake, ahead, now = mlp(gen, z), disc, state
        for _ in range(INNER):
            ahead, now = adam(ahead, inner(disc_loss, ahead, (real, fake)), now)
        return -disc_loss(ahead, real, fake)

    if inner is by_graph:
        gen, disc = (tuple(p.detach().requires_grad_() for p in who) for who in (gen, disc))
        pulled = torch.autograd.grad(foreseen(gen), gen)
        with torch.no_grad():
            fake = mlp(gen, z)
        return pulled, torch.autograd.grad(disc_loss(disc, real, fake), disc)
    pulled = torch.func.grad(foreseen)(gen)
    return pulled, torch.func.grad(disc_loss)(disc, real, mlp(gen, z))


def torch_steps(start: Sequence[Tensors], inner: Gradient, compiled: bool) -> Callable[[], None]:
    """A call of `STEPS` steps in PyTorch."""
    angles = 2 * math.pi * torch.arange(MODES) / MODES
    modes = RADIUS * torch.stack([angles.cos(), angles.sin()], dim=1)

    def zeros(params: Tensors) -> Moments:
        return Moments(
            torch.zeros(()),
            tuple(map(torch.zeros_like, params)),
            tuple(map(torch.zeros_like, params)),
        )

    def step(players: Sequence[Tensors], states: Sequence[Moments]) -> tuple[Any, Any]:
        real = modes[torch.randint(MODES, (BATCH,))] + STD * torch.randn(BATCH, 2)
        z = torch.randn(BATCH, LATENT)
        gen, disc = players
        grads = torch_gradients(gen, disc, states[1], real, z, inner)
        with torch.no_grad():
            moved = [adam(*each) for each in zip(players, grads, states, strict=True)]
        return [params for params, _ in moved], [state for _, state in moved]

    compute = torch.compile(step) if compiled else step
    held: list[Any] = [list(start), [zeros(params) for params in start]]

    def run() -> None:
        for _ in range(STEPS):
            held[0], held[1] = compute(*held)

    return run


def to_torch(tree: Any) -> Tensors:
    """The leaves as tensors; Flax orders them bias, kernel, layer by layer."""
    return tuple(torch.from_numpy(np.array(leaf)) for leaf in jax.tree.leaves(tree))


def check_gradient() -> float:
    """The relative difference of the two generator gradients, in float64 from live moments."""
    game = our_game(remat=False)
    params, net_state = game.init(jax.random.key(0))
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        params = jax.tree.map(lambda x: jnp.asarray(x, jnp.float64), params)
        real = np.asarray(DATA.sample(jax.random.key(1), BATCH)["image"], np.float64)
        z = rng.standard_normal((BATCH, LATENT))
        mean, square = (
            jax.tree.map(lambda x: jnp.asarray(1e-2 * rng.standard_normal(x.shape)), params["disc"])
            for _ in range(2)
        )
        square = jax.tree.map(jnp.square, square)
        scale, *rest = ADAM.init(params["disc"])
        live = (scale._replace(count=jnp.int32(7), mu=mean, nu=square), *rest)
        context = jg.Context(
            jax.random.key(2), opt_state={"disc": live}, optimizers=tuple(ADAMS.items())
        )
        batch = {"image": jnp.asarray(real), "latent": jnp.asarray(z)}
        field = jg.gradient(game)
        ours = jax.jit(lambda p: field.apply(p, (), net_state, batch, context)[0]["gen"])(params)
        ours = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(ours)])
    state = Moments(torch.tensor(7.0, dtype=torch.float64), to_torch(mean), to_torch(square))
    inputs = (to_torch(params["gen"]), to_torch(params["disc"]), state)
    gap = 0.0
    for inner in (by_func, by_graph):
        pulled, _ = torch_gradients(*inputs, torch.from_numpy(real), torch.from_numpy(z), inner)
        theirs = np.concatenate([leaf.numpy().ravel() for leaf in pulled])
        gap = max(gap, float(np.abs(ours - theirs).max() / np.abs(theirs).max()))
    if not gap <= TOLERANCE:
        raise RuntimeError(f"the gradients differ by {gap:.1e} of the largest entry")
    return gap


def main() -> None:
    """Prints and writes the figures."""
    parser = Parser(description=__doc__)
    parser.add_argument("--rounds", type=whole(1), default=9)
    parser.add_argument("--calls", type=whole(1), default=1)
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out")
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent / "results/unrolled_vs_torch.json"
    )
    args = parser.parse_args()

    gap = check_gradient()
    print(f"float64: the generator's gradients differ by {gap:.1e} of the largest entry")
    params, _ = our_game().init(jax.random.key(0))
    start = [to_torch(params[player]) for player in ("gen", "disc")]
    candidates = {
        "jaxgan, default": our_steps(),
        "jaxgan, remat=False": our_steps(remat=False),
        "torch.func": torch_steps(start, by_func, compiled=False),
        "torch.autograd": torch_steps(start, by_graph, compiled=False),
    }
    if not args.no_compile:
        compiled = torch_steps(start, by_func, compiled=True)
        try:
            compiled()
            candidates["torch.func, compiled"] = compiled
        except torch._dynamo.exc.TorchDynamoException as error:
            print(f"torch.compile cannot: {str(error).splitlines()[0]}")
    seconds = timing.seconds_per_call(candidates, num_rounds=args.rounds, num_calls=args.calls)
    speeds = {name: STEPS / time for name, time in seconds.items()}
    for name, speed in speeds.items():
        print(f"{name:22s} {speed:8.1f} steps/s")
    ours = [name for name in speeds if name.startswith("jaxgan")]
    ratios = {
        name: {
            other: round(speeds[name] / speeds[other], 3) for other in speeds if other not in ours
        }
        for name in ours
    }
    for name, row in ratios.items():
        print(f"{name}: " + ", ".join(f"{ratio:.2f} times {other}" for other, ratio in row.items()))
    best = max(row["torch.func"] for row in ratios.values())
    print(f"goal, {GOAL:.0f} times torch.func: {'pass' if best >= GOAL else 'FAIL'}")
    results = {
        "gradient_gap": gap,
        "steps_per_second": speeds,
        "ratios": ratios,
        "goal": GOAL,
        "passed": best >= GOAL,
    }
    timing.save_results(args.out, results)


if __name__ == "__main__":
    run_script(main)
