"""Reading compiled programs: golden texts as two compilers write them, and one compiled here."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import pytest
from jax import lax
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from jaxgan.plan import Collective, collectives, hlo
from jaxgan.plan.traffic import bytes_moved

TPU = """\
HloModule jit_step, is_scheduled=true

%fused (param_0.1: f32[10,64], param_1.2: s32[]) -> f32[1,64] {
  %param_0.1 = f32[10,64]{1,0:T(8,128)} parameter(0)
  %param_1.2 = s32[]{:T(128)} parameter(1)
  %constant.9 = s32[]{:T(128)} constant(0)
  ROOT %slice.3 = f32[1,64]{1,0:T(1,128)} dynamic-slice(%param_0.1, %param_1.2, %constant.9)
}

%body.clone (arg: (s32[], f32[64], f32[10,64])) -> (s32[], f32[64], f32[10,64]) {
  %arg = (s32[]{:T(128)}, f32[64]{0:T(128)S(1)}, f32[10,64]{1,0:T(8,128)}) parameter(0)
  %gte.0 = s32[]{:T(128)} get-tuple-element(%arg), index=0
  %gte.1 = f32[64]{0:T(128)S(1)} get-tuple-element(%arg), index=1
  %gte.2 = f32[10,64]{1,0:T(8,128)} get-tuple-element(%arg), index=2
  %fusion.1 = f32[1,64]{1,0:T(1,128)S(1)} fusion(%gte.2, %gte.0), kind=kLoop, calls=%fused
  %all-reduce.7 = (f32[64]{0:T(128)S(1)}, /*index=1*/bf16[8]{0}) all-reduce(%gte.1, %other), \
replica_groups=mesh['axis_0'=4,'axis_1'=2] {'axis_0'}, to_apply=%add
  %start = (f32[64]{0:T(128)}, f32[64]{0:T(128)S(1)}, u32[]{:S(2)}) copy-start(%gte.1)
  %done = f32[64]{0:T(128)} copy-done(%start)
  ROOT %tuple.1 = (s32[]{:T(128)}, f32[64]{0}, f32[10,64]{1,0}) tuple(%gte.0, %done, %gte.2)
}

%condition (arg.1: (s32[], f32[64], f32[10,64])) -> pred[] {
  %limit = s32[]{:T(128)} constant(10)
  %arg.1 = (s32[]{:T(128)}, f32[64]{0:T(128)S(1)}, f32[10,64]{1,0:T(8,128)}) parameter(0)
  %counter = s32[]{:T(128)} get-tuple-element(%arg.1), index=0
  ROOT %lt = pred[]{:T(512)} compare(%counter, %limit), direction=LT
}

ENTRY %main (x: f32[64], y: f32[10,64]) -> f32[64] {
  %x = f32[64]{0:T(128)} parameter(0), metadata={op_name="state (a) = {b}"}
  %y = f32[10,64]{1,0:T(8,128)} parameter(1)
  %zero = s32[]{:T(128)} constant(0)
  %init = (s32[]{:T(128)}, f32[64]{0}, f32[10,64]{1,0}) tuple(%zero, %x, %y)
  %while.1 = (s32[]{:T(128)}, f32[64]{0}, f32[10,64]{1,0}) while(%init), condition=%condition, \
body=%body.clone
  %out = f32[64]{0:T(128)} get-tuple-element(%while.1), index=1
  %ag-start = (f32[64]{0}, f32[256]{0}) all-gather-start(%out), replica_groups=[2,4]<=[8]
  %ag = f32[256]{0} all-gather-done(%ag-start)
  %rs = f32[16]{0} reduce-scatter(%out), replica_groups={{0,1,2,3},{4,5,6,7}}, to_apply=%add
  %alone = f32[64]{0} all-reduce(%out), replica_groups={{0},{1}}, to_apply=%add
  ROOT %end = f32[64]{0:T(128)} negate(%out)
}
"""


def test_loops_are_entered_as_often_as_they_turn() -> None:
    program = hlo.parse(TPU)
    times = {run.instruction.name: run.times for run in hlo.executed(program)}
    assert times["all-reduce.7"] == times["start"] == 10
    assert times["end"] == 1
    assert "slice.3" not in times  # inside a fusion


def test_collectives_of_a_golden_program() -> None:
    found = collectives(hlo.parse(TPU), 8)
    assert found == (
        Collective("all-gather", 4, 1, 1024, 768.0),
        Collective("all-reduce", 4, 10, 10 * (256 + 16), 2 * 2720 * 3 / 4),
        Collective("reduce-scatter", 4, 1, 256, 192.0),
    )


def test_traffic_of_a_golden_program() -> None:
    # In the loop: a row of y is read into the processor (256, and the counter, 4), bf16[8] is
    # reduced (16), and the result copied out (256). Behind it: the gather reads 256 and writes
    # 256 (of what a start holds, no more than it reads is seen), the scatter reads 256 and writes
    # 64, the reduction of one and the negation read and write 256 each.
    turn = 256 + 4 + 16 + 256
    assert bytes_moved(hlo.parse(TPU)) == 10 * turn + (256 + 256) + (256 + 64) + 2 * (256 + 256)


def test_a_program_without_entry_is_refused() -> None:
    with pytest.raises(ValueError, match="without an entry"):
        hlo.parse("HloModule empty")


def split_sum(num_steps: int) -> Any:
    """A loop, compiled for 8 devices, in each turn of which they reduce 64 numbers."""
    mesh = jax.make_mesh((8,), ("data",), axis_types=(AxisType.Auto,))
    split, whole = (NamedSharding(mesh, PartitionSpec(*spec)) for spec in (("data",), ()))

    def run(w: jax.Array, x: jax.Array) -> jax.Array:
        def turn(w: jax.Array, _: None) -> tuple[jax.Array, None]:
            return jnp.sum(jnp.tanh(x * w[None]), axis=0), None

        return lax.scan(turn, w, None, length=num_steps)[0]

    args = jax.ShapeDtypeStruct((64,), jnp.float32), jax.ShapeDtypeStruct((32, 64), jnp.float32)
    step = jax.jit(run, in_shardings=(whole, split), out_shardings=whole)
    return step.lower(*args).compile()


def test_collectives_of_a_program_compiled_here() -> None:
    program = hlo.parse(split_sum(7).as_text())
    assert collectives(program, 8) == (
        Collective("all-reduce", 8, 7, 7 * 256, 2 * 7 * 256 * 7 / 8),
    )
    # At least the shard of x is read in each turn.
    assert bytes_moved(program) >= 7 * 4 * 64 * 4


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("f32[2,3]{1,0}", 24),
        ("bf16[5]", 10),
        ("pred[]", 1),
        ("u4[3]", 2),
        ("f8e4m3fn[7]", 7),
        ("s64[2]", 16),
        ("token[]", 0),
        ("(f32[2], (s8[3], c64[1]))", 19),
    ],
)
def test_sizes(text: str, expected: int) -> None:
    assert sum(array.num_bytes for array in hlo.arrays(text)) == expected
