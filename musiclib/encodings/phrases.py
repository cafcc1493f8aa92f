"""Phrases: a few bars on a sixteenth-note grid, each phrase with its time signature."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import ClassVar

import numpy as np

from musiclib.encodings.base import Encoding, Reading
from musiclib.encodings.chorale import REST, Chorale
from musiclib.score import Score, meter
from musiclib.score.checking import check_score
from musiclib.score.voices import SILENT, STEPS_PER_QUARTER, VOICES, check_length, notes_at_steps

_METRES = ("4/4", "2/2", "2/4", "3/4", "6/8")


@dataclasses.dataclass(frozen=True)
class Phrases(Encoding):
    """Phrases of a few bars on a sixteenth-note grid.

    A phrase is its time signature (``6/8``), followed by the tokens of ``Chorale(holds=True)``: at each step and voice
    the pitch of a note at its onset (``C5``), ``_`` where it is held, or ``R`` for a rest. Phrases begin at bar lines,
    and anew where the time signature changes; the last one is filled up with rests. A note that is held over from the
    previous phrase begins again.

    ``encode`` writes a whole piece as one phrase after the other, ``examples`` returns them one by one, in the given
    metres only and without those that have a bar without an onset. Without a time signature, bars are of 4/4.

    Lost are an upbeat, silent phrases at the end, velocities, tempos and what the grid does not hold: onsets and ends
    are quantized to sixteenths.
    ``decode`` gives each phrase the length of its metre: steps that are missing are silent, surplus ones are dropped.

    Args:
        bars: bars of a phrase.
        voices: ``"S"`` for a melody (the top line of a piece); several letters of ``SATB`` for a piece in four
            voices, in the order of their tokens within a step.
        metres: the time signatures of the ``examples``.

    Raises:
        ValueError: at an invalid option.

    Source: the grid with a symbol for a held note is that of Gaëtan Hadjeres et al., "DeepBach" (2017).
    """

    bars: int = 2
    voices: str = "S"
    metres: Sequence[str] = _METRES
    name: ClassVar[str] = "Phrases"

    def __post_init__(self) -> None:
        if not (isinstance(self.bars, int) and 1 <= self.bars <= 64):
            raise ValueError(f"Phrases: bars must be a whole number from 1 to 64, got {self.bars!r}")
        object.__setattr__(self, "metres", tuple(self.metres))  # JSON has lists only
        wrong = [metre for metre in self.metres if not _is_metre(metre)]
        if wrong or not self.metres:
            raise ValueError(f"Phrases: metres must be time signatures such as '6/8', got {wrong or self.metres}")
        Chorale(holds=True, voices=self.voices)  # raises at invalid voices

    @property
    def keeps(self) -> frozenset[str]:
        return frozenset(["time_signature", "parts"])

    @property
    def _grid(self) -> Chorale:
        return Chorale(holds=True, voices=self.voices)

    @property
    def longest(self) -> int:
        """Number of tokens of the longest example."""
        return 1 + max(self.steps(metre) for metre in self.metres) * len(self.voices)

    def steps(self, metre: str) -> int:
        """Returns the sixteenths of a phrase in this metre."""
        return self.bars * _bar_steps(*map(int, metre.split("/")))

    def encode(self, score: Score) -> list[str]:
        phrases = [phrase for phrase, _, _, _ in self._phrases(score)]
        while phrases and not set(phrases[-1][1:]) - {REST}:
            phrases.pop()
        return [token for phrase in phrases for token in phrase]

    def examples(self, score: Score) -> list[list[str]]:
        return [phrase for phrase, full, _, _ in self._phrases(score) if full and phrase[0] in self.metres]

    def passages(self, score: Score) -> list[tuple[list[str], float, float]]:
        """Returns the tokens of each phrase, and where it begins and ends, in quarter lengths."""
        return [(tokens, start, stop) for tokens, _, start, stop in self._phrases(score.pitched())]

    def _phrases(self, score: Score) -> Iterator[tuple[list[str], bool, float, float]]:
        """Yields the tokens of each phrase, whether each of its bars has an onset, and where it begins and ends."""
        check_score(score, "Phrases.encode")
        check_length(score)
        for metre, start, stop in _sections(score):
            section = score.slice(start, stop)
            notes, steps = notes_at_steps(section), self.steps(metre)
            # Rounding an end up must not begin a bar that is not there.
            count = -(-round((stop - start) * STEPS_PER_QUARTER) // steps)
            grid = np.full((count * steps, len(VOICES)), SILENT)
            grid[: len(notes)] = notes[: len(grid)]
            onsets = (grid != np.roll(grid, 1, axis=0)) & (grid != SILENT)
            full = onsets.any(axis=1).reshape(count, self.bars, -1).any(axis=2).all(axis=1)
            for i, phrase in enumerate(grid.reshape(count, steps, -1)):
                begin, end = (start + (i + side) * steps / STEPS_PER_QUARTER for side in range(2))
                yield [metre, *self._grid.write(phrase, section.pitch)], bool(full[i]), begin, min(end, stop)

    def decode(self, tokens: Sequence[str]) -> Score:
        unknown = {token for token in set(tokens) if not self.knows(token)}
        wrong = next((token for token in tokens if token in unknown), None)
        if wrong is not None:
            raise ValueError(f"{wrong!r} is not a token of {self}; tokens look like 6/8, C5, _ or R")
        grid, signatures, end, score = self._grid, [], 0.0, None
        for metre, *symbols in self.split(tokens):
            steps = self.steps(metre)
            phrase = grid.decode(symbols[: steps * len(self.voices)])
            score = phrase if score is None else score.then(phrase, end)
            if not signatures or signatures[-1][1:] != tuple(map(int, metre.split("/"))):
                signatures.append((end, *map(int, metre.split("/"))))
            end += steps / STEPS_PER_QUARTER
        score = grid.decode([]) if score is None else score
        melody = {"part_names": ("Melody",), "programs": (0,)} if self.voices == "S" else {}
        return score.replace(time_signatures=tuple(signatures), **melody)

    def split(self, tokens: Sequence[str]) -> list[list[str]]:
        """Splits tokens into phrases, each from its time signature; the first one is in 4/4 where it has none."""
        tokens = list(tokens) if not len(tokens) or "/" in tokens[0] else ["4/4", *tokens]
        starts = [i for i, token in enumerate(tokens) if "/" in token]
        return [tokens[start:stop] for start, stop in itertools.pairwise([*starts, len(tokens)])]

    def reading(self, token: str) -> Reading:
        if _is_metre(token):
            return Reading(fills=Fraction(self.steps(token), STEPS_PER_QUARTER))
        return self._grid.reading(token)

    def knows(self, token: str) -> bool:
        return _is_metre(token) or self._grid.knows(token)


def _sections(score: Score) -> Iterator[tuple[str, float, float]]:
    """Yields the metre, start and end of each section of a piece with one time signature, without the upbeat."""
    marks = meter.from_start(score.time_signatures)
    end = score.end
    for number, (start, upper, lower) in enumerate(marks):
        stop = marks[number + 1][0] if number + 1 < len(marks) else end
        if (number or not meter.upbeat(marks)) and min(stop, end) - start > 0.5 / STEPS_PER_QUARTER:
            steps = _bar_steps(upper, lower)
            whole = steps * lower == 4 * STEPS_PER_QUARTER * upper
            # A bar that is not a whole number of sixteenths is lengthened to one.
            yield f"{upper}/{lower}" if whole else f"{steps}/16", start, min(stop, end)


def _bar_steps(upper: int, lower: int) -> int:
    return -(-4 * STEPS_PER_QUARTER * upper // lower)


def _is_metre(token: str) -> bool:
    upper, slash, lower = str(token).partition("/")
    whole = bool(slash) and all(n.isascii() and n.isdecimal() and n[0] != "0" and len(n) <= 3 for n in (upper, lower))
    return whole and int(lower) in (1, 2, 4, 8, 16, 32, 64) and 16 * int(upper) % int(lower) == 0 and int(upper) < 100
