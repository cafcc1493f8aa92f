"""Chorale: four voices on a sixteenth grid, one token for each voice and step."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from musiclib.encodings.base import Encoding
from musiclib.encodings.pitches import pitch_number
from musiclib.score import DEFAULT_VELOCITY, Score, pitch_name

VOICES = ("Soprano", "Alto", "Tenor", "Bass")  # the parts of a score, from the top
ORDER = (0, 3, 1, 2)  # of the voices within a step: soprano, bass, alto, tenor
STEPS_PER_QUARTER = 4
SILENCE, HOLD = "R", "_"
_LONGEST = 100_000  # quarter lengths
_NONE = -1  # a voice that is silent at a step


@dataclasses.dataclass(frozen=True)
class Chorale(Encoding):
    """Four voices on a grid of sixteenths, four tokens a step: soprano, bass, alto, tenor.

    The outer voices come first, since they say most about the harmony that the inner ones fill. A token is the pitch
    that its voice sings at that step (``C5``), or ``R`` where it is silent.

    With ``holds``, the pitch stands where a note begins, and ``_`` wherever the voice holds it on, so that a long note
    and a repeated one are told apart. Without, a note stands at every step that it lasts, and ``decode`` joins equal
    pitches in neighbouring steps: that is the data of the JSB chorales benchmark.

    Four parts are the four voices in the order of the score: soprano, alto, tenor, bass, also where they cross or
    one has no notes. In a voice one note sounds at a time: the last to begin, and of those that begin together the
    highest. Any other number of parts is taken as one texture: at each step the highest pitch is the soprano's, the
    lowest the bass's, the second highest the alto's and the third highest the tenor's; further ones are dropped, and
    a melody alone is the soprano. Onsets and ends are kept to half a step (a note lasts at least one); dropped
    are velocities, the tempo map, and silence at the end.

    ``decode`` takes the tokens in fours (or as many voices as are written); voices that are missing in the last step
    are silent, and so is a voice that holds a note which never began.

    Args:
        holds: write ``_`` where a voice holds its note.
        voices: which voices are written at each step, in this order, by their first letters: ``"S"`` is a melody
            with one token a step, ``"BAT"`` what accompanies it with three, over as many steps as the whole score
            has. The others are silent when decoded.

    Source: Nicolas Boulanger-Lewandowski et al., "Modeling Temporal Dependencies in High-Dimensional Sequences"
    (2012), for the pieces; Cheng-Zhi Anna Huang et al., "Counterpoint by Convolution" (2017), for the four
    separate voices on a sixteenth grid.
    """

    holds: bool = False
    voices: str = "".join(VOICES[voice][0] for voice in ORDER)
    name: ClassVar[str] = "Chorale"

    def __post_init__(self) -> None:
        if not isinstance(self.holds, bool):
            raise ValueError(f"Chorale: holds must be True or False, got {self.holds!r}")
        letters = [voice[0] for voice in VOICES]
        if not self.voices or len(set(self.voices)) < len(self.voices) or not set(self.voices) <= set(letters):
            raise ValueError(f"Chorale: voices must name each voice by a letter of 'SATB', once, got {self.voices!r}")

    @property
    def order(self) -> tuple[int, ...]:
        """The parts of a score that are written, in the order of a step."""
        return tuple([voice[0] for voice in VOICES].index(letter) for letter in self.voices)

    @property
    def alphabet(self) -> tuple[str, ...]:
        """Every token: silence, the hold where there is one, and MIDI's 128 pitches from low to high."""
        return (SILENCE, *([HOLD] if self.holds else []), *(pitch_name(pitch) for pitch in range(128)))

    def encode(self, score: Score) -> list[str]:
        notes, pitch = self._sounding(score), score.pitch.tolist()
        tokens, before = [], (_NONE,) * len(self.order)
        for step in notes[:, self.order].tolist():
            for note, last in zip(step, before, strict=True):
                if note == _NONE:
                    tokens.append(SILENCE)
                else:
                    tokens.append(HOLD if self.holds and note == last else pitch_name(pitch[note]))
            before = step
        return tokens

    def decode(self, tokens: Sequence[str]) -> Score:
        rows: list[list] = []
        singing: list[list | None] = [None] * len(VOICES)  # the note of each voice at the step before
        order = self.order
        for i, token in enumerate(tokens):
            step, place = divmod(i, len(order))
            voice = order[place]
            note, pitch = singing[voice], self._pitch(token)
            held = note is not None and (token == HOLD or (pitch == note[2] and not self.holds))
            if held:
                note[1] += 1 / STEPS_PER_QUARTER
            elif pitch is None:
                singing[voice] = None
            else:
                singing[voice] = [step / STEPS_PER_QUARTER, 1 / STEPS_PER_QUARTER, pitch, voice]
                rows.append(singing[voice])
        notes = [(onset, duration, pitch, DEFAULT_VELOCITY, voice) for onset, duration, pitch, voice in rows]
        return Score.from_notes(notes, part_names=VOICES, programs=(0,) * len(VOICES))

    def _pitch(self, token: str) -> int | None:
        """Reads a token; None where it names no pitch."""
        if token == SILENCE or (token == HOLD and self.holds):
            return None
        try:
            return pitch_number(token)
        except ValueError:
            also = " or _" if self.holds else ""
            raise ValueError(f"{token!r} is no token of {self}; one reads like C5 or {SILENCE}{also}") from None

    def _sounding(self, score: Score) -> np.ndarray:
        """Returns which note each voice sings at each step, (steps, 4) int64; -1 where it is silent."""
        with np.errstate(over="ignore"):  # a damaged file may hold times near the largest number there is
            end = score.end
        if end > _LONGEST:
            raise ValueError(
                f"Chorale: this music lasts {end:g} quarter lengths, more than {_LONGEST:,}; encode parts of it,"
                " cut with score.slice"
            )
        starts = np.round(score.onset * STEPS_PER_QUARTER).astype(np.int64)
        ends = np.round((score.onset + score.duration) * STEPS_PER_QUARTER).astype(np.int64)
        ends = np.maximum(ends, starts + 1)
        grid = np.full((int(ends.max()) if len(score) else 0, len(VOICES)), _NONE)
        if len(score.part_names) == len(VOICES):
            for note in np.lexsort((score.pitch, starts)).tolist():  # what begins later takes the place of the former
                grid[starts[note] : ends[note], score.part[note]] = note
            return grid
        sung: list[dict[int, int]] = [{} for _ in range(len(grid))]  # pitch to note at each step
        for note in np.argsort(starts, kind="stable").tolist():
            for step in sung[starts[note] : ends[note]]:
                step[int(score.pitch[note])] = note
        for step, notes in zip(grid, sung, strict=True):
            ordered = [notes[pitch] for pitch in sorted(notes, reverse=True)]
            bass = [ordered.pop()] if len(ordered) > 1 else []
            inner = ordered[: len(VOICES) - 1]
            step[: len(inner)] = inner
            step[len(VOICES) - 1 : len(VOICES) - 1 + len(bass)] = bass
        return grid
