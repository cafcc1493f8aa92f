"""Names of pitches and sets of pitch classes, as tokens write them."""

from __future__ import annotations

import functools
import re

from musiclib.score import PITCH_CLASSES

_PITCH = re.compile(r"([A-G]#?)(-?\d+)", re.ASCII)


def pitch_number(name: str) -> int:
    """Reads a pitch name: ``C4`` is 60, ``F#4`` is 66.

    Raises:
        ValueError: where the text is no pitch name or the pitch lies outside 0 to 127.
    """
    match = _PITCH.fullmatch(name)
    number = PITCH_CLASSES.index(match[1]) + 12 * (int(match[2]) + 1) if match and match[1] in PITCH_CLASSES else -1
    if not 0 <= number <= 127:
        raise ValueError(f"{name!r} is no pitch; write one as C4 or F#4, from C-1 to G9")
    return number


@functools.lru_cache(maxsize=4096)
def normal_order(pitch_classes: frozenset[int]) -> tuple[int, ...]:
    """Returns pitch classes in normal order: the rotation that spans least, packed to the left.

    Args:
        pitch_classes: numbers 0 to 11, 0 is C.

    Source: Allen Forte, *The Structure of Atonal Music* (1973); ties go to the rotation
    whose inner intervals are smallest from the left, then to the lowest first note.
    """
    ordered = sorted(pitch_classes)
    rotations = [tuple(ordered[i:] + ordered[:i]) for i in range(len(ordered))]

    def spread(rotation: tuple[int, ...]) -> tuple:
        offsets = [(pitch_class - rotation[0]) % 12 for pitch_class in rotation]
        return offsets[-1:], offsets, rotation[0]

    return min(rotations, key=spread)
