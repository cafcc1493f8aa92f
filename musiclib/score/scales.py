"""Scales and keys by name: ``"D minor"`` as its tonic, its key signature and the pitch classes of its scale."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable

from musiclib.score.keys import DEGREES, MOST_FIFTHS, STEPS

# Semitones above the tonic. Minor has both sixths and both sevenths, as melodies in minor do.
SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 9, 10, 11),
    "natural minor": (0, 2, 3, 5, 7, 8, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "pentatonic": (0, 2, 4, 7, 9),
    "minor pentatonic": (0, 3, 5, 7, 10),
    "blues": (0, 3, 5, 6, 7, 10),
}
# Degrees of the major scale whose scales these modes are: C dorian has the signature of B flat major.
_MODES = {"major": 1, "dorian": 2, "phrygian": 3, "lydian": 4, "mixolydian": 5, "minor": 6}
_NAME = re.compile(r"\s*([A-Ga-g])(?:\s*(#|♯|b|♭|-|\bsharp\b|\bflat\b))?\s*(\S.*?)?\s*", re.ASCII)
_ALTER = {None: 0, "#": 1, "♯": 1, "sharp": 1, "b": -1, "♭": -1, "-": -1, "flat": -1}


def key(name: str) -> tuple[int, int, str]:
    """Reads the name of a key, such as ``"D minor"``, ``"Eb major"``, ``"F# dorian"`` or ``"G"`` (major).

    Returns:
        (tonic, fifths, mode): the pitch class of the tonic, and the key signature as in a Score.

    Raises:
        ValueError: if there is no such key.
    """
    match = _NAME.fullmatch(name) if isinstance(name, str) else None
    mode = ((match and match[3]) or "major").lower()
    if not match or mode not in _MODES:
        raise ValueError(
            f"there is no key {name!r}; a key is a note and a mode, such as 'D minor', 'Bb major' or 'F# dorian'; the"
            f" modes are {', '.join(_MODES)}"
        )
    fifths = STEPS.index(match[1].upper()) - 1 + 7 * _ALTER[match[2]]
    tonic = 7 * fifths % 12
    fifths -= DEGREES[_MODES[mode] - 1]
    if abs(fifths) > MOST_FIFTHS:  # G sharp major has the notes of A flat major, whose key signature exists
        fifths -= 12 if fifths > 0 else -12
    return tonic, fifths, mode


def pitch_classes(scale: str | Iterable[int | str], tonic: int | None) -> frozenset[int]:
    """Returns the pitch classes of a scale.

    Args:
        scale: the name of one, such as ``"pentatonic"``, or its notes: pitch classes or names, such as
            ``["C", "D", "G"]``.
        tonic: pitch class that a named scale begins on; None where there is none.

    Raises:
        ValueError: at an unknown name or note, or a named scale without a tonic.
    """
    if isinstance(scale, str):
        if scale not in SCALES:
            raise ValueError(f"there is no scale {scale!r}; the scales are {', '.join(SCALES)}, or give its notes")
        if tonic is None:
            raise ValueError(f"the scale {scale!r} needs a tonic; give a key too, such as key='D minor'")
        return frozenset((tonic + step) % 12 for step in SCALES[scale])
    try:
        found = frozenset(key(note)[0] if isinstance(note, str) else operator.index(note) % 12 for note in scale)
    except (TypeError, ValueError):
        found = frozenset()
    if not found:
        raise ValueError(f"a scale is a name or its notes, such as 'pentatonic' or ['C', 'D', 'G'], got {scale!r}")
    return found
