"""The energy distance between two sets of phrases in voices, by which the best epoch of a GAN is selected.

The critic's own estimate cannot select it: it is small at first, when the critic knows nothing.
"""

from __future__ import annotations

import itertools

import numpy as np

from musiclib.models.layers.phrase_tokens import PhraseTokens

_LEAP = 12  # semitones; larger leaps are clipped to this


def features(grid: np.ndarray, tokens: PhraseTokens) -> np.ndarray:
    """Describes phrases by their intervals and rhythms, which transposition does not change.

    For each pair of voices the shares of the twelve interval classes over the steps at which both sound; for each voice
    the shares of its melodic intervals, the share of onsets at each sixteenth of a quarter, and that of its rests.

    Args:
        grid: ids, (phrases, steps, voices).
        tokens: their meaning.

    Returns:
        (phrases, n) float64.
    """
    count, steps, voices = grid.shape
    onset = tokens.pitch[grid].astype(int)  # -1 where no note begins
    sounding = np.full((count, steps, voices), -1)
    last = np.full((count, voices), -1)
    for step in range(steps):
        last = np.where(onset[:, step] >= 0, onset[:, step], np.where(grid[:, step] == tokens.hold, last, -1))
        sounding[:, step] = last
    columns = []
    for one, other in itertools.combinations(range(voices), 2):
        both = (sounding[..., one] >= 0) & (sounding[..., other] >= 0)
        columns.append(_shares((sounding[..., one] - sounding[..., other]) % 12, both, 12))
    for voice in range(voices):
        begins = onset[..., voice] >= 0
        before = np.concatenate([np.full((count, 1), -1), sounding[:, :-1, voice]], axis=1)
        leaps = np.clip(onset[..., voice] - before, -_LEAP, _LEAP) + _LEAP
        columns.append(_shares(leaps, begins & (before >= 0), 2 * _LEAP + 1))
        columns.append(begins.reshape(count, -1, 4).mean(axis=1))
        columns.append((sounding[..., voice] < 0).mean(axis=1, keepdims=True))
    return np.concatenate(columns, axis=1)


def _shares(values: np.ndarray, counted: np.ndarray, size: int) -> np.ndarray:
    """Returns the share of each value from 0 to ``size`` among those counted in each row, (rows, size)."""
    counts = np.stack([((values == value) & counted).sum(axis=1) for value in range(size)], axis=1)
    return counts / np.maximum(counted.sum(axis=1, keepdims=True), 1)


def energy_distance(real: np.ndarray, generated: np.ndarray) -> float:
    """Returns the energy distance of two sets of vectors; 0 where their distributions are the same.

    Source: Gábor Székely and Maria Rizzo, "Energy statistics" (2013).
    """

    def mean_distance(a: np.ndarray, b: np.ndarray) -> float:
        squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None] - 2 * a @ b.T
        pairs = len(a) * len(b) - (len(a) if a is b else 0)  # a vector is not paired with itself
        return float(np.sqrt(np.maximum(squares, 0)).sum() / max(pairs, 1))

    return 2 * mean_distance(real, generated) - mean_distance(real, real) - mean_distance(generated, generated)
