"""Trains the runs that ship in this folder, and measures them: ``make shipped``.

One of them alone: ``python models/train_shipped.py bach_lstm``. Each takes about half an
hour on two CPU cores. ``results.json`` in the run's folder holds what was measured.
"""

from __future__ import annotations

import json
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from musiclib import corpus, dataset, encodings, evaluation, ngram, sampling, training  # noqa: E402
from musiclib.config import Config, ModelConfig  # noqa: E402

# Two LSTM layers of one size learn sooner than 512 and 256: on two cores, time is what is short.
# The GRU's narrow head learns little under the tutorial's dropout of 0.3.
CONFIGS = {
    "bach_lstm": Config("shipped", ModelConfig("stacked_lstm", {"units": [256, 256], "dropout": 0.4})),
    "bach_gru_attention": Config("shipped", ModelConfig("gru_attention", {"units": 192, "dropout": 0.1})).replace(
        learning_rate=3e-3
    ),
    "bach_transformer": Config(
        "shipped",
        ModelConfig("transformer", {"units": 192, "layers": 4, "heads": 4, "context_length": 192, "dropout": 0.3}),
    ).replace(window=192, batch_size=16, epochs=24, learning_rate=1e-3, patience=4, weight_decay=0.05, average=0.998),
}


def prepare() -> dataset.Dataset:
    """Splits the chorales and writes the training ones in twelve keys."""
    split = corpus.split(corpus.load("bach"), validation=0.1, test=0.1, seed=0)
    return dataset.prepare(split, encodings.NoteChord(sustain=True), transpositions=range(-5, 7))


def measure(run: training.Run, data: dataset.Dataset) -> dict:
    """Compares a run with counting and with real music, on pieces that none of them has seen."""
    baseline = ngram.best_ngram(data.train, data.validation, len(data.vocabulary))
    pieces = sampling.generate_ids(run, count=20, length=200, temperature=1.0, seed=0, stop_at_end=True)
    held_out = [piece[1:-1] for piece in [*data.validation, *data.test]]
    return {
        "nats_per_token": {
            "network": {name: evaluation.nats_per_token(run, getattr(data, name)) for name in ("validation", "test")},
            f"n-gram of order {baseline.order}": {
                name: baseline.nats_per_token(getattr(data, name)) for name in ("validation", "test")
            },
        },
        "sampled_pieces": {
            "count": len(pieces),
            "median_tokens": float(np.median([len(piece) for piece in pieces])),
            "largest_share_of_one_token": max(evaluation.most_frequent_share(piece) for piece in pieces),
            "share_of_8_token_sequences_seen_in_training": evaluation.seen_share(pieces, data.train),
            "the_same_for_held_out_chorales": evaluation.seen_share(held_out, data.train),
        },
    }


def main() -> None:
    data = prepare()
    folder = pathlib.Path(__file__).resolve().parent
    for name in sys.argv[1:] or CONFIGS:
        run = training.train(data, CONFIGS[name], folder / name)
        results = {"command": f"python models/train_shipped.py {name}", **measure(run, data)}
        (folder / name / "results.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
        print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
