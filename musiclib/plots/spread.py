"""Spread: one statistic of several sets of pieces, a dot for each piece."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from musiclib.plots.palette import PALETTE


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
