"""Loading a corpus: from music21, a folder or a download."""

from __future__ import annotations

import pathlib

import numpy as np

from musiclib import config
from musiclib.corpus import download, jsb, maestro, music21_corpus, parallel
from musiclib.corpus.corpus import Corpus
from musiclib.readers import SUFFIXES, UnreadableScore
from musiclib.score import COLUMNS, Score
from musiclib.score.voices import VOICES, from_grid


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
    """Loads a corpus in parallel, on all cores or on the backend set with ``joblib.parallel_config``.

    Args:
        source: ``"bach"`` (the four-part chorales in music21), another composer or collection of music21's corpus
            (``"palestrina"``), ``"maestro"`` (version 3) or ``"jsb"`` (the benchmark's chorales with their official
            split), both downloaded once into ``data/``, or a folder, searched recursively.
        part: load only one part of every piece, by number or name; None loads all parts.
        limit: number of pieces to sample at random; None loads all.
        seed: random seed of that sample.
        progress: show a progress bar and the number of skipped files.
        reader: ``"music21"`` or ``"symusic"`` (MIDI only, about a hundred times faster).
        cache: load already parsed files from ``data/cache``, and save newly parsed ones there. Files are identified
            by content and parsed again if the reader or its version changes.
        path: for ``"jsb"`` only: the JSON file, instead of the download.

    Raises:
        FileNotFoundError: if the source is neither a folder nor a known corpus.
        ValueError: if it has no music, no file can be read, or the reader is unknown.
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
    parts = VOICES if source == "bach" and part is None else part
    results = parallel.read_files([file[1] for file in files], reader, cache, progress, f"reading {source}")
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
    """Selects the requested parts; returns errors as text."""
    try:
        if isinstance(music, UnreadableScore) or parts is None:
            return str(music) if isinstance(music, UnreadableScore) else music
        return _voices(music, parts) if isinstance(parts, tuple) else music.select(parts)
    except ValueError as error:
        return str(error)


def _voices(score: Score, names: tuple[str, ...]) -> Score:
    """Selects the four voices of a chorale, without instruments that double them."""
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
        return [(name, str(path), "") for name, path in music21_corpus.chorale_files()]
    if source == "maestro":
        return maestro.files()
    if folder.is_dir():
        paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
        if not paths:
            raise ValueError(f"no music in the folder {source}; it has no file that ends in {', '.join(SUFFIXES)}")
        return [(str(path.relative_to(folder).with_suffix("")), str(path), "") for path in paths]
    if folder.exists():
        raise ValueError(f"{source} is a file, and a corpus is a folder; read one file with readers.read_score")
    found = [(name, str(path), "") for name, path in music21_corpus.collection_files(str(source))]
    if not found:
        raise FileNotFoundError(
            f"no corpus {str(source)!r}: there is no such folder, and no such collection in music21; give a folder,"
            " 'bach', 'jsb', 'maestro', or a composer or collection of music21's corpus such as 'palestrina'"
        )
    return found


def _jsb_corpus(path, part: int | str | None, limit: int | None, seed: int) -> Corpus:
    """Loads the JSB chorales benchmark, which needs no reader."""
    path = path or download.fetch(jsb.URL, None, config.folders().data / "Jsb16thSeparated.json")
    pieces = [
        (name, grid, jsb.SPLITS[split]) for split, grids in jsb.load(path).items() for name, grid in grids.items()
    ]
    chosen = np.arange(len(pieces))
    if limit is not None and limit < len(pieces):
        chosen = np.sort(np.random.default_rng(seed).choice(len(pieces), limit, replace=False))
    names, grids, splits = zip(*(pieces[i] for i in chosen), strict=True)
    scores = tuple(from_grid(grid) for grid in grids)
    return Corpus(names, scores if part is None else tuple(score.select(part) for score in scores), splits=splits)
