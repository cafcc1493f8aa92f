"""Meter: where the bars of a piece begin, by its time signatures.

Time signatures are triples (onset, numerator, denominator), sorted by onset, as a Score holds them; each begins a bar.
An upbeat is a bar with a signature of its own: ((0, 1, 4), (1, 4, 4)) is a quarter note before bars of four, which is
how programs that write MIDI do it.
"""

from __future__ import annotations

import fractions
import math

import numpy as np

Signatures = tuple[tuple[float, int, int], ...]

COMMON = 4.0  # quarter lengths of a bar where no signature says how long it is
_NOTHING = 1e-6  # quarter lengths
_SHORTEST = 64  # the largest denominator that MIDI files and notation are sure to hold


def bar_length(signatures: Signatures) -> float:
    """Returns the length of a bar in quarter lengths, by the first signature after an upbeat; 4 without any."""
    return _quarters(signatures[1 if upbeat(signatures) else 0]) if signatures else COMMON


def upbeat(signatures: Signatures) -> float:
    """Returns how long the upbeat is, in quarter lengths: a first bar that is shorter than the next; else 0."""
    if len(signatures) < 2:
        return 0.0
    first, second = signatures[:2]
    length = second[0] - first[0]
    return length if math.isclose(length, _quarters(first)) and length < _quarters(second) else 0.0


def bar_lines(signatures: Signatures, end: float) -> np.ndarray:
    """Returns where bars begin before ``end``, (bars,) quarter lengths; none without a signature."""
    lines = [np.zeros(0)]
    for number, mark in enumerate(signatures):
        later = signatures[number + 1 :]
        stop = min(later[0][0], end) if later else end
        lines.append(np.arange(mark[0], stop - _NOTHING, _quarters(mark)))
    return np.concatenate(lines)


def short_bar(quarters: float, denominator: int) -> tuple[int, int] | None:
    """Returns (numerator, denominator) of a bar of so many quarter lengths, with this denominator where it suffices.

    None where no denominator that is a power of two suffices, as for a bar of a triplet's length.
    """
    length = fractions.Fraction(quarters / 4).limit_denominator(3 * _SHORTEST)
    needed = math.lcm(length.denominator, denominator)
    whole = needed & (needed - 1) == 0 and needed <= _SHORTEST and math.isclose(length, quarters / 4, abs_tol=_NOTHING)
    return (round(length * needed), needed) if whole and length > 0 else None


def moved(events: tuple[tuple, ...], start: float, end: float) -> tuple[tuple, ...]:
    """Moves tempos or time signatures to a new zero; what is in force at ``start`` holds from 0."""
    holding = [(0.0, *event[1:]) for event in events if event[0] <= start][-1:]
    return (*holding, *((event[0] - start, *event[1:]) for event in events if start < event[0] < end))


def cut(signatures: Signatures, start: float, end: float) -> Signatures:
    """Returns the signatures of what lies in [start, end), moved to 0; the rest of a bar that is cut is an upbeat."""
    found, begun = moved(signatures, start, end), [onset for onset, _, _ in signatures if onset <= start]
    if not begun:
        return found
    (_, *meter), *after = found
    bar = _quarters(found[0])
    rest = bar - (start - begun[-1]) % bar
    following = after[0][0] if after else math.inf
    short = short_bar(rest, meter[1])
    if bar - rest < _NOTHING or short is None or rest > following + _NOTHING or rest >= end - start:
        return found
    going_on = () if following - rest < _NOTHING else ((rest, *meter),)
    return ((0.0, *short), *going_on, *after)


def _quarters(mark: tuple[float, int, int]) -> float:
    return 4 * mark[1] / mark[2]
