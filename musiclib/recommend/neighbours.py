"""Neighbours: similar listeners, or similar pieces.

Source: Badrul Sarwar et al., "Item-based collaborative filtering recommendation algorithms" (2001); the weight of few
common ratings is that of Jonathan Herlocker et al., "An algorithmic framework for performing collaborative filtering"
(1999).
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from musiclib.recommend.filtering import Recommender

METRICS = ("cosine", "euclidean")
_COMMON = 50  # common ratings at which a Euclidean similarity has half its weight
_BLOCK = 256  # rows that are compared with all others at once


class UserNeighbours(Recommender):
    """Adds up the ratings of the most similar listeners, weighted by similarity.

    Args:
        metric: ``"cosine"``, where an unknown rating counts as 0; or ``"euclidean"``: 1 / (1 + d), with the root mean
            square difference d of the n common ratings, times n / (n + 50), since few may agree by chance.
        neighbours: number of listeners.

    Raises:
        ValueError: at an unknown metric.
    """

    def __init__(self, metric: str = "cosine", neighbours: int = 100) -> None:
        self.metric, self.neighbours = _checked(metric), neighbours

    def learn(self) -> None:
        self._others = _Rows(self.matrix, self.metric)

    def scores(self, profiles: sparse.csr_matrix) -> np.ndarray:
        found = np.zeros(profiles.shape, np.float32)
        for start in range(0, profiles.shape[0], _BLOCK):
            similar = self._others.similar(profiles[start : start + _BLOCK])
            found[start : start + _BLOCK] = (_nearest(similar, self.neighbours) @ self.matrix).toarray()
        return found


class ItemNeighbours(Recommender):
    """Scores a piece by its similarity to those that the listener has rated, weighted by rating.

    Args:
        metric: as for ``UserNeighbours``; two pieces are similar where the same listeners rated them alike.
        neighbours: number of similar pieces that are kept for each piece.

    Raises:
        ValueError: at an unknown metric.
    """

    def __init__(self, metric: str = "cosine", neighbours: int = 200) -> None:
        self.metric, self.neighbours = _checked(metric), neighbours

    def learn(self) -> None:
        rows = self.matrix.T.tocsr()
        others, blocks = _Rows(rows, self.metric), []
        for start in range(0, rows.shape[0], _BLOCK):
            similar = others.similar(rows[start : start + _BLOCK])
            here = np.repeat(np.arange(similar.shape[0]), np.diff(similar.indptr)) + start
            similar.data[similar.indices == here] = 0  # a piece is not its own neighbour
            blocks.append(_nearest(similar, self.neighbours))
        self._similarity = sparse.vstack(blocks, format="csr")

    def scores(self, profiles: sparse.csr_matrix) -> np.ndarray:
        return (profiles @ self._similarity).toarray()


class _Rows:
    """The rows of a sparse matrix, to which others are compared."""

    def __init__(self, rows: sparse.csr_matrix, metric: str) -> None:
        self.metric, self.columns, self.norms = metric, rows.T.tocsr(), np.sqrt(_squared(rows).sum(axis=1).A1)

    def similar(self, rows: sparse.csr_matrix) -> sparse.csr_matrix:
        """Returns the similarity of rows (rows, n) to all, (rows, all), where they have an entry in common."""
        product = _product(rows, self.columns)
        if self.metric == "cosine":
            norms = np.repeat(np.sqrt(_squared(rows).sum(axis=1).A1), np.diff(product.indptr))
            product.data /= norms * self.norms[product.indices]
            return product
        one, other = _marks(rows), _marks(self.columns)
        common = _product(one, other).data
        squares = _product(_squared(rows), other).data + _product(one, _squared(self.columns)).data
        distance = np.sqrt(np.maximum(squares - 2 * product.data, 0) / common)
        product.data = common / (common + _COMMON) / (1 + distance)
        return product


def _checked(metric: str) -> str:
    if metric not in METRICS:
        raise ValueError(f"metric must be one of {', '.join(METRICS)}, got {metric!r}")
    return metric


def _product(rows: sparse.csr_matrix, columns: sparse.csr_matrix) -> sparse.csr_matrix:
    """Returns the product with sorted indices, so that the entries of several products stand side by side."""
    product = (rows @ columns).tocsr()
    product.sort_indices()
    return product


def _marks(rows: sparse.csr_matrix) -> sparse.csr_matrix:
    return sparse.csr_matrix((np.ones_like(rows.data), rows.indices, rows.indptr), rows.shape)


def _squared(rows: sparse.csr_matrix) -> sparse.csr_matrix:
    return sparse.csr_matrix((rows.data**2, rows.indices, rows.indptr), rows.shape)


def _nearest(similar: sparse.csr_matrix, count: int) -> sparse.csr_matrix:
    """Keeps the highest entries of each row."""
    for start, stop in zip(similar.indptr[:-1].tolist(), similar.indptr[1:].tolist(), strict=True):
        if stop - start > count:
            row = similar.data[start:stop]
            row[np.argpartition(row, -count)[:-count]] = 0
    similar.eliminate_zeros()
    return similar
