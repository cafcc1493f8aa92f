"""Harmonizing: from a melody to a score of the melody and generated voices."""

from __future__ import annotations

import os
import warnings

import numpy as np

from musiclib import readers
from musiclib.encodings import Chorale
from musiclib.sampling.generation import generate_targets
from musiclib.sampling.primers import check_run, source_ids
from musiclib.sampling.ranking import best
from musiclib.sampling.rules import check_whole
from musiclib.score import COLUMNS, Score, inheritance, pitch_name
from musiclib.score.checking import check_score
from musiclib.score.melody import top_line
from musiclib.score.voices import between_steps

_OCTAVE = 12


def harmonize(
    run, melody: Score | str | os.PathLike, count: int = 1, candidates: int = 8, seed: int | None = None, **rules
) -> list[Score]:
    """Generates voices to a melody.

    Of chords and several parts the top line is the melody, and a melody outside the range of the training data is
    moved by octaves to the middle of it. Both give a warning, and so do notes between the sixteenths.

    Args:
        run: trained on aligned pairs of melodies and voices, such as ``models/bach_harmonizer``.
        melody: a Score, or the path of a music file.
        count: number of versions.
        candidates: of so many, generated as one batch, each version is the best by ``sampling.rank``.
        seed: makes the versions repeatable.
        **rules: sampling rules such as ``temperature``; see ``sampling.Rules``.

    Returns:
        One Score per version: the melody, and the voices below it.

    Raises:
        ValueError: where the run is not a harmonizer, or the melody has no notes or is of another type.
        FileNotFoundError: where there is no such file.
    """
    check_run(run)
    given = sorted({"length", "primer", "source"} & rules.keys())
    if given:
        raise ValueError(f"harmonize takes no {given[0]}: the melody is the source and determines the length")
    if not isinstance(run.source_encoding, Chorale) or run.source_encoding.voices != "S":
        raise ValueError(
            "this run does not harmonize melodies; take models/bach_harmonizer, or train a seq2seq on pairs with the"
            " source encoding Chorale(voices='S')"
        )
    melody = _in_range(_one_line(melody), run)
    _warn_off_grid(melody)
    ids = source_ids(run, melody)
    check_whole("count", count, 1)
    check_whole("candidates", candidates, 1)
    sampled = generate_targets(run, count * candidates, run.model.pace * len(ids), ids, seed, **rules)
    tokens = [run.vocabulary.to_tokens(voices) for voices in sampled.pieces]
    marks = inheritance.whole(melody)
    voices = (inheritance.inherit(run.encoding.decode(voices), marks, run.encoding.keeps) for voices in tokens)
    scores = [inheritance.inherit(_merged(melody, each), marks, inheritance.KINDS) for each in voices]
    return best(scores, sampled.nats, [len(voices) for voices in tokens], candidates)


def _merged(melody: Score, voices: Score) -> Score:
    """Returns a melody with the voices below it, whose first part is empty."""
    columns = {name: np.concatenate([getattr(melody, name), getattr(voices, name)]) for name in COLUMNS}
    return melody.replace(**columns, part_names=voices.part_names, programs=voices.programs)


def _one_line(music: Score | str | os.PathLike) -> Score:
    score = readers.read_score(music) if isinstance(music, (str, os.PathLike)) else music
    check_score(score, "harmonize")
    score = score.pitched()
    if not len(score):
        raise ValueError("the melody has no notes; give one with notes")
    line = top_line(score)
    if len(line) < len(score):
        warnings.warn(
            f"of the {len(score)} notes in {len(score.part_names)} part(s) the {len(line)} of the top line are taken as"
            " melody",
            stacklevel=3,
        )
    return line


def _warn_off_grid(melody: Score) -> None:
    between = int(np.sum(between_steps(melody.onset)))
    if between:
        warnings.warn(
            f"{between} of the melody's {len(melody)} notes begin between two sixteenths, where voices cannot begin;"
            " quantise the melody, so that the voices are in time with it",
            stacklevel=3,
        )


def _in_range(melody: Score, run) -> Score:
    """Moves a melody outside the range of the run's training sources by octaves, near the middle of that range."""
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
