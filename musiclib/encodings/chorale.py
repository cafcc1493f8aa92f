"""Chorale: four voices on a sixteenth-note grid, one token per voice and step."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from fractions import Fraction
from typing import ClassVar

import numpy as np

from musiclib.encodings.base import Encoding, Reading
from musiclib.score import Score, pitch_name, pitch_number
from musiclib.score.checking import check_score
from musiclib.score.voices import SILENT, STEPS_PER_QUARTER, VOICES, from_grid, notes_at_steps

ORDER = (0, 3, 1, 2)  # of the voices within a step: soprano, bass, alto, tenor
REST, HOLD = "R", "_"


@dataclasses.dataclass(frozen=True)
class Chorale(Encoding):
    """Four voices on a sixteenth-note grid, four tokens per step: soprano, bass, alto, tenor.

    The outer voices come first, since they determine most of the harmony. A token is the pitch of its voice at that
    step (``C5``), or ``R`` for a rest.

    With ``holds``, the pitch is written at its onset and ``_`` at every step that it is held, so that long and
    repeated notes differ. Without, the pitch is written at every step, and ``decode`` joins equal pitches in
    consecutive steps, as in the data of the JSB chorales benchmark.

    ``score.voices.notes_at_steps`` assigns the notes to voices. Onsets and ends are quantized to the grid (a note lasts
    at least one step); velocities, the tempo map and silence at the end are lost.

    ``decode`` reads one step per four tokens (or per number of ``voices``). Missing voices of an incomplete last step
    are silent, and so is a hold without a note.

    Args:
        holds: write ``_`` where a voice holds its note.
        voices: the voices written at each step, in this order, by their first letters: ``"S"`` is the melody with one
            token per step, ``"BAT"`` its accompaniment with three, over the steps of the whole score. Of several
            voices, those that are not written are silent when decoded; a single one is decoded as one part.

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
    def keeps(self) -> frozenset[str]:
        return frozenset(["parts"])

    @property
    def order(self) -> tuple[int, ...]:
        """Part indices of the written voices, in their order within a step."""
        return tuple([voice[0] for voice in VOICES].index(letter) for letter in self.voices)

    @property
    def alphabet(self) -> tuple[str, ...]:
        """All tokens: the rest, the hold (if used), and MIDI's 128 pitches from low to high."""
        return (REST, *([HOLD] if self.holds else []), *(pitch_name(pitch) for pitch in range(128)))

    def encode(self, score: Score) -> list[str]:
        check_score(score, "Chorale.encode")
        return self.write(notes_at_steps(score), score.pitch)

    def write(self, notes: np.ndarray, pitch: np.ndarray) -> list[str]:
        """Returns the tokens of a grid, which begins as if silence came before it.

        Args:
            notes: (steps, 4) indices of notes, from ``score.voices.notes_at_steps``.
            pitch: (n,) the pitch of each note.
        """
        tokens, before, pitch = [], (SILENT,) * len(self.order), pitch.tolist()
        for step in notes[:, self.order].tolist():
            for note, last in zip(step, before, strict=True):
                if note == SILENT:
                    tokens.append(REST)
                else:
                    tokens.append(HOLD if self.holds and note == last else pitch_name(pitch[note]))
            before = step
        return tokens

    def decode(self, tokens: Sequence[str]) -> Score:
        order = self.order
        steps = -(-len(tokens) // len(order))
        pitches, onsets = np.full((steps, len(VOICES)), SILENT), np.zeros((steps, len(VOICES)), dtype=bool)
        last = [SILENT] * len(VOICES)  # pitch of each voice at the previous step
        for i, token in enumerate(tokens):
            step, place = divmod(i, len(order))
            voice = order[place]
            if token != HOLD or not self.holds:
                last[voice] = self._pitch(token)
                onsets[step, voice] = self.holds and token != REST
            pitches[step, voice] = last[voice]
        score = from_grid(pitches, onsets)
        return score.select(VOICES[order[0]]) if len(order) == 1 else score

    def knows(self, token: str) -> bool:
        return token in self.alphabet

    def reading(self, token: str) -> Reading:
        moves = Fraction(1, STEPS_PER_QUARTER * len(self.voices))
        if token == HOLD and self.holds:
            return Reading(None, moves)
        return Reading(() if token == REST else (self._pitch(token),), moves)

    def _pitch(self, token: str) -> int:
        """Returns the MIDI pitch of a token; -1 for a rest."""
        if token == REST:
            return SILENT
        try:
            return pitch_number(token)
        except ValueError:
            also = " or _" if self.holds else ""
            raise ValueError(f"{token!r} is not a token of {self}; tokens look like C5 or {REST}{also}") from None
