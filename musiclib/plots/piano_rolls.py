"""Piano rolls of one score, or of two for comparison."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch

from musiclib.plots.drum_lanes import HEIGHT, Lanes, lanes_of
from musiclib.plots.palette import PALETTE
from musiclib.score import Score, keys, meter, pitch_name
from musiclib.score.checking import check_score, check_scores

FAINTEST = 0.35  # opacity of the softest note, still visible
WIDTH = 10.0  # inches, of new figures
LABEL_HEIGHT = 0.17  # inches, of a pitch label
# Sets of labelled pitch classes, from all to C only, and their smallest distance in semitones.
NAMED_CLASSES = ((range(12), 1), ((0, 4, 7), 3), ((0, 7), 5), ((0,), 12))
MOST_BAR_LINES = 120
LEGEND_NAMES = 12  # with more parts than this, the colours are not distinguishable and there is no legend


def piano_roll(score: Score, ax: Axes | None = None, seconds: bool = False, title: str | None = None) -> Axes:
    """Draws a piano roll: colour shows the part, opacity the velocity; percussion has a line for each drum, below.

    Args:
        score: may be empty, which gives empty axes.
        ax: axes to draw on; None creates a figure. With several parts a legend is drawn to the right; a figure with
            ``layout="constrained"`` makes room for it.
        seconds: time axis in seconds (with the tempo map) instead of quarter lengths.
        title: title of the axes.

    Returns:
        The axes. If the score has time signatures, thin lines mark its bars. Pitches are named by its first key
        signature: in C minor B♭4, not A#4.
    """
    check_score(score, "piano_roll")
    if ax is None:
        drums = len(np.unique(score.pitch[score.is_percussion]))
        height = 1.0 if drums and score.is_percussion.all() else 4.0
        _, ax = plt.subplots(figsize=(WIDTH, height + HEIGHT * drums), layout="constrained")
    return _draw(score, ax, seconds, title, [score])


def _draw(score: Score, ax: Axes, seconds: bool, title: str | None, shown: Sequence[Score]) -> Axes:
    """Draws a piano roll with the pitches and drums of all scores that are shown with it."""
    lanes = _height_axis(ax, score, shown)
    if len(score):
        starts, ends = score.seconds() if seconds else (score.onset, score.onset + score.duration)
        middle, half = score.pitch.astype(float), np.full(len(score), 0.42)  # a thin gap between neighbouring pitches
        if lanes:
            drums = score.is_percussion
            middle[drums], half[drums] = lanes.place(score.pitch[drums]), 0.42 * lanes.lane
        low, high = middle - half, middle + half
        corners = np.array([[starts, low], [starts, high], [ends, high], [ends, low]]).transpose(2, 0, 1)
        colours = np.array([to_rgb(PALETTE[part % len(PALETTE)]) for part in range(len(score.part_names))])[score.part]
        opacity = FAINTEST + (1 - FAINTEST) * score.velocity / 127
        # Opaque edges separate repeated notes and keep very short ones visible.
        notes = PolyCollection(
            corners, facecolors=np.column_stack([colours, opacity]), edgecolors=colours * 0.75, linewidths=0.5, zorder=2
        )
        ax.add_collection(notes, autolim=False)
        ax.set_xlim(0, float(ends.max()))
    _bar_lines(ax, score, seconds)
    ax.set_xlabel("time (seconds)" if seconds else "time (quarter lengths)")
    ax.set_title(title or "")
    playing = np.unique(score.part).tolist()
    if 1 < len(playing) <= LEGEND_NAMES:
        handles = [Patch(color=PALETTE[part % len(PALETTE)], label=score.part_names[part]) for part in playing]
        ax.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    return ax


def compare(
    real: Score,
    generated: Score,
    ax: Sequence[Axes] | None = None,
    titles: tuple[str, str] = ("real", "generated"),
) -> np.ndarray:
    """Draws two piano rolls one above the other, with the same scales.

    Args:
        real: drawn above.
        generated: drawn below.
        ax: two axes; None creates a figure.
        titles: titles of the two axes.

    Returns:
        (2,) array of the axes.

    Raises:
        ValueError: if ``ax`` or ``titles`` does not have two elements.
    """
    for score in (real, generated):
        check_score(score, "compare")
    if len(titles) != 2:
        raise ValueError(f"compare: titles must be two, got {len(titles)}: {titles}")
    if ax is None:
        _, ax = plt.subplots(2, figsize=(WIDTH, 6.0), layout="constrained")
    elif isinstance(ax, Axes) or len(ax) != 2:
        count = 1 if isinstance(ax, Axes) else len(ax)
        raise ValueError(f"compare: ax must be two Axes, got {count}; make them with plt.subplots(2)")
    return piano_rolls((real, generated), ax, titles)


def piano_rolls(scores: Sequence[Score], ax: Sequence[Axes], titles: Sequence[str], legend: bool = True) -> np.ndarray:
    """Draws several piano rolls with the same scales, for example on a grid of axes.

    Args:
        scores: the scores.
        ax: as many axes; of a grid, ``axes.flat``.
        titles: as many titles.
        legend: whether to draw a legend of the parts beside each.

    Returns:
        (n,) array of the axes.

    Raises:
        ValueError: if the numbers differ.
    """
    scores, ax, titles = check_scores(scores, "piano_rolls"), list(ax), list(titles)
    if not len(scores) == len(ax) == len(titles):
        raise ValueError(
            f"piano_rolls: {len(scores)} scores need as many axes and titles, got {len(ax)} and {len(titles)}"
        )
    end = max((score.end for score in scores), default=0.0)
    for axes, score, title in zip(ax, scores, titles, strict=True):
        _draw(score, axes, False, title, scores)
        if end:
            axes.set_xlim(0, end)
        if not legend and axes.get_legend():
            axes.get_legend().remove()
    return np.array(ax, dtype=object)


def _height_axis(ax: Axes, score: Score, shown: Sequence[Score]) -> Lanes | None:
    """Sets the axis of pitches, of at least an octave, and of drums; returns the lanes of the drums."""
    pitches = np.concatenate([piece.pitched().pitch for piece in shown])
    low, high = (int(pitches.min()), int(pitches.max())) if len(pitches) else (60, 72)
    margin = max(1, (12 - (high - low)) // 2)
    low, high = low - margin, high + margin
    lanes = lanes_of(shown, ax, low - 0.5, high + 0.5)
    only_drums = lanes is not None and not len(pitches)
    ax.set_ylim(lanes.bottom if lanes else low - 0.5, lanes.top if only_drums else high + 0.5)
    if only_drums:
        ax.set_yticks([])
    else:
        _name_pitches(ax, low, high, score)
    if lanes:
        lanes.name(ax, not only_drums)
    ax.set_ylabel("drums" if only_drums else "drums and pitch" if lanes else "pitch")
    ax.set_axisbelow(True)
    ax.grid(axis="y", alpha=0.3)
    return lanes


def _name_pitches(ax: Axes, low: int, high: int, score: Score) -> None:
    """Names pitches from ``low`` to ``high``, as many as fit."""
    bottom, top = ax.get_ylim()
    semitone = ax.get_window_extent().height / ax.figure.dpi / (top - bottom)  # in inches
    fitting = (classes for classes, gap in NAMED_CLASSES if gap * semitone >= LABEL_HEIGHT)
    named = next(fitting, NAMED_CLASSES[-1][0])
    places = [pitch for pitch in range(low, high + 1) if pitch % 12 in named and 0 <= pitch <= 127]
    ax.set_yticks(places, [_pitch_name(pitch, score) for pitch in places])


def _pitch_name(pitch: int, score: Score) -> str:
    """Returns the name of a pitch in the first key of a score; as ``pitch_name`` does if there is no key."""
    if not score.key_signatures:
        return pitch_name(pitch)
    fifths = score.key_signatures[0][1]
    scale = {7 * step % 12 for step in range(fifths - 1, fifths + 6)}
    if pitch % 12 not in scale and len(pitch_name(pitch % 12 + 60)) == 2:  # a white key that the key does not name
        return pitch_name(pitch)
    step, alter, octave = keys.spelled(pitch, fifths)
    # Double accidentals would be hard to read.
    return f"{step}{('', '♯', '♭')[alter]}{octave}" if abs(alter) < 2 else pitch_name(pitch)


def _bar_lines(ax: Axes, score: Score, seconds: bool) -> None:
    lines = meter.bar_lines(score.time_signatures, score.end)
    if len(lines):
        # In long pieces only every second, fourth, ... bar line is drawn.
        lines = lines[:: -(-len(lines) // MOST_BAR_LINES)]
        places = score.seconds_at(lines) if seconds else lines
        ax.vlines(places, 0, 1, transform=ax.get_xaxis_transform(), colors="0.75", linewidths=0.6, zorder=1)
