"""Layers that the networks share."""

from jaxgan.models.layers.activation import scaled_leaky_relu
from jaxgan.models.layers.adain import AdaIN
from jaxgan.models.layers.attention import SelfAttention
from jaxgan.models.layers.conditional_norm import CodeBatchNorm, ConditionalBatchNorm
from jaxgan.models.layers.conv import Conv, ConvTranspose, conv2d, conv2d_transpose
from jaxgan.models.layers.dense import Dense
from jaxgan.models.layers.equalised import Equalised
from jaxgan.models.layers.heads import Head, HeadOptions, apply_head
from jaxgan.models.layers.instance_norm import ImageBatchNorm
from jaxgan.models.layers.labels import ClassEmbedding, label_maps, one_hot
from jaxgan.models.layers.mapping import MappingNetwork, mix_styles
from jaxgan.models.layers.minibatch import MinibatchDiscrimination, MinibatchStddev
from jaxgan.models.layers.modulated import ModulatedConv
from jaxgan.models.layers.noise import Noise
from jaxgan.models.layers.norms import Norm, normalise
from jaxgan.models.layers.pixel_norm import pixel_norm
from jaxgan.models.layers.precision import add_bias, to_float32
from jaxgan.models.layers.renorm import BatchRenorm
from jaxgan.models.layers.resample import blur, downsample, upsample
from jaxgan.models.layers.resblocks import ResampledConv, ResBlockDown, ResBlockUp
from jaxgan.models.layers.spectral import spectral_norm
from jaxgan.models.layers.virtual import VirtualBatchNorm

__all__ = [
    "AdaIN",
    "BatchRenorm",
    "ClassEmbedding",
    "CodeBatchNorm",
    "ConditionalBatchNorm",
    "Conv",
    "ConvTranspose",
    "Dense",
    "Equalised",
    "Head",
    "HeadOptions",
    "ImageBatchNorm",
    "MappingNetwork",
    "MinibatchDiscrimination",
    "MinibatchStddev",
    "ModulatedConv",
    "Noise",
    "Norm",
    "ResBlockDown",
    "ResBlockUp",
    "ResampledConv",
    "SelfAttention",
    "VirtualBatchNorm",
    "add_bias",
    "apply_head",
    "blur",
    "conv2d",
    "conv2d_transpose",
    "downsample",
    "label_maps",
    "mix_styles",
    "normalise",
    "one_hot",
    "pixel_norm",
    "scaled_leaky_relu",
    "spectral_norm",
    "to_float32",
    "upsample",
]
