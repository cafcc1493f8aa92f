"""Harmonizing: a melody in, the voices that a run writes to it out, all in one score."""

from __future__ import annotations

import os
import warnings

import numpy as np

from musiclib import readers
from musiclib.encodings import Chorale
from musiclib.sampling.generation import generate_ids
from musiclib.sampling.primers import check_run, source_ids
from musiclib.score import COLUMNS, Score, pitch_name
from musiclib.score.melody import top_line
from musiclib.score.voices import STEPS_PER_QUARTER

_OCTAVE = 12
_CLOSE = 0.02  # quarter lengths, by which an onset may miss a sixteenth without anyone hearing it


def harmonize(run, melody: Score | str | os.PathLike, count: int = 1, **options) -> list[Score]:
    """Writes voices to a melody.

    Of chords and several parts the top line is the melody, and a melody outside the range that the run was trained
    on is moved by octaves to the middle of it; a warning says so, and where notes lie between the sixteenths.

    Args:
        run: trained on pairs of melodies and voices that run side by side, such as ``models/bach_harmonizer``.
        melody: a Score, or the path of a music file.
        count: versions, written as one batch.
        **options: see ``generate_ids``, but for ``length``, ``primer`` and ``source``.

    Returns:
        One Score a version: the melody, and the voices below it.

    Raises:
        ValueError: where the run writes no voices to a melody, or the melody is none or holds no notes.
        FileNotFoundError: where there is no such file.
    """
    check_run(run)
    given = sorted({"length", "primer", "source"} & options.keys())
    if given:
        raise ValueError(f"harmonize takes no {given[0]}: the melody alone says what is written, and for how long")
    if not isinstance(run.source_encoding, Chorale) or run.source_encoding.voices != "S":
        raise ValueError(
            "this run does not write voices to a melody; take models/bach_harmonizer, or train a seq2seq on pairs whose"
            " source encoding is Chorale(voices='S')"
        )
    melody = _in_range(_one_line(melody), run)
    _say_what_lies_between(melody)
    ids = source_ids(run, melody)
    written = generate_ids(run, count, run.model.pace * len(ids), source=ids, **options)
    return [_together(melody, run.encoding.decode(run.vocabulary.to_tokens(voices))) for voices in written]


def _together(melody: Score, voices: Score) -> Score:
    """Returns a melody and the voices below it, whose first part is empty."""
    columns = {name: np.concatenate([getattr(melody, name), getattr(voices, name)]) for name in COLUMNS}
    return melody.replace(**columns, part_names=voices.part_names, programs=voices.programs)


def _one_line(music: Score | str | os.PathLike) -> Score:
    if not isinstance(music, (Score, str, os.PathLike)):
        raise ValueError(f"a melody is a Score or the path of a music file, got {type(music).__name__}")
    score = music if isinstance(music, Score) else readers.read_score(music)
    if not len(score):
        raise ValueError("the melody has no notes, and there is nothing to harmonize; give one that sounds")
    line = top_line(score)
    if len(line) < len(score):
        warnings.warn(
            f"of the {len(score)} notes in {len(score.part_names)} part(s) the {len(line)} of the top line are taken as"
            " the melody",
            stacklevel=3,
        )
    return line


def _say_what_lies_between(melody: Score) -> None:
    steps = melody.onset * STEPS_PER_QUARTER
    between = int(np.sum(np.abs(steps - np.round(steps)) > _CLOSE * STEPS_PER_QUARTER))
    if between:
        warnings.warn(
            f"{between} of the melody's {len(melody)} notes begin between two sixteenths, where the voices cannot"
            " follow; quantise it for voices that sound together with it",
            stacklevel=3,
        )


def _in_range(melody: Score, run) -> Score:
    """Moves a melody that leaves the range of the run's sources by octaves, near to the middle of that range."""
    pitches = run.about.get("dataset", {}).get("source_pitches")
    if pitches is None:
        return melody
    low, high = pitches

    def outside(shift: int) -> int:
        moved = melody.pitch + shift
        return int(np.sum((moved < low) | (moved > high)))

    if not outside(0):
        return melody
    middle = (low + high) / 2 - float(np.median(melody.pitch))
    shift = min((_OCTAVE * octaves for octaves in range(-10, 11)), key=lambda s: (outside(s), abs(s - middle)))
    rest = outside(shift)
    moved = melody.pitch + shift
    moved += _OCTAVE * np.maximum(-((moved - low) // _OCTAVE), 0)
    moved -= _OCTAVE * np.maximum(-((high - moved) // _OCTAVE), 0)
    octaves = abs(shift) // _OCTAVE
    whole = f"all of it was moved {octaves} octave{'s' * (octaves > 1)} {'up' if shift > 0 else 'down'}"
    single = f"of its notes {rest} {'was' if rest == 1 else 'were'} moved by other octaves"
    done = " and ".join(([whole] if shift else []) + ([single] if rest else []))
    warnings.warn(
        f"the melody leaves the range from {pitch_name(low)} to {pitch_name(high)} that this run knows: {done}",
        stacklevel=3,
    )
    return melody.replace(pitch=moved)
