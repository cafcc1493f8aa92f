"""Melodies: which pieces share their tune, whatever the key.

A hymn tune returns in many chorales, in other keys and with other voices below it. A fair
split keeps such pieces on one side.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from musiclib.score import Score

_LENGTH = 8  # intervals in a passage that is compared
_SHARED = 0.5  # pieces belong together when the shorter tune shares this much of its passages
_COMMONPLACE = 20  # a passage that stands in more pieces than this is a scale or a repeated note, no tune


def melody(score: Score) -> np.ndarray:
    """Returns the pitches of the top line: each note above which nothing sounds when it begins, (n,) int64."""
    order = np.lexsort((-score.pitch, np.round(score.onset, 3)))
    columns = (score.onset[order], score.duration[order], score.pitch[order])
    line, last_onset = [], -1.0
    sounding: list[tuple[int, float]] = []  # (pitch, end)
    for onset, duration, pitch in zip(*(column.tolist() for column in columns), strict=True):
        sounding = [note for note in sounding if note[1] > onset + 1e-3]
        # Of the notes of one onset the highest comes first.
        if onset - last_onset > 1e-3 and all(pitch >= other for other, _ in sounding):
            line.append(pitch)
        last_onset = onset
        sounding.append((pitch, onset + duration))
    return np.array(line, dtype=np.int64)


def families(scores: Sequence[Score]) -> list[int]:
    """Numbers the pieces so that those that share a tune in any key have the same number.

    Args:
        scores: the pieces.

    Returns:
        One number a piece.
    """
    lines = [melody(score) for score in scores]
    # Whole copies first: a tune in every key would otherwise look like a commonplace.
    copies = [np.diff(line).tobytes() if len(line) > 1 else i for i, line in enumerate(lines)]
    first = {copy: i for i, copy in reversed(list(enumerate(copies)))}
    parent = [first[copy] for copy in copies]
    hashes = [_passages(line) if parent[i] == i else np.zeros(0, np.uint64) for i, line in enumerate(lines)]
    piece = np.repeat(np.arange(len(scores)), [len(h) for h in hashes])
    order = np.argsort(np.concatenate([np.zeros(0, np.uint64), *hashes]), kind="stable")
    values, piece = np.concatenate([np.zeros(0, np.uint64), *hashes])[order], piece[order]
    bounds = np.flatnonzero(np.diff(values)) + 1
    pairs = []
    for together in np.split(piece, bounds):
        if 1 < len(together) <= _COMMONPLACE:
            first, second = np.triu_indices(len(together), 1)
            pairs.append(np.stack([together[first], together[second]], axis=1))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = i = parent[parent[i]]
        return i

    if pairs:
        linked, shared = np.unique(np.concatenate(pairs), axis=0, return_counts=True)
        sizes = np.array([len(h) for h in hashes])
        for a, b in linked[shared >= _SHARED * sizes[linked].min(axis=1)].tolist():
            parent[root(max(a, b))] = root(min(a, b))
    return [root(i) for i in range(len(scores))]


def _passages(pitches: np.ndarray) -> np.ndarray:
    """Hashes every run of intervals of a melody, once each; a short melody is one run."""
    if len(pitches) < 2:
        return np.zeros(0, np.uint64)
    intervals = np.diff(pitches)
    runs = np.lib.stride_tricks.sliding_window_view(intervals, min(_LENGTH, len(intervals)))
    # Random odd weights make equal sums of different runs as rare as a 64-bit collision.
    weights = np.random.default_rng(0).integers(0, 2**63, _LENGTH, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    hashes = (runs.astype(np.uint64) * weights[: runs.shape[1]]).sum(axis=1, dtype=np.uint64)
    return np.unique(hashes + np.uint64(runs.shape[1]))
