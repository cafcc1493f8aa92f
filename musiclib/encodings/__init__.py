"""Encodings: a Score as tokens and back, one file for each representation, and the vocabulary that numbers tokens.

A token is text that a person can read. ``decode`` accepts every sequence of tokens of its own alphabet, so that a
model's output is never an error, and encoding a decoded score gives the same tokens again. An encoding is a frozen
set of options, which ``to_config`` and ``from_config`` carry through JSON; ``register`` makes your own known.
"""

from musiclib.encodings.base import Encoding
from musiclib.encodings.chorale import Chorale
from musiclib.encodings.frames import Frames
from musiclib.encodings.note_chord import NoteChord, normal_order
from musiclib.encodings.note_events import NoteEvents
from musiclib.encodings.performance import Performance
from musiclib.encodings.registry import ENCODINGS, from_config, register
from musiclib.encodings.vocabulary import Vocabulary

__all__ = [
    "ENCODINGS",
    "Chorale",
    "Encoding",
    "Frames",
    "NoteChord",
    "NoteEvents",
    "Performance",
    "Vocabulary",
    "from_config",
    "normal_order",
    "register",
]
