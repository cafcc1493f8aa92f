"""Simulated listeners: what they like is known, so that recommendations and new music can be judged.

A listener likes or dislikes each of a few attributes of music. The recommenders see only what was played, the networks
only the notes; the attributes and the likes stay with the judge.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from musiclib.corpus import Corpus
from musiclib.evaluation import statistics
from musiclib.recommend.ratings import Ratings
from musiclib.score import Score, meter


def _register(score: Score) -> float:
    return float(np.mean(score.pitched().pitch))


def _compound(score: Score) -> float:
    """Returns whether a bar's beats are groups of three, as in a jig."""
    signatures = score.time_signatures[1 if meter.upbeat(score.time_signatures) else 0 :]
    return float(bool(signatures) and signatures[0][1] in (6, 9, 12))


def _steps(score: Score) -> float:
    """Returns the share of melodic intervals of at most a whole tone."""
    return float(np.mean(np.abs(np.diff(score.pitched().pitch)) <= 2))


ATTRIBUTES: dict[str, Callable[[Score], float]] = {
    "note density": statistics.note_density,
    "duration variety": statistics.duration_variety,
    "pitch range": statistics.pitch_range,
    "register": _register,
    "stepwise motion": _steps,
    "groove": statistics.groove_consistency,
    "compound metre": _compound,
}


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Listeners:
    """Listeners with known likes.

    A listener's utility of a piece is the sum over the attributes of the like, times tanh of the attribute in standard
    deviations from the catalogue's mean: more is better or worse, up to a limit.

    Args:
        names: of the listeners.
        likes: (listeners, attributes) float64, each listener's of length 1.
        mean: (attributes,), of the catalogue.
        deviation: (attributes,), of the catalogue.
    """

    names: tuple[str, ...]
    likes: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def draw(cls, catalogue: Corpus, count: int, seed: int = 0) -> Listeners:
        """Draws listeners for a catalogue."""
        values = _attributes(catalogue.scores)
        likes = np.random.default_rng(seed).standard_normal((count, len(ATTRIBUTES)))
        likes /= np.linalg.norm(likes, axis=1, keepdims=True)
        names = tuple(f"listener {i + 1}" for i in range(count))
        return cls(names, likes, values.mean(axis=0), np.maximum(values.std(axis=0), 1e-9))

    def utility(self, scores: Sequence[Score]) -> np.ndarray:
        """Returns how much each listener likes each score, (listeners, scores)."""
        return self.likes @ np.tanh((_attributes(scores) - self.mean) / self.deviation).T

    def play(self, catalogue: Corpus, plays: float = 40, taste: float = 2.5, seed: int = 0) -> Ratings:
        """Simulates how often each listener plays each piece: Poisson counts.

        Their expectation is proportional to the popularity of the piece, whatever it sounds like, times exp(taste
        utility + noise).

        Args:
            catalogue: the pieces.
            plays: expected number of each listener.
            taste: how strongly the utility decides; 0 leaves popularity and chance.
            seed: of popularity, noise and counts.
        """
        rng = np.random.default_rng(seed)
        popularity = rng.normal(0, 1, len(catalogue))
        noise = rng.normal(0, 0.5, (len(self.names), len(catalogue)))
        rate = np.exp(popularity + taste * self.utility(catalogue.scores) + noise)
        counts = rng.poisson(plays * rate / rate.sum(axis=1, keepdims=True))
        user, piece = np.nonzero(counts)
        return Ratings(self.names, catalogue.names, user, piece, counts[user, piece], plays=True)


def _attributes(scores: Sequence[Score]) -> np.ndarray:
    """Returns (scores, attributes) float64."""
    return np.array([[function(score) for function in ATTRIBUTES.values()] for score in scores])
