"""Distances: how similar the distributions of a statistic are in two sets of pieces.

Means alone would hide missing variety, so the distances between pieces are compared: those among the real pieces with
those from each generated piece to each real one. Equal distributions mean that generated pieces differ from real ones
as real ones differ from each other.

Source: Yang and Lerch, "On the evaluation of generative models in music" (2018). Two details differ from their
program: both densities share one grid, which extends beyond the largest distances, so that equal sets overlap by
exactly 1.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

import numpy as np

_GRID = 1024
_GROUPS = 8  # jackknife groups of pieces
_LEAST = 1e-12  # smallest density in the divergence, relative to the maximum: avoids log 0


@dataclasses.dataclass(frozen=True)
class Likeness:
    """How similar two sets are in one statistic.

    Args:
        overlap: the area shared by both densities, from 0 (nothing in common) to 1 (the same).
        divergence: Kullback-Leibler divergence of the distances among real pieces from those between
            generated and real ones, in nats; 0 where they are the same.
    """

    overlap: float
    divergence: float


def likeness(real: np.ndarray, generated: np.ndarray) -> Likeness:
    """Compares one statistic of two sets of pieces; nan values are left out.

    Args:
        real: (n,), one value per piece.
        generated: (m,), one value per piece.

    Returns:
        The likeness; nan where there are fewer than three real pieces or no generated one.
    """
    real, generated = (np.asarray(values, float)[np.isfinite(values)] for values in (real, generated))
    if len(real) < 3 or not len(generated):
        return Likeness(np.nan, np.nan)
    among = np.abs(real[:, None] - real[None, :])[np.triu_indices(len(real), 1)]
    between = np.abs(generated[:, None] - real[None, :]).ravel()
    widths = np.array([bandwidth(values) for values in (among, between)])
    # Where all distances of a set are equal, both use the other's bandwidth; where of both sets, a small one.
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
    """Returns the standard error of the mean overlap over generated pieces.

    By the jackknife over up to eight groups of pieces (Efron and Stein, "The jackknife estimate of variance", 1981).

    Args:
        real: (n,) values of each statistic, one per piece.
        generated: (m,) values of each statistic, one per piece, always in the same order.

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
    """Returns the mean of the finite values; nan where there are none."""
    values = np.asarray(values, dtype=np.float64)
    return float(np.mean(values[np.isfinite(values)])) if np.any(np.isfinite(values)) else float("nan")


def bandwidth(values: np.ndarray) -> float:
    """Returns Scott's bandwidth, ``n ** (-1 / 5)`` standard deviations; 0 for equal values."""
    return float(np.std(values, ddof=1) * len(values) ** -0.2) if len(values) > 1 else 0.0


def density(values: np.ndarray, grid: np.ndarray, width: float) -> np.ndarray:
    """Returns the Gaussian kernel density of (n,) values at each point of a grid."""
    total = np.zeros(len(grid))
    for part in np.array_split(values, -(-len(values) // 4096)):  # keeps memory small
        total += np.exp(-0.5 * ((grid[:, None] - part[None, :]) / width) ** 2).sum(axis=1)
    return total / (len(values) * width * np.sqrt(2 * np.pi))
