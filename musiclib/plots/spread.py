"""Spread: a statistic of several sets of pieces, one dot per piece."""

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
    """Draws a strip plot of a statistic: one row per set of pieces, one dot per piece.

    Args:
        values: for each set its name and one value per piece, nan if a piece has none. The first set is the
            reference: a grey band shows the middle 80% of its values.
        ax: axes to draw on; None creates a figure.
        title: title of the axes.
        label: name and unit of the statistic.
        remarks: a short text for each set, to the right of its row.
        percent: format values from 0 to 1 as percentages.

    Returns:
        The axes. A line marks each set's median.
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
        # Deterministic vertical jitter, so that equal values do not overlap.
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
