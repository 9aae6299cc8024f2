"""Trained generators for others to run."""

from jaxgan.export._stablehlo import generator_inputs, to_stablehlo

__all__ = ["generator_inputs", "to_stablehlo"]
