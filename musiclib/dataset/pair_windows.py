"""Pair windows: batches of sources and targets for a sequence-to-sequence network, made on demand.

A batch is ``((sources, inputs), targets)``, int32: (batch, source time) and twice (batch, time). The inputs are the
decoder's inputs (teacher forcing), the targets the next ids; padding is at the end of each row.
"""

from __future__ import annotations

import numpy as np

from musiclib.dataset.batches import Batches, numbered
from musiclib.dataset.pieces import PairedPieces
from musiclib.encodings.vocabulary import PADDING


class PairWindows(Batches):
    """Batches of pairs, or of crops of pairs whose source and target are aligned.

    Without a pace, a row is a whole pair. With one, long pairs are cut into consecutive crops of ``length`` source
    tokens, so that an epoch has every target once. A crop's first input is the target token before it (``<start>`` only
    at the beginning of a piece); the last target is ``<end>``.

    Args:
        pairs: the pairs to cut.
        length: source tokens of a crop; without a pace, the maximum tokens of a source or target.
        batch_size: rows in a batch.
        pace: target tokens per source token, or None.
        align: crops begin only at multiples of this many source tokens, so that beats have fixed positions.
        seed: shuffles the rows, shifts the cuts and draws the key of each pair, differently in each epoch; None keeps
            every pair in order.
        epoch: number of epochs already done, where training resumes.

    Raises:
        ValueError: where a pair is too long, or does not have the pace.
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
                f"pace={self.pace} asks for this many target tokens per source token, and pair {wrong} has"
                f" {targets[wrong]} for {sources[wrong]}; set the pace of the encodings, or None"
            )

    def _cut(self, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Returns each row's start of source and target in the flat arrays, and their numbers of tokens."""
        chosen = np.arange(len(self.pairs))
        if self.seed is not None:
            chosen = self._firsts + rng.integers(0, self._versions)
        sources, targets = (sizes[chosen] for sizes in self._sizes)
        if self.pace is None:
            piece, begin, end = chosen, np.zeros_like(sources), sources
            first, last = begin, targets + 1
        else:
            # One position more than the source has tokens, for the prediction of <end>.
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
        """Number of targets in an epoch."""
        return int(self._columns[3].sum())

    def rows(self, first: int, last: int) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
        """Returns inputs and targets of the rows from ``first`` up to, but not including, ``last``."""
        source_place, target_place, source_size, target_size = (column[first:last, None] for column in self._columns)

        def take(ids: np.ndarray, place: np.ndarray, size: np.ndarray, width: int) -> np.ndarray:
            steps = np.arange(width)
            places = np.where(steps < size, place + steps, 0)
            return np.where(steps < size, ids[places] if len(ids) else PADDING, PADDING).astype(np.int32)

        targets, width = self.pairs.targets.ids, self.length * (self.pace or 1)
        source = take(self.pairs.sources.ids, source_place, source_size, self.length)
        inputs = take(targets, target_place, target_size, width)
        return (source, inputs), take(targets, target_place + 1, target_size, width)
