"""Notation: divides a part into bars, voices and note values, on a grid of 1/12 of a quarter note."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from musiclib.score import Score, meter
from musiclib.writers.rounding import time_signatures

GRID = 12  # steps per quarter note
SIXTEENTH = GRID // 4
VOICES = 4  # per staff; notation programs read no more
# Note values by length in steps, as (type, dots), and the same within a triplet (three in the time of two).
PLAIN = {96: ("breve", 0), 72: ("whole", 1), 48: ("whole", 0), 36: ("half", 1), 24: ("half", 0), 18: ("quarter", 1)}
PLAIN |= {12: ("quarter", 0), 9: ("eighth", 1), 6: ("eighth", 0), 3: ("16th", 0)}
TRIPLET = {8: ("quarter", 0), 6: ("eighth", 1), 4: ("eighth", 0), 3: ("16th", 1), 2: ("16th", 0), 1: ("32nd", 0)}
BRACKETS = {12: "eighth", 6: "16th", 3: "32nd"}  # note type of a triplet by its total length in steps


class Bar(NamedTuple):
    """A bar: its number, start and length in steps, new time signature or None, and the length of a full bar."""

    number: int
    start: int
    length: int
    signature: str | None
    full: int

    @property
    def end(self) -> int:
        """The step after the bar."""
        return self.start + self.length


def bars_of(score: Score, end: int) -> list[Bar]:
    """Returns the bars up to ``end``, in steps."""
    # Rounded to sixteenths, so that every bar line is on the grid.
    changes = {
        round(onset * 4) * SIXTEENTH: (numerator * 4 * GRID // denominator, f"{numerator}/{denominator}")
        for onset, numerator, denominator in time_signatures(score)
        if numerator * 16 % denominator == 0
    }
    changes = {0: (round(meter.COMMON * GRID), "4/4")} | {at: new for at, new in changes.items() if at < end}
    bars: list[Bar] = []
    start = full = 0
    while start < end:
        full, signature = changes.get(start, (full, None))
        stop = min([start + full] + [change for change in changes if change > start])
        bars.append(Bar(len(bars) + 1, start, stop - start, signature, full))
        start = stop
    if len(bars) > 1 and bars[0].length == round(meter.upbeat(score.time_signatures) * GRID) and bars[1].signature:
        # By convention an upbeat is not counted, and has the time signature of the next bar.
        bars[:2] = [bars[0]._replace(signature=bars[1].signature, full=bars[1].full), bars[1]._replace(signature=None)]
        bars = [bar._replace(number=bar.number - 1) for bar in bars]
    return bars


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
    edges = edges[(edges >= 0) & (edges <= bar.length)].tolist()
    triplets = _triplets(edges, bar.length)
    edges = sorted({*edges, *triplets, *(beat + size for beat, size in triplets.items())})
    pieces = []
    for begin, end in zip(edges[:-1], edges[1:], strict=True):
        beat = next((beat for beat, size in triplets.items() if beat <= begin < beat + size), None)
        for size in _split(begin, end) if beat is None else _split_triplet(end - begin):
            triplet = None
            if beat is not None:
                place = "start" if begin == beat else "stop" if begin + size == beat + triplets[beat] else None
                triplet = (BRACKETS[triplets[beat]], place)
            pieces.append((bar.start + begin, size, triplet))
            begin += size
    return pieces


def _triplets(edges: list[int], length: int) -> dict[int, int]:
    """Returns the beats of a bar that are triplets, with their lengths: those with an edge off the sixteenths."""
    triplets, beat = {}, 0
    while beat < length:
        size = next(size for size in BRACKETS if size <= length - beat)
        if any(edge % SIXTEENTH and beat < edge < beat + size for edge in edges):
            triplets[beat] = size
        beat += size
    return triplets


def _split(start: int, end: int) -> list[int]:
    """Splits a span of a bar, in steps from the bar line, into note values."""
    lengths = []
    while start < end:
        length = end - start
        if length not in PLAIN:  # first to the next beat, then the longest note value that fits
            to_beat = GRID - start % GRID
            length = to_beat if to_beat < min(GRID, length) else max(size for size in PLAIN if size <= length)
        lengths.append(length)
        start += length
    return lengths


def _split_triplet(length: int) -> list[int]:
    """Splits a span of a triplet into note values."""
    lengths = []
    while length > sum(lengths):
        lengths.append(max(size for size in TRIPLET if size <= length - sum(lengths)))
    return lengths
