"""Repeatable: a seed gives the same split, losses and samples, in one process and in the next."""

import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]

# From scores to sampled music, with everything that is drawn on the way; one line of JSON a round.
WALK = """
import json, sys
import numpy as np
from musiclib import corpus, dataset, encodings, sampling, training
from musiclib.config import Config, ModelConfig, TrainingConfig
from musiclib.score import Score

def walk(seed):
    rng = np.random.default_rng(0)
    lines = [60 + np.clip(np.cumsum(rng.integers(-3, 4, 40)), -12, 12) for _ in range(20)]
    scores = tuple(Score.from_notes([(i / 2, 0.5, int(pitch)) for i, pitch in enumerate(line)]) for line in lines)
    music = corpus.Corpus(tuple(f"piece {i}" for i in range(20)), scores)
    parts = corpus.split(music, seed=seed)
    data = dataset.prepare(parts, encodings.NoteChord(), transpositions=(0, 2))
    model = ModelConfig("stacked_lstm", {"units": [16, 8], "embedding_size": 8, "dropout": 0.3})
    config = Config("tiny", model, TrainingConfig(window=16, batch_size=8, epochs=3, learning_rate=0.01, seed=seed))
    run = training.train(data, config, progress=False)
    ids = sampling.generate_ids(run, count=3, length=40, temperature=1.0, top_p=0.9, seed=seed)
    return {
        "split": [parts.train.names, parts.validation.names, parts.test.names],
        "vocabulary": data.vocabulary.tokens, "data": data.fingerprint, "history": run.history,
        "weights": [float(np.abs(weights).sum()) for weights in run.model.get_weights()],
        "samples": [piece.tolist() for piece in ids],
    }

for seed in map(int, sys.argv[1:]):
    print(json.dumps(walk(seed)))
"""


def start(hash_seed, *seeds):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": str(hash_seed)}
    command = [sys.executable, "-c", WALK, *map(str, seeds)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process):
    printed, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors[-3000:]
    return [json.loads(line) for line in printed.splitlines()]


def test_a_seed_repeats_everything_in_one_process_and_in_the_next():
    first, second = start(1, 5, 6, 5), start(2, 5)
    (one, other, again), (next_process,) = finish(first), finish(second)
    assert one == again == next_process
    assert all(one[name] != other[name] for name in one)  # and another seed gives something else everywhere
