"""Gaps: exact likelihood of what an infilling network fills in, beside a network that cannot see what follows."""

from __future__ import annotations

import numpy as np

from musiclib.dataset import Pieces
from musiclib.encodings import check_vocabulary
from musiclib.encodings.vocabulary import UNKNOWN
from musiclib.models.likelihood import nats


def four_bars(pieces: Pieces, voices: int, seed: int = 0) -> list[np.ndarray]:
    """Draws a gap of 64 steps in all voices of each piece, from a multiple of 16 steps on.

    Args:
        pieces: each from ``<start>`` to ``<end>``.
        voices: tokens in a step.
        seed: random seed.

    Returns:
        For each piece which of its ids are in the gap, (ids,) bool.
    """
    rng, gaps = np.random.default_rng(seed), []
    for piece in pieces:
        steps = (len(piece) - 2) // voices
        first = 16 * rng.integers(0, max((steps - 64) // 16, 0) + 1)
        place = np.arange(len(piece)) - 1
        gaps.append((place >= voices * first) & (place < voices * min(first + 64, steps)))
    return gaps


def one_voice(pieces: Pieces, voices: int, seed: int = 0) -> list[np.ndarray]:
    """Draws a voice of each piece, which is hidden throughout; see ``four_bars``."""
    rng, gaps = np.random.default_rng(seed), []
    for piece in pieces:
        place = np.arange(len(piece)) - 1
        gaps.append((place >= 0) & (place < len(piece) - 2) & (place % voices == rng.integers(voices)))
    return gaps


def nats_in_gaps(
    run, pieces: Pieces, gaps: list[np.ndarray], future: bool = True, batch_size: int = 16
) -> list[np.ndarray]:
    """Returns -log P of the tokens in gaps, given all tokens before them and what else is known.

    Args:
        run: a trained run with one vocabulary with the pieces. One that fills in sees all that lies outside the gap;
            any other sees only the tokens before.
        pieces: each from ``<start>`` to ``<end>``.
        gaps: for each piece which of its ids are in the gap, (ids,) bool.
        future: whether a run that fills in sees what lies after the first token of the gap.
        batch_size: pieces in a batch.

    Returns:
        For each piece -log P of the ids in its gap, in order.

    Raises:
        ValueError: where the pieces were made with another vocabulary.
    """
    check_vocabulary(run.vocabulary.fingerprint, pieces)
    sources = None
    if run.model.infills:
        sources = Pieces.from_lists(_known(piece, gap, future) for piece, gap in zip(pieces, gaps, strict=True))
    losses = nats(run.model, pieces, sources, batch_size)
    return [own[gap[1:]] for own, gap in zip(losses, gaps, strict=True)]


def _known(piece: np.ndarray, gap: np.ndarray, future: bool) -> np.ndarray:
    """Returns the ids of a piece after ``<start>``, with ``<unknown>`` in its gap, or from there on."""
    known = np.where(gap, UNKNOWN, piece)[1:]
    if future or not gap.any():
        return known
    first = int(np.argmax(gap)) - 1
    room = 1 << (len(piece) - 1).bit_length()  # so that the length of the piece is not told
    return np.concatenate([known[:first], np.full(room - first, UNKNOWN)])
