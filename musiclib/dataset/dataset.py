"""Dataset: a split corpus as ids, with its encoding and vocabulary, for training.

It is saved as one folder, and loading it needs neither music21 nor TensorFlow.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import pathlib
from typing import ClassVar, Self

import numpy as np

from musiclib import _atomic, encodings
from musiclib.dataset.pieces import PairedPieces, Pieces
from musiclib.encodings.figures import percent
from musiclib.encodings.vocabulary import END, LABEL, START, UNKNOWN, Vocabulary

PARTS = ("train", "validation", "test")


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Ids of training, validation and test pieces; each piece runs from ``<start>`` to ``<end>``.

    Args:
        train: training pieces.
        validation: validation pieces.
        test: test pieces.
        vocabulary: the tokens, collected from ``train`` only.
        encoding: of the tokens.
        about: provenance (transpositions, names of the pieces).

    Raises:
        ValueError: where a part was made with another vocabulary.
    """

    train: Pieces
    validation: Pieces
    test: Pieces
    vocabulary: Vocabulary
    encoding: encodings.Encoding
    about: dict
    source_encoding: ClassVar[encodings.Encoding | None] = None
    _part: ClassVar[type] = Pieces

    def __post_init__(self) -> None:
        for name in PARTS:
            part = getattr(self, name).of_vocabulary(self.vocabulary.fingerprint, f"the {name} pieces")
            object.__setattr__(self, name, part)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{len(getattr(self, p).ids):,} ids in {len(getattr(self, p))} {p} pieces" for p in PARTS)
        return f"Dataset({sizes}, {len(self.vocabulary)} tokens{self._unknown})"

    @property
    def unknown_share(self) -> float | None:
        """The share of ``<unknown>`` among the tokens of the held-out pieces; None where there are none."""
        if self.encoding.bands is not None:
            return None  # frames of numbers
        ids = np.concatenate([ids for name in PARTS[1:] for ids in getattr(self, name).tokens])
        tokens = np.count_nonzero((ids != START) & (ids != END))
        return np.count_nonzero(ids == UNKNOWN) / tokens if tokens else None

    @property
    def _unknown(self) -> str:
        share = self.unknown_share
        return "" if share is None else f", {percent(share)} of the held-out tokens unknown"

    @property
    def _encodings(self) -> dict[str, dict]:
        """The configuration of the source encoding, where there is one, and of the encoding."""
        source = {"source_encoding": self.source_encoding.to_config()} if self.source_encoding else {}
        return {**source, "encoding": self.encoding.to_config()}

    @property
    def fingerprint(self) -> str:
        """The first 16 hexadecimal digits of a SHA-256 over ids, vocabulary and encodings."""
        digest = hashlib.sha256(self.vocabulary.to_json().encode())
        for encoding in self._encodings.values():
            digest.update(json.dumps(encoding, sort_keys=True).encode())
        for name in PARTS:
            for array in getattr(self, name).arrays:
                digest.update(np.ascontiguousarray(array))
        return digest.hexdigest()[:16]

    def unlabelled(self) -> Self:
        """Returns the dataset without the labels in its pieces; the vocabulary keeps them."""
        labels = self.vocabulary.to_ids([LABEL + label for label in self.vocabulary.labels])

        def strip(part: Pieces) -> Pieces:
            return Pieces.from_lists(piece[~np.isin(piece, labels)] for piece in part)

        return dataclasses.replace(self, **{name: strip(getattr(self, name)) for name in PARTS})

    def save(self, folder: str | pathlib.Path) -> pathlib.Path:
        """Saves the dataset into a folder by an atomic write; an existing dataset is replaced."""
        folder = pathlib.Path(folder).expanduser()
        about = {**self._encodings, "fingerprint": self.fingerprint, "about": self.about}
        with _atomic.together(folder) as new:
            for name in PARTS:
                getattr(self, name).save(new / name)
            (new / "vocabulary.json").write_text(self.vocabulary.to_json(), encoding="utf-8")
            (new / "dataset.json").write_text(json.dumps(about, indent=2), encoding="utf-8")
        return folder

    @classmethod
    def load(cls, folder: str | pathlib.Path) -> Self:
        """Loads a saved dataset; the ids are memory-mapped.

        Raises:
            FileNotFoundError: where the folder has no complete dataset.
            ValueError: where ``Dataset.load`` finds pairs, or ``Pairs.load`` a dataset.
        """
        folder = pathlib.Path(folder).expanduser()
        if not _atomic.part(folder, "dataset.json").is_file():
            raise FileNotFoundError(f"no dataset in {folder}; make one with the notebook 01_preprocess")
        about = json.loads(_atomic.part(folder, "dataset.json").read_text(encoding="utf-8"))
        found = {name: encodings.from_config(about[name]) for name in ("encoding", "source_encoding") if name in about}
        other = Pairs if "source_encoding" in found else Dataset
        if other is not cls:
            raise ValueError(f"{folder} holds {other.__name__}, not {cls.__name__}; load it with {other.__name__}.load")
        return cls(
            *(cls._part.load(folder / name) for name in PARTS),
            vocabulary=Vocabulary.load(_atomic.part(folder, "vocabulary.json")),
            about=about["about"],
            **found,
        )


@dataclasses.dataclass(frozen=True, repr=False)
class Pairs(Dataset):
    """Ids of training, validation and test pairs, for conditional networks.

    Args:
        train: training pairs.
        validation: validation pairs.
        test: test pairs.
        vocabulary: the tokens of sources and targets, collected from ``train`` only.
        encoding: of the targets.
        about: provenance (transpositions, names, the pitch range of the sources).
        source_encoding: of the sources.
    """

    train: PairedPieces
    validation: PairedPieces
    test: PairedPieces
    source_encoding: encodings.Encoding = dataclasses.field()  # no default, unlike the attribute above
    _part: ClassVar[type] = PairedPieces

    def __repr__(self) -> str:
        sizes = ", ".join(f"{len(getattr(self, p))} {p} pairs" for p in PARTS)
        return f"Pairs({sizes}, {len(self.vocabulary)} tokens{self._unknown})"

    def hidden(self) -> Pairs:
        """Returns the pairs with every source id ``<unknown>``, to train an unconditional baseline."""

        def hide(part: PairedPieces) -> PairedPieces:
            sources = Pieces(np.full_like(part.sources.ids, UNKNOWN), part.sources.offsets)
            return dataclasses.replace(part, sources=sources)

        return dataclasses.replace(self, **{name: hide(getattr(self, name)) for name in PARTS})
