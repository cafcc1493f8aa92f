"""Loading a corpus: from music21, a folder or a download."""

from __future__ import annotations

import collections
import pathlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from musiclib import config
from musiclib.corpus import download, jsb, maestro, music21_corpus, parallel, reasons
from musiclib.corpus.corpus import Corpus, join
from musiclib.corpus.left_out import described
from musiclib.readers import SUFFIXES, UnreadableScore, chosen_parts
from musiclib.readers.other_formats import remedy
from musiclib.score import Score
from musiclib.score.voices import VOICES, from_grid


def load(
    source: str | pathlib.Path | Sequence[str | pathlib.Path] | Mapping[str, object] = "bach",
    part: int | str | None = None,
    limit: int | None = None,
    seed: int = 0,
    progress: bool = True,
    reader: str = "music21",
    cache: bool = True,
    path: str | pathlib.Path | None = None,
    grace_notes: bool = False,
    repeats: bool = False,
    pedal: bool | None = None,
    percussion: bool = False,
    parts: Sequence[int | str] | None = None,
) -> Corpus:
    """Loads a corpus in parallel, on all cores or on the backend set with ``joblib.parallel_config``.

    Args:
        source: ``"bach"`` (the four-part chorales in music21), another composer or collection of music21's corpus
            (``"palestrina"``), ``"maestro"`` (version 3) or ``"jsb"`` (the benchmark's chorales with their official
            split), both downloaded once into ``data/``, a folder, searched recursively, or a file. Of a file with
            several pieces, such as an ABC tune book, each is a piece of the corpus, named ``file#3 Title``. A list of
            sources, such as paths, makes one corpus, and a mapping from labels to sources a labelled one:
            ``{"Irish": "oneills1850", "mine": ["folder", "other"]}``.
        part: load only one part of every piece, by number or name, upper and lower case ignored; None loads all parts.
        limit: number of pieces to sample at random, of a labelled corpus for each label; None loads all.
        seed: random seed of that sample.
        progress: show a progress bar, the number of skipped files, and what was left out of the others.
        reader: ``"music21"`` or ``"symusic"`` (MIDI only, about a hundred times faster).
        cache: load already parsed files from ``data/cache``, and save newly parsed ones there. Files are identified
            by content and parsed again if the reader or its version changes.
        path: for ``"jsb"`` only: the JSON file, instead of the download.
        grace_notes: keep grace notes, as ``readers.read_score`` does.
        repeats: play out repeats, as ``readers.read_score`` does.
        pedal: extend notes of MIDI while the sustain pedal is down, as ``readers.read_score`` does; None does so for
            ``"maestro"`` alone, as published results do.
        percussion: keep percussion as parts of their own, as ``readers.read_score`` does.
        parts: load only these parts of every piece, in this order: ``["MELODY", "PIANO"]``; a piece that lacks one is
            skipped.

    Raises:
        FileNotFoundError: if the source, or one of a list, is neither a folder, nor a file, nor a known corpus.
        ValueError: if it has no music, no file can be read (the reasons are grouped), the reader is unknown, ``parts``
            is empty, or ``part`` is given, too.

    Warns:
        LostNotes: if notes without a note-off or of duration 0 were left out, and nothing is printed of it.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be at least 1 piece, got {limit}")
    chosen = chosen_parts(part, parts)
    options = {"part": part, "parts": parts, "progress": progress, "reader": reader, "cache": cache}
    options.update(grace_notes=grace_notes, repeats=repeats, pedal=pedal, percussion=percussion)
    if isinstance(source, Mapping):
        return join(load(each, limit=limit, seed=seed, **options).labelled(label) for label, each in source.items())
    several = not isinstance(source, (str, pathlib.Path))
    sources = list(_named(source)) if several else [source]
    if several and (not sources or {"jsb", "maestro"} & {*sources}):  # which have options of their own
        whole = join(load(each, **options) for each in sources)
        return whole.take(_sample(list(range(len(whole))), limit, seed))
    if source == "jsb":
        return _jsb_corpus(path, chosen, limit, seed)
    if path is not None:
        raise ValueError(f"path is the file of the source 'jsb'; give the folder {str(path)!r} as the source itself")
    files = [(*file, each) for each in sources for file in _list_files(each)]
    files = files if several else _sample(files, limit, seed)
    label = f"{len(sources)} sources" if several else str(source)
    pedal = source == "maestro" if pedal is None else pedal
    kinds = {"grace_notes": grace_notes, "repeats": repeats, "pedal": pedal, "percussion": percussion}
    paths = [file[1] for file in files]
    results = parallel.read_files(paths, reader, cache, progress, f"reading {label}", **kinds)
    kept, skipped = [], []
    for (name, file, split, each), pieces in zip(files, results, strict=True):
        wanted = VOICES if each == "bach" and chosen is None else chosen
        for number, piece in enumerate(pieces, 1):
            music = _take(piece.music, wanted)
            place = f"#{number}" if len(pieces) > 1 else ""
            if isinstance(music, str):
                skipped.append((file + place, music))
            else:
                title = f"{name}{place} {music.title}".strip() if place else name
                kept.append((title, music, split, piece.left_out))
    if not kept:
        if len(skipped) == 1:
            file, reason = skipped[0]
            raise ValueError(reason if file in reason else f"{file}: {reason}")
        raise ValueError(
            f"none of the {len(files):,} files in {label} could be read; the reasons were:\n{reasons.grouped(skipped)}"
        )
    if progress and skipped:
        count = len(kept) + len(skipped)
        print(f"read {len(kept)} of {count} pieces and skipped {len(skipped)}; .skipped says which and why")
    names, scores, splits, left_out = zip(*_sample(kept, limit, seed), strict=True)
    if progress and source == "maestro" and pedal:
        print("notes ring on while the pedal is down (pedal=False: from note-on to note-off)")
    if progress and any(left_out):
        print(f"left out: {described(left_out)}")
    splits, left_out = splits if all(splits) else (), left_out if any(left_out) else ()
    return Corpus(names, scores, tuple(skipped), splits, left_out=left_out)


def _named(source: Iterable) -> Iterator[str | pathlib.Path]:
    """Yields the sources of a list, and of the lists in it; raises ValueError at what is none."""
    if isinstance(source, (Corpus, Score)):
        raise ValueError(f"corpus.load reads files, and this is {source}, which is loaded already: use it as it is")
    if not isinstance(source, Iterable):
        raise ValueError(f"corpus.load takes a folder, a file, a collection or a list of these, got {source!r}")
    for each in source:
        if isinstance(each, (str, pathlib.Path)):
            yield each
        elif isinstance(each, Score):
            raise ValueError(
                "corpus.load reads files, and this is a list of Scores: make a corpus of them with"
                " corpus.Corpus(names, scores)"
            )
        else:
            yield from _named(each)


def _sample(pieces: list, limit: int | None, seed: int) -> list:
    """Returns at most ``limit`` of the pieces, chosen at random, in their order."""
    if limit is None or limit >= len(pieces):
        return pieces
    chosen = np.random.default_rng(seed).choice(len(pieces), limit, replace=False)
    return [pieces[i] for i in sorted(chosen.tolist())]


def _take(music: Score | UnreadableScore, parts: int | str | list | tuple[str, ...] | None) -> Score | str:
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
    return score.select(names)


def _list_files(source: str | pathlib.Path) -> list[tuple[str, str, str]]:
    """Lists (name, path, official split or "") of every piece of a source."""
    folder = pathlib.Path(source).expanduser()
    if source == "bach":
        return [(name, str(path), "") for name, path in music21_corpus.chorale_files()]
    if source == "maestro":
        return maestro.files()
    if folder.is_dir():
        paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
        if not paths:
            raise ValueError(f"no music in the folder {source}; {_other_files(folder)}")
        return [(str(path.relative_to(folder).with_suffix("")), str(path), "") for path in paths]
    if folder.is_file():
        return [(folder.stem, str(folder), "")]
    found = [(name, str(path), "") for name, path in music21_corpus.collection_files(str(source))]
    if not found:
        if "://" in str(source):
            raise FileNotFoundError(f"{source} is an address; download it, and give the file, or the folder unpacked")
        if folder.suffix.lower() in SUFFIXES or remedy(folder):
            raise FileNotFoundError(f"no such file: {source} (in {pathlib.Path.cwd()}); check it or give a full path")
        raise FileNotFoundError(
            f"no corpus {str(source)!r}: there is no such folder, and no such collection in music21; give a folder,"
            " 'bach', 'jsb', 'maestro', or a composer or collection of music21's corpus such as 'palestrina'"
        )
    return found


def _other_files(folder: pathlib.Path) -> str:
    """Returns what a folder without music holds, and what to do with it."""
    found = collections.Counter(path.suffix.lower() for path in folder.rglob("*") if remedy(path) and path.is_file())
    if not found:
        return f"it has no file that ends in {', '.join(SUFFIXES)}"
    listing = ", ".join(f"{count:,} {suffix}" for suffix, count in found.most_common(3))
    suffix = found.most_common(1)[0][0]
    return f"it has files of other formats, {listing}; of a {suffix} file: {remedy('file' + suffix)}"


def _jsb_corpus(path, parts: int | str | list | None, limit: int | None, seed: int) -> Corpus:
    """Loads the JSB chorales benchmark, which needs no reader."""
    path = path or download.fetch(jsb.URL, None, config.folders().data / "Jsb16thSeparated.json")
    pieces = [
        (name, grid, jsb.SPLITS[split]) for split, grids in jsb.load(path).items() for name, grid in grids.items()
    ]
    names, grids, splits = zip(*_sample(pieces, limit, seed), strict=True)
    scores = tuple(from_grid(grid) for grid in grids)
    return Corpus(names, scores if parts is None else tuple(score.select(parts) for score in scores), splits=splits)
