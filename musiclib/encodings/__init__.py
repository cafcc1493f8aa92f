"""Encodings: tokenizers that turn a Score into tokens and back, and the vocabulary that maps tokens to ids.

Tokens are readable strings. ``decode`` accepts every sequence of tokens of its alphabet, so that sampled tokens never
raise an error, and encoding a decoded score gives the same tokens again. An encoding is a frozen dataclass of options;
``to_config`` and ``from_config`` convert it to and from JSON values; ``register`` adds a custom encoding. ``advise``
says what each keeps of a corpus, and recommends one.
"""

from musiclib.encodings.advice import Advice, advise
from musiclib.encodings.base import Encoding
from musiclib.encodings.chorale import Chorale
from musiclib.encodings.frames import Frames
from musiclib.encodings.ids import Ids, check_vocabulary
from musiclib.encodings.note_chord import NoteChord, normal_order
from musiclib.encodings.note_events import NoteEvents
from musiclib.encodings.performance import Performance
from musiclib.encodings.phrases import Phrases
from musiclib.encodings.registry import ENCODINGS, from_config, register
from musiclib.encodings.spectra import Spectra
from musiclib.encodings.vocabulary import Vocabulary

__all__ = [
    "ENCODINGS", "Advice", "Chorale", "Encoding", "Frames", "Ids", "NoteChord", "NoteEvents", "Performance", "Phrases",
    "Spectra", "Vocabulary", "advise", "check_vocabulary", "from_config", "normal_order", "register",
]  # fmt: skip
