"""Passages: all n-grams that lie within one piece.

The pieces are stored as one flat array with offsets: piece i is ``items[offsets[i]:offsets[i + 1]]``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def starts(offsets: np.ndarray | Sequence[int], length: int) -> np.ndarray:
    """Returns the start positions of all passages that do not cross a piece boundary.

    Args:
        offsets: (pieces + 1,), boundaries of the pieces in the flat array.
        length: items in a passage, at least 1.

    Returns:
        (n,) int64, ascending positions in the flat array.
    """
    offsets = np.asarray(offsets, dtype=np.int64)
    counts = np.maximum(np.diff(offsets) - length + 1, 0)
    before = np.cumsum(counts) - counts  # passages in earlier pieces
    return np.arange(counts.sum()) + np.repeat(offsets[:-1] - before, counts)


def rows(items: np.ndarray, offsets: np.ndarray | Sequence[int], length: int) -> np.ndarray:
    """Returns the passages, (n, length), in the order of ``starts``."""
    places = starts(offsets, length)
    if not len(places):
        return np.zeros((0, length), items.dtype)
    return np.lib.stride_tricks.sliding_window_view(items, length)[places]
