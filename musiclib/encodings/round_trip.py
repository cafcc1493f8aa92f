"""Round trip: what encoding and decoding changes in a piece."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from musiclib.encodings.base import Encoding
from musiclib.encodings.phrases import Phrases
from musiclib.score import Score, meter

SAME = 0.125  # seconds: a note of the same pitch that begins within this time is the same note
AUDIBLE = 0.01  # seconds: a smaller shift of an onset cannot be heard
LENGTH = 0.2  # a smaller change of a duration, as a share of it, is none
LOUDNESS = 4  # a smaller change of a velocity is none; classes of four are common
_APART = 1e7  # seconds between the pitches, on one axis of both
_COPIES = 1e-5  # seconds between equal notes


@dataclasses.dataclass(frozen=True)
class Changes:
    """Numbers of notes that a round trip changes; a note that is lost has no other change.

    Args:
        notes: all notes.
        lost: no note of its pitch begins within an eighth of a second of it.
        moved: it begins more than 10 ms earlier or later: its onset is off the grid.
        durations: its duration changes by more than a fifth.
        velocities: its velocity changes by more than 4.
        parts: it is with notes of other parts.
    """

    notes: int = 0
    lost: int = 0
    moved: int = 0
    durations: int = 0
    velocities: int = 0
    parts: int = 0

    def __add__(self, other: Changes) -> Changes:
        return Changes(*map(sum, zip(dataclasses.astuple(self), dataclasses.astuple(other), strict=True)))

    def share(self, name: str) -> float:
        """Returns one of the numbers as a share of the notes."""
        return getattr(self, name) / max(self.notes, 1)


def changes(score: Score, encoding: Encoding, tokens: Sequence[str]) -> Changes:
    """Compares a piece with what its tokens decode to.

    Args:
        score: the piece.
        encoding: that wrote the tokens.
        tokens: of the piece.
    """
    decoded = encoding.decode(tokens)
    starts, ends = score.seconds()
    if encoding.in_seconds:
        onsets, stops = decoded.seconds()
    else:
        before = meter.upbeat(score.time_signatures) if isinstance(encoding, Phrases) else 0.0  # which it leaves out
        onsets, stops = (
            score.seconds_at(decoded.onset + before),
            score.seconds_at(decoded.onset + decoded.duration + before),
        )
    mine, others = _matched(starts, score.pitch, onsets, decoded.pitch)
    lengths, found = (ends - starts)[mine], (stops - onsets)[others]
    return Changes(
        len(score),
        len(score) - len(mine),
        int(np.sum(np.abs(onsets[others] - starts[mine]) > AUDIBLE + 1e-9)),
        int(np.sum(np.abs(found - lengths) > LENGTH * lengths + AUDIBLE)),
        int(np.sum(np.abs(decoded.velocity[others] - score.velocity[mine]) > LOUDNESS)),
        len(mine) - _together(score.part[mine], decoded.part[others]),
    )


def _matched(
    starts: np.ndarray, pitch: np.ndarray, onsets: np.ndarray, other: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the indices of the notes that are the same in two pieces, each note once."""
    if not len(starts) or not len(onsets):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    places, found = _places(starts, pitch), _places(onsets, other)
    order = np.argsort(found)
    right = (
        np.clip(np.searchsorted(found[order], places), 1, len(found) - 1)
        if len(found) > 1
        else np.zeros(len(places), int)
    )
    left = np.maximum(right - 1, 0)
    nearer = np.abs(found[order][left] - places) <= np.abs(found[order][right] - places)
    nearest = order[np.where(nearer, left, right)]
    distance = np.abs(found[nearest] - places)
    ranked = np.argsort(distance, kind="stable")
    _, first = np.unique(nearest[ranked], return_index=True)
    mine = ranked[first]
    mine = mine[distance[mine] <= SAME]
    return mine, nearest[mine]


def _places(starts: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """Returns notes as places on one axis: the pitches one after the other, equal notes side by side."""
    order = np.lexsort((starts, pitch))
    same = (np.diff(starts[order], prepend=-1) < 1e-9) & (np.diff(pitch[order], prepend=-1) == 0)
    count = np.arange(len(same))
    copies = np.empty(len(same))
    copies[order] = count - np.maximum.accumulate(np.where(same, 0, count))
    return starts + _APART * pitch + _COPIES * copies


def _together(parts: np.ndarray, others: np.ndarray) -> int:
    """Counts the notes that stay in their part, where each part of one piece is at most one of the other."""
    pairs, counts = np.unique(np.stack([parts, others]), axis=1, return_counts=True)
    kept, taken = 0, (set(), set())
    for i in np.argsort(-counts, kind="stable").tolist():
        if pairs[0, i] not in taken[0] and pairs[1, i] not in taken[1]:
            kept += int(counts[i])
            taken[0].add(pairs[0, i]), taken[1].add(pairs[1, i])
    return kept
