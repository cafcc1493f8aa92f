"""Tune: phrases of one metre become a piece, with a form, a key and an ending."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from musiclib.score import Score, meter

FORM = (0, 1, 0, 2, 3, 1, 3, 2)  # two parts of four phrases: the first phrase of a part returns, both end alike
_MOST = 3  # semitones by which a phrase is moved into the key
# How well the twelve pitch classes fit a key. Source: Carol Krumhansl, "Cognitive Foundations of Musical Pitch" (1990).
_MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
_MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
# Two modes of folk music, for which she has none: the major with a minor seventh, the minor with a major sixth.
_PROFILES = {
    "major": _MAJOR,
    "mixolydian": (*_MAJOR[:10], _MAJOR[11], _MAJOR[10]),
    "dorian": (*_MINOR[:8], _MINOR[9], _MINOR[8], *_MINOR[10:]),
    "minor": _MINOR,
}
_FIFTHS = {"major": 0, "mixolydian": -1, "dorian": -2, "minor": -3}  # sharps of the mode's scale on C


def key(score: Score) -> tuple[int, str]:
    """Returns the key of a piece by the Krumhansl-Schmuckler algorithm: pitch class of the tonic (0 is C) and mode."""
    fits = {(tonic, mode): _fit(score, tonic, mode) for mode in _PROFILES for tonic in range(12)}
    return max(fits, key=fits.get)


def assemble(phrases: Sequence[Score], form: Sequence[int] = FORM) -> Score:
    """Joins phrases in a form, moves them into one key, and ends the last of them on its tonic.

    A phrase is transposed by up to three semitones to fit the key; notes that its scale still lacks move by one, up
    where the key has sharps and down where it has flats.

    Args:
        phrases: of one time signature and length, each with notes.
        form: index of the phrase at each place.

    Returns:
        The piece, with its key signature.
    """
    metre = phrases[0].time_signatures
    bar = meter.bar_length(metre)
    length = bar * max(round(phrase.end / bar) for phrase in phrases)
    tonic, mode = key(_joined(phrases, length, form))
    moves = sorted(range(-_MOST, _MOST + 1), key=abs)
    moved = [p.transpose(max(moves, key=lambda move, p=p: _fit(p, tonic - move, mode))) for p in phrases]
    fifths = (7 * tonic + _FIFTHS[mode] + 5) % 12 - 5
    phrases = [_in_scale(phrase, fifths) for phrase in moved]
    phrases[form[-1]] = _ended(phrases[form[-1]], length, tonic, bar)
    piece = _joined(phrases, length, form)
    return piece.replace(time_signatures=metre, key_signatures=((0.0, fifths, mode),))


def _in_scale(phrase: Score, fifths: int) -> Score:
    scale = [(7 * step) % 12 for step in range(fifths - 1, fifths + 6)]
    foreign = np.isin(phrase.pitch % 12, scale, invert=True)
    return phrase.replace(pitch=phrase.pitch + np.where(foreign, 1 if fifths >= 0 else -1, 0))


def _joined(phrases: Sequence[Score], length: float, form: Sequence[int]) -> Score:
    piece = phrases[form[0]]
    for place, number in enumerate(form[1:], start=1):
        piece = piece.then(phrases[number], place * length)
    return piece


def _ended(phrase: Score, end: float, tonic: int, bar: float) -> Score:
    """Replaces the end of the last bar, half of it or three eighths, by the tonic nearest to the note before."""
    held = 1.5 if bar % 1.5 == 0 else min(bar / 2, 2.0)
    before = phrase.slice(0, end - held)
    last = int((before if len(before) else phrase).pitch[-1])
    return before.then(Score.from_notes([(0, held, last + (tonic - last + 6) % 12 - 6)]), end - held)


def _fit(score: Score, tonic: int, mode: str) -> float:
    """Returns the correlation of the sounding time of the pitch classes with a key."""
    time = np.bincount(score.pitch % 12, score.duration, minlength=12)
    return float(np.corrcoef(np.roll(_PROFILES[mode], tonic), time + 1e-9 * np.arange(12))[0, 1])
