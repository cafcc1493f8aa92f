"""Prepared: the dataset that the notebook 01_preprocess saves, for notebooks that run alone."""

from __future__ import annotations

import os
import pathlib

from musiclib import corpus
from musiclib.dataset.dataset import Dataset
from musiclib.dataset.preparing import prepare
from musiclib.encodings import NoteChord

# As in the notebook 01_preprocess; a test holds that both give the same dataset.
_TRANSPOSITIONS = {"full": range(-5, 7)}  # of the training pieces, by preset; others have their own key alone


def load_prepared(folder: str | pathlib.Path, preset: str | None = None) -> Dataset:
    """Loads the dataset that 01_preprocess saved; without one, it is prepared as there and saved, and that is printed.

    It is prepared from the corpus in the folder, or else from the bundled chorales, as ``NoteChord(sustain=True)``.

    Args:
        folder: of the prepared files, such as ``config.folders().data / "prepared"``.
        preset: with ``"full"`` in twelve keys; None for the environment variable ``MUSICLIB_PRESET``.

    Raises:
        ValueError: if the folder holds pairs, or a corpus that cannot be split.
        OSError: if the folder cannot be written.
    """
    folder = pathlib.Path(folder).expanduser()
    try:
        return Dataset.load(folder)
    except FileNotFoundError:
        pass
    music = corpus.load_prepared(folder)
    preset = preset or os.environ.get("MUSICLIB_PRESET") or "quick"
    data = prepare(corpus.split(music), NoteChord(sustain=True), _TRANSPOSITIONS.get(preset, (0,)))
    data.save(folder)
    print(f"no dataset in {folder}: prepared one of {len(music)} pieces, as the notebook 01_preprocess does")
    return data
