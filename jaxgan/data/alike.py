"""Pictures that look the same: other sizes, qualities or encodings of one."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

THUMBNAIL = (16, 17)
"""Rows and columns of the grey picture that stands for a whole one."""

MAX_BITS = 6
"""Differences of hashes of 64 bits, up to which pictures are compared."""

MAX_DIFFERENCE = 16
"""Of the thumbnails, in bytes, where it is greatest."""

_BANDS = 4
_NEIGHBORS = 16


def groups_alike(thumbnails: np.ndarray) -> list[list[int]]:
    """Groups of pictures that look the same.

    Each has a hash of 64 bits: whether brightness rises from one of 8 x 9 cells to the next, to the
    right. Pictures whose hashes share one of four parts are sorted, and each is compared with the
    sixteen that follow: by the bits in which the hashes differ, then by thumbnails. So of very many
    that look the same, not all may be found.

    Args:
      thumbnails: grey, uint8 [N, 16, 17].

    Returns:
      Groups of at least two, each in order.

    >>> noise = np.random.default_rng(0).integers(0, 256, (5, *THUMBNAIL), np.uint8)
    >>> groups_alike(np.concatenate([noise, noise[2:3] // 2 * 2]))
    [[2, 5]]

    References:
      Krawetz, "Kind of like that", 2013 (the difference hash).
    """
    num = len(thumbnails)
    hashes = _hashes(thumbnails)
    pairs = [np.zeros((0, 2), int)]
    for band in range(_BANDS):
        part = (hashes >> np.uint64(16 * band)) & np.uint64(0xFFFF)
        order = np.lexsort((hashes, part))
        for shift in range(1, min(_NEIGHBORS, num - 1) + 1):
            a, b = order[:-shift], order[shift:]
            near = np.bitwise_count(hashes[a] ^ hashes[b]) <= MAX_BITS
            a, b = a[near], b[near]
            apart = np.abs(thumbnails[a].astype(np.int16) - thumbnails[b]).max(axis=(1, 2))
            pairs.append(np.stack([a, b], axis=1)[apart <= MAX_DIFFERENCE])
    rows, columns = np.concatenate(pairs).T
    graph = coo_array((np.ones(len(rows), bool), (rows, columns)), shape=(num, num))
    _, component = connected_components(graph, directed=False)
    joined = np.flatnonzero(np.bincount(component)[component] > 1)
    groups: dict[int, list[int]] = {}
    for index in joined.tolist():
        groups.setdefault(int(component[index]), []).append(index)
    return list(groups.values())


def _hashes(thumbnails: np.ndarray) -> np.ndarray:
    cells = thumbnails.astype(np.int32)
    cells = cells[:, ::2, :] + cells[:, 1::2, :]
    rises = cells[:, :, 2::2] > cells[:, :, :-2:2]
    packed = np.packbits(rises.reshape(len(rises), 64), axis=1)
    hashes: np.ndarray = packed.view(np.uint64)[:, 0]
    return hashes
