"""What every encoding has."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

from musiclib.score import Score


class Encoding:
    """What every encoding has; a subclass is a frozen dataclass of JSON values."""

    name: ClassVar[str]

    def encode(self, score: Score) -> list[str]:
        """Turns a score into tokens; an empty score into none."""
        raise NotImplementedError

    def decode(self, tokens: Sequence[str]) -> Score:
        """Turns tokens into a score; raises ValueError at a token that is not of this alphabet."""
        raise NotImplementedError

    def to_config(self) -> dict:
        """Returns the encoding's name and options, ready for JSON."""
        return {"name": self.name, **dataclasses.asdict(self)}
