"""Drum lanes: one line of a piano roll for each drum, below the pitches."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from musiclib.score import Score
from musiclib.score.instruments import drum_name

HEIGHT = 0.17  # inches, of a lane with room for its name
MOST_OF_THE_AXES = 0.5  # that lanes take beside pitches
NAME, FONT_SIZE = 0.12, 8.0  # of names: the height in inches, and the size in points


@dataclasses.dataclass(frozen=True)
class Lanes:
    """Where drums are drawn.

    Args:
        drums: their pitches, from the lowest lane up.
        top: the height at which the lanes end, in semitones of the pitch axis.
        lane: the height of a lane, in semitones.
    """

    drums: tuple[int, ...]
    top: float
    lane: float

    @property
    def bottom(self) -> float:
        """The height at which the lanes begin."""
        return self.top - self.lane * len(self.drums)

    def place(self, drums: np.ndarray) -> np.ndarray:
        """Returns the heights of the lanes of drums, (n,)."""
        return self.bottom + self.lane * (np.searchsorted(self.drums, drums) + 0.5)

    def name(self, ax: Axes, divide: bool) -> None:
        """Names as many lanes as fit, beside the pitches that are named already; ``divide`` draws a line between."""
        bottom, top = ax.get_ylim()
        height = self.lane * ax.get_window_extent().height / ax.figure.dpi / (top - bottom)  # in inches
        named = self.drums[:: math.ceil(NAME / height)]
        places, labels = ax.get_yticks().tolist(), [label.get_text() for label in ax.get_yticklabels()]
        ax.set_yticks([*places, *self.place(np.array(named))], [*labels, *map(drum_name, named)])
        for label in ax.get_yticklabels()[len(places) :]:
            label.set_fontsize(FONT_SIZE)
        if divide:
            ax.axhline(self.top, color="0.4", linewidth=0.8, zorder=1)


def lanes_of(scores: Sequence[Score], ax: Axes, low: float, high: float) -> Lanes | None:
    """Returns the lanes of the drums of some scores below pitches from ``low`` to ``high``; None without drums."""
    drums = sorted({drum for score in scores for drum in score.pitch[score.is_percussion].tolist()})
    if not drums:
        return None
    inches = ax.get_window_extent().height / ax.figure.dpi
    share = min(HEIGHT * len(drums) / inches, MOST_OF_THE_AXES)
    return Lanes(tuple(drums), low, (high - low) * share / (1 - share) / len(drums))
