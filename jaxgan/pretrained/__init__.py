"""Published weights: the names that their authors gave, and ours."""

from collections.abc import Mapping

from jaxgan.core.errors import PublishedError
from jaxgan.pretrained import biggan, cyclegan, pix2pix, r3gan, sngan, stylegan2
from jaxgan.pretrained.base import Family, Rule, Rules, convert
from jaxgan.pretrained.publish import Published, publish
from jaxgan.pretrained.read import read_state

FAMILIES: Mapping[str, Family] = {
    "biggan": biggan.FAMILY,
    "patch": pix2pix.FAMILY,
    "r3gan": r3gan.FAMILY,
    "resnet": cyclegan.FAMILY,
    "sagan": sngan.FAMILY,
    "sngan": sngan.FAMILY,
    "stylegan2": stylegan2.FAMILY,
    "unet": pix2pix.FAMILY,
}
"""By the name that a config gives to the network."""

__all__ = [
    "FAMILIES",
    "Family",
    "Published",
    "PublishedError",
    "Rule",
    "Rules",
    "convert",
    "publish",
    "read_state",
]
