"""Training curves: training and validation loss by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from musiclib.plots.palette import PALETTE


def history(history: Mapping[str, Sequence[float]], ax: Axes | None = None) -> Axes:
    """Draws the loss by epoch and marks the best epoch.

    Args:
        history: ``keras.callbacks.History.history``: ``loss`` and, with validation data, ``val_loss``, in nats per
            token, one value per epoch. Other entries are ignored.
        ax: axes to draw on; None creates a figure.

    Returns:
        The axes. The best epoch has the lowest validation loss (training loss if there is no validation loss).

    Raises:
        ValueError: if there is no finite loss.
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
