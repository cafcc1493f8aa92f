"""Plots: piano rolls, attention maps, training curves and the spread of figures.

Every function draws on ``ax``, makes one where it is None, returns it, and neither shows the figure nor changes any
setting of matplotlib, so that a notebook cell's last line is the picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import PowerNorm, to_rgb
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from musiclib import meter
from musiclib.score import Score, pitch_name

# Okabe and Ito, "Color Universal Design" (2008): told apart with any colour vision; without black, and without the
# yellow that vanishes on white.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
FAINTEST = 0.35  # opacity of the softest note: it must still be seen
WIDTH = 10.0  # inches, of the figures made here
LABEL_HEIGHT = 0.17  # inches that the name of a pitch takes
# The pitch classes that are named, from all of them to the Cs alone, and how many semitones lie between two at least.
NAMED_CLASSES = ((range(12), 1), ((0, 4, 7), 3), ((0, 7), 5), ((0,), 12))
MOST_LABELS = 40  # tokens that an axis of an attention map names
MOST_BAR_LINES = 120
LEGEND_NAMES = 12  # more parts than this are told apart by colour no longer


def piano_roll(score: Score, ax: Axes | None = None, seconds: bool = False, title: str | None = None) -> Axes:
    """Draws each note as a bar over time: its part is the colour, its velocity the opacity.

    Args:
        score: may be empty, which gives empty axes.
        ax: where to draw; a new figure where None. The names of several parts stand to its right, for which a
            figure with ``layout="constrained"`` makes room.
        seconds: time in seconds, along the tempo map, instead of quarter lengths.
        title: above the axes.

    Returns:
        The axes. Where the score has time signatures, thin lines mark its bars.
    """
    if ax is None:
        _, ax = plt.subplots(figsize=(WIDTH, 4.0), layout="constrained")
    if len(score):
        starts, ends = score.seconds() if seconds else (score.onset, score.onset + score.duration)
        low, high = score.pitch - 0.42, score.pitch + 0.42  # a thin gap shows neighbouring pitches apart
        corners = np.array([[starts, low], [starts, high], [ends, high], [ends, low]]).transpose(2, 0, 1)
        colours = np.array([to_rgb(PALETTE[part % len(PALETTE)]) for part in range(len(score.part_names))])[score.part]
        opacity = FAINTEST + (1 - FAINTEST) * score.velocity / 127
        # Edges in the same colour at full strength keep repeated notes apart, and very short ones visible.
        notes = PolyCollection(
            corners, facecolors=np.column_stack([colours, opacity]), edgecolors=colours * 0.75, linewidths=0.5, zorder=2
        )
        ax.add_collection(notes, autolim=False)
        ax.set_xlim(0, float(ends.max()))
    _pitch_axis(ax, score)
    _bar_lines(ax, score, seconds)
    ax.set_xlabel("time (seconds)" if seconds else "time (quarter lengths)")
    ax.set_ylabel("pitch")
    ax.set_title(title or "")
    playing = np.unique(score.part).tolist()
    if 1 < len(playing) <= LEGEND_NAMES:
        handles = [Patch(color=PALETTE[part % len(PALETTE)], label=score.part_names[part]) for part in playing]
        # Beside the axes, where it covers no note.
        ax.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    return ax


def compare(
    real: Score,
    generated: Score,
    ax: Sequence[Axes] | None = None,
    titles: tuple[str, str] = ("real", "generated"),
) -> np.ndarray:
    """Draws two piano rolls one above the other, at the same scales.

    Args:
        real: drawn above.
        generated: drawn below.
        ax: two axes, or None for a new figure.
        titles: one above each.

    Returns:
        (2,) array of the axes.

    Raises:
        ValueError: where ``ax`` or ``titles`` are not two.
    """
    if len(titles) != 2:
        raise ValueError(f"compare: titles must be two, got {len(titles)}: {titles}")
    if ax is None:
        _, ax = plt.subplots(2, figsize=(WIDTH, 6.0), layout="constrained")
    elif isinstance(ax, Axes) or len(ax) != 2:
        count = 1 if isinstance(ax, Axes) else len(ax)
        raise ValueError(f"compare: ax must be two Axes, got {count}; make them with plt.subplots(2)")
    both = [score for score in (real, generated) if len(score)]
    for axes, score, title in zip(ax, (real, generated), titles, strict=True):
        piano_roll(score, axes, title=title)
        if both:
            pitches = [int(extreme) for piece in both for extreme in (piece.pitch.min(), piece.pitch.max())]
            axes.set_xlim(0, max(piece.end for piece in both))
            _name_pitches(axes, min(pitches), max(pitches))
    return np.array(ax, dtype=object)


def attention(weights: np.ndarray, tokens: Sequence[str], ax: Axes | None = None) -> Axes:
    """Draws how much each position attends to each other one.

    Args:
        weights: (time, time); row i holds what position i attends to, each from 0 to 1.
        tokens: one a position; where they are many, evenly spaced ones are named.
        ax: where to draw; a new figure where None.

    Returns:
        The axes, with a colour bar beside them.

    Raises:
        ValueError: where the weights are not square, or not as many as the tokens.
    """
    weights = np.asarray(weights, dtype=np.float64)
    count = len(tokens)
    if weights.shape != (count, count) or not count:
        raise ValueError(
            f"attention: {count} tokens, at least one, need weights of shape ({count}, {count}), got {weights.shape};"
            " give one head and one piece, such as weights[0, 0]"
        )
    if ax is None:
        _, ax = plt.subplots(figsize=(7.5, 6.5), layout="constrained")
    # The square root of a weight sets its colour: over many positions most weights are small, and would all look black.
    scale = PowerNorm(0.5, vmin=0.0, vmax=max(float(weights.max()), 1e-9))
    picture = ax.imshow(weights, cmap="viridis", norm=scale, interpolation="nearest")
    ax.figure.colorbar(picture, ax=ax, label="weight", fraction=0.046, pad=0.03)
    places = np.arange(0, count, -(-count // MOST_LABELS))
    # Rounded to what stays legible; at this size the labels of MOST_LABELS positions do not touch.
    size = float(np.clip(260 / len(places), 6.5, 10))
    names = [str(tokens[place]) for place in places]
    ax.set_xticks(places, names, rotation=90, fontsize=size)
    ax.set_yticks(places, names, fontsize=size)
    ax.set_xlabel("position attended to")
    ax.set_ylabel("position being predicted from")
    return ax


def history(history: Mapping[str, Sequence[float]], ax: Axes | None = None) -> Axes:
    """Draws the loss over the epochs of a training, and marks the best one.

    Args:
        history: what ``keras.callbacks.History.history`` holds: ``loss`` and, where there was a validation set,
            ``val_loss``, nats a token, one value an epoch. Other entries are passed over.
        ax: where to draw; a new figure where None.

    Returns:
        The axes. The best epoch is the one with the lowest validation loss, or training loss without that.

    Raises:
        ValueError: where no loss is recorded.
    """
    labels = {"loss": "training", "val_loss": "validation"}
    curves = {key: np.asarray(history[key], dtype=np.float64) for key in labels if len(history.get(key, ()))}
    if not any(np.isfinite(losses).any() for losses in curves.values()):
        raise ValueError(
            f"history: no finite loss under 'loss' or 'val_loss', only the entries {sorted(history)};"
            " train at least one epoch"
        )
    if ax is None:
        _, ax = plt.subplots(figsize=(7.0, 4.0), layout="constrained")
    for (key, losses), colour in zip(curves.items(), PALETTE, strict=False):
        epochs = np.arange(1, len(losses) + 1)
        ax.plot(epochs, losses, color=colour, marker="o", markersize=3.5, label=f"{labels[key]} loss")
    key = next(key for key in ("val_loss", "loss") if key in curves and np.isfinite(curves[key]).any())
    best = int(np.nanargmin(np.where(np.isfinite(curves[key]), curves[key], np.nan)))
    value = float(curves[key][best])
    ax.plot(best + 1, value, "*", color="black", markersize=13, zorder=3, label=f"best: epoch {best + 1}, {value:.3f}")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    longest = max(len(losses) for losses in curves.values())
    ax.set_xlim(0.5, longest + 0.5)
    ax.set_xlabel("epoch")
    ax.set_ylabel("loss (nats per token)")
    ax.grid(alpha=0.3)
    ax.legend(frameon=False)
    return ax


def spreads(
    values: Mapping[str, np.ndarray],
    ax: Axes | None = None,
    title: str = "",
    label: str = "",
    remarks: Sequence[str] = (),
    percent: bool = False,
) -> Axes:
    """Draws one figure of several sets of pieces, a dot for each piece, against the spread of the first set.

    Args:
        values: the name of a set and the figure of each of its pieces, nan where a piece has none. The
            first set is the yardstick: a grey band through all sets holds the middle 80% of its pieces.
        ax: where to draw; a new figure where None.
        title: above the axes.
        label: what the figure is, and its unit.
        remarks: a few letters for each set, to the right of its dots.
        percent: the figures are shares from 0 to 1, and are written as percentages.

    Returns:
        The axes. A stroke marks each set's median.
    """
    if ax is None:
        _, ax = plt.subplots(figsize=(6.0, 0.5 * len(values) + 1.2), layout="constrained")
    colours = ("0.25", *PALETTE)
    for row, (name, figures) in enumerate(values.items()):
        figures = np.asarray(figures, dtype=np.float64)
        figures = figures[np.isfinite(figures)]
        if not len(figures):
            continue
        if row == 0:
            ax.axvspan(*np.quantile(figures, [0.1, 0.9]), color="0.88", linewidth=0, zorder=0)
        # Spread over the height of the row, in a fixed order, so that equal figures do not hide one another.
        height = row - 0.27 + 0.54 * (0.618034 * np.arange(len(figures)) % 1)
        colour = colours[row % len(colours)]
        ax.scatter(figures, height, s=14, color=colour, alpha=0.45, linewidths=0, zorder=2, label=name)
        ax.vlines(np.median(figures), row - 0.38, row + 0.38, color=colour, linewidth=2.2, zorder=3)
    for row, remark in enumerate(remarks):
        ax.text(1.015, row, remark, transform=ax.get_yaxis_transform(), va="center", fontsize=8.5, color="0.25")
    ax.set_yticks(range(len(values)), list(values))
    ax.set_ylim(len(values) - 0.45, -0.55)
    ax.tick_params(axis="y", length=0)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.xaxis.set_major_locator(MaxNLocator(5))
    if percent:
        ax.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.4g}%")
    ax.set_xlabel(label, fontsize=9, color="0.35")
    ax.set_title(title, loc="left", fontweight="bold", fontsize=11)
    return ax


def _pitch_axis(ax: Axes, score: Score) -> None:
    low, high = (int(score.pitch.min()), int(score.pitch.max())) if len(score) else (60, 72)
    _name_pitches(ax, low, high)
    ax.set_axisbelow(True)
    ax.grid(axis="y", alpha=0.3)


def _name_pitches(ax: Axes, low: int, high: int) -> None:
    """Sets limits and names for pitches from ``low`` to ``high``: at least an octave, and as many names as fit."""
    margin = max(1, (12 - (high - low)) // 2)
    low, high = low - margin, high + margin
    semitone = ax.get_window_extent().height / ax.figure.dpi / (high - low + 1)  # in inches
    fitting = (classes for classes, gap in NAMED_CLASSES if gap * semitone >= LABEL_HEIGHT)
    named = next(fitting, NAMED_CLASSES[-1][0])
    places = [pitch for pitch in range(low, high + 1) if pitch % 12 in named and 0 <= pitch <= 127]
    ax.set_ylim(low - 0.5, high + 0.5)
    ax.set_yticks(places, [pitch_name(pitch) for pitch in places])


def _bar_lines(ax: Axes, score: Score, seconds: bool) -> None:
    lines = meter.bar_lines(score.time_signatures, score.end)
    if len(lines):
        # Of a long piece every second, fourth ... line is drawn: more would be a grey wall.
        lines = lines[:: -(-len(lines) // MOST_BAR_LINES)]
        places = score.seconds_at(lines) if seconds else lines
        ax.vlines(places, 0, 1, transform=ax.get_xaxis_transform(), colors="0.75", linewidths=0.6, zorder=1)
