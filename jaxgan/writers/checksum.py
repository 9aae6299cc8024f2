"""The checksum of TensorBoard's records, fast enough to read back what a run has written."""

from __future__ import annotations

import math

import numpy as np
from tensorboardX.crc32c import CRC_TABLE
from tensorboardX.record_writer import masked_crc32c

_TABLE = np.asarray(CRC_TABLE, np.uint32)
_SMALL = 4096


def masked_checksum(data: bytes) -> int:
    """CRC-32C, masked as TFRecord has it.

    A byte at a time is slow in Python. The data are cut into lanes of equal length that are gone
    through at once: a CRC is linear, so that of the whole is the sum of those of the lanes, each
    moved on by the zeros that follow it.

    Args:
      data: of one record.

    Returns:
      The checksum.

    Example:
      >>> masked_checksum(bytes(10_000)) == masked_crc32c(bytes(10_000))
      True
    """
    if len(data) < _SMALL:
        return int(masked_crc32c(data))
    num_lanes = math.isqrt(len(data))
    size = len(data) // num_lanes
    lanes = np.frombuffer(data, np.uint8, num_lanes * size).reshape(num_lanes, size)
    # Besides the lanes, each single bit followed by as many zeros as a lane is long.
    bits = np.left_shift(np.uint32(1), np.arange(32, dtype=np.uint32))
    rows = np.concatenate([lanes, np.zeros((32, size), np.uint8)])
    state = np.concatenate([np.zeros(num_lanes, np.uint32), bits])
    state[0] = 0xFFFFFFFF
    for column in np.ascontiguousarray(rows.T):
        state = _TABLE[(state ^ column) & 0xFF] ^ (state >> 8)
    total, moved = state[0], state[num_lanes:]
    for lane in state[1:num_lanes]:
        total = np.bitwise_xor.reduce(moved[(total & bits) != 0]) ^ lane
    crc = int(total)
    for byte in data[num_lanes * size :]:
        crc = int(_TABLE[(crc ^ byte) & 0xFF]) ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF
