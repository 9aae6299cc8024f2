"""Layers that the networks share."""

from jaxgan.models.layers.adain import AdaIN
from jaxgan.models.layers.attention import SelfAttention
from jaxgan.models.layers.conditional_norm import ConditionalBatchNorm
from jaxgan.models.layers.conv import Conv, ConvTranspose, conv2d, conv2d_transpose
from jaxgan.models.layers.dense import Dense
from jaxgan.models.layers.equalised import Equalised
from jaxgan.models.layers.heads import Head, HeadOptions, judge
from jaxgan.models.layers.labels import ClassEmbedding, label_maps, one_hot
from jaxgan.models.layers.minibatch import MinibatchDiscrimination, MinibatchStddev
from jaxgan.models.layers.norms import Norm, normalise
from jaxgan.models.layers.pixel_norm import pixel_norm
from jaxgan.models.layers.precision import add_bias, widen
from jaxgan.models.layers.renorm import BatchRenorm
from jaxgan.models.layers.spectral import spectral_norm
from jaxgan.models.layers.virtual import VirtualBatchNorm

__all__ = [
    "AdaIN",
    "BatchRenorm",
    "ClassEmbedding",
    "ConditionalBatchNorm",
    "Conv",
    "ConvTranspose",
    "Dense",
    "Equalised",
    "Head",
    "HeadOptions",
    "MinibatchDiscrimination",
    "MinibatchStddev",
    "Norm",
    "SelfAttention",
    "VirtualBatchNorm",
    "add_bias",
    "conv2d",
    "conv2d_transpose",
    "judge",
    "label_maps",
    "normalise",
    "one_hot",
    "pixel_norm",
    "spectral_norm",
    "widen",
]
