"""Gap windows: batches for infilling, windows in which some tokens are hidden and to be predicted.

A batch is ``((condition, inputs), targets)``, int32, each (batch, length). The inputs and the targets are those of
``Windows``; the condition holds the targets with ``<unknown>`` where they are hidden, and only hidden targets are kept:
the others are padding, which the loss ignores.
"""

from __future__ import annotations

import numpy as np

from musiclib.dataset.pieces import Pieces
from musiclib.dataset.windows import Windows
from musiclib.encodings.vocabulary import PADDING, RESERVED, UNKNOWN

_BAR = 16  # steps
_BARS = (1, 8)  # the shortest and the longest gap, and stretch between two gaps
_EVERYTHING = 0.1  # probability that a whole window is hidden
_SOME_VOICES = 0.4  # that only some of its voices have gaps
_THROUGHOUT = 0.5  # and then, that they are hidden throughout


class GapWindows(Windows):
    """Batches of windows with gaps, drawn anew in each epoch.

    Args:
        pieces: the pieces to cut.
        length: ids in a window.
        batch_size: windows in a batch.
        voices: tokens in a step of the grid.
        grid: gaps begin and end at multiples of this many steps.
        seed: shuffles the windows and draws the gaps, differently in each epoch; None keeps both in order.
        epoch: number of epochs already done, where training resumes.
        align: windows begin only at multiples of this many ids.
    """

    def __init__(
        self,
        pieces: Pieces,
        length: int,
        batch_size: int,
        voices: int,
        grid: int,
        seed: int | None = None,
        epoch: int = 0,
        align: int | None = None,
    ) -> None:
        self.voices, self.grid = voices, grid
        super().__init__(pieces, length, batch_size, "all", True, seed, epoch, align or voices)

    def rows(self, first: int, last: int) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
        """Returns conditions, inputs and targets of the windows from ``first`` up to, but not including, ``last``."""
        ids = self.ids(first, last)
        following = ids[:, 1:]
        rng = np.random.default_rng([self.seed or 0, self.epoch, first])
        steps = -(-self.length // self.voices)
        hidden = np.stack([hide(rng, steps, self.voices, self.grid) for _ in ids]).reshape(len(ids), -1)
        hidden = hidden[:, : self.length] & (following >= len(RESERVED))
        condition, targets = np.where(hidden, UNKNOWN, following), np.where(hidden, following, PADDING)
        return (condition.astype(np.int32), ids[:, :-1]), targets.astype(np.int32)


def hide(rng: np.random.Generator, steps: int, voices: int, grid: int) -> np.ndarray:
    """Draws which cells of a grid are hidden, (steps, voices) bool.

    Gaps and known stretches of one to eight bars alternate, in all voices or in some; or all is hidden.
    """
    if rng.random() < _EVERYTHING:
        return np.ones((steps, voices), bool)
    shortest, longest = (bars * _BAR // grid for bars in _BARS)
    edges = grid * (np.cumsum(rng.integers(shortest, longest + 1, steps // _BAR + 2)) - rng.integers(0, longest))
    gaps = np.searchsorted(edges, np.arange(steps), side="right") % 2 == rng.integers(2)
    chosen = np.ones(voices, bool)
    if voices > 1 and rng.random() < _SOME_VOICES:
        chosen = rng.permutation(voices) < rng.integers(1, voices)
        gaps |= rng.random() < _THROUGHOUT
    return gaps[:, None] & chosen
