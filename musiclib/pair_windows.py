"""Pair windows: pairs of ids to what a Seq2Seq network is trained on, in batches made when asked for.

A batch is ``((sources, inputs), targets)``, int32: (batch, source time) and twice (batch, time). The inputs are what
the decoder is told, the targets what it is to say, and padding stands at the end of each row.
"""

from __future__ import annotations

import keras
import numpy as np

from musiclib.pairs import PairedPieces
from musiclib.vocabulary import PADDING


class PairWindows(keras.utils.PyDataset):
    """Batches of pairs, or of crops of pairs whose parts run side by side.

    Without a pace, a window is a whole pair. With one, each source token has so many target tokens, and a long pair
    is cut into crops of ``length`` source tokens that lie end to end: an epoch meets every target once. A crop's
    first input is the target token before it, ``<start>`` at the beginning of a piece alone; ``<end>`` is the target
    that follows the last.

    Args:
        pairs: what to cut.
        length: source tokens of a crop; without a pace, the most tokens that either part of a pair may have.
        batch_size: windows in a batch.
        pace: target tokens for each source token, or None.
        align: crops begin only at multiples of so many source tokens, so that the beat falls on the same places.
        seed: shuffles the windows, shifts where pairs are cut, and draws the key of each pair, anew each epoch; None
            keeps every pair in order.
        epoch: how many epochs came before, where a training goes on.

    Raises:
        ValueError: where a pair is too long, or its parts do not go side by side.
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
        super().__init__()
        if length < 1 or batch_size < 1:
            raise ValueError(f"length and batch_size must be at least 1, got {length} and {batch_size}")
        if align is not None and (pace is None or align < 1 or length % align):
            raise ValueError(
                f"crops begin at multiples of align only with a pace and a length that is one as well, got"
                f" align={align}, length={length} and pace={pace}"
            )
        self.pairs, self.length, self.batch_size = pairs, length, batch_size
        self.pace, self.align, self.seed, self.epoch = pace, align or 1, seed, epoch
        self._sizes = np.diff(pairs.sources.offsets), np.diff(pairs.targets.offsets) - 2  # without start and end
        self._check()
        _, self._firsts, self._versions = np.unique(pairs.groups, return_index=True, return_counts=True)
        self._cut()

    def _check(self) -> None:
        sources, targets = self._sizes
        if not len(self.pairs):
            raise ValueError("there is no pair to cut windows from; give more music")
        if self.pace is None:
            longest = int(max(sources.max(), targets.max() + 1))
            if longest > self.length:
                raise ValueError(
                    f"a pair has {longest} tokens in one part and a window holds {self.length}; set window={longest},"
                    " or give shorter pairs"
                )
        elif np.any(targets != self.pace * sources):
            wrong = int(np.argmax(targets != self.pace * sources))
            raise ValueError(
                f"pace={self.pace} asks for so many target tokens for each source token, and pair {wrong} has"
                f" {targets[wrong]} for {sources[wrong]}; choose the encodings' pace, or None"
            )

    def _cut(self) -> None:
        """Lists of each window the places and sizes of its source and its target in the flat arrays."""
        rng = np.random.default_rng([self.seed or 0, self.epoch])
        shuffled = self.seed is not None
        chosen = np.arange(len(self.pairs))
        if shuffled:
            chosen = self._firsts + rng.integers(0, self._versions)
        sources, targets = (sizes[chosen] for sizes in self._sizes)
        if self.pace is None:
            piece, begin, end = chosen, np.zeros_like(sources), sources
            first, last = begin, targets + 1
        else:
            # One place more than the source has tokens: there the end is said.
            counts = sources // self.length + 1
            slack = (counts * self.length - sources - 1) // self.align
            shift = self.align * rng.integers(0, slack + 1) if shuffled else np.zeros_like(slack)
            row = np.repeat(np.arange(len(chosen)), counts)
            number = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
            piece, begin = chosen[row], np.maximum(number * self.length - shift[row], 0)
            end = np.minimum((number + 1) * self.length - shift[row], sources[row] + 1)
            first, last = self.pace * begin, np.minimum(self.pace * end, targets[row] + 1)
            end = np.minimum(end, sources[row])
        order = rng.permutation(len(piece)) if shuffled else slice(None)
        starts = self.pairs.sources.offsets[piece] + begin, self.pairs.targets.offsets[piece] + first
        self._places = tuple(start[order] for start in starts)
        self._counts = (end - begin)[order], (last - first)[order]

    def __len__(self) -> int:
        return -(-len(self._places[0]) // self.batch_size)

    @property
    def target_count(self) -> int:
        """Ids that an epoch predicts."""
        return int(self._counts[1].sum())

    def __getitem__(self, index: int) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
        return self.rows(index * self.batch_size, (index + 1) * self.batch_size)

    def rows(self, first: int, last: int) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
        """Returns inputs and targets of the windows from ``first`` up to ``last``, which is not included."""
        width = self.length * (self.pace or 1)

        def take(ids: np.ndarray, side: int, width: int, ahead: int = 0) -> np.ndarray:
            steps = np.arange(width)
            inside = steps < self._counts[side][first:last, None]
            places = np.where(inside, self._places[side][first:last, None] + steps + ahead, 0)
            return np.where(inside, ids[places] if len(ids) else PADDING, PADDING).astype(np.int32)

        targets = self.pairs.targets.ids
        source = take(self.pairs.sources.ids, 0, self.length)
        return (source, take(targets, 1, width)), take(targets, 1, width, ahead=1)

    def on_epoch_end(self) -> None:
        """Shuffles and cuts anew for the next epoch."""
        if self.seed is not None:
            self.epoch += 1
            self._cut()
