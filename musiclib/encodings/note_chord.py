"""NoteChord: one token an onset, a note or a chord."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Sequence
from fractions import Fraction
from typing import ClassVar

import numpy as np

from musiclib.encodings.base import Encoding
from musiclib.score import Score, pitch_name, pitch_number

_LENGTH = re.compile(r"0*[1-9]\d{0,6}(/0*[1-9]\d{0,3})?", re.ASCII)  # quarter lengths, 1 or 1/2; none is 0
_LONGEST_TOKEN = 9_999_999  # steps of the grid: what _LENGTH reads whatever the grid
_LONGEST_SCORE = 10_000_000_000  # steps of the grid: years of music, and a thousand tokens of the longest rest
_VOICING_CENTER = 64  # E4: chords known by pitch class alone are set around the middle of the keyboard


@dataclasses.dataclass(frozen=True)
class NoteChord(Encoding):
    """One token an onset: a single note is its pitch name, several are a chord.

    With ``durations`` a token ends in its length in quarter lengths (``C5:1``,
    ``0.4.7:1/2``) and silence is a rest (``R:1/2``). A token lasts as long as the longest
    note that begins with it, but never beyond the next onset: a note held under later
    ones ends where they begin. Decoding therefore keeps every onset and rest to the grid,
    every pitch (or pitch class), and every length up to the next onset; it drops
    velocities, parts and tempo, and one of two equal pitches that begin together.

    Args:
        chords: ``"normal_order"`` writes a chord as its pitch classes (``0.4.7``; an octave
            is a chord of one, ``0``), the form of the LSTM tutorials; ``"pitches"`` keeps
            octaves (``C4.E4.G4``).
        durations: write rests and lengths; without them, every token lasts ``step``.
        steps_per_quarter: the grid for onsets and lengths, up to 9999; 12 holds sixteenths and triplets.
        step: length of a token in quarter lengths where ``durations`` is off.
        sustain: when decoding, let a chord ring on under the single notes that follow, until
            the next chord or rest, as a pianist's pedal would. Tokens do not say which notes
            were held; this is nearer to music in several voices, and changes no token.

    Decoding a chord in normal order needs octaves that the token does not hold: each is
    set in close position, with the least movement from the chord before it.

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
        # Without durations, a step below the grid would let two tokens fall on one place of it.
        least = Fraction(0 if self.durations else 1, self.steps_per_quarter)
        if not least <= self.step <= 1000 or self.step <= 0:
            raise ValueError(
                f"NoteChord: step must be above 0, at least the grid's {least} and at most 1000, got {self.step}"
            )

    def encode(self, score: Score) -> list[str]:
        with np.errstate(over="ignore"):  # of a time beyond all numbers, which is refused here
            end = score.end
        if not end < _LONGEST_SCORE / self.steps_per_quarter:
            raise ValueError(
                f"this score lasts {end:.3g} quarter lengths, too many for {self}; take a part of it with score.slice"
            )
        onsets = np.round(score.onset * self.steps_per_quarter).astype(np.int64)
        lengths = np.clip(np.round(score.duration * self.steps_per_quarter).astype(np.int64), 1, _LONGEST_TOKEN)
        # Rounding may swap two onsets that stood close together.
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
        ringing: list[list] = []  # the notes of the last chord that may still sound
        for token in tokens:
            text, length = self._split(token)
            pitches = () if text == "R" and self.durations else self._pitches(token, text, chord)
            if len(pitches) == 1 and self.sustain:
                ringing = [note for note in ringing if note[2] != pitches[0]]  # struck again, not held
                for note in ringing:
                    note[1] += float(length)
            new = [[float(now), float(length), pitch] for pitch in pitches]
            if len(pitches) != 1:
                ringing = new
                chord = pitches or chord
            notes.extend(new)
            now += length
        return Score.from_notes(notes, part_names=("Piano",), programs=(0,))

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
            raise ValueError(f"{token!r} is not a token of {self}; one reads like C5:1 or R:1/2, its length above 0")
        return text, Fraction(length)

    def _pitches(self, token: str, text: str, previous: tuple[int, ...]) -> tuple[int, ...]:
        """Reads the pitches of a note or chord; ``previous`` is the chord to lead on from."""
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
    """Returns pitch classes in normal order: the rotation that spans least, packed to the left.

    Args:
        pitch_classes: numbers 0 to 11, 0 is C.

    Source: Allen Forte, *The Structure of Atonal Music* (1973); ties go to the rotation
    whose inner intervals are smallest from the left, then to the lowest first note.
    """
    ordered = sorted(pitch_classes)
    rotations = [tuple(ordered[i:] + ordered[:i]) for i in range(len(ordered))]

    def spread(rotation: tuple[int, ...]) -> tuple:
        offsets = [(pitch_class - rotation[0]) % 12 for pitch_class in rotation]
        return offsets[-1:], offsets, rotation[0]

    return min(rotations, key=spread)


@functools.lru_cache(maxsize=65536)
def _voice(pitch_classes: tuple[int, ...], previous: tuple[int, ...]) -> tuple[int, ...]:
    """Sets a chord in close position so that its notes move least from the chord before."""
    if len(pitch_classes) == 1:
        # A chord of one pitch class was an octave: decoded as one note it would become a note token.
        below = pitch_classes[0] + 12 * round((_VOICING_CENTER - 6 - pitch_classes[0]) / 12)
        return below, below + 12

    def settings():
        for i, lowest in enumerate(pitch_classes):
            above = [(pitch_class - lowest) % 12 for pitch_class in pitch_classes[i:] + pitch_classes[:i]]
            for octave in (36, 48, 60, 72):
                yield tuple(octave + lowest + interval for interval in above)

    def movement(setting: tuple[int, ...]) -> tuple:
        steps = sum(min(abs(pitch - other) for other in previous) for pitch in setting)
        # A mild pull to the centre: without it, progressions wander off the keyboard over time.
        return steps / len(setting) + 0.3 * abs(sum(setting) / len(setting) - _VOICING_CENTER), setting

    return min(settings(), key=movement)
