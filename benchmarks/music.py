"""The music that is measured with: a folder of MIDI files, and its notes as the tutorials name them."""

from __future__ import annotations

import json
import pathlib

import numpy as np

from benchmarks import textbook
from benchmarks.measure import Setting
from musiclib.dataset import Pieces
from musiclib.encodings.vocabulary import RESERVED, Vocabulary

_REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
TUTORIAL_FILES = _REPOSITORY.parent / "shared" / "data" / "classical_piano_92"
PERFORMANCES = _REPOSITORY.parent / "shared" / "data" / "maestro_small"


def chorales(folder: pathlib.Path, count: int = 92) -> pathlib.Path:
    """Writes some of the bundled chorales as MIDI files, for machines without the tutorials' files."""
    from musiclib import corpus, writers

    music = corpus.load("bach", limit=count, progress=False)
    folder.mkdir(parents=True, exist_ok=True)
    for i, score in enumerate(music.scores):
        writers.write_midi(score, folder / f"chorale_{i:03d}.mid")
    return folder


def files(setting: Setting) -> list[str]:
    """Lists the MIDI files of a run.

    Raises:
        ValueError: where the folder holds none.
    """
    paths = sorted(path for path in pathlib.Path(setting.data).rglob("*") if path.suffix.lower() in (".mid", ".midi"))
    if not paths:
        raise ValueError(f"no MIDI file (.mid, .midi) in {setting.data}; give --data a folder that holds some")
    return [str(path) for path in paths]


def names(setting: Setting) -> list[list[str]]:
    """Returns the notes of each file, named as the LSTM tutorial does; read once a run."""
    return _kept(setting, "names", lambda path: textbook.note_names(textbook.parse(path)))


def frames(setting: Setting) -> list[list[str]]:
    """Returns the frames of each file, named as the GRU tutorial does; read once a run."""
    return _kept(setting, "frames", textbook.piano_roll)


def _kept(setting: Setting, name: str, read) -> list[list[str]]:
    path = pathlib.Path(setting.scratch) / f"{name}.json"
    if not path.exists():
        path.write_text(json.dumps([read(file) for file in files(setting)]))
    return json.loads(path.read_text())


def vocabulary(pieces: list[list[str]]) -> Vocabulary:
    """Returns musiclib's vocabulary with the tutorials' numbering: a number is an id less the reserved ones."""
    return Vocabulary([*RESERVED, *textbook.numbering([name for piece in pieces for name in piece])])


def numbers(pieces: list[list[str]], known: Vocabulary) -> np.ndarray:
    """Returns pieces as one list of the tutorials' numbers, as they have it."""
    return ids(pieces, known).ids - len(RESERVED)


def ids(pieces: list[list[str]], known: Vocabulary) -> Pieces:
    """Returns the same pieces as musiclib's ids."""
    return Pieces.from_lists(known.to_ids(piece) for piece in pieces)
