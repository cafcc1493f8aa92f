"""Originality: how much of a piece occurs, note for note, in the training pieces.

Music is compared as a sequence of notes, in order of onset and then of pitch class. A passage is the pitch classes of
its notes and the times between them, on a grid. So copies are found in any key, octave, voicing and encoding; note
lengths, velocities and parts are ignored. Every piece is looked up in all twelve keys, the training pieces need only
one.

Passages of one length are compared by 64-bit fingerprints (Karp and Rabin, "Efficient randomized pattern-matching
algorithms", 1987), and the longest is found by binary search. Memory: 16 bytes per training note, and up to 60 more
during a search; the five million notes of MAESTRO take about 400 MB.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from musiclib.score import Score, meter, passages
from musiclib.score.checking import check_scores

_KEYS = 12
_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, so that no power of it is 0; 2 ** 64 over the golden ratio


@dataclasses.dataclass(frozen=True)
class Passage:
    """What a piece shares with a training piece.

    Args:
        notes: how many in a row; equal pitch classes at one onset count once.
        bars: its length in the piece, from its first onset to its last; by the piece's time
            signature, 4/4 without one.
        quarters: the same in quarter lengths.
        start: where it begins in the piece, in quarter lengths.
        source: name of the training piece; empty where nothing is shared.
        source_start: where it begins in the training piece, in quarter lengths.
        transposition: semitones up from the piece to the source, 0 to 11.
    """

    notes: int = 0
    bars: float = 0.0
    quarters: float = 0.0
    start: float = 0.0
    source: str = ""
    source_start: float = 0.0
    transposition: int = 0


class Originality:
    """Looks up passages of music in training pieces.

    Args:
        scores: the training pieces, each in one key.
        names: one per piece.
        steps_per_quarter: the grid of onsets; 12 holds sixteenths and triplets.

    Raises:
        ValueError: where the numbers of names and scores differ.
    """

    def __init__(self, scores: Iterable[Score], names: Sequence[str], steps_per_quarter: int = 12) -> None:
        self.steps_per_quarter, self.names = steps_per_quarter, tuple(names)
        rows = [_notes(score, steps_per_quarter) for score in check_scores(scores, "Originality")]
        if len(rows) != len(self.names):
            raise ValueError(f"{len(rows)} training pieces have {len(self.names)} names; give one name per piece")
        self._index = _Row(rows)

    def longest(self, scores: Sequence[Score]) -> list[Passage]:
        """Returns the longest passage of each piece that occurs in a training piece, in any key."""
        query, seen, passages = self._query(scores), {}, []

        def starts(length: int, piece: int) -> np.ndarray:
            """Returns where in the query the known passages of this piece begin."""
            if length not in seen:
                seen[length] = self._known(query, length)
            low, high = query.offsets[piece * _KEYS], query.offsets[(piece + 1) * _KEYS]
            return low + np.flatnonzero(seen[length][low:high])

        for i, score in enumerate(scores):
            known, unknown = 0, int(np.diff(query.offsets)[i * _KEYS]) + 1
            while unknown - known > 1:
                # Doubling first: most pieces share little, and each length is looked up once for all pieces.
                length = min(max(2 * known, 4), (known + unknown) // 2)
                known, unknown = (length, unknown) if len(starts(length, i)) else (known, length)
            if known:
                passages.append(self._passage(query, int(starts(known, i)[0]), known, score))
            else:
                passages.append(Passage())
        return passages

    def seen_share(self, scores: Sequence[Score], length: int) -> float:
        """Returns the share of passages of ``length`` notes that occur in training, 0 to 1; nan without any passage."""
        query = self._query(scores)
        whole = query.starts(length)
        known = self._known(query, length)[whole]
        # The twelve keys of a piece are stored one after the other, equally long: any of them may contain a passage.
        row = np.searchsorted(query.offsets, whole, side="right") - 1
        passage = query.offsets[row // _KEYS * _KEYS] + whole - query.offsets[row]
        return len(np.unique(passage[known])) / len(np.unique(passage)) if len(whole) else np.nan

    def _query(self, scores: Sequence[Score]) -> _Row:
        scores = check_scores(scores, "Originality")
        return _Row([_notes(score, self.steps_per_quarter, key) for score in scores for key in range(_KEYS)])

    def _known(self, query: _Row, length: int) -> np.ndarray:
        """Returns for each place of the query whether the passage of ``length`` from there occurs in training."""
        here, known = query.starts(length), np.zeros(len(query.symbols), dtype=bool)
        wanted = query.fingerprints(length)[here]
        ordered = np.unique(wanted)
        found = np.zeros(len(ordered), dtype=bool)
        there = self._index.fingerprints(length)[self._index.starts(length)]
        if len(ordered) and len(there):
            place = np.minimum(np.searchsorted(ordered, there), len(ordered) - 1)
            found[place[ordered[place] == there]] = True
            known[here] = found[np.searchsorted(ordered, wanted)]
        return known

    def _passage(self, query: _Row, start: int, length: int, score: Score) -> Passage:
        wanted = query.fingerprints(length)[start]
        places = self._index.starts(length)
        there = places[self._index.fingerprints(length)[places] == wanted][0]
        first = query.onsets[start]
        quarters = float((query.onsets[start + length - 1] - first) / self.steps_per_quarter)
        return Passage(
            notes=length,
            bars=quarters / meter.bar_length(score.time_signatures),
            quarters=quarters,
            start=float(first / self.steps_per_quarter),
            source=self.names[int(np.searchsorted(self._index.offsets, there, side="right")) - 1],
            source_start=float(self._index.onsets[there] / self.steps_per_quarter),
            transposition=int(np.searchsorted(query.offsets, start, side="right") - 1) % _KEYS,
        )


def _notes(score: Score, steps_per_quarter: int, key: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Returns a score's distinct notes in order, transposed by ``key``: onsets in steps, and pitch classes."""
    score = score.pitched()
    onsets = np.round(score.onset * steps_per_quarter).astype(np.int64)
    onsets, pitch_classes = np.divmod(np.unique(onsets * 12 + (score.pitch + key) % 12), 12)
    return onsets, pitch_classes


class _Row:
    """Pieces as one array of symbols: a note's pitch class, and its time since the previous note.

    The fingerprint of a passage is the sum of code[i] * base ** (end - i) over its notes, modulo 2 ** 64.
    """

    def __init__(self, pieces: list[tuple[np.ndarray, np.ndarray]]) -> None:
        self.offsets = np.cumsum([0, *(len(onsets) for onsets, _ in pieces)])
        symbols = [
            np.minimum(np.diff(onsets, prepend=onsets[:1]), 2**26).astype(np.int32) * 12 + pitch_classes
            for onsets, pitch_classes in pieces
        ]
        self.symbols = np.concatenate([np.zeros(0, np.int32), *symbols]).astype(np.int32)
        self.onsets = np.concatenate([np.zeros(0, np.int32), *(onsets for onsets, _ in pieces)]).astype(np.int32)

    def starts(self, length: int) -> np.ndarray:
        """Returns where passages of ``length`` notes within one piece begin, (n,) int64."""
        return passages.starts(self.offsets, length)

    def fingerprints(self, length: int) -> np.ndarray:
        """Returns the fingerprint of the ``length`` notes from each place, (notes,) uint64."""
        if length > len(self.symbols):
            return np.zeros(len(self.symbols), np.uint64)
        # The time before the first note is not part of a passage: its code is that of the pitch class alone.
        result = _mixed(-1 - self.symbols % 12)
        # Passages of 1, 2, 4 ... notes; those that add up to the remaining length are appended.
        codes, done, size, power = _mixed(self.symbols), 1, 1, _BASE
        with np.errstate(over="ignore"):
            while done < length:
                if (length - 1) & size:
                    result *= power
                    result[: len(codes) - done] += codes[done:]
                    done += size
                codes[: len(codes) - size] = codes[: len(codes) - size] * power + codes[size:]
                size, power = 2 * size, power * power
        return result


def _mixed(symbols: np.ndarray) -> np.ndarray:
    """Spreads symbols over 64 bits; the constants are those of splitmix64 (Steele et al., 2014)."""
    x = symbols.astype(np.int64).view(np.uint64)
    with np.errstate(over="ignore"):
        x = (x + np.uint64(1)) * _BASE
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
