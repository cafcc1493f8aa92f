"""Melody: the top line of a piece, and groups of pieces with the same melody in any key.

A hymn tune occurs in many chorales, in different keys and harmonizations. A split without leakage keeps such pieces
together.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from musiclib.score import passages
from musiclib.score.checking import check_score
from musiclib.score.score import COLUMNS, Score

_LENGTH = 8  # intervals in a passage
_SHARED = 0.5  # pieces form a group if the shorter melody shares at least this fraction of its passages
_MAX_PIECES = 20  # passages that occur in more pieces than this (scales, repeated notes) are ignored


def top_pitches(score: Score) -> np.ndarray:
    """Returns the pitches of the top line (notes with no higher note sounding at their onset), (n,) int64."""
    score = score.pitched()
    return score.pitch[_top(score)]


def top_line(score: Score) -> Score:
    """Returns the top line as one part without overlaps: a note ends at the next onset at the latest."""
    check_score(score, "top_line")
    score = score.pitched()
    top = np.array(_top(score), dtype=np.int64)
    columns = {name: getattr(score, name)[top] for name in COLUMNS}
    room = np.diff(columns["onset"], append=np.inf)
    columns.update(duration=np.minimum(columns["duration"], room), part=np.zeros(len(top), np.int64))
    return score.replace(**columns, part_names=("Melody",), programs=score.programs[:1])


def _top(score: Score) -> list[int]:
    """Returns the indices of the notes of the top line, sorted by onset."""
    order = np.lexsort((-score.pitch, np.round(score.onset, 3)))
    columns = (order, score.onset[order], score.duration[order], score.pitch[order])
    line, last_onset = [], -1.0
    sounding: list[tuple[int, float]] = []  # (pitch, end)
    for note, onset, duration, pitch in zip(*(column.tolist() for column in columns), strict=True):
        sounding = [other for other in sounding if other[1] > onset + 1e-3]
        # Notes of the same onset are sorted from high to low.
        if onset - last_onset > 1e-3 and all(pitch >= other for other, _ in sounding):
            line.append(note)
        last_onset = onset
        sounding.append((pitch, onset + duration))
    return line


def families(scores: Sequence[Score]) -> list[int]:
    """Assigns pieces with the same melody, in any key, to the same group.

    Args:
        scores: the pieces.

    Returns:
        One group number per piece.
    """
    lines = [top_pitches(score) for score in scores]
    # Exact copies first: the passages of a melody copied to many keys would be ignored as too frequent.
    copies = [np.diff(line).tobytes() if len(line) > 1 else i for i, line in enumerate(lines)]
    first = {copy: i for i, copy in reversed(list(enumerate(copies)))}
    parent = [first[copy] for copy in copies]
    hashes = [_passages(line) if parent[i] == i else np.zeros(0, np.uint64) for i, line in enumerate(lines)]
    sizes = np.array([len(h) for h in hashes], dtype=np.int64)

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = i = parent[parent[i]]
        return i

    linked, shared = _shared_passages(np.concatenate([np.zeros(0, np.uint64), *hashes]), sizes)
    for a, b in linked[shared >= _SHARED * sizes[linked].min(axis=1)].tolist():
        parent[root(max(a, b))] = root(min(a, b))
    return [root(i) for i in range(len(scores))]


def _shared_passages(hashes: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Counts the passages that pairs of pieces share, without very frequent ones.

    Args:
        hashes: the passage hashes of all pieces, concatenated.
        sizes: number of passages of each piece.

    Returns:
        Pairs of pieces that share a passage, (pairs, 2), and the number of shared passages, (pairs,).
    """
    piece = np.repeat(np.arange(len(sizes)), sizes)
    order = np.argsort(hashes, kind="stable")
    hashes, piece = hashes[order], piece[order]
    starts = np.flatnonzero(np.concatenate([[True], hashes[1:] != hashes[:-1]])[: len(hashes)])
    counts = np.diff(np.append(starts, len(hashes)))
    # A pair is encoded as one integer, which sorts fast.
    pairs = [np.zeros(0, np.int64)]
    for count in range(2, _MAX_PIECES + 1):
        together = piece[starts[counts == count, None] + np.arange(count)]  # (passages, count), each row sorted
        first, second = np.triu_indices(count, 1)
        pairs.append((together[:, first] * len(sizes) + together[:, second]).ravel())
    linked, shared = np.unique(np.concatenate(pairs), return_counts=True)
    return np.stack(np.divmod(linked, max(len(sizes), 1)), axis=1), shared


def _passages(pitches: np.ndarray) -> np.ndarray:
    """Returns the distinct hashes of all passages of a melody; a short melody is one passage."""
    if len(pitches) < 2:
        return np.zeros(0, np.uint64)
    intervals = np.diff(pitches)
    runs = passages.rows(intervals, (0, len(intervals)), min(_LENGTH, len(intervals)))
    # Random odd weights make hash collisions as rare as for any 64-bit hash.
    weights = np.random.default_rng(0).integers(0, 2**63, _LENGTH, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    hashes = (runs.astype(np.uint64) * weights[: runs.shape[1]]).sum(axis=1, dtype=np.uint64)
    return np.unique(hashes + np.uint64(runs.shape[1]))
