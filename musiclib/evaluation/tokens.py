"""Tokens: statistics of a piece's ids."""

from __future__ import annotations

import collections
from collections.abc import Iterable

import numpy as np

from musiclib.dataset import Pieces
from musiclib.encodings import check_vocabulary
from musiclib.score import passages


def most_frequent_share(ids: np.ndarray) -> float:
    """Returns the share of the most frequent id in a piece, 0 to 1; near 1 where a network repeats itself."""
    return float(np.bincount(ids).max() / len(ids)) if len(ids) else 0.0


def seen_share(pieces: Iterable[np.ndarray], training: Pieces, length: int = 8) -> float:
    """Returns the share of all sequences of ``length`` ids that occur in the training pieces, 0 to 1.

    Compare it with the share of held-out pieces: a higher one means copying. Other keys are found only where the
    training pieces were transposed.

    Args:
        pieces: ids of generated or held-out pieces, without start and end.
        training: the training pieces.
        length: ids in a sequence.

    Raises:
        ValueError: where every piece is shorter than ``length``, or the training pieces have another vocabulary.
    """
    pieces = Pieces.from_lists(pieces)
    check_vocabulary(training.vocabulary, pieces)
    seen = {bytes(row) for row in _sequences(training, length)}
    found = collections.Counter(bytes(row) in seen for row in _sequences(pieces, length))
    if not found:
        raise ValueError(f"no piece is {length} ids long; compare shorter sequences or longer pieces")
    return found[True] / found.total()


def _sequences(pieces: Pieces, length: int) -> np.ndarray:
    return passages.rows(np.asarray(pieces.ids, dtype=np.int32), pieces.offsets, length)
