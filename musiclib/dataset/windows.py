"""Windows: batches of ids and their next ids, cut from pieces on demand, without one-hot rows.

No window crosses from one piece into the next.
"""

from __future__ import annotations

import numpy as np

from musiclib.dataset.batches import Batches, numbered
from musiclib.dataset.pieces import Pieces
from musiclib.encodings.vocabulary import PADDING


class Windows(Batches):
    """Batches of windows for next-token prediction.

    With ``targets="all"`` every position of a window has a target, the next id. The windows of a piece are consecutive,
    so that an epoch has every id once as a target; where two windows overlap, repeated targets are padding, which the
    loss ignores. With ``targets="last"``, as in textbooks, each target has its own window that ends before it.

    A batch is ``(inputs, targets)``: int32 (batch, length), and int32 (batch, length) or (batch, 1) with ``"last"``.

    Args:
        pieces: the pieces to cut; a piece of fewer than two ids has no target.
        length: ids in a window.
        batch_size: windows in a batch.
        targets: ``"all"`` or ``"last"``.
        lead_in: with ``"last"``, include the windows at the start of a piece that are partly padding, so that a network
            learns how a piece begins.
        seed: shuffles the windows and shifts the cuts, differently in each epoch; None keeps them in order.
        epoch: number of epochs already done, where training resumes.
        align: with ``"all"``, windows begin only at multiples of this many ids from the start of their piece, for a
            network that counts the metre; ``length`` must be such a multiple. Padding then is only at the end.
    """

    def __init__(
        self,
        pieces: Pieces,
        length: int,
        batch_size: int,
        targets: str = "all",
        lead_in: bool = False,
        seed: int | None = None,
        epoch: int = 0,
        align: int | None = None,
    ) -> None:
        super().__init__(length, batch_size, 1 if align is None else align, seed, epoch)
        if targets not in ("all", "last"):
            raise ValueError(f"targets must be 'all' or 'last', got {targets!r}")
        if align is not None and targets != "all":
            raise ValueError(f"windows are aligned only with targets='all', got align={align} and targets={targets!r}")
        self.pieces, self.targets, self.lead_in, self.is_aligned = pieces, targets, lead_in, align is not None
        self._shuffle()
        if not self.window_count:
            if not len(pieces):
                raise ValueError("0 pieces have no window; give a part of the dataset that has pieces")
            raise ValueError(f"none of {pieces} has the two ids that a window needs; give longer pieces")

    def _cut(self, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Returns of each window its piece's start, its last target, its piece's stop, and its number of targets."""
        sizes = np.diff(self.pieces.offsets)
        if self.targets == "all":
            counts = np.maximum(-(-(sizes - 1) // self.length), 0)
            shift = self._shift(rng, np.maximum(counts * self.length - (sizes - 1), 0))
        else:
            first = np.minimum(1 if self.lead_in else self.length, sizes - 1)
            counts = np.where(sizes > 1, sizes - first, 0)
        piece, number = numbered(counts)
        if self.is_aligned:
            # Where the cuts are shifted, the first two windows overlap: the first has the common targets.
            ends = np.maximum((number + 1) * self.length - shift[piece], self.length)
            new = np.where(number == 1, self.length - shift[piece], self.length)
        elif self.targets == "all":
            ends = np.minimum((number + 1) * self.length - shift[piece], sizes[piece] - 1)
            new = ends - np.maximum(number * self.length - shift[piece], 0)
        else:
            ends = first[piece] + number
            new = np.ones_like(ends)
        starts = self.pieces.offsets[piece]
        return starts, starts + ends, self.pieces.offsets[piece + 1], new

    @property
    def window_count(self) -> int:
        """Number of windows in an epoch."""
        return len(self._columns[0])

    @property
    def target_count(self) -> int:
        """Number of targets in an epoch."""
        _, ends, stops, new = self._columns
        return int((new - np.maximum(ends + 1 - stops, 0)).sum())

    def rows(self, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns inputs and targets of the windows from ``first`` up to, but not including, ``last``."""
        ids, new = self.ids(first, last), self._columns[3][first:last, None]
        inputs, targets = ids[:, :-1], ids[:, 1:]
        if self.targets == "last":
            return inputs, targets[:, -1:]
        return inputs, np.where(np.arange(self.length) >= self.length - new, targets, PADDING)

    def ids(self, first: int, last: int) -> np.ndarray:
        """Returns the ids of windows with the next one, int32 (windows, length + 1)."""
        starts, ends, stops, _ = (column[first:last, None] for column in self._columns)
        positions = ends + np.arange(-self.length, 1)
        inside = (positions >= starts) & (positions < stops)
        within = np.clip(positions, 0, len(self.pieces.ids) - 1)
        return np.where(inside, self.pieces.ids[within], PADDING).astype(np.int32)
