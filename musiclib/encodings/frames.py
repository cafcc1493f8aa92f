"""Frames: a piano roll sampled at a fixed rate."""

from __future__ import annotations

import collections
import dataclasses
import itertools
from collections.abc import Sequence
from fractions import Fraction
from typing import ClassVar

import numpy as np

from musiclib.encodings.base import Encoding, Reading
from musiclib.score import DEFAULT_TEMPO, Score
from musiclib.score.checking import check_score

_LONGEST = 10_000_000  # maximum frames of a piece: 23 days of music at five frames per second


@dataclasses.dataclass(frozen=True)
class Frames(Encoding):
    """Piano roll sampled at a fixed rate, one token per frame.

    A token lists the MIDI pitches that sound, in ascending order (``60,64,67``), or is ``e`` for silence. Onsets and
    ends are quantized to frames (a note lasts at least one). ``decode`` joins equal pitches in consecutive frames into
    one note, so repeated notes without a gap are merged. Velocities, parts and the tempo map are lost; the decoded
    score has a tempo of 120 quarter notes per minute.

    Args:
        fps: frames per second, from 0.001 to 1000; times follow the score's tempo map.

    Source: the token form is that of Haryo Akbarianto Wibowo, "Generate Piano Instrumental
    Music by Using Deep Learning" (2019), with five frames per second.
    """

    fps: float = 5
    name: ClassVar[str] = "Frames"

    def __post_init__(self) -> None:
        if not 0.001 <= self.fps <= 1000:
            raise ValueError(f"Frames: fps must be between 0.001 and 1000 frames per second, got {self.fps}")

    @property
    def keeps(self) -> frozenset[str]:
        return frozenset(["tempo"])

    def encode(self, score: Score) -> list[str]:
        check_score(score, "Frames.encode")
        with np.errstate(over="ignore", invalid="ignore"):  # times that overflow are rejected below
            first, last = (np.round(times * self.fps) for times in score.seconds())
        end = float(np.max(last, initial=0.0))
        if not end < _LONGEST:
            raise ValueError(
                f"this score takes {end:.3g} frames, more than {self} allows ({_LONGEST:,}); take a part of it with"
                " score.slice, or lower fps"
            )
        first = first.astype(np.int64)
        last = np.maximum(last.astype(np.int64), first + 1)
        # All frames between two changes have the same token.
        begins, ends = collections.defaultdict(list), collections.defaultdict(list)
        for begin, end, pitch in zip(first.tolist(), last.tolist(), score.pitch.tolist(), strict=True):
            begins[begin].append(pitch)
            ends[end].append(pitch)
        changes = sorted({0, *begins, *ends})
        sounding: collections.Counter[int] = collections.Counter()
        tokens: list[str] = []
        for change, following in itertools.pairwise(changes):
            sounding.update(begins[change])
            sounding.subtract(ends[change])
            token = ",".join(str(pitch) for pitch in sorted(+sounding)) or "e"
            tokens.extend([token] * (following - change))
        return tokens

    def decode(self, tokens: Sequence[str]) -> Score:
        quarters = DEFAULT_TEMPO / 60.0 / self.fps
        notes, sounding, now = [], {}, 0
        runs = ((self._pitches(token), sum(1 for _ in run)) for token, run in itertools.groupby(tokens))
        for pitches, length in itertools.chain(runs, [(frozenset(), 0)]):
            for pitch in sorted(sounding.keys() - pitches):
                start = sounding.pop(pitch)
                notes.append((start * quarters, (now - start) * quarters, pitch))
            for pitch in pitches - sounding.keys():
                sounding[pitch] = now
            now += length
        return Score.from_notes(notes, part_names=("Piano",), programs=(0,))

    def reading(self, token: str) -> Reading:
        rate = Fraction(self.fps).limit_denominator(1000)
        return Reading(tuple(sorted(self._pitches(token))), Fraction(int(DEFAULT_TEMPO), 60) / rate)

    def _pitches(self, token: str) -> frozenset[int]:
        numbers = [] if token == "e" else token.split(",")
        if not all(number.isdecimal() and int(number) <= 127 for number in numbers):
            raise ValueError(f"{token!r} is not a token of {self}; tokens look like 60,64,67 or e, pitches up to 127")
        return frozenset(int(number) for number in numbers)
