"""The chorale network: what it is told, that keys move along with the music, and that `step` is `call`."""

import keras
import numpy as np
import pytest
from keras import ops

from musiclib import models
from musiclib.encodings.vocabulary import END, RESERVED, START, Vocabulary
from musiclib.models.chorale_gru.features import Alphabet, Keys, empty_history, histories, pitches_of

PITCHES = [None] * 4 + [*range(50, 66), -1, 48]  # 47 and 49 have no id, 48 is not in the order of the others
SIZE = len(PITCHES)


def make(seed=0, **options):
    keras.utils.set_random_seed(seed)
    sizes = {"units": 8, "head": 6, "heads": 2, "memory": 3}
    return models.build("chorale_gru", SIZE, **{"pitches": PITCHES, **sizes, **options})


def random_ids(batch, time, seed=0):
    """Ids of pieces in which voices also hold their notes."""
    ids = np.random.default_rng(seed).integers(4, SIZE, (batch, -(-time // 4), 4)).repeat(2, axis=1)
    return np.concatenate([np.full((batch, 1), START), ids.reshape(batch, -1)], axis=1)[:, :time].astype(np.int32)


def call(model, ids):
    return ops.convert_to_numpy(model(ids, training=False))


@pytest.mark.parametrize("time", [1, 4, 5, 38])
def test_call_and_step_agree(time):
    """Over more steps than the attention remembers, so that its cache moves on."""
    model, ids = make(), random_ids(3, time)
    logits, state = call(model, ids), model.initial_state(3)
    assert logits.shape == (3, time, SIZE) and logits.dtype == np.float32
    for i in range(time):
        out, state = model.step(ops.convert_to_tensor(ids[:, i]), state)
        np.testing.assert_allclose(ops.convert_to_numpy(out), logits[:, i], atol=1e-4)


def test_a_later_id_never_changes_earlier_logits():
    model, ids = make(), random_ids(1, 24)
    before = call(model, ids)
    for i in range(24):
        changed = ids.copy()
        changed[0, i] = (ids[0, i] - 3) % (SIZE - 4) + 4
        after = call(model, changed)
        np.testing.assert_allclose(after[:, :i], before[:, :i], atol=1e-6)
        # The last voice of a step is known to the next step alone, and the others to those after them too.
        assert np.abs(after[:, i] - before[:, i]).max() > 1e-5


def test_attention_reaches_as_far_as_its_memory():
    """Without a GRU between them, by what it says of a step: a first step out of reach of the last."""
    for memory, reaches in ((3, False), (40, True)):
        model = make(memory=memory)
        keys = np.random.default_rng(0).normal(size=(1, 10, 8)).astype("float32")
        gap = np.arange(10)[:, None] - np.arange(10)[None]
        past = [
            ops.convert_to_numpy(model._attend(keys, keys, values, ops.convert_to_tensor(gap), gap >= 0))[0, -1]
            for values in (keys, np.concatenate([keys[:, :1] + 1, keys[:, 1:]], axis=1))
        ]
        assert (np.abs(past[0] - past[1]).max() > 1e-6) == reaches


def test_only_pitches_silence_and_the_end_of_a_step_can_come():
    logits = call(make(), random_ids(2, 12))
    possible = logits > -1e8
    for i in range(12):
        expected = [pitch is not None or (id_ == END and i % 4 == 0) for id_, pitch in enumerate(PITCHES)]
        assert (possible[:, i] == expected).all()


@pytest.mark.parametrize("count", [1, 2, 5, 16])
def test_scores_of_intervals_are_laid_around_the_centre(count):
    pitches = [None] * 4 + list(range(40, 40 + count))
    model = models.build("chorale_gru", len(pitches), pitches=pitches, units=4, head=3, heads=2)
    scores = np.random.default_rng(0).normal(size=(count, model._span)).astype("float32")
    laid = ops.convert_to_numpy(model._around(ops.convert_to_tensor(scores), ops.arange(count)))
    for centre in range(count):
        expected = [scores[centre, pitch - centre + count - 1] for pitch in range(count)]
        np.testing.assert_array_equal(laid[centre], expected)


def test_keys_move_along_with_the_music():
    keras.utils.set_random_seed(0)
    rng, keys = np.random.default_rng(0), Keys(count=2)
    counts, voices = rng.random((2, 3, 4, 12), "float32"), rng.random((2, 2, 3, 12), "float32")
    degrees = ops.convert_to_numpy(keys(counts, *voices))  # (batch, time, pitch class, 2 * degree)
    moved = ops.convert_to_numpy(keys(np.roll(counts, 5, -1), *np.roll(voices, 5, -1)))
    np.testing.assert_allclose(moved, np.roll(degrees, 5, axis=2), atol=1e-6)
    assert np.abs(degrees - np.roll(degrees, 5, axis=2)).max() > 1e-3
    np.testing.assert_allclose(degrees.reshape(2, 3, 12, 2, 12).sum(-1), 1, atol=1e-5)


def test_what_has_been_heard():
    alphabet = Alphabet(PITCHES)
    a, b, rest = 4, 6, 20  # 50, 52 and silence
    steps = np.array([[[START] * 4, [a, a, b, rest], [a, b, b, rest], [b, b, b, a]]], np.int32)
    found = histories(alphabet, steps, empty_history(alphabet, 1))
    ids, places, left, age, counts = (ops.convert_to_numpy(part)[0] for part in found)
    np.testing.assert_array_equal(ids, steps[0])
    homes = alphabet.centres.tolist()
    assert places[1:].tolist() == [[2, 2, 4, homes[3]], [2, 4, 4, homes[3]], [4, 4, 4, 2]]
    assert left[1:].tolist() == [[*homes], [homes[0], 2, *homes[2:]], [2, 2, homes[2], homes[3]]]
    assert age[1:].tolist() == [[1, 1, 1, 1], [2, 1, 2, 2], [1, 2, 3, 1]]
    # D and E of three, three and four voices; the last row is the bass alone.
    assert counts[3, 0, [2, 4]].tolist() == [4, 6] and counts[3, 3, [2, 4]].tolist() == [1, 2]
    np.testing.assert_allclose(counts[3, 2, 4], 1 * 0.5**0.5 + 2 * 0.5**0.25 + 3, rtol=1e-5)
    assert counts.sum(axis=(1, 2))[0] == 0


def test_a_silent_voice_and_a_padded_end_are_read():
    ids = random_ids(1, 12)
    ids[0, 5:] = 0
    assert np.isfinite(call(make(), ids)).all()


def test_pitches_are_read_from_a_vocabulary():
    vocabulary = Vocabulary([*RESERVED, "C4", "R", "F#3"])
    assert pitches_of(vocabulary) == [None, None, None, None, 60, -1, 54]
    with pytest.raises(ValueError, match="has 'C4:1'; prepare the dataset with encodings.Chorale()"):
        pitches_of(Vocabulary([*RESERVED, "C4:1"]))
    tokens = list(vocabulary.tokens)
    own, given = (models.build("chorale_gru", 7, units=8, head=6, heads=2, **{name: value}) for name, value in
                  (("tokens", tokens), ("pitches", pitches_of(vocabulary))))  # fmt: skip
    assert own.pitches == given.pitches == pitches_of(vocabulary)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"pitches": PITCHES[:-1]}, f"each of the {SIZE} ids, got {SIZE - 1}"),
        ({"pitches": list(range(40, 40 + SIZE))}, "None for the first 4 ids"),
        ({"pitches": [None] * 4 + [-1] * (SIZE - 4)}, "MIDI number"),
        ({"units": 9}, "9 and 2"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, named):
    with pytest.raises(ValueError, match=named):
        make(**options)


def test_a_saved_network_comes_back_the_same(tmp_path):
    model, ids = make(), random_ids(2, 17)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False, safe_mode=True)
    np.testing.assert_array_equal(call(loaded, ids), call(model, ids))
