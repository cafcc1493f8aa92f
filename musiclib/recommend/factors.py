"""Factors: listeners and pieces as vectors, whose product says how well they suit.

Source: Yifan Hu, Yehuda Koren and Chris Volinsky, "Collaborative filtering for implicit feedback datasets" (2008).
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from musiclib.recommend.filtering import Recommender


class Factors(Recommender):
    """Factorises the matrix: a listener and a piece have a vector each, and their product is the score.

    Alternating least squares over confidences, by ``implicit``. A newcomer's vector is the least-squares solution for
    the pieces' factors (fold-in).

    Args:
        size: length of the vectors.
        regularization: weight of the vectors' squared norm, for each of the mean number of ratings of a listener.
        weight: of a mean rating, beside 1 for a piece without one.
        iterations: of the alternation.
        seed: of the first vectors.

    Attributes:
        pieces: (pieces, size) float32, after ``fit``.
    """

    def __init__(
        self, size: int = 24, regularization: float = 0.25, weight: float = 2.0, iterations: int = 15, seed: int = 0
    ) -> None:
        self.size, self.regularization, self.weight = size, regularization, weight
        self.iterations, self.seed = iterations, seed

    def learn(self) -> None:
        from implicit.cpu.als import AlternatingLeastSquares

        self._alpha = self.weight / float(self.matrix.data.mean())
        regularization = self.regularization * self.matrix.nnz / self.matrix.shape[0]
        with threadpool_limits(1, "blas"):  # implicit's own threads would wait for those of BLAS
            self._als = AlternatingLeastSquares(
                self.size, regularization, iterations=self.iterations, random_state=self.seed
            )
            self._als.fit(self.matrix * self._alpha, show_progress=False)
        self.pieces = self._als.item_factors

    def listeners(self, profiles: sparse.csr_matrix) -> np.ndarray:
        """Returns the vectors of profiles, (profiles, size)."""
        with threadpool_limits(1, "blas"):
            return self._als.recalculate_user(np.arange(profiles.shape[0]), profiles * self._alpha)

    def scores(self, profiles: sparse.csr_matrix) -> np.ndarray:
        return self.listeners(profiles) @ self.pieces.T
