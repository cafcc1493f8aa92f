"""Quantizing: to the beats of the score, or to beats that are found from the onsets of a performance."""

import numpy as np
import pytest

from benchmarks.beats import performed, returned
from musiclib import corpus
from musiclib.score import Score, quantizing
from musiclib.score.beats import beat_times

ROWS = [(0.04, 0.9, 60, 70, 0), (1.02, 0.2, 64, 80, 0), (1.9, 0.02, 67, 90, 1), (2.3, 1.0, 72, 60, 1)]


def dance(bars=32):
    """A melody of eighths and sixteenths above a bass on the beats, as it is written."""
    rows = []
    for bar in range(bars):
        rows += [(4 * bar + beat, 1, 48 + 5 * (bar % 3)) for beat in range(4)]
        rows += [(4 * bar + at, 0.5, 60 + 2 * ((bar + i) % 7)) for i, at in enumerate((0, 1, 1.5, 2, 2.5, 2.75, 3))]
    return Score.from_notes(rows)


def test_full_strength_moves_onsets_and_ends_onto_the_grid():
    score = Score.from_notes(ROWS).quantize(1 / 4)
    assert score.onset.tolist() == [0, 1, 2, 2.25]
    assert (score.onset + score.duration).tolist() == [1, 1.25, 2.25, 3.25]  # the third lasts one step at least


def test_part_of_the_strength_moves_notes_a_part_of_the_way():
    half = Score.from_notes(ROWS).quantize(1 / 4, strength=0.5)
    assert half.onset == pytest.approx([0.02, 1.01, 1.95, 2.275])
    assert half.duration == pytest.approx([0.95, 0.225, 0.135, 1.0])
    assert Score.from_notes(ROWS).quantize(1 / 4, strength=0).onset.tolist() == [0.04, 1.02, 1.9, 2.3]


def test_tempos_signatures_and_all_else_stay():
    fields = {"tempos": ((0, 90), (1.1, 120)), "time_signatures": ((0, 3, 4),), "key_signatures": ((0, 2, "major"),)}
    score = Score.from_notes(ROWS, **fields, part_names=("Left", "Right"), programs=(1, 2), title="Air")
    moved = score.quantize(1 / 3)
    assert moved == score.replace(onset=moved.onset, duration=moved.duration)
    assert moved.velocity.tolist() == [70, 80, 90, 60]


def test_an_empty_score_stays_empty():
    assert len(Score.from_notes([]).quantize()) == 0
    assert len(Score.from_notes([]).quantize(beats="onsets")) == 0


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"grid": 0}, "grid must be a step above 0 quarter lengths, such as 1/4 for sixteenths, got 0"),
        ({"grid": -0.25}, "got -0.25"),
        ({"grid": float("inf")}, "got inf"),
        ({"grid": float("nan")}, "got nan"),
        ({"strength": -0.1}, r"strength must lie between 0 \(as it is\) and 1 \(on the grid\), got -0.1"),
        ({"strength": 1.5}, "got 1.5"),
        ({"beats": "audio"}, "beats must be 'score', 'onsets' or None for the one that fits, got 'audio'"),
    ],
)
def test_options_out_of_range_are_refused(options, named):
    with pytest.raises(ValueError, match=named):
        Score.from_notes(ROWS).quantize(**options)


@pytest.mark.parametrize("end", [30_000.0, 1e300])
def test_beats_are_not_looked_for_in_hours_of_music(end):
    score = Score.from_notes([(0, 1, 60), (end, end / 9, 62)], tempos=((0, 120), (1, 1)))
    with pytest.raises(ValueError, match="more than the 10,800 in which beats are looked for; quantize parts of it"):
        score.quantize(beats="onsets")
    assert len(score.quantize()) == 2


def test_only_music_that_follows_no_beat_is_free():
    written = dance().onset
    assert not quantizing.is_free(written)
    assert not quantizing.is_free(np.abs(written + np.random.default_rng(0).normal(0, 0.04, len(written))))
    assert not quantizing.is_free(np.random.default_rng(0).uniform(0, 9, 8))  # too few to tell
    assert quantizing.is_free(performed(dance(), 0)[0].onset)


@pytest.mark.parametrize("tempo", [70, 85, 100, 120])
def test_beats_are_found_in_a_performance(tempo):
    """Nine of ten onsets come back to where they are written, at this beat or at half or twice of it."""
    for seed in range(3):
        score, written = performed(dance(), seed, tempo)
        assert returned(score, written)[0] >= 0.9
    assert returned(score, np.random.default_rng(0).uniform(0, 99, len(score)))[0] < 0.1


def test_beats_are_found_where_the_tempo_map_has_none():
    score, _ = performed(dance(), 0)
    found = score.quantize()
    assert found == score.quantize(beats="onsets") != score.quantize(beats="score")
    assert np.array_equal(np.round(found.onset * 4), found.onset * 4)


def test_found_beats_sound_as_they_were_played():
    score, _ = performed(dance(), 0)
    same, onto = score.quantize(strength=0), score.quantize()
    starts = [each.seconds()[0] for each in (score, same, onto)]
    assert np.ptp(starts[1] - starts[0]) < 1e-9
    assert np.ptp(np.sort(starts[2]) - starts[0]) < 0.2  # at most a step of the grid
    assert np.std(np.sort(starts[2]) - starts[0]) < 0.04
    assert len(onto.tempos) > 100 and same.tempos == onto.tempos


def test_notes_of_a_chord_stay_together():
    rows = [(beat, 1, pitch) for beat in range(64) for pitch in (48, 60, 64, 67)]
    score, _ = performed(Score.from_notes(rows), 0, jitter=0.008)
    assert len(np.unique(score.quantize(beats="onsets").onset)) == 64


def test_the_signatures_of_a_performance_move_with_its_beats():
    score, _ = performed(dance(), 0)
    late = score.replace(time_signatures=((0, 4, 4), (40, 3, 4)), key_signatures=((0, 1, ""),)).quantize()
    assert late.key_signatures == ((0, 1, ""),)
    (first, *_), (second, *_) = late.time_signatures
    assert first == 0 and second == round(second)
    assert float(late.seconds_at(second)) == pytest.approx(20, abs=0.5)


def test_beats_hold_all_onsets():
    onsets = np.cumsum(np.random.default_rng(3).uniform(0.05, 1.5, 200))
    beats = beat_times(onsets, np.ones(200))
    assert beats[0] <= onsets[0] and beats[-1] > onsets[-1]
    assert np.all((np.diff(beats) > 0.29) & (np.diff(beats) < 1.21))
    assert len(beat_times(np.array([2.0]), np.ones(1))) >= 2


def test_a_grid_tells_its_onsets_from_others():
    assert quantizing.off_grid(np.array([0, 0.25, 0.26, 1 / 3]), 4, 0.015).tolist() == [False, False, False, True]


def test_notes_that_become_equal_are_one():
    trill = Score.from_notes([(i * 0.06, 0.05, 60) for i in range(40)])
    moved = trill.quantize(1 / 4, 1, "score")
    assert len(moved) == len({*moved.onset.tolist()}) == 10


def test_the_name_of_a_piece_that_cannot_be_quantized_is_said():
    long = Score.from_notes([(i * 1000.3, 1, 60) for i in range(40)])
    music = corpus.Corpus(("long piece",), (long,))
    with pytest.raises(ValueError, match="long piece: this music lasts"):
        music.quantized(beats="onsets")
    assert len(music.quantized(beats="score").scores[0]) == 40
