"""The chorale network that fills in: what it sees ahead, where it begins, and that only gaps are learned from."""

import keras
import numpy as np
import pytest
from keras import ops

from musiclib import config, dataset, encodings, models, training
from musiclib.corpus import Corpus, Split
from musiclib.encodings.vocabulary import END, PADDING, RESERVED, START, UNKNOWN
from musiclib.models.chorale_gru.features import Alphabet
from musiclib.models.chorale_gru.future import futures
from musiclib.score.voices import from_grid

SCALE = ["C4", "C#4", "D4", "D#4", "E4", "F4", "F#4", "G4", "R"]
TOKENS = [*RESERVED, *SCALE]
PITCHES = [None] * 4 + [*range(60, 68), -1]
SIZE = len(TOKENS)
SIZES = {"units": 8, "head": 6, "heads": 2}


def make(seed=0, name="chorale_infill", **options):
    keras.utils.set_random_seed(seed)
    own = {"tokens": TOKENS, "reading": 5} if name == "chorale_infill" else {"pitches": PITCHES}
    return models.build(name, SIZE, **own, **SIZES, **options)


def spread(model, seed=0):
    """Sets the weights that begin at zero to something else."""
    rng = np.random.default_rng(seed)
    for weight in model.trainable_weights:
        if not np.any(ops.convert_to_numpy(weight)):
            weight.assign(0.3 * rng.normal(size=weight.shape))
    return model


def piece(steps, seed=0):
    """Inputs and the ids that follow them, each (1, 4 * steps)."""
    ids = np.random.default_rng(seed).integers(4, SIZE, (1, 4 * steps)).astype(np.int32)
    return np.concatenate([[[START]], ids[:, :-1]], axis=1).astype(np.int32), ids


def call(model, condition, inputs):
    return ops.convert_to_numpy(model((condition, inputs), training=False))


def test_it_begins_as_a_chorale_gru():
    """With the weights of one, all that is new adds nothing at first; changed, it does."""
    plain, model = make(name="chorale_gru"), make(1)
    known = {weight.path.partition("/")[2]: weight for weight in model.weights}
    for weight in plain.weights:
        known[weight.path.partition("/")[2]].assign(weight)
    inputs, ids = piece(9)
    expected = ops.convert_to_numpy(plain(inputs, training=False))
    np.testing.assert_allclose(call(model, ids, inputs), expected, atol=1e-5)
    assert np.abs(call(spread(model), ids, inputs) - expected).max() > 0.01


@pytest.mark.parametrize("known", [0, 3, 24, 40])
def test_call_and_step_agree(known):
    """Also where the condition ends before the piece, or goes on after it; padding changes nothing."""
    model, (inputs, ids) = spread(make()), piece(10)
    condition = ids[:, :known].copy()
    condition[:, 5:17] = UNKNOWN
    condition = np.concatenate([condition, [[END]]], axis=1).astype(np.int32)
    inputs = inputs[:, :30]
    logits = call(model, condition, inputs)
    state = model.initial_state(1, np.pad(condition[0], (0, 11)))
    for i in range(30):
        out, state = model.step(ops.convert_to_tensor(inputs[:, i]), state)
        np.testing.assert_allclose(ops.convert_to_numpy(out), logits[:, i], atol=1e-4)


def test_what_is_known_ahead_is_seen_and_what_is_hidden_is_not():
    model, (inputs, ids) = spread(make()), piece(10)
    condition = ids.copy()
    condition[:, 8:20] = UNKNOWN
    before = call(model, condition, inputs)
    changed = condition.copy()
    changed[:, 36] = ids[:, 36] % (SIZE - 5) + 4
    assert np.abs(call(model, changed, inputs) - before)[:, 8:20].max(axis=-1).min() > 1e-5  # every cell of the gap
    ahead, other = piece(10, seed=1)
    inputs[:, 13:] = ahead[:, 13:]  # the ids of the gap itself, from the place that is predicted on
    np.testing.assert_allclose(call(model, condition, inputs)[:, :13], before[:, :13], atol=1e-6)


@pytest.mark.parametrize("voice", range(4))
def test_known_voices_that_come_later_in_the_step_are_heard(voice):
    model, (inputs, ids) = spread(make()), piece(6)
    condition = np.full_like(ids, UNKNOWN)
    condition[:, 8:12] = ids[:, 8:12]
    condition[:, 8 + voice] = UNKNOWN
    before = call(model, condition, inputs)[:, 8 + voice]
    for other in range(voice + 1, 4):
        changed = condition.copy()
        changed[:, 8 + other] = ids[:, 8 + other] % (SIZE - 5) + 4
        assert np.abs(call(model, changed, inputs)[:, 8 + voice] - before).max() > 1e-4


def test_the_next_known_note_and_its_distance():
    alphabet = Alphabet(PITCHES)
    u, c, e, rest = UNKNOWN, 4, 8, 12
    condition = np.array([[[u, c, u, u], [c, u, u, rest], [u, u, u, u], [e, e, u, u], [END, 0, 0, 0]]], np.int32)
    (ids, places, distance), history = (
        [ops.convert_to_numpy(part)[0] for part in parts] for parts in futures(alphabet, condition)
    )
    assert ids[:, 0].tolist() == [c, c, e, e, END] and distance[:4, 0].tolist() == [1, 0, 1, 0]
    assert ids[:, 1].tolist() == [c, e, e, e, START] and distance[:4, 1].tolist() == [0, 2, 1, 0]
    assert ids[:, 2].tolist() == [START] * 5 and (distance[:, 2] > 64).all()
    assert ids[:, 3].tolist() == [rest, rest, START, START, START]
    assert places[:4, 0].tolist() == [0, 0, 4, 4]
    counts = history[4]  # of pitch classes, decayed; the first kind is not
    assert counts[3, 0, [0, 4]].tolist() == [0, 2] and counts[0, 0, [0, 4]].tolist() == [2, 2]
    assert (PADDING == condition[0, 4, 1:]).all()


def test_without_a_condition_it_is_refused():
    with pytest.raises(ValueError, match="needs a piece with a gap: give initial_state a condition"):
        make().initial_state(2)


def grids(count):
    rng = np.random.default_rng(0)
    return [np.repeat(rng.integers(60, 67, (12, 4)), 4, axis=0) for _ in range(count)]


@pytest.mark.parametrize(
    ("name", "voices", "window", "align"), [("chorale_infill", "SBAT", 128, 64), ("gru_infill", "S", 48, 48)]
)
def test_it_is_trained_on_an_ordinary_dataset(name, voices, window, align, tmp_path):
    scores = tuple(from_grid(grid) for grid in grids(6))
    parts = [Corpus(tuple("abcdef"[:n]), scores[:n]) for n in (6, 2, 2)]
    data = dataset.prepare(Split(*parts), encodings.Chorale(holds=voices == "S", voices=voices))
    options = {"units": 8, "reading": 4, **({"head": 6, "heads": 2} if voices == "SBAT" else {"embedding_size": 4})}
    settings = config.preset("quick", name).replace(window=window, align=align, epochs=2, batch_size=4)
    settings.model.options.update(options)
    run = training.train(data, settings, tmp_path / "run", progress=False)
    assert run.history["val_loss"][1] < run.history["val_loss"][0]
    loaded = training.load_run(tmp_path / "run")
    inputs = np.array([data.test[0][:-1]], np.int32)
    condition = np.full_like(inputs, UNKNOWN)
    np.testing.assert_array_equal(call(loaded.model, condition, inputs), call(run.model, condition, inputs))
    with pytest.raises(ValueError, match="dataset.prepare, got PairedPieces"):
        pairs = dataset.prepare_pairs(Split(*parts), encodings.Chorale(), encodings.Chorale())
        loaded.model.batches(pairs.train, settings.training, 0, 0)
