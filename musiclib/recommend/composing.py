"""Composing for a listener: many candidates near the point of the best taste, the best of them first."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from musiclib.dataset import Pieces
from musiclib.dataset.pieces import from_start_to_end
from musiclib.evaluation import NGram
from musiclib.recommend import tune
from musiclib.recommend.taste import Taste, phrases, vectors
from musiclib.sampling import latent
from musiclib.sampling.marking import marking
from musiclib.score import Score

_ORDER = 5  # of the n-gram
_DRAWN = 3  # phrases that are drawn for each one that is kept


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A new piece.

    Args:
        score: the music.
        taste: how well it suits the listener, predicted from its notes, in standard deviations of the catalogue.
        nats: cross-entropy under an n-gram of the catalogue, in nats per token; low where it moves as tunes do.
    """

    score: Score
    taste: float
    nats: float


class Composer:
    """Makes pieces for listeners.

    Args:
        taste: fitted on a catalogue.
        likelihood: weight of a nat per token in the order of the candidates, beside 1 for the predicted taste.
    """

    def __init__(self, taste: Taste, likelihood: float = 1.0) -> None:
        self.taste, self.likelihood, self.run = taste, likelihood, taste.run
        parts = [phrases(self.run, score) for score in taste.catalogue.scores]
        self._phrases = dict(zip(taste.catalogue.names, parts, strict=True))
        self._ngram = NGram(self._ids(p for part in parts for p in part), len(self.run.vocabulary), _ORDER)
        deviations = [latent.encode(self.run, part) for part in parts]
        self._within = np.cov(np.concatenate([z - z.mean(axis=0) for z in deviations]).T)

    def compose(
        self, listener: str | Mapping[str, float], radius: float = 2.0, candidates: int = 24, seed: int = 0
    ) -> list[Candidate]:
        """Composes new pieces: phrases around the point of the best taste, in the form of a tune.

        The phrases of a piece differ from its mean as those of the catalogue do; more are drawn than are kept.

        Args:
            listener: a name of the ratings, or the ratings of somebody else, piece by piece.
            radius: how far from the catalogue's mean, in standard deviations; 0 is music for nobody.
            candidates: number of pieces.
            seed: makes them repeatable.

        Returns:
            The pieces, the best first.
        """
        rng, drawn = np.random.default_rng(seed), _DRAWN * (max(tune.FORM) + 1)
        spread = rng.multivariate_normal(np.zeros(len(self._within)), self._within, (candidates, drawn))
        z = self.taste.maximum(listener, radius) + spread
        metres = np.repeat(self._metres(z.mean(axis=1)), drawn)
        decoded = self._decoded(z.reshape(candidates * drawn, -1), metres)
        groups = [self._likeliest(decoded[i : i + drawn]) for i in range(0, len(decoded), drawn)]
        return self._ranked(listener, [tune.assemble(group) for group in groups if len(group) > max(tune.FORM)])

    def vary(
        self,
        listener: str | Mapping[str, float],
        piece: str,
        shift: float = 1.0,
        noise: float = 0.3,
        candidates: int = 24,
        seed: int = 0,
    ) -> list[Candidate]:
        """Varies the first eight phrases of a piece of the catalogue: they move together towards the listener's taste.

        Phrases that were equal stay equal, so that the form remains. Phrases in another metre than the first are left
        out.

        Args:
            listener: as for ``compose``.
            piece: its name, such as one that was recommended.
            shift: how far towards the taste, in standard deviations of the catalogue.
            noise: standard deviation of a random step that all phrases share, in that of the phrases.
            candidates: number of pieces.
            seed: makes them repeatable.

        Returns:
            The pieces, the best first.

        Raises:
            ValueError: where the piece is not in the catalogue.
        """
        if piece not in self._phrases:
            raise ValueError(f"no piece {piece!r} in the catalogue of {len(self._phrases)}; take a name of it")
        metre = self._phrases[piece][0].time_signatures
        parts = [part for part in self._phrases[piece] if part.time_signatures == metre][: len(tune.FORM)]
        z = latent.encode(self.run, parts)
        metres = [self.run.vocabulary.to_ids(self.run.encoding.encode(p)[:1])[0] for p in parts]
        step = self.taste.maximum(listener, shift) - self.taste.mean
        steps = step + noise * np.random.default_rng(seed).multivariate_normal(0 * step, self._within, candidates)
        moved = (z[None] + steps[:, None]).reshape(candidates * len(z), -1)
        decoded = self._decoded(moved, np.tile(metres, candidates))
        groups = [decoded[i : i + len(z)] for i in range(0, len(decoded), len(z))]
        return self._ranked(listener, [tune.assemble(g, range(len(g))) for g in groups if all(map(len, g))])

    def _likeliest(self, drawn: Sequence[Score]) -> list[Score]:
        """Returns the phrases that the n-gram expects most, without those that have a bar without an onset."""
        full = [phrase for phrase in drawn if phrases(self.run, phrase)]
        return sorted(full, key=lambda phrase: self._ngram.nats_per_token(self._ids([phrase])))[: max(tune.FORM) + 1]

    def _metres(self, z: np.ndarray) -> np.ndarray:
        """Returns the id of the likeliest time signature at each point."""
        return np.array(
            [self.run.vocabulary.to_ids(self.run.encoding.encode(p)[:1])[0] for p in latent.decode(self.run, z)]
        )

    def _decoded(self, z: np.ndarray, metres: np.ndarray) -> list[Score]:
        found = latent.in_metres(self.run, z.astype(np.float32), metres)
        return [self.run.encoding.decode(self.run.vocabulary.to_tokens(ids)) for ids in found]

    def _ranked(self, listener: str | Mapping[str, float], scores: Sequence[Score]) -> list[Candidate]:
        if not scores:
            raise ValueError("no candidate has notes in all its phrases; ask for more, or for a smaller radius")
        marks = marking(self.run)
        scores = [marks.apply(score) for score in scores]
        tastes = self.taste.score(listener, vectors(self.run, scores))
        nats = [self._ngram.nats_per_token(self._ids(phrases(self.run, score))) for score in scores]
        found = [Candidate(*each) for each in zip(scores, tastes.tolist(), nats, strict=True)]
        return sorted(found, key=lambda each: self.likelihood * each.nats - each.taste)

    def _ids(self, parts) -> Pieces:
        encoding, vocabulary = self.run.encoding, self.run.vocabulary
        return Pieces.from_lists(
            from_start_to_end(vocabulary.to_ids(encoding.encode(part), allow_unknown=True)) for part in parts
        )
