"""Attention maps: what each position attends to."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm

MOST_LABELS = 40  # tokens that an axis of an attention map names


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
