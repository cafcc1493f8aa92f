"""Splitting: training, validation and test pieces without a common melody."""

from __future__ import annotations

import dataclasses
import math
import os

import numpy as np

from musiclib.corpus.corpus import Corpus
from musiclib.score import melody

_MOST_TRIED = 1000  # numbers of pieces that are tried, to say how many are enough


@dataclasses.dataclass(frozen=True)
class Split:
    """Three corpora without a piece in common."""

    train: Corpus
    validation: Corpus
    test: Corpus


def split(corpus: Corpus, validation: float = 0.1, test: float = 0.1, seed: int = 0) -> Split:
    """Splits a corpus by piece; an official split is used if there is one, even without test pieces.

    Pieces with the same melody (a chorale in another key or setting, a second take) stay together, to avoid leakage
    from training into held-out pieces.

    Args:
        corpus: the corpus to split.
        validation: fraction of the pieces for early stopping and model selection, in [0, 1).
        test: fraction of the pieces for the final evaluation, in [0, 1).
        seed: random seed of the shuffle.

    Raises:
        ValueError: if the fractions leave no training pieces, or the corpus is too small.
    """
    _check_corpus(corpus)
    if not (0 <= validation < 1 and 0 <= test < 1 and validation + test < 1):
        raise ValueError(f"validation and test must leave something to train on, got {validation} and {test}")
    if corpus.splits:
        parts = ("train", "validation", "test")
        empty = [part for part in parts[:2] if part not in corpus.splits]
        if empty:
            raise ValueError(f"of these {len(corpus)} pieces none is official {' or '.join(empty)}; take more pieces")
        return Split(*(corpus.take(i for i, name in enumerate(corpus.splits) if name == part) for part in parts))
    groups: dict[int, list[int]] = {}
    for i, group in enumerate(melody.families(corpus.scores)):
        groups.setdefault(group, []).append(i)
    dealt = _deal(list(groups.values()), validation, test, seed)
    if dealt is None:
        raise ValueError(_too_small(list(groups.values()), validation, test, seed))
    return Split(*(corpus.take(sorted(dealt[name])) for name in ("train", "validation", "test")))


def check_split(split: object, function: str) -> None:
    """Raises ValueError, with what to do first, where ``split`` is not a ``Split``.

    Args:
        split: what was given.
        function: the name of the function that takes a split corpus, for the message.
    """
    if isinstance(split, Split):
        return
    if isinstance(split, Corpus):
        raise ValueError(f"{function} takes a split corpus, and this is a corpus: split it first, corpus.split(music)")
    remedy = "split a corpus first, corpus.split(corpus.load(folder))"
    raise ValueError(f"{function} takes a split corpus, and this is of the type {type(split).__name__}: {remedy}")


def _check_corpus(corpus: object) -> None:
    if isinstance(corpus, Corpus):
        return
    if isinstance(corpus, Split):
        raise ValueError("split takes a corpus, and this one is split already: use it as it is")
    if isinstance(corpus, (str, os.PathLike)):
        raise ValueError(f"split takes a corpus, and this is a path: load it first, corpus.load({str(corpus)!r})")
    raise ValueError(
        f"split takes a corpus, and this is of the type {type(corpus).__name__}: load one with corpus.load, or make one"
        " of Scores, corpus.Corpus(names, scores)"
    )


def _deal(groups: list[list[int]], validation: float, test: float, seed: int) -> dict[str, list[int]] | None:
    """Deals groups of pieces out at random; None where a part that should have pieces gets none."""
    order, count = list(groups), sum(map(len, groups))
    np.random.default_rng(seed).shuffle(order)
    cuts = {"test": round(test * count), "validation": round(validation * count)}
    dealt: dict[str, list[int]] = {"test": [], "validation": [], "train": []}
    for group in order:
        name = next((n for n, size in cuts.items() if len(dealt[n]) + len(group) <= size), "train")
        dealt[name].extend(group)
    if not dealt["train"] or (validation and not dealt["validation"]) or (test and not dealt["test"]):
        return None
    return dealt


def _too_small(groups: list[list[int]], validation: float, test: float, seed: int) -> str:
    """Returns why these groups cannot be dealt out, and what is enough."""
    count, parts = sum(map(len, groups)), 1 + bool(validation) + bool(test)
    message = (
        f"{count} piece{'s' * (count != 1)} cannot be split into train, validation {validation:g} and test {test:g}"
    )
    if len(groups) < count:
        melodies = "one melody" if len(groups) == 1 else f"{len(groups)} different melodies"
        message += f": they have {melodies} between them, and pieces of one melody stay together"
    # Below so many pieces, a fraction is less than half a piece.
    least = max(math.ceil(0.5 / fraction) for fraction in (validation or 0.5, test or 0.5))
    first = max(least - count, 1)
    enough = next(
        (
            extra
            for extra in range(first, first + _MOST_TRIED)
            if _deal([*groups, *([i] for i in range(count, count + extra))], validation, test, seed)
        ),
        None,
    )
    remedies = []
    if enough and len(groups) < count:
        remedies.append(f"add {enough} or more pieces of other melodies")
    elif enough:
        remedies.append(f"give at least {count + enough} pieces")
    share = math.ceil(100 / max(count, 1)) / 100
    larger = [max(fraction, share) if fraction else 0.0 for fraction in (validation, test)]
    if len(groups) >= parts and sum(larger) < 1 and _deal(groups, *larger, seed):
        remedies.append(f"larger fractions, such as validation={larger[0]:g} and test={larger[1]:g}")
    return f"{message}; {', or '.join(remedies) or 'give more pieces'}"
