"""NoteChord: one token per onset, a note or a chord."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Sequence
from fractions import Fraction
from typing import ClassVar

import numpy as np

from musiclib.encodings.base import Encoding, Reading
from musiclib.score import Score, pitch_name, pitch_number
from musiclib.score.checking import check_score

_LENGTH = re.compile(r"0*[1-9]\d{0,6}(/0*[1-9]\d{0,3})?", re.ASCII)  # quarter lengths, such as 1 or 1/2; never 0
_LONGEST_TOKEN = 9_999_999  # grid steps: fits _LENGTH for every grid
_LONGEST_SCORE = 10_000_000_000  # grid steps: years of music, a thousand tokens of the longest rest
_VOICING_CENTER = 64  # E4: chords given as pitch classes are voiced around the middle of the keyboard


@dataclasses.dataclass(frozen=True)
class NoteChord(Encoding):
    """One token per onset: a pitch name for a single note, a chord for several.

    With ``durations`` a token ends with its duration in quarter lengths (``C5:1``, ``0.4.7:1/2``), and silence is a
    rest (``R:1/2``). The duration is that of the longest note of the onset, cut at the next onset. Onsets, rests and
    durations are quantized to the grid; velocities, parts, tempo and duplicate pitches of an onset are lost.

    Args:
        chords: ``"normal_order"`` writes a chord as its pitch classes (``0.4.7``; an octave is ``0``), as in the LSTM
            tutorials; ``"pitches"`` writes pitch names with octaves (``C4.E4.G4``).
        durations: write rests and durations; otherwise every token lasts ``step``.
        steps_per_quarter: the grid for onsets and durations, up to 9999; 12 represents sixteenths and triplets.
        step: duration of a token in quarter lengths if ``durations`` is False.
        sustain: when decoding, sustain a chord under the following single notes until the next chord or rest, as
            with a piano pedal. Tokens do not encode which notes are held; this is closer to polyphonic music.

    Chords in normal order have no octaves: ``decode`` voices them in close position, with the least movement from the
    previous chord.

    Source: the token form is that of Sigurður Skúli, "How to Generate Music using a LSTM
    Neural Network in Keras" (2017).
    """

    chords: str = "normal_order"
    durations: bool = True
    steps_per_quarter: int = 12
    step: float = 0.5
    sustain: bool = False
    name: ClassVar[str] = "NoteChord"

    def __post_init__(self) -> None:
        if self.chords not in ("normal_order", "pitches"):
            raise ValueError(f"NoteChord: chords must be 'normal_order' or 'pitches', got {self.chords!r}")
        if not (isinstance(self.steps_per_quarter, int) and 1 <= self.steps_per_quarter <= 9999):
            raise ValueError(
                f"NoteChord: steps_per_quarter must be a whole number from 1 to 9999, got {self.steps_per_quarter}"
            )
        # Without durations, a step below the grid would quantize two tokens to the same onset.
        least = Fraction(0 if self.durations else 1, self.steps_per_quarter)
        if not least <= self.step <= 1000 or self.step <= 0:
            raise ValueError(
                f"NoteChord: step must be above 0, at least the grid's {least} and at most 1000, got {self.step}"
            )

    def encode(self, score: Score) -> list[str]:
        check_score(score, "NoteChord.encode")
        with np.errstate(over="ignore"):  # a time that overflows is rejected below
            end = score.end
        if not end < _LONGEST_SCORE / self.steps_per_quarter:
            raise ValueError(
                f"this score lasts {end:.3g} quarter lengths, too long for {self}; take a part of it with score.slice"
            )
        onsets = np.round(score.onset * self.steps_per_quarter).astype(np.int64)
        lengths = np.clip(np.round(score.duration * self.steps_per_quarter).astype(np.int64), 1, _LONGEST_TOKEN)
        # Rounding may change the order of close onsets.
        order = np.argsort(onsets, kind="stable")
        starts, first = np.unique(onsets[order], return_index=True)
        bounds = [*first.tolist(), len(order)]
        pitches, lengths = score.pitch[order].tolist(), lengths[order].tolist()
        starts = starts.tolist()
        tokens, now = [], 0
        for i, start in enumerate(starts):
            group = slice(bounds[i], bounds[i + 1])
            token = self._name(pitches[group])
            if self.durations:
                while start > now:
                    rest = min(start - now, _LONGEST_TOKEN)
                    tokens.append(f"R:{self._length(rest)}")
                    now += rest
                length = max(lengths[group])
                if i + 1 < len(starts):
                    length = min(length, starts[i + 1] - start)
                token = f"{token}:{self._length(length)}"
                now = start + length
            tokens.append(token)
        return tokens

    def decode(self, tokens: Sequence[str]) -> Score:
        notes, now, chord = [], Fraction(0), (_VOICING_CENTER,)
        sustained: list[list] = []  # the notes of the last chord that still sound
        for token in tokens:
            text, length = self._split(token)
            pitches = () if text == "R" and self.durations else self._pitches(token, text, chord)
            if len(pitches) == 1 and self.sustain:
                sustained = [note for note in sustained if note[2] != pitches[0]]  # repeated, not sustained
                for note in sustained:
                    note[1] += float(length)
            new = [[float(now), float(length), pitch] for pitch in pitches]
            if len(pitches) != 1:
                sustained = new
                chord = pitches or chord
            notes.extend(new)
            now += length
        return Score.from_notes(notes, part_names=("Piano",), programs=(0,))

    def reading(self, token: str) -> Reading:
        text, length = self._split(token)
        if text == "R" and self.durations:
            return Reading((), length)
        pitches = self._pitches(token, text, (_VOICING_CENTER,))
        return Reading(tuple(int(name) for name in text.split(".")) if text[0].isdecimal() else pitches, length)

    def _length(self, steps: int) -> Fraction:
        return Fraction(steps, self.steps_per_quarter)

    def _name(self, pitches: list[int]) -> str:
        distinct = sorted(set(pitches))
        if len(distinct) == 1:
            return pitch_name(distinct[0])
        if self.chords == "pitches":
            return ".".join(pitch_name(pitch) for pitch in distinct)
        return ".".join(str(c) for c in normal_order(frozenset(pitch % 12 for pitch in distinct)))

    def _split(self, token: str) -> tuple[str, Fraction]:
        if not self.durations:
            return token, Fraction(self.step)
        text, _, length = token.rpartition(":")
        if not text or not _LENGTH.fullmatch(length):
            raise ValueError(f"{token!r} is not a token of {self}; tokens look like C5:1 or R:1/2, length above 0")
        return text, Fraction(length)

    def _pitches(self, token: str, text: str, previous: tuple[int, ...]) -> tuple[int, ...]:
        """Parses the pitches of a note or chord; ``previous`` is the previous chord, for the voicing."""
        names = text.split(".")
        if self.chords == "pitches" or (len(names) == 1 and not names[0].isdecimal()):
            try:
                return tuple(sorted({pitch_number(name) for name in names}))
            except ValueError as error:
                raise ValueError(f"{token!r} is not a token of {self}: {error}") from None
        if not all(name.isdecimal() and int(name) < 12 for name in names):
            raise ValueError(f"{token!r} is not a token of {self}: a chord is pitch classes 0 to 11, such as 0.4.7")
        return _voice(tuple(sorted({int(name) for name in names})), previous)


@functools.lru_cache(maxsize=4096)
def normal_order(pitch_classes: frozenset[int]) -> tuple[int, ...]:
    """Returns pitch classes in normal order: the rotation with the smallest span, packed to the left.

    Args:
        pitch_classes: numbers 0 to 11, 0 is C.

    Source: Allen Forte, *The Structure of Atonal Music* (1973); ties are broken by the smallest intervals from the
    left, then by the lowest first pitch class.
    """
    ordered = sorted(pitch_classes)
    rotations = [tuple(ordered[i:] + ordered[:i]) for i in range(len(ordered))]

    def spread(rotation: tuple[int, ...]) -> tuple:
        offsets = [(pitch_class - rotation[0]) % 12 for pitch_class in rotation]
        return offsets[-1:], offsets, rotation[0]

    return min(rotations, key=spread)


@functools.lru_cache(maxsize=65536)
def _voice(pitch_classes: tuple[int, ...], previous: tuple[int, ...]) -> tuple[int, ...]:
    """Voices a chord in close position with the least movement from the previous chord."""
    if len(pitch_classes) == 1:
        # A chord of one pitch class is an octave: a single note would be encoded as a note token.
        below = pitch_classes[0] + 12 * round((_VOICING_CENTER - 6 - pitch_classes[0]) / 12)
        return below, below + 12

    def settings():
        for i, lowest in enumerate(pitch_classes):
            above = [(pitch_class - lowest) % 12 for pitch_class in pitch_classes[i:] + pitch_classes[:i]]
            for octave in (36, 48, 60, 72):
                yield tuple(octave + lowest + interval for interval in above)

    def movement(setting: tuple[int, ...]) -> tuple:
        steps = sum(min(abs(pitch - other) for other in previous) for pitch in setting)
        # The weak pull to the centre keeps long progressions from drifting off the keyboard.
        return steps / len(setting) + 0.3 * abs(sum(setting) / len(setting) - _VOICING_CENTER), setting

    return min(settings(), key=movement)
