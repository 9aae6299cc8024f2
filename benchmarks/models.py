"""One training step of StyleGAN2, BigGAN and CycleGAN against their references in PyTorch.

    git clone https://github.com/NVlabs/stylegan2-ada-pytorch references/stylegan2-ada-pytorch
    git clone https://github.com/ajbrock/BigGAN-PyTorch references/BigGAN-PyTorch
    git clone https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix \\
        references/pytorch-CycleGAN-and-pix2pix
    python benchmarks/models.py --references references

The same networks with the same numbers of parameters, the same batch, Adam; ours as `jaxgan train`
builds it, theirs with the operations that the repositories use on a CPU. StyleGAN2 (64 px, narrow,
batch 8) has R1 and path length in every step, BigGAN (32 px, batch 32) one update of each player,
CycleGAN (64 px, batch 1) the cycle and identity terms; pools of old images and averages of
generators are left out on both sides. Everything is interleaved in one process; seconds are
processor time of all threads too, which a busy machine changes less. Needs `pip install
jaxgan[bench]`. Writes results/models.json.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import itertools
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import timing

from jaxgan.cli.program import Parser, run_script, whole
from jaxgan.config import build
from jaxgan.config.resolve import resolve
from jaxgan.core.errors import InputError

torch = timing.peer("torch")

Step = Callable[[], Any]

ADAM = {"name": "adam", "learning_rate": 2e-4, "b1": 0.0, "b2": 0.99}
WIDTH, STYLE_BATCH = 2048, 8
CLASSES, BIG_BATCH, BIG_WIDTH = 10, 32, 16
CYCLE_WIDTH, CYCLE_BLOCKS, CYCLE_LAYERS = 16, 3, 2


def ours(config: dict[str, Any], shapes: dict[str, tuple[int, ...]]) -> tuple[Step, int]:
    """A step as `jaxgan train` would dispatch it, and the number of parameters."""
    adam = config.pop("adam", ADAM)
    full = resolve({**config, "optimizer": {"gen": adam, "disc": adam}})
    spec = {name: jax.ShapeDtypeStruct(shape, np.float32) for name, shape in shapes.items()}
    if full["num_classes"]:
        spec["label"] = jax.ShapeDtypeStruct((), np.int32)
    algorithm = build.build_algorithm(full, spec)
    random, lead = np.random.default_rng(0), (*algorithm.num_batches, full["batch_size"])
    batch: dict[str, Any] = {
        name: random.uniform(-1, 1, (*lead, *shape)).astype(np.float32)
        for name, shape in shapes.items()
    }
    if full["num_classes"]:
        batch["label"] = random.integers(full["num_classes"], size=lead).astype(np.int32)
    state = [jax.jit(algorithm.init)(jax.random.key(0))]
    step = jax.jit(algorithm.step, donate_argnums=0)
    num = sum(leaf.size for leaf in jax.tree.leaves(state[0].params))

    def run() -> None:
        state[0], _ = jax.block_until_ready(step(state[0], batch))

    return run, num


def images(batch: int, size: int, channels: int = 3) -> Any:
    """Real examples for PyTorch."""
    return torch.rand(batch, channels, size, size) * 2 - 1


def adam_of(*modules: Any, rate: float, b1: float, b2: float) -> Any:
    """PyTorch's Adam over the parameters of several modules."""
    parameters = itertools.chain(*(module.parameters() for module in modules))
    return torch.optim.Adam(parameters, rate, (b1, b2))


def size_of(*modules: Any) -> int:
    """The number of parameters."""
    return sum(p.numel() for module in modules for p in module.parameters())


def load(folder: Path, *names: str) -> list[Any]:
    """Modules of a clone."""
    if not folder.is_dir():
        raise InputError(f"references: there is no {folder}; see the docstring for what to clone")
    sys.path.insert(0, str(folder))
    return [importlib.import_module(name) for name in names]


def our_stylegan2() -> tuple[Step, int]:
    """Non-saturating, R1 and path length in every step."""
    widths = {"name": "stylegan2", "channel_base": WIDTH, "channel_max": 128}
    config = {
        "batch_size": STYLE_BATCH,
        "latent_dim": 128,
        "generator": {**widths, "style_dim": 128},
        "discriminator": widths,
        "penalties": {"r1": {"weight": 10.0}, "path_length": {"shrink": 2}},
        "algorithm": "alternating",
    }
    return ours(config, {"image": (64, 64, 3)})


def their_stylegan2(root: Path) -> tuple[Step, int]:
    """NVlabs' own loss, phases "Gboth" and "Dboth"."""
    networks, loss = load(root / "stylegan2-ada-pytorch", "training.networks", "training.loss")
    widths = {"channel_base": WIDTH, "channel_max": 128}
    gen = networks.Generator(128, 0, 128, 64, 3, synthesis_kwargs=widths).train()
    disc = networks.Discriminator(0, 64, 3, **widths).train()
    game = loss.StyleGAN2Loss("cpu", gen.mapping, gen.synthesis, disc)
    moves = [
        (player, adam_of(player, rate=2e-4, b1=0.0, b2=0.99), phase)
        for player, phase in ((disc, "Dboth"), (gen, "Gboth"))
    ]
    gen.requires_grad_(False)
    disc.requires_grad_(False)
    real, label = images(STYLE_BATCH, 64), torch.zeros(STYLE_BATCH, 0)

    def run() -> None:
        for player, optimizer, phase in moves:
            optimizer.zero_grad(set_to_none=True)
            player.requires_grad_(True)
            latent = torch.randn(STYLE_BATCH, 128)
            game.accumulate_gradients(phase, real, label, latent, label, sync=True, gain=1)
            player.requires_grad_(False)
            optimizer.step()

    return run, size_of(gen, disc)


def our_biggan() -> tuple[Step, int]:
    """Hinge, one update of each player."""
    network = {"name": "biggan", "base_channels": BIG_WIDTH}
    config = {
        "batch_size": BIG_BATCH,
        "latent_dim": 128,
        "num_classes": CLASSES,
        "generator": {**network, "embedding_dim": 128},
        "discriminator": network,
        "loss": "hinge",
        "algorithm": "alternating",
    }
    return ours(config, {"image": (32, 32, 3)})


def their_biggan(root: Path) -> tuple[Step, int]:
    """The updates of its train_fns.py, hinge."""
    (nets,) = load(root / "BigGAN-PyTorch", "BigGAN")
    shared = {"resolution": 32, "n_classes": CLASSES}
    gen = nets.Generator(
        G_ch=BIG_WIDTH,
        dim_z=128,
        G_attn="0",
        G_shared=True,
        shared_dim=128,
        hier=True,
        no_optim=True,
        **shared,
    )
    disc = nets.Discriminator(D_ch=BIG_WIDTH, D_attn="0", **shared)
    of_gen, of_disc = (adam_of(net, rate=2e-4, b1=0.0, b2=0.99) for net in (gen, disc))
    real = images(BIG_BATCH, 32)

    def judged() -> Any:
        label = torch.randint(CLASSES, (BIG_BATCH,))
        fake = gen(torch.randn(BIG_BATCH, 128), gen.shared(label))
        return disc(fake, label)

    def run() -> None:
        of_disc.zero_grad()
        gen.requires_grad_(False)
        label = torch.randint(CLASSES, (BIG_BATCH,))
        fake_part = torch.relu(1 + judged()).mean()
        (torch.relu(1 - disc(real, label)).mean() + fake_part).backward()
        of_disc.step()
        gen.requires_grad_(True)
        disc.requires_grad_(False)
        of_gen.zero_grad()
        (-judged().mean()).backward()
        of_gen.step()
        disc.requires_grad_(True)

    return run, size_of(gen, disc)


def our_cyclegan() -> tuple[Step, int]:
    """Least squares, cycle and identity, without a pool."""
    config = {
        "batch_size": 1,
        "game": {"name": "cyclegan", "pool_size": 0},
        "generator": {"name": "resnet", "base_channels": CYCLE_WIDTH, "num_blocks": CYCLE_BLOCKS},
        "discriminator": {
            "name": "patch",
            "base_channels": CYCLE_WIDTH,
            "num_layers": CYCLE_LAYERS,
            "norm": "instance",
        },
        "algorithm": "simultaneous",
        "adam": {**ADAM, "b1": 0.5, "b2": 0.999},
        "data": {"source": "unpaired:a,b"},
    }
    return ours(config, {"image": (64, 64, 3), "source": (64, 64, 3)})


def their_cyclegan(root: Path) -> tuple[Step, int]:
    """The updates of its cycle_gan_model.py."""
    (networks,) = load(root / "pytorch-CycleGAN-and-pix2pix", "models.networks")
    norm = functools.partial(torch.nn.InstanceNorm2d, affine=False, track_running_stats=False)
    gens = [
        networks.ResnetGenerator(3, 3, CYCLE_WIDTH, norm_layer=norm, n_blocks=CYCLE_BLOCKS)
        for _ in range(2)
    ]
    discs = [
        networks.NLayerDiscriminator(3, CYCLE_WIDTH, n_layers=CYCLE_LAYERS, norm_layer=norm)
        for _ in range(2)
    ]
    of_gens, of_discs = (adam_of(*nets, rate=2e-4, b1=0.5, b2=0.999) for nets in (gens, discs))
    x, y, l1 = images(1, 64), images(1, 64), torch.nn.functional.l1_loss

    def squares(logits: Any, target: float) -> Any:
        return ((logits - target) ** 2).mean()

    def run() -> None:
        (there, back), (of_y, of_x) = gens, discs
        fake_y, fake_x = there(x), back(y)
        for disc in discs:
            disc.requires_grad_(False)
        of_gens.zero_grad()
        cycle = l1(back(fake_y), x) + l1(there(fake_x), y)
        identity = l1(there(y), y) + l1(back(x), x)
        adversarial = squares(of_y(fake_y), 1.0) + squares(of_x(fake_x), 1.0)
        (adversarial + 10 * cycle + 5 * identity).backward()
        of_gens.step()
        for disc in discs:
            disc.requires_grad_(True)
        of_discs.zero_grad()
        for disc, real, fake in ((of_y, y, fake_y), (of_x, x, fake_x)):
            (0.5 * (squares(disc(real), 1.0) + squares(disc(fake.detach()), 0.0))).backward()
        of_discs.step()

    return run, size_of(*gens, *discs)


CASES: dict[str, tuple[Callable[[], tuple[Step, int]], Callable[[Path], tuple[Step, int]]]] = {
    "stylegan2": (our_stylegan2, their_stylegan2),
    "biggan": (our_biggan, their_biggan),
    "cyclegan": (our_cyclegan, their_cyclegan),
}


def processor_seconds(steps: dict[str, Step], num_rounds: int) -> dict[str, float]:
    """The median processor time of a step, over rounds in which each has its turn."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(num_rounds):
        for name, step in steps.items():
            start = time.process_time()
            step()
            times[name].append(time.process_time() - start)
    return {name: float(np.median(seconds)) for name, seconds in times.items()}


def main() -> None:
    """Times, prints, writes."""
    flags = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--references", type=Path, required=True, help="folder of the clones")
    flags.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    flags.add_argument("--rounds", type=whole(1), default=10)
    flags.add_argument("--out", type=Path, default=timing.RESULTS / "models.json")
    args = flags.parse_args()
    results: dict[str, Any] = {}
    for name in args.cases:
        ours_of, theirs_of = CASES[name]
        (our_step, our_size), (their_step, their_size) = ours_of(), theirs_of(args.references)
        steps = {"jaxgan": our_step, "reference": their_step}
        wall = timing.seconds_per_call(steps, num_rounds=args.rounds, num_calls=1)
        processor = processor_seconds(steps, args.rounds)
        found = {
            "parameters": {"jaxgan": our_size, "reference": their_size},
            "seconds": wall,
            "processor_seconds": processor,
            "ratio": wall["reference"] / wall["jaxgan"],
            "processor_ratio": processor["reference"] / processor["jaxgan"],
        }
        results[name] = found
        print(
            f"{name}: {our_size:,} and {their_size:,} parameters; {wall['jaxgan']:.3f} s, "
            f"reference {wall['reference']:.3f} s: {found['ratio']:.2f} times as fast "
            f"({found['processor_ratio']:.2f} in processor time)",
            flush=True,
        )
    timing.save_results(args.out, results)


if __name__ == "__main__":
    run_script(main)
