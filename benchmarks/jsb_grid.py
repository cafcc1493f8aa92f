"""Grids of the JSB chorales: their tokens and keys, the ranges of their voices, and which pieces share passages.

A grid is an array (steps, 4) of MIDI pitches, -1 where a voice is silent, as ``musiclib.corpus.jsb`` loads it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from musiclib.encodings.chorale import ORDER, REST
from musiclib.score import passages, pitch_name
from musiclib.score.voices import SILENT


def tokens(grid: np.ndarray) -> list[str]:
    """Returns the tokens of ``Chorale()`` for every voice and step, also for silence at the end."""
    return [REST if pitch == SILENT else pitch_name(pitch) for pitch in grid[:, ORDER].ravel().tolist()]


def transposed(grid: np.ndarray, semitones: int) -> np.ndarray:
    """Returns a piece moved by ``semitones``; silence stays silence."""
    return np.where(grid == SILENT, SILENT, grid + semitones)


def voice_ranges(grids: Iterable[np.ndarray]) -> list[tuple[int, int]]:
    """Returns the lowest and the highest pitch of each voice in some pieces; (0, 127) of a voice that never sings."""
    together = np.concatenate(list(grids))
    voices = (voice[voice != SILENT] for voice in together.T)
    return [(int(voice.min()), int(voice.max())) if voice.size else (0, 127) for voice in voices]


def inside(grid: np.ndarray, ranges: Iterable[tuple[int, int]]) -> np.ndarray:
    """Tells of each voice and step whether it is silent or within the voice's range, (steps, 4) bool."""
    low, high = np.array(list(ranges)).T
    return (grid == SILENT) | ((grid >= low) & (grid <= high))


def copies(pieces: Mapping[str, np.ndarray], others: Mapping[str, np.ndarray]) -> list[tuple[str, str]]:
    """Lists the pieces that stand among others note for note, in any key, as pairs of names."""
    shapes = {_shape(grid): name for name, grid in others.items()}
    return [(name, shapes[_shape(grid)]) for name, grid in pieces.items() if _shape(grid) in shapes]


def shared(grid: np.ndarray, others: Mapping[str, np.ndarray], steps: int = 32) -> float:
    """Returns the share of a piece's passages of so many steps that stand in others, in any key, 0 to 1."""
    known = {passage for other in others.values() for passage in _passages(other, steps)}
    passages = _passages(grid, steps)
    return sum(passage in known for passage in passages) / max(len(passages), 1)


def _passages(grid: np.ndarray, steps: int) -> list[bytes]:
    starts = passages.starts((0, len(grid)), steps)
    return [_shape(grid[i : i + steps]) for i in starts if np.any(grid[i : i + steps] != SILENT)]


def _shape(grid: np.ndarray) -> bytes:
    """Returns what a piece has in common with its transpositions: every pitch less the first one."""
    sung = grid[grid != SILENT]
    return np.where(grid == SILENT, 1000, grid - (sung[0] if sung.size else 0)).astype(np.int16).tobytes()
