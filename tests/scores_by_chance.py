"""Strategies of hypothesis: Scores of every kind."""

import numpy as np
from hypothesis import strategies as st

from musiclib.score import Score

GRID = st.integers(0, 200).map(lambda steps: steps / 12)
EXTREME_PITCHES = st.sampled_from([0, 1, 126, 127])


@st.composite
def scores(draw, longest: float = 300.0, max_notes: int = 12) -> Score:
    """Music on a grid and off it, with equal notes, overlaps, gaps, notes of no time and very long ones, or nothing.

    Args:
        longest: largest onset and duration, in quarter lengths.
        max_notes: notes at most.
    """
    nearly = st.tuples(GRID, st.floats(-1e-9, 1e-9)).map(lambda pair: max(sum(pair), 0.0))
    onsets = GRID | GRID | nearly | st.floats(0, 20) | st.floats(0, longest)
    durations = GRID.filter(bool) | st.floats(1e-3, 4) | st.sampled_from([5e-324, 1e-12, longest]) | nearly.filter(bool)
    pitches = st.integers(55, 70) | st.integers(0, 127) | EXTREME_PITCHES
    row = st.tuples(onsets, durations, pitches, st.integers(1, 127), st.integers(0, 3))
    rows = draw(st.lists(row, max_size=max_notes))
    if rows and draw(st.booleans()):  # notes that stand there twice, or with their octave
        again = draw(st.lists(st.tuples(st.sampled_from(rows), st.sampled_from([0, 12, -12])), max_size=4))
        rows += [(*row[:2], row[2] + shift, *row[3:]) for row, shift in again if 0 <= row[2] + shift <= 127]
    tempos = st.lists(st.tuples(onsets, st.sampled_from([20.0, 60.0, 120.0, 133.3, 600.0])), max_size=3)
    meters = st.lists(st.tuples(onsets, st.integers(1, 12), st.sampled_from([2, 4, 8])), max_size=2)
    names = st.lists(st.text(max_size=5), max_size=5)
    programs = st.lists(st.integers(0, 127), max_size=5)
    return Score.from_notes(
        rows, tempos=draw(tempos), time_signatures=draw(meters), part_names=draw(names), programs=draw(programs)
    )


@st.composite
def extreme_scores(draw) -> Score:
    """A few notes at times that only a damaged file has: up to the largest number there is."""
    times = st.floats(0, 1.7e308) | st.sampled_from([1e5, 1e9, 1e15, 2.0**53, 1e18, 1e300])
    row = st.tuples(times | GRID, times.filter(bool) | GRID.filter(bool), st.integers(0, 127))
    rate = st.floats(np.nextafter(0, 1), 1.7e308) | st.just(120.0)
    return Score.from_notes(
        draw(st.lists(row, min_size=1, max_size=4)), tempos=draw(st.lists(st.tuples(times, rate), max_size=2))
    )
