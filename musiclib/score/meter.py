"""Meter: the bar lines of a piece, from its time signatures.

Time signatures are triples (onset, numerator, denominator), sorted by onset, as in a Score; each starts a bar. An
upbeat is a short bar with its own time signature, as in MIDI files: ((0, 1, 4), (1, 4, 4)) is an upbeat of a quarter
note in 4/4.
"""

from __future__ import annotations

import fractions
import math
import re

import numpy as np

Signatures = tuple[tuple[float, int, int], ...]

COMMON = 4.0  # quarter lengths of a bar without a time signature
_TOLERANCE = 1e-6  # quarter lengths
_NAME = re.compile(r"([1-9]\d?)/(1|2|4|8|16|32|64)", re.ASCII)
_MAX_DENOMINATOR = 64  # the largest denominator that MIDI files and notation support


def parse(time_signature: str) -> tuple[int, int]:
    """Returns numerator and denominator of a time signature such as ``"6/8"``; raises ValueError at anything else."""
    found = _NAME.fullmatch(time_signature) if isinstance(time_signature, str) else None
    if not found:
        raise ValueError(f"time_signature must be such as '4/4' or '6/8', got {time_signature!r}")
    return int(found[1]), int(found[2])


def bar_length(signatures: Signatures) -> float:
    """Returns the bar length in quarter lengths of the first time signature after an upbeat; 4 without any."""
    return _quarters(signatures[1 if upbeat(signatures) else 0]) if signatures else COMMON


def shortest_bar(signatures: Signatures) -> float:
    """Returns the length of the shortest bar that time signatures name, in quarter lengths; 4 without any."""
    return min((_quarters(mark) for mark in signatures), default=COMMON)


def upbeat(signatures: Signatures) -> float:
    """Returns the length of the upbeat (a first bar shorter than the next) in quarter lengths, or 0."""
    if len(signatures) < 2:
        return 0.0
    first, second = signatures[:2]
    length = second[0] - first[0]
    return length if math.isclose(length, _quarters(first)) and length < _quarters(second) else 0.0


def from_start(signatures: Signatures) -> Signatures:
    """Returns the time signatures with 4/4 at the start where none is stated there."""
    return signatures if signatures and signatures[0][0] <= 0 else ((0.0, 4, 4), *signatures)


def bar_lines(signatures: Signatures, end: float) -> np.ndarray:
    """Returns the bar lines before ``end``, (bars,) in quarter lengths; none without a time signature."""
    lines = [np.zeros(0)]
    for number, mark in enumerate(signatures):
        later = signatures[number + 1 :]
        stop = min(later[0][0], end) if later else end
        lines.append(np.arange(mark[0], stop - _TOLERANCE, _quarters(mark)))
    return np.concatenate(lines)


def depths(upper: int, lower: int) -> np.ndarray:
    """Returns the depth of each sixteenth of a bar in the metrical hierarchy: 0 at the bar line, then rising.

    In 4/4 it is 1 in the middle of the bar, 2 on the other quarters, 3 on the other eighths and 4 elsewhere. In 6/8 and
    other compound metres, beats are groups of three.
    """
    bar, unit = round(16 * upper / lower), max(round(16 / lower), 1)
    beat = 3 * unit if upper > 3 and upper % 3 == 0 else unit
    periods = [bar]
    while periods[-1] > beat and periods[-1] % (2 * beat) == 0:
        periods.append(periods[-1] // 2)
    for period in (beat, unit, unit // 2, unit // 4, 1):
        if 0 < period < periods[-1]:
            periods.append(period)
    steps = np.arange(bar)
    return np.min([np.where(steps % period == 0, depth, len(periods)) for depth, period in enumerate(periods)], axis=0)


def short_bar(quarters: float, denominator: int) -> tuple[int, int] | None:
    """Returns (numerator, denominator) of a bar of this length, with this denominator if possible.

    None if no power of two up to 64 works as denominator, as for the length of a triplet note.
    """
    length = fractions.Fraction(quarters / 4).limit_denominator(3 * _MAX_DENOMINATOR)
    needed = math.lcm(length.denominator, denominator)
    exact = math.isclose(length, quarters / 4, abs_tol=_TOLERANCE)
    valid = needed & (needed - 1) == 0 and needed <= _MAX_DENOMINATOR and exact
    return (round(length * needed), needed) if valid and length > 0 else None


def moved(events: tuple[tuple, ...], start: float, end: float) -> tuple[tuple, ...]:
    """Returns the tempos or time signatures of [start, end), shifted to 0, with the active one at 0."""
    active = [(0.0, *event[1:]) for event in events if event[0] <= start][-1:]
    return (*active, *((event[0] - start, *event[1:]) for event in events if start < event[0] < end))


def cut(signatures: Signatures, start: float, end: float) -> Signatures:
    """Returns the time signatures of [start, end), shifted to 0; if ``start`` cuts a bar, its rest is an upbeat."""
    found, begun = moved(signatures, start, end), [onset for onset, _, _ in signatures if onset <= start]
    if not begun:
        return found
    (_, *meter), *after = found
    bar = _quarters(found[0])
    rest = bar - (start - begun[-1]) % bar
    following = after[0][0] if after else math.inf
    short = short_bar(rest, meter[1])
    if bar - rest < _TOLERANCE or short is None or rest > following + _TOLERANCE or rest >= end - start:
        return found
    resumed = () if following - rest < _TOLERANCE else ((rest, *meter),)
    return ((0.0, *short), *resumed, *after)


def _quarters(mark: tuple[float, int, int]) -> float:
    return 4 * mark[1] / mark[2]
