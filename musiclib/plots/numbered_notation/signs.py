"""Jianpu signs: a score as the digits, rests and lines of numbered notation.

Bars, voices and triplets are those of staff notation (``writers.notation``). Other than there, each beat stands by
itself: a dash, a rest or a dotted digit begins on a beat, and so a note that lasts from within a beat over the next one
is tied, unless it is a syncopation of a quarter or a dotted quarter from the middle of a beat. In compound metres (6/8,
9/8, 12/8, and 3/8) the beat is the dotted quarter.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from musiclib.score import Score, keys
from musiclib.writers.notation import GRID, Bar, pieces_of, printed_bars_of, voices_of
from musiclib.writers.rounding import rounded

LONGEST = 4000  # quarter lengths
MOST_DOTS = 4  # octave dots above or below a digit
VALUES = {18: (0, 1), 12: (0, 0), 9: (1, 1), 6: (1, 0), 3: (2, 0)}  # underlines and dots by steps
# Within a triplet also dashes.
TRIPLETS = {16: (0, 0, 1), 8: (0, 0, 0), 6: (1, 1, 0), 4: (1, 0, 0), 3: (2, 1, 0), 2: (2, 0, 0), 1: (3, 0, 0)}


class Pitch(NamedTuple):
    """A digit with its octave, and the notes of the score that it stands for.

    ``alter`` is -1 for flat, 1 for sharp; ``mark`` is the accidental to draw, which holds to the bar line for its digit
    and octave. ``earlier`` counts the signs of the same notes before this one; ``tied`` says that more follow.
    """

    digit: int
    alter: int
    octave: int
    mark: str
    notes: tuple[int, ...]
    earlier: int
    tied: bool


class Sign(NamedTuple):
    """A note, a chord (from the lowest pitch) or a rest (no pitches). Times in steps of the grid.

    ``triplet`` is ``"start"``, ``"stop"``, ``"inside"`` or ``""``; ``beat`` is the number of its beat in the bar.
    """

    start: int
    pitches: tuple[Pitch, ...]
    underlines: int
    dots: int
    dashes: int
    triplet: str
    beat: int

    @property
    def dash_starts(self) -> list[int]:
        """The steps at which the dashes stand."""
        return [self.start + (8 if self.triplet else GRID) * dash for dash in range(1, self.dashes + 1)]


class Line(NamedTuple):
    """A voice: its part, whether it is the first of it, and its bars of signs."""

    part: int
    leads: bool
    bars: list[list[Sign]]


class Sheet(NamedTuple):
    """The bars, the voices, and by step the keys (fifths, mode) and tempos."""

    bars: list[Bar]
    lines: list[Line]
    keys: dict[int, tuple[int, str]]
    tempos: dict[int, float]


def sheet(score: Score) -> Sheet:
    """Divides a score into the signs of numbered notation.

    Raises:
        ValueError: if the score is empty, too long, or too high or low for octave dots.
    """
    if score.end > LONGEST:
        raise ValueError(
            f"jianpu: the score lasts {score.end:g} quarter notes, and {LONGEST} is the maximum of a sheet;"
            " take a part of it with score.slice"
        )
    notes = rounded(score, GRID)
    bars = printed_bars_of(score, int(notes["end"].max()))
    signatures = {round(onset * GRID): (fifths, mode) for onset, fifths, mode in score.key_signatures}
    tempos = {round(onset * GRID): rate for onset, rate in score.tempos}
    numbers: dict[tuple[int, int, int], list[int]] = {}  # of the notes of the score by part, pitch and start
    starts = np.rint(score.onset * GRID).astype(np.int64)
    for number, name in enumerate(zip(score.part.tolist(), score.pitch.tolist(), starts.tolist(), strict=True)):
        numbers.setdefault(name, []).append(number)
    lines: list[Line] = []
    for part in range(len(score.part_names)):
        for index, voice in enumerate(voices_of(notes[notes["part"] == part])):
            marks = {*signatures, *tempos} if not lines else set()  # these split the notes of the first voice
            counts = collections.Counter()  # signs of each note so far
            signs = [_signs(_values(voice, bar, marks), bar, signatures, numbers, counts) for bar in bars]
            lines.append(Line(part, index == 0, signs))
    return Sheet(bars, lines, signatures, tempos)


def _signs(values: Iterable[tuple], bar: Bar, signatures: dict, numbers: dict, counts: dict) -> list[Sign]:
    """Returns the signs of a bar of one voice."""
    changes = sorted((onset, *key) for onset, key in signatures.items())
    signs = []
    holding: dict[tuple[int, int], int] = {}  # accidentals by digit and octave
    for start, length, sounding, triplet, value in values:
        changed = start in signatures
        holding = {} if changed else holding
        pitches = []
        for part, pitch, begin, end, _ in sounding:
            digit, alter, octave = keys.degree(pitch, keys.active(changes, start))
            if abs(octave) > MOST_DOTS:
                raise ValueError(
                    f"jianpu: pitch {pitch} is {abs(octave)} octaves from the digits without dots, and {MOST_DOTS} is"
                    " the maximum; use score.transpose"
                )
            notes = tuple(numbers[part, pitch, begin])
            mark = "" if holding.get((digit, octave), 0) == alter else "♮♯♭"[alter]
            if counts[notes] and not changed:
                mark = ""  # tied: its accidental stands at the first sign, and holds for this one alone
            else:
                holding[digit, octave] = alter
            pitches.append(Pitch(digit, alter, octave, mark, notes, counts[notes], end > start + length))
            counts[notes] += 1
        signs.append(Sign(start, tuple(pitches), *value, triplet, place_in(bar, start)[0]))
    return signs


def _values(voice: np.ndarray, bar: Bar, marks: set[int]) -> Iterator[tuple]:
    """Yields (start, length, sounding notes, place in a triplet, (underlines, dots, dashes)) of each sign of a bar."""
    notes = voice[(voice["start"] < bar.end) & (voice["end"] > bar.start)]
    spans: list[list] = []  # of the same notes
    for start, length, triplet in pieces_of(notes, bar, [mark for mark in marks if bar.start < mark < bar.end]):
        sounding = notes[(notes["start"] <= start) & (notes["end"] > start)].tolist()
        place = "" if triplet is None else triplet[1] or "inside"
        if spans and spans[-1][2:] == [sounding, ""] == [sounding, place] and start not in marks:
            spans[-1][1] += length
        else:
            spans.append([start, length, sounding, place])
    for start, length, sounding, place in spans:
        if place:
            yield start, length, sounding, place, TRIPLETS[length]
            continue
        while length:
            size = _longest(place_in(bar, start)[1], length, beat_of(bar), not sounding)
            dashes = 0 if size in VALUES else size // GRID - 1
            yield start, size, sounding, "", (*VALUES.get(size, (0, 0)), dashes)
            start, length = start + size, length - size


def _longest(within: int, length: int, beat: int, rest: bool) -> int:
    """Returns the longest that one sign may last that begins so many steps after a beat."""
    if beat == GRID and not rest:
        if (within, length) in ((0, 18), (6, 12), (6, 18)):
            return length
        if within == 0 and length >= GRID:
            return length - length % GRID
    return max(size for size in VALUES if size <= min(length, beat - within))


def beat_of(bar: Bar) -> int:
    """Returns the length of a beat in steps: a quarter note, or a dotted one in 3/8, 6/8, 9/8 and 12/8."""
    return 3 * GRID // 2 if bar.meter[1] == 8 and bar.meter[0] % 3 == 0 else GRID


def place_in(bar: Bar, step: int) -> tuple[int, int]:
    """Returns the beat of a bar that a step lies in, and the steps after it; an upbeat is the end of a bar."""
    return divmod(step - (bar.end - bar.full if bar.number == 0 else bar.start), beat_of(bar))
