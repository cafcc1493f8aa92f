"""Likelihood in gaps: what is drawn, and that it is what the networks say of just these tokens."""

import keras
import numpy as np
import pytest
from keras import ops

from musiclib import encodings, evaluation, models
from musiclib.config import Config
from musiclib.dataset import Pieces
from musiclib.encodings.vocabulary import END, RESERVED, START, UNKNOWN, Vocabulary
from musiclib.training import Run

VOCABULARY = Vocabulary([*RESERVED, "R", "_", "C4", "D4", "E4", "F4", "G4"])
gaps = evaluation.gaps


@pytest.fixture(scope="module")
def pieces():
    rng = np.random.default_rng(0)
    return Pieces.from_lists([[START, *rng.integers(4, 11, count), END] for count in (200, 40, 130)])


def run_of(name, **options):
    keras.utils.set_random_seed(0)
    model = models.build(name, len(VOCABULARY), embedding_size=4, **options)
    return Run(model, VOCABULARY, encodings.Chorale(True, "S"), Config(), {}, {})


def test_gaps_are_four_bars_or_one_voice(pieces):
    for voices, sizes in ((1, [64, 40, 64]), (4, [200, 40, 128])):
        found = gaps.four_bars(pieces, voices)
        assert [gap.sum() for gap in found] == sizes
        for gap, piece in zip(found, pieces, strict=True):
            assert len(gap) == len(piece) and not gap[[0, -1]].any()
            assert (np.flatnonzero(gap)[0] - 1) % (16 * voices) == 0
            assert np.ptp(np.flatnonzero(gap)) == gap.sum() - 1
    for gap in gaps.one_voice(pieces, 4):
        assert set(np.diff(np.flatnonzero(gap))) == {4} and not gap[[0, -1]].any()
    assert [gap.sum() for gap in gaps.one_voice(pieces, 4)][:2] == [50, 10]


@pytest.mark.parametrize("future", [True, False])
def test_a_network_that_fills_in_sees_what_is_known(future, pieces):
    run, drawn = (
        run_of("gru_infill", tokens=list(VOCABULARY.tokens), units=6, reading=5),
        gaps.four_bars(pieces, 1, seed=3),
    )
    found = gaps.nats_in_gaps(run, pieces, drawn, future)
    for piece, gap, nats in zip(pieces, drawn, found, strict=True):
        condition = np.where(gap, UNKNOWN, piece)[1:]
        if not future:
            condition[np.argmax(gap) - 1 :] = UNKNOWN
            condition = np.pad(condition, (0, 257 - len(condition)), constant_values=UNKNOWN)  # its length is not told
            condition = condition[: 256 if len(piece) > 65 else 64]
        logits = run.model((condition[None], piece[None, :-1]), training=False)
        expected = -ops.convert_to_numpy(ops.log_softmax(logits))[0, np.arange(len(piece) - 1), piece[1:]]
        np.testing.assert_allclose(nats, expected[gap[1:]], atol=1e-4)


def test_any_other_network_sees_what_came_before(pieces):
    run, drawn = run_of("stacked_lstm", units=[5]), gaps.four_bars(pieces, 1)
    found = gaps.nats_in_gaps(run, pieces, drawn)
    piece = pieces[0]
    logits = run.model(piece[None, :-1], training=False)
    expected = -ops.convert_to_numpy(ops.log_softmax(logits))[0, np.arange(len(piece) - 1), piece[1:]]
    np.testing.assert_allclose(found[0], expected[drawn[0][1:]], atol=1e-4)


def test_pieces_of_many_sizes_are_measured_in_one_call(pieces):
    run, drawn = (
        run_of("gru_infill", tokens=list(VOCABULARY.tokens), units=6, reading=5),
        gaps.four_bars(pieces, 1),
    )
    together, alone = gaps.nats_in_gaps(run, pieces, drawn), gaps.nats_in_gaps(run, pieces, drawn, batch_size=1)
    for some, same in zip(together, alone, strict=True):
        np.testing.assert_allclose(some, same, atol=1e-4)
