"""Likelihood of long pieces: window by window it is what it is for the whole piece, and no network sees a long one."""

import pathlib

import keras
import numpy as np
import pytest
from keras import ops

from musiclib import evaluation, models, training
from musiclib.config import Config
from musiclib.dataset import Pieces
from musiclib.encodings import NoteChord
from musiclib.encodings.vocabulary import END, RESERVED, START, Vocabulary
from musiclib.models import likelihood
from musiclib.models.autoregressive import AutoregressiveModel

SIZE = 13  # tokens in the vocabulary
SHIPPED = pathlib.Path(__file__).resolve().parents[1] / "models"
SCALE = ["C4", "C#4", "D4", "D#4", "E4", "F4", "F#4", "G4", "R"]
GRU = {"units": 6, "embedding_size": 4, "attention_units": 5, "context_length": 5, "attention": "additive"}
CHORALE = {"units": 8, "head": 6, "heads": 2, "memory": 3}
NETWORKS = [
    ("stacked_lstm", {"units": [8, 6], "embedding_size": 4}),
    ("transformer", {"units": 8, "layers": 2, "heads": 2, "context_length": 5}),
    ("transformer", {"units": 8, "layers": 1, "heads": 2, "context_length": 20}),
    ("gru_attention", GRU),
    ("chorale_gru", {"pitches": [None] * 4 + [*range(60, 60 + SIZE - 4)], **CHORALE}),
    ("chorale_infill", {"tokens": [*RESERVED, *SCALE], "reading": 5, **CHORALE}),
    ("gru_infill", {"tokens": [*RESERVED, "_", *SCALE[1:]], "units": 6, "reading": 5, "embedding_size": 4}),
    ("seq2seq", {"units": 8, "embedding_size": 4, "heads": 2, "pace": 2, "reach": 3}),
    ("seq2seq", {"units": 8, "embedding_size": 4, "layers": 1, "attention": False}),
]
EVERY = pytest.mark.parametrize(("name", "options"), NETWORKS, ids=[name for name, _ in NETWORKS])


def make(name, options):
    keras.utils.set_random_seed(0)
    model = models.build(name, SIZE, **options)
    for weight in model.trainable_variables:  # an untrained network is almost even, and hides mistakes
        weight.assign(ops.convert_to_numpy(weight) * 2 + 0.01)
    return model


def pieces_of(*lengths):
    rng = np.random.default_rng(0)
    return Pieces.from_lists([[START, *rng.integers(4, SIZE, length - 1)] for length in lengths])


def whole(model, piece, source=None):
    """-log P of each id but the first, the whole piece at once."""
    inputs = piece[None, :-1] if source is None else (source[None], piece[None, :-1])
    logits = ops.log_softmax(model(inputs, training=False))
    return -ops.convert_to_numpy(logits)[0, np.arange(len(piece) - 1), piece[1:]]


@EVERY
def test_windows_give_the_same_figure(name, options, monkeypatch):
    """Pieces that end in different windows, at and beside their edges, and one without a target."""
    monkeypatch.setattr(likelihood, "WINDOW", 8)
    model, pieces = make(name, options), pieces_of(30, 9, 10, 1, 3, 25)
    sources = Pieces.from_lists([piece[1:] for piece in pieces]) if model.conditional else None
    found = likelihood.nats(model, pieces, sources, batch_size=3)
    for i, piece in enumerate(pieces):
        assert found[i].dtype == np.float32 and found[i].shape == (len(piece) - 1,)
        if len(piece) > 9:
            expected = whole(model, piece, None if sources is None else sources[i])
            np.testing.assert_allclose(found[i], expected, atol=2e-4)


@EVERY
def test_step_goes_on_where_advance_ends(name, options):
    """Windows of any length from a multiple of four on, so that those of the chorale GRU are whole steps."""
    model, ids = make(name, options), pieces_of(23)[0][None]
    condition = [ids[0, 1:]] if model.conditional else []
    expected, state = [], model.initial_state(1, *condition)
    for i in range(23):
        logits, state = model.step(ops.convert_to_tensor(ids[:, i]), state)
        expected.append(ops.convert_to_numpy(logits))
    shapes = [(part.shape, part.dtype) for part in state]
    found, state = [], model.initial_state(1, *condition)
    for begin, end in ((0, 12), (12, 16), (16, 19)):
        logits, state = model.advance(ops.convert_to_tensor(ids[:, begin:end]), state)
        found.append(ops.convert_to_numpy(logits)[0])
        assert [(part.shape, part.dtype) for part in state] == shapes
    for i in range(19, 23):
        logits, state = model.step(ops.convert_to_tensor(ids[:, i]), state)
        found.append(ops.convert_to_numpy(logits))
    np.testing.assert_allclose(np.concatenate(found), np.concatenate(expected), atol=1e-4)


@pytest.mark.parametrize("name", ["bach_lstm", "bach_transformer", "jsb_gru"])
def test_shipped_runs_give_the_same_figure(name):
    """Over several windows, and more than the Transformer's context."""
    run = training.load_run(SHIPPED / name)
    ids = np.random.default_rng(0).integers(4, len(run.vocabulary), 600)
    piece = Pieces.from_lists([[START, *ids]])
    assert evaluation.nats_per_token(run, piece) == pytest.approx(whole(run.model, piece[0]).mean(), abs=1e-3)


def test_no_network_sees_a_long_piece_and_few_shapes_are_compiled(monkeypatch):
    model = make("transformer", {"units": 8, "layers": 2, "heads": 2, "context_length": 5})
    called, advanced = [], []
    call, advance = type(model).call, type(model).advance
    monkeypatch.setattr(
        type(model), "call", lambda self, ids, training=False: called.append(ids.shape) or call(self, ids, training)
    )
    monkeypatch.setattr(
        type(model), "advance", lambda self, ids, state: advanced.append(tuple(ids.shape)) or advance(self, ids, state)
    )
    found = likelihood.nats(model, pieces_of(4000, 300, 700, 3000), batch_size=1)
    assert [len(losses) for losses in found] == [3999, 299, 699, 2999]
    assert not called and set(advanced) == {(1, likelihood.WINDOW)}
    if keras.backend.backend() in ("tensorflow", "jax"):
        assert len(advanced) == 1  # traced once for all pieces


def test_many_short_pieces_are_compiled_for_few_shapes(monkeypatch):
    model, pieces = make("stacked_lstm", {"units": [5], "embedding_size": 4}), pieces_of(*range(2, 42))
    expected = [whole(model, piece) for piece in pieces]
    called, call = [], type(model).call
    monkeypatch.setattr(
        type(model), "call", lambda self, ids, training=False: called.append(tuple(ids.shape)) or call(self, ids)
    )
    found = likelihood.nats(model, pieces, batch_size=4)
    assert called == [(4, 64)]
    for losses, same in zip(found, expected, strict=True):
        np.testing.assert_allclose(losses, same, atol=1e-4)


def test_a_network_of_one_window_an_id_is_compiled_too():
    model, pieces = make("gru_attention", {**GRU, "bidirectional": True}), pieces_of(9, 1, 5)
    few, many = likelihood.nats(model, pieces, batch_size=32), likelihood.nats(model, pieces, batch_size=1)
    for losses, same, piece in zip(few, many, pieces, strict=True):
        assert len(losses) == len(piece) - 1
        np.testing.assert_allclose(losses, same, atol=1e-5)


class Recurrent(AutoregressiveModel):
    """A network as in CONTRIBUTING.md: a state and ``step`` of its own, and no ``advance``."""

    def __init__(self):
        super().__init__(SIZE)
        self.embedding, self.gru = keras.layers.Embedding(SIZE, 4), keras.layers.GRU(5, return_sequences=True)
        self.head = keras.layers.Dense(SIZE)

    def call(self, ids, training=False):
        return self.head(self.gru(self.embedding(ids)))

    def initial_state(self, batch_size, condition=None):
        return (ops.zeros((batch_size, 5)),)

    def step(self, ids, state):
        x, state = self.gru.cell(self.embedding(ids), list(state))
        return self.head(x), tuple(state)


class Window(AutoregressiveModel):
    """A network without a state of its own: a convolution over the last three ids."""

    context_length = 3

    def __init__(self):
        super().__init__(SIZE)
        self.embedding, self.head = keras.layers.Embedding(SIZE, 4), keras.layers.Dense(SIZE)
        self.window = keras.layers.Conv1D(5, 3)

    def call(self, ids, training=False):
        return self.head(self.window(self.embedding(ops.pad(ids, ((0, 0), (2, 0))))))


@pytest.mark.parametrize("kind", [Recurrent, Window])
def test_a_network_without_advance_of_its_own(kind, monkeypatch):
    monkeypatch.setattr(likelihood, "WINDOW", 8)
    keras.utils.set_random_seed(0)
    model, pieces = kind(), pieces_of(30, 21)
    model.build((None, None))
    for losses, piece in zip(likelihood.nats(model, pieces), pieces, strict=True):
        np.testing.assert_allclose(losses, whole(model, piece), atol=1e-4)


def test_progress_is_shown_where_it_takes_long(monkeypatch, capfd):
    vocabulary = Vocabulary([*RESERVED, *(f"C{i}:1" for i in range(SIZE - 4))])
    run = training.Run(make(*NETWORKS[0]), vocabulary, NoteChord(), Config(), {}, {})
    pieces = Pieces.from_lists([[START, 5, 6, END]])
    evaluation.nats_per_token(run, pieces)
    assert "likelihood" not in capfd.readouterr().err
    monkeypatch.setattr("musiclib.config.BAR_AFTER", 0)
    for progress in (True, False):
        evaluation.nats_per_token(run, pieces, progress=progress)
        assert ("3/3" in capfd.readouterr().err) == progress
