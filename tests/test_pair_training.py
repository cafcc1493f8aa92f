"""Training on pairs: the source is learned from, the ratio follows from the epoch, and a run knows both encodings."""

import json

import keras
import numpy as np
import pytest
from keras import ops
from test_pairs import EVENTS, MELODY, VOICES, chorale, prepared, split_of, tune
from test_training import make_dataset

from musiclib import dataset, evaluation, sampling, training
from musiclib.config import Config, ModelConfig, TrainingConfig
from musiclib.dataset import Pieces
from musiclib.training import callbacks
from musiclib.training.checkpoint import Checkpoint

SMALL = {"units": 8, "embedding_size": 4, "layers": 1, "heads": 2, "pace": 3}
CONFIG = Config("tiny", ModelConfig("seq2seq", SMALL), TrainingConfig(window=16, batch_size=4, epochs=2))


def annealed(epochs=3):
    options = {**SMALL, "teacher_forcing": [1.0, 0.2], "annealing": 2, "dropout": 0.2}
    return Config("tiny", ModelConfig("seq2seq", options), CONFIG.training).replace(epochs=epochs)


@pytest.fixture(scope="module")
def data():
    return prepared(transpositions=(-1, 0, 2))


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "harmonizer"
    training.train(data, CONFIG, folder, progress=False)
    return training.load_run(folder)


def test_a_run_on_pairs_knows_both_encodings(run, data):
    assert (run.source_encoding, run.encoding) == (MELODY, VOICES)
    assert run.about["data"] == data.fingerprint and len(run.history["val_loss"]) == 2
    assert run.about["dataset"]["source_pitches"] == data.about["source_pitches"]


def test_the_source_is_learned_from():
    """Targets that repeat their source: only who reads it can know them."""
    rng = np.random.default_rng(0)

    def part(count):
        sources = [rng.integers(4, 9, 8) for _ in range(count)]
        targets = Pieces.from_lists([[1, *source, 2] for source in sources])
        return dataset.PairedPieces(Pieces.from_lists(sources), targets, np.arange(count))

    made = dataset.Pairs(part(64), part(8), part(8), prepared().vocabulary, EVENTS, EVENTS, {})
    config = Config("tiny", ModelConfig("seq2seq", {**SMALL, "units": 16, "pace": 1, "dropout": 0.0}), CONFIG.training)
    config = config.replace(window=12, epochs=25, learning_rate=0.02, batch_size=8)
    losses = [min(training.train(d, config, progress=False).history["val_loss"]) for d in (made, made.hidden())]
    assert losses[0] < 0.7 and losses[1] > 1.2, losses  # of five equal tokens, the next is worth 1.6 nats


def test_the_ratio_of_each_epoch_follows_from_its_number(data, monkeypatch):
    ratios = []

    class Listening(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            ratios.append(float(ops.convert_to_numpy(self.model.ratio)))

    monkeypatch.setattr(
        callbacks, "NextEpoch", lambda batches, made=callbacks.NextEpoch: _both(made(batches), Listening())
    )
    training.train(data, annealed(4), progress=False)
    np.testing.assert_allclose(ratios, [1.0, 0.6, 0.2, 0.2], atol=1e-6)


def _both(*callbacks):
    return keras.callbacks.CallbackList(list(callbacks))


class Stopped(BaseException):
    pass


def test_a_training_that_was_stopped_ends_with_the_same_weights(data, tmp_path, monkeypatch):
    whole, save = training.train(data, annealed(), progress=False), Checkpoint.save

    def stopping(state, folder):
        save(state, folder)
        if state.epochs == 2:
            raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "save", stopping)
        with pytest.raises(Stopped):
            training.train(data, annealed(), tmp_path, progress=False)
    again = training.train(data, annealed(), tmp_path, progress=False)
    assert again.history == whole.history
    for one, other in zip(again.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_validation_is_always_told_the_truth(data):
    """Its loss is that of the run itself over whole pairs, where no crop cuts them."""
    config = annealed(3).replace(window=64)
    made = training.train(data, config, progress=False)
    best = min(made.history["val_loss"])
    assert abs(evaluation.nats_per_token(made, data.validation) - best) < 1e-4


def test_nats_of_pairs_are_those_of_their_targets(run, data):
    total, count = 0.0, 0
    for source, target in zip(data.test.sources, data.test.targets, strict=True):
        logits = ops.convert_to_numpy(run.model((source[None], target[None, :-1]), training=False))[0]
        logits -= np.log(np.exp(logits).sum(axis=-1, keepdims=True))
        total -= sum(logits[i, following] for i, following in enumerate(target[1:]))
        count += len(target) - 1
    assert abs(evaluation.nats_per_token(run, data.test, batch_size=2) - total / count) < 1e-4


def test_network_and_data_must_go_together(data):
    lstm = Config("tiny", ModelConfig("stacked_lstm", {"units": [4]}), CONFIG.training)
    with pytest.raises(
        ValueError, match=r"stacked_lstm is trained on a dataset of tokens, from dataset.prepare, got PairedPieces"
    ):
        training.train(data, lstm, progress=False)
    with pytest.raises(ValueError, match=r"seq2seq is trained on pairs, from dataset.prepare_pairs, got Pieces"):
        training.train(make_dataset(), CONFIG, progress=False)


def test_a_run_whose_source_encoding_is_lost_is_refused(run, tmp_path):
    run.save(tmp_path)
    path = tmp_path / "config.json"
    about = json.loads(path.read_text())
    encoding = about.pop("source_encoding")
    path.write_text(json.dumps(about))
    with pytest.raises(ValueError, match="has a conditional network and no source_encoding"):
        training.load_run(tmp_path)
    path.write_text(json.dumps({**about, "source_encoding": {**encoding, "name": "Frames", "voices": 1}}))
    with pytest.raises(ValueError, match="config.json"):
        training.load_run(tmp_path)


def test_tokens_of_neither_encoding_are_refused(run, tmp_path):
    made = training.Run(run.model, run.vocabulary, EVENTS, run.config, run.history, run.about, EVENTS)
    made.save(tmp_path)
    with pytest.raises(ValueError, match="was made by another encoding than config.json says"):
        training.load_run(tmp_path)


def test_a_source_may_have_tokens_of_its_own(tmp_path):
    """Melodies on a grid, answered by events: one vocabulary holds both."""
    made = dataset.prepare_pairs(split_of(chorale), MELODY, EVENTS, minimum_count=1)
    assert {"_", "d:1"} <= set(made.vocabulary.tokens)
    config = Config("tiny", ModelConfig("seq2seq", {**SMALL, "pace": None}), CONFIG.training).replace(
        window=160, epochs=1
    )
    training.train(made, config, tmp_path / "run", progress=False)
    run = training.load_run(tmp_path / "run")
    assert (run.source_encoding, run.encoding) == (MELODY, EVENTS)
    written = sampling.generate_ids(run, 4, 60, source=run.vocabulary.to_ids(MELODY.encode(chorale(0))), seed=1)
    tokens = {token for piece in written for token in run.vocabulary.to_tokens(piece)}
    assert "_" not in tokens and tokens <= set(EVENTS.alphabet)  # what only a source can hold is never written


def test_phrases_are_answered(tmp_path):
    made = dataset.prepare_pairs(split_of(lambda i: tune(16, i)), EVENTS, EVENTS, dataset.phrases, minimum_count=1)
    config = Config("tiny", ModelConfig("seq2seq", {**SMALL, "pace": None}), CONFIG.training).replace(
        window=80, epochs=1
    )
    run = training.train(made, config, progress=False)
    answers = sampling.generate(run, 2, 40, source=tune(4), seed=1, stop_at_end=True)
    assert len(answers) == 2 and answers[0].part_names == ("Piano",)
