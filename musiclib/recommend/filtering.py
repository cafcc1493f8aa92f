"""Collaborative filtering: what listeners with a similar taste like.

Every recommender scores pieces for a row of the ratings' matrix, a profile. So it serves listeners who were trained on
and newcomers alike. Here are what all share, and two baselines.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np
from scipy import sparse

from musiclib.recommend.ratings import Ratings


class Recommender:
    """Base class: ``fit`` learns from ratings, ``scores`` rates all pieces for profiles, ``recommend`` names some."""

    def fit(self, ratings: Ratings) -> Recommender:
        """Learns from ratings, and returns itself.

        Raises:
            ValueError: where there are no ratings.
        """
        if not len(ratings):
            raise ValueError("there are no ratings to learn from; give some")
        self.ratings, self.matrix = ratings, ratings.matrix()
        self.popularity = np.bincount(ratings.piece, minlength=len(ratings.pieces)).astype(np.float32)
        self._rows = {name: i for i, name in enumerate(ratings.users)}
        self.learn()
        return self

    def learn(self) -> None:
        """Learns from ``matrix``, (users, pieces)."""

    def scores(self, profiles: sparse.csr_matrix) -> np.ndarray:
        """Returns the scores of all pieces for each profile, (profiles, pieces); higher is better."""
        raise NotImplementedError

    def profile(self, listener: str | Mapping[str, float]) -> sparse.csr_matrix:
        """Returns a listener's row of the matrix, (1, pieces), empty where nothing is known of the listener."""
        if isinstance(listener, Mapping):
            return self.ratings.profile(listener)
        row = self._rows.get(listener)
        return sparse.csr_matrix((1, self.matrix.shape[1]), dtype=np.float32) if row is None else self.matrix[row]

    def recommend(self, listener: str | Mapping[str, float], count: int = 10) -> list[tuple[str, float]]:
        """Returns the best pieces that the listener has not rated, with their scores.

        Args:
            listener: a name of the ratings, or the ratings of somebody else, piece by piece. Somebody without ratings
                gets the most popular pieces, with a warning.
            count: number of pieces; fewer are left where the listener knows nearly all.

        Raises:
            ValueError: at a count below 1, or an unknown piece.
        """
        if not (isinstance(count, int) and count >= 1):
            raise ValueError(f"count must be a whole number of at least 1, got {count!r}")
        profile = self.profile(listener)
        if profile.nnz:
            scores = self.scores(profile)[0]
        else:
            who = "these listeners' own" if isinstance(listener, Mapping) else f"by {listener!r}"
            warnings.warn(f"there are no ratings {who}: these are the most popular pieces", stacklevel=2)
            scores = self.popularity
        best = top(scores[None], profile, count)[0]
        return [(self.ratings.pieces[i], float(scores[i])) for i in best[: len(scores) - profile.nnz].tolist()]


class Popular(Recommender):
    """Recommends to everybody what most listeners have rated: the first baseline."""

    def scores(self, profiles: sparse.csr_matrix) -> np.ndarray:
        return np.tile(self.popularity, (profiles.shape[0], 1))


class Chance(Recommender):
    """Recommends at random: the second baseline.

    Args:
        seed: of the scores, new at each call.
    """

    def __init__(self, seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)

    def scores(self, profiles: sparse.csr_matrix) -> np.ndarray:
        return self._rng.random(profiles.shape, np.float32)


def top(scores: np.ndarray, known: sparse.csr_matrix, count: int) -> np.ndarray:
    """Returns the indices of the highest scores of each row, (rows, count), without what is known."""
    scores = scores.astype(np.float32)
    scores[known.nonzero()] = -np.inf
    count = min(count, scores.shape[1])
    best = np.argpartition(-scores, count - 1, axis=1)[:, :count]
    return np.take_along_axis(best, np.argsort(-np.take_along_axis(scores, best, 1), axis=1, kind="stable"), 1)
