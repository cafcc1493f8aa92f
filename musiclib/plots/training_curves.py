"""Training curves: training and validation loss over the epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from musiclib.plots.palette import PALETTE


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
