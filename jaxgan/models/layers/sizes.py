"""Sizes of networks that double or halve the resolution from or to 4x4 pixels."""

from __future__ import annotations

from jaxgan.core.errors import bad_value


def sizes_of(image_size: int) -> tuple[int, ...]:
    """The resolutions of a network that doubles from 4x4 pixels.

    Args:
        image_size: pixels per side.

    Returns:
        4, 8, ... up to `image_size`.

    Raises:
        ValueError: if that is no power of two from 8 on.

    >>> sizes_of(32)
    (4, 8, 16, 32)
    """
    if image_size < 8 or image_size & (image_size - 1):
        raise ValueError(bad_value("image_size", image_size, "a power of two from 8 on"))
    return tuple(2**power for power in range(2, image_size.bit_length()))


def check_resolution(image_size: int, resolution: int | None) -> None:
    """Raises unless a network of an image size can compute at a resolution.

    Args:
        image_size: pixels per side in the end.
        resolution: pixels per side now; None for all.

    Raises:
        ValueError: with what is allowed.

    >>> check_resolution(32, 64)
    Traceback (most recent call last):
    ...
    ValueError: resolution is 64; it must be 4, 8, 16 or 32
    """
    sizes = sizes_of(image_size)
    if resolution is not None and resolution not in sizes:
        raise ValueError(bad_value("resolution", resolution, sizes))


def num_channels(size: int, channel_base: int, channel_max: int) -> int:
    """Channels at a resolution.

    Args:
        size: pixels per side.
        channel_base: channels times pixels per side.
        channel_max: the most there are.

    Returns:
        min(channel_base / size, channel_max).

    Raises:
        ValueError: if that is none.

    >>> num_channels(64, 32768, 512)
    512
    """
    if (found := min(channel_base // size, channel_max)) < 1:
        raise ValueError(bad_value("channel_base", channel_base, f"at least {size}, the pixels"))
    return found


def num_styles(image_size: int) -> int:
    """Layers of a synthesis network that take a style: two at each resolution.

    Args:
        image_size: pixels per side.

    Returns:
        2 log2(image_size) - 2.

    >>> num_styles(1024)
    18
    """
    return layers_below(sizes_of(image_size)[-1])


def layers_below(resolution: int) -> int:
    """Of those layers, the ones that are in use at a resolution, which may be 4.

    Args:
        resolution: pixels per side, a power of two.

    Returns:
        2 log2(resolution) - 2.

    >>> layers_below(4), layers_below(1024)
    (2, 18)
    """
    return 2 * resolution.bit_length() - 4
