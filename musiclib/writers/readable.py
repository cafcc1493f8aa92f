"""Readable: a score as it is notated, with the signatures that it lacks."""

from __future__ import annotations

import warnings

from musiclib.readers import LostNotes
from musiclib.score import Score, estimates


def readable(score: Score) -> Score:
    """Returns a score with a time signature and a key signature at its start, estimated if it has none.

    A signature that comes later only is used from the start. Percussion parts are left out. The other notes stay as
    they are, note i is note i: ``rounded`` quantizes them for notation.

    Args:
        score: at least one pitched note.

    Raises:
        ValueError: if the score has no pitched notes.

    Warns:
        LostNotes: if there is percussion.
    """
    if drums := int(score.is_percussion.sum()):
        warnings.warn(f"{drums:,} percussion notes are not in this notation, which has pitches only", LostNotes, 3)
        score = score.pitched()
    meters = score.time_signatures or ((0.0, *estimates.time_signature(score)),)
    found = score.key_signatures or ((0.0, *estimates.key(score)),)
    return score.replace(time_signatures=_from_the_start(meters), key_signatures=_from_the_start(found))


def _from_the_start(marks: tuple[tuple, ...]) -> tuple[tuple, ...]:
    return marks if marks[0][0] == 0 else ((0.0, *marks[0][1:]), *marks)
