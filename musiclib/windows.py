"""Windows: ids to what a network is trained on.

``one_hot`` is the textbook's form, small and to look at. ``Windows`` gives the same
examples as batches of ids, cut from the flat array when they are asked for: nothing is
ever held as one-hot rows, and no window crosses from one piece into the next.
"""

from __future__ import annotations

import keras
import numpy as np

from musiclib.pieces import Pieces
from musiclib.vocabulary import PADDING


def one_hot(ids: np.ndarray, length: int, vocabulary_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Cuts one piece into every window and the id that follows it, as one-hot rows.

    A piece too short for one window is padded at its start.

    Args:
        ids: (n,) ids of one piece, at least two.
        length: ids in a window.
        vocabulary_size: width of a one-hot row.

    Returns:
        X: float32, (n - length or 1, length, vocabulary_size).
        y: float32, (n - length or 1, vocabulary_size).

    Raises:
        ValueError: where the piece is too short or holds an id outside the vocabulary.
    """
    ids = np.asarray(ids)
    if length < 1:
        raise ValueError(f"a window holds at least 1 id, got length={length}")
    if ids.ndim != 1 or len(ids) < 2:
        raise ValueError(f"a window needs a piece of at least 2 ids in one dimension, got shape {ids.shape}")
    if ids.min() < 0 or ids.max() >= vocabulary_size:
        raise ValueError(f"ids must lie between 0 and {vocabulary_size - 1}, got {ids.min()} to {ids.max()}")
    padded = np.concatenate([np.full(max(length + 1 - len(ids), 0), PADDING, ids.dtype), ids])
    rows = np.lib.stride_tricks.sliding_window_view(padded, length + 1)
    identity = np.eye(vocabulary_size, dtype=np.float32)
    return identity[rows[:, :-1]], identity[rows[:, -1]]


class Windows(keras.utils.PyDataset):
    """Batches of windows, made when asked for.

    With ``targets="all"`` every position of a window has a target, the id after it. The
    windows of a piece lie end to end, so that an epoch meets every id once as a target;
    where the last one reaches back over targets that were met before, these are padding,
    which the loss leaves out. With ``targets="last"`` there is a window for every target
    (the textbook's form) and a target for its last position alone.

    Args:
        pieces: the pieces to cut; a piece of fewer than two ids has no target.
        length: ids in a window.
        batch_size: windows in a batch.
        targets: ``"all"`` or ``"last"``.
        lead_in: with ``"last"``, also the windows at the start of a piece that are partly
            padding, so that a network learns how a piece begins.
        seed: shuffles the windows, and shifts where they are cut, anew each epoch; None
            keeps them in order.
        epoch: how many epochs came before, where a training goes on.
        align: with ``"all"``, windows begin only at multiples of so many ids from the start of
            their piece, for a network that counts metre from there; ``length`` is such a
            multiple. Then padding stands behind the piece, never before it.

    A batch is ``(inputs, targets)``: int32 (batch, length), and int32 (batch, length) or
    (batch, 1) with ``"last"``.
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
        super().__init__()
        if targets not in ("all", "last"):
            raise ValueError(f"targets must be 'all' or 'last', got {targets!r}")
        if length < 1 or batch_size < 1:
            raise ValueError(f"length and batch_size must be at least 1, got {length} and {batch_size}")
        if align is not None and (targets != "all" or align < 1 or length % align):
            raise ValueError(
                f"windows begin at multiples of align only with targets='all' and a length that is one as well, got"
                f" align={align}, length={length} and targets={targets!r}"
            )
        self.pieces, self.length, self.batch_size, self.align = pieces, length, batch_size, align
        self.targets, self.lead_in, self.seed, self.epoch = targets, lead_in, seed, epoch
        self._cut()
        if len(self._ends) == 0:
            raise ValueError(f"no piece has the two ids that a window needs: {pieces}; give longer pieces")

    def _cut(self) -> None:
        """Lists where each window ends, how many of its targets are new, and where its piece starts."""
        sizes = np.diff(self.pieces.offsets)
        rng = np.random.default_rng([self.seed or 0, self.epoch])
        if self.targets == "all":
            counts = np.maximum(-(-(sizes - 1) // self.length), 0)
            slack = np.maximum(counts * self.length - (sizes - 1), 0)
            step = self.align or 1
            shift = step * rng.integers(0, slack // step + 1) if self.seed is not None else np.zeros_like(slack)
        else:
            first = np.minimum(1 if self.lead_in else self.length, sizes - 1)
            counts = np.where(sizes > 1, sizes - first, 0)
        piece = np.repeat(np.arange(len(sizes)), counts)
        number = np.arange(len(piece)) - np.repeat(np.cumsum(counts) - counts, counts)
        if self.align is not None:
            # Where the cuts are shifted, the first window and the second overlap: the first has the targets in both.
            ends = np.maximum((number + 1) * self.length - shift[piece], self.length)
            self._fresh = np.where(number == 1, self.length - shift[piece], self.length)
        elif self.targets == "all":
            ends = np.minimum((number + 1) * self.length - shift[piece], sizes[piece] - 1)
            self._fresh = ends - np.maximum(number * self.length - shift[piece], 0)
        else:
            ends = first[piece] + number
            self._fresh = np.ones_like(ends)
        self._starts = self.pieces.offsets[piece]
        self._ends = self._starts + ends  # position of a window's last target in the flat array
        self._stops = self.pieces.offsets[piece + 1]
        order = rng.permutation(len(piece)) if self.seed is not None else slice(None)
        for name in ("_starts", "_ends", "_stops", "_fresh"):
            setattr(self, name, getattr(self, name)[order])

    def __len__(self) -> int:
        return -(-len(self._ends) // self.batch_size)

    @property
    def window_count(self) -> int:
        """Windows in an epoch."""
        return len(self._ends)

    @property
    def target_count(self) -> int:
        """Ids that an epoch predicts."""
        return int((self._fresh - np.maximum(self._ends + 1 - self._stops, 0)).sum())

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return self.rows(index * self.batch_size, (index + 1) * self.batch_size)

    def rows(self, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns inputs and targets of the windows from ``first`` up to ``last``, which is not included."""
        rows = slice(first, last)
        positions = self._ends[rows, None] + np.arange(-self.length, 1)
        inside = (positions >= self._starts[rows, None]) & (positions < self._stops[rows, None])
        within = np.clip(positions, 0, len(self.pieces.ids) - 1)
        ids = np.where(inside, self.pieces.ids[within], PADDING).astype(np.int32)
        inputs, targets = ids[:, :-1], ids[:, 1:]
        if self.targets == "last":
            return inputs, targets[:, -1:]
        fresh = np.arange(self.length) >= self.length - self._fresh[rows, None]
        return inputs, np.where(fresh, targets, PADDING)

    def on_epoch_end(self) -> None:
        """Shuffles and cuts anew for the next epoch."""
        if self.seed is not None:
            self.epoch += 1
            self._cut()
