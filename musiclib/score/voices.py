"""Voices: four parts on a grid of sixteenths, as an array and as a Score."""

from __future__ import annotations

import itertools

import numpy as np

from musiclib.score.score import DEFAULT_VELOCITY, Score

VOICES = ("Soprano", "Alto", "Tenor", "Bass")  # the parts of a score, from the top
STEPS_PER_QUARTER = 4
SILENT = -1  # in a grid: the voice has no note
_LONGEST = 100_000  # quarter lengths
_CLOSE = 0.02  # quarter lengths: inaudible deviation of an onset from a sixteenth


def from_grid(pitches: np.ndarray, onsets: np.ndarray | None = None) -> Score:
    """Converts a grid to a Score of four parts.

    Args:
        pitches: int, (steps, 4), MIDI pitches of soprano, alto, tenor and bass, -1 where a voice is silent.
        onsets: bool, (steps, 4), True at note onsets; None joins equal pitches in consecutive steps into one note.
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


def between_steps(onset: np.ndarray) -> np.ndarray:
    """Tells which onsets, in quarter lengths, lie audibly between two steps of the grid."""
    steps = onset * STEPS_PER_QUARTER
    return np.abs(steps - np.round(steps)) > _CLOSE * STEPS_PER_QUARTER


def check_length(score: Score) -> None:
    """Raises ValueError if a score is too long for a grid."""
    with np.errstate(over="ignore"):  # a damaged file may have times near the largest float
        end = score.end
    if end > _LONGEST:
        raise ValueError(
            f"this music lasts {end:g} quarter lengths, more than the {_LONGEST:,} of Chorale and Phrases; encode"
            " parts of it, cut with score.slice"
        )


def notes_at_steps(score: Score) -> np.ndarray:
    """Returns the note of each voice at each step of the grid.

    A score with four parts: part i is voice i, also if parts cross or one is empty. Each voice is monophonic: a later
    onset replaces an earlier note, and of notes with the same onset the highest is used. Any other number of parts:
    at each step the highest pitch is the soprano, the lowest the bass, the second highest the alto and the third
    highest the tenor; other pitches are dropped, and a single pitch is the soprano. Percussion parts do not count.

    Returns:
        (steps, 4) int64, indices of the score's notes, -1 where a voice is silent.

    Raises:
        ValueError: if the score is too long for a grid.
    """
    check_length(score)
    drums, score = score.is_percussion, score.pitched()
    starts = np.round(score.onset * STEPS_PER_QUARTER).astype(np.int64)
    ends = np.round((score.onset + score.duration) * STEPS_PER_QUARTER).astype(np.int64)
    ends = np.maximum(ends, starts + 1)
    grid = np.full((int(ends.max()) if len(score) else 0, len(VOICES)), SILENT)
    if len(score.part_names) == len(VOICES):
        for note in np.lexsort((score.pitch, starts)).tolist():  # a later note replaces an earlier one
            grid[starts[note] : ends[note], score.part[note]] = note
        return _numbered(grid, drums)
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
    return _numbered(grid, drums)


def _numbered(grid: np.ndarray, drums: np.ndarray) -> np.ndarray:
    """Returns a grid of indices among the pitched notes as one of indices among all notes."""
    return np.append(np.flatnonzero(~drums), SILENT)[grid] if drums.any() else grid
