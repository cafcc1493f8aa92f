"""Frames: the piano roll sampled in time."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from musiclib.encodings.base import Encoding
from musiclib.score import DEFAULT_TEMPO, Score


@dataclasses.dataclass(frozen=True)
class Frames(Encoding):
    """The piano roll sampled in time: one token a frame.

    A token lists the MIDI numbers that sound, in rising order (``60,64,67``), or is ``e``
    where nothing sounds. Decoding joins equal pitches in neighbouring frames into one
    note, so starts and ends are kept to half a frame (a note shorter than that lasts one
    frame), while a note struck again without a gap, velocities, parts and the tempo map
    are not kept; the decoded score runs at 120 quarter notes a minute.

    Args:
        fps: frames a second, along the score's tempo map.

    Source: the token form is that of Haryo Akbarianto Wibowo, "Generate Piano Instrumental
    Music by Using Deep Learning" (2019), with five frames a second.
    """

    fps: float = 5
    name: ClassVar[str] = "Frames"

    def __post_init__(self) -> None:
        if not 0 < self.fps < math.inf:
            raise ValueError(f"Frames: fps must be above 0 frames a second, got {self.fps}")

    def encode(self, score: Score) -> list[str]:
        starts, ends = score.seconds()
        first = np.round(starts * self.fps).astype(np.int64)
        last = np.maximum(np.round(ends * self.fps).astype(np.int64), first + 1)
        frames: list[set[int]] = [set() for _ in range(int(last.max()) if len(score) else 0)]
        for begin, end, pitch in zip(first.tolist(), last.tolist(), score.pitch.tolist(), strict=True):
            for frame in frames[begin:end]:
                frame.add(pitch)
        return [",".join(map(str, sorted(frame))) or "e" for frame in frames]

    def decode(self, tokens: Sequence[str]) -> Score:
        quarters = DEFAULT_TEMPO / 60.0 / self.fps
        notes, sounding = [], {}
        frames = [self._pitches(token) for token in tokens]
        for i, frame in enumerate([*frames, frozenset()]):
            for pitch in sorted(sounding.keys() - frame):
                start = sounding.pop(pitch)
                notes.append((start * quarters, (i - start) * quarters, pitch))
            for pitch in frame - sounding.keys():
                sounding[pitch] = i
        return Score.from_notes(notes, part_names=("Piano",), programs=(0,))

    def _pitches(self, token: str) -> frozenset[int]:
        numbers = [] if token == "e" else token.split(",")
        if not all(number.isdecimal() and int(number) <= 127 for number in numbers):
            raise ValueError(f"{token!r} is no token of {self}; one reads like 60,64,67 or e, numbers up to 127")
        return frozenset(int(number) for number in numbers)
