"""Corpus: many scores with their names."""

from __future__ import annotations

import dataclasses
import itertools
import json
import pathlib
import zipfile
from collections.abc import Iterable, Mapping

import numpy as np

from musiclib import _atomic
from musiclib.corpus.left_out import described
from musiclib.score import Score
from musiclib.score.packing import pack, unpack


@dataclasses.dataclass(frozen=True)
class Corpus:
    """Scores with their names.

    Args:
        names: one name per piece.
        scores: one Score per piece.
        skipped: pairs (path, error message) of files that could not be read.
        splits: ``"train"``, ``"validation"`` or ``"test"`` for each piece if the corpus has an official split;
            otherwise empty.
        labels: for each piece the name of its class, such as its style; empty without labels.
        left_out: for each piece how many notes, and events of the pedal, the file holds that are not in the score, by
            kind, such as ``{"percussion notes": 16}``; empty if nothing was left out of any piece.
    """

    names: tuple[str, ...]
    scores: tuple[Score, ...]
    skipped: tuple[tuple[str, str], ...] = ()
    splits: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    left_out: tuple[Mapping[str, int], ...] = ()

    def __len__(self) -> int:
        return len(self.scores)

    def __repr__(self) -> str:
        notes = sum(len(score) for score in self.scores)
        left_out = described(self.left_out, remedies=False)
        text = f"{len(self)} pieces, {notes:,} notes, {len(self.skipped)} files skipped"
        return f"Corpus({text}; left out: {left_out})" if left_out else f"Corpus({text})"

    def take(self, indices: Iterable[int]) -> Corpus:
        """Returns the pieces with these indices."""
        indices = list(indices)
        return Corpus(
            tuple(self.names[i] for i in indices),
            tuple(self.scores[i] for i in indices),
            self.skipped,
            tuple(self.splits[i] for i in indices) if self.splits else (),
            tuple(self.labels[i] for i in indices) if self.labels else (),
            _or_none(self.left_out[i] for i in indices) if self.left_out else (),
        )

    def labelled(self, label: str) -> Corpus:
        """Returns the pieces, all with one label."""
        return dataclasses.replace(self, labels=(str(label),) * len(self))

    def transposed(self, semitones: Iterable[int]) -> Corpus:
        """Returns every piece in each of these transpositions that stays within MIDI's pitch range."""
        intervals = list(semitones)
        pairs = [(i, n) for i, score in enumerate(self.scores) for n in intervals if score.can_transpose(n)]
        corpus = self.take(i for i, _ in pairs)
        return dataclasses.replace(
            corpus,
            names=tuple(f"{self.names[i]}{interval:+d}" if interval else self.names[i] for i, interval in pairs),
            scores=tuple(self.scores[i].transpose(interval) for i, interval in pairs),
        )

    def quantized(self, grid: float = 1 / 4, strength: float = 1.0, beats: str | None = None) -> Corpus:
        """Returns the pieces with their notes moved towards a grid; see ``Score.quantize``."""
        scores = []
        for name, score in zip(self.names, self.scores, strict=True):
            try:
                scores.append(score.quantize(grid, strength, beats))
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error
        return dataclasses.replace(self, scores=tuple(scores))

    def save(self, path: str | pathlib.Path) -> pathlib.Path:
        """Saves the corpus as one ``.npz`` file, with an atomic write."""
        path = pathlib.Path(path)
        packed = [pack(score) for score in self.scores]
        names = ("names", "skipped", "splits", "labels", "left_out")
        about = {name: getattr(self, name) for name in names}
        with _atomic.replacing(path) as file:
            np.savez_compressed(
                file,
                about=np.array(json.dumps(about)),
                sizes=np.array([len(data) for data in packed], dtype=np.int64),
                scores=np.frombuffer(b"".join(packed), np.uint8),
            )
        return path

    @classmethod
    def load(cls, path: str | pathlib.Path) -> Corpus:
        """Loads a corpus written by ``save``.

        Raises:
            FileNotFoundError: if the file does not exist.
            ValueError: if it is not a saved corpus, or damaged.
        """
        if not pathlib.Path(path).is_file():
            raise FileNotFoundError(f"no saved corpus at {path}; run the notebook 01_preprocess, or save one there")
        try:
            with np.load(path, allow_pickle=False) as file:
                about, data = json.loads(str(file["about"])), file["scores"].tobytes()
                ends = np.cumsum(file["sizes"]).tolist()
            scores = tuple(unpack(data[start:end]) for start, end in itertools.pairwise([0, *ends]))
        except (ValueError, KeyError, EOFError, zipfile.BadZipFile, TypeError) as error:
            raise ValueError(f"{path} is not a saved corpus, or damaged; save it again with Corpus.save") from error
        skipped = tuple((path, reason) for path, reason in about["skipped"])
        # Files of version 0.2 have no labels, and do not say what was left out.
        labels, left_out = (tuple(about.get(name, ())) for name in ("labels", "left_out"))
        return cls(tuple(about["names"]), scores, skipped, tuple(about["splits"]), labels, left_out)


def join(corpora: Iterable[Corpus]) -> Corpus:
    """Returns one corpus of several; an official split and labels are kept only if all have them.

    Raises:
        ValueError: if there is no corpus.
    """
    corpora = list(corpora)
    if not corpora:
        raise ValueError("there is no corpus to load; name at least one source")
    names, scores, skipped = (
        tuple(item for corpus in corpora for item in getattr(corpus, name)) for name in ("names", "scores", "skipped")
    )
    splits, labels = (
        tuple(item for corpus in corpora for item in getattr(corpus, name))
        if all(getattr(corpus, name) for corpus in corpora)
        else ()
        for name in ("splits", "labels")
    )
    left_out = _or_none(kinds for corpus in corpora for kinds in corpus.left_out or [{}] * len(corpus))
    return Corpus(names, scores, skipped, splits, labels, left_out)


def _or_none(left_out: Iterable[Mapping[str, int]]) -> tuple[Mapping[str, int], ...]:
    """Returns what was left out of each piece; nothing if that is nothing of any piece."""
    left_out = tuple(left_out)
    return left_out if any(left_out) else ()
