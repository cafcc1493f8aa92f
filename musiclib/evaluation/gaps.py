"""Gaps: exact likelihood of what an infilling network fills in, beside a network that cannot see what follows."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from musiclib.dataset import Pieces
from musiclib.dataset.pieces import rows
from musiclib.encodings import check_vocabulary
from musiclib.encodings.vocabulary import UNKNOWN


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
    found: list[np.ndarray] = [np.zeros(0)] * len(pieces)
    order = np.argsort(np.diff(pieces.offsets), kind="stable")
    for batch in (order[i : i + batch_size] for i in range(0, len(order), batch_size)):
        # Rounded up to a power of two, so that few sizes are compiled.
        room = 1 << int(len(pieces[int(batch[-1])]) - 1).bit_length()
        ids = rows([pieces[int(i)] for i in batch], room + 1)
        inputs = ids[:, :-1]
        if run.model.infills:
            hidden = rows([gaps[i].astype(np.int32) for i in batch], room + 1)[:, 1:] > 0
            if not future:
                hidden = np.maximum.accumulate(hidden, axis=1)
            inputs = (np.where(hidden, UNKNOWN, ids[:, 1:]).astype(np.int32), inputs)
        logits = run.model.predict_on_batch(inputs)
        losses = keras.losses.sparse_categorical_crossentropy(ids[:, 1:], logits, from_logits=True)
        for i, line in zip(batch, ops.convert_to_numpy(losses), strict=True):
            found[i] = line[: len(gaps[i]) - 1][gaps[i][1:]]
    return found
