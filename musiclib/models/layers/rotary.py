"""Rotary positions: each pair of features is turned by an angle that grows with the position.

The product of two turned vectors depends on the distance between their positions alone. Here
every angle makes a whole number of turns in ``PERIOD`` positions, so that positions can be
counted in a circle and a piece may be of any length without losing a digit.

Source: Su et al., "RoFormer" (2021), arXiv:2104.09864.
"""

from __future__ import annotations

import math

import numpy as np
from keras import ops

PERIOD = 65536
_SLOWEST = 10000.0  # the last pair of features turns about so many times more slowly than the first


def rotate(x, positions):
    """Turns vectors by their positions.

    Args:
        x: (..., features), an even number of features.
        positions: int32, to be broadcast against x without its last axis.

    Returns:
        The shape of x.
    """
    half = x.shape[-1] // 2
    turns = np.round(PERIOD / (2 * math.pi) * _SLOWEST ** (-np.arange(half) / half))
    turns = ops.convert_to_tensor(np.maximum(turns, 1).astype(np.int32))
    # Whole numbers up to here: below 2^16 positions times below 2^14 turns.
    places = (ops.cast(positions, "int32")[..., None] % PERIOD) * turns % PERIOD
    angles = ops.cast(places, "float32") * (2 * math.pi / PERIOD)
    cosines, sines = ops.cast(ops.cos(angles), x.dtype), ops.cast(ops.sin(angles), x.dtype)
    first, second = x[..., :half], x[..., half:]
    return ops.concatenate([first * cosines - second * sines, first * sines + second * cosines], axis=-1)
