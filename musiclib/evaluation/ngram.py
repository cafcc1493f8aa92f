"""The n-gram baseline with back-off.

Source: Witten and Bell, "The zero-frequency problem" (1991); interpolated as in Chen and
Goodman, "An Empirical Study of Smoothing Techniques for Language Modeling" (1998).
"""

from __future__ import annotations

import collections
import copy
import random
from collections.abc import Iterable

import numpy as np

from musiclib.dataset import Pieces
from musiclib.encodings import check_vocabulary
from musiclib.encodings.ids import with_vocabulary
from musiclib.encodings.vocabulary import END, PADDING, START, UNKNOWN


class NGram:
    """Counts contexts of up to ``order - 1`` ids; an unseen context backs off to a shorter one.

    Args:
        pieces: what to count; each piece begins with its start id.
        vocabulary_size: number of token ids.
        order: length of the longest n-gram, at least 1.
    """

    def __init__(self, pieces: Pieces, vocabulary_size: int, order: int = 4) -> None:
        if order < 1:
            raise ValueError(f"order must be at least 1, got {order}")
        self.vocabulary_size, self.order, self.vocabulary = vocabulary_size, order, pieces.vocabulary
        self.counts: list[dict[tuple, collections.Counter]] = [
            collections.defaultdict(collections.Counter) for _ in range(order)
        ]
        for piece in pieces:
            ids = piece.tolist()
            for n, level in enumerate(self.counts):
                first = max(1 - n, 0)  # the start id is not predicted
                for *context, following in zip(*(ids[first + k :] for k in range(n + 1)), strict=False):
                    level[tuple(context)][following] += 1
        self.totals = [{context: counter.total() for context, counter in level.items()} for level in self.counts]

    def probability(self, context: Iterable[int], following: int) -> float:
        """Returns P(following | context), above 0 for every id."""
        return self.probabilities(context, following)[-1]

    def probabilities(self, context: Iterable[int], following: int) -> list[float]:
        """Returns P(following | context) of the n-grams of every order up to this one, (order,)."""
        context = tuple(context)[-(self.order - 1) :] if self.order > 1 else ()
        probability, found = 1.0 / self.vocabulary_size, []
        for n in range(len(context) + 1):
            shorter = context[len(context) - n :]
            total = self.totals[n].get(shorter)
            if total is None:
                break  # longer contexts are unseen too
            counter = self.counts[n][shorter]
            kinds = len(counter)
            probability = (counter[following] + kinds * probability) / (total + kinds)
            found.append(probability)
        return found + [probability] * (self.order - len(found))

    def generate(self, count: int = 1, length: int = 200, seed: int | None = None) -> list[np.ndarray]:
        """Samples pieces of at most ``length`` ids; each stops at ``<end>``."""
        rng, pieces = random.Random(seed), []
        for _ in range(count):
            ids = [START]
            while len(ids) <= length and ids[-1] != END:
                following = self._draw(ids, rng)
                ids += [] if following in (PADDING, START, UNKNOWN) else [following]
            ids = np.array([i for i in ids if i not in (START, END)], dtype=np.int32)
            pieces.append(with_vocabulary(ids, self.vocabulary))
        return pieces

    def _draw(self, ids: list[int], rng: random.Random) -> int:
        # Backs off to a shorter context with the probability mass that Witten-Bell smoothing gives it.
        for n in range(min(self.order - 1, len(ids)), -1, -1):
            context = tuple(ids[len(ids) - n :])
            counter = self.counts[n].get(context)
            if counter and rng.random() * (self.totals[n][context] + len(counter)) < self.totals[n][context]:
                return rng.choices(list(counter), list(counter.values()))[0]
        return rng.randrange(self.vocabulary_size)

    def nats_per_token(self, pieces: Pieces) -> float:
        """Returns the mean of -log P over every id but the first of each piece; raises as ``nats_of_orders`` does."""
        return float(self.nats_of_orders(pieces)[-1])

    def nats_of_orders(self, pieces: Pieces) -> np.ndarray:
        """Returns the nats per token of the n-grams of every order up to this one, (order,) float64.

        Raises:
            ValueError: where the pieces were made with another vocabulary than those that were counted.
        """
        check_vocabulary(self.vocabulary, pieces)
        found = [
            self.probabilities(ids[max(i + 1 - self.order, 0) : i], ids[i])
            for ids in (piece.tolist() for piece in pieces)
            for i in range(1, len(ids))
        ]
        return -np.log(np.reshape(found, (-1, self.order))).mean(axis=0)

    def of_order(self, order: int) -> NGram:
        """Returns the n-gram of a lower order, which shares the counts of this one."""
        shorter = copy.copy(self)
        shorter.order, shorter.counts, shorter.totals = order, self.counts[:order], self.totals[:order]
        return shorter


def best_ngram(train: Pieces, validation: Pieces, vocabulary_size: int, orders: Iterable[int] = range(1, 7)) -> NGram:
    """Returns the n-gram of the order with the lowest loss on ``validation``."""
    orders = list(orders)
    longest = NGram(train, vocabulary_size, max(orders))
    nats = longest.nats_of_orders(validation)
    return longest.of_order(min(orders, key=lambda order: nats[order - 1]))
