"""Voices: four parts on a grid of sixteenths, as an array and as a Score."""

from __future__ import annotations

import itertools

import numpy as np

from musiclib.score.score import DEFAULT_VELOCITY, Score

VOICES = ("Soprano", "Alto", "Tenor", "Bass")  # the parts of a score, from the top
STEPS_PER_QUARTER = 4
SILENT = -1  # in a grid, where a voice does not sing
_LONGEST = 100_000  # quarter lengths


def from_grid(pitches: np.ndarray, onsets: np.ndarray | None = None) -> Score:
    """Returns a grid as a Score of four parts.

    Args:
        pitches: int, (steps, 4), MIDI pitches of soprano, alto, tenor and bass, -1 where a voice is silent.
        onsets: bool, (steps, 4), where a note begins; where None, equal pitches in neighbouring steps are one note.
    """
    pitches = np.asarray(pitches, dtype=np.int64).reshape(-1, len(VOICES))
    changes = np.diff(pitches, axis=0, prepend=np.full((1, len(VOICES)), SILENT)) != 0
    changes = changes if onsets is None else changes | onsets
    notes = []
    for part, (line, change) in enumerate(zip(pitches.T.tolist(), changes.T, strict=True)):
        for start, stop in itertools.pairwise([*np.flatnonzero(change).tolist(), len(line)]):
            if line[start] != SILENT:
                onset, duration = start / STEPS_PER_QUARTER, (stop - start) / STEPS_PER_QUARTER
                notes.append((onset, duration, line[start], DEFAULT_VELOCITY, part))
    return Score.from_notes(notes, part_names=VOICES, programs=(0,) * len(VOICES))


def notes_at_steps(score: Score) -> np.ndarray:
    """Returns which note each voice sings at each step of the grid.

    Four parts are the four voices in the order of the score, also where they cross or one has no notes. In a voice one
    note sounds at a time: the last to begin, and of those that begin together the highest. Any other number of parts
    is taken as one texture: at each step the highest pitch is the soprano's, the lowest the bass's, the second highest
    the alto's and the third highest the tenor's; further ones are dropped, and a melody alone is the soprano.

    Returns:
        (steps, 4) int64, positions in the score's columns, -1 where a voice is silent.

    Raises:
        ValueError: where the score is too long for a grid.
    """
    with np.errstate(over="ignore"):  # a damaged file may hold times near the largest number there is
        end = score.end
    if end > _LONGEST:
        raise ValueError(
            f"this music lasts {end:g} quarter lengths, more than the {_LONGEST:,} that a grid of voices takes; encode"
            " parts of it, cut with score.slice"
        )
    starts = np.round(score.onset * STEPS_PER_QUARTER).astype(np.int64)
    ends = np.round((score.onset + score.duration) * STEPS_PER_QUARTER).astype(np.int64)
    ends = np.maximum(ends, starts + 1)
    grid = np.full((int(ends.max()) if len(score) else 0, len(VOICES)), SILENT)
    if len(score.part_names) == len(VOICES):
        for note in np.lexsort((score.pitch, starts)).tolist():  # a later note replaces an earlier one
            grid[starts[note] : ends[note], score.part[note]] = note
        return grid
    sounding: list[dict[int, int]] = [{} for _ in range(len(grid))]  # pitch to note at each step
    for note in np.argsort(starts, kind="stable").tolist():
        for step in sounding[starts[note] : ends[note]]:
            step[int(score.pitch[note])] = note
    for step, notes in zip(grid, sounding, strict=True):
        ordered = [notes[pitch] for pitch in sorted(notes, reverse=True)]
        bass = [ordered.pop()] if len(ordered) > 1 else []
        inner = ordered[: len(VOICES) - 1]
        step[: len(inner)] = inner
        step[len(VOICES) - 1 : len(VOICES) - 1 + len(bass)] = bass
    return grid
