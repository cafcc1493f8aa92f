"""The n-gram: probabilities that add up, and a small example counted by hand."""

import collections
import math

import numpy as np
import pytest

from musiclib.dataset import Pieces
from musiclib.evaluation import NGram, best_ngram

START, A, B, C = 1, 4, 5, 6
TRAIN = Pieces.from_lists([[START, A, B, A, A], [START, B, A, B]])


@pytest.mark.parametrize("order", [1, 2, 3, 5])
@pytest.mark.parametrize(
    "context", [[], [START], [START, A], [A, B], [B, A, A], [A, A, A, A, A], [C], [A, C], [C, A], [START, A, B, A]]
)
def test_probabilities_add_up_to_one(order, context):
    model = NGram(TRAIN, 7, order)
    shares = [model.probability(context, i) for i in range(7)]
    assert math.isclose(sum(shares), 1)
    assert min(shares) > 0


def test_probabilities_by_hand():
    """Targets are A B A A and B A B: of seven, four are A and three B, two kinds."""
    unigram = NGram(TRAIN, 7, 1)
    a = (4 + 2 / 7) / (7 + 2)
    assert math.isclose(unigram.probability([B], A), a)
    assert math.isclose(unigram.probability([], C), (2 / 7) / 9)
    # After A: B twice, A once; two kinds.
    bigram = NGram(TRAIN, 7, 2)
    assert math.isclose(bigram.probability([START, B, A], A), (1 + 2 * a) / (3 + 2))
    # After START, A: only B, once; below it the bigram.
    b = (3 + 2 / 7) / 9
    assert math.isclose(NGram(TRAIN, 7, 3).probability([START, A], B), (1 + (2 + 2 * b) / 5) / 2)


def test_an_unseen_context_backs_off_to_a_shorter_one():
    model = NGram(TRAIN, 7, 4)
    assert model.probability([C, C, A], B) == NGram(TRAIN, 7, 2).probability([A], B)
    assert model.probability([C], B) == NGram(TRAIN, 7, 1).probability([], B)
    assert math.isclose(NGram(Pieces.from_lists([]), 7).probability([A], B), 1 / 7)


def test_nats_per_token_by_hand():
    model = NGram(TRAIN, 7, 2)
    held_out = Pieces.from_lists([[START, A, C], [B], [B, A]])
    shares = [model.probability([START], A), model.probability([A], C), model.probability([B], A)]
    assert math.isclose(model.nats_per_token(held_out), -np.mean(np.log(shares)))


def test_the_start_is_context_and_no_target():
    assert NGram(TRAIN, 7, 1).probability([], START) == (2 / 7) / 9


def test_counts_do_not_cross_from_one_piece_into_the_next():
    model = NGram(Pieces.from_lists([[START, A], [B, C]]), 7, 2)
    assert model.probability([A], B) == NGram(Pieces.from_lists([[START, A], [B, C]]), 7, 1).probability([], B)


def test_the_best_order_is_the_one_that_predicts_best():
    rng = np.random.default_rng(0)
    pattern = [[START, *np.resize([A, A, B, C, A, B], 40 + rng.integers(6))] for _ in range(5)]
    pieces = Pieces.from_lists(pattern)
    best = best_ngram(pieces, pieces, 7)
    scores = {order: NGram(pieces, 7, order).nats_per_token(pieces) for order in range(1, 7)}
    assert best.order == min(scores, key=scores.get) and best.order > 2
    noise = Pieces.from_lists([rng.integers(4, 7, 50) for _ in range(4)])
    held_out = Pieces.from_lists([rng.integers(4, 7, 50) for _ in range(4)])
    assert best_ngram(noise, held_out, 7).order <= 2


def test_an_order_below_one_is_refused():
    with pytest.raises(ValueError, match="0"):
        NGram(TRAIN, 7, 0)


def test_generated_pieces_follow_the_probabilities():
    model = NGram(TRAIN, 7, 3)
    pieces = model.generate(4000, 2, seed=0)
    first = collections.Counter(int(piece[0]) for piece in pieces if len(piece))
    second = collections.Counter(int(piece[1]) for piece in pieces if len(piece) == 2 and piece[0] == A)
    allowed = (2, A, B, C)  # the end and the music; what is reserved otherwise is drawn again
    for counted, context in ((first, [START]), (second, [START, A])):
        whole = sum(model.probability(context, i) for i in allowed)
        for i in (A, B, C):
            share = model.probability(context, i) / whole
            total = 4000 if context == [START] else first[A]
            assert abs(counted[i] / total - share) < 4 * math.sqrt(share * (1 - share) / total)


def test_generated_pieces_are_repeatable_and_end():
    model = NGram(Pieces.from_lists([[START, A, B, 2]] * 50), 7, 3)
    pieces = model.generate(20, 30, seed=1)
    assert all(np.array_equal(*pair) for pair in zip(pieces, model.generate(20, 30, seed=1)))
    assert sum(piece.tolist() == [A, B] for piece in pieces) > 10
    assert all(
        piece.dtype == np.int32 and len(piece) <= 30 and not np.isin(piece, [0, 1, 2, 3]).any() for piece in pieces
    )
    assert max(len(piece) for piece in NGram(TRAIN, 7, 2).generate(20, 5, seed=0)) == 5


def test_all_orders_are_measured_at_once():
    held_out = Pieces.from_lists([[START, A, C, B, A, B], [B, A, A]])
    every = NGram(TRAIN, 7, 4)
    for order, nats in enumerate(every.nats_of_orders(held_out), 1):
        alone, shared = NGram(TRAIN, 7, order), every.of_order(order)
        assert math.isclose(nats, alone.nats_per_token(held_out))
        assert math.isclose(nats, shared.nats_per_token(held_out)) and shared.order == order
        assert shared.probability([A, B, A], B) == alone.probability([A, B, A], B)


def test_no_more_of_a_piece_is_read_than_the_order_needs():
    class Counted(NGram):
        def probabilities(self, context, following):
            seen.append(len(context))
            return super().probabilities(context, following)

    seen = []
    Counted(TRAIN, 7, 3).nats_per_token(Pieces.from_lists([[START, *[A, B] * 50]]))
    assert len(seen) == 100 and max(seen) == 2
