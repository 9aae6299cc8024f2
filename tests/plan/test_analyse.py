"""A real step for 8 devices: what the report says against what lies on the devices."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import distributed, gradient, optimizers, simultaneous, substeps
from jaxgan.core.typing import Array
from jaxgan.plan import Job, analyse, argument_bytes
from jaxgan.plan.chips import CHIPS
from tests.helpers import BATCH, DIM, mlp_gan, plain

STEPS = 3
ADAM = optimizers.adam(1e-3)


def make_job(model: int, num_steps: int = STEPS) -> tuple[Job, Any]:
    """A GAN's step, its state split over `model` devices, and the state itself."""
    algorithm = simultaneous(gradient(mlp_gan()), optimizers={"gen": ADAM, "disc": ADAM})
    algorithm = substeps(algorithm, num_steps=num_steps)
    mesh = distributed.make_mesh(8, model=model)
    state = distributed.state_template(algorithm, mesh, min_size=1)
    split = distributed.batch_sharding(mesh, algorithm.num_batches)
    shape = (num_steps, BATCH, DIM)
    job = Job(
        step=distributed.jit_step(algorithm, mesh, distributed.shardings_of(state)),
        state=state,
        batch={"image": jax.ShapeDtypeStruct(shape, np.float32, sharding=split)},
        steps_per_call=num_steps,
        images_per_step=BATCH,
        num_devices=8,
        platform="cpu",
    )
    return job, algorithm.init


def bytes_on_first_device(tree: Any) -> int:
    def size(x: Array) -> int:
        x = jax.random.key_data(x) if jnp.issubdtype(x.dtype, jax.dtypes.prng_key) else x
        first = [one for one in x.addressable_shards if one.device == jax.devices()[0]]
        return sum(one.data.nbytes for one in first)

    return sum(size(leaf) for leaf in jax.tree.leaves(tree))


@pytest.mark.parametrize("model", [1, 4])
def test_arguments_are_the_bytes_of_the_shards(model: int) -> None:
    job, init = make_job(model)
    shardings = jax.tree.map(lambda x: x.sharding, job.state)
    state = jax.jit(init, out_shardings=shardings)(jax.random.key(0))
    batch = jax.tree.map(
        lambda x: jax.device_put(np.zeros(x.shape, x.dtype), x.sharding), job.batch
    )
    expected = bytes_on_first_device((state, batch))
    assert argument_bytes(job) == expected
    whole = sum(x.nbytes for x in jax.tree.leaves(plain((state, batch))))
    assert expected < whole  # at least the batch is split
    report = analyse(job)
    # The compiler, which lays out arrays here without padding, says the same.
    assert (report.memory.arguments, report.memory.padding) == (expected, 0)
    assert report.memory.total >= expected


def test_a_report_is_of_one_step() -> None:
    once, _ = make_job(1, 1)
    often, _ = make_job(1, 6)
    one, six = analyse(once, CHIPS["v5e"]), analyse(often, CHIPS["v5e"])
    assert six.total_flops == pytest.approx(one.total_flops, rel=1e-6)
    assert six.flops_per_image == one.total_flops / BATCH
    assert one.sent_bytes is not None
    assert six.sent_bytes == pytest.approx(one.sent_bytes, rel=0.5)
    assert one.roofline is not None
    assert one.images_per_second == pytest.approx(BATCH / one.roofline.step_seconds)
    assert one.parameters == {"disc": 2 * 8 + 8 + 8 * 8 + 8 + 8 + 1, "gen": 3 * 8 + 8 + 8 * 2 + 2}


def test_a_step_by_hand() -> None:
    job, _ = make_job(1)
    report = analyse(job)
    gen, disc = 3 * 8 + 8 * 2, 2 * 8 + 8 * 8 + 8
    # Forwards: G once, D on real and fake. Backwards of G's loss: D's inputs and G's weights and
    # inner inputs; of D's: its weights and inner inputs, on both.
    forwards = gen + 2 * disc
    for_gen = disc + (gen + 8 * 2)
    for_disc = 2 * (disc + 8 * 8 + 8)
    assert report.total_flops == 2 * BATCH * (forwards + for_gen + for_disc)
    assert [one.kind for one in report.collectives] == ["all-reduce"]


class Exhausted:
    """A step for which the compiler finds no room."""

    def __init__(self, step: Any, message: str) -> None:
        self.step, self.message = step, message

    def trace(self, *args: Any) -> Any:
        self.jaxpr = self.step.trace(*args).jaxpr
        return self

    def lower(self, **options: Any) -> Any:
        return self

    def compile(self) -> Any:
        raise jax.errors.JaxRuntimeError(self.message)


@pytest.mark.parametrize(
    ("message", "temporaries", "limit"),
    [
        (
            "RESOURCE_EXHAUSTED: E1000: Ran out of memory on HBM, the total memory required for "
            "HLO temporaries (65.00G) exceeds available HBM (15.75G).",
            65 * 2**30,
            15.75 * 2**30,
        ),
        (
            "RESOURCE_EXHAUSTED: Ran out of memory in memory space hbm. Used 20.50G of 15.75G hbm.",
            20.5 * 2**30,
            15.75 * 2**30,
        ),
        ("RESOURCE_EXHAUSTED: in other words", 0, 16 * 2**30),
    ],
)
def test_out_of_memory_is_an_answer(message: str, temporaries: float, limit: float) -> None:
    job, _ = make_job(1)
    job = job._replace(step=Exhausted(job.step, message))
    report = analyse(job, CHIPS["v5e"])
    assert (report.memory.fits, report.memory.temporaries) == (False, temporaries)
    assert report.memory.limit == limit
    assert report.roofline is None
    assert report.bytes_moved is None
    assert report.total_flops > 0


def test_other_failures_of_the_compiler_are_failures() -> None:
    job, _ = make_job(1)
    with pytest.raises(jax.errors.JaxRuntimeError, match="INTERNAL"):
        analyse(job._replace(step=Exhausted(job.step, "INTERNAL: a bug")))
