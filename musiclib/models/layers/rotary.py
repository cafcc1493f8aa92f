"""Rotary position embeddings: each pair of features is rotated by an angle that grows with the position.

The dot product of two rotated vectors depends only on the distance between their positions. Here every angle makes a
whole number of turns in ``PERIOD`` positions, so positions are taken modulo ``PERIOD`` and lose no precision.

Source: Su et al., "RoFormer" (2021), arXiv:2104.09864.
"""

from __future__ import annotations

import math

import numpy as np
from keras import ops

PERIOD = 65536
_SLOWEST = 10000.0  # the last pair of features rotates about this many times more slowly than the first


def rotate(x, positions):
    """Rotates vectors by their positions.

    Args:
        x: (..., features), an even number of features.
        positions: int32, broadcast against x without its last axis.

    Returns:
        The rotated vectors, of the shape of x.
    """
    half = x.shape[-1] // 2
    turns = np.round(PERIOD / (2 * math.pi) * _SLOWEST ** (-np.arange(half) / half))
    turns = ops.convert_to_tensor(np.maximum(turns, 1).astype(np.int32))
    # Exact in int32: positions below 2^16 times turns below 2^14.
    places = (ops.cast(positions, "int32")[..., None] % PERIOD) * turns % PERIOD
    angles = ops.cast(places, "float32") * (2 * math.pi / PERIOD)
    cosines, sines = ops.cast(ops.cos(angles), x.dtype), ops.cast(ops.sin(angles), x.dtype)
    first, second = x[..., :half], x[..., half:]
    return ops.concatenate([first * cosines - second * sines, first * sines + second * cosines], axis=-1)
