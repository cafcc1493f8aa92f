"""Parallels, on a few notes whose voice leading is known."""

import pytest

from musiclib import evaluation
from musiclib.score import Score


def two(upper, lower, length=1.0):
    rows = [
        (i * length, length, pitch, 80, part)
        for part, line in enumerate((upper, lower))
        for i, pitch in enumerate(line)
    ]
    return Score.from_notes([row for row in rows if row[2] is not None])


@pytest.mark.parametrize(
    ("upper", "lower", "expected"),
    [
        ([67, 69], [60, 62], (1, 1)),  # fifths
        ([72, 74], [60, 62], (1, 1)),  # octaves
        ([60, 62], [60, 62], (1, 1)),  # unisons
        ([79, 81], [60, 62], (1, 1)),  # twelfths
        ([64, 65], [60, 62], (0, 1)),  # thirds, as often as one likes
        ([67, 72], [60, 65], (1, 1)),  # by a leap
        ([67, 65], [60, 62], (0, 1)),  # in contrary motion
        ([67, 67], [60, 60], (0, 0)),  # repeated, nothing moves
        ([67, 69], [60, 60], (0, 0)),  # one stays
        ([72, 60], [60, 72], (0, 1)),  # octaves in contrary motion
        ([67, None, 69], [60, None, 62], (0, 0)),  # a rest between
        ([67, 69, 71], [60, 62, 64], (2, 2)),
    ],
)
def test_parallels_of_two_voices(upper, lower, expected):
    assert evaluation.parallels(two(upper, lower)) == expected
    assert evaluation.parallels(two(upper, lower, length=1 / 3)) == expected


def test_a_note_that_is_held_does_not_move_with_the_other():
    held = Score.from_notes([(0, 2, 67, 80, 0), (0, 1, 60, 80, 1), (1, 1, 62, 80, 1)])
    assert evaluation.parallels(held) == (0, 0)


def test_nothing_has_none():
    assert evaluation.parallels(Score.from_notes([])) == (0, 0)


def test_each_pair_of_voices_counts():
    three = Score.from_notes(
        [(i, 1, pitch + 2 * i, 80, part) for i in range(2) for part, pitch in enumerate((72, 67, 60))]
    )
    assert evaluation.parallels(three) == (2, 3)
