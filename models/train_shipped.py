"""Trains the runs that ship in this folder, and measures them: ``make shipped``.

One of them alone: ``python models/train_shipped.py bach_lstm``. Each takes about half an
hour on two CPU cores. ``results.json`` in the run's folder holds what was measured.
"""

from __future__ import annotations

import functools
import json
import pathlib
import sys
from collections.abc import Callable

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from musiclib import corpus, dataset, encodings, evaluation, sampling, training  # noqa: E402
from musiclib.config import Config, ModelConfig  # noqa: E402

SEQ2SEQ = {"units": 192, "embedding_size": 64, "teacher_forcing": [1.0, 0.9], "annealing": 10}
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
    "bach_harmonizer": Config(
        "shipped",
        # A reach of four beats either way: a melody of any length is then looked at as the crops of the training were.
        ModelConfig("seq2seq", {**SEQ2SEQ, "units": 256, "pace": 3, "reach": 16, "dropout": 0.3}),
    ).replace(
        window=128, align=4, batch_size=16, epochs=48, learning_rate=3e-3, patience=10, weight_decay=0.02, average=0.998
    ),
    "fiddle_answers": Config(
        "shipped",
        ModelConfig("seq2seq", {**SEQ2SEQ, "dropout": 0.4}),
    ).replace(window=192, batch_size=16, epochs=16, learning_rate=3e-3, patience=8),
}


def prepare() -> dataset.Dataset:
    """Splits the chorales and writes the training ones in twelve keys."""
    split = corpus.split(corpus.load("bach"), validation=0.1, test=0.1, seed=0)
    return dataset.prepare(split, encodings.NoteChord(sustain=True), transpositions=range(-5, 7))


def melodies_and_voices() -> dataset.Pairs:
    """Takes the sopranos of the same chorales for sources, and their other voices for targets."""
    split = corpus.split(corpus.load("bach"), validation=0.1, test=0.1, seed=0)
    soprano, others = (encodings.Chorale(holds=True, voices=voices) for voices in ("S", "BAT"))
    return dataset.prepare_pairs(split, soprano, others, transpositions=range(-5, 7))


def phrases_and_answers() -> dataset.Pairs:
    """Takes four bars of a fiddle tune for a source, and the four that follow for its target."""
    split = corpus.split(corpus.load("ryansMammoth"), validation=0.1, test=0.1, seed=0)
    events = encodings.NoteEvents(velocities=1)
    return dataset.prepare_pairs(split, events, events, dataset.phrases, transpositions=range(-5, 7))


def measure(run: training.Run, data: dataset.Dataset) -> dict:
    """Compares a run with counting and with real music, on pieces that none of them has seen."""
    baseline = evaluation.best_ngram(data.train, data.validation, len(data.vocabulary))
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


def measure_pairs(run: training.Run, data: dataset.Pairs, without: training.Run) -> dict:
    """Compares a run with one that was never told a source, with counting and with real music."""
    # An order of 10 looks back over three steps of three voices, or over two and a half notes.
    orders = (4, 7, 10)
    baseline = evaluation.best_ngram(data.train.targets, data.validation.targets, len(data.vocabulary), orders)
    held_out = [piece[1:-1] for piece in data.test.targets]
    options = {"temperature": 1.0, "seed": 0, "stop_at_end": run.model.pace is None}
    written = [
        sampling.generate_ids(run, 1, (run.model.pace or 4) * len(source), source=source, **options)[0]
        for source in [*data.test.sources][:20]
    ]

    def nats(measured: Callable[[dataset.PairedPieces], float], pieces: dataset.Pairs) -> dict:
        return {name: measured(getattr(pieces, name)) for name in ("validation", "test")}

    def seen(pieces: list[np.ndarray]) -> dict:
        lengths = (8, 16, 32, 64)
        return {str(length): evaluation.seen_share(pieces, data.train.targets, length) for length in lengths}

    return {
        "nats_per_token": {
            "network": nats(functools.partial(evaluation.nats_per_token, run), data),
            "the_same_trained_without_the_source": nats(
                functools.partial(evaluation.nats_per_token, without), data.hidden()
            ),
            f"n-gram of order {baseline.order}": nats(lambda part: baseline.nats_per_token(part.targets), data),
        },
        "answers_to_20_test_sources": {
            "largest_share_of_one_token": max(evaluation.most_frequent_share(piece) for piece in written),
            "the_same_for_real_ones": max(evaluation.most_frequent_share(piece) for piece in held_out),
            "share_of_token_sequences_seen_in_training_by_length": seen(written),
            "the_same_for_held_out_targets": seen(held_out),
        },
    }


PAIRS = {"bach_harmonizer": melodies_and_voices, "fiddle_answers": phrases_and_answers}


def main() -> None:
    folder = pathlib.Path(__file__).resolve().parent
    for name in sys.argv[1:] or CONFIGS:
        data = PAIRS.get(name, prepare)()
        run = training.train(data, CONFIGS[name], folder / name)
        if name in PAIRS:
            without = training.train(data.hidden(), CONFIGS[name], folder / f"{name}_without_source")
            figures = measure_pairs(run, data, without)
        else:
            figures = measure(run, data)
        results = {"command": f"python models/train_shipped.py {name}", **figures}
        (folder / name / "results.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
        print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
