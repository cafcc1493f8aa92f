"""Pitches: MIDI numbers to names and back; 60 is middle C, written ``C4``."""

from __future__ import annotations

import re

PITCH_CLASSES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
STEPS = {name: number for number, name in enumerate(PITCH_CLASSES) if len(name) == 1}  # semitones above C
_NAME = re.compile(r"([A-G]#?)(-?\d+)", re.ASCII)


def pitch_name(pitch: int) -> str:
    """Returns the name of a MIDI pitch, with sharps and the octave: 60 is ``C4``, 66 is ``F#4``, 0 is ``C-1``."""
    return f"{PITCH_CLASSES[pitch % 12]}{pitch // 12 - 1}"


def pitch_number(name: str) -> int:
    """Returns the MIDI pitch of a name: ``C4`` is 60, ``F#4`` is 66.

    Raises:
        ValueError: if the text is not a pitch name, or the pitch is outside 0 to 127.
    """
    match = _NAME.fullmatch(name)
    number = PITCH_CLASSES.index(match[1]) + 12 * (int(match[2]) + 1) if match and match[1] in PITCH_CLASSES else -1
    if not 0 <= number <= 127:
        raise ValueError(f"{name!r} is not a pitch; write one as C4 or F#4, from C-1 to G9")
    return number
