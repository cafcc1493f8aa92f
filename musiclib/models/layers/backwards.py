"""Reading rows from their end: reversal that leaves the padding at the end of each row."""

from __future__ import annotations

from keras import ops


def reverse(x, length):
    """Reverses the first ``length`` positions of each row; x is (batch, time, features), length (batch,)."""
    positions = ops.arange(ops.shape(x)[1])[None]
    places = ops.where(positions < length[:, None], length[:, None] - 1 - positions, positions)
    return ops.take_along_axis(x, places[..., None], axis=1)
