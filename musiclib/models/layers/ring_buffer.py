"""Ring buffers: the cache of the last positions that attention sees, in which the newest replace the oldest.

Position p is in slot p % width. Positions are counted from the start of each row.
"""

from __future__ import annotations

from keras import ops


def positions(count, width: int):
    """Returns the position in each slot, (batch, width), after ``count`` (batch,) positions; below 0 where none is."""
    last = count[:, None] - 1
    return last - (last - ops.arange(width)[None]) % width


def written(buffer, new, count):
    """Writes new positions.

    Args:
        buffer: (batch, width, ...).
        new: (batch, time, ...), any number of positions.
        count: (batch,), positions before them.

    Returns:
        The buffer with the last ``width`` of all positions.
    """
    time, width = new.shape[1], buffer.shape[1]
    place = positions(count + time, width) - count[:, None]  # among the new ones
    place = ops.reshape(place, (-1, width) + (1,) * (len(buffer.shape) - 2))
    return ops.where(place >= 0, ops.take_along_axis(new, ops.clip(place, 0, time - 1), axis=1), buffer)
