"""What precision and recomputation do to the memory of a step, as compilers plan it.

    python benchmarks/precision.py [--tpu]

DCGAN of 64x64 pixels and 64 base channels, batch norm in both players, batch 64, Adam, simultaneous
descent, the state donated: the temporary memory of the compiled step, beyond its arguments and
results, for every precision and every `remat`. The CPU's compiler and, with `--tpu` and the package
`libtpu` (no TPU is needed), that of one TPU v5e chip, which takes minutes for each. Prints a table
and writes benchmarks/results/precision.json after every line.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import timing
from jax.experimental import topologies
from jax.sharding import SingleDeviceSharding

import jaxgan as jg
from jaxgan.cli.program import Parser, run_script
from jaxgan.config import networks
from jaxgan.config.networks.base import REMATS

SIZE, LATENT, BATCH = 64, 100, 64
TOPOLOGY = "v5e:2x2"


def make_algorithm(precision: str, remat: str) -> jg.Algorithm:
    """Simultaneous descent of a DCGAN."""
    shape = (SIZE, SIZE, 3)
    game = jg.gan(
        networks.dcgan_generator(shape, LATENT, precision=precision, remat=remat),
        networks.dcgan_discriminator(shape, precision=precision, remat=remat),
        latent=LATENT,
    )
    adam = jg.optimizers.adam(2e-4, b1=0.5)
    return jg.simultaneous(jg.gradient(game), optimizers={"gen": adam, "disc": adam})


def plan(algorithm: jg.Algorithm, platform: str) -> dict[str, float]:
    """Temporary memory in MiB and operations of the compiled step on one device."""
    state = jax.eval_shape(algorithm.init, jax.random.key(0))
    batch = {"image": jax.ShapeDtypeStruct((BATCH, SIZE, SIZE, 3), jnp.float32)}
    placement: dict[str, Any] = {}
    if platform == "tpu":
        topology = topologies.get_topology_desc(platform="tpu", topology_name=TOPOLOGY)
        one = SingleDeviceSharding(topology.devices[0])
        placement = {"in_shardings": one, "out_shardings": one}
    traced = jax.jit(algorithm.step, donate_argnums=0, **placement).trace(state, batch)
    compiled = traced.lower(lowering_platforms=(platform,)).compile()
    planned = compiled.memory_analysis()
    if planned is None:
        raise RuntimeError(f"the compiler plans no memory on {platform!r}")
    return {
        "temporary_mib": round(planned.temp_size_in_bytes / 2**20, 1),
        "gflop": round(compiled.cost_analysis()["flops"] / 1e9, 1),
    }


def main() -> None:
    """Prints and writes the figures."""
    parser = Parser(description=__doc__)
    parser.add_argument("--tpu", action="store_true", help="ask the compiler of a TPU too")
    parser.add_argument("--out", type=Path, default=timing.RESULTS / "precision.json")
    args = parser.parse_args()

    print(f"{'compiler':9s} {'precision':9s} {'remat':6s} {'MiB':>7s} {'GFLOP':>7s}")
    rows = []
    for platform, precision, remat in itertools.product(
        ("cpu", "tpu") if args.tpu else ("cpu",), ("float32", "bfloat16"), REMATS
    ):
        found = plan(make_algorithm(precision, remat), platform)
        rows.append({"compiler": platform, "precision": precision, "remat": remat, **found})
        print(
            f"{platform:9s} {precision:9s} {remat:6s} {found['temporary_mib']:7.1f} "
            f"{found['gflop']:7.1f}",
            flush=True,
        )
        timing.save_results(args.out, {"rows": rows})


if __name__ == "__main__":
    run_script(main)
