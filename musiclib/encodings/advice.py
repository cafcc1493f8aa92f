"""Advice: which encoding suits a corpus, by what each keeps of its music."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Sequence

import numpy as np

from musiclib.corpus import Corpus
from musiclib.encodings.base import Encoding
from musiclib.encodings.candidates import candidates
from musiclib.encodings.figures import Figures, label, measure, percent
from musiclib.encodings.recommending import MOST_LOST, best_of, reason_for
from musiclib.score import Score
from musiclib.score.quantizing import is_free

LONGEST_PIECE = 2000  # notes; a longer piece is cut
MOST_NOTES = 120_000  # in the pieces whose tokens are counted

_COLUMNS = ("encoding", "tokens a note", "vocabulary", "unknown", "notes lost", "off the grid", "what else changes")


@dataclasses.dataclass(frozen=True, repr=False)
class Advice:
    """What each encoding keeps of a corpus, and which one to take.

    Args:
        rows: the figures of each encoding.
        recommended: the encoding to take.
        reason: why, in plain sentences with the figures that decide.
        pieces: how many pieces were measured.
    """

    rows: tuple[Figures, ...]
    recommended: Encoding
    reason: str
    pieces: int

    def __repr__(self) -> str:
        cells = [_COLUMNS, *(_cells(row) for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in cells]
        return "\n".join(
            [*(line.rstrip() for line in lines), "", f"Recommended: {label(self.recommended)}. {self._why}"]
        )

    @property
    def _why(self) -> str:
        return f"{self.reason} Measured on {self.pieces:,} piece{'s' if self.pieces > 1 else ''}."

    def to_markdown(self) -> str:
        """Returns the table and the recommendation as Markdown."""
        lines = [_COLUMNS, ("---",) * len(_COLUMNS), *(_cells(row, code="`") for row in self.rows)]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return f"{table}\n\n**Recommended: `{label(self.recommended)}`.** {self._why}\n"

    def _repr_markdown_(self) -> str:
        return self.to_markdown()


def advise(
    corpus: Corpus | Score | Sequence[Score], encodings: Sequence[Encoding] | None = None, seed: int = 0
) -> Advice:
    """Measures what encodings keep of some music, and recommends one.

    For each encoding: the tokens per note; the size of the vocabulary of the training pieces (tokens that occur twice)
    and the share of ``<unknown>`` in the held-out ones, as ``corpus.split`` and ``dataset.prepare`` make them; and what
    encoding and decoding changes: notes that are lost, onsets off the grid (moved by more than 10 ms), durations,
    velocities, parts.

    The recommendation is the encoding with the fewest tokens of those that lose at most 2 % of the notes, leave at most
    2 % of the tokens unknown and move at most 5 % of the onsets; those that keep the parts come first. An encoding in
    seconds is recommended where the music was played without regard to its tempo map, and elsewhere one in quarter
    lengths.

    Large corpora are sampled: pieces of 120,000 notes for the tokens, 40 of them for the round trip.

    Args:
        corpus: the music; a Score or a list of them, too.
        encodings: to compare these; None compares those of the package that suit the music.
        seed: random seed of the sample.

    Raises:
        ValueError: if there are no notes, or no encoding of tokens.
    """
    music = _sample(_checked(corpus), seed)
    right = encodings is None or (
        isinstance(encodings, (list, tuple))
        and encodings
        and all(isinstance(each, Encoding) and each.bands is None for each in encodings)
    )
    if not right:
        raise ValueError(
            f"advise compares a list of encodings that write tokens, such as [encodings.NoteChord()], got {encodings}"
        )
    sizes = np.array([len(score) for score in music.scores])
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # what an encoding warns of is in its figures
        rows = tuple(measure(encoding, music) for encoding in encodings or candidates(music.scores))
        free = sizes @ np.array([is_free(score.onset) for score in music.scores]) / sizes.sum()
    best = best_of(rows, free > 0.5)
    return Advice(rows, best.encoding, reason_for(best, rows, float(free)), len(music))


def _checked(corpus: Corpus | Score | Sequence[Score]) -> Corpus:
    scores = [corpus] if isinstance(corpus, Score) else corpus
    if isinstance(scores, (list, tuple)) and all(isinstance(score, Score) for score in scores):
        corpus = Corpus(tuple(map(str, range(len(scores)))), tuple(scores))
    if not isinstance(corpus, Corpus):
        raise ValueError(
            f"advise takes a corpus, a Score or a list of them, got {type(corpus).__name__}; load one with corpus.load"
        )
    # Percussion is in no encoding of pitches; dataset.prepare says how much of it is left out.
    corpus = dataclasses.replace(corpus, scores=tuple(score.pitched() for score in corpus.scores))
    if not any(len(score) for score in corpus.scores):
        raise ValueError(f"advise needs music, and none of these {len(corpus)} pieces has a pitched note; give others")
    return corpus


def _sample(corpus: Corpus, seed: int) -> Corpus:
    """Returns pieces with notes, in random order, long ones cut; as many as have 120,000 notes."""
    order = [i for i in np.random.default_rng(seed).permutation(len(corpus)).tolist() if len(corpus.scores[i])]
    sizes = np.cumsum([min(len(corpus.scores[i]), LONGEST_PIECE) for i in order])
    music = corpus.take(order[: 1 + int(np.searchsorted(sizes, MOST_NOTES))])
    return dataclasses.replace(music, scores=tuple(map(_cut, music.scores)))


def _cut(score: Score) -> Score:
    stop = score.onset[LONGEST_PIECE] if len(score) > LONGEST_PIECE else 0
    return score.slice(0, stop) if stop > score.onset[0] else score


def _cells(row: Figures, code: str = "") -> tuple[str, ...]:
    """Returns the line of an encoding in the table."""
    others = ", ".join(
        f"{name} {percent(getattr(row, name))}"
        for name in ("durations", "velocities", "parts")
        if getattr(row, name) > MOST_LOST
    )
    return (
        f"{code}{label(row.encoding)}{code}",
        f"{row.tokens_per_note:.2f}",
        f"{row.vocabulary:,}",
        percent(row.unknown),
        percent(row.lost),
        percent(row.off_grid),
        others or "nothing",
    )
