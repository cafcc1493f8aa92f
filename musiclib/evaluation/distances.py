"""Distances: how far the figures of two sets of pieces come from the same music.

Averages can agree where the music does not: a network that always writes the average piece has the
right mean and no variety. So the distances between pieces are compared: those among the real pieces
with those from each generated piece to each real one. Where both kinds are spread alike, the generated
pieces stand among the real ones as if they were some of them.

Source: Yang and Lerch, "On the evaluation of generative models in music" (2018). Two details differ
from their program: both densities are taken on one grid, and the grid reaches beyond the outermost
distances, so that equal sets overlap by exactly 1.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

import numpy as np

_GRID = 1024
_GROUPS = 8  # of pieces, left out in turn
_LEAST = 1e-12  # of a density's highest value: where nothing was seen, something unlikely is possible


@dataclasses.dataclass(frozen=True)
class Likeness:
    """How alike two sets are in one figure.

    Args:
        overlap: the area that both densities share, from 0 (nothing in common) to 1 (the same).
        divergence: Kullback-Leibler divergence of the distances among real pieces from those between
            generated and real ones, in nats; 0 where they are the same.
    """

    overlap: float
    divergence: float


def likeness(real: np.ndarray, generated: np.ndarray) -> Likeness:
    """Compares one figure of two sets of pieces; nan, a piece without that figure, is left out.

    Args:
        real: (n,), one value a piece.
        generated: (m,), one value a piece.

    Returns:
        The likeness; nan where there are fewer than three real pieces or no generated one.
    """
    real, generated = (np.asarray(values, float)[np.isfinite(values)] for values in (real, generated))
    if len(real) < 3 or not len(generated):
        return Likeness(np.nan, np.nan)
    among = np.abs(real[:, None] - real[None, :])[np.triu_indices(len(real), 1)]
    between = np.abs(generated[:, None] - real[None, :]).ravel()
    widths = np.array([bandwidth(values) for values in (among, between)])
    # Where all distances are equal, the other set's width serves both; where they are in both, any small one does.
    extent = max(float(np.ptp(np.concatenate([among, between]))), 1e-9)
    widths = np.where(widths > 1e-9 * extent, widths, max(widths.max(), 1e-2 * extent))
    margin = 4 * widths.max()
    low, high = min(among.min(), between.min()) - margin, max(among.max(), between.max()) + margin
    grid = np.linspace(low, high, _GRID)
    p, q = (density(values, grid, width) for values, width in zip((among, between), widths, strict=True))
    p, q = p / p.sum(), q / q.sum()
    floor = _LEAST * max(p.max(), q.max())
    divergence = float(np.sum(p * np.log(np.maximum(p, floor) / np.maximum(q, floor))))
    return Likeness(float(np.minimum(p, q).sum()), max(divergence, 0.0))


def chance_of_overlap(real: Mapping[str, np.ndarray], generated: Mapping[str, np.ndarray]) -> float:
    """Returns the standard error of the mean overlap: by how much other generated pieces would change it.

    By the jackknife: each of up to eight groups of pieces is left out in turn (Efron and Stein, "The jackknife
    estimate of variance", 1981).

    Args:
        real: of each figure (n,), one value a piece.
        generated: of each figure (m,), one value a piece, in the same order of pieces.

    Returns:
        0 to 1; nan where fewer than two pieces were generated, or nothing can be compared.
    """
    pieces = len(next(iter(generated.values())))
    groups = min(_GROUPS, pieces)
    means = []
    for group in range(groups):
        kept = np.arange(pieces) % groups != group
        means.append(mean_of_finite([likeness(real[name], values[kept]).overlap for name, values in generated.items()]))
    return float(np.sqrt((groups - 1) * np.var(means))) if groups > 1 else float("nan")


def mean_of_finite(values: Iterable[float]) -> float:
    """Returns the mean of the values that are finite; nan where none is."""
    values = np.asarray(values, dtype=np.float64)
    return float(np.mean(values[np.isfinite(values)])) if np.any(np.isfinite(values)) else float("nan")


def bandwidth(values: np.ndarray) -> float:
    """Returns Scott's width of the kernels, ``n ** (-1 / 5)`` standard deviations; 0 for equal values."""
    return float(np.std(values, ddof=1) * len(values) ** -0.2) if len(values) > 1 else 0.0


def density(values: np.ndarray, grid: np.ndarray, width: float) -> np.ndarray:
    """Returns the Gaussian kernel density of (n,) values at each place of a grid."""
    total = np.zeros(len(grid))
    for part in np.array_split(values, -(-len(values) // 4096)):  # keeps memory small
        total += np.exp(-0.5 * ((grid[:, None] - part[None, :]) / width) ** 2).sum(axis=1)
    return total / (len(values) * width * np.sqrt(2 * np.pi))
