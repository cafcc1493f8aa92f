"""Statistics: worked out by hand by MusPy's definitions, and against MusPy itself where it is installed.

Source of the definitions: Dong et al., "MusPy: A Toolkit for Symbolic Music Generation" (ISMIR 2020).
"""

import math

import numpy as np
import pytest

from musiclib.evaluation import statistics
from musiclib.score import Score


def score_of(*notes, **fields):
    return Score.from_notes(notes, **fields)


TWO_BARS = score_of((0, 1, 60), (1, 1, 62), (4, 1, 60), (5.5, 1, 60), (7, 1, 61))


def test_pitch_class_entropy():
    # C three times, D and C# once, of five.
    by_hand = -(0.6 * math.log2(0.6) + 2 * 0.2 * math.log2(0.2))
    assert statistics.pitch_class_entropy(TWO_BARS) == pytest.approx(by_hand)
    assert statistics.pitch_class_entropy(score_of((0, 1, 60), (1, 1, 72))) == 0
    assert statistics.pitch_class_entropy(score_of(*((i, 1, 48 + i) for i in range(12)))) == pytest.approx(
        math.log2(12)
    )


def test_scale_consistency_takes_the_best_major_or_minor_scale():
    major, minor = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)
    for scale in (major, minor):
        for root in range(12):
            notes = [(i, 1, 50 + root + step) for i, step in enumerate(scale)]
            assert statistics.scale_consistency(score_of(*notes)) == 1
    # Of C, C#, D, D# no scale has more than three: Bb major has C, D, D#.
    assert statistics.scale_consistency(score_of(*((i, 1, 60 + i) for i in range(4)))) == 0.75


def test_groove_consistency_compares_neighbouring_bars_step_by_step():
    # Onsets at 0 and 24 of the first bar's 96 steps, at 0, 36 and 72 of the second's: three places differ. The last
    # note ends with the second bar, which by MusPy opens a third one, empty, that differs in another three.
    assert statistics.groove_consistency(TWO_BARS) == pytest.approx(1 - (3 + 3) / (2 * 96))
    same = score_of(*((4 * bar + beat, 0.5, 60) for bar in range(3) for beat in (0, 1, 2.5)))
    assert statistics.groove_consistency(same) == 1
    assert math.isnan(statistics.groove_consistency(score_of((0, 1, 60))))


def test_groove_consistency_knows_the_bar():
    waltz = [(3 * bar + beat, 0.5, 60) for bar in range(4) for beat in (0, 2)]
    assert statistics.groove_consistency(score_of(*waltz, time_signatures=((0, 3, 4),))) == 1
    upbeat = ((0, 1, 4), (1, 3, 4))
    assert statistics.groove_consistency(score_of(*waltz, time_signatures=upbeat)) == 1
    assert statistics.groove_consistency(score_of(*waltz)) < 1


def test_density_durations_and_range():
    score = score_of((0, 1, 60), (0, 3, 64), (2, 2, 79))
    assert statistics.note_density(score) == 3 / 4
    assert statistics.mean_duration(score) == 2
    assert statistics.duration_variety(score) == pytest.approx(math.log2(3))
    assert statistics.duration_variety(score_of((0, 1, 60), (1, 1, 64))) == 0
    assert statistics.pitch_range(score) == 19


def test_polyphony_counts_while_anything_sounds():
    # One pitch for one quarter, three for one, silence for two, two for one; a doubled pitch is one.
    score = score_of((0, 2, 60), (0, 2, 60, 80, 1), (1, 1, 64), (1, 1, 67), (4, 1, 60), (4, 1, 64))
    assert statistics.polyphony(score) == pytest.approx((1 + 3 + 2) / 3)


def test_an_empty_score_has_no_figures():
    measured = statistics.measure([score_of(), TWO_BARS])
    assert all(np.isnan(values[0]) and np.isfinite(values[1]) for values in measured.values())
    assert all(len(values) == 0 for values in statistics.measure([]).values())


def test_notes_shorter_than_the_grid_still_count(random_score):
    tiny = score_of((0, 0.001, 60), (2, 0.001, 64))
    assert statistics.polyphony(tiny) == 1
    for seed in range(5):
        assert all(np.isfinite(values).all() for values in statistics.measure([random_score(seed)]).values())


@pytest.mark.parametrize("seed", range(4))
def test_equal_to_muspy(random_score, seed):
    muspy = pytest.importorskip("muspy", reason="MusPy is not installed; the values worked out by hand are tested")
    score = random_score(seed)
    grid = np.round(np.stack([score.onset, score.onset + score.duration]) * statistics.STEPS).astype(int)
    score = score_of(*((b / 24, max(e - b, 1) / 24, p) for b, e, p in zip(*grid, score.pitch)))
    notes = [
        muspy.Note(round(o * 24), int(p), round(d * 24)) for o, d, p in zip(score.onset, score.duration, score.pitch)
    ]
    music = muspy.Music(resolution=24, tracks=[muspy.Track(notes=notes)])
    theirs = {
        "pitch_class_entropy": muspy.pitch_class_entropy(music),
        "scale_consistency": muspy.scale_consistency(music),
        "pitch_range": muspy.pitch_range(music),
        "groove_consistency": muspy.groove_consistency(music, 96),
        "polyphony": muspy.polyphony(music),
    }
    for name, value in theirs.items():
        assert statistics.STATISTICS[name](score) == pytest.approx(value), name
