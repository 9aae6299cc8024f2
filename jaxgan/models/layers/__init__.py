"""Layers that the networks share."""

from jaxgan.models.layers.conv import Conv, ConvTranspose, conv2d, conv2d_transpose
from jaxgan.models.layers.dense import Dense
from jaxgan.models.layers.precision import add_bias, widen

__all__ = ["Conv", "ConvTranspose", "Dense", "add_bias", "conv2d", "conv2d_transpose", "widen"]
