"""musiclib: music generation with Keras, from MIDI files to sampled music.

The rooms in the order of the pipeline; each imports only from those before it::

    score -> readers, writers, audio, plots -> corpus -> encodings -> dataset
    models -> training -> sampling -> evaluation

``from musiclib import corpus, encodings, training`` takes what a notebook needs; ``import musiclib`` alone loads no
room, and each on first use (``musiclib.corpus.load("bach")``).
"""

import importlib
import importlib.abc
import os
import sys

__version__ = "0.2.0"

ROOMS = (
    "config",
    "score",
    "readers",
    "writers",
    "audio",
    "plots",
    "corpus",
    "encodings",
    "dataset",
    "models",
    "training",
    "sampling",
    "evaluation",
)
_MOVED = {
    "bundled": "musiclib.corpus.music21_corpus",
    "cache": "musiclib.corpus.cache",
    "callbacks": "musiclib.training.callbacks",
    "checkpoint": "musiclib.training.checkpoint",
    "distribution": "musiclib.training.distribution",
    "downloads": "musiclib.corpus.download",
    "draft": "musiclib.readers.parsed",
    "feeding": "musiclib.training.feeding",
    "jsb": "musiclib.corpus.jsb",
    "losses": "musiclib.models.losses",
    "melodies": "musiclib.score.melody",
    "meter": "musiclib.score.meter",
    "midi_file": "musiclib.readers.midi_file",
    "ngram": "musiclib.evaluation (NGram, best_ngram)",
    "notation": "musiclib.readers.music21_stream",
    "pair_windows": "musiclib.dataset (PairWindows)",
    "pairs": "musiclib.dataset (prepare_pairs, phrases, Pairs)",
    "pedal": "musiclib.readers (read_sustained)",
    "pieces": "musiclib.dataset (Pieces)",
    "reading": "musiclib.corpus.parallel",
    "runs": "musiclib.training (Run, load_run)",
    "versions": "musiclib.training.provenance",
    "vocabulary": "musiclib.encodings (Vocabulary)",
    "windows": "musiclib.dataset (Windows, one_hot)",
}

# Silences TensorFlow's start-up log, where musiclib is imported before it and nobody has set another level.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def __getattr__(name: str):
    if name in ROOMS:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class _MovedModules(importlib.abc.MetaPathFinder):
    """Says where a module of version 0.1 went."""

    def find_spec(self, fullname, path=None, target=None):
        package, _, name = fullname.rpartition(".")
        if package == __name__ and name in _MOVED:
            raise ImportError(f"{fullname} moved in version 0.2: import it from {_MOVED[name]}")


sys.meta_path.append(_MovedModules())
