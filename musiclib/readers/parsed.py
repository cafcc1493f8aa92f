"""Parsed score: what a reader collects before it becomes a Score, and the rules that all readers share.

They are: a note without a length or without an end is left out, which is said; a name that several parts bear is
numbered; a tempo or time signature that says again what already holds counts once; and no piece is longer than a day.
"""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np

from musiclib.score import Score

LONGEST_HOURS = 24  # a longer piece is a damaged file, or Satie


class UnreadableScore(ValueError):
    """A file or stream that cannot be read as music, or that holds no pitched note; the message says why.

    ``reason`` is the message without the name of the file.
    """

    def __init__(self, reason: str, path: object = None) -> None:
        super().__init__(reason if path is None else f"cannot read {path}: {reason}")
        self.reason = reason
        self.path = path

    def __reduce__(self) -> tuple:
        return type(self), (self.reason, self.path)  # so that it can come back from another process


class LostNotes(UserWarning):
    """Some notes of a file could not be kept; the message says which and how many."""


@dataclasses.dataclass
class ParsedScore:
    """Parts, tempos and time signatures as a reader finds them.

    Args:
        parts: triples (name, General MIDI program, notes); the notes are rows (onset, duration, pitch, velocity), a
            list or an (n, 4) array, times in quarter lengths.
        tempos: (quarter notes a minute,) by onset.
        signatures: (numerator, denominator) by onset.
        percussion: how many unpitched notes were left out.
        unended: how many notes begin and never end, and were left out.
        zero_length: how many have no length, and were left out.
    """

    parts: list[tuple[str, int, list | np.ndarray]] = dataclasses.field(default_factory=list)
    tempos: dict[float, tuple] = dataclasses.field(default_factory=dict)
    signatures: dict[float, tuple] = dataclasses.field(default_factory=dict)
    percussion: int = 0
    unended: int = 0
    zero_length: int = 0

    def score(self) -> Score:
        """Returns the Score; raises UnreadableScore where no part holds a note."""
        notes = [np.asarray(rows, dtype=np.float64).reshape(-1, 4) for _, _, rows in self.parts]
        table = np.concatenate([np.zeros((0, 4)), *notes])
        part = np.repeat(np.arange(len(notes)), [len(rows) for rows in notes])
        keep = table[:, 1] > 0
        self.zero_length += int(np.sum(~keep))
        table, part = table[keep], part[keep]
        if not len(table):
            what = f"only percussion, {self.percussion} unpitched notes" if self.percussion else "no notes"
            what += f", but for {self.lost}" if self.lost else ""
            raise UnreadableScore(f"this music holds {what}; choose some with pitched notes that have a length")
        # A Score sorts by onset, part and pitch; of notes that agree in all three the shorter, then softer is first,
        # so that it does not matter in which order a reader comes upon them.
        table, part = (column[np.lexsort((table[:, 3], table[:, 1]))] for column in (table, part))
        names: list[str] = []
        for index, (name, _, _) in enumerate(self.parts):
            name = name or f"Part {index + 1}"
            numbered = itertools.chain([name], (f"{name} {copy}" for copy in itertools.count(2)))
            names.append(next(name for name in numbered if name not in names))  # so that each can be chosen by name
        score = Score(
            *table.T,
            part,
            tempos=_changes(self.tempos),
            time_signatures=_changes(self.signatures),
            part_names=tuple(names),
            programs=tuple(part[1] for part in self.parts),
        )
        hours = float(score.seconds_at((score.onset + score.duration).max())) / 3600
        if not hours <= LONGEST_HOURS:
            raise UnreadableScore(
                f"it lasts {hours:,.0f} hours, and {LONGEST_HOURS} is the most; look for a false time in it"
            )
        return score

    @property
    def lost(self) -> str:
        """Names the notes that were left out, such as ``3 notes that never end``; empty where there are none."""
        kinds = ((self.unended, "that never end"), (self.zero_length, "without a length"))
        return " and ".join(f"{count:,} note{'s' * (count > 1)} {kind}" for count, kind in kinds if count)


def _changes(marks: dict[float, tuple]) -> tuple[tuple, ...]:
    """Sorts marks by onset, without those that say again what already holds."""
    changes: list[tuple] = []
    for onset, mark in sorted(marks.items()):
        if not changes or changes[-1][1:] != mark:
            changes.append((onset, *mark))
    return tuple(changes)
