"""Performance: note-on, note-off, time-shift and velocity events of a piano performance."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Sequence
from fractions import Fraction
from typing import ClassVar

import numpy as np

from musiclib.encodings import velocities
from musiclib.encodings.base import Encoding, Reading
from musiclib.score import DEFAULT_TEMPO, DEFAULT_VELOCITY, Score, pitch_name
from musiclib.score.checking import check_score

LOWEST, HIGHEST = 21, 108  # A0 to C8, the 88 keys
STEP = 10  # milliseconds
LONGEST_SHIFT = 1000  # milliseconds
VELOCITIES = 32
_STEPS_PER_SECOND = 1000 // STEP
_LONGEST_SHIFT = LONGEST_SHIFT // STEP  # in steps
_LONGEST = 24 * 3600  # seconds
_QUARTERS_PER_STEP = DEFAULT_TEMPO / 60.0 / _STEPS_PER_SECOND

_PITCHES = range(LOWEST, HIGHEST + 1)
_READINGS = {
    **{f"on:{pitch_name(pitch)}": ("on", pitch) for pitch in _PITCHES},
    **{f"off:{pitch_name(pitch)}": ("off", pitch) for pitch in _PITCHES},
    **{f"shift:{steps * STEP}": ("shift", steps) for steps in range(1, _LONGEST_SHIFT + 1)},
    **{f"v:{velocity}": ("velocity", velocity) for velocity in velocities.classes(VELOCITIES)},
}


@dataclasses.dataclass(frozen=True)
class Performance(Encoding):
    """Performance events, one token each; a vocabulary of 308 events.

    - ``on:C4`` (88): note-on, with the current velocity;
    - ``off:C4`` (88): note-off;
    - ``shift:10`` to ``shift:1000`` (100): time shift in milliseconds, in steps of 10; longer times take several;
    - ``v:63`` (32): sets the velocity, the middle of a class of four; written only if it changes.

    Times follow the score's tempo map. At the same time, note-offs come before note-ons, each from low to high. A note
    is cut at the next onset of the same pitch; notes of the same pitch and onset are merged, with the longest duration
    and the highest velocity. Notes outside the 88 keys are transposed by octaves, with a warning. Times are quantized
    to 10 milliseconds (a note lasts at least one step); parts and the tempo map are lost, and the decoded score has a
    tempo of 120 quarter notes per minute.

    ``decode`` ends a sounding note at a second ``on`` of its pitch, extends notes without an ``off`` to the last event,
    and ignores notes of duration 0 and an ``off`` without an ``on``.

    There is no sustain pedal event. For durations extended by the pedal, as in the data of published results, read MIDI
    with ``pedal=True``, as ``corpus.load("maestro")`` does.

    Source: Ian Simon and Sageev Oore, "Performance RNN" (2017); Cheng-Zhi Anna Huang et al., "Music Transformer"
    (2018). Both use note-on and note-off for all 128 MIDI pitches, 388 events; MAESTRO's pianos have 88 keys.
    """

    name: ClassVar[str] = "Performance"
    pause: ClassVar[tuple[str, ...]] = (f"shift:{STEP}",)

    @property
    def keeps(self) -> frozenset[str]:
        return frozenset(["tempo", "velocity"])

    @property
    def alphabet(self) -> tuple[str, ...]:
        """All tokens: note-ons, note-offs, time shifts, velocities."""
        return tuple(_READINGS)

    def encode(self, score: Score) -> list[str]:
        check_score(score, "Performance.encode")
        notes = self._notes(score)
        # At the same time note-offs (0) come before note-ons (1), each from low to high.
        events = [(end, 0, pitch, 0) for _, end, pitch, _ in notes]
        events += [(start, 1, pitch, velocity) for start, _, pitch, velocity in notes]
        tokens, now, loudness = [], 0, None
        for time, down, pitch, velocity in sorted(events):
            whole, rest = divmod(time - now, _LONGEST_SHIFT)
            tokens += [f"shift:{LONGEST_SHIFT}"] * whole + ([f"shift:{rest * STEP}"] if rest else [])
            now = time
            if down and velocity != loudness:
                tokens.append(f"v:{velocity}")
                loudness = velocity
            tokens.append(f"{'on' if down else 'off'}:{pitch_name(pitch)}")
        return tokens

    def decode(self, tokens: Sequence[str]) -> Score:
        rows, sounding, now, loudness = [], {}, 0, DEFAULT_VELOCITY

        def end(pitch: int) -> None:
            start, velocity = sounding.pop(pitch)
            if now > start:
                rows.append((start * _QUARTERS_PER_STEP, (now - start) * _QUARTERS_PER_STEP, pitch, velocity))

        for token in tokens:
            if token not in _READINGS:
                raise ValueError(
                    f"{token!r} is not a token of {self}; tokens look like on:C4, off:C4 (A0 to C8), shift:10 (to 1000,"
                    " in steps of 10) or v:63"
                )
            kind, value = _READINGS[token]
            if kind == "shift":
                now += value
            elif kind == "velocity":
                loudness = value
            else:
                if value in sounding:
                    end(value)
                if kind == "on":
                    sounding[value] = now, loudness
        for pitch in list(sounding):
            end(pitch)
        return Score.from_notes(rows, part_names=("Piano",), programs=(0,))

    def knows(self, token: str) -> bool:
        return token in _READINGS

    def reading(self, token: str) -> Reading:
        kind, value = _READINGS[token]
        if kind == "shift":
            return Reading(moves=value * Fraction(int(DEFAULT_TEMPO), 60 * _STEPS_PER_SECOND))
        return Reading((value,) if kind == "on" else None, lasts=Fraction(0) if kind == "off" else None)

    def _notes(self, score: Score) -> list[tuple[int, int, int, int]]:
        """Returns rows (start, end, pitch, velocity), times in steps, without overlaps of the same pitch."""
        with np.errstate(over="ignore", invalid="ignore"):
            starts, ends = score.seconds()
        if len(score) and not ends.max() <= _LONGEST:
            raise ValueError(
                f"Performance: this music lasts {ends.max():g} seconds, more than a day; encode parts of it, cut with"
                " score.slice"
            )
        starts = np.round(starts * _STEPS_PER_SECOND).astype(np.int64)
        ends = np.maximum(np.round(ends * _STEPS_PER_SECOND).astype(np.int64), starts + 1)
        loudness = velocities.to_class(score.velocity, VELOCITIES)
        found: dict[tuple[int, int], list[int]] = {}  # (pitch, start) to [end, velocity]
        columns = (starts, ends, _on_the_keys(score.pitch), loudness)
        for start, end, pitch, velocity in zip(*(column.tolist() for column in columns), strict=True):
            note = found.setdefault((pitch, start), [end, velocity])
            note[:] = max(note[0], end), max(note[1], velocity)
        rows: list[tuple[int, int, int, int]] = []
        for (pitch, start), (end, velocity) in sorted(found.items()):
            if rows and rows[-1][2] == pitch and rows[-1][1] > start:
                rows[-1] = (rows[-1][0], start, *rows[-1][2:])
            rows.append((start, end, pitch, velocity))
        return rows


def _on_the_keys(pitch: np.ndarray) -> np.ndarray:
    """Transposes pitches by octaves into the range of the 88 keys, with a warning."""
    below, above = np.maximum(LOWEST - pitch, 0), np.maximum(pitch - HIGHEST, 0)
    outside = (below + above) > 0
    if np.any(outside):
        # Without the number, so that Python shows it once.
        warnings.warn(
            f"Performance: notes outside {pitch_name(LOWEST)} to {pitch_name(HIGHEST)}, the 88 keys, are moved by"
            " octaves",
            stacklevel=5,
        )
    return pitch + 12 * (-(-below // 12)) - 12 * (-(-above // 12))
