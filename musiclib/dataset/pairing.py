"""Pairing: pairs of source and target from pieces, such as melody and voices or phrase and answer, as ids.

Sources and targets each have an encoding; they share one vocabulary.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from musiclib.corpus import Split
from musiclib.corpus.splitting import check_split
from musiclib.dataset.dataset import PARTS, Pairs
from musiclib.dataset.pieces import PairedPieces, Pieces, from_start_to_end
from musiclib.dataset.preparing import record, warn_of_percussion, warn_of_unknown
from musiclib.encodings import Encoding, Vocabulary
from musiclib.encodings.base import check_encoding
from musiclib.score import Score, meter


def itself(score: Score) -> list[tuple[Score, Score]]:
    """Returns the pair (score, score), for encodings that take different voices of a piece."""
    return [(score, score)]


def prepare_pairs(
    split: Split,
    source: Encoding,
    target: Encoding,
    pairs: Callable[[Score], Sequence[tuple[Score, Score]]] = itself,
    transpositions: Iterable[int] = (0,),
    minimum_count: int = 2,
) -> Pairs:
    """Encodes the pairs of a split corpus; pieces are split before pairs are cut from them. Warns as ``prepare`` does.

    Args:
        split: what ``corpus.split`` returned.
        source: the sources' encoding.
        target: the targets' encoding.
        pairs: cuts one piece into (source, target) scores: ``itself``, ``phrases``, or another function.
        transpositions: of the training pairs, in semitones. An epoch has every pair once, in a random one of them.
        minimum_count: tokens rarer than this in training become ``<unknown>``.

    Raises:
        ValueError: where a part of the split has no pair, or no token is left.

    Warns:
        LostNotes: if there is percussion, and neither encoding represents it.
    """
    check_split(split, "prepare_pairs")
    for encoding in (source, target):
        check_encoding(encoding, "prepare_pairs")
    transpositions = list(transpositions)
    warn_of_percussion(split, source, target)
    tokens: dict[str, list[tuple[list[str], list[str], int]]] = {name: [] for name in PARTS}
    for name in PARTS:
        group = 0
        for score in getattr(split, name).scores:
            for pair in pairs(score):
                for interval in transpositions if name == "train" else (0,):
                    if all(music.can_transpose(interval) for music in pair):
                        one, other = (music.transpose(interval) for music in pair)
                        tokens[name].append((source.encode(one), target.encode(other), group))
                group += 1
        if not tokens[name]:
            raise ValueError(f"the {len(getattr(split, name))} {name} pieces hold no pair; give more or other pieces")
    vocabulary = Vocabulary.build((t for *both, _ in tokens["train"] for t in both), minimum_count)
    known = {token for one, _, _ in tokens["train"] for token in one} & set(vocabulary.tokens)
    pitches = source.decode(sorted(known)).pitch
    about = {
        **record(split, transpositions, minimum_count),
        "source_pitches": [int(pitches.min()), int(pitches.max())] if len(pitches) else None,
    }
    about["typical"]["longest"] = max(len(other) for _, other, _ in tokens["train"])

    def encoded(rows: list[tuple[list[str], list[str], int]]) -> PairedPieces:
        sources = Pieces.from_lists(vocabulary.to_ids(one, allow_unknown=True) for one, _, _ in rows)
        targets = Pieces.from_lists(
            from_start_to_end(vocabulary.to_ids(other, allow_unknown=True)) for _, other, _ in rows
        )
        return PairedPieces(sources, targets, np.array([group for *_, group in rows], dtype=np.int64))

    data = Pairs(*(encoded(tokens[name]) for name in PARTS), vocabulary, target, about, source)
    held_out = (token for name in PARTS[1:] for *both, _ in tokens[name] for one in both for token in one)
    warn_of_unknown(data, collections.Counter(token for token in held_out if token not in vocabulary))
    return data


def phrases(score: Score, bars: int = 4, quarters: float | None = None) -> list[tuple[Score, Score]]:
    """Cuts a piece into phrases of equal length and returns each second one as the answer to the one before.

    A piece whose length is not a multiple of two phrases gives none. After an upbeat, all phrases begin with one.

    Args:
        score: the piece.
        bars: length of a phrase in bars of the piece's time signature.
        quarters: the length of a phrase in quarter lengths instead, for music without a time signature.

    Returns:
        Pairs (phrase, answer), each moved to 0.

    Raises:
        ValueError: at a length that is not above 0.
    """
    if not bars > 0 or (quarters is not None and not quarters > 0):
        raise ValueError(f"a phrase must have a length above 0, got bars={bars} and quarters={quarters}")
    if quarters is None:
        if len(score.time_signatures) - bool(meter.upbeat(score.time_signatures)) != 1:
            return []  # without a signature there are no bars, and with several they differ
        quarters = bars * meter.bar_length(score.time_signatures)
    count = round(score.end / (2 * quarters))
    if abs(score.end - count * 2 * quarters) > 0.5:
        return []
    cuts = [(2 * i * quarters, (2 * i + 1) * quarters, (2 * i + 2) * quarters) for i in range(count)]
    found = [(score.slice(start, middle), score.slice(middle, end)) for start, middle, end in cuts]
    return [pair for pair in found if all(len(phrase) for phrase in pair)]
