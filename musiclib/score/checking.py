"""Checking: what was given in the place of a Score, and what to do about it, in one sentence."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterable, Iterator

import numpy as np

from musiclib.score.score import Score

# What the rooms after this one make, by class name, since this room imports none of them.
_FROM_OTHER_ROOMS = {
    "Corpus": "a corpus of {count} pieces: give one, such as corpus.scores[0]",
    "Split": "a split corpus: give one piece, such as split.test.scores[0]",
    "Dataset": "a dataset: decode a piece of it, data.encoding.decode(data.vocabulary.to_tokens(data.train[0]))",
    "Pairs": "a dataset of pairs: decode one of its targets, as in"
    " data.encoding.decode(data.vocabulary.to_tokens(data.train.targets[0]))",
    "Pieces": "{count} pieces as ids: decode one, data.encoding.decode(data.vocabulary.to_tokens(pieces[0]))",
    "Run": "a run: compose with it first, as in sampling.generate(run)[0]",
    "Ranked": "a ranked version: give its score, version.score",
}


def check_score(music: object, function: str) -> None:
    """Raises ValueError, with what to give instead, where ``music`` is not one Score.

    Args:
        music: what was given.
        function: the name of the function that takes a Score, for the message.
    """
    if not isinstance(music, Score):
        raise ValueError(f"{function} takes one Score, and this is {_described(music)}")


def check_written(music: object, path: object, function: str) -> None:
    """Raises ValueError where ``music`` is not one Score, or the path was given before it.

    Args:
        music: what was given to be written.
        path: where it was to be written.
        function: the name of the function that writes a Score to a path, for the message.
    """
    if isinstance(path, Score) and isinstance(music, (str, os.PathLike)):
        raise ValueError(f"{function} takes the Score first and then the path: {function}(score, {str(music)!r})")
    check_score(music, function)


def check_scores(music: object, function: str) -> list[Score]:
    """Returns a list of Scores; raises ValueError, with what to give instead, where ``music`` is none.

    Args:
        music: what was given.
        function: the name of the function that takes Scores, for the message.
    """
    if isinstance(music, Score):
        raise ValueError(f"{function} takes a list of Scores, and this is one Score: give [score]")
    if type(music).__name__ == "Corpus":
        raise ValueError(f"{function} takes a list of Scores, and this is a corpus: give corpus.scores")
    if isinstance(music, (str, os.PathLike)) or not isinstance(music, Iterable):
        raise ValueError(f"{function} takes a list of Scores, and this is {_described(music)}")
    scores = list(music)
    for i, each in enumerate(scores):
        if not isinstance(each, Score):
            raise ValueError(f"{function} takes a list of Scores, and its item {i} is {_described(each)}")
    return scores


def _described(music: object) -> str:
    """Returns what it is, and the remedy."""
    kind = type(music).__name__
    if kind in _FROM_OTHER_ROOMS:
        count = len(music) if kind in ("Corpus", "Pieces") else 0
        return _FROM_OTHER_ROOMS[kind].format(count=count)
    if isinstance(music, (str, os.PathLike)):
        reader = "corpus.load" if pathlib.Path(music).expanduser().is_dir() else "readers.read_score"
        return f"text or a path: load the music first, {reader}({str(music)!r})"
    if isinstance(music, np.ndarray):
        return _array(music)
    if isinstance(music, (list, tuple)):
        return _listed(music, kind)
    if isinstance(music, Iterator):
        return f"a {kind}: give one of its pieces, as in next(pieces)"
    if getattr(music, "isStream", False):
        return "a music21 stream: convert it first, readers.score_from_music21(stream)"
    if isinstance(music, type):
        return f"the class {kind if music is type else music.__name__}: give an object of it"
    return f"{'None' if music is None else f'of the type {kind}'}: readers.read_score and sampling.generate make Scores"


def _listed(music: list | tuple, kind: str) -> str:
    scores = [i for i, each in enumerate(music) if isinstance(each, Score)]
    if not music:
        return f"an empty {kind}: give a piece"
    if len(scores) == len(music):
        pieces = "1 piece" if len(music) == 1 else f"{len(music)} pieces"
        return f"a list of {pieces}: give one, such as pieces[0]"
    if scores:
        return f"a {kind} with a Score at {scores[0]}: give that, as in result[{scores[0]}]"
    if all(isinstance(each, os.PathLike) for each in music):
        return "a list of paths: load them first, corpus.load(paths)"
    if all(isinstance(each, str) for each in music):
        return "a list of tokens: decode them first, encoding.decode(tokens)"
    if all(isinstance(each, (int, np.integer)) for each in music):
        return _array(np.asarray(music))
    return f"a {kind} of {len(music)} items, the first of the type {type(music[0]).__name__}: give one piece"


def _array(music: np.ndarray) -> str:
    if np.issubdtype(music.dtype, np.integer):
        return "ids: decode them first, run.encoding.decode(run.vocabulary.to_tokens(ids))"
    return f"an array of shape {music.shape}: Score.from_notes makes a Score of rows (onset, duration, pitch)"
