"""Parsed score: the output of a parser before it becomes a Score, and the rules that all readers share.

Notes of duration 0 or without a note-off are left out and counted; duplicate part names are numbered; repeated tempos
and time signatures are dropped; pieces longer than a day are rejected.
"""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np

from musiclib.score import Score

LONGEST_HOURS = 24  # a longer piece is a damaged file, or Satie


class UnreadableScore(ValueError):
    """A file or stream that cannot be parsed or has no pitched notes.

    ``reason`` is the error message without the file name.
    """

    def __init__(self, reason: str, path: object = None) -> None:
        super().__init__(reason if path is None else f"cannot read {path}: {reason}")
        self.reason = reason
        self.path = path

    def __reduce__(self) -> tuple:
        return type(self), (self.reason, self.path)  # to be pickled between processes


class LostNotes(UserWarning):
    """Some notes of a file were left out; the message says which and how many."""


@dataclasses.dataclass
class ParsedScore:
    """Parts, tempos and time signatures of a parsed file.

    Args:
        parts: triples (name, General MIDI program, notes); the notes are rows (onset, duration, pitch, velocity), a
            list or an (n, 4) array, times in quarter lengths.
        tempos: (quarter notes per minute,) by onset.
        signatures: (numerator, denominator) by onset.
        percussion: number of unpitched notes that were left out.
        unended: number of notes without a note-off that were left out.
        zero_length: number of notes of duration 0 that were left out.
    """

    parts: list[tuple[str, int, list | np.ndarray]] = dataclasses.field(default_factory=list)
    tempos: dict[float, tuple] = dataclasses.field(default_factory=dict)
    signatures: dict[float, tuple] = dataclasses.field(default_factory=dict)
    percussion: int = 0
    unended: int = 0
    zero_length: int = 0

    def score(self) -> Score:
        """Returns the Score; raises UnreadableScore if it has no notes."""
        notes = [np.asarray(rows, dtype=np.float64).reshape(-1, 4) for _, _, rows in self.parts]
        table = np.concatenate([np.zeros((0, 4)), *notes])
        part = np.repeat(np.arange(len(notes)), [len(rows) for rows in notes])
        keep = table[:, 1] > 0
        self.zero_length += int(np.sum(~keep))
        table, part = table[keep], part[keep]
        if not len(table):
            what = f"only percussion, {self.percussion} unpitched notes" if self.percussion else "no notes"
            what += f", but for {self.lost}" if self.lost else ""
            raise UnreadableScore(f"this music has {what}; choose a file with pitched notes of positive duration")
        # A Score sorts by onset, part and pitch; ties are sorted here by duration, then velocity, so that the result
        # does not depend on the order in which a reader finds the notes.
        table, part = (column[np.lexsort((table[:, 3], table[:, 1]))] for column in (table, part))
        names: list[str] = []
        for index, (name, _, _) in enumerate(self.parts):
            name = name or f"Part {index + 1}"
            numbered = itertools.chain([name], (f"{name} {copy}" for copy in itertools.count(2)))
            names.append(next(name for name in numbered if name not in names))  # unique, to select by name
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
                f"it lasts {hours:,.0f} hours, and {LONGEST_HOURS} is the maximum; look for a wrong time in it"
            )
        return score

    @property
    def lost(self) -> str:
        """Describes the notes that were left out, such as ``3 notes that never end``; empty if there are none."""
        kinds = ((self.unended, "that never end"), (self.zero_length, "without a length"))
        return " and ".join(f"{count:,} note{'s' * (count > 1)} {kind}" for count, kind in kinds if count)


def _changes(marks: dict[float, tuple]) -> tuple[tuple, ...]:
    """Sorts marks by onset and drops repeated ones."""
    changes: list[tuple] = []
    for onset, mark in sorted(marks.items()):
        if not changes or changes[-1][1:] != mark:
            changes.append((onset, *mark))
    return tuple(changes)
