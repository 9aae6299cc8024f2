"""Pictures of samples: a grid, points over the data, images beside one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from jaxgan.writers import image_grid, scatter, with_titles


def picture(
    samples: np.ndarray,
    real: np.ndarray | None = None,
    num_columns: int | None = None,
    titles: Sequence[str] = (),
) -> np.ndarray:
    """A picture of samples: a grid of images, or a scatter of points over the data.

    Args:
      samples: images [num, H, W, C], points [num, D] (of which the first two coordinates are
        shown), or either with a leading axis of members, which are set side by side.
      real: real points [num, D], for points.
      num_columns: images in a row, such as one for each class; None makes the grid about square.
      titles: what to write over the columns, such as the names of classes.

    Returns:
      uint8 of shape [height, width, 1 or 3].

    Example:
      >>> picture(np.zeros((4, 8, 8, 1))).shape
      (152, 152, 1)
    """
    if samples.ndim in (3, 5):
        members = np.stack([picture(member, real, num_columns, titles) for member in samples])
        return image_grid(members, scale=1, pad=4)
    if samples.ndim == 4:
        return with_titles(image_grid(samples, columns=num_columns), titles)
    if real is None:
        raise ValueError("points are drawn over real ones; real is None")
    return scatter(_plane(samples), _plane(real))


def side_by_side(panels: Mapping[str, np.ndarray], num: int = 16) -> np.ndarray:
    """A picture of several images of each example, in a row, two examples beside one another.

    Args:
      panels: images [B, H, W, C] by name, in order; smaller ones are magnified to the largest's
        size, grey ones coloured if others are.
      num: examples, at most.

    Returns:
      uint8 of shape [height, width, 1 or 3].

    Example:
      >>> side_by_side({"real": np.zeros((2, 8, 8, 1)), "fake": np.zeros((2, 8, 8, 3))}).shape
      (80, 296, 3)
    """
    size = max(images.shape[1] for images in panels.values())
    channels = max(images.shape[-1] for images in panels.values())
    columns = []
    for images in panels.values():
        scale = size // images.shape[1]
        large = images[:num].repeat(scale, axis=1).repeat(scale, axis=2)
        columns.append(np.broadcast_to(large, (*large.shape[:-1], channels)))
    tiles = np.stack(columns, axis=1)
    return image_grid(tiles.reshape(-1, *tiles.shape[2:]), columns=2 * len(columns))


def _plane(points: np.ndarray) -> np.ndarray:
    return np.pad(points, ((0, 0), (0, max(0, 2 - points.shape[1]))))[:, :2]
