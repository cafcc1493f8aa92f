"""Frame windows: batches of spectral frames and their next frames."""

from __future__ import annotations

import numpy as np

from musiclib.dataset.batches import Batches, numbered
from musiclib.dataset.pieces import Pieces


class FrameWindows(Batches):
    """Batches of windows for next-frame prediction, (inputs, targets), both float32 (batch, length, bands).

    Args:
        pieces: excerpts, each (frames, bands); those shorter than a window and a frame are not used.
        length: frames in a window; what remains of an excerpt is left out, other frames in each epoch.
        batch_size: windows in a batch.
        seed: shuffles the windows and shifts the cuts, differently in each epoch; None keeps them in order.
        epoch: number of epochs already done, where training resumes.

    Raises:
        ValueError: where no excerpt is long enough.
    """

    def __init__(self, pieces: Pieces, length: int, batch_size: int, seed: int | None = None, epoch: int = 0) -> None:
        super().__init__(length, batch_size, 1, seed, epoch)
        self.pieces = pieces
        longest = int(np.diff(pieces.offsets).max(initial=0))
        if longest <= length:
            raise ValueError(
                f"a window of {length} frames and its next frame need excerpts of {length + 1}, and the longest has"
                f" {longest}; choose a smaller window, or longer excerpts in dataset.prepare_sound"
            )
        self._shuffle()

    def _cut(self, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        sizes = np.diff(self.pieces.offsets) - 1
        counts = sizes // self.length
        shift = self._shift(rng, np.maximum(sizes - counts * self.length, 0))
        piece, number = numbered(counts)
        return (self.pieces.offsets[piece] + number * self.length + shift[piece],)

    def rows(self, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns inputs and targets of the windows from ``first`` up to, but not including, ``last``."""
        frames = self.pieces.ids[self._columns[0][first:last, None] + np.arange(self.length + 1)]
        return frames[:, :-1], frames[:, 1:]
