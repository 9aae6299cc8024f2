"""Transforms, maps from algorithm to algorithm: one a file."""

from jaxgan.transforms._branch import branch
from jaxgan.transforms._device_data import device_data
from jaxgan.transforms._ema import averaged, ema
from jaxgan.transforms._lookahead import lookahead
from jaxgan.transforms._seeds import member, seeds
from jaxgan.transforms._skip_nonfinite import all_finite, skip_nonfinite
from jaxgan.transforms._substeps import substeps
from jaxgan.transforms._sweep import member_names, points, sweep
from jaxgan.transforms._vectorized import MEMBER_AXES, vectorized

__all__ = [
    "MEMBER_AXES",
    "all_finite",
    "averaged",
    "branch",
    "device_data",
    "ema",
    "lookahead",
    "member",
    "member_names",
    "points",
    "seeds",
    "skip_nonfinite",
    "substeps",
    "sweep",
    "vectorized",
]
