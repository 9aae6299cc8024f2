"""Layers that the networks share."""

from jaxgan.models.layers.conv import Conv, ConvTranspose, conv2d, conv2d_transpose

__all__ = ["Conv", "ConvTranspose", "conv2d", "conv2d_transpose"]
