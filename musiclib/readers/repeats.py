"""Repeats: the order in which the bars of a piece sound.

Readers mark bars with repeat signs, endings and jumps (da capo, dal segno); ``play_order`` follows them, and ``played``
copies the notes in that order.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from musiclib.score import meter

MOST_BARS = 100_000  # played: a limit for damaged files whose repeats multiply


@dataclasses.dataclass
class Bar:
    """One written bar.

    Args:
        start: quarter lengths from the start of the piece.
        end: the end of the bar.
        opens: whether a repeated section starts here.
        times: how many times the section that ends here is played; 1 without a repeat sign.
        endings: numbers of the rounds in which the bar is played (first and second endings); empty for all.
        segno: the bar starts with a segno.
        coda: the bar starts the coda.
        to_coda: after a jump, the coda follows this bar.
        fine: after a jump, the piece ends with this bar.
        jump: ``"da capo"`` or ``"dal segno"`` at the end of the bar, or ``""``.
    """

    start: float
    end: float
    opens: bool = False
    times: int = 1
    endings: tuple[int, ...] = ()
    segno: bool = False
    coda: bool = False
    to_coda: bool = False
    fine: bool = False
    jump: str = ""


def play_order(bars: Sequence[Bar]) -> list[tuple[float, float]]:
    """Returns the spans (start, end) in the order in which they sound; consecutive bars are one span.

    After a jump, repeats are not taken again, the last ending is played, and a section that ends at a fine or leads
    to a coda does so.
    """
    spans: list[tuple[float, float]] = []
    here, first, playing = 0, 0, 1  # the bar, the start of its section, and how many times that has been started
    jumped, played = False, 0
    while here < len(bars) and played < MOST_BARS:
        bar = bars[here]
        after_ending = here > 0 and bars[here - 1].endings and not bar.endings
        if here != first and (bar.opens or (after_ending and not jumped)):
            first, playing = here, 1
        rounds = _rounds(bars, here)
        if bar.endings and (rounds if jumped else playing) not in bar.endings:
            here += 1
            continue
        played += 1
        if spans and spans[-1][1] == bar.start:
            spans[-1] = (spans[-1][0], bar.end)
        else:
            spans.append((bar.start, bar.end))
        if jumped and bar.fine:
            break
        if (
            jumped
            and bar.to_coda
            and (codas := [place for place, other in enumerate(bars) if other.coda and place > here])
        ):
            here = codas[0]
        elif not jumped and bar.times > 1 and playing < max(bar.times, rounds):
            here, playing = first, playing + 1
        elif bar.jump and not jumped:
            segnos = [place for place, other in enumerate(bars[: here + 1]) if other.segno]
            here = segnos[-1] if segnos and bar.jump == "dal segno" else 0
            jumped, first = True, here
        else:
            if bar.times > 1 and not jumped and not (here + 1 < len(bars) and bars[here + 1].endings):
                first, playing = here + 1, 1
            here += 1
    return spans


def _rounds(bars: Sequence[Bar], here: int) -> int:
    """Returns the number of the last ending in the group of endings at or just after ``here``; 1 without any."""
    if not bars[here].endings:
        return 1
    begin = here
    while begin and bars[begin - 1].endings:
        begin -= 1
    last = 1
    for bar in bars[begin:]:
        if not bar.endings:
            break
        last = max(last, *bar.endings)
    return last


def played(
    spans: Sequence[tuple[float, float]], columns: tuple[np.ndarray, np.ndarray, np.ndarray], maps: dict[str, tuple]
) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], dict[str, tuple]]:
    """Copies the music of each span, one after the other.

    Args:
        spans: (start, end) in quarter lengths, as ``play_order`` returns them.
        columns: notes as rows that begin with (onset, duration), the part of each note, and grace notes as rows that
            begin with the onset.
        maps: tempos and signatures by name, tuples that begin with the onset.

    Returns:
        The same in the order of the spans; notes end with their span.
    """
    notes, parts, graces = columns
    copied: tuple[list, list, list] = ([], [], [])
    marks: dict[str, dict] = {name: {} for name in maps}
    start = 0.0
    for begin, end in spans:
        inside = (notes[:, 0] >= begin) & (notes[:, 0] < end)
        rows, leading = notes[inside], graces[(graces[:, 0] >= begin) & (graces[:, 0] < end)]
        rows[:, 1] = np.minimum(rows[:, 1], end - rows[:, 0])
        rows[:, 0] += start - begin
        leading[:, 0] += start - begin
        for column, some in zip(copied, (rows, parts[inside], leading), strict=True):
            column.append(some)
        for name, events in maps.items():
            marks[name] |= {start + event[0]: event[1:] for event in meter.moved(events, begin, end)}
        start += end - begin
    return tuple(map(np.concatenate, copied)), {name: changes(events) for name, events in marks.items()}


def changes(marks: dict[float, tuple]) -> tuple[tuple, ...]:
    """Sorts marks by onset, as tuples that begin with it, and drops repeated ones."""
    found: list[tuple] = []
    for onset, mark in sorted(marks.items()):
        if not found or found[-1][1:] != mark:
            found.append((onset, *mark))
    return tuple(found)
