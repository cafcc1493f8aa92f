"""Content: what two versions of a piece have in common, in contour, rhythm and chroma, whatever their style.

Each measure is 1 for the same music. Two unrelated pieces do not reach 0: ``style.corners`` measures what they reach.

Source: the three measures are those by which Ondřej Cífka et al., "Supervised Symbolic Music Style Translation Using
Synthetic Data" (2019), and Shih-Lun Wu and Yi-Hsuan Yang, "MuseMorphose" (2021), judge content: the chroma of a bar and
its onsets. The correlation of the pitches is added here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from musiclib.score import Score
from musiclib.score.checking import check_score
from musiclib.score.voices import SILENT, notes_at_steps

_WINDOW = 16  # sixteenths whose chroma is compared
NAMES = ("contour", "rhythm", "chroma")


class Grid(NamedTuple):
    """Phrases or pieces of the same length on a grid of sixteenths.

    Args:
        pitch: int, (n, steps, voices), -1 where a voice is silent.
        onset: bool, (n, steps, voices).
    """

    pitch: np.ndarray
    onset: np.ndarray

    @classmethod
    def of(cls, score: Score, steps: int) -> Grid:
        """Returns one score on a grid of so many steps."""
        notes = np.full((steps, 4), SILENT)
        found = notes_at_steps(score)[:steps]
        notes[: len(found)] = found
        onset = (notes != SILENT) & (notes != np.concatenate([np.full((1, 4), SILENT), notes[:-1]]))
        pitch = np.where(notes == SILENT, SILENT, np.append(score.pitch, SILENT)[notes])
        return cls(pitch[None], onset[None])


def kept(before: Score, after: Score) -> dict[str, float]:
    """Returns how much of a piece another version keeps: contour, rhythm, chroma and their mean, ``"content"``."""
    for score in (before, after):
        check_score(score, "kept")
    steps = max(len(notes_at_steps(score)) for score in (before, after))
    values = {
        name: float(value[0]) for name, value in similarity(Grid.of(before, steps), Grid.of(after, steps)).items()
    }
    return {**values, "content": float(np.mean([*values.values()]))}


def similarity(one: Grid, many: Grid) -> dict[str, np.ndarray]:
    """Compares grids of the same number of steps.

    Args:
        one: n = 1, or as many as ``many``.
        many: (n, steps, voices).

    Returns:
        ``"contour"``: the correlation of the pitches that sound in both, at least 0; ``"rhythm"``: the F1 score of the
        onsets; ``"chroma"``: the cosine of the pitch classes, weighted by duration, mean over windows of a quarter of
        16 steps. Each (n,).
    """
    return {
        "contour": np.maximum(_correlation(one.pitch, many.pitch), 0.0),
        "rhythm": _f1(one.onset, many.onset),
        "chroma": _chroma_cosine(one.pitch, many.pitch),
    }


def _correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = np.broadcast_arrays(a, b)
    both = (a != SILENT) & (b != SILENT)
    count = np.maximum(both.sum(axis=1), 1)
    a, b = (np.where(both, x - (x * both).sum(axis=1, keepdims=True) / count[:, None], 0.0) for x in (a, b))
    norms = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    level = norms < 1e-9
    same = (a**2).sum(axis=1) + (b**2).sum(axis=1) < 1e-9  # both hold one pitch
    r = np.where(level, same, (a * b).sum(axis=1) / np.where(level, 1.0, norms))
    sounds = both.any(axis=1)
    return (r * sounds).sum(axis=1) / np.maximum(sounds.sum(axis=1), 1)


def _f1(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    hits, total = (a & b).sum(axis=(1, 2)), a.sum(axis=(1, 2)) + b.sum(axis=(1, 2))
    return np.where(total > 0, 2 * hits / np.maximum(total, 1), 1.0)


def _chroma_cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = _chroma(a), _chroma(b)
    norms = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    cosine = (a * b).sum(axis=-1) / np.maximum(norms, 1e-9)
    some = (a.sum(axis=-1) > 0) | (b.sum(axis=-1) > 0)
    return np.where(some, cosine, 0.0).sum(axis=1) / np.maximum(some.sum(axis=1), 1)


def _chroma(pitch: np.ndarray) -> np.ndarray:
    """Returns the steps of each pitch class in each window, (n, windows, 12)."""
    missing = -pitch.shape[1] % _WINDOW
    pitch = np.pad(pitch, ((0, 0), (0, missing), (0, 0)), constant_values=SILENT)
    pitch = pitch.reshape(len(pitch), -1, _WINDOW * pitch.shape[2])
    classes = np.where(pitch == SILENT, 12, pitch % 12)
    return (classes[..., None] == np.arange(12)).sum(axis=2).astype(np.float64)
