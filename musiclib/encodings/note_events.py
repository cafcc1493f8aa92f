"""NoteEvents: four tokens per note: time shift, duration, pitch and velocity."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from fractions import Fraction
from typing import ClassVar

import numpy as np

from musiclib.encodings import velocities
from musiclib.encodings.base import Encoding, Reading
from musiclib.score import DEFAULT_VELOCITY, Score, pitch_name
from musiclib.score.checking import check_score

_LAST_STEP = 2.0**53  # above it, floats cannot represent every integer


@dataclasses.dataclass(frozen=True)
class NoteEvents(Encoding):
    """Four tokens per note, in this order; notes are sorted by onset, then from low to high.

    - ``t:1/4``: time shift, quarter lengths since the previous onset (first note: since the start), 0 within a chord;
    - ``d:1/2``: duration in quarter lengths, at least one grid step;
    - ``C4``: pitch, any of MIDI's 128;
    - ``v:63``: velocity, the middle of its class.

    Chords, overlaps and equal notes are represented; parts and tempo are lost. Times and durations are quantized to
    ``steps_per_quarter`` and clipped to ``longest``.

    ``decode`` creates a note at every pitch, with the time shifts (added up) and the last duration since the previous
    pitch and the last velocity before the next pitch. The defaults are time shift 0, a quarter note and velocity 80.
    Times, durations and velocities without a pitch are ignored.

    Args:
        steps_per_quarter: the grid of times and durations; 12 represents sixteenths and triplets.
        longest: longest time shift and duration, in quarter lengths.
        velocities: number of velocity classes, a power of two; 1 means no dynamics.

    Source: Seq2Seq tutorials on MIDI extract the same four values per note as parallel lists, which ``columns``
    returns.
    """

    steps_per_quarter: int = 12
    longest: int = 8
    velocities: int = 32
    name: ClassVar[str] = "NoteEvents"

    def __post_init__(self) -> None:
        for option in ("steps_per_quarter", "longest"):
            value = getattr(self, option)
            if not (isinstance(value, int) and 1 <= value <= 1000):
                raise ValueError(f"NoteEvents: {option} must be a whole number from 1 to 1000, got {value}")
        velocities.check_count(self.velocities, "NoteEvents")

    @property
    def keeps(self) -> frozenset[str]:
        return frozenset(["velocity"] if self.velocities > 1 else [])

    @property
    def alphabet(self) -> tuple[str, ...]:
        """All tokens: time shifts, durations, pitches, velocities."""
        return tuple(_readings(self))

    def columns(self, score: Score) -> tuple[list[float], list[float], list[int], list[int]]:
        """Returns four lists, one entry per note: times, durations (in quarter lengths), pitches, velocities."""
        times, durations, pitches, loudness = self._quantize(score.pitched())
        grid = self.steps_per_quarter
        return (times / grid).tolist(), (durations / grid).tolist(), pitches.tolist(), loudness.tolist()

    def encode(self, score: Score) -> list[str]:
        check_score(score, "NoteEvents.encode")
        times, durations, pitches, loudness = (column.tolist() for column in self._quantize(score))
        return [
            token
            for time, duration, pitch, velocity in zip(times, durations, pitches, loudness, strict=True)
            for token in (
                f"t:{Fraction(time, self.steps_per_quarter)}",
                f"d:{Fraction(duration, self.steps_per_quarter)}",
                pitch_name(pitch),
                f"v:{velocity}",
            )
        ]

    def decode(self, tokens: Sequence[str]) -> Score:
        readings = _readings(self)
        quarter = min(1, self.longest) * self.steps_per_quarter
        rows, now, time, duration = [], 0, 0, quarter
        for token in tokens:
            if token not in readings:
                raise ValueError(
                    f"{token!r} is not a token of {self}; tokens look like t:1/4, d:1/2, C4 or v:{self._middle}"
                )
            kind, value = readings[token]
            if kind == "time":
                time += value
            elif kind == "duration":
                duration = value
            elif kind == "pitch":
                now += time
                rows.append([now / self.steps_per_quarter, duration / self.steps_per_quarter, value, DEFAULT_VELOCITY])
                time, duration = 0, quarter
            elif rows:
                rows[-1][3] = value
        return Score.from_notes(rows, part_names=("Piano",), programs=(0,))

    def knows(self, token: str) -> bool:
        return token in _readings(self)

    def reading(self, token: str) -> Reading:
        kind, value = _readings(self)[token]
        length = Fraction(value, self.steps_per_quarter)
        return Reading(
            (value,) if kind == "pitch" else None,
            length if kind == "time" else Fraction(0),
            length if kind == "duration" else None,
        )

    @property
    def _middle(self) -> int:
        return velocities.classes(self.velocities)[self.velocities // 2]

    def _quantize(self, score: Score) -> tuple[np.ndarray, ...]:
        """Returns time shifts and durations in grid steps, pitches and velocities, (notes,) int64 each."""
        grid, most = self.steps_per_quarter, self.longest * self.steps_per_quarter
        with np.errstate(over="ignore"):  # a damaged file may have times near the largest float
            onsets = np.minimum(np.round(score.onset * grid), _LAST_STEP)
            durations = np.clip(np.round(score.duration * grid), 1, most).astype(np.int64)
        loudness = velocities.to_class(score.velocity, self.velocities)
        order = np.lexsort((loudness, durations, score.pitch, onsets))
        onsets, durations, loudness = onsets[order], durations[order], loudness[order]
        times = np.minimum(np.diff(onsets, prepend=0), most).astype(np.int64)
        return times, durations, score.pitch[order], loudness


@functools.lru_cache(maxsize=16)
def _readings(encoding: NoteEvents) -> dict[str, tuple[str, int]]:
    """Maps every token to its kind and value; times and durations in grid steps."""
    grid = encoding.steps_per_quarter
    most = encoding.longest * grid
    return {
        **{f"t:{Fraction(steps, grid)}": ("time", steps) for steps in range(most + 1)},
        **{f"d:{Fraction(steps, grid)}": ("duration", steps) for steps in range(1, most + 1)},
        **{pitch_name(pitch): ("pitch", pitch) for pitch in range(128)},
        **{f"v:{velocity}": ("velocity", velocity) for velocity in velocities.classes(encoding.velocities)},
    }
