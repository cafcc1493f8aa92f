"""Harmonizing: a melody in, the voices that a run writes to it out, all in one score."""

from __future__ import annotations

import os
import warnings

import numpy as np

from musiclib import melodies, readers
from musiclib.encodings import Chorale
from musiclib.sampling.generation import generate_ids
from musiclib.sampling.primers import source_ids
from musiclib.score import COLUMNS, Score

_OCTAVE = 12


def harmonize(run, melody: Score | str | os.PathLike, count: int = 1, **options) -> list[Score]:
    """Writes voices to a melody.

    Of chords and several parts the top line is the melody, and a melody outside the range that the run was trained
    on is moved by octaves; a warning says so.

    Args:
        run: trained on pairs of melodies and voices that run side by side, such as ``models/bach_harmonizer``.
        melody: a Score, or the path of a music file.
        count: versions, written as one batch.
        **options: see ``generate_ids``.

    Returns:
        One Score a version: the melody, and the voices below it.

    Raises:
        ValueError: where the run writes no voices to a melody, or the melody holds no notes.
        FileNotFoundError: where there is no such file.
    """
    if not isinstance(run.source_encoding, Chorale) or run.source_encoding.voices != "S":
        raise ValueError(
            "this run does not write voices to a melody; take models/bach_harmonizer, or train a seq2seq on pairs whose"
            " source encoding is Chorale(voices='S')"
        )
    melody = _in_range(_one_line(melody), run)
    ids = source_ids(run, melody)
    written = generate_ids(run, count, run.model.pace * len(ids), source=ids, **options)
    return [_together(melody, run.encoding.decode(run.vocabulary.to_tokens(voices))) for voices in written]


def _together(melody: Score, voices: Score) -> Score:
    """Returns a melody and the voices below it, whose first part is empty."""
    columns = {name: np.concatenate([getattr(melody, name), getattr(voices, name)]) for name in COLUMNS}
    return melody.replace(**columns, part_names=voices.part_names, programs=voices.programs)


def _one_line(music: Score | str | os.PathLike) -> Score:
    score = music if isinstance(music, Score) else readers.read_score(music)
    if not len(score):
        raise ValueError("the melody has no notes, and there is nothing to harmonize; give one that sounds")
    line = melodies.top_line(score)
    if len(line) < len(score):
        warnings.warn(
            f"of the {len(score)} notes in {len(score.part_names)} part(s) the {len(line)} of the top line are taken as"
            " the melody",
            stacklevel=3,
        )
    return line


def _in_range(melody: Score, run) -> Score:
    """Moves a melody by the fewest octaves into the range of the run's sources, and what then is still outside too."""
    pitches = run.about.get("dataset", {}).get("source_pitches")
    if pitches is None:
        return melody
    low, high = pitches

    def outside(shift: int) -> int:
        moved = melody.pitch + shift
        return int(np.sum((moved < low) | (moved > high)))

    if not outside(0):
        return melody
    shift = min((_OCTAVE * octaves for octaves in range(-10, 11)), key=lambda shift: (outside(shift), abs(shift)))
    rest = outside(shift)
    moved = melody.pitch + shift
    moved += _OCTAVE * np.maximum(-((moved - low) // _OCTAVE), 0)
    moved -= _OCTAVE * np.maximum(-((high - moved) // _OCTAVE), 0)
    warnings.warn(
        f"the melody lies outside the pitches {low} to {high} that the run knows, and was moved by"
        f" {shift // _OCTAVE:+d} octave(s)" + (f"; {rest} of its notes were moved by more or fewer" if rest else ""),
        stacklevel=3,
    )
    return melody.replace(pitch=moved)
