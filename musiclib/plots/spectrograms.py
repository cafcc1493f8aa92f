"""Spectrograms: frames of sound as a picture."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes


def spectrogram(frames: np.ndarray, rate: float, ax: Axes | None = None, title: str = "") -> Axes:
    """Draws frames, brighter where there is more energy.

    Args:
        frames: (frames, bands), such as those of ``encodings.Spectra``.
        rate: frames per second.
        ax: axes to draw on; None creates a figure.
        title: title of the axes.

    Returns:
        The axes.

    Raises:
        ValueError: if there are no frames.
    """
    frames = np.asarray(frames)
    if frames.ndim != 2 or not frames.size:
        raise ValueError(f"spectrogram: frames must be (frames, bands), at least one, got shape {frames.shape}")
    if ax is None:
        _, ax = plt.subplots(figsize=(10.0, 3.0), layout="constrained")
    ax.imshow(
        frames.T,
        origin="lower",
        aspect="auto",
        cmap="magma",
        extent=(0, len(frames) / rate, 0.5, frames.shape[1] + 0.5),
    )
    ax.set_xlabel("time (seconds)")
    ax.set_ylabel("band")
    ax.set_title(title)
    return ax
