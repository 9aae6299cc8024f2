"""Progressive GAN, StyleGAN and StyleGAN2."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from jaxgan import models
from jaxgan.config.networks.base import (
    DISCRIMINATOR,
    GENERATOR,
    Decision,
    Family,
    Option,
    Role,
)
from jaxgan.config.networks.fields import AUTO_OR_NONE, SQUARE, classes
from jaxgan.core.ranges import Count
from jaxgan.core.typing import Array, NetState
from jaxgan.models.layers.mapping import STYLES


def _mean_style(net_state: NetState) -> Array:
    mean: Array = net_state[STYLES]["mapping"]["mean"]
    return mean


_GENERATOR = Role((*GENERATOR.given, "resolution"), GENERATOR.inputs)
_DISCRIMINATOR = Role((*DISCRIMINATOR.given, "resolution"), DISCRIMINATOR.inputs)
_FROM_DATA: Mapping[str, Decision] = {**SQUARE, "num_classes": classes}
_OPTIONS: Mapping[str, Option] = {**AUTO_OR_NONE, "group_size": Option(4, Count)}

progan_generator = Family(
    "progan", models.ProGANGenerator, _GENERATOR, from_data=_FROM_DATA, options=AUTO_OR_NONE
)
progan_discriminator = Family(
    "progan",
    models.ProGANDiscriminator,
    _DISCRIMINATOR,
    from_data=_FROM_DATA,
    options=_OPTIONS,
    couples_batch=lambda fields: True,
)
stylegan_generator = replace(
    progan_generator, name="stylegan", module=models.StyleGANGenerator, mean_style=_mean_style
)
stylegan_discriminator = replace(progan_discriminator, name="stylegan", fixed={"smooth": True})
stylegan2_generator = replace(
    stylegan_generator, name="stylegan2", module=models.StyleGAN2Generator, role=GENERATOR
)
stylegan2_discriminator = Family(
    "stylegan2",
    models.StyleGAN2Discriminator,
    DISCRIMINATOR,
    from_data=_FROM_DATA,
    options=_OPTIONS,
    couples_batch=lambda fields: bool(fields["num_stddev_channels"] > 0),
)
