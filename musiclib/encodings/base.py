"""Encoding: the base class of all encodings."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import ClassVar, NamedTuple

from musiclib.score import Score


class Reading(NamedTuple):
    """What a token says about pitch and time, times in quarter lengths.

    Attributes:
        pitches: the pitches or pitch classes that it begins or holds; empty for silence, None if it names none.
        moves: the time from this token to the next; None if the encoding does not say.
        lasts: the duration that it gives to a note of another token, 0 to end one; None if it gives none.
        fills: the length of the phrase that it begins; None if it begins none.
    """

    pitches: tuple[int, ...] | None = None
    moves: Fraction | None = Fraction(0)
    lasts: Fraction | None = None
    fills: Fraction | None = None


def check_encoding(encoding: object, function: str) -> None:
    """Raises ValueError, with what to give instead, where ``encoding`` is not an encoding with its options.

    Args:
        encoding: what was given.
        function: the name of the function that takes an encoding, for the message.
    """
    if isinstance(encoding, Encoding):
        return
    if isinstance(encoding, type) and issubclass(encoding, Encoding):
        name = encoding.__name__
        raise ValueError(
            f"{function} takes an encoding, and this is the class {name}: write {name}(), with its options"
        )
    remedy = (
        f"encodings.{encoding}()" if isinstance(encoding, str) and encoding.isidentifier() else "encodings.NoteChord()"
    )
    raise ValueError(f"{function} takes an encoding, and this is {encoding!r}: write one such as {remedy}")


class Encoding:
    """Base class of all encodings; a subclass is a frozen dataclass whose options are JSON values.

    ``encode`` and ``examples`` of a subclass are given the pitched parts of a score alone, so that drums are not taken
    for pitches, unless its ``percussion`` is True.
    """

    name: ClassVar[str]
    percussion: ClassVar[bool] = False  # whether it represents percussion parts
    bands: ClassVar[int | None] = None  # values of a frame, of an array encoding
    pause: ClassVar[tuple[str, ...]] = ()  # by which time passes, where a note is heard only after its token

    @property
    def keeps(self) -> frozenset[str]:
        """What the tokens say beside notes, of ``score.inheritance.KINDS``; a generated piece inherits the others."""
        return frozenset()

    def __init_subclass__(cls, **kwargs) -> None:
        super().__init_subclass__(**kwargs)
        for name in ("encode", "examples") if not cls.percussion else ():
            if name in cls.__dict__:
                setattr(cls, name, _of_pitched_parts(cls.__dict__[name]))

    @property
    def in_seconds(self) -> bool:
        """Whether the tokens keep the tempo by times in seconds, without beats."""
        return "tempo" in self.keeps

    def encode(self, score: Score) -> list[str]:
        """Returns the tokens of a score; an empty score has none."""
        raise NotImplementedError

    def decode(self, tokens: Sequence[str]) -> Score:
        """Decodes any sequence of tokens of this alphabet; raises ValueError at any other token."""
        raise NotImplementedError

    def examples(self, score: Score) -> list[list[str]]:
        """Returns the training examples of a score: here the whole piece, in other encodings its phrases."""
        return [self.encode(score)]

    def knows(self, token: str) -> bool:
        """Returns whether a token belongs to this alphabet."""
        try:
            self.decode([token])
        except ValueError:
            return False
        return True

    def reading(self, token: str) -> Reading:
        """Returns what a token of this alphabet says about pitch and time; here the pitches that it decodes to."""
        return Reading(tuple(self.decode([token]).pitch.tolist()), None)

    def to_config(self) -> dict:
        """Returns the encoding's name and options as JSON values."""
        return {"name": self.name, **dataclasses.asdict(self)}


def _of_pitched_parts(method: Callable) -> Callable:
    """Returns a method of an encoding that is given a score without its percussion parts."""

    @functools.wraps(method)
    def without_percussion(self, score, *args, **kwargs):
        return method(self, score.pitched() if isinstance(score, Score) else score, *args, **kwargs)

    return without_percussion
