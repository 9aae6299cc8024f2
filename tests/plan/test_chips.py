"""Figures of chips, names of topologies, the roofline, and the search for a batch."""

from __future__ import annotations

import importlib.util
import math

import pytest

from jaxgan.plan import find_batch, parse_topology, peak_flops, roofline
from jaxgan.plan import topology as topo
from jaxgan.plan.chips import CHIPS


@pytest.mark.parametrize(
    ("kind", "teraflops"),
    [
        ("TPU v2", 23),
        ("TPU v3", 61.5),
        ("TPU v4", 275),
        ("TPU v5 lite", 197),
        ("TPU v5e", 197),
        ("TPU v5", 459),
        ("TPU v5p", 459),
        ("TPU v6 lite", 918),
        ("NVIDIA A100-SXM4-80GB", 312),
        ("NVIDIA H100 80GB HBM3", 989),
        ("NVIDIA H100 PCIe", 756),
        ("NVIDIA H200", 989),
        ("NVIDIA L4", 121),
        ("NVIDIA L40S", 362),
        ("Tesla T4", 65),
        ("Tesla V100-SXM2-16GB", 125),
    ],
)
def test_peaks_by_the_names_that_jax_gives(kind: str, teraflops: float) -> None:
    assert peak_flops(kind) == teraflops * 1e12


@pytest.mark.parametrize("kind", ["cpu", "TPU v99", "NVIDIA GeForce GTX 1080", "TPU v4 lite", ""])
def test_no_peak_is_made_up(kind: str) -> None:
    assert peak_flops(kind) is None


@pytest.mark.parametrize(
    ("text", "shape", "num_devices"),
    [
        ("cpu:8", (8,), 8),
        ("v5e:16x16", (16, 16), 256),
        ("v3:2x2", (2, 2), 8),
        ("v4:2x2x1", (2, 2, 1), 4),
        ("tpu7x:2x2x1", (2, 2, 1), 8),
    ],
)
def test_topologies(text: str, shape: tuple[int, ...], num_devices: int) -> None:
    topology = parse_topology(text)
    assert (topology.shape, topology.num_devices) == (shape, num_devices)


@pytest.mark.parametrize(
    "text",
    ["", "cpu", "cpu:0", "cpu:2x2", "v5e", "v5e:4", "v5e:2x2x2", "v4:2x2", "v9:2x2", "v5e:-1x2"],
)
def test_an_unknown_topology_is_named_with_what_is_allowed(text: str) -> None:
    with pytest.raises(ValueError, match="it must be cpu:N, v2:AxB") as error:
        parse_topology(text)
    assert repr(text) in str(error.value)
    assert "\n" not in str(error.value)


def test_too_many_devices_of_a_cpu() -> None:
    with pytest.raises(ValueError, match="at most 1024"):
        parse_topology("cpu:100000")


def test_a_missing_compiler_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    topo.check_compiler(parse_topology("cpu:8"))
    with pytest.raises(ImportError, match=r"needs libtpu: pip install jaxgan\[plan\]"):
        topo.check_compiler(parse_topology("v5e:2x2"))


def test_the_longest_of_three_times_bounds_a_step() -> None:
    chip = CHIPS["v5e"]
    product = ("dot", "float32", "")
    compute = roofline(chip, {product: 197e12}, 819e9 / 4, 200e9 / 2)
    assert (compute.bound, compute.step_seconds) == ("compute", 1.0)
    assert (compute.memory_seconds, compute.network_seconds) == (0.25, 0.5)
    assert compute.intensity == pytest.approx(4 * 197e12 / 819e9)
    assert "above the chip's balance of 241" in compute.verdict
    memory = roofline(chip, {product: 1e9}, 819e9 * 2, 0.0)
    assert (memory.bound, memory.step_seconds) == ("memory", 2.0)
    assert "below the chip's balance" in memory.verdict
    network = roofline(chip, {product: 1e9}, 0.0, 200e9 * 3)
    assert (network.bound, network.step_seconds, network.intensity) == ("network", 3.0, math.inf)


def test_exact_products_of_float32_take_several_passes() -> None:
    chip = CHIPS["v5e"]
    times = {
        (dtype, precision): roofline(chip, {("dot", dtype, precision): 1e12}, 1.0, 0.0)
        for dtype in ("float32", "bfloat16")
        for precision in ("", "high", "highest")
    }
    base = times["bfloat16", ""].compute_seconds
    ratios = {kind: round(bound.compute_seconds / base, 6) for kind, bound in times.items()}
    assert ratios["float32", "high"] == 3
    assert ratios["float32", "highest"] == 6
    assert {ratios["float32", ""], *(ratios["bfloat16", p] for p in ("high", "highest"))} == {1}


def test_two_cores_of_a_chip_share_it() -> None:
    share = CHIPS["v3"].share
    assert (share.bf16_flops, share.hbm_bytes) == (61.5e12, 16 * 2**30)


class Machine:
    """Memory that grows with the batch, and a count of the compilations."""

    def __init__(self, fixed: float, slope: float, limit: float, *, bump: float = 0.0) -> None:
        self.fixed, self.slope, self.limit, self.bump = fixed, slope, limit, bump
        self.compiled: list[int] = []

    def __call__(self, batch: int) -> float | None:
        self.compiled.append(batch)
        used = self.fixed + self.slope * batch + self.bump * batch**2
        return used if used <= self.limit else None


def test_the_largest_batch_is_found_in_three_compilations() -> None:
    machine = Machine(1e6, 1e4, 1e9)
    found = find_batch(machine, 1e9, start=256)
    assert machine.compiled == [256, 512, 65536]
    assert (found.batch, found.estimate, found.is_compiled) == (65536, 65536, True)
    assert (found.bytes_per_example, found.fixed_bytes) == (1e4, 1e6)


def test_an_estimate_that_does_not_fit_is_halved_until_it_does() -> None:
    found = find_batch(Machine(1e6, 1e4, 1e9, bump=1.0), 1e9, start=256)
    assert found.estimate == 65536
    assert (found.batch, found.is_compiled) == (16384, True)


def test_without_tries_there_is_only_an_estimate() -> None:
    assert find_batch(Machine(1e6, 1e4, 1e9), 1e9, tries=0).is_compiled is False


def test_a_start_that_does_not_fit_is_halved() -> None:
    assert find_batch(Machine(0, 1.0, 100), 100, start=256).batch == 64
    assert find_batch(Machine(1000, 1.0, 100), 100, start=256).batch == 0
