"""Checking: what was given to ``train``, before a network is built."""

from __future__ import annotations

import os

import numpy as np

from musiclib import config
from musiclib.corpus import Corpus, Split
from musiclib.dataset import Dataset, Pieces

_ROOMY = 2048  # ids: up to here, padding costs little
_MOST_PADDING = 2  # windows as many times as long as the longest piece


def check_arguments(data: object, settings: object) -> None:
    """Raises ValueError, with what to give instead, where these are not a dataset to train with and a Config.

    Args:
        data: a dataset or pairs, with pieces to train on and for validation.
        settings: a Config.
    """
    if not isinstance(data, Dataset):
        raise ValueError(f"train takes a dataset, and this is {_described(data)}")
    if not isinstance(settings, config.Config):
        if isinstance(settings, str):
            remedy = f"a text: the preset of that name is config.preset({settings!r}, model='stacked_lstm')"
        elif isinstance(settings, config.TrainingConfig):
            remedy = "a TrainingConfig: write config.Config(training=settings)"
        else:
            remedy = f"of the type {type(settings).__name__}: config.preset() makes one"
        raise ValueError(f"train takes a Config, and this is {remedy}")
    for name in ("train", "validation"):
        pieces = getattr(data, name).targets
        if not np.any(np.diff(pieces.offsets) > 1):
            raise ValueError(_unusable(data, name, len(pieces)))


def check_window(data: Dataset, window: int) -> None:
    """Raises ValueError where nearly all of every window would be padding, which takes memory and time like music.

    Windows that are longer than every piece are allowed up to 2,048 ids, and up to twice the longest piece.

    Args:
        data: a dataset or pairs.
        window: ids in a window.
    """
    parts = [getattr(data, name) for name in ("train", "validation")]
    sides = [side for part in parts for side in (part.targets, getattr(part, "sources", part.targets))]
    longest = max(int(np.diff(side.offsets).max(initial=0)) for side in sides)
    if window > max(_ROOMY, _MOST_PADDING * longest):
        raise ValueError(
            f"window={window:,} is far beyond the longest piece, which has {longest:,} ids: nearly all of every batch"
            f" would be padding; set window to {longest:,} or less"
        )


def _described(data: object) -> str:
    """Returns what it is, and the remedy."""
    if isinstance(data, Split):
        return "a split corpus: encode it first, dataset.prepare(split, encodings.NoteChord())"
    if isinstance(data, Corpus):
        return "a corpus: split and encode it first, dataset.prepare(corpus.split(music), encodings.NoteChord())"
    if isinstance(data, Pieces):
        return "one part of a dataset: give the whole dataset, since training needs its validation part as well"
    if isinstance(data, (str, os.PathLike)):
        return f"a path: load it first, dataset.Dataset.load({str(data)!r})"
    return f"of the type {type(data).__name__}: dataset.prepare makes one"


def _unusable(data: Dataset, name: str, count: int) -> str:
    """Returns why a part of a dataset is nothing to train with, and what helps."""
    names = {part: len(data.about.get(f"{part}_names", ())) for part in ("train", "validation", "test")}
    if count:
        return f"none of the {count} {name} pieces has the two ids that a window needs; give longer pieces"
    if names[name]:
        return (
            f"the {name} part of this dataset is empty: the {names[name]} pieces in it have no example for"
            f" {data.encoding}; give other or longer pieces, or another encoding"
        )
    total = sum(names.values())
    if total < 2:
        return f"the {name} part of this dataset is empty; give at least 2 pieces, one of them for validation"
    if name == "train":
        return f"the train part of this dataset is empty; leave some of its {total} pieces to train on in corpus.split"
    fraction = max(0.1, np.ceil(100 / total) / 100)
    return (
        f"the validation part of this dataset is empty, and training stops by the loss on it; split its {total} pieces"
        f" again, with corpus.split(music, validation={fraction:g}), and prepare them"
    )
