"""The GAN: its two halves, what the gradient penalty and the straight-through samples are, and what is refused."""

import functools
import json
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

from musiclib import dataset, evaluation, models, sampling, training
from musiclib.config import Config, ModelConfig, TrainingConfig
from musiclib.corpus import Corpus, Split
from musiclib.dataset import Pieces
from musiclib.encodings import Phrases
from musiclib.models.gan.distance import energy_distance, features
from musiclib.models.gan.turns import CriticHalf, GeneratorHalf, input_gradient
from musiclib.sampling import latent
from musiclib.score.voices import from_grid

ENCODING = Phrases(voices="SBAT", metres=["4/4"])
SMALL = {"latent_size": 5, "units": 8, "critic_units": 8}
SETTINGS = TrainingConfig(window=130, batch_size=8, epochs=2, learning_rate=1e-3, halve_after=None)


def piece(seed):
    """Four bars of four voices that move by steps."""
    rng = np.random.default_rng(seed)
    lines = np.array([72, 67, 60, 48]) + np.cumsum(rng.integers(-1, 2, (16, 4)), axis=0)
    return from_grid(np.repeat(lines, 4, axis=0)).replace(time_signatures=((0, 4, 4),))


@functools.cache
def data():
    scores = tuple(piece(seed) for seed in range(16))
    parts = Split(*(Corpus(tuple(map(str, r)), tuple(scores[i] for i in r)) for r in (range(12), range(12, 14), range(14, 16))))  # fmt: skip
    return dataset.prepare(parts, ENCODING, transpositions=(0, 1), minimum_count=1)


@functools.cache
def trained():
    return training.train(data(), Config("tiny", ModelConfig("gan", SMALL), SETTINGS), progress=False)


def network(**options):
    keras.utils.set_random_seed(0)
    return models.build_for(ModelConfig("gan", {**SMALL, **options}), data().vocabulary, data().encoding)


def compiled(**options):
    model = network(**options)
    model.compile(keras.optimizers.Adam(1e-3))
    return model


def grids(count=6):
    return np.stack([data().train[i][1:] for i in range(count)]).astype(np.int32)


def test_call_and_step_agree():
    model, z = network(), latent.latent_vectors(5, 3, 0)
    logits, state = ops.convert_to_numpy(model(z)), model.initial_state(3, z)
    for i in range(130):
        out, state = model.step(np.zeros(3, np.int32), state)
        np.testing.assert_allclose(ops.convert_to_numpy(out), logits[:, i], atol=1e-6)
    assert logits.shape == (3, 130, len(data().vocabulary))


def test_every_piece_is_two_bars_of_four_voices():
    for phrase in sampling.generate(trained(), 5, seed=1):
        tokens = ENCODING.encode(phrase) or ["4/4"]
        assert tokens[0] == "4/4" and len(tokens) in (1, 129)
        assert phrase.part_names == ("Soprano", "Alto", "Tenor", "Bass")
    assert sampling.generate(trained(), 5, seed=1) == sampling.generate(trained(), 5, seed=1)
    ids = sampling.generate_ids(trained(), 5, seed=1)
    assert all(len(piece) == 129 for piece in ids)
    z = latent.prior(trained(), 5, seed=1)
    assert latent.decode(trained(), z, temperature=1.0, seed=1) == sampling.generate(trained(), 5, seed=1)


def test_straight_through_samples_are_hard_and_have_the_gradient_of_soft_ones():
    model = network()
    z = latent.latent_vectors(5, 2, 0)
    uniforms = np.random.default_rng(0).random((2, 32, 4, len(model.symbols)), dtype=np.float32)
    samples = ops.convert_to_numpy(model.samples(z, uniforms))
    np.testing.assert_allclose(samples.max(axis=-1), 1, atol=1e-5)
    np.testing.assert_allclose(samples.sum(axis=-1), 1, atol=1e-5)
    weights = np.random.default_rng(1).random(samples.shape, dtype=np.float32)
    slope = input_gradient(lambda x: ops.sum(weights * model.samples(x, uniforms)), ops.convert_to_tensor(z))
    assert np.abs(ops.convert_to_numpy(slope)).max() > 1e-6


def test_samples_follow_the_softmax_of_the_logits():
    model = network()
    z = np.repeat(latent.latent_vectors(5, 1, 0), 3000, axis=0)
    uniforms = np.random.default_rng(0).random((3000, 32, 4, len(model.symbols)), dtype=np.float32)
    shares = ops.convert_to_numpy(ops.mean(model.samples(z, uniforms), axis=0))
    expected = ops.convert_to_numpy(ops.softmax(model.generator(z[:1])))[0]
    assert np.abs(shares - expected).max() < 0.05


def test_the_penalty_is_that_of_the_slope():
    """A linear critic of slope n costs (n - 1) squared, wherever the phrases lie."""
    model = compiled()

    class Linear:
        def __call__(self, x):
            return 0.5 * ops.sum(x, axis=(1, 2, 3))

    half = model.halves.critic
    norm = 0.5 * np.sqrt(32 * 4 * len(model.symbols))
    critic, model_dict = model.critic, model.__dict__
    object.__setattr__(model, "critic", Linear())
    try:
        terms = ops.convert_to_numpy(half(grids()))
    finally:
        object.__setattr__(model, "critic", critic)
    assert model_dict is model.__dict__
    np.testing.assert_allclose(terms[:, 1], 10 * (norm - 1) ** 2, rtol=1e-4)
    np.testing.assert_allclose(terms[:, 0], 0, atol=1e-3)  # a phrase sums to the same, real or not


def test_each_half_changes_its_own_weights_only():
    model = compiled()

    def weights():
        return [[v.numpy().copy() for v in part.variables] for part in (model.generator, model.critic)]

    ids = grids(8)
    start = weights()
    model.halves.critic.train_on_batch(ids, ids)
    middle = weights()
    model.halves.generator.train_on_batch(ids, ids)
    end = weights()
    changed = [[any(np.any(a != b) for a, b in zip(x, y)) for x, y in zip(one, two)] for one, two in ((start, middle), (middle, end))]  # fmt: skip
    assert changed == [[False, True], [True, False]]
    assert isinstance(model.halves.critic, CriticHalf) and isinstance(model.halves.generator, GeneratorHalf)


def test_the_critic_learns_to_tell_real_from_generated():
    model = compiled()
    ids = grids(24)
    first = model.halves.critic.train_on_batch(ids, ids)
    for _ in range(30):
        model.halves.critic.reset_metrics()
        last = model.halves.critic.train_on_batch(ids, ids)
    assert last[0] < first[0] and last[1] > first[1] + 0.1


def test_a_run_saves_loads_and_resumes_bit_for_bit(tmp_path):
    config = Config("tiny", ModelConfig("gan", SMALL), SETTINGS)
    whole = training.train(data(), config, tmp_path / "whole", progress=False)
    again = training.load_run(tmp_path / "whole")
    assert sampling.generate(again, 3, seed=2) == sampling.generate(whole, 3, seed=2)
    assert set(whole.history) == {"loss", "val_loss", "learning_rate"} and "of distance" in repr(again)

    class Stop(Exception):
        pass

    import musiclib.training.checkpoint as checkpoint

    save, count = checkpoint.Checkpoint.save, []

    def saved(self, folder):
        save(self, folder)
        count.append(self.epochs)
        if self.epochs == 1:
            raise Stop

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Stop):
        patch.setattr(checkpoint.Checkpoint, "save", saved)
        training.train(data(), config, tmp_path / "cut", progress=False)
    resumed = training.train(data(), config, tmp_path / "cut", progress=False)
    for one, other in zip(whole.model.get_weights(), resumed.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_other_corpora_are_refused():
    config = Config("tiny", ModelConfig("gan", SMALL), SETTINGS)

    def prepared(encoding, scores):
        parts = Split(*(Corpus(("a",), (score,)) for score in scores))
        return dataset.prepare(parts, encoding, minimum_count=1)

    melodies = [piece(seed).select("Soprano") for seed in range(3)]
    with pytest.raises(ValueError, match="of the 4 voices of these phrases, number 2 never sounds; train a GAN on"):
        training.train(prepared(ENCODING, melodies), config, progress=False)
    with pytest.raises(ValueError, match="length is 130 for 4 voices"):
        both = [piece(0).then(piece(1).replace(time_signatures=((0, 3, 4),)), start=16)] * 3
        both = [s.replace(time_signatures=((0, 4, 4), (16, 3, 4))) for s in both]
        training.train(prepared(Phrases(voices="SBAT"), both), config, progress=False)
    with pytest.raises(ValueError, match="trained on a dataset"):
        network().batches(None, SETTINGS, 0, 0)


def test_it_has_no_likelihood_and_no_encoder():
    with pytest.raises(ValueError, match="a gan has no likelihood"):
        evaluation.nats_per_token(trained(), data().test)
    with pytest.raises(ValueError, match="a gan has no encoder"):
        latent.encode(trained(), piece(0))
    scores = tuple(piece(seed) for seed in range(16))
    parts = Split(*(Corpus(tuple(map(str, r)), tuple(scores[i] for i in r)) for r in (range(12), range(12, 14), range(14, 16))))  # fmt: skip
    card = evaluation.card({"gan": trained()}, parts, progress=False)
    assert card.columns[-1].nats_per_token is None and len(card.columns[-1].pieces) == 2


def test_energy_distance_of_equal_sets_is_near_zero_and_transposition_does_not_count():
    model, grid = network(), grids(24)[:, 1:-1].reshape(-1, 32, 4)
    found = features(grid, model.phrase_tokens)
    low, high = found.reshape(-1, 2, 2, found.shape[1]).transpose(1, 0, 2, 3)  # two phrases each, in two keys
    even, odd = (side.reshape(len(grid) // 2, -1) for side in (low, high))
    np.testing.assert_allclose(even, odd)
    assert energy_distance(even, odd) < energy_distance(even, features(np.roll(grid, 1, axis=2), model.phrase_tokens))
    a, b = np.array([[0.0], [2.0]]), np.array([[1.0], [5.0]])
    # 2 * mean |a - b| - mean |a - a'| - mean |b - b'|, each over pairs of different vectors
    assert energy_distance(a, b) == pytest.approx(2 * (1 + 5 + 1 + 3) / 4 - 2 - 4)


def test_features_by_hand():
    vocabulary = data().vocabulary
    meaning = network().phrase_tokens
    names = [next(t for t in vocabulary.tokens if t[0] == letter) for letter in "CEGC"]
    steps = [[vocabulary.tokens.index(name) for name in names], *[[meaning.hold] * 4] * 7]
    found = features(np.array([steps]), meaning)
    assert found.shape[1] == 6 * 12 + 4 * (25 + 4 + 1)
    assert found[0, :12].sum() == pytest.approx(1)  # the first pair sounds throughout, at one interval


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_both_backends_train_it(backend, tmp_path):
    data().save(tmp_path / "data")
    code = f"""
import json
from musiclib import dataset, sampling, training
from musiclib.config import Config, ModelConfig, TrainingConfig
data = dataset.Dataset.load({str(tmp_path / "data")!r})
settings = TrainingConfig(window=130, batch_size=8, epochs=3, learning_rate=1e-3, halve_after=None, average=0.9)
run = training.train(data, Config("tiny", ModelConfig("gan", {SMALL!r}), settings), progress=False)
print(json.dumps([run.history, len(sampling.generate(run, 2, seed=0))]))
"""
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(pathlib.Path(__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    history, count = json.loads(done.stdout.splitlines()[-1])
    assert count == 2 and np.all(np.isfinite(history["loss"] + history["val_loss"]))


def test_phrases_of_other_lengths_are_refused():
    uneven = Pieces.from_lists([data().train[0], data().train[1][:50]])
    with pytest.raises(ValueError, match="needs phrases of 131 ids each, got"):
        network().batches(uneven, SETTINGS, 0, 0)
