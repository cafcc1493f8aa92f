"""Preparing a dataset: encodes the pieces of a split corpus as ids."""

from __future__ import annotations

import collections
import warnings
from collections.abc import Iterable, Iterator

import numpy as np

from musiclib.corpus import Corpus, Split
from musiclib.corpus.splitting import check_split
from musiclib.dataset.dataset import PARTS, Dataset
from musiclib.dataset.pieces import Pieces, from_start_to_end
from musiclib.encodings import Encoding, Vocabulary
from musiclib.encodings.base import check_encoding
from musiclib.encodings.figures import percent
from musiclib.encodings.vocabulary import LABEL, MOST_UNKNOWN
from musiclib.readers import LostNotes
from musiclib.score import inheritance

FEW_TOKENS = 200  # of fewer held-out tokens, the share says little


class UnknownTokens(UserWarning):
    """Many held-out tokens are ``<unknown>``."""


def prepare(
    split: Split,
    encoding: Encoding,
    transpositions: Iterable[int] = (0,),
    minimum_count: int = 2,
    vocabulary: Vocabulary | None = None,
) -> Dataset:
    """Encodes a split corpus; the dataset's pieces are the ``examples`` of the encoding, each after its label if any.

    Warns (``UnknownTokens``) where more than 2 % of the held-out tokens are ``<unknown>``: of fewer than 200 tokens
    only where more than half are.

    Args:
        split: from ``corpus.split``.
        encoding: Score to tokens.
        transpositions: of the training pieces, in semitones; ``range(-5, 7)`` is every key. Held-out pieces are not
            transposed.
        minimum_count: tokens rarer than this in training become ``<unknown>``, so that a network learns it.
        vocabulary: use this one instead of that of the training pieces, for example to compare with published results.

    Raises:
        ValueError: where no token is left to train on.

    Warns:
        LostNotes: if there is percussion, and the encoding does not represent it.
    """
    check_split(split, "prepare")
    check_encoding(encoding, "prepare")
    transpositions = list(transpositions)
    warn_of_percussion(split, encoding)
    # Training tokens are numbered in order of appearance, so that only numbers are kept in memory; once all are
    # counted, the vocabulary maps these numbers to ids.
    numbers: dict[str, int] = {}

    def numbered() -> Iterator[list[int]]:
        for i in range(len(split.train)):
            for tokens in examples(split.train.take([i]).transposed(transpositions), encoding):
                yield [numbers.setdefault(token, len(numbers)) for token in tokens]

    train = Pieces.from_lists(numbered())
    counts = dict(zip(numbers, np.bincount(train.ids, minlength=len(numbers)).tolist(), strict=True))
    if not counts:
        raise ValueError(
            f"the {len(split.train)} training pieces have no example for {encoding}; give other or longer pieces, or"
            " another encoding"
        )
    vocabulary = Vocabulary.from_counts(counts, minimum_count) if vocabulary is None else vocabulary
    ids = vocabulary.to_ids(list(numbers), allow_unknown=True)
    unknown: collections.Counter[str] = collections.Counter()

    def held_out(name: str) -> Iterator[np.ndarray]:
        for tokens in examples(getattr(split, name), encoding):
            unknown.update(token for token in tokens if token not in vocabulary)
            yield vocabulary.to_ids(tokens, allow_unknown=True)

    pieces = {"train": (ids[piece] for piece in train), **{name: held_out(name) for name in PARTS[1:]}}
    parts = (Pieces.from_lists(map(from_start_to_end, pieces[name])) for name in PARTS)
    about = record(split, transpositions, minimum_count)
    about["typical"]["longest"] = int(np.diff(train.offsets).max(initial=0))
    data = Dataset(*parts, vocabulary, encoding, about)
    warn_of_unknown(data, unknown)
    return data


def warn_of_percussion(split: Split, *encodings: Encoding) -> None:
    """Warns once of the percussion notes that none of the encodings represents."""
    counts = [int(score.is_percussion.sum()) for name in PARTS for score in getattr(split, name).scores]
    if any(counts) and not any(encoding.percussion for encoding in encodings):
        names = " and ".join(dict.fromkeys(encoding.name for encoding in encodings))
        pieces = sum(count > 0 for count in counts)
        warnings.warn(
            f"{names} represents pitches only: {sum(counts):,} percussion notes in {pieces:,} pieces are left out",
            LostNotes,
            stacklevel=3,
        )


def examples(corpus: Corpus, encoding: Encoding) -> Iterator[list[str]]:
    """Yields the tokens of the training examples of a corpus, each after its label where there are labels."""
    for i, score in enumerate(corpus.scores):
        label = [LABEL + corpus.labels[i]] if corpus.labels else []
        for tokens in encoding.examples(score):
            yield [*label, *tokens]


def record(split: Split, transpositions: list[int], minimum_count: int) -> dict:
    """Returns the provenance of a dataset, and what is typical of its training pieces."""
    names = {f"{name}_names": list(getattr(split, name).names) for name in PARTS}
    typical = inheritance.typical(split.train.scores)
    return {"transpositions": transpositions, "minimum_count": minimum_count, "typical": typical, **names}


def warn_of_unknown(data: Dataset, unknown: collections.Counter[str]) -> None:
    """Warns the caller of the caller where many held-out tokens are unknown.

    Args:
        data: the dataset.
        unknown: how often each token that is not in its vocabulary occurs in the held-out pieces.
    """
    share = data.unknown_share or 0.0
    few = sum(unknown.values()) < share * FEW_TOKENS
    if share > (0.5 if few else MOST_UNKNOWN):
        token, count = unknown.most_common(1)[0]
        warnings.warn(
            f"{percent(share)} of the held-out tokens are <unknown>, most often {token!r} ({count:,} times), which"
            " distorts every figure; choose another encoding or grid by encodings.advise, or add transpositions",
            UnknownTokens,
            stacklevel=3,
        )
