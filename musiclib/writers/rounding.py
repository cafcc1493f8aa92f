"""Rounding: quantizes a Score to the grid of a file format."""

from __future__ import annotations

import numpy as np

from musiclib.score import Score


def rounded(score: Score, grid: int) -> np.ndarray:
    """Quantizes a score to ``grid`` steps per quarter note and resolves overlaps.

    Returns:
        (n,) records of part, pitch, start and end (in steps) and velocity, sorted by these fields.
    """
    return rounded_with_index(score, grid)[0]


def rounded_with_index(score: Score, grid: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns what ``rounded`` does, and the index of each of these notes in the score, (n,) int64.

    Of notes that are merged, it is the index of the longest.
    """
    if not len(score):
        raise ValueError("the score has no notes, so there is nothing to write; give one with notes")
    names = ("part", "pitch", "start", "end", "velocity")
    notes = np.zeros(len(score), dtype=[(name, np.int64) for name in names])
    for name in ("part", "pitch", "velocity"):
        notes[name] = getattr(score, name)
    notes["start"] = np.rint(score.onset * grid)
    notes["end"] = np.maximum(np.rint((score.onset + score.duration) * grid), notes["start"] + 1)
    index = np.argsort(notes, order=list(names), kind="stable")
    notes = notes[index]
    same_pitch = np.all([notes[name][1:] == notes[name][:-1] for name in ("part", "pitch")], axis=0)
    again = same_pitch & (notes["start"][1:] == notes["start"][:-1])
    first = np.flatnonzero(np.append(True, ~again))
    loudest = np.maximum.reduceat(notes["velocity"], first)
    longest = np.append(~again, True)  # of the same onset
    notes, index = notes[longest], index[longest]
    notes["velocity"] = loudest
    followed = np.all([notes[name][1:] == notes[name][:-1] for name in ("part", "pitch")], axis=0)
    notes["end"][:-1][followed] = np.minimum(notes["end"][:-1], notes["start"][1:])[followed]
    return notes, index


def time_signatures(score: Score) -> list[tuple[float, int, int]]:
    """Returns the time signatures that MIDI and notation support."""
    powers = [2**exponent for exponent in range(7)]
    return [mark for mark in score.time_signatures if mark[1] <= 255 and mark[2] in powers]
