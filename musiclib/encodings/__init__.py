"""Encodings: Score to tokens and back, one class a representation.

A token is text that a person can read. ``decode`` accepts every sequence of its own
alphabet, so that what a network writes is never an error; encoding what was decoded
gives the same tokens again. An encoding is a frozen set of options; ``to_config`` and
``from_config`` carry it through JSON.
"""

from __future__ import annotations

import dataclasses

from musiclib.encodings.base import Encoding
from musiclib.encodings.chorale import Chorale
from musiclib.encodings.frames import Frames
from musiclib.encodings.note_chord import NoteChord
from musiclib.encodings.note_events import NoteEvents
from musiclib.encodings.performance import Performance
from musiclib.encodings.pitches import normal_order, pitch_number

__all__ = [
    "ENCODINGS",
    "Chorale",
    "Encoding",
    "Frames",
    "NoteChord",
    "NoteEvents",
    "Performance",
    "from_config",
    "knows",
    "normal_order",
    "pitch_number",
]

ENCODINGS = {encoding.name: encoding for encoding in (NoteChord, Frames, NoteEvents, Performance, Chorale)}


def from_config(config: dict) -> Encoding:
    """Makes the encoding that ``to_config`` described.

    Raises:
        ValueError: at an unknown name or option; the message lists those there are.
    """
    options = dict(config)
    name = options.pop("name", None)
    if name not in ENCODINGS:
        raise ValueError(f"unknown encoding {name!r}; there are {', '.join(ENCODINGS)}")
    known = {field.name for field in dataclasses.fields(ENCODINGS[name])}
    if not options.keys() <= known:
        raise ValueError(f"{name} has no option {sorted(options.keys() - known)}; it has {sorted(known)}")
    return ENCODINGS[name](**options)


def knows(encoding: Encoding, token: str) -> bool:
    """Tells whether a token is of an encoding's alphabet."""
    try:
        encoding.decode([token])
    except ValueError:
        return False
    return True
