"""One-hot windows: training examples as in textbooks, for one piece."""

from __future__ import annotations

import numpy as np

from musiclib.encodings.vocabulary import PADDING
from musiclib.score import passages


def one_hot(ids: np.ndarray, length: int, vocabulary_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Cuts one piece into every window and the id that follows it, as one-hot rows.

    A piece too short for one window is padded at its start.

    Args:
        ids: (n,) ids of one piece, at least two.
        length: ids in a window.
        vocabulary_size: width of a one-hot row.

    Returns:
        X: float32, (n - length or 1, length, vocabulary_size).
        y: float32, (n - length or 1, vocabulary_size).

    Raises:
        ValueError: where the piece is too short or holds an id outside the vocabulary.
    """
    ids = np.asarray(ids)
    if length < 1:
        raise ValueError(f"a window holds at least 1 id, got length={length}")
    if ids.ndim != 1 or len(ids) < 2:
        raise ValueError(f"a window needs a piece of at least 2 ids in one dimension, got shape {ids.shape}")
    if ids.min() < 0 or ids.max() >= vocabulary_size:
        raise ValueError(f"ids must lie between 0 and {vocabulary_size - 1}, got {ids.min()} to {ids.max()}")
    padded = np.concatenate([np.full(max(length + 1 - len(ids), 0), PADDING, ids.dtype), ids])
    rows = passages.rows(padded, (0, len(padded)), length + 1)
    identity = np.eye(vocabulary_size, dtype=np.float32)
    return identity[rows[:, :-1]], identity[rows[:, -1]]
