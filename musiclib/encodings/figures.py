"""Figures: what one encoding keeps of a corpus, in numbers."""

from __future__ import annotations

import collections
import dataclasses

import numpy as np

from musiclib.corpus import Corpus, split
from musiclib.encodings.base import Encoding
from musiclib.encodings.round_trip import Changes, changes

ROUND_TRIPS = 40  # pieces
MINIMUM_COUNT = 2  # of a token in training, as in ``dataset.prepare``


@dataclasses.dataclass(frozen=True)
class Figures:
    """What an encoding keeps of a corpus; all but two are shares, from 0 to 1.

    Args:
        encoding: the encoding.
        tokens_per_note: tokens for each note of the music, those of rests among them.
        vocabulary: different tokens that occur at least twice in training.
        unknown: of the held-out tokens; None where the corpus is too small to be split.
        lost: of the notes.
        off_grid: of the notes, those that begin more than 10 ms earlier or later after a round trip.
        durations: of the notes, those whose duration changes by more than a fifth.
        velocities: of the notes, those whose velocity changes by more than 4.
        parts: of the notes, those that are joined with notes of another part.
        once: of the tokens, those that occur only once.
    """

    encoding: Encoding
    tokens_per_note: float
    vocabulary: int
    unknown: float | None
    lost: float
    off_grid: float
    durations: float
    velocities: float
    parts: float
    once: float

    @property
    def expected_unknown(self) -> float:
        """The share of unknown tokens; where none are held out, its estimate by the tokens that occur once.

        Irving Good, "The Population Frequencies of Species and the Estimation of Population Parameters" (1953).
        """
        return self.once if self.unknown is None else self.unknown


def measure(encoding: Encoding, music: Corpus) -> Figures:
    """Measures what an encoding keeps of pieces that have notes, in random order."""
    total, tokens = Changes(), []
    for number, score in enumerate(music.scores):
        try:
            tokens.append(encoding.encode(score))
        except ValueError:  # too long for it
            tokens.append([])
        if number < ROUND_TRIPS:
            total += changes(score, encoding, tokens[-1])
    vocabulary, unknown = _unknown(music, tokens)
    counts = collections.Counter(token for written in tokens for token in written)
    notes = sum(len(score) for score, written in zip(music.scores, tokens, strict=True) if written)
    shares = {name: total.share(name) for name in ("lost", "durations", "velocities", "parts")}
    return Figures(
        encoding,
        counts.total() / max(notes, 1),
        vocabulary,
        unknown,
        off_grid=total.share("moved"),
        once=sum(count == 1 for count in counts.values()) / max(counts.total(), 1),
        **shares,
    )


def label(encoding: Encoding) -> str:
    """Returns an encoding as it is called, with the options that differ from the defaults."""
    options = ((field.name, getattr(encoding, field.name), field.default) for field in dataclasses.fields(encoding))
    return f"{encoding.name}({', '.join(f'{name}={value!r}' for name, value, usual in options if value != usual)})"


def percent(share: float | None) -> str:
    """Returns a share as text; an en dash for None."""
    if share is None:
        return "–"
    if 0 < share < 0.0005:
        return "<0.1 %"
    return f"{100 * share:.0f} %" if share == 0 or share >= 0.0995 else f"{100 * share:.1f} %"


def _unknown(music: Corpus, tokens: list[list[str]]) -> tuple[int, float | None]:
    """Returns the size of the vocabulary and the share of unknown tokens in held-out pieces, None without such."""
    try:
        numbered = dataclasses.replace(music, names=tuple(map(str, range(len(music)))))
        parts = split(numbered)
        train, held_out = parts.train.names, parts.validation.names + parts.test.names
    except ValueError:  # too few pieces
        train, held_out = map(str, range(len(music))), ()
    counts = collections.Counter(token for name in train for token in tokens[int(name)])
    known = {token for token, count in counts.items() if count >= MINIMUM_COUNT}
    unknown = [token not in known for name in held_out for token in tokens[int(name)]]
    return len(known), float(np.mean(unknown)) if unknown else None
