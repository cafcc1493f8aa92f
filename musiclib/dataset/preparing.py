"""Preparing a dataset: the pieces of a split corpus become ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from musiclib.corpus import Split
from musiclib.dataset.dataset import PARTS, Dataset
from musiclib.dataset.pieces import Pieces, from_start_to_end
from musiclib.encodings import Encoding, Vocabulary


def prepare(
    split: Split,
    encoding: Encoding,
    transpositions: Iterable[int] = (0,),
    minimum_count: int = 2,
    vocabulary: Vocabulary | None = None,
) -> Dataset:
    """Encodes a split corpus.

    Args:
        split: what ``corpus.split`` returned.
        encoding: Score to tokens.
        transpositions: the training pieces are given in each of these, in semitones;
            ``range(-5, 7)`` is every key. What is held out stays as it is.
        minimum_count: tokens rarer than this in training become ``<unknown>``, so that a
            network learns what an unknown token is like.
        vocabulary: take this one, whole, instead of what training holds: for figures that others have too, which
            count over a fixed alphabet.

    Raises:
        ValueError: where no token is left to train on.
    """
    transpositions = list(transpositions)
    # Training tokens are numbered in order of appearance, so that numbers are held of each piece, never its text; once
    # all are counted, the vocabulary says which id each of these numbers stands for.
    numbers: dict[str, int] = {}

    def numbered() -> Iterator[list[int]]:
        for i in range(len(split.train)):
            for score in split.train.take([i]).transposed(transpositions).scores:
                yield [numbers.setdefault(token, len(numbers)) for token in encoding.encode(score)]

    train = Pieces.from_lists(numbered())
    counts = dict(zip(numbers, np.bincount(train.ids, minlength=len(numbers)).tolist(), strict=True))
    vocabulary = Vocabulary.from_counts(counts, minimum_count) if vocabulary is None else vocabulary
    ids = vocabulary.to_ids(list(numbers), allow_unknown=True)

    def held_out(name: str) -> Iterator[np.ndarray]:
        return (vocabulary.to_ids(encoding.encode(s), allow_unknown=True) for s in getattr(split, name).scores)

    pieces = {"train": (ids[piece] for piece in train), **{name: held_out(name) for name in PARTS[1:]}}
    parts = (Pieces.from_lists(map(from_start_to_end, pieces[name])) for name in PARTS)
    return Dataset(*parts, vocabulary, encoding, record(split, transpositions, minimum_count))


def record(split: Split, transpositions: list[int], minimum_count: int) -> dict:
    """Returns what a dataset keeps of how it was made."""
    names = {f"{name}_names": list(getattr(split, name).names) for name in PARTS}
    return {"transpositions": transpositions, "minimum_count": minimum_count, **names}
