"""Corpus: many scores, read in parallel, with a report of what was skipped and a fair split.

A corpus is bundled with music21 (the chorales of Bach and more), a folder of one's own, or
downloaded once: MAESTRO, and the benchmark of the JSB chorales.
"""

from __future__ import annotations

import csv
import dataclasses
import json
import pathlib
import zipfile
from collections.abc import Iterable

import numpy as np

from musiclib import bundled, config, downloads, files, jsb, melodies, reading
from musiclib.draft import UnreadableScore
from musiclib.score import COLUMNS, Score

MAESTRO_URL = "https://storage.googleapis.com/magentadata/datasets/maestro/v3.0.0/maestro-v3.0.0-midi.zip"
MAESTRO_SHA256 = "70470ee253295c8d2c71e6d9d4a815189e35c89624b76d22fce5a019d5dde12c"
SUFFIXES = (".mid", ".midi", ".xml", ".musicxml", ".mxl", ".krn", ".abc")
_VOICES = ("Soprano", "Alto", "Tenor", "Bass")


@dataclasses.dataclass(frozen=True)
class Corpus:
    """Scores with their names.

    Args:
        names: one name a piece.
        scores: one Score a piece.
        skipped: pairs (path, reason) of what could not be read.
        splits: ``"train"``, ``"validation"`` or ``"test"`` for each piece, where the corpus
            comes with an official split; otherwise empty.
    """

    names: tuple[str, ...]
    scores: tuple[Score, ...]
    skipped: tuple[tuple[str, str], ...] = ()
    splits: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.scores)

    def __repr__(self) -> str:
        notes = sum(len(score) for score in self.scores)
        return f"Corpus({len(self)} pieces, {notes:,} notes, {len(self.skipped)} files skipped)"

    def take(self, indices: Iterable[int]) -> Corpus:
        """Returns the pieces at these places."""
        indices = list(indices)
        return Corpus(
            tuple(self.names[i] for i in indices),
            tuple(self.scores[i] for i in indices),
            self.skipped,
            tuple(self.splits[i] for i in indices) if self.splits else (),
        )

    def transposed(self, semitones: Iterable[int]) -> Corpus:
        """Returns every piece in each of these transpositions that stays within MIDI's pitches."""
        semitones, names, scores, splits = list(semitones), [], [], []
        for i, score in enumerate(self.scores):
            for interval in semitones:
                if len(score) == 0 or (score.pitch.min() + interval >= 0 and score.pitch.max() + interval <= 127):
                    names.append(f"{self.names[i]}{interval:+d}" if interval else self.names[i])
                    scores.append(score.transpose(interval))
                    splits.extend(self.splits[i : i + 1])
        return Corpus(tuple(names), tuple(scores), self.skipped, tuple(splits))

    def save(self, path: str | pathlib.Path) -> pathlib.Path:
        """Writes the corpus into one ``.npz`` file, beside and then into its place."""
        path = pathlib.Path(path)
        fields = ("tempos", "time_signatures", "part_names", "programs")
        about = {
            "names": self.names,
            "skipped": self.skipped,
            "splits": self.splits,
            "scores": [{field: getattr(score, field) for field in fields} for score in self.scores],
        }
        columns = {name: np.concatenate([[], *(getattr(score, name) for score in self.scores)]) for name in COLUMNS}
        with files.replacing(path) as file:
            np.savez_compressed(
                file,
                about=np.array(json.dumps(about)),
                offsets=np.cumsum([0, *(len(score) for score in self.scores)]),
                **columns,
            )
        return path

    @classmethod
    def open(cls, path: str | pathlib.Path) -> Corpus:
        """Reads what ``save`` wrote.

        Raises:
            FileNotFoundError: where there is no such file.
        """
        if not pathlib.Path(path).is_file():
            raise FileNotFoundError(f"no saved corpus at {path}; run the notebook 01_preprocess, or save one there")
        try:
            with np.load(path, allow_pickle=False) as file:
                about, offsets = json.loads(str(file["about"])), file["offsets"]
                columns = {name: np.split(file[name], offsets[1:-1]) for name in COLUMNS}
        except (ValueError, KeyError, EOFError, zipfile.BadZipFile, TypeError) as error:
            raise ValueError(f"{path} is no saved corpus, or damaged; save it again with Corpus.save") from error
        scores = tuple(
            Score(**{name: columns[name][i] for name in COLUMNS}, **fields) for i, fields in enumerate(about["scores"])
        )
        skipped = tuple((path, reason) for path, reason in about["skipped"])
        return cls(tuple(about["names"]), scores, skipped, tuple(about["splits"]))


def load(
    source: str | pathlib.Path = "bach",
    part: int | str | None = None,
    limit: int | None = None,
    seed: int = 0,
    progress: bool = True,
    reader: str = "music21",
    cache: bool = True,
    path: str | pathlib.Path | None = None,
) -> Corpus:
    """Reads a corpus on all cores, or wherever ``joblib.parallel_config`` says; a second time from the cache.

    Args:
        source: ``"bach"`` for the four-part chorales that music21 ships, another composer or
            collection of music21's corpus (``"palestrina"``), ``"maestro"`` (version 3,
            downloaded once into ``data/``), ``"jsb"`` (the benchmark's chorales with their official
            split, downloaded once too), or a folder, which is searched with its subfolders.
        part: take one part of every piece, by number or name; all of them by default.
        limit: take so many pieces at random instead of all.
        seed: of that choice.
        progress: show a bar, and say what was skipped.
        reader: ``"music21"``, or ``"symusic"``: for MIDI alone, and some hundred times as fast.
        cache: take what was read before from ``data/cache``, and keep there what is read now; a
            file is known by its content, and read again by another reader or version of it.
        path: for ``"jsb"`` alone: the JSON file, instead of the download.

    Raises:
        FileNotFoundError: where the source is neither a folder nor a known corpus.
        ValueError: where it holds no music, every file of it is bad, or there is no such reader.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be at least 1 piece, got {limit}")
    if source == "jsb":
        return _jsb_corpus(path, part, limit, seed)
    if path is not None:
        raise ValueError(f"path is the file of the source 'jsb'; give the folder {str(path)!r} as the source itself")
    files = _list_files(source)
    if limit is not None and limit < len(files):
        chosen = np.random.default_rng(seed).choice(len(files), limit, replace=False)
        files = [files[i] for i in sorted(chosen.tolist())]
    parts = _VOICES if source == "bach" and part is None else part
    results = reading.read_files([file[1] for file in files], reader, cache, progress, f"reading {source}")
    outcomes = [_take(result, parts) for result in results]
    skipped = tuple((f[1], o) for f, o in zip(files, outcomes, strict=True) if isinstance(o, str))
    kept = [(f, o) for f, o in zip(files, outcomes, strict=True) if isinstance(o, Score)]
    if not kept:
        reasons = "".join(f"\n  {reason if path in reason else f'{path}: {reason}'}" for path, reason in skipped)
        raise ValueError(f"none of the {len(files)} files in {source} could be read; the reasons were:{reasons}")
    if progress and skipped:
        print(f"read {len(kept)} of {len(files)} pieces and skipped {len(skipped)}; .skipped says which and why")
    splits = tuple(f[2] for f, _ in kept) if files[0][2] else ()
    return Corpus(tuple(f[0] for f, _ in kept), tuple(o for _, o in kept), skipped, splits)


def _take(music: Score | UnreadableScore, parts: int | str | tuple[str, ...] | None) -> Score | str:
    """Takes the parts that are asked for; what is wrong with a piece comes back as text."""
    try:
        if isinstance(music, UnreadableScore) or parts is None:
            return str(music) if isinstance(music, UnreadableScore) else music
        return _voices(music, parts) if isinstance(parts, tuple) else music.select(parts)
    except ValueError as error:
        return str(error)


def _voices(score: Score, names: tuple[str, ...]) -> Score:
    """Keeps the four voices of a chorale; some come with instruments that double them."""
    keep = [score.part_names.index(name) for name in names if name in score.part_names]
    if len(keep) != len(names) or len(keep) == len(score.part_names):
        return score
    inside = np.isin(score.part, keep)
    columns = {name: getattr(score, name)[inside] for name in COLUMNS}
    columns["part"] = np.searchsorted(keep, columns["part"])
    return score.replace(**columns, part_names=names, programs=tuple(score.programs[i] for i in keep))


def _list_files(source: str | pathlib.Path) -> list[tuple[str, str, str]]:
    """Lists (name, path, official split or "") of every piece of a source."""
    folder = pathlib.Path(source)
    if source == "bach":
        return [(name, str(path), "") for name, path in bundled.chorale_files()]
    if source == "maestro":
        return _maestro_files()
    if folder.is_dir():
        paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
        if not paths:
            raise ValueError(f"no music in the folder {source}; it holds no file that ends in {', '.join(SUFFIXES)}")
        return [(str(path.relative_to(folder).with_suffix("")), str(path), "") for path in paths]
    if folder.exists():
        raise ValueError(f"{source} is a file, and a corpus is a folder; read one file with readers.read_score")
    found = [(name, str(path), "") for name, path in bundled.collection_files(str(source))]
    if not found:
        raise FileNotFoundError(
            f"no corpus {str(source)!r}: there is no such folder, and music21 ships no such collection; give a folder,"
            " 'bach', 'jsb', 'maestro', or a composer or collection of music21's corpus such as 'palestrina'"
        )
    return found


def _jsb_corpus(path, part: int | str | None, limit: int | None, seed: int) -> Corpus:
    """Reads the benchmark's chorales, which come as numbers and need none of the readers."""
    path = path or downloads.fetch(jsb.URL, None, config.folders().data / "Jsb16thSeparated.json")
    pieces = [
        (name, roll, jsb.SPLITS[split]) for split, rolls in jsb.read(path).items() for name, roll in rolls.items()
    ]
    chosen = np.arange(len(pieces))
    if limit is not None and limit < len(pieces):
        chosen = np.sort(np.random.default_rng(seed).choice(len(pieces), limit, replace=False))
    names, rolls, splits = zip(*(pieces[i] for i in chosen), strict=True)
    scores = tuple(jsb.score(roll) for roll in rolls)
    return Corpus(names, scores if part is None else tuple(score.select(part) for score in scores), splits=splits)


def _maestro_files() -> list[tuple[str, str, str]]:
    data = config.folders().data
    archive = downloads.fetch(MAESTRO_URL, MAESTRO_SHA256, data / "maestro-v3.0.0-midi.zip")
    folder = downloads.unpack(archive, data / "maestro") / "maestro-v3.0.0"
    with (folder / "maestro-v3.0.0.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        (f"{row['canonical_composer']}: {row['canonical_title']}", str(folder / row["midi_filename"]), row["split"])
        for row in rows
    ]


@dataclasses.dataclass(frozen=True)
class Split:
    """Three corpora without a piece in common."""

    train: Corpus
    validation: Corpus
    test: Corpus


def split(corpus: Corpus, validation: float = 0.1, test: float = 0.1, seed: int = 0) -> Split:
    """Splits a corpus by piece; an official split is kept where there is one, also one without test pieces.

    Pieces that share their melody (a chorale in another key or setting, a second take) stay
    together: otherwise what was trained on would be found again in what was held out.

    Args:
        corpus: what to split.
        validation: share of the pieces for choosing the best weights, in [0, 1).
        test: share of the pieces that nothing is chosen by.
        seed: of the order in which the pieces are dealt out.

    Raises:
        ValueError: where the shares leave no piece to train on, or the corpus is too small.
    """
    if not (0 <= validation < 1 and 0 <= test < 1 and validation + test < 1):
        raise ValueError(f"validation and test must leave something to train on, got {validation} and {test}")
    if corpus.splits:
        parts = ("train", "validation", "test")
        empty = [part for part in parts[:2] if part not in corpus.splits]
        if empty:
            raise ValueError(f"of these {len(corpus)} pieces none is official {' or '.join(empty)}; take more pieces")
        return Split(*(corpus.take(i for i, name in enumerate(corpus.splits) if name == part) for part in parts))
    groups: dict[int, list[int]] = {}
    for i, group in enumerate(melodies.families(corpus.scores)):
        groups.setdefault(group, []).append(i)
    order = list(groups.values())
    np.random.default_rng(seed).shuffle(order)
    cuts = {"test": round(test * len(corpus)), "validation": round(validation * len(corpus))}
    dealt: dict[str, list[int]] = {"test": [], "validation": [], "train": []}
    for group in order:
        name = next((n for n, size in cuts.items() if len(dealt[n]) + len(group) <= size), "train")
        dealt[name].extend(group)
    if not dealt["train"] or (validation and not dealt["validation"]) or (test and not dealt["test"]):
        raise ValueError(
            f"{len(corpus)} pieces cannot be split into train, validation {validation:g} and test {test:g};"
            " give more pieces, or other shares"
        )
    return Split(*(corpus.take(sorted(dealt[name])) for name in ("train", "validation", "test")))
