"""What a training step costs on devices that one does not have: memory, FLOPs, traffic, speed."""

from jaxgan.plan.analyse import Job, Memory, Report, analyse, argument_bytes
from jaxgan.plan.chips import Chip, peak_flops
from jaxgan.plan.collectives import Collective, collectives
from jaxgan.plan.fit import BatchFit, find_batch
from jaxgan.plan.flops import Flops, count_flops
from jaxgan.plan.roofline import Roofline, roofline
from jaxgan.plan.topology import Topology, devices, environment, parse_topology

__all__ = [
    "BatchFit",
    "Chip",
    "Collective",
    "Flops",
    "Job",
    "Memory",
    "Report",
    "Roofline",
    "Topology",
    "analyse",
    "argument_bytes",
    "collectives",
    "count_flops",
    "devices",
    "environment",
    "find_batch",
    "parse_topology",
    "peak_flops",
    "roofline",
]
