"""Batches: rows cut from pieces on demand, shuffled for each epoch."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np


class Batches(keras.utils.PyDataset):
    """Base class of windows and pair windows; a subclass defines ``_cut`` and ``rows``.

    Args:
        length: ids in a row.
        batch_size: rows in a batch.
        align: rows begin only at multiples of this many ids from the start of their piece.
        seed: shuffles the rows and shifts the cuts, differently in each epoch; None keeps them in order.
        epoch: number of epochs already done, where training resumes.

    Raises:
        ValueError: at a length, batch size or alignment below 1, or a length that is not a multiple of ``align``.
    """

    def __init__(self, length: int, batch_size: int, align: int, seed: int | None, epoch: int) -> None:
        super().__init__()
        if length < 1 or batch_size < 1:
            raise ValueError(f"length and batch_size must be at least 1, got {length} and {batch_size}")
        if align < 1 or length % align:
            raise ValueError(f"length must be a multiple of align, got align={align} and length={length}")
        self.length, self.batch_size, self.align = length, batch_size, align
        self.seed, self.epoch = seed, epoch
        self._columns: tuple[np.ndarray, ...] = ()

    def _cut(self, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Returns the rows of an epoch, in order, as arrays with one entry per row."""
        raise NotImplementedError

    def rows(self, first: int, last: int) -> tuple[Any, np.ndarray]:
        """Returns inputs and targets of the rows from ``first`` up to, but not including, ``last``."""
        raise NotImplementedError

    def _shuffle(self) -> None:
        rng = np.random.default_rng([self.seed or 0, self.epoch])
        columns = self._cut(rng)
        order = slice(None) if self.seed is None else rng.permutation(len(columns[0]))
        self._columns = tuple(column[order] for column in columns)

    def _shift(self, rng: np.random.Generator, slack: np.ndarray) -> np.ndarray:
        """Returns random shifts of each piece's cuts, in ids, up to its ``slack``."""
        if self.seed is None:
            return np.zeros_like(slack)
        return self.align * rng.integers(0, slack // self.align + 1)

    def __len__(self) -> int:
        return -(-len(self._columns[0]) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[Any, np.ndarray]:
        return self.rows(index * self.batch_size, (index + 1) * self.batch_size)

    def on_epoch_end(self) -> None:
        """Shuffles and cuts the rows of the next epoch."""
        if self.seed is not None:
            self.epoch += 1
            self._shuffle()


def numbered(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the piece of each row, and its number within that piece: two (rows,) arrays."""
    piece = np.repeat(np.arange(len(counts)), counts)
    return piece, np.arange(len(piece)) - np.repeat(np.cumsum(counts) - counts, counts)
