"""R3GAN by plain options."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jaxgan import models
from jaxgan.config.base import ConfigError
from jaxgan.config.networks.base import dtype_of, make_network, square
from jaxgan.core.network import Network

BASE_SIZES = (4, 7)
CONDITIONINGS = ("auto", "none")


def r3gan_generator(
    shape: tuple[int, ...],
    latent_dim: int,
    num_classes: int | None = None,
    widths: Sequence[int] = (768, 768, 768, 768),
    cardinalities: Sequence[int] = (96, 96, 96, 96),
    num_blocks: Sequence[int] = (2, 2, 2, 2),
    expansion: int = 2,
    kernel_size: int = 3,
    embedding_dim: int = 64,
    precision: str = "float32",
    remat: str = "none",
    conditioning: str = "auto",
) -> Network:
    """`models.R3GANGenerator` for images of `shape`; see there for the options.

    Example:
      >>> sizes = {"widths": (8, 4), "cardinalities": (4, 2), "num_blocks": (1, 1)}
      >>> r3gan_generator((8, 8, 1), latent_dim=4, **sizes).couples_batch
      False
    """
    stages = (widths, cardinalities, num_blocks, expansion, kernel_size)
    options = _options(shape, num_classes, conditioning, stages, embedding_dim, precision)
    module = models.R3GANGenerator(**options)
    uses_label = options["num_classes"] is not None
    return make_network(module, (latent_dim,), remat, num_classes, uses_label)


def r3gan_discriminator(
    shape: tuple[int, ...],
    num_classes: int | None = None,
    widths: Sequence[int] = (768, 768, 768, 768),
    cardinalities: Sequence[int] = (96, 96, 96, 96),
    num_blocks: Sequence[int] = (2, 2, 2, 2),
    expansion: int = 2,
    kernel_size: int = 3,
    embedding_dim: int = 768,
    precision: str = "float32",
    remat: str = "none",
    conditioning: str = "auto",
) -> Network:
    """`models.R3GANDiscriminator` for images of `shape`; see there for the options.

    Example:
      >>> sizes = {"widths": (8, 4), "cardinalities": (4, 2), "num_blocks": (1, 1)}
      >>> r3gan_discriminator((8, 8, 1), **sizes).couples_batch
      False
    """
    stages = (widths, cardinalities, num_blocks, expansion, kernel_size)
    options = _options(shape, num_classes, conditioning, stages, embedding_dim, precision)
    module = models.R3GANDiscriminator(**options)
    return make_network(
        module, shape, remat, num_classes, uses_label=options["num_classes"] is not None
    )


def _options(
    shape: tuple[int, ...],
    num_classes: int | None,
    conditioning: str,
    stages: tuple[Sequence[int], Sequence[int], Sequence[int], int, int],
    embedding_dim: int,
    precision: str,
) -> dict[str, Any]:
    if conditioning not in CONDITIONINGS:
        raise ConfigError(f"conditioning: {conditioning!r}; it must be 'auto' or 'none'")
    size, channels = square(shape, "r3gan")
    widths, cardinalities, num_blocks, expansion, kernel_size = stages
    ratio = 2 ** (len(widths) - 1) if widths else 0
    sizes = [base * ratio for base in BASE_SIZES]
    if size not in sizes:
        raise ConfigError(
            f"widths: {len(widths)} stages make images of {' or '.join(map(str, sizes))} pixels; "
            f"the data's are of {size}"
        )
    return {
        "image_size": size,
        "channels": channels,
        "widths": tuple(widths),
        "cardinalities": tuple(cardinalities),
        "num_blocks": tuple(num_blocks),
        "expansion": expansion,
        "kernel_size": kernel_size,
        "num_classes": num_classes if conditioning == "auto" else None,
        "embedding_dim": embedding_dim,
        "base_size": size // ratio,
        "dtype": dtype_of(precision),
    }
