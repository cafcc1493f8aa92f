"""Measures of recommendations: how many held-out pieces are among the first k, and how far up."""

from __future__ import annotations

import dataclasses

import numpy as np

from musiclib.recommend.filtering import Recommender, top
from musiclib.recommend.ratings import Ratings

_BLOCK = 1024


@dataclasses.dataclass(frozen=True)
class Measures:
    """Means over the listeners with held-out ratings, each from 0 to 1.

    With hit(i) = 1 where the i-th recommendation is one of the n held-out pieces of a listener, and P(i) the share of
    hits among the first i:

    Args:
        precision: sum of hit(i) / k.
        recall: sum of hit(i) / n.
        map: mean average precision, sum of hit(i) P(i) / n. With many held-out pieces it stays below 1, since only the
            first k count.
        ndcg: normalized discounted cumulative gain, the sum of hit(i) / log2(1 + i) over that of min(n, k) hits.

    Source: the definitions are those of github.com/recommenders-team/recommenders, for its table of MovieLens 100k.
    """

    precision: float
    recall: float
    map: float
    ndcg: float


def evaluate(recommender: Recommender, held_out: Ratings, k: int = 10) -> Measures:
    """Measures recommendations, which leave out what the recommender was trained on.

    Args:
        recommender: a fitted one.
        held_out: ratings of the same users and pieces, such as the second part of ``Ratings.split``.
        k: number of recommendations.

    Raises:
        ValueError: where users or pieces differ, or nothing is held out.
    """
    if (held_out.users, held_out.pieces) != (recommender.ratings.users, recommender.ratings.pieces):
        raise ValueError("the held-out ratings have other users or pieces than the training; take both from one split")
    truth = held_out.matrix()
    users = np.flatnonzero(np.diff(truth.indptr))
    if not len(users):
        raise ValueError("no ratings are held out; split with a larger share")
    rank, sums = np.arange(1, k + 1), np.zeros(4)
    ideal = np.cumsum(1 / np.log2(1 + rank))
    for start in range(0, len(users), _BLOCK):
        some = users[start : start + _BLOCK]
        known = recommender.matrix[some]
        best = top(recommender.scores(known), known, k)
        hits = np.zeros((len(some), k))
        hits[:, : best.shape[1]] = np.take_along_axis(truth[some].toarray() > 0, best, axis=1)
        count = np.diff(truth.indptr)[some]
        precision = np.cumsum(hits, axis=1) / rank
        each = (
            hits.mean(axis=1),
            hits.sum(axis=1) / count,
            (hits * precision).sum(axis=1) / count,
            (hits / np.log2(1 + rank)).sum(axis=1) / ideal[np.minimum(count, k) - 1],
        )
        sums += np.sum(each, axis=1)
    return Measures(*(sums / len(users)).tolist())
