"""Voice leading: parallel fifths, octaves and unisons.

Two voices a fifth, an octave or a unison apart must not move in the same direction and keep that interval (Fux,
"Gradus ad Parnassum", 1725). The likelihood hardly shows such mistakes.
"""

from __future__ import annotations

import itertools

import numpy as np

from musiclib.score.checking import check_score
from musiclib.score.score import Score

_FORBIDDEN = (0, 7)  # semitones, octaves apart: unison and octave, fifth


def parallels(score: Score) -> tuple[int, int]:
    """Counts the parallel fifths, octaves and unisons between parts.

    Args:
        score: with one voice per part, such as a chorale; of simultaneous notes in a part the latest
            counts; percussion does not.

    Returns:
        The number of parallels, and of all moves in which two parts change pitch at the same moment.
    """
    check_score(score, "parallels")
    score = score.pitched()
    moments = np.unique(np.round(np.concatenate([score.onset, score.onset + score.duration]), 6))
    sung = np.full((len(moments), len(score.part_names)), -1)
    first, last = (
        np.searchsorted(moments, np.round(times, 6)) for times in (score.onset, score.onset + score.duration)
    )
    for begin, end, pitch, part in zip(first, last, score.pitch, score.part, strict=True):
        sung[begin:end, part] = pitch
    count = moves = 0
    for one, other in itertools.combinations(sung.T, 2):
        both = (one[1:] >= 0) & (one[:-1] >= 0) & (other[1:] >= 0) & (other[:-1] >= 0)
        steps, others = np.diff(one), np.diff(other)
        moved = both & (steps != 0) & (others != 0)
        apart = np.abs(one - other) % 12
        kept = (apart[1:] == apart[:-1]) & np.isin(apart[1:], _FORBIDDEN) & (np.sign(steps) == np.sign(others))
        count, moves = count + int(np.sum(moved & kept)), moves + int(np.sum(moved))
    return count, moves
