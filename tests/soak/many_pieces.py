"""A corpus of 100,000 small MIDI files: read, split, encoded and trained on for an epoch within 4 GB.

    PYTHONPATH=. python tests/soak/many_pieces.py [--pieces 100000] [--gigabytes 4]

Every stage goes the way of the README, into a temporary folder. Printed are the seconds of each stage and the most
memory that this process and the processes it started held at once; pages that they share are counted for each.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pathlib
import tempfile
import threading
import time
from collections.abc import Iterator

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import psutil

_SCALE = np.array([0, 2, 4, 5, 7, 9, 11])
_TICKS = 480  # a quarter note
_BATCH = 128  # windows: the quick preset's 16 would take a few times as long for the same memory


def make_files(folder: pathlib.Path, count: int, seed: int = 0) -> None:
    """Writes pieces of about sixty notes, a tune over a bass; every fifth is an earlier tune in another key.

    Args:
        folder: where the files go, a thousand a folder.
        count: files.
        seed: of the music.
    """
    import symusic

    rng = np.random.default_rng(seed)
    tunes: list[tuple[np.ndarray, np.ndarray]] = []
    for number in range(count):
        size = int(rng.integers(32, 65))
        if number % 5 == 4:
            steps, lengths = tunes[int(rng.integers(max(len(tunes) - 1000, 0), len(tunes)))]
        else:
            steps = np.clip(np.cumsum(rng.integers(-3, 4, size)), -7, 10)
            lengths = rng.choice([_TICKS // 2, _TICKS, 2 * _TICKS], size)
            tunes.append((steps, lengths))
        low = 60 + int(rng.integers(-5, 7))
        onsets = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        score = symusic.Score(_TICKS)
        score.tempos.append(symusic.Tempo(time=0, qpm=100))
        voices = ((onsets, lengths, low + 12 * (steps // 7) + _SCALE[steps % 7]),
                  (onsets[::4], np.add.reduceat(lengths, np.arange(0, len(lengths), 4)),
                   low - 24 + _SCALE[rng.integers(0, 7, len(onsets[::4]))]))  # fmt: skip
        for i, columns in enumerate(voices):
            track = symusic.Track(("Tune", "Bass")[i], 0, False)
            for onset, duration, pitch in zip(*(column.tolist() for column in columns), strict=True):
                track.notes.append(symusic.Note(time=onset, duration=duration, pitch=pitch, velocity=80))
            score.tracks.append(track)
        path = folder / f"{number // 1000:03d}" / f"{number:06d}.mid"
        path.parent.mkdir(parents=True, exist_ok=True)
        score.dump_midi(str(path))


def _held() -> int:
    """Returns the bytes that this process and those it started hold in memory."""
    total = 0
    own = psutil.Process()
    for process in [own, *own.children(recursive=True)]:
        with contextlib.suppress(psutil.Error):  # it has just ended
            total += process.memory_info().rss
    return total


class Stages:
    """Times stages and watches their memory; ``worst`` is the most that any held, in bytes."""

    def __init__(self) -> None:
        self.worst = 0

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Runs a stage and prints what it took."""
        peak, done = _held(), threading.Event()

        def watch() -> None:
            nonlocal peak
            while not done.wait(0.1):
                peak = max(peak, _held())

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        begin = time.perf_counter()
        try:
            yield
        finally:
            seconds = time.perf_counter() - begin
            done.set()
            watcher.join()
            peak = max(peak, _held())
            self.worst = max(self.worst, peak)
            print(f"{name:28} {seconds:8.1f} s  {peak / 1e9:6.2f} GB", flush=True)


def run(folder: pathlib.Path, count: int) -> int:
    """Makes the files in ``folder``, goes through every stage, and returns the most memory held, in bytes."""
    from musiclib import config, corpus, dataset, encodings, training

    stages = Stages()
    with stages.stage(f"make {count:,} MIDI files"):
        make_files(folder / "midi", count)
    with stages.stage("corpus.load"):
        music = corpus.load(folder / "midi", reader="symusic", progress=False)
    assert (len(music), music.skipped) == (count, ())
    with stages.stage("corpus.load, from the cache"):
        again = corpus.load(folder / "midi", reader="symusic", progress=False)
    assert again.names == music.names
    del again
    with stages.stage("corpus.split"):
        parts = corpus.split(music)
    assert len(parts.train) + len(parts.validation) + len(parts.test) == count
    with stages.stage("dataset.prepare"):
        data = dataset.prepare(parts, encodings.NoteChord())
    with stages.stage("dataset.save and load"):
        data.save(folder / "dataset")
        data = dataset.Dataset.load(folder / "dataset")
    print(data)
    settings = config.preset("quick").replace(epochs=1, batch_size=_BATCH)
    with stages.stage("training.train, one epoch"):
        trained = training.train(data, settings, folder / "run", progress=False)
    assert np.isfinite(trained.history["val_loss"]).all()
    print(trained)
    return stages.worst


def main() -> None:
    """Reads the options, and ends with an error where the memory was not enough."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pieces", type=int, default=100_000, help="files to make")
    parser.add_argument("--gigabytes", type=float, default=4.0, help="memory that must be enough")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="musiclib-soak-") as folder:
        os.environ["MUSICLIB_HOME"] = folder
        worst = run(pathlib.Path(folder), options.pieces)
    print(f"at most {worst / 1e9:.2f} GB were held")
    if worst > options.gigabytes * 1e9:
        raise SystemExit(f"that is more than {options.gigabytes:g} GB")


if __name__ == "__main__":
    main()
