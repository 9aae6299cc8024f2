"""Transforms, maps from algorithm to algorithm: one a file."""

from jaxgan.transforms.device_data import device_data
from jaxgan.transforms.ema import averaged, ema
from jaxgan.transforms.lookahead import lookahead
from jaxgan.transforms.seeds import member, seeds
from jaxgan.transforms.skip_nonfinite import all_finite, skip_nonfinite
from jaxgan.transforms.substeps import substeps

__all__ = [
    "all_finite",
    "averaged",
    "device_data",
    "ema",
    "lookahead",
    "member",
    "seeds",
    "skip_nonfinite",
    "substeps",
]
