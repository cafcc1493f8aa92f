"""Readable: a score as it is notated, with the signatures that it lacks."""

from __future__ import annotations

from musiclib.score import Score, estimates


def readable(score: Score) -> Score:
    """Returns a score with a time signature and a key signature at its start, estimated if it has none.

    A signature that comes later only is used from the start. The notes stay as they are, note i is note i: ``rounded``
    quantizes them for notation.

    Args:
        score: at least one note.

    Raises:
        ValueError: if the score is empty.
    """
    meters = score.time_signatures or ((0.0, *estimates.time_signature(score)),)
    found = score.key_signatures or ((0.0, *estimates.key(score)),)
    return score.replace(time_signatures=_from_the_start(meters), key_signatures=_from_the_start(found))


def _from_the_start(marks: tuple[tuple, ...]) -> tuple[tuple, ...]:
    return marks if marks[0][0] == 0 else ((0.0, *marks[0][1:]), *marks)
