"""MAESTRO as events: likelihood in nats per event, comparable with what is published.

    python -m benchmarks.maestro --data FOLDER --evaluate models/NAME [--evaluate ...]
    python -m benchmarks.maestro --data FOLDER [--model NAME] [--preset quick|full] [--minutes N] [--out models/NAME]

FOLDER is an unpacked MAESTRO with its index (``maestro-v*.csv`` or ``.json``), whose official split is kept; or any
folder with the folders ``train``, ``validation`` and ``test`` in it, or some of them, for trying it on less. The first
form prints a line a split; the second trains on ``train``, chooses by ``validation``, and then does as the first.

What is counted: -log P of every event of ``Performance``, notes ringing on while the pedal is down, in segments of
2,048 events that do not overlap. A segment is predicted from itself alone, its first event from ``<start>``; the last
one of a piece is shorter. The mean is over all events of a split; a probability is one among the 308 events and
the four reserved ids.

Published: Music Transformer 1.84 and Perceiver AR 1.82 on version 1 (events of 128 pitches, 388 in all); gwinndr's
re-implementation of the former 1.92 on version 2.

Source: Cheng-Zhi Anna Huang et al., "Music Transformer" (2018); Curtis Hawthorne et al., "Enabling Factorized Piano
Music Modeling and Generation with the MAESTRO Dataset" (2019).
"""

from __future__ import annotations

import argparse
import csv
import json
import pathlib
import sys
from collections.abc import Sequence

import numpy as np

from benchmarks import likelihood
from musiclib import config, corpus, dataset, evaluation, training
from musiclib.dataset import Pieces
from musiclib.encodings import Performance
from musiclib.encodings.vocabulary import RESERVED, START, Vocabulary
from musiclib.readers import read_score
from musiclib.readers.midi_file import SUFFIXES
from musiclib.score import Score

SEGMENT = 2048  # events
SPLITS = ("train", "validation", "test")
KEYS = range(-3, 4)  # semitones, in which the full preset is given the training pieces
VOCABULARY = Vocabulary([*RESERVED, *Performance().alphabet])

Splits = dict[str, dict[str, Score]]


def find(folder: str | pathlib.Path) -> dict[str, list[pathlib.Path]]:
    """Lists the MIDI files of each split.

    Raises:
        FileNotFoundError: where there is no such folder, or a file that the index lists.
        ValueError: where nothing says which file is of which split.
    """
    folder = pathlib.Path(folder)
    if not folder.is_dir():
        what = f"{folder} is a file" if folder.exists() else f"no folder {folder}"
        raise FileNotFoundError(f"{what}; give the folder that MAESTRO was unpacked into")
    found: dict[str, list[pathlib.Path]] = {}
    for name, split in _index(folder):
        found.setdefault(split, []).append(folder / name)
    for split in SPLITS if not found else ():
        paths = sorted(path for path in (folder / split).rglob("*") if path.suffix.lower() in SUFFIXES)
        if paths:
            found[split] = paths
    if not found:
        raise ValueError(
            f"{folder} has no index maestro-v*.csv or maestro-v*.json, which holds the official split; put it there, or"
            " sort the files into the folders train, validation and test"
        )
    if odd := found.keys() - set(SPLITS):
        raise ValueError(f"the index in {folder} names the split {min(odd)!r}; the splits are {', '.join(SPLITS)}")
    if missing := [path for paths in found.values() for path in paths if not path.is_file()]:
        raise FileNotFoundError(f"the index in {folder} lists {missing[0]}, which is not there; unpack MAESTRO again")
    return {split: found[split] for split in SPLITS if split in found}


def _index(folder: pathlib.Path) -> list[tuple[str, str]]:
    """Reads (file, split) of each piece from the newest index in a folder; none where there is none."""
    indices = sorted(path for path in folder.glob("maestro-v*") if path.suffix in (".csv", ".json"))
    if not indices:
        return []
    path = indices[-1]
    try:
        if path.suffix == ".csv":
            with path.open(encoding="utf-8", newline="") as file:
                return [(row["midi_filename"], row["split"]) for row in csv.DictReader(file)]
        content = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(content, dict):  # columns, from version 2 on; before that, rows
            return [(content["midi_filename"][row], split) for row, split in content["split"].items()]
        return [(row["midi_filename"], row["split"]) for row in content]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is no index of MAESTRO ({error!r}); get another copy") from error


def read(folder: str | pathlib.Path) -> Splits:
    """Reads the pieces of each split, by name, notes ringing on while the pedal is down."""
    files = find(folder)
    return {
        split: {
            str(path.relative_to(folder).with_suffix("")): read_score(path, reader="symusic", pedal=True)
            for path in paths
        }
        for split, paths in files.items()
    }


def prepare(splits: Splits, keys: Sequence[int] = (0,)) -> dataset.Dataset:
    """Makes what a run is trained on.

    Raises:
        ValueError: where there is nothing to train on or to choose by.
    """
    for name in ("train", "validation"):
        if name not in splits:
            raise ValueError(f"this folder has no split {name!r}, only {', '.join(splits)}; training needs both")
    pieces = {name: splits.get(name, {}) if name != "test" else {} for name in SPLITS}
    split = corpus.Split(*(corpus.Corpus(tuple(p), tuple(p.values())) for p in pieces.values()))
    return dataset.prepare(split, Performance(), transpositions=keys, vocabulary=VOCABULARY)


def segments(pieces: Sequence[Score], vocabulary: Vocabulary) -> Pieces:
    """Cuts pieces into segments that do not overlap, each beginning anew with ``<start>``."""
    ids = [vocabulary.to_ids(Performance().encode(score)) for score in pieces]
    return Pieces.from_lists(
        np.concatenate([[START], piece[i : i + SEGMENT]]) for piece in ids for i in range(0, len(piece), SEGMENT)
    )


def evaluate(run: training.Run, splits: Splits) -> dict[str, float]:
    """Returns nats per event of each split, and prints a line for it.

    Raises:
        ValueError: where the run writes other tokens.
    """
    if run.encoding != Performance():
        raise ValueError(f"the benchmark counts the events of {Performance()}, and this run has {run.encoding}")
    nats = {}
    for split, pieces in splits.items():
        cut = segments(list(pieces.values()), run.vocabulary)
        nats[split] = evaluation.nats_per_token(run, cut)
        count = f"{len(pieces)} performances, {len(cut.ids) - len(cut):,} events"
        print(f"{split:<10}  {nats[split]:.4f} nats/event ({count})", flush=True)
    return nats


def main(arguments: Sequence[str] | None = None) -> list[dict[str, float]]:
    """Does what the command line asks for, and returns what it printed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.maestro", description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="MAESTRO's folder, or one with train, validation and test in it")
    parser.add_argument("--evaluate", action="append", metavar="RUN", help="measure this run; may be given again")
    parser.add_argument("--model", default="stacked_lstm", choices=likelihood.MODELS, help="the network to train")
    parser.add_argument("--preset", help="quick or full (default: MUSICLIB_PRESET, or quick)")
    parser.add_argument("--minutes", type=float, help="end the training after so many minutes")
    parser.add_argument("--seed", type=int, default=0, help="of the training (default: 0)")
    parser.add_argument("--out", default="models/maestro", help="where the trained run goes (default: models/maestro)")
    options = parser.parse_args(arguments)
    try:
        splits = read(options.data)
        if not options.evaluate:
            settings = config.preset(options.preset, options.model).replace(seed=options.seed, minutes=options.minutes)
            data = prepare(splits, KEYS if settings.preset == "full" else (0,))
            training.train(data, settings, options.out)
        results = []
        for folder in options.evaluate or [options.out]:
            if len(options.evaluate or []) > 1:
                print(f"{folder}:", flush=True)
            results.append(evaluate(training.load_run(folder), splits))
        return results
    except (ValueError, FileNotFoundError) as error:
        sys.exit(f"benchmarks.maestro: {error}")


if __name__ == "__main__":
    main()
