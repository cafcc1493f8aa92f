"""Marking: the tempo, time signature, key, dynamics and instrument of generated pieces.

What the caller does not ask for, and the tokens do not say, is that of the primer or the source, or else what is
typical of the run's training pieces.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from musiclib.sampling.rules import is_number
from musiclib.score import DEFAULT_TEMPO, Score, inheritance, meter
from musiclib.score.inheritance import Marks
from musiclib.score.instruments import INSTRUMENTS, program

_CLOSE = 1e-6  # quarter lengths


class Marking(NamedTuple):
    """The marks of generated pieces.

    Attributes:
        marks: what they inherit.
        keeps: what their encoding says itself, see ``Encoding.keeps``.
        tempo: asked for, in quarter notes per minute; or None.
        time_signature: asked for, (numerator, denominator); or None.
        program: asked for; or None.
        continues: whether they continue a score, whose bars they go on with.
        in_bars: whether they fill a number of bars.
    """

    marks: Marks
    keeps: frozenset[str]
    tempo: float | None = None
    time_signature: tuple[int, int] | None = None
    program: int | None = None
    continues: bool = False
    in_bars: bool = False

    @property
    def signatures(self) -> meter.Signatures:
        """The time signatures of the pieces; 4/4 where nothing says."""
        if self.time_signature is not None:
            return ((0.0, *self.time_signature),)
        inherited = self.marks.time_signatures if "tempo" not in self.keeps else ()
        return meter.from_start(inherited if self.continues else inherited[-1:] and ((0.0, *inherited[-1][1:]),))

    @property
    def metre(self) -> tuple[int, int]:
        """The last time signature of the pieces, (numerator, denominator)."""
        return self.signatures[-1][1:]

    def total(self, bars: int) -> float:
        """Returns the length of so many bars, in quarter lengths; an upbeat of the score that is continued is more."""
        return float(self._ends(bars)[bars - 1])

    def bars(self, seconds: float, begun: float) -> int:
        """Returns the number of bars that are begun, and those that come nearest to a duration, at least 1.

        Args:
            seconds: the duration of what follows.
            begun: length of what the pieces begin with, in quarter lengths.

        Raises:
            ValueError: where the duration is not a number of seconds above 0, or longer than a day.
        """
        if not (is_number(seconds) and 0 < seconds <= 86400):
            raise ValueError(f"seconds must be a number above 0, and at most a day's 86400, got {seconds!r}")
        inherited = self.marks.tempos if "tempo" not in self.keeps else ()
        tempo = self.tempo or (inherited[-1][1] if inherited else DEFAULT_TEMPO)
        most = 1 + int(begun / meter.shortest_bar(self.signatures))
        started = int(np.sum(self._ends(most) < begun - _CLOSE)) + (begun > _CLOSE)
        return started + max(round(seconds * tempo / 60 / meter.bar_length(((0.0, *self.metre),))), 1)

    def _ends(self, bars: int) -> np.ndarray:
        """Returns where each of so many bars ends, (bars,) in quarter lengths; an upbeat is none of them."""
        signatures = self.signatures
        bar = meter.bar_length(((0.0, *self.metre),))
        lines = meter.bar_lines(signatures, signatures[-1][0] + (bars + 2) * bar)
        return lines[1 + (meter.upbeat(signatures) > 0) :][:bars]

    def apply(self, score: Score) -> Score:
        """Returns a decoded piece with its marks; a single part is named after the instrument that was asked for."""
        score = inheritance.inherit(score, self.marks, self.keeps)
        changes = {} if self.tempo is None else {"tempos": ((0.0, float(self.tempo)),)}
        if self.time_signature is not None or (self.in_bars and not score.time_signatures):
            changes["time_signatures"] = self.signatures
        if self.program is not None:
            changes["programs"] = (self.program,) * len(score.part_names)
            changes |= {"part_names": (INSTRUMENTS[self.program],)} if len(score.part_names) == 1 else {}
        return score.replace(**changes)


def marking(
    run,
    primer=None,
    include_primer: bool = True,
    source=None,
    tempo: float | None = None,
    instrument: str | int | None = None,
    time_signature: str | None = None,
) -> Marking:
    """Returns the marks of the pieces that a run generates.

    Args:
        run: the run.
        primer: a Score that they continue; anything else says nothing.
        include_primer: whether they begin with it.
        source: a Score that they are conditioned on; anything else says nothing.
        tempo: asked for; None for the inherited one.
        instrument: asked for, a name or a program; None for the inherited one.
        time_signature: asked for, such as ``"3/4"``; None for the inherited one.

    Raises:
        ValueError: at an invalid value.
    """
    if tempo is not None and not (is_number(tempo) and 1 <= tempo <= 1000):
        raise ValueError(f"tempo must be from 1 to 1000 quarter notes per minute, got {tempo!r}")
    marks = inheritance.of_typical(run.typical)
    if isinstance(source, Score):
        marks = inheritance.whole(source).or_else(marks)
    if isinstance(primer, Score):
        marks = (inheritance.whole(primer) if include_primer else inheritance.ending(primer)).or_else(marks)
    return Marking(
        marks,
        run.encoding.keeps,
        tempo,
        None if time_signature is None else meter.parse(time_signature),
        None if instrument is None else program(instrument),
        isinstance(primer, Score),
    )
