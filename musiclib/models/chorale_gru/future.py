"""What is known ahead in a chorale with gaps: for each step and voice the next known note, and its distance.

A condition holds the ids of a piece with ``<unknown>`` where a note is to be composed. It is read from its end
backwards, as ``histories`` reads the past forwards.
"""

from __future__ import annotations

import numpy as np
from keras import ops

from musiclib.encodings.vocabulary import PADDING, UNKNOWN
from musiclib.models.chorale_gru.features import VOICE_COUNT, Alphabet, empty_history, leap, updated_history

_FAR = 999  # steps: the distance of a note that does not exist
_DISTANCES = np.array([0, 1, 2, 3, 5, 8, 12, 16, 24, 32, 48, 64])  # steps: bin edges

# The future at a step is a tuple: ids of each voice's next known note (batch, 4), their places, and their distances;
# 0 is this very step. Where nothing is known ahead, the id is <start> and the distance is large.


def futures(alphabet: Alphabet, condition) -> tuple:
    """Reads a condition backwards.

    Args:
        alphabet: the pitch of each id.
        condition: int32, (batch, time, 4).

    Returns:
        The future at each step, and a history tuple like that of ``histories``, of the known notes from the end to this
        step, with distances for ages; each part (batch, time, ...).
    """

    def body(state, ids):
        history, distance = state[:-1], state[-1]
        known = ops.logical_and(ids != UNKNOWN, ids != PADDING)
        kept = updated_history(alphabet, history, ops.where(known, ids, history[0]))[:4]
        history = (*kept, updated_history(alphabet, history, ids)[4])  # only known notes are counted
        state = (*history, ops.where(known, 0, ops.minimum(distance + 1, _FAR)))
        return state, state

    history = empty_history(alphabet, ops.shape(condition)[0])
    start = (*history, ops.full_like(history[0], _FAR))
    backwards = ops.flip(ops.transpose(condition, (1, 0, 2)), axis=0)
    _, states = ops.scan(body, start, backwards)
    ids, places, left, _, counts, distance = (ops.moveaxis(ops.flip(part, axis=0), 0, 1) for part in states)
    return (ids, places, distance), (ids, places, left, distance, counts)


def sounding(alphabet: Alphabet, future: tuple):
    """Tells where there is a next known note with a pitch, float32 (..., 4)."""
    return ops.cast(ops.take(ops.convert_to_tensor(alphabet.index), future[0], axis=0) >= 0, "float32")


def described(alphabet: Alphabet, future: tuple, places, degrees):
    """Returns features of the next known notes, seen from the present.

    Args:
        alphabet: the pitch of each id.
        future: from ``futures``.
        places: (batch, time, 4), the places of the last notes.
        degrees: (batch, time, 12, n), the scale degree of each pitch class in the inferred keys.

    Returns:
        float32 (batch, time, features).
    """
    ids, ahead, distance = future
    there = sounding(alphabet, future)[..., None]
    bins = ops.sum(ops.cast(distance[..., None] > _DISTANCES, "int32"), -1)
    parts = [
        there,
        ops.one_hot(bins, len(_DISTANCES) + 1, dtype="float32"),
        there * leap(ahead - places),
        ops.matmul(alphabet.pitch_classes(ids), degrees),
    ]
    joined = ops.concatenate(parts, axis=-1)
    shape = ops.shape(places)
    return ops.reshape(joined, (shape[0], shape[1], VOICE_COUNT * joined.shape[-1]))
