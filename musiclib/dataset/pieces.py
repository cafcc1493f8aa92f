"""Pieces: many pieces of ids as one flat array with offsets, alone or in pairs.

Saved files are memory-mapped, so that a corpus may be larger than memory. Pieces know the fingerprint of their
vocabulary, and so do the ids of each piece that they give out.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterable, Iterator

import numpy as np

from musiclib import _atomic
from musiclib.encodings.ids import check_vocabulary, vocabulary_of, with_vocabulary
from musiclib.encodings.vocabulary import END, PADDING, START


class Pieces:
    """A sequence of pieces of ids.

    Args:
        ids: (tokens,) int32, all pieces in one array.
        offsets: (pieces + 1,) int64; piece i is ``ids[offsets[i]:offsets[i + 1]]``.
        vocabulary: the fingerprint of the vocabulary; None if it is unknown, and for frames.

    Raises:
        ValueError: where the offsets do not fit the ids.
    """

    def __init__(self, ids: np.ndarray, offsets: np.ndarray, vocabulary: str | None = None) -> None:
        if len(offsets) == 0 or offsets[0] != 0 or offsets[-1] != len(ids) or np.any(np.diff(offsets) < 0):
            raise ValueError(f"offsets must rise from 0 to the number of ids, {len(ids)}; these do not")
        self.ids, self.offsets, self.vocabulary = ids, offsets, vocabulary

    @classmethod
    def from_lists(cls, pieces: Iterable[np.ndarray]) -> Pieces:
        """Returns pieces from one array of ids each; raises ValueError where these are of several vocabularies."""
        arrays, vocabulary = [np.zeros(0, np.int32)], None
        for piece in pieces:
            check_vocabulary(vocabulary, piece, f"the ids of piece {len(arrays) - 1}")
            vocabulary = vocabulary or vocabulary_of(piece)
            arrays.append(np.asarray(piece, dtype=np.int32))
        return cls(np.concatenate(arrays), np.cumsum([len(array) for array in arrays], dtype=np.int64), vocabulary)

    def of_vocabulary(self, fingerprint: str, name: str) -> Pieces:
        """Returns these pieces with the fingerprint of their vocabulary; frames have none.

        Raises:
            ValueError: where they were made with another vocabulary; the message calls them ``name``.
        """
        check_vocabulary(fingerprint, self, name)
        return self if self.ids.ndim != 1 or self.vocabulary else Pieces(self.ids, self.offsets, fingerprint)

    @property
    def targets(self) -> Pieces:
        """The pieces that a model predicts: these."""
        return self

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """All arrays of these pieces."""
        return self.ids, self.offsets

    @property
    def tokens(self) -> tuple[np.ndarray, ...]:
        """The arrays that hold ids."""
        return (self.ids,)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, i: int) -> np.ndarray:
        if not -len(self) <= i < len(self):
            raise IndexError(f"there is no piece {i}; there are {len(self)}")
        i %= len(self)
        return with_vocabulary(self.ids[self.offsets[i] : self.offsets[i + 1]], self.vocabulary)

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return f"Pieces({len(self)} pieces, {len(self.ids):,} ids)"

    def save(self, path: str | pathlib.Path) -> None:
        """Saves ``path.ids.npy`` and ``path.offsets.npy``, each by an atomic write."""
        _save_arrays(path, ids=self.ids, offsets=self.offsets)

    @classmethod
    def load(cls, path: str | pathlib.Path) -> Pieces:
        """Loads saved files; the ids are memory-mapped."""
        return cls(np.load(_array_path(path, "ids"), mmap_mode="r"), np.load(_array_path(path, "offsets")))


@dataclasses.dataclass(frozen=True)
class PairedPieces:
    """Sources and their targets.

    Args:
        sources: ids of each source, without ``<start>`` and ``<end>``.
        targets: as many pieces, each from ``<start>`` to ``<end>``.
        groups: (pairs,) ascending numbers: pairs with the same number are transpositions of one pair.
    """

    sources: Pieces
    targets: Pieces
    groups: np.ndarray

    def __post_init__(self) -> None:
        check_vocabulary(self.sources.vocabulary, self.targets, "the targets")

    @property
    def vocabulary(self) -> str | None:
        """The fingerprint of the vocabulary, which sources and targets share; None if it is unknown."""
        return self.targets.vocabulary or self.sources.vocabulary

    def of_vocabulary(self, fingerprint: str, name: str) -> PairedPieces:
        """Returns these pairs with the fingerprint of their vocabulary; see ``Pieces.of_vocabulary``."""
        sides = (side.of_vocabulary(fingerprint, name) for side in (self.sources, self.targets))
        return PairedPieces(*sides, self.groups)

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """All arrays of these pairs."""
        return *self.sources.arrays, *self.targets.arrays, self.groups

    @property
    def tokens(self) -> tuple[np.ndarray, ...]:
        """The arrays that hold ids."""
        return self.sources.ids, self.targets.ids

    def __len__(self) -> int:
        return len(self.sources)

    def __repr__(self) -> str:
        return f"PairedPieces({len(self)} pairs, {len(self.sources.ids):,} and {len(self.targets.ids):,} ids)"

    def save(self, path: str | pathlib.Path) -> None:
        """Saves the arrays under names that begin with ``path``, each by an atomic write."""
        self.sources.save(f"{path}.sources")
        self.targets.save(f"{path}.targets")
        _save_arrays(path, groups=self.groups)

    @classmethod
    def load(cls, path: str | pathlib.Path) -> PairedPieces:
        """Loads saved files; the ids are memory-mapped."""
        sources, targets = (Pieces.load(f"{path}.{side}") for side in ("sources", "targets"))
        return cls(sources, targets, np.load(_array_path(path, "groups")))


def rows(pieces: Iterable[np.ndarray], length: int) -> np.ndarray:
    """Returns pieces as rows of ids, padded at the end, (pieces, length) int32."""
    pieces = list(pieces)
    table = np.full((len(pieces), length), PADDING, np.int32)
    for line, ids in zip(table, pieces, strict=True):
        line[: len(ids)] = ids
    return table


def from_start_to_end(ids: np.ndarray) -> np.ndarray:
    """Returns the ids of a piece between ``<start>`` and ``<end>``."""
    return with_vocabulary(np.concatenate([[START], ids, [END]]), vocabulary_of(ids))


def _save_arrays(path: str | pathlib.Path, **arrays: np.ndarray) -> None:
    for name, array in arrays.items():
        with _atomic.replacing(f"{path}.{name}.npy") as file:
            np.save(file, array)


def _array_path(path: str | pathlib.Path, name: str) -> pathlib.Path:
    path = pathlib.Path(path)
    return _atomic.part(path.parent, f"{path.name}.{name}.npy")
