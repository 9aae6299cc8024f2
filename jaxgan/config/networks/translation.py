"""Networks that make an image of another one, and a critic of patches, by plain options."""

from __future__ import annotations

from jaxgan import models
from jaxgan.config.base import ConfigError
from jaxgan.config.networks.base import dtype_of, make_network
from jaxgan.core.network import Network
from jaxgan.models.layers.instance_norm import PlainNorm
from jaxgan.models.pix2pix import check_patches


def unet(
    shape: tuple[int, ...],
    source_shape: tuple[int, ...],
    base_channels: int = 64,
    num_downs: int = 0,
    norm: PlainNorm = "batch",
    dropout: float = 0.5,
    precision: str = "float32",
    remat: str = "none",
    own_statistics: bool = False,
) -> Network:
    """`models.UNetGenerator` from sources to images of `shape`; see there for the options.

    With `num_downs` of 0 it halves as often as sides are even: 256 pixels to one.

    Example:
      >>> unet((16, 16, 3), (16, 16, 1), base_channels=2, norm="instance").couples_batch
      False
    """
    height, width = _same_size(shape, source_shape, "unet")
    if num_downs == 0:
        num_downs = min((side & -side).bit_length() - 1 for side in (height, width))
        if num_downs < 2:
            raise ConfigError(
                f"data.image_size: images of {height}x{width} pixels; unet halves them at least "
                "twice, so sides must be multiples of 4, better of 32"
            )
    module = models.UNetGenerator(
        shape[-1], num_downs, base_channels, norm, dropout, dtype_of(precision), own_statistics
    )
    return make_network(module, source_shape, remat, None, uses_label=False)


def resnet(
    shape: tuple[int, ...],
    source_shape: tuple[int, ...],
    base_channels: int = 64,
    num_blocks: int = 9,
    norm: PlainNorm = "instance",
    dropout: float = 0.0,
    precision: str = "float32",
    remat: str = "none",
) -> Network:
    """`models.ResNetGenerator` from sources to images of `shape`; see there for the options.

    Example:
      >>> resnet((16, 16, 3), (16, 16, 1), base_channels=2, num_blocks=1).couples_batch
      False
    """
    _same_size(shape, source_shape, "resnet")
    module = models.ResNetGenerator(
        shape[-1], num_blocks, base_channels, norm, dropout, dtype_of(precision)
    )
    return make_network(module, source_shape, remat, None, uses_label=False)


def srresnet(
    shape: tuple[int, ...],
    source_shape: tuple[int, ...],
    base_channels: int = 64,
    num_blocks: int = 16,
    norm: PlainNorm = "batch",
    precision: str = "float32",
    remat: str = "none",
) -> Network:
    """`models.SRResNet` from sources to larger images of `shape`; see there for the options.

    Example:
      >>> srresnet((16, 16, 3), (8, 8, 3), base_channels=2, num_blocks=1).couples_batch
      True
    """
    factor = _height_width(shape, "srresnet")[0] // _height_width(source_shape, "srresnet")[0]
    if factor < 2 or shape[:2] != tuple(factor * side for side in source_shape[:2]):
        raise ConfigError(
            f"data with sources of {source_shape[:2]} and images of {shape[:2]} pixels; srresnet "
            "makes images 2, 4, 8, ... times as large"
        )
    module = models.SRResNet(
        shape[-1], factor, num_blocks, base_channels, norm, dtype_of(precision)
    )
    return make_network(module, source_shape, remat, None, uses_label=False)


def patch_discriminator(
    shape: tuple[int, ...],
    num_classes: int | None = None,
    num_layers: int = 3,
    base_channels: int = 64,
    norm: models.PatchNorm = "batch",
    precision: str = "float32",
    remat: str = "none",
) -> Network:
    """`models.PatchDiscriminator` of images of `shape`; it looks at no labels.

    Example:
      >>> patch_discriminator((16, 16, 4), num_layers=1, base_channels=2).couples_batch
      True
    """
    check_patches(_height_width(shape, "patch"), num_layers)
    module = models.PatchDiscriminator(num_layers, base_channels, norm, dtype_of(precision))
    return make_network(module, shape, remat, num_classes, uses_label=False)


def srgan_discriminator(
    shape: tuple[int, ...],
    num_classes: int | None = None,
    base_channels: int = 64,
    norm: PlainNorm = "batch",
    precision: str = "float32",
    remat: str = "none",
) -> Network:
    """`models.SRGANDiscriminator` of images of `shape`; it looks at no labels.

    Example:
      >>> srgan_discriminator((16, 16, 3), base_channels=2).couples_batch
      True
    """
    _height_width(shape, "srgan")
    module = models.SRGANDiscriminator(base_channels, norm, dtype_of(precision))
    return make_network(module, shape, remat, num_classes, uses_label=False)


def _height_width(shape: tuple[int, ...], family: str) -> tuple[int, int]:
    if len(shape) != 3:
        raise ConfigError(f"data of shape {shape}; {family} takes images [height, width, channels]")
    return shape[0], shape[1]


def _same_size(
    shape: tuple[int, ...], source_shape: tuple[int, ...], family: str
) -> tuple[int, int]:
    size, source_size = _height_width(shape, family), _height_width(source_shape, family)
    if size != source_size:
        raise ConfigError(
            f"data with sources of {source_size} and images of {size} pixels; {family} keeps the "
            "size; for larger images take srresnet"
        )
    return size
