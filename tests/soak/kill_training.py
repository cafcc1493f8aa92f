"""Kills trainings at random moments until each of them has ended, and compares what they end with.

    python tests/soak/kill_training.py --kills 60        # prints a table

Every training here is a process of its own that a SIGKILL ends: no handler runs, no file is closed.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIMIT = 300  # seconds for one process; far more than is needed, so that a busy machine fails nothing

# Trains a small network slowly. With a number of seconds, the process kills itself that long after its first batch.
CHILD = """
import os, signal, sys, threading, time
import numpy as np
from musiclib import dataset, training
from musiclib.config import Config, ModelConfig, TrainingConfig
from musiclib.dataset import Dataset
from musiclib.encodings import NoteChord
from musiclib.dataset import Pieces
from musiclib.encodings.vocabulary import END, RESERVED, START, Vocabulary

folder, seconds = sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else None
rng = np.random.default_rng(0)
make = lambda count: Pieces.from_lists([[START, *rng.integers(4, 8, 21), END] for _ in range(count)])
data = Dataset(make(7), make(3), make(1), Vocabulary([*RESERVED, "C4:1", "D4:1", "E4:1", "F4:1"]), NoteChord(), {})
model = ModelConfig("stacked_lstm", {"units": [6], "embedding_size": 4, "dropout": 0.3})
settings = TrainingConfig(window=8, batch_size=4, epochs=30, learning_rate=0.1, patience=8)
begun = []
rows = dataset.Windows.rows

def slow_rows(self, first, last):
    if not begun:
        begun.append(time.perf_counter())
        if seconds is not None:
            kill = lambda: (time.sleep(seconds), os.kill(os.getpid(), signal.SIGKILL))
            threading.Thread(target=kill, daemon=True).start()
    time.sleep(0.005)
    return rows(self, first, last)

dataset.Windows.rows = slow_rows
training.train(data, Config("tiny", model, settings), folder, progress=False)
print(time.perf_counter() - begun[0])
"""


def start(folder: pathlib.Path, seconds: float | None = None, backend: str = "tensorflow") -> subprocess.Popen:
    """Starts a training that is killed after some seconds, or runs to its end and prints how many it took."""
    environment = {
        **os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "-1",
        "JAX_PLATFORMS": "cpu", "TF_CPP_MIN_LOG_LEVEL": "3",
    }  # fmt: skip
    command = [sys.executable, "-c", CHILD, str(folder), *([] if seconds is None else [str(seconds)])]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen) -> str | None:
    """Returns what a training printed, or None where it was killed.

    Raises:
        RuntimeError: where it failed.
    """
    try:
        printed, errors = process.communicate(timeout=LIMIT)
    finally:
        process.kill()
        process.wait()
    if process.returncode == 0:
        return printed
    if process.returncode != -9:
        raise RuntimeError(errors[-3000:])
    return None


def train_and_kill(folder: pathlib.Path, kills: int, within: float, rng: random.Random, backend: str) -> list[dict]:
    """Starts a training again and again, kills it up to ``kills`` times, and lets it end.

    Args:
        folder: the run.
        kills: how many times, at most: it may end before.
        within: seconds after its first batch, the latest moment of a kill.
        rng: draws the moments.
        backend: Keras' backend.

    Returns:
        A row a kill: the moment in seconds, and which files were left.
    """
    rows = []
    for _ in range(kills):
        moment = rng.uniform(0, within)
        if finish(start(folder, moment, backend)) is not None:
            return rows
        rows.append({"moment": moment, "left": sorted(path.name for path in folder.iterdir())})
    assert finish(start(folder, None, backend)) is not None
    return rows


def compare(folder: pathlib.Path, whole: pathlib.Path) -> bool:
    """Tells whether two runs hold the same weights to the last bit, the same losses, and the same files."""
    import numpy as np

    from musiclib import training

    one, other = training.load_run(folder), training.load_run(whole)
    weights = zip(one.model.get_weights(), other.model.get_weights(), strict=True)
    names = [sorted(path.name for path in run.iterdir()) for run in (folder, whole)]
    return one.history == other.history and names[0] == names[1] and all(np.array_equal(*pair) for pair in weights)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--backend", default="tensorflow")
    options = parser.parse_args()
    os.environ.setdefault("KERAS_BACKEND", options.backend)
    sys.path.insert(0, str(ROOT))
    rng, survived, trainings, equal = random.Random(options.seed), 0, 0, 0
    with tempfile.TemporaryDirectory() as place:
        whole = pathlib.Path(place, "whole")
        seconds = float(finish(start(whole, None, options.backend)))
        print(f"seed {options.seed}: an unbroken training takes {seconds:.1f} s after its first batch", flush=True)
        while survived < options.kills:
            folder = pathlib.Path(place, str(trainings))
            rows = train_and_kill(folder, min(6, options.kills - survived), seconds / 2, rng, options.backend)
            same = compare(folder, whole)
            for row in rows:
                print(f"  killed after {row['moment']:5.2f} s, leaving {', '.join(row['left']) or 'nothing'}")
            trainings, survived, equal = trainings + 1, survived + len(rows), equal + same
            print(f"training {trainings}: {len(rows)} kills, {'the same' if same else 'OTHER WEIGHTS'}", flush=True)
    print("\n| backend | trainings | kills | ended with the weights and losses of an unbroken one |\n|---|---|---|---|")
    print(f"| {options.backend} | {trainings} | {survived} | {equal} |")
    sys.exit(equal < trainings)


if __name__ == "__main__":
    main()
