"""Notation: divides a part into bars, voices and note values, on a grid of 1/12 of a quarter note."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from musiclib.score import Score, meter
from musiclib.writers.rounding import time_signatures

GRID = 12  # steps per quarter note
SIXTEENTH = GRID // 4
OFF = 9  # depth of a step off the sixteenths
VOICES = 4  # per staff; notation programs read no more
# Note values by length in steps, as (type, dots), and the same within a triplet (three in the time of two).
PLAIN = {96: ("breve", 0), 72: ("whole", 1), 48: ("whole", 0), 36: ("half", 1), 24: ("half", 0), 18: ("quarter", 1)}
PLAIN |= {12: ("quarter", 0), 9: ("eighth", 1), 6: ("eighth", 0), 3: ("16th", 0)}
TRIPLET = {16: ("half", 0), 8: ("quarter", 0), 6: ("eighth", 1), 4: ("eighth", 0), 3: ("16th", 1), 2: ("16th", 0)}
TRIPLET |= {1: ("32nd", 0)}
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
BRACKETS = {24: "quarter", 12: "eighth", 6: "16th", 3: "32nd"}  # note type of a triplet by its total length in steps


class Bar(NamedTuple):
    """A bar: its number, start and length in steps, new time signature or None, and its metre, as of a full bar."""

    number: int
    start: int
    length: int
    signature: str | None
    meter: tuple[int, int]

    @property
    def full(self) -> int:
        """The length of a full bar, in steps."""
        return 4 * GRID * self.meter[0] // self.meter[1]

    @property
    def end(self) -> int:
        """The step after the bar."""
        return self.start + self.length

    @property
    def compound(self) -> bool:
        """Whether beats are groups of three, as in 6/8."""
        return self.meter[0] > 3 and self.meter[0] % 3 == 0

    @property
    def beat(self) -> int:
        """The length of a beat, in steps."""
        return (3 if self.compound else 1) * 4 * GRID // self.meter[1]

    def depth(self, step: int) -> int:
        """Returns the depth of a step from the bar line in the metrical hierarchy: 0 at the bar line, then rising."""
        depths = _depths(*self.meter)
        if self.number == 0:  # an upbeat is the end of a bar
            step += self.full - self.length
        step %= self.full
        return OFF if step % SIXTEENTH else depths[step // SIXTEENTH]


@functools.cache
def _depths(upper: int, lower: int) -> list[int]:
    return meter.depths(upper, lower).tolist()


def bars_of(score: Score, end: int) -> list[Bar]:
    """Returns the bars up to ``end``, in steps."""
    # Rounded to sixteenths, so that every bar line is on the grid.
    changes = {
        round(onset * 4) * SIXTEENTH: (numerator, denominator)
        for onset, numerator, denominator in time_signatures(score)
        if numerator * 16 % denominator == 0
    }
    changes = {0: (4, 4)} | {at: new for at, new in changes.items() if at < end}
    bars: list[Bar] = []
    start, current = 0, changes[0]
    while start < end:
        current = changes.get(start, current)
        bar = Bar(len(bars) + 1, start, 0, "{}/{}".format(*current) if start in changes else None, current)
        stop = min([start + bar.full] + [change for change in changes if change > start])
        bars.append(bar._replace(length=stop - start))
        start = stop
    if len(bars) > 1 and bars[0].length == round(meter.upbeat(score.time_signatures) * GRID) and bars[1].signature:
        # By convention an upbeat is not counted, and has the time signature of the next bar.
        upbeat = bars[0]._replace(signature=bars[1].signature, meter=bars[1].meter)
        bars[:2] = [upbeat, bars[1]._replace(signature=None)]
        bars = [bar._replace(number=bar.number - 1) for bar in bars]
    return bars


def printed_bars_of(score: Score, end: int) -> list[Bar]:
    """Returns the bars up to ``end`` as they are printed: by convention the last one completes the upbeat."""
    bars = bars_of(score, end)
    if bars[0].number == 0 and end <= bars[-1].end - bars[0].length:
        bars[-1] = bars[-1]._replace(length=bars[-1].length - bars[0].length)
    return bars


def printable(text: str) -> str:
    """Returns a text without what XML cannot hold, and without spaces around it."""
    return _NOT_XML.sub("", text).strip()


def voices_of(notes: np.ndarray) -> list[np.ndarray]:
    """Assigns the notes of a part to voices with few overlaps; notes of equal onset and duration form chords."""
    events: dict[tuple[int, int], list[int]] = {}
    for number, (start, end) in enumerate(zip(notes["start"].tolist(), notes["end"].tolist(), strict=True)):
        events.setdefault((start, end), []).append(number)
    members: list[list[int]] = [[]]
    busy = [0]
    # At the same onset the highest goes first, which keeps the melody in the first voice.
    for (start, end), numbers in sorted(events.items(), key=lambda event: (event[0][0], -notes["pitch"][event[1][-1]])):
        free = [voice for voice, until in enumerate(busy) if until <= start]
        if not free and len(busy) < VOICES:
            busy.append(0)
            members.append([])
            free = [len(busy) - 1]
        voice = free[0] if free else int(np.argmin(busy))
        members[voice] += numbers
        busy[voice] = max(busy[voice], end)
    return [notes[np.array(numbers, dtype=np.int64)] for numbers in members]


def pieces_of(notes: np.ndarray, bar: Bar, marks: Sequence[int] = ()) -> list[tuple[int, int, tuple | None]]:
    """Splits a bar of one voice at note onsets and ends.

    Args:
        notes: the notes of the voice, also of other bars.
        bar: the bar.
        marks: further steps to split at.

    Returns:
        (start, length, triplet) of each piece, in steps. The triplet is None or (note type, ``"start"``, ``"stop"`` or
        None).
    """
    edges = np.unique(np.concatenate([notes["start"], notes["end"], [*marks, bar.start, bar.end]])) - bar.start
    edges = edges[(edges >= 0) & (edges <= bar.length)].astype(np.int64).tolist()
    triplets = _triplets(edges, bar)
    edges = sorted({*edges, *triplets, *(beat + size for beat, size in triplets.items())})
    pieces = []
    for begin, end in zip(edges[:-1], edges[1:], strict=True):
        beat = next((beat for beat, size in triplets.items() if beat <= begin < beat + size), None)
        rest = not np.any((notes["start"] < bar.start + end) & (notes["end"] > bar.start + begin))
        for size in _split(begin, end, bar, rest) if beat is None else _split_triplet(end - begin):
            triplet = None
            if beat is not None:
                place = "start" if begin == beat else "stop" if begin + size == beat + triplets[beat] else None
                triplet = (BRACKETS[triplets[beat]], place)
            pieces.append((bar.start + begin, size, triplet))
            begin += size
    return pieces


def _triplets(edges: list[int], bar: Bar) -> dict[int, int]:
    """Returns the beats of a bar that are triplets, with their lengths: those with an edge off the sixteenths.

    Two beats are one triplet of quarter notes if nothing else is in them.
    """
    triplets, beat = {}, 0
    while beat < bar.length:
        for size in BRACKETS:
            inner = [edge for edge in edges if beat < edge < beat + size]
            two = size > GRID
            if size <= bar.length - beat and not (two and (len(inner) == 0 or {*inner} - {beat + 8, beat + 16})):
                break
        if any(edge % SIXTEENTH for edge in inner):
            triplets[beat] = size
        beat += size
    return triplets


def _split(start: int, end: int, bar: Bar, rest: bool) -> list[int]:
    """Splits a span of a bar, in steps from the bar line, into note values that show the beats."""
    if end - start <= SIXTEENTH or _fits(start, end, bar, rest):
        return [end - start]
    inner = range(start + 1, end)
    strongest = min(bar.depth(step) for step in inner)
    cuts = [step for step in inner if bar.depth(step) == strongest]
    cut = next((step for step in reversed(cuts) if _fits(start, step, bar, rest)), cuts[0])
    return _split(start, cut, bar, rest) + _split(cut, end, bar, rest)


def _fits(start: int, end: int, bar: Bar, rest: bool) -> bool:
    """Returns whether a span is one note value, and does not hide the strongest place in it.

    A note begins or ends on a place that is as strong; only a syncopation on the next weaker level does not: eighth,
    quarter, eighth. A rest begins on a stronger place. In compound metres, several beats are whole beats.
    """
    if end - start not in PLAIN:
        return False
    first, last, dotted = bar.depth(start), bar.depth(end), PLAIN[end - start][1] > 0
    strongest = min((bar.depth(step) for step in range(start + 1, end)), default=OFF)
    if bar.compound and strongest <= 1:
        return first <= 1 and (end - start) % bar.beat == 0
    if rest:
        return first < strongest and (bar.compound or not dotted)
    return min(first, last) <= strongest or (first == last == strongest + 1 and not dotted and not bar.compound)


def _split_triplet(length: int) -> list[int]:
    """Splits a span of a triplet into note values."""
    lengths = []
    while length > sum(lengths):
        lengths.append(max(size for size in TRIPLET if size <= length - sum(lengths)))
    return lengths
