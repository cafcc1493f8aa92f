"""Prepared: the corpus that the notebook 01_preprocess saves, for notebooks that run alone."""

from __future__ import annotations

import pathlib

from musiclib.corpus.corpus import Corpus
from musiclib.corpus.loading import load


def load_prepared(folder: str | pathlib.Path) -> Corpus:
    """Loads the corpus that 01_preprocess saved; without one, the bundled chorales are loaded and saved there.

    Args:
        folder: of the prepared files, such as ``config.folders().data / "prepared"``.

    Raises:
        ValueError: if the file there is not a saved corpus.
        OSError: if the folder cannot be written.
    """
    path = pathlib.Path(folder).expanduser() / "corpus.npz"
    if path.is_file():
        return Corpus.load(path)
    print(f"no corpus in {path.parent}: loading the bundled chorales, as the notebook 01_preprocess does")
    music = load("bach")
    music.save(path)
    return music
