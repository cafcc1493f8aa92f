"""Pieces: many pieces of ids as one flat array with offsets.

Memory grows with the number of tokens and with nothing else; a saved file is
memory-mapped, so that a corpus may be larger than memory.
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterable, Iterator

import numpy as np

from musiclib import files


class Pieces:
    """Pieces in a row.

    Args:
        ids: (tokens,) int32, all pieces one after the other.
        offsets: (pieces + 1,) int64; piece i is ``ids[offsets[i]:offsets[i + 1]]``.

    Raises:
        ValueError: where the offsets do not cut the ids.
    """

    def __init__(self, ids: np.ndarray, offsets: np.ndarray) -> None:
        if len(offsets) == 0 or offsets[0] != 0 or offsets[-1] != len(ids) or np.any(np.diff(offsets) < 0):
            raise ValueError(f"offsets must rise from 0 to the number of ids, {len(ids)}; these do not")
        self.ids, self.offsets = ids, offsets

    @classmethod
    def from_lists(cls, pieces: Iterable[np.ndarray]) -> Pieces:
        """Joins one array of ids a piece."""
        pieces = [np.asarray(piece, dtype=np.int32) for piece in pieces]
        offsets = np.cumsum([0, *(len(piece) for piece in pieces)], dtype=np.int64)
        return cls(np.concatenate([np.zeros(0, np.int32), *pieces]), offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, i: int) -> np.ndarray:
        if not -len(self) <= i < len(self):
            raise IndexError(f"there is no piece {i}; there are {len(self)}")
        i %= len(self)
        return self.ids[self.offsets[i] : self.offsets[i + 1]]

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return f"Pieces({len(self)} pieces, {len(self.ids):,} ids)"

    def save(self, path: str | pathlib.Path) -> None:
        """Writes ``path.ids.npy`` and ``path.offsets.npy``, each beside and then into its place."""
        for suffix, array in (("ids", self.ids), ("offsets", self.offsets)):
            with files.replacing(f"{path}.{suffix}.npy") as file:
                np.save(file, array)

    @classmethod
    def load(cls, path: str | pathlib.Path) -> Pieces:
        """Opens what ``save`` wrote; the ids stay on disk until they are used."""
        folder, name = pathlib.Path(path).parent, pathlib.Path(path).name
        ids, offsets = (files.part(folder, f"{name}.{suffix}.npy") for suffix in ("ids", "offsets"))
        return cls(np.load(ids, mmap_mode="r"), np.load(offsets))
