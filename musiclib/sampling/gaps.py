"""Gaps: some bars of a piece without the notes that begin there, in all parts or in some, and with new ones instead."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from musiclib.sampling.rules import check_whole
from musiclib.score import COLUMNS, Score, meter
from musiclib.score.instruments import DRUM_KIT
from musiclib.score.parts import numbers
from musiclib.score.voices import STEPS_PER_QUARTER

_CLOSE = 1e-3  # quarter lengths, inaudible
Rows = list[list]  # of notes: the columns of a Score


@dataclasses.dataclass(frozen=True)
class Gap:
    """A piece with a gap; ``open_gap`` makes one.

    Args:
        score: the whole piece.
        parts: indices of the parts that have the gap.
        begin: where it begins, in quarter lengths.
        stop: where it ends.
        staying: notes that stay as they are.
        cut: by part and pitch, notes held into the gap, cut where it begins.
        resumed: by part and pitch, what lies after the gap of notes that were held over its end.
    """

    score: Score
    parts: tuple[int, ...]
    begin: float
    stop: float
    staying: Rows
    cut: dict[tuple[int, int], list]
    resumed: dict[tuple[int, int], list]

    @property
    def steps(self) -> slice:
        """Its steps on the grid of sixteenths."""
        return slice(step(self.begin), step(self.stop))

    @property
    def kept(self) -> Score:
        """The piece without the notes of the gap."""
        return self._with([*self.staying, *self.cut.values(), *self.resumed.values()])

    def filled(self, notes: Iterable[tuple], joins: bool) -> Score:
        """Returns the piece with new notes in the gap, as loud as their part is elsewhere.

        Args:
            notes: (onset, end, pitch, part, whether it continues the note before). Where that was held into the gap,
                the two are one note.
            joins: whether a note is joined with one of the same pitch that was held over the end of the gap.
        """
        cut, resumed, new = dict(self.cut), dict(self.resumed), []
        for onset, end, pitch, part, continues in notes:
            velocities = self.score.velocity[self.score.part == part]
            loud = int(np.median(velocities if len(velocities) else self.score.velocity))
            if joins and end == self.stop and (part, pitch) in resumed:
                tail = resumed.pop((part, pitch))
                end = tail[0] + tail[1]
            if continues and (part, pitch) in cut:
                onset, _, _, loud, _ = cut.pop((part, pitch))
            new.append([onset, end - onset, pitch, loud, part])
        return self._with([*self.staying, *cut.values(), *resumed.values(), *new])

    def _with(self, rows: Rows) -> Score:
        columns = zip(*rows, strict=True) if rows else [()] * len(COLUMNS)
        return self.score.replace(**dict(zip(COLUMNS, columns, strict=True)))


def step(time: float) -> int:
    """Returns the nearest step of the grid to a time in quarter lengths."""
    return round(time * STEPS_PER_QUARTER)


def open_gap(score: Score, start: int, end: int, parts: Sequence[str | int] | str | int | None) -> Gap:
    """Takes the notes that begin in some bars out of a piece.

    Args:
        score: the piece.
        start: number of the first bar, from 1; an upbeat is bar 0.
        end: number of the last bar, included.
        parts: names or indices of the parts that have the gap; None for all.

    Raises:
        ValueError: where the piece has no such bar or part.
    """
    chosen, (begin, stop) = _indices(score, parts), _bars(score, start, end)
    staying, cut, resumed = [], {}, {}
    rows = zip(*(getattr(score, name).tolist() for name in COLUMNS), strict=True)
    for onset, duration, pitch, velocity, part in rows:
        ends, first = onset + duration, step(onset)
        before = ends <= begin + _CLOSE or max(step(ends), first + 1) <= step(begin)
        if part not in chosen or before or (first >= step(stop) and ends > stop + _CLOSE):
            staying.append([onset, duration, pitch, velocity, part])
            continue
        # Of two notes of one pitch at once, the second can be joined with no new one.
        if first < step(begin):
            note = [onset, begin - onset, pitch, velocity, part]
            staying.append(note) if (part, pitch) in cut else cut.update({(part, pitch): note})
        if step(ends) > step(stop):
            note = [stop, ends - stop, pitch, velocity, part]
            staying.append(note) if (part, pitch) in resumed else resumed.update({(part, pitch): note})
    return Gap(score, chosen, begin, stop, staying, cut, resumed)


def _indices(score: Score, parts: Sequence[str | int] | str | int | None) -> tuple[int, ...]:
    """Returns the indices of parts, in order."""
    if parts is None:
        return tuple(i for i, program in enumerate(score.programs) if program != DRUM_KIT)
    chosen = numbers(score.part_names, parts)
    for part in chosen:
        if score.programs[part] == DRUM_KIT:
            name = score.part_names[part]
            raise ValueError(f"part {part} {name!r} is percussion, which is not composed; choose another")
    return tuple(sorted(chosen))


def _bars(score: Score, start: int, end: int) -> tuple[float, float]:
    """Returns where the first bar begins and the last one ends, in quarter lengths."""
    check_whole("start", start, 0)
    check_whole("end", end, 0)
    if start > end:
        raise ValueError(f"the first bar must not come after the last one, got the bars {start} to {end}")
    signatures = meter.from_start(score.time_signatures)
    lines = [*meter.bar_lines(signatures, score.end).tolist(), score.end]
    first = 0 if meter.upbeat(signatures) else 1
    last = first + len(lines) - 2
    if not (first <= start and end <= last):
        raise ValueError(f"this piece has the bars {first} to {last}, got {start} to {end}; choose from these")
    begin, stop = lines[start - first], lines[end - first + 1]
    if step(begin) == step(stop):
        raise ValueError(f"the bars {start} to {end} last less than a sixteenth, a step of the grid; choose more bars")
    return begin, stop
