"""Splitting: training, validation and test pieces without a common melody."""

from __future__ import annotations

import dataclasses

import numpy as np

from musiclib.corpus.corpus import Corpus
from musiclib.score import melody


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
    order = list(groups.values())
    np.random.default_rng(seed).shuffle(order)
    cuts = {"test": round(test * len(corpus)), "validation": round(validation * len(corpus))}
    dealt: dict[str, list[int]] = {"test": [], "validation": [], "train": []}
    for group in order:
        name = next((n for n, size in cuts.items() if len(dealt[n]) + len(group) <= size), "train")
        dealt[name].extend(group)
    if not dealt["train"] or (validation and not dealt["validation"]) or (test and not dealt["test"]):
        raise ValueError(
            f"{len(corpus)} pieces cannot be split into train, validation {validation:g} and test {test:g};"
            " give more pieces, or other fractions"
        )
    return Split(*(corpus.take(sorted(dealt[name])) for name in ("train", "validation", "test")))
