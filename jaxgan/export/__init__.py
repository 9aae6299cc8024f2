"""Trained generators for others to run."""

from jaxgan.export._generator import Exported, Generator, make_generator
from jaxgan.export._onnx import to_onnx
from jaxgan.export._safetensors import generator_variables, to_safetensors
from jaxgan.export._stablehlo import to_stablehlo

__all__ = [
    "Exported",
    "Generator",
    "generator_variables",
    "make_generator",
    "to_onnx",
    "to_safetensors",
    "to_stablehlo",
]
