"""Dataset: pieces as ids, on disk, and as batches for training.

``prepare`` encodes a split corpus, ``prepare_pairs`` cuts it into pairs of source and target first. ``Windows`` and
``PairWindows`` make batches on demand; they are imported on first use, since they import Keras.
"""

import importlib

from musiclib.dataset.dataset import Dataset, Pairs
from musiclib.dataset.one_hot import one_hot
from musiclib.dataset.pairing import itself, phrases, prepare_pairs
from musiclib.dataset.pieces import PairedPieces, Pieces
from musiclib.dataset.prepared import load_prepared
from musiclib.dataset.preparing import UnknownTokens, prepare
from musiclib.dataset.sound import prepare_sound

__all__ = [
    "Dataset", "FrameWindows", "PairWindows", "PairedPieces", "Pairs", "Pieces", "UnknownTokens", "Windows", "itself",
    "load_prepared", "one_hot", "phrases", "prepare", "prepare_pairs", "prepare_sound",
]  # fmt: skip

_WITH_KERAS = {"Windows": "windows", "FrameWindows": "frame_windows", "PairWindows": "pair_windows"}


def __getattr__(name: str):
    if name not in _WITH_KERAS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_WITH_KERAS[name]}"), name)
