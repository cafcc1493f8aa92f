"""Seq2Seq: what it reads, where it looks, and what training tells it."""

import keras
import numpy as np
import pytest
from keras import ops

from musiclib import models
from musiclib.encodings.vocabulary import PADDING, START

SIZE = 13


def make(seed=0, **options):
    keras.utils.set_random_seed(seed)
    return models.build("seq2seq", SIZE, **{"units": 8, "embedding_size": 4, "heads": 2, "dropout": 0.0, **options})


def random_ids(batch, time, seed=0):
    return np.random.default_rng(seed).integers(4, SIZE, (batch, time)).astype(np.int32)


def call(model, source, ids, **options):
    return ops.convert_to_numpy(model((source, ids), **{"training": False, **options}))


FORMS = [{}, {"pace": 3}, {"pace": 3, "reach": 2}, {"attention": False}, {"layers": 1, "pace": 1}]


@pytest.mark.parametrize("options", FORMS)
def test_every_token_of_the_source_is_read(options):
    model, source, ids = make(**options), random_ids(1, 9), random_ids(1, 6, seed=1)
    before = call(model, source, ids)
    for place in range(9):
        changed = source.copy()
        changed[0, place] = source[0, place] % (SIZE - 1) + 1
        assert np.abs(call(model, changed, ids) - before).max() > 1e-6


@pytest.mark.parametrize("options", FORMS)
def test_padding_after_a_source_changes_nothing(options):
    """So that sources of several lengths stand in one batch; training and generation fill them up differently."""
    model, source, ids = make(**options), random_ids(2, 9), random_ids(2, 6, seed=1)
    source[1, 5:] = PADDING
    padded = np.pad(source, ((0, 0), (0, 7)), constant_values=PADDING)
    np.testing.assert_allclose(call(model, padded, ids), call(model, source, ids), atol=1e-5)
    np.testing.assert_allclose(call(model, source[1:, :5], ids[1:]), call(model, source[1:], ids[1:]), atol=1e-5)


def test_a_source_of_nothing_but_padding_gives_numbers():
    """Rows are filled up so where a batch is dealt out to several processes."""
    model = make(pace=3)
    assert np.isfinite(call(model, np.zeros((2, 4), np.int32), random_ids(2, 6))).all()


def test_each_piece_of_a_batch_may_have_a_source_of_its_own():
    model, sources, ids = make(), random_ids(3, 9), random_ids(3, 5, seed=1)
    state, logits = model.initial_state(3, sources), []
    for column in ids.T:
        out, state = model.step(ops.convert_to_tensor(column), state)
        logits.append(ops.convert_to_numpy(out))
    np.testing.assert_allclose(np.stack(logits, axis=1), call(model, sources, ids), atol=1e-4)


def test_without_a_source_it_says_what_it_needs():
    with pytest.raises(ValueError, match="give initial_state a condition"):
        make().initial_state(1)


def test_attention_maps_are_shares_of_the_source():
    source = random_ids(2, 9)
    source[1, 5:] = PADDING
    maps = make(pace=3).attention_maps(source, random_ids(2, 6))
    assert maps.shape == (2, 6, 9)
    np.testing.assert_allclose(maps.sum(axis=-1), 1, atol=1e-5)
    assert (maps[0] > 0).all() and (maps[1, :, 5:] == 0).all()
    with pytest.raises(ValueError, match="attention=False"):
        make(attention=False).attention_maps(source, random_ids(2, 6))


def test_with_a_pace_attention_knows_the_distance_between_two_places():
    """Where every source token and every state are alike, only the distance of their places can tell them apart."""
    layer = make(pace=3, units=16).attention
    layer.queries.bias.assign(np.random.default_rng(0).normal(size=16))
    layer.keys.bias.assign(np.random.default_rng(1).normal(size=16))
    source, target = np.ones((1, 12, 32), np.float32), np.ones((1, 18, 16), np.float32)
    heard = np.ones((1, 12), bool)
    keys, _ = layer.remember(source)
    scores = np.log(ops.convert_to_numpy(layer.shares(target, ops.arange(18), keys, heard))[0])  # (heads, 18, 12)
    ratio = scores - scores[:, :, :1]
    np.testing.assert_allclose(ratio[:, 0], ratio[:, 2], atol=1e-4)  # 0 and 2 stand beside the first source token,
    assert np.abs(ratio[:, 3] - ratio[:, 2]).max() > 1e-3  # 3 beside the second
    differences = np.diff(scores, axis=-1)
    np.testing.assert_allclose(differences[:, 3, 1:], differences[:, 0, :-1], atol=1e-4)


def test_with_a_reach_attention_stays_near_the_place_of_the_target():
    maps = make(pace=3, reach=2).attention_maps(random_ids(1, 9), random_ids(1, 18, seed=1))[0]
    for position, row in enumerate(maps):
        place = position // 3
        assert (row[max(place - 2, 0) : place + 3] > 0).all() and row.sum() == pytest.approx(1, abs=1e-5)
        assert (np.delete(row, np.arange(max(place - 2, 0), min(place + 3, 9))) == 0).all()


def test_within_its_reach_a_network_is_the_same_without_one():
    source, ids = random_ids(2, 5), random_ids(2, 15, seed=1)
    bounded, free = make(pace=3, reach=5), make(pace=3)
    free.set_weights(bounded.get_weights())
    np.testing.assert_allclose(call(bounded, source, ids), call(free, source, ids), atol=1e-6)


@pytest.mark.parametrize("options", [{"reach": 4}, {"reach": 0, "pace": 3}])
def test_a_reach_without_a_pace_or_below_one_is_refused(options):
    with pytest.raises(ValueError, match="a reach must be at least 1 and needs a pace, got"):
        make(**options)


@pytest.mark.parametrize("ratios", [[1.0, -0.1], [1.2, 1.0], [1.0], [0.5, 0.5, 0.5]])
def test_a_ratio_that_is_none_is_refused(ratios):
    with pytest.raises(ValueError, match=r"teacher_forcing must be two ratios between 0 and 1") as error:
        make(teacher_forcing=ratios)
    assert str(ratios) in str(error.value)


@pytest.mark.parametrize("name", ["layers", "annealing", "pace"])
def test_a_size_below_one_is_refused(name):
    with pytest.raises(ValueError, match=f"{name} must be a whole number of at least 1, got 0"):
        make(**{name: 0})


def test_units_that_the_heads_cannot_share_are_refused():
    with pytest.raises(ValueError, match="got 8 units and 3 heads"):
        make(heads=3)


def test_the_ratio_falls_along_a_line_and_stays():
    model, ratios = make(teacher_forcing=[1.0, 0.5], annealing=4), []
    for epoch in (0, 1, 2, 4, 9):
        model.begin_epoch(epoch)
        ratios.append(float(ops.convert_to_numpy(model.ratio)))
    assert ratios == [1.0, 0.875, 0.75, 0.5, 0.5]


def told(model, ids, monkeypatch):
    """What the decoder is told in a training step: the ids of its last pass."""
    seen, write = [], model._decode
    monkeypatch.setattr(model, "_decode", lambda ids, *rest, **named: seen.append(ids) or write(ids, *rest, **named))
    call(model, random_ids(len(ids), 9), ids, training=True)
    return ops.convert_to_numpy(seen[-1]), len(seen)


def test_a_ratio_of_one_tells_the_truth_in_one_pass(monkeypatch):
    ids = random_ids(4, 30)
    heard, passes = told(make(), ids, monkeypatch)
    assert passes == 1
    np.testing.assert_array_equal(heard, ids)


def test_a_ratio_of_zero_tells_what_the_network_says(monkeypatch):
    """All but the first id, and padding: the logits are made such that it always says 9."""
    model = make(teacher_forcing=[0.0, 0.0])
    model.head.kernel.assign(np.zeros((8, SIZE)))
    model.head.bias.assign(100 * np.eye(SIZE)[9])
    ids = random_ids(4, 30)
    ids[:, 0], ids[2, 20:] = START, PADDING
    heard, passes = told(model, ids, monkeypatch)
    assert passes == 2
    assert (heard[:, 0] == START).all() and (heard[2, 20:] == PADDING).all()
    assert (heard[[0, 1, 3], 1:] == 9).all() and (heard[2, 1:20] == 9).all()


def test_what_it_says_of_a_position_is_told_at_the_next(monkeypatch):
    """A decoder that repeats what it hears: where it is told its own words, they come one position late."""
    model = make(teacher_forcing=[0.0, 0.0])
    write = model._decode

    def repeat(ids, *rest, **options):
        _, states = write(ids, *rest, **options)
        return 100 * ops.one_hot(ids, SIZE), states

    monkeypatch.setattr(model, "_decode", repeat)
    ids = random_ids(2, 12)
    heard, _ = told(model, ids, monkeypatch)
    np.testing.assert_array_equal(heard[:, 1:], ids[:, :-1])


def test_a_ratio_in_between_tells_that_share_of_the_truth(monkeypatch):
    model = make(teacher_forcing=[0.7, 0.7])
    model.head.kernel.assign(np.zeros((8, SIZE)))
    model.head.bias.assign(100 * np.eye(SIZE)[3])  # an id that is not among the true ones
    ids = random_ids(20, 200)
    heard, _ = told(model, ids, monkeypatch)
    assert abs(np.mean(heard[:, 1:] == ids[:, 1:]) - 0.7) < 0.03


def test_outside_training_the_truth_is_told():
    model, source, ids = make(teacher_forcing=[0.0, 0.0]), random_ids(2, 9), random_ids(2, 6)
    np.testing.assert_array_equal(call(model, source, ids), call(make(), source, ids))
