"""Measures of style transfer: how many pieces a judge takes for the target, and how much of their content is kept.

A transfer that changes nothing keeps everything and convinces nobody; a random piece of the target style convinces and
keeps nothing. A transfer is worth something where it lies above the line between these two.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from musiclib.corpus import Corpus
from musiclib.evaluation.content import NAMES, kept
from musiclib.score import Score
from musiclib.style import tokens
from musiclib.style.judge import Judge
from musiclib.style.transfer import decoded, latents, transfer

_SWAPPED = {"major": {4: 3, 9: 8, 11: 10}, "minor": {3: 4, 8: 9, 10: 11}}  # degrees above the tonic, in semitones


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of pieces, from 0 to 1.

    Args:
        name: what was done with them.
        taken: share that the judge takes for the target style.
        contour: kept of the contour.
        rhythm: kept of the onsets.
        chroma: kept of the pitch classes.
        content: the mean of the three.
    """

    name: str
    taken: float
    contour: float
    rhythm: float
    chroma: float
    content: float

    def above(self, one: Outcome, other: Outcome) -> float:
        """Returns by how much the content lies above the line between two outcomes, at this share.

        It is nan where the judge takes as many pieces in both outcomes: such a judge tells nothing.
        """
        if other.taken == one.taken:
            return float("nan")
        along = (self.taken - one.taken) / (other.taken - one.taken)
        return self.content - (one.content + along * (other.content - one.content))


def targets(pieces: Corpus, seed: int = 0) -> list[str]:
    """Returns for each piece of a labelled corpus another style, at random."""
    rng, known = np.random.default_rng(seed), sorted(set(pieces.labels))
    return [str(rng.choice([style for style in known if style != label])) for label in pieces.labels]


def outcome(name: str, judge: Judge, pieces: Corpus, versions: Sequence[Score], to: Sequence[str]) -> Outcome:
    """Measures versions of pieces.

    Args:
        name: what was done with the pieces.
        judge: it has seen neither these pieces nor those that the network was trained on.
        pieces: the pieces as they were.
        versions: what became of each.
        to: the target style of each.
    """
    taken = np.mean([guess == wanted for guess, wanted in zip(judge.predict(versions), to, strict=True)])
    values = [kept(before, after) for before, after in zip(pieces.scores, versions, strict=True)]
    means = {key: float(np.mean([value[key] for value in values])) for key in (*NAMES, "content")}
    return Outcome(name, float(taken), **means)


def curve(
    run, judge: Judge, pieces: Corpus, to: Sequence[str], strengths: Sequence[float] = (0.25, 0.5, 0.75, 1.0), seed=0
) -> list[Outcome]:
    """Transfers pieces at several strengths."""

    def versions(strength: float) -> list[Score]:
        return [transfer(run, score, style, strength, seed) for score, style in zip(pieces.scores, to, strict=True)]

    return [outcome(f"strength {s:g}", judge, pieces, versions(s), to) for s in strengths]


def swapped(run, pieces: Corpus, to: Sequence[str]) -> list[Score]:
    """Returns pieces with the style tokens of another style and the same content, as they are decoded."""
    found = []
    for score, style in zip(pieces.scores, to, strict=True):
        found.append(decoded(run, score, tokens.with_scores(run, latents(run, score), tokens.scores(run, style))))
    return found


def moved(run, pieces: Corpus, to: Sequence[str]) -> list[Score]:
    """Returns pieces moved by the style vector from their own style to another, as they are decoded."""
    return [
        decoded(run, score, latents(run, score) + tokens.vector(run, style) - tokens.vector(run, own))
        for score, style, own in zip(pieces.scores, to, pieces.labels, strict=True)
    ]


def corners(judge: Judge, pieces: Corpus, to: Sequence[str], seed: int = 0) -> list[Outcome]:
    """Returns what trivial transfers reach: identity, a random piece of the target, a transposition, a swapped mode."""
    rng = np.random.default_rng(seed)

    def another(_: Score, style: str) -> Score:
        return pieces.scores[rng.choice(np.flatnonzero(np.array(pieces.labels) == style))]

    def transposed(score: Score, _: str) -> Score:
        steps = [s for s in (*range(-5, 0), *range(1, 7)) if score.can_transpose(s)]
        return score.transpose(int(rng.choice(steps)))

    trivial: dict[str, Callable[[Score, str], Score]] = {
        "identity": lambda score, _: score,
        "random piece of the target": another,
        "transposition": transposed,
        "mode swapped": lambda score, _: swapped_mode(score),
    }
    found = {name: [f(score, s) for score, s in zip(pieces.scores, to, strict=True)] for name, f in trivial.items()}
    return [outcome(name, judge, pieces, versions, to) for name, versions in found.items()]


def swapped_mode(score: Score) -> Score:
    """Returns a piece in minor instead of major, or the reverse; its last lowest note is taken for the tonic."""
    score = score.pitched()
    last = score.onset == score.onset.max()
    degree = (score.pitch - score.pitch[last].min()) % 12
    mode = "major" if np.sum(degree == 4) >= np.sum(degree == 3) else "minor"
    moved = sum(np.where(degree == old, new - old, 0) for old, new in _SWAPPED[mode].items())
    return score.replace(pitch=np.clip(score.pitch + moved, 0, 127))
