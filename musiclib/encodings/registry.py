"""Registry: encodings by name, so that a run's configuration can name its encoding."""

from __future__ import annotations

import dataclasses

from musiclib.encodings.base import Encoding
from musiclib.encodings.chorale import Chorale
from musiclib.encodings.frames import Frames
from musiclib.encodings.note_chord import NoteChord
from musiclib.encodings.note_events import NoteEvents
from musiclib.encodings.performance import Performance
from musiclib.encodings.phrases import Phrases
from musiclib.encodings.spectra import Spectra

ENCODINGS: dict[str, type[Encoding]] = {}


def register(encoding: type[Encoding]) -> type[Encoding]:
    """Registers an encoding by its ``name``, so that runs with it can be saved and loaded.

    Args:
        encoding: a subclass of ``Encoding``, a frozen dataclass whose options are JSON values. An encoding of the same
            name is replaced, so that a notebook cell can be run again.

    Returns:
        The class itself, so that this can be used as a decorator.

    Raises:
        ValueError: if it is not such a class.
    """
    is_encoding = isinstance(encoding, type) and issubclass(encoding, Encoding) and dataclasses.is_dataclass(encoding)
    if not is_encoding or not isinstance(getattr(encoding, "name", None), str):
        raise ValueError(
            f"encodings.register takes a subclass of encodings.Encoding that is a frozen dataclass with a name, got"
            f" {encoding!r}"
        )
    ENCODINGS[encoding.name] = encoding
    return encoding


for _encoding in (NoteChord, Frames, NoteEvents, Performance, Chorale, Phrases, Spectra):
    register(_encoding)


def from_config(config: dict) -> Encoding:
    """Inverse of ``Encoding.to_config``.

    Raises:
        ValueError: if the name or an option is unknown; the message lists the available ones.
    """
    options = dict(config)
    name = options.pop("name", None)
    if name not in ENCODINGS:
        raise ValueError(
            f"unknown encoding {name!r}; the encodings are {', '.join(ENCODINGS)}; if it is your own, call"
            " encodings.register with its class first"
        )
    known = {field.name for field in dataclasses.fields(ENCODINGS[name])}
    if not options.keys() <= known:
        raise ValueError(f"{name} has no option {sorted(options.keys() - known)}; it has {sorted(known)}")
    return ENCODINGS[name](**options)
