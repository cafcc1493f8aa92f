"""Attention maps: heat maps of attention weights."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm

MOST_LABELS = 40  # maximum tick labels per axis


def attention(weights: np.ndarray, tokens: Sequence[str], ax: Axes | None = None) -> Axes:
    """Draws attention weights as a heat map.

    Args:
        weights: (time, time), from 0 to 1; row i has the weights of query position i.
        tokens: one per position; with many tokens only evenly spaced ones are labelled.
        ax: axes to draw on; None creates a figure.

    Returns:
        The axes, with a colour bar.

    Raises:
        ValueError: if the weights do not have the shape (tokens, tokens).
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
    # Square-root colour scale: with many positions most weights are small and would all look black.
    scale = PowerNorm(0.5, vmin=0.0, vmax=max(float(weights.max()), 1e-9))
    picture = ax.imshow(weights, cmap="viridis", norm=scale, interpolation="nearest")
    ax.figure.colorbar(picture, ax=ax, label="weight", fraction=0.046, pad=0.03)
    places = np.arange(0, count, -(-count // MOST_LABELS))
    # Clipped to legible sizes, at which MOST_LABELS labels do not overlap.
    size = float(np.clip(260 / len(places), 6.5, 10))
    names = [str(tokens[place]) for place in places]
    ax.set_xticks(places, names, rotation=90, fontsize=size)
    ax.set_yticks(places, names, fontsize=size)
    ax.set_xlabel("position attended to")
    ax.set_ylabel("position being predicted from")
    return ax
