"""Keys: key signatures of a piece, and how they spell its pitches.

Key signatures are triples (onset, fifths, mode), sorted by onset, as in a Score: ``(0.0, -3, "minor")`` is C minor,
``(0.0, 2, "")`` two sharps without a stated mode. ``fifths`` counts the sharps, negative numbers the flats.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

Keys = tuple[tuple[float, int, str], ...]

MOST_FIFTHS = 7  # sharps or flats of a key signature
MODES = ("major", "minor", "dorian", "phrygian", "lydian", "mixolydian", "aeolian", "ionian", "locrian")
DEGREES = (0, 2, 4, -1, 1, 3, 5)  # of the major scale, in fifths above the tonic
STEPS = "FCGDAEB"  # the note names in fifths; each sharp or flat continues the series


def checked(signatures: Iterable[tuple]) -> Keys:
    """Returns key signatures sorted by onset; of two at the same onset, the later in the list wins.

    Raises:
        ValueError: if an onset is negative, or there are more than seven sharps or flats.
    """
    marks = {float(onset): (int(fifths), str(mode)) for onset, fifths, mode in signatures}
    found = tuple((onset, *mark) for onset, mark in sorted(marks.items()))
    for onset, fifths, _ in found:
        if not (math.isfinite(onset) and onset >= 0 and abs(fifths) <= MOST_FIFTHS):
            raise ValueError(
                f"Score: a key signature needs an onset of 0 or more and -7 to 7 fifths, got {fifths} at onset {onset}"
            )
    return found


def transposed(signatures: Keys, semitones: int) -> Keys:
    """Returns key signatures moved by ``semitones``, with at most six sharps or five flats if they change."""
    if semitones % 12 == 0:
        return signatures
    return tuple((onset, (fifths + 7 * semitones + 5) % 12 - 5, mode) for onset, fifths, mode in signatures)


def active(signatures: Keys, onset: float) -> int:
    """Returns the fifths of the key signature at an onset; 0 if there is none yet."""
    return next((fifths for start, fifths, _ in reversed(signatures) if start <= onset), 0)


def spelled(pitch: int, fifths: int = 0) -> tuple[str, int, int]:
    """Spells a pitch in a key: of its possible names, the one nearest to the key on the circle of fifths.

    Args:
        pitch: MIDI pitch.
        fifths: the key signature.

    Returns:
        (step, alter, octave): 61 is ``("C", 1, 4)`` with two sharps, ``("D", -1, 4)`` with five flats.
    """
    # Names of one pitch lie twelve fifths apart. From the tonic of the major key, three fifths down (a lowered third)
    # to eight up (a raised fifth, the leading note of the relative minor) are the usual chromatic notes.
    place = (7 * pitch - fifths + 3) % 12 - 3 + fifths  # in fifths from C
    step, alter = note_name(place)
    return step, alter, (pitch - alter) // 12 - 1


def note_name(fifths: int) -> tuple[str, int]:
    """Returns the letter and the sharps (or flats, as a negative number) of a note so many fifths above C."""
    alter, index = divmod(fifths + 1, 7)
    return STEPS[index], alter


def tonic_pitch(fifths: int) -> int:
    """Returns the pitch of a 1 without dots in numbered notation: the major tonic from middle C to the B above it.

    Source: the erhu, tuned to D4 and A4, is written so in every key: its lower string is 2 in 1=C, 1 in 1=D, and a low
    7, 6, 5, 4 or 3 in 1=E to 1=B (https://m.yd166.com/jypx/5625939667.html).
    """
    return 60 + 7 * fifths % 12


def degree(pitch: int, fifths: int = 0) -> tuple[int, int, int]:
    """Returns (digit, alter, octave) of a pitch in numbered notation: its degree in the major key, spelled in it.

    Args:
        pitch: MIDI pitch.
        fifths: the key signature; a minor key counts from the tonic of its relative major, so that its own is 6.
    """
    step, alter, _ = spelled(pitch, fifths)
    alter, index = divmod(STEPS.index(step) + 7 * alter - fifths, 7)
    digit = DEGREES.index(index - 1) + 1
    return digit, alter, (pitch - alter - tonic_pitch(fifths)) // 12


def degree_pitch(digit: int, alter: int, octave: int, fifths: int = 0) -> int:
    """Returns the MIDI pitch of a degree in numbered notation, as ``degree`` gives it."""
    return tonic_pitch(fifths) + 12 * octave + 7 * DEGREES[digit - 1] % 12 + alter
