"""Estimated keys and time signatures, and the score as it is notated."""

import numpy as np
import pytest
from hypothesis import given
from scores_by_chance import scores

from musiclib import corpus
from musiclib.score import Score, estimates
from musiclib.writers.readable import readable

MAJOR = (0, 2, 4, 5, 7, 9, 11, 12, 11, 7, 4, 0)
MINOR = (0, 2, 3, 5, 7, 8, 11, 12, 7, 3, 2, 0)


@pytest.mark.parametrize("tonic", range(12))
def test_a_scale_has_its_key(tonic):
    for mode, scale, shift in (("major", MAJOR, 0), ("minor", MINOR, 3)):
        score = Score.from_notes([(i, 1, 60 + tonic + interval) for i, interval in enumerate(scale)])
        fifths, found = estimates.key(score)
        assert found == mode and (7 * fifths) % 12 == (tonic + shift) % 12 and -6 <= fifths <= 6


def repeated(bar, count=8):
    """A bar of (duration, pitch) that is repeated."""
    lengths = np.array([length for length, _ in bar * count])
    onsets = np.cumsum(lengths) - lengths
    return Score.from_notes([(*row, pitch) for row, (_, pitch) in zip(zip(onsets, lengths), bar * count)])


@pytest.mark.parametrize(
    ("bar", "expected"),
    [
        ([(2, 60), (1, 64), (1, 67), (1, 65), (1, 62), (2, 60)], (4, 4)),
        ([(2, 60), (1, 64)], (3, 4)),
        ([(1, 60), (0.5, 62), (0.5, 64), (1, 65)], (3, 4)),
        ([(1, 60), (0.5, 64), (1, 67), (0.5, 65)], (6, 8)),
        ([(0.25, 60), (0.25, 62), (0.5, 64), (0.5, 62), (0.25, 64), (0.25, 65)], (2, 4)),
    ],
)
def test_repeated_bars_have_their_time_signature(bar, expected):
    assert estimates.time_signature(repeated(bar)) == expected
    assert estimates.time_signature(repeated(bar).then(repeated(bar))) == expected


def test_chorales_have_their_signatures():
    """A sample; over all 371, 85 % of the keys and 97 % of the time signatures."""
    pieces = corpus.load("bach", limit=8, progress=False).scores
    keys = [estimates.key(piece)[0] == piece.key_signatures[0][1] for piece in pieces]
    meters = [estimates.time_signature(piece) == piece.time_signatures[-1][1:] for piece in pieces]
    assert np.mean(keys) >= 0.7 and np.mean(meters) >= 0.9


@given(score=scores())
def test_any_notes_become_readable_and_stay_as_they_are(score):
    if not len(score):
        with pytest.raises(ValueError, match="give one with notes"):
            readable(score)
        return
    found = readable(score)
    assert found.time_signatures[0][0] == found.key_signatures[0][0] == 0
    assert found.replace(time_signatures=score.time_signatures, key_signatures=score.key_signatures) == score
    assert readable(found) == found


def test_signatures_that_are_there_are_kept():
    score = Score.from_notes([(0, 1, 61)], time_signatures=((2, 3, 4),), key_signatures=((0, 5, ""), (1, 2, "")))
    assert readable(score).time_signatures == ((0, 3, 4), (2, 3, 4))
    assert readable(score).key_signatures == score.key_signatures
