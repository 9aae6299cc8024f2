"""Compiles a training step for devices that need not be there, and reads off what it costs."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
from jax.interpreters.partial_eval import dce_jaxpr

from jaxgan.core.typing import PyTree
from jaxgan.plan import hlo
from jaxgan.plan.chips import Chip
from jaxgan.plan.collectives import Collective, collectives
from jaxgan.plan.flops import Flops, count_jaxpr
from jaxgan.plan.roofline import Roofline, roofline
from jaxgan.plan.traffic import bytes_moved

# What the compiler says, today and in older versions.
_EXHAUSTED = (
    re.compile(r"\(([0-9.]+)([KMGTPE]?)\) exceeds available HBM \(([0-9.]+)([KMGTPE]?)\)"),
    re.compile(r"Used ([0-9.]+)([KMGTPE]?) of ([0-9.]+)([KMGTPE]?) hbm"),
)
_POWERS = {prefix: 10 * power for power, prefix in enumerate(("", *"KMGTPE"))}


class Job(NamedTuple):
    """A training step and what it is called with.

    Attributes:
      step: jitted, (state, batch) -> (state, metrics).
      state: ShapeDtypeStructs of a TrainState, with their shardings.
      batch: ShapeDtypeStructs of a batch, all its leading axes included, with their shardings.
      steps_per_call: training steps that one call takes.
      images_per_step: real examples that a step consumes, over all devices.
      num_devices: over which the step is split.
      platform: they are of: `"cpu"` or `"tpu"`.
    """

    step: Any
    state: Any
    batch: PyTree
    steps_per_call: int
    images_per_step: int
    num_devices: int
    platform: str


class Memory(NamedTuple):
    """Bytes on each device.

    Attributes:
      arguments: state and batch, the sum of their shards.
      padding: what the compiler's layouts add to the arguments.
      temporaries: values that live within the step.
      outputs: results that do not take the place of a donated argument.
      code: of the program.
      total: of all these.
      limit: what a device has, by the published figures; None for a CPU.
      headroom: what is left of it.
      fits: whether the compiler found room, and nothing is over the limit.
    """

    arguments: int
    padding: int
    temporaries: int
    outputs: int
    code: int
    total: int
    limit: float | None
    headroom: float | None
    fits: bool


class Report(NamedTuple):
    """What a step costs; of one step, and on one device where nothing else is said.

    Attributes:
      num_devices: over which it is split.
      parameters: numbers by player, of all members.
      memory: bytes on each device; where a step does not fit, as the compiler's message has it.
      flops: of one step, on all devices, by kind.
      flops_least: the same, if every `lax.cond` takes its cheapest branch.
      flops_per_image: per real example.
      compiler_flops: the compiler's own count for one call on one device, bodies of loops once.
      bytes_moved: between memory and processor.
      collectives: of one call.
      sent_bytes: to other devices.
      images_per_step: real examples over all devices.
      roofline: the bound on speed; None without published figures.
      images_per_second: the bound on all devices together.
      compile_seconds: tracing included.
      notes: what could not be known.
    """

    num_devices: int
    parameters: Mapping[str, int]
    memory: Memory
    flops: Mapping[str, float]
    flops_least: float
    flops_per_image: float
    compiler_flops: float | None
    bytes_moved: float | None
    collectives: Sequence[Collective]
    sent_bytes: float | None
    images_per_step: int
    roofline: Roofline | None
    images_per_second: float | None
    compile_seconds: float
    notes: Sequence[str]

    @property
    def total_flops(self) -> float:
        """Of one step on all devices."""
        return float(sum(self.flops.values()))


def analyse(job: Job, chip: Chip | None = None) -> Report:
    """Compiles a step and reads off what it costs.

    Args:
      job: the step.
      chip: the figures of one device, if there are any.

    Returns:
      The report. Where the compiler runs out of the devices' memory, it says so in `memory`, and
      has None where only a compiled program could tell.

    Raises:
      RuntimeError: if the compiler fails for another reason.

    Example:
      >>> from jax.sharding import SingleDeviceSharding
      >>> here = SingleDeviceSharding(jax.devices()[0])
      >>> w = jax.ShapeDtypeStruct((4, 4), "float32", sharding=here)
      >>> job = Job(jax.jit(lambda w, x: x @ w), w, w, 1, 4, 1, "cpu")
      >>> report = analyse(job)
      >>> report.total_flops, report.memory.arguments, report.memory.fits
      (128.0, 128, True)
    """
    start = time.perf_counter()
    traced = job.step.trace(job.state, job.batch)
    counted = count_jaxpr(traced.jaxpr, job.platform)
    unused = _unused_bytes(traced.jaxpr, job)
    lowered = traced.lower(lowering_platforms=(job.platform,))
    program, compiled = None, None
    try:
        compiled = lowered.compile()
        program = hlo.parse(compiled.as_text())
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        memory = _exhausted(str(error), argument_bytes(job), chip)
    else:
        memory = _memory(compiled.memory_analysis(), argument_bytes(job), unused, chip)
    seconds = time.perf_counter() - start
    return _report(job, chip, counted, memory, program, _own_count(compiled), seconds)


def _report(
    job: Job,
    chip: Chip | None,
    counted: Flops,
    memory: Memory,
    program: hlo.Program | None,
    compiler_flops: float | None,
    seconds: float,
) -> Report:
    calls = job.steps_per_call
    sent: tuple[Collective, ...] = ()
    sent_bytes, moved, bound = None, None, None
    if program is not None:
        sent = collectives(program, job.num_devices)
        sent_bytes = sum(one.sent_bytes for one in sent) / calls
        moved = bytes_moved(program) / calls
    if chip is not None and moved is not None and sent_bytes is not None:
        share = counted.least / counted.total if counted.total else 1.0
        parts = job.num_devices * calls
        flops = {kind: share * num / parts for kind, num in counted.by_kind.items()}
        bound = roofline(chip, flops, moved, sent_bytes)
    named = {" ".join(k for k in kind if k): n / calls for kind, n in counted.by_kind.items()}
    return Report(
        num_devices=job.num_devices,
        parameters=_parameters(job.state),
        memory=memory,
        flops=named,
        flops_least=counted.least / calls,
        flops_per_image=counted.total / calls / job.images_per_step,
        compiler_flops=compiler_flops,
        bytes_moved=moved,
        collectives=sent,
        sent_bytes=sent_bytes,
        images_per_step=job.images_per_step,
        roofline=bound,
        images_per_second=job.images_per_step / bound.step_seconds if bound else None,
        compile_seconds=seconds,
        notes=counted.notes,
    )


def argument_bytes(job: Job) -> int:
    """Bytes of the state's and the batch's shards on one device.

    Args:
      job: the step.

    Returns:
      The sum over all leaves, used by the step or not: they lie in memory all the same.

    Example:
      See `analyse`.
    """
    return sum(_shard_bytes(leaf) for leaf in jax.tree.leaves((job.state, job.batch)))


def _shard_bytes(leaf: Any) -> int:
    size: int = math.prod(leaf.sharding.shard_shape(leaf.shape)) * leaf.dtype.itemsize
    return size


def _unused_bytes(jaxpr: Any, job: Job) -> int:
    """Arguments that jit drops, since nothing depends on them; the compiler does not see these."""
    _, used = dce_jaxpr(jaxpr.jaxpr, [True] * len(jaxpr.jaxpr.outvars))
    pairs = zip(jax.tree.leaves((job.state, job.batch)), used, strict=True)
    return sum(_shard_bytes(leaf) for leaf, is_used in pairs if not is_used)


def _memory(stats: Any, arguments: int, unused: int, chip: Chip | None) -> Memory:
    padding = stats.argument_size_in_bytes + unused - arguments
    outputs = max(stats.output_size_in_bytes - stats.alias_size_in_bytes, 0)
    parts = (
        arguments,
        padding,
        stats.temp_size_in_bytes,
        outputs,
        stats.generated_code_size_in_bytes,
    )
    total = sum(parts)
    limit = chip.hbm_bytes if chip else None
    headroom = None if limit is None else limit - total
    return Memory(*parts, total, limit, headroom, headroom is None or headroom >= 0)


def _exhausted(message: str, arguments: int, chip: Chip | None) -> Memory:
    limit = chip.hbm_bytes if chip else None
    temporaries = 0
    if found := next((match for one in _EXHAUSTED if (match := one.search(message))), None):
        temporaries = int(float(found[1]) * 2 ** _POWERS[found[2]])
        limit = float(found[3]) * 2 ** _POWERS[found[4]]
    total = arguments + temporaries
    headroom = None if limit is None else limit - total
    return Memory(arguments, 0, temporaries, 0, 0, total, limit, headroom, False)


def _own_count(compiled: Any) -> float | None:
    costs = compiled.cost_analysis() if compiled is not None else None
    return float(costs["flops"]) if costs and "flops" in costs else None


def _parameters(state: Any) -> dict[str, int]:
    params = getattr(state, "params", {})
    return {
        player: sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(tree))
        for player, tree in params.items()
    }
