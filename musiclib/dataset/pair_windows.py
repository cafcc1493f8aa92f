"""Pair windows: batches of sources and targets for a sequence-to-sequence network, made on demand.

A batch is ``((sources, inputs), targets)``, int32: (batch, source time) and twice (batch, time). The inputs are the
decoder's under teacher forcing, the targets the ids that follow them, and padding stands at the end of each row.
"""

from __future__ import annotations

import numpy as np

from musiclib.dataset.batches import Batches, numbered
from musiclib.dataset.pieces import PairedPieces
from musiclib.encodings.vocabulary import PADDING


class PairWindows(Batches):
    """Batches of pairs, or of crops of pairs whose two sides run in parallel.

    Without a pace, a row is a whole pair. With one, each source token has so many target tokens, and a long pair is
    cut into crops of ``length`` source tokens that lie end to end: an epoch meets every target once. A crop's first
    input is the target token before it, ``<start>`` at the beginning of a piece alone; ``<end>`` is the target that
    follows the last.

    Args:
        pairs: what to cut.
        length: source tokens of a crop; without a pace, the most tokens that either side of a pair may have.
        batch_size: rows in a batch.
        pace: target tokens for each source token, or None.
        align: crops begin only at multiples of so many source tokens, so that beats fall on the same positions.
        seed: shuffles the rows, shifts where pairs are cut, and draws the key of each pair, anew for each epoch; None
            keeps every pair in order.
        epoch: how many epochs came before, where training resumes.

    Raises:
        ValueError: where a pair is too long, or its sides do not run in parallel.
    """

    def __init__(
        self,
        pairs: PairedPieces,
        length: int,
        batch_size: int,
        pace: int | None = None,
        align: int | None = None,
        seed: int | None = None,
        epoch: int = 0,
    ) -> None:
        super().__init__(length, batch_size, 1 if align is None else align, seed, epoch)
        if align is not None and pace is None:
            raise ValueError(f"crops are aligned only with a pace, got align={align} and pace=None")
        self.pairs, self.pace = pairs, pace
        self._sizes = np.diff(pairs.sources.offsets), np.diff(pairs.targets.offsets) - 2  # without start and end
        self._check()
        _, self._firsts, self._versions = np.unique(pairs.groups, return_index=True, return_counts=True)
        self._shuffle()

    def _check(self) -> None:
        sources, targets = self._sizes
        if not len(self.pairs):
            raise ValueError("there is no pair to cut windows from; give more music")
        if self.pace is None:
            longest = int(max(sources.max(), targets.max() + 1))
            if longest > self.length:
                raise ValueError(
                    f"a pair has {longest} tokens on one side and a window holds {self.length}; set window={longest},"
                    " or give shorter pairs"
                )
        elif np.any(targets != self.pace * sources):
            wrong = int(np.argmax(targets != self.pace * sources))
            raise ValueError(
                f"pace={self.pace} asks for so many target tokens for each source token, and pair {wrong} has"
                f" {targets[wrong]} for {sources[wrong]}; choose the encodings' pace, or None"
            )

    def _cut(self, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Returns where each row's source and target begin in the flat arrays, and how many tokens they have."""
        chosen = np.arange(len(self.pairs))
        if self.seed is not None:
            chosen = self._firsts + rng.integers(0, self._versions)
        sources, targets = (sizes[chosen] for sizes in self._sizes)
        if self.pace is None:
            piece, begin, end = chosen, np.zeros_like(sources), sources
            first, last = begin, targets + 1
        else:
            # One position more than the source has tokens: there the end is predicted.
            counts = sources // self.length + 1
            shift = self._shift(rng, counts * self.length - sources - 1)
            row, number = numbered(counts)
            piece, begin = chosen[row], np.maximum(number * self.length - shift[row], 0)
            end = np.minimum((number + 1) * self.length - shift[row], sources[row] + 1)
            first, last = self.pace * begin, np.minimum(self.pace * end, targets[row] + 1)
            end = np.minimum(end, sources[row])
        places = self.pairs.sources.offsets[piece] + begin, self.pairs.targets.offsets[piece] + first
        return *places, end - begin, last - first

    @property
    def target_count(self) -> int:
        """Ids that an epoch predicts."""
        return int(self._columns[3].sum())

    def rows(self, first: int, last: int) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
        """Returns inputs and targets of the rows from ``first`` up to ``last``, which is not included."""
        source_place, target_place, source_size, target_size = (column[first:last, None] for column in self._columns)

        def take(ids: np.ndarray, place: np.ndarray, size: np.ndarray, width: int) -> np.ndarray:
            steps = np.arange(width)
            places = np.where(steps < size, place + steps, 0)
            return np.where(steps < size, ids[places] if len(ids) else PADDING, PADDING).astype(np.int32)

        targets, width = self.pairs.targets.ids, self.length * (self.pace or 1)
        source = take(self.pairs.sources.ids, source_place, source_size, self.length)
        inputs = take(targets, target_place, target_size, width)
        return (source, inputs), take(targets, target_place + 1, target_size, width)
