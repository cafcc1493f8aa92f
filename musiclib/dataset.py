"""Dataset: a split corpus as ids, with the encoding and vocabulary that made them.

This is what a network is trained on. It is one folder, which needs neither music21 nor
TensorFlow to be read.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import pathlib
from collections.abc import Iterable, Iterator

import numpy as np

from musiclib import corpus as corpora
from musiclib import encodings, files
from musiclib.pieces import Pieces
from musiclib.vocabulary import END, START, Vocabulary

_PARTS = ("train", "validation", "test")


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Ids of three sets of pieces; each piece runs from ``<start>`` to ``<end>``.

    Args:
        train, validation, test: the pieces.
        vocabulary: the tokens, collected from ``train`` alone.
        encoding: what made the tokens.
        about: how it was made, for the record (source, transpositions, seed, names).
    """

    train: Pieces
    validation: Pieces
    test: Pieces
    vocabulary: Vocabulary
    encoding: encodings.Encoding
    about: dict

    def __repr__(self) -> str:
        sizes = ", ".join(f"{len(getattr(self, p).ids):,} ids in {len(getattr(self, p))} {p} pieces" for p in _PARTS)
        return f"Dataset({sizes}, {len(self.vocabulary)} tokens)"

    @property
    def fingerprint(self) -> str:
        """The first 16 hexadecimal digits of a SHA-256 over ids, vocabulary and encoding."""
        digest = hashlib.sha256(self.vocabulary.to_json().encode())
        digest.update(json.dumps(self.encoding.to_config(), sort_keys=True).encode())
        for name in _PARTS:
            digest.update(np.ascontiguousarray(getattr(self, name).ids))
            digest.update(np.ascontiguousarray(getattr(self, name).offsets))
        return digest.hexdigest()[:16]

    def save(self, folder: str | pathlib.Path) -> pathlib.Path:
        """Writes the dataset into a folder; one that is there is replaced once all of this one is written."""
        folder = pathlib.Path(folder).expanduser()
        about = {"encoding": self.encoding.to_config(), "fingerprint": self.fingerprint, "about": self.about}
        with files.together(folder) as new:
            for name in _PARTS:
                getattr(self, name).save(new / name)
            (new / "vocabulary.json").write_text(self.vocabulary.to_json(), encoding="utf-8")
            (new / "dataset.json").write_text(json.dumps(about, indent=2), encoding="utf-8")
        return folder

    @classmethod
    def load(cls, folder: str | pathlib.Path) -> Dataset:
        """Opens what ``save`` wrote; the ids stay on disk until they are used.

        Raises:
            FileNotFoundError: where the folder holds no whole dataset.
        """
        folder = pathlib.Path(folder).expanduser()
        if not files.part(folder, "dataset.json").is_file():
            raise FileNotFoundError(f"no dataset in {folder}; make one with the notebook 01_preprocess")
        about = json.loads(files.part(folder, "dataset.json").read_text(encoding="utf-8"))
        return cls(
            *(Pieces.load(folder / name) for name in _PARTS),
            vocabulary=Vocabulary.read(files.part(folder, "vocabulary.json")),
            encoding=encodings.from_config(about["encoding"]),
            about=about["about"],
        )


def prepare(
    split: corpora.Split,
    encoding: encodings.Encoding,
    transpositions: Iterable[int] = (0,),
    minimum_count: int = 2,
    vocabulary: Vocabulary | None = None,
) -> Dataset:
    """Encodes a split corpus.

    Args:
        split: what ``corpus.split`` returned.
        encoding: Score to tokens.
        transpositions: the training pieces are given in each of these, in semitones;
            ``range(-5, 7)`` is every key. What is held out stays as it is.
        minimum_count: tokens rarer than this in training become ``<unknown>``, so that a
            network learns what an unknown token is like.
        vocabulary: take this one, whole, instead of what training holds: for figures that others have too, which
            count over a fixed alphabet.

    Raises:
        ValueError: where no token is left to train on.
    """
    transpositions = list(transpositions)
    # Training tokens are numbered as they turn up, so that of each piece only numbers are held, never its text;
    # once all are counted, the vocabulary says which id each of these numbers stands for.
    numbers: dict[str, int] = {}

    def numbered() -> Iterator[list[int]]:
        for i in range(len(split.train)):
            for score in split.train.take([i]).transposed(transpositions).scores:
                yield [numbers.setdefault(token, len(numbers)) for token in encoding.encode(score)]

    train = Pieces.from_lists(numbered())
    counts = dict(zip(numbers, np.bincount(train.ids, minlength=len(numbers)).tolist(), strict=True))
    vocabulary = Vocabulary.from_counts(counts, minimum_count) if vocabulary is None else vocabulary
    ids = vocabulary.to_ids(list(numbers), allow_unknown=True)

    def held_out(name: str) -> Iterator[np.ndarray]:
        return (vocabulary.to_ids(encoding.encode(s), allow_unknown=True) for s in getattr(split, name).scores)

    pieces = {"train": (ids[piece] for piece in train), **{name: held_out(name) for name in _PARTS[1:]}}
    whole = (Pieces.from_lists(np.concatenate([[START], p, [END]]) for p in pieces[name]) for name in _PARTS)
    about = {
        "transpositions": transpositions,
        "minimum_count": minimum_count,
        **{f"{name}_names": list(getattr(split, name).names) for name in _PARTS},
    }
    return Dataset(*whole, vocabulary=vocabulary, encoding=encoding, about=about)
