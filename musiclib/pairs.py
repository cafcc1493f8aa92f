"""Pairs: pieces of music that belong to others, as ids: a melody and its voices, a phrase and its answer.

A network that turns one into the other is trained on this. Source and target have an encoding each
and one vocabulary together.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from musiclib import corpus as corpora
from musiclib import encodings, meter
from musiclib.pieces import Pieces
from musiclib.score import Score
from musiclib.vocabulary import END, START, UNKNOWN, Vocabulary

_PARTS = ("train", "validation", "test")


@dataclasses.dataclass(frozen=True)
class PairedPieces:
    """Sources and the targets that belong to them.

    Args:
        sources: the bare ids of each source.
        targets: as many pieces, each from ``<start>`` to ``<end>``.
        groups: (pairs,) rising numbers: pairs of one number are one pair in several keys.
    """

    sources: Pieces
    targets: Pieces
    groups: np.ndarray

    def __len__(self) -> int:
        return len(self.sources)


@dataclasses.dataclass(frozen=True)
class Pairs:
    """Ids of three sets of pairs.

    Args:
        train, validation, test: the pairs.
        vocabulary: the tokens of sources and targets, collected from ``train`` alone.
        encoding: what made the targets' tokens.
        source_encoding: what made the sources'.
        about: how it was made, for the record (transpositions, names, the range of the sources' pitches).
    """

    train: PairedPieces
    validation: PairedPieces
    test: PairedPieces
    vocabulary: Vocabulary
    encoding: encodings.Encoding
    source_encoding: encodings.Encoding
    about: dict

    def __repr__(self) -> str:
        sizes = ", ".join(f"{len(getattr(self, p))} {p} pairs" for p in _PARTS)
        return f"Pairs({sizes}, {len(self.vocabulary)} tokens)"

    @property
    def fingerprint(self) -> str:
        """The first 16 hexadecimal digits of a SHA-256 over ids, vocabulary and encodings."""
        digest = hashlib.sha256(self.vocabulary.to_json().encode())
        for encoding in (self.source_encoding, self.encoding):
            digest.update(json.dumps(encoding.to_config(), sort_keys=True).encode())
        for part in (getattr(self, name) for name in _PARTS):
            for array in (part.sources.ids, part.sources.offsets, part.targets.ids, part.targets.offsets, part.groups):
                digest.update(np.ascontiguousarray(array))
        return digest.hexdigest()[:16]

    def hidden(self) -> Pairs:
        """Returns the same pairs with every id of the sources unknown: what is left to learn is the targets alone."""

        def hide(part: PairedPieces) -> PairedPieces:
            return dataclasses.replace(
                part, sources=Pieces(np.full_like(part.sources.ids, UNKNOWN), part.sources.offsets)
            )

        return dataclasses.replace(self, **{name: hide(getattr(self, name)) for name in _PARTS})


def itself(score: Score) -> list[tuple[Score, Score]]:
    """Returns a piece as source and target at once, where the encodings take different voices of it."""
    return [(score, score)]


def prepare(
    split: corpora.Split,
    source: encodings.Encoding,
    target: encodings.Encoding,
    pairs: Callable[[Score], Sequence[tuple[Score, Score]]] = itself,
    transpositions: Iterable[int] = (0,),
    minimum_count: int = 2,
) -> Pairs:
    """Encodes the pairs of a split corpus; pieces are split before pairs are cut from them.

    Args:
        split: what ``corpus.split`` returned.
        source: the sources' encoding.
        target: the targets' encoding.
        pairs: cuts one piece into (source, target) scores: ``itself``, ``phrases``, or another function.
        transpositions: the training pairs are given in each of these, in semitones. An epoch of training meets
            every pair once, in a key that is drawn anew.
        minimum_count: tokens rarer than this in training become ``<unknown>``.

    Raises:
        ValueError: where a part of the split has no pair, or no token is left.
    """
    transpositions = list(transpositions)
    tokens: dict[str, list[tuple[list[str], list[str], int]]] = {name: [] for name in _PARTS}
    for name in _PARTS:
        group = 0
        for score in getattr(split, name).scores:
            for pair in pairs(score):
                for interval in transpositions if name == "train" else (0,):
                    if all(_stays(music, interval) for music in pair):
                        one, other = (music.transpose(interval) for music in pair)
                        tokens[name].append((source.encode(one), target.encode(other), group))
                group += 1
        if not tokens[name]:
            raise ValueError(f"the {len(getattr(split, name))} {name} pieces hold no pair; give more or other pieces")
    vocabulary = Vocabulary.build((t for *both, _ in tokens["train"] for t in both), minimum_count)
    known = {token for one, _, _ in tokens["train"] for token in one} & set(vocabulary.tokens)
    pitches = source.decode(sorted(known)).pitch
    about = {
        "transpositions": transpositions,
        "minimum_count": minimum_count,
        "source_pitches": [int(pitches.min()), int(pitches.max())] if len(pitches) else None,
        **{f"{name}_names": list(getattr(split, name).names) for name in _PARTS},
    }

    def encoded(rows: list[tuple[list[str], list[str], int]]) -> PairedPieces:
        sources = Pieces.from_lists(vocabulary.to_ids(one, allow_unknown=True) for one, _, _ in rows)
        targets = Pieces.from_lists(
            np.concatenate([[START], vocabulary.to_ids(other, allow_unknown=True), [END]]) for _, other, _ in rows
        )
        return PairedPieces(sources, targets, np.array([group for *_, group in rows], dtype=np.int64))

    return Pairs(*(encoded(tokens[name]) for name in _PARTS), vocabulary, target, source, about)


def _stays(score: Score, interval: int) -> bool:
    return not len(score) or (score.pitch.min() + interval >= 0 and score.pitch.max() + interval <= 127)


def phrases(score: Score, bars: int = 4, quarters: float | None = None) -> list[tuple[Score, Score]]:
    """Cuts a piece into phrases of equal length and gives each second one as the answer to the one before.

    A piece that is no whole number of such pairs long gives none: it counts otherwise. One that begins with an upbeat
    gives phrases that do so too.

    Args:
        score: the piece.
        bars: of a phrase, in the piece's time signature.
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
            return []  # without a signature there are no bars, and after a change they count otherwise
        quarters = bars * meter.bar_length(score.time_signatures)
    count = round(score.end / (2 * quarters))
    if abs(score.end - count * 2 * quarters) > 0.5:
        return []
    cuts = [(2 * i * quarters, (2 * i + 1) * quarters, (2 * i + 2) * quarters) for i in range(count)]
    found = [(score.slice(start, middle), score.slice(middle, end)) for start, middle, end in cuts]
    return [pair for pair in found if all(len(phrase) for phrase in pair)]
