"""Scores of intervals as scores of pitches around a centre: transposition moves the centre and changes nothing else."""

from __future__ import annotations

from keras import ops


def span(count: int) -> int:
    """Returns how many scores ``around`` takes for ``count`` pitches."""
    return count + sum(_bits(count))


def around(scores, centres, count: int):
    """Turns scores of intervals (..., span) into scores of pitches (..., count), relative to centres (...).

    The score at count - 1 is that of the centre itself. Rows are shifted by one binary digit at a time: a gather
    would be as short, but its gradient is a scatter, which is slow.
    """
    shift = ops.expand_dims(count - 1 - centres, -1)
    for bit in _bits(count):
        scores = ops.where(ops.bitwise_and(shift, bit) > 0, scores[..., bit:], scores[..., :-bit])
    return scores


def _bits(count: int) -> list[int]:
    return [1 << bit for bit in reversed(range((count - 1).bit_length()))]
