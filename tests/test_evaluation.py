"""Evaluation: likelihood against a loop of its own, and shares counted by hand."""

import keras
import numpy as np
import pytest

from musiclib import evaluation, models
from musiclib.config import Config
from musiclib.dataset import Pieces
from musiclib.encodings import NoteChord
from musiclib.encodings.vocabulary import PADDING, RESERVED, Vocabulary
from musiclib.training import Run

VOCABULARY = Vocabulary([*RESERVED, *(f"C{i}:1" for i in range(6))])
PIECES = Pieces.from_lists([np.random.default_rng(i).integers(1, 10, n) for i, n in enumerate((12, 2, 7, 20, 3))])


def run_of(name, **options):
    keras.utils.set_random_seed(0)
    model = models.build(name, len(VOCABULARY), embedding_size=4, **options)
    for weight in model.trainable_variables:  # an untrained network is almost even, and hides mistakes
        weight.assign(keras.ops.convert_to_numpy(weight) * 2)
    return Run(model, VOCABULARY, NoteChord(), Config(), {}, {})


def nats(model, context, following):
    """-log P(following | context), one at a time."""
    logits = keras.ops.convert_to_numpy(model(np.array([context], np.int32), training=False))[0, -1].astype(np.float64)
    return np.log(np.exp(logits).sum()) - logits[following]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("stacked_lstm", {"units": [8, 6]}),
        ("gru_attention", {"units": 6, "context_length": 9, "attention": "additive"}),
    ],
)
def test_nats_per_token_of_a_network_that_sees_the_whole_piece(name, options):
    run = run_of(name, **options)
    losses = [nats(run.model, piece[:i], piece[i]) for piece in PIECES for i in range(1, len(piece))]
    for batch_size in (1, 2, 8):
        assert np.isclose(evaluation.nats_per_token(run, PIECES, batch_size), np.mean(losses), atol=1e-5)
    assert abs(np.mean(losses) - np.log(10)) > 1e-3


def test_nats_per_token_of_a_network_that_sees_a_window():
    run = run_of("gru_attention", units=6, context_length=5, attention="additive", bidirectional=True)
    losses, pieces = [], Pieces.from_lists([PIECES[0], PIECES[1]])
    for piece in pieces:
        padded = [PADDING] * 5 + piece.tolist()
        losses.extend(nats(run.model, padded[i : i + 5], padded[i + 5]) for i in range(1, len(piece)))
    assert np.isclose(evaluation.nats_per_token(run, pieces), np.mean(losses), atol=1e-5)


def test_the_uniform_network_needs_the_logarithm_of_the_vocabulary():
    run = run_of("stacked_lstm", units=[4])
    run.model.set_weights([np.zeros_like(weight) for weight in run.model.get_weights()])
    assert np.isclose(evaluation.nats_per_token(run, PIECES), np.log(10), atol=1e-5)


def test_ids_of_another_vocabulary_are_refused():
    with pytest.raises(ValueError) as error:
        evaluation.nats_per_token(run_of("stacked_lstm", units=[4]), Pieces.from_lists([[1, 10, 4]]))
    assert "10" in str(error.value) and "9" in str(error.value)


@pytest.mark.parametrize("pieces", [[], [[4], []]])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_pieces_without_a_target_are_refused(pieces, bidirectional):
    run = run_of("gru_attention", units=4, context_length=5, attention="additive", bidirectional=bidirectional)
    with pytest.raises(ValueError, match=f"{len(pieces)} pieces"):
        evaluation.nats_per_token(run, Pieces.from_lists(pieces))


@pytest.mark.parametrize("short", [[], [4]])
def test_a_piece_without_a_target_among_others_changes_nothing(short):
    run = run_of("stacked_lstm", units=[4])
    with_it = Pieces.from_lists([*PIECES, short])
    assert np.isclose(evaluation.nats_per_token(run, with_it, 1), evaluation.nats_per_token(run, PIECES), atol=1e-6)


def test_most_frequent_share():
    assert evaluation.most_frequent_share(np.array([4, 5, 4, 6])) == 0.5
    assert evaluation.most_frequent_share(np.array([7] * 9)) == 1.0
    assert evaluation.most_frequent_share(np.array([4, 5, 6, 7, 8])) == 0.2
    assert evaluation.most_frequent_share(np.array([], int)) == 0.0


def test_seen_share():
    training = Pieces.from_lists([[1, 4, 5, 6, 7, 2], [1, 8, 9, 2]])
    # Runs of three: 456 and 567 are seen, 678 and 789 are not.
    assert evaluation.seen_share([np.array([4, 5, 6, 7, 8, 9])], training, 3) == 0.5
    # No run crosses from one training piece into the next, whatever the end of the one and the start of the other.
    assert evaluation.seen_share([np.array([7, 2, 1, 8])], training, 3) == 0.0
    assert evaluation.seen_share([np.array([4, 5, 6]), np.array([9, 9, 9, 9])], training, 3) == 1 / 3
    # A piece that is too short has no run, and is left out.
    assert evaluation.seen_share([np.array([4, 5, 6]), np.array([9, 9])], training, 3) == 1.0


def test_seen_share_looks_at_eight_by_default_and_at_any_kind_of_integer():
    training = Pieces.from_lists([np.arange(1, 20)])
    for kind in (np.int32, np.int64):
        assert evaluation.seen_share([np.arange(5, 14, dtype=kind)], training) == 1.0
    assert evaluation.seen_share([[5, 6, 7, 8, 9, 10, 11, 13]], training) == 0.0


def test_seen_share_of_pieces_that_are_all_too_short_is_refused():
    with pytest.raises(ValueError, match="8"):
        evaluation.seen_share([np.arange(7)], PIECES)
