"""Candidates: the encodings, and their options, that may suit some music."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from musiclib.encodings.base import Encoding
from musiclib.encodings.chorale import Chorale
from musiclib.encodings.frames import Frames
from musiclib.encodings.note_chord import NoteChord
from musiclib.encodings.note_events import NoteEvents
from musiclib.encodings.performance import Performance
from musiclib.score import Score
from musiclib.score.quantizing import off_grid
from musiclib.score.voices import VOICES

_RARE = 0.02  # share of the notes, or of the onsets, that may be neglected
_USUAL = 0.9  # of the pieces
_EXACT = 0.01  # quarter lengths
_VOICES = ("S", "SB", "SBA", "SBAT")  # by the number of parts
_LONGEST = (8, 16, 32, 64)  # quarter lengths


def candidates(scores: Sequence[Score]) -> list[Encoding]:
    """Returns the encodings to compare for some pieces, each with at least one note."""
    sizes, gaps = np.array([(len(score), np.max(np.diff(score.onset, prepend=0))) for score in scores]).T
    # A longer time shift is cut, which displaces all notes after it.
    displaced = (sizes[gaps > length].sum() / sizes.sum() for length in _LONGEST)
    longest = next((length for length, share in zip(_LONGEST, displaced, strict=True) if share <= _RARE), _LONGEST[-1])
    found: list[Encoding] = [NoteChord(), NoteChord(chords="pitches"), NoteEvents(longest=longest)]
    if np.mean(off_grid(np.concatenate([score.onset for score in scores]), 4, _EXACT)) > _RARE:
        sixteenths = {"steps_per_quarter": 4}
        found += [NoteChord(chords="pitches", **sixteenths), NoteEvents(longest=longest, **sixteenths)]
    parts = np.array([len(np.unique(score.part)) for score in scores])
    voices = (parts <= len(VOICES)) & np.array([_is_monophonic(score) for score in scores])
    if np.mean(voices) > _USUAL:
        found.insert(0, Chorale(holds=True, voices=_VOICES[np.bincount(parts[voices]).argmax() - 1]))
    return [*found, Performance(), Frames()]


def _is_monophonic(score: Score) -> bool:
    """Tells whether the notes of each part follow one another."""
    order = np.lexsort((score.onset, score.part))
    onset, end, part = score.onset[order], (score.onset + score.duration)[order], score.part[order]
    return bool(np.mean((np.diff(part) == 0) & (onset[1:] < end[:-1] - 1e-3)) <= _RARE) if len(score) > 1 else True
