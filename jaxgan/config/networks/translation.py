"""Networks that make an image of another one, and discriminators of patches and of images."""

from __future__ import annotations

from typing import Annotated

from jaxgan import models
from jaxgan.config.networks.base import DISCRIMINATOR, TRANSLATOR, Data, Family, Option, Options
from jaxgan.core.errors import ConfigError
from jaxgan.core.ranges import Range
from jaxgan.models.pix2pix import check_patches


def _height_width(shape: tuple[int, ...], family: str) -> tuple[int, int]:
    if len(shape) != 3:
        raise ConfigError(f"data of shape {shape}; {family} takes images [height, width, channels]")
    return shape[0], shape[1]


def _check_size(data: Data, options: Options) -> None:
    """Raises if the image is not as large as its source."""
    size = _height_width(data.shape, data.family)
    source_size = _height_width(data.source_shape, data.family)
    if size != source_size:
        raise ConfigError(
            f"data with sources of {source_size} and images of {size} pixels; {data.family} keeps "
            "the size; for larger images take srresnet"
        )


def _num_downs(data: Data, options: Options) -> int:
    """Of 0, as often as sides are even."""
    _check_size(data, options)
    height, width = data.shape[:2]
    num: int = options["num_downs"]
    if num == 0:
        num = min((side & -side).bit_length() - 1 for side in (height, width))
        if num < 2:
            raise ConfigError(
                f"data.image_size: images of {height}x{width} pixels; unet halves them at least "
                "twice, so sides must be multiples of 4, better of 32"
            )
    return num


def _factor(data: Data, options: Options) -> int:
    shape, source_shape = data.shape, data.source_shape
    factor = _height_width(shape, data.family)[0] // _height_width(source_shape, data.family)[0]
    if factor < 2 or shape[:2] != tuple(factor * side for side in source_shape[:2]):
        raise ConfigError(
            f"data with sources of {source_shape[:2]} and images of {shape[:2]} pixels; srresnet "
            "makes images 2, 4, 8, ... times as large"
        )
    return factor


def _channels(data: Data, options: Options) -> int:
    return data.shape[-1]


unet = Family(
    "unet",
    models.UNetGenerator,
    TRANSLATOR,
    from_data={"num_downs": _num_downs, "channels": _channels},
    options={"num_downs": Option(0, Annotated[int, Range(at_least=0, at_most=30)])},
)
resnet = Family(
    "resnet",
    models.ResNetGenerator,
    TRANSLATOR,
    from_data={"channels": _channels},
    check=_check_size,
)
srresnet = Family(
    "srresnet",
    models.SRResNet,
    TRANSLATOR,
    from_data={"factor": _factor, "channels": _channels},
)
patch_discriminator = Family(
    "patch",
    models.PatchDiscriminator,
    DISCRIMINATOR,
    check=lambda data, options: check_patches(
        _height_width(data.shape, data.family), options["num_layers"]
    ),
)
srgan_discriminator = Family(
    "srgan",
    models.SRGANDiscriminator,
    DISCRIMINATOR,
    check=lambda data, options: _height_width(data.shape, data.family),
)
