"""The VAE and its latent space: the objective, what enters by the latent vector, and what is refused."""

import functools

import keras
import numpy as np
import pytest
from keras import ops

from musiclib import config, dataset, evaluation, models, sampling, training
from musiclib.config import Config, ModelConfig, TrainingConfig
from musiclib.corpus import Corpus, Split
from musiclib.dataset import Pieces
from musiclib.dataset.pieces import rows
from musiclib.encodings import Phrases
from musiclib.encodings.vocabulary import END, START, UNKNOWN
from musiclib.models.latent import latent_vectors, posterior
from musiclib.models.layers.phrase_tokens import ATTRIBUTES, PhraseTokens
from musiclib.sampling import latent
from musiclib.score import Score

ENCODING = Phrases(metres=["2/4", "6/8"])
SMALL = {"length": 26, "latent_size": 6, "encoder": [24], "plan": [24, 8], "units": 12, "context": 3, "annealing": 10}
SETTINGS = TrainingConfig(window=26, batch_size=16, epochs=2, learning_rate=5e-3)


def tune(seed):
    """Eight bars of 2/4 or 6/8 from a scale."""
    rng = np.random.default_rng(seed)
    upper, lower = [(2, 4), (6, 8)][seed % 2]
    onsets = np.flatnonzero(rng.random(8 * 16 * upper // lower) < 0.5) / 4
    onsets = np.union1d(onsets, np.arange(8) * 4 * upper / lower)
    pitches = 60 + np.array([0, 2, 4, 5, 7, 9])[rng.integers(0, 6, len(onsets))]
    durations = np.minimum(np.diff(onsets, append=8 * 4 * upper / lower), 0.75)  # longer ones are followed by a rest
    rows = zip(onsets.tolist(), durations.tolist(), pitches.tolist(), strict=True)
    return Score.from_notes(rows, time_signatures=((0, upper, lower),))


@functools.cache
def data():
    scores = tuple(tune(seed) for seed in range(20))
    parts = Split(*(Corpus(tuple(map(str, r)), tuple(scores[i] for i in r)) for r in (range(14), range(14, 17), range(17, 20))))  # fmt: skip
    return dataset.prepare(parts, ENCODING, transpositions=(-2, 0, 2), minimum_count=1)


@functools.cache
def trained(context=3):
    options = {**SMALL, "context": context}
    return training.train(data(), Config("tiny", ModelConfig("vae", options), SETTINGS), progress=False)


def network(seed=0, **options):
    keras.utils.set_random_seed(seed)
    return models.build_for(ModelConfig("vae", {**SMALL, **options}), data().vocabulary, data().encoding)


def some(count=5):
    return rows(list(data().test)[:count], 27)


@pytest.mark.parametrize("context", [0, 1, 3])
def test_call_and_step_agree(context):
    model, ids = network(context=context), some()[:, :-1]
    logits = ops.convert_to_numpy(model(ids))
    state, stepped = model.initial_state(len(ids), model.posterior(ids)[0]), []
    for column in ids.T:
        out, state = model.step(ops.convert_to_tensor(column), state)
        stepped.append(ops.convert_to_numpy(out))
    np.testing.assert_allclose(np.stack(stepped, axis=1), logits, rtol=1e-4, atol=1e-4)


def test_a_later_id_changes_earlier_logits_by_the_latent_vector_alone():
    model, ids = network(), some(1)[:, :-1]
    z = np.ones((1, 6), np.float32)
    changed = ids.copy()
    changed[0, 9] = 7 if ids[0, 9] != 7 else 8
    before, after = (ops.convert_to_numpy(model.decode(each, z)) for each in (ids, changed))
    np.testing.assert_array_equal(before[:, :9], after[:, :9])
    assert np.abs(before[:, 9] - after[:, 9]).max() > 1e-4
    assert np.abs(ops.convert_to_numpy(model(ids) - model(changed)))[:, :9].max() > 1e-4  # the encoder sees all


def test_a_parallel_decoder_reads_no_ids():
    model, ids = network(context=0), some()[:, :-1]
    z = latent_vectors(6, 5, 0)
    np.testing.assert_array_equal(
        ops.convert_to_numpy(model.decode(ids, z)), ops.convert_to_numpy(model.decode(np.ones_like(ids), z))
    )


def test_padding_and_the_end_say_nothing_to_the_encoder():
    model, ids = network(), some()
    short = next(row for row in ids if END in row[:-2])
    end = int(np.argmax(short == END))
    whole, cut = model.posterior(short[None, :-1])[0], model.posterior(short[None, :end])[0]
    np.testing.assert_allclose(ops.convert_to_numpy(whole), ops.convert_to_numpy(cut), atol=1e-6)


def test_the_divergence_is_that_of_normal_distributions():
    rng = np.random.default_rng(0)
    mean, log_variance = rng.normal(size=(1, 3)).astype("f"), rng.normal(size=(1, 3)).astype("f")
    x = mean + np.exp(log_variance / 2) * rng.standard_normal((400_000, 3))
    log_q = -0.5 * ((x - mean) ** 2 / np.exp(log_variance) + log_variance).sum(axis=1)
    estimate = np.mean(log_q + 0.5 * (x**2).sum(axis=1))
    assert ops.convert_to_numpy(network(latent_size=mean.shape[1], attributes=[]).divergence(mean, log_variance))[
        0
    ] == pytest.approx(estimate, rel=0.02)


def test_the_loss_sums_over_the_steps_and_weighs_the_divergence():
    """Times the number of tokens, it is the cross-entropy of the phrases plus beta times their divergence."""
    model = network(beta=0.5, attributes=[])
    ids = some()
    x, y = ids[:, :-1], ids[:, 1:]
    model.compile(optimizer="adam")
    tokens = np.sum(y != 0)
    divergences = ops.convert_to_numpy(model.divergence(*model.posterior(x)))
    logits = ops.convert_to_numpy(model(x)).astype(np.float64)
    nats = np.log(np.exp(logits).sum(-1)) - np.take_along_axis(logits, y[..., None], -1)[..., 0]
    expected = (nats * (y != 0)).sum() + 0.5 * divergences.sum()
    loss = model.compute_loss(x, y, model(x), training=False)
    assert float(loss) * tokens == pytest.approx(expected, rel=1e-4)
    # In training free bits cost nothing, and at first nothing else of the divergence does.
    assert float(model.compute_loss(x, y, model(x), training=True)) * tokens == pytest.approx(
        (nats * (y != 0)).sum(), rel=1e-4
    )
    model.batches_seen.assign(10)
    free = 16 * np.log(2)
    assert float(model.compute_loss(x, y, model(x), training=True)) * tokens == pytest.approx(
        (nats * (y != 0)).sum() + 0.5 * np.maximum(divergences - free, 0).sum(), rel=1e-4
    )


def test_attributes_are_those_of_the_notes():
    tokens = data().vocabulary
    phrase = "2/4 C4 _ _ _ D4 _ _ _ R _ G4 _ E4 _ _ _".split()
    meaning = PhraseTokens(tokens.tokens, 26)
    ids = rows([[*tokens.to_ids(phrase), END]], 25)
    found = dict(zip(ATTRIBUTES, ops.convert_to_numpy(meaning.attributes(ids))[0].tolist(), strict=True))
    # Onsets at the steps 0, 4, 10 and 12 of sixteen; their depths are 0, 1, 2 and 1 in bars of 2/4.
    assert found == pytest.approx(
        {"rhythmic complexity": 4 / 16, "pitch range": 7, "note density": 4 / 16, "contour": 4}
    )
    silent = ops.convert_to_numpy(meaning.attributes(rows([tokens.to_ids(["2/4", *["_"] * 16])], 25)))
    assert silent.tolist() == [[0, 0, 0, 0]]


def test_it_learns_and_its_latent_vectors_matter():
    settings = TrainingConfig(window=26, batch_size=16, epochs=20, learning_rate=1e-2, patience=20)
    options = {**SMALL, "beta": 0.02, "latent_size": 12, "encoder": [64], "plan": [64, 16]}
    run = training.train(data(), Config("tiny", ModelConfig("vae", options), settings), progress=False)
    assert run.history["loss"][-1] < 0.5 * run.history["loss"][0]
    found = evaluation.latent.reconstruction(run, data().train)
    assert found.mean.notes > 2 * found.shuffled.notes and found.teacher_forced.notes >= found.mean.notes - 0.05
    assert found.sampled.steps <= found.mean.steps + 0.02 and found.kl_bits > 5 and found.active_units > 3
    assert found.attributes["note density"] > 0.5


def test_every_piece_is_a_whole_phrase_and_a_seed_repeats_it():
    for context in (0, 3):
        run = trained(context)
        pieces = sampling.generate(run, 6, seed=3)
        assert all(ENCODING.encode(piece)[0] in ("2/4", "6/8") for piece in pieces if len(piece))
        assert pieces == sampling.generate(run, 6, seed=3) != sampling.generate(run, 6, seed=4)
        z = latent.prior(run, 6, seed=3)
        assert latent.decode(run, z, temperature=1.0, seed=3) == pieces


def test_saved_and_loaded_it_decodes_the_same(tmp_path):
    run = trained()
    run.save(tmp_path / "run")
    again = training.load_run(tmp_path / "run")
    z = latent.prior(run, 4, seed=1)
    assert latent.decode(again, z) == latent.decode(run, z)
    assert "nats per token" in repr(again)


def test_interpolation_is_an_arc_between_both_phrases():
    run, (a, b) = trained(), (ENCODING.decode(ENCODING.examples(tune(seed))[0]) for seed in (0, 2))
    path = latent.interpolate(run, a, b, steps=5)
    ends = latent.encode(run, [a, b])
    np.testing.assert_allclose(path[[0, -1]], ends, atol=1e-5)
    norms = np.linalg.norm(path, axis=1)
    assert np.all(norms >= min(norms[0], norms[-1]) * 0.999) or np.dot(*ends) < 0
    unit = [np.array([1, 0, 0, 0, 0, 0.0]), np.array([0, 1, 0, 0, 0, 0.0])]
    np.testing.assert_allclose(np.linalg.norm(latent.interpolate(run, *unit), axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(latent.interpolate(run, unit[0], -unit[0], 3)[1], 0, atol=1e-6)
    np.testing.assert_allclose(latent.interpolate(run, unit[0], unit[0], 3)[1], unit[0], atol=1e-6)


def test_morph_moves_the_dimension_of_an_attribute():
    run, phrase = trained(), ENCODING.decode(ENCODING.examples(tune(0))[0])
    assert [latent.attribute(run, name) for name in ATTRIBUTES] == [0, 1, 2, 3]
    z = latent.encode(run, phrase)
    z[:, 2] += 1.5
    metre = [data().vocabulary.tokens.index("2/4")]
    (ids,) = latent.in_metres(run, z, metre)
    (moved,) = latent.morph(run, phrase.replace(tempos=((0, 66),)), note_density=+1.5)
    assert moved.tempos == ((0, 66),)
    assert moved.pitch.tolist() == ENCODING.decode(data().vocabulary.to_tokens(ids)).pitch.tolist()
    for change in (-30, 0, 30):  # however far it moves
        (turned,) = latent.morph(run, phrase, contour=change)
        assert turned.time_signatures == ((0, 2, 4),) and turned.end <= 4
    free = latent.in_metres(run, z, [UNKNOWN])[0]
    freely = ENCODING.decode(data().vocabulary.to_tokens(free))
    assert freely.pitch.tolist() == latent.decode(run, z)[0].pitch.tolist()


def test_a_longer_piece_has_a_row_for_each_phrase():
    assert latent.encode(trained(), tune(0)).shape == (4, 6)
    assert latent.encode(trained(), [tune(0), tune(2)]).shape == (8, 6)
    assert latent.encode(trained(), []).shape == (0, 6)
    means, _ = posterior(trained().model, rows([], 27))
    assert means.shape == (0, 6)


def test_a_short_piece_and_a_foreign_metre_are_said():
    run = trained()
    bar = Score.from_notes([(0, 1, 60), (1, 1, 62)], time_signatures=((0, 2, 4),))
    with pytest.warns(UserWarning, match="2 quarter lengths is shorter than a phrase of 2 bars: it was filled up"):
        assert latent.encode(run, bar).shape == (1, 6)
    waltz = Score.from_notes([(i, 1, 60) for i in range(6)], time_signatures=((0, 3, 4),))
    with pytest.warns(UserWarning, match="not trained on 3/4: bars were cut by that time signature"):
        assert latent.encode(run, waltz).shape == (1, 6)


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda run: latent.decode(run, np.zeros((2, 5))), r"6 values, got an array of shape \(2, 5\)"),
        (lambda run: latent.decode(run, np.full((1, 6), np.nan)), "finite, got nan"),
        (lambda run: latent.prior(run, 0), "count must be a whole number of at least 1, got 0"),
        (lambda run: sampling.generate(run, 0), "count must be a whole number of at least 1, got 0"),
        (lambda run: sampling.generate(run, 3, latents=np.zeros((2, 6))), "3 pieces need as many latent vectors, got 2"),
        (lambda run: sampling.generate(run, source=tune(0)), "unconditional"),
        (lambda run: latent.attribute(run, "swing"), "no attribute 'swing'; it has 'rhythmic complexity', 'pitch"),
        (lambda run: latent.morph(run, tune(0), swing=1), "no attribute 'swing'"),
        (lambda run: latent.morph(run, tune(0), contour=np.inf), "finite"),
        (lambda run: latent.interpolate(run, tune(0).slice(0, 4), tune(1).slice(0, 6)), "16 and 24 sixteenths"),
        (lambda run: latent.interpolate(run, tune(0), tune(2)), "16 and|between two phrases, got a piece of 4"),
        (lambda run: latent.interpolate(run, np.zeros(6), np.ones(6), 1), "steps must be .* at least 2"),
        (lambda run: latent.encode(run, Score.from_notes([])), "without notes"),
        (
            lambda run: latent.encode(run, tune(0).replace(time_signatures=((0, 9, 8),))),
            "2 bars of 9/8 has 37 tokens, and this run knows phrases of up to 25",
        ),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence(ask, said):
    with pytest.raises(ValueError, match=said):
        ask(trained())


def test_networks_without_latent_vectors_say_so():
    lstm = models.build("stacked_lstm", len(data().vocabulary), units=[4], embedding_size=3)
    run = training.Run(lstm, data().vocabulary, ENCODING, Config(), {}, {})
    for ask in (lambda: latent.encode(run, tune(0)), lambda: latent.attribute(run, "contour")):
        with pytest.raises(ValueError, match="stacked_lstm has no encoder; take a run of a vae"):
            ask()
    with pytest.raises(ValueError, match="stacked_lstm has no latent vector"):
        latent.prior(run, 2)
    with pytest.raises(ValueError, match="no latent vectors; leave latents out"):
        sampling.generate(run, latents=np.zeros((1, 6)))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"attributes": ["swing"]}, "swing"),
        ({"word_dropout": 1.0}, "word_dropout must be at least 0 and below 1"),
        ({"length": 1}, "length must be a whole number of at least 2"),
    ],
)
def test_wrong_options_are_refused(options, said):
    with pytest.raises(ValueError, match=said):
        network(**options)


def test_phrases_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="built for phrases of 26 ids, and window is 20"):
        training.train(data(), Config("x", ModelConfig("vae", SMALL), SETTINGS).replace(window=20), progress=False)
    short = {**SMALL, "length": 20}
    with pytest.raises(ValueError, match="a phrase has 26 ids, and this network is built for 20"):
        training.train(data(), Config("x", ModelConfig("vae", short), SETTINGS).replace(window=20), progress=False)
    with pytest.raises(ValueError, match="no time signature such as '4/4'; prepare"):
        models.build("vae", 6, tokens=["<pad>", "<start>", "<end>", "<unknown>", "C4", "_"])


def test_accuracy_counts_what_it_says():
    hold = 4
    targets = np.array([[9, 5, 4, 4, 6, END, 0], [9, 5, 6, 7, 4, 4, END]])
    predicted = targets.copy()
    predicted[0, 2] = 5  # a held step
    predicted[1, 0] = 8  # the time signature does not count
    found = evaluation.latent.accuracy(predicted, targets, hold)
    assert found == evaluation.latent.Accuracy(8 / 9, 1.0, 0.5)


def test_nearest_and_unseen():
    training_phrases = Pieces.from_lists([[START, 9, 5, 6, 7, END], [START, 9, 4, 4, 4, END]])
    phrases = Pieces.from_lists([[START, 9, 5, 6, 8, END], [START, 9, 4, 4, 4, END]])
    assert evaluation.latent.unseen(phrases, training_phrases).tolist() == [True, False]
    near = evaluation.latent.nearest(phrases, training_phrases, 10)
    assert near.tolist() == [[9, 5, 6, 7, END], [9, 4, 4, 4, END]]


def test_the_bound_lies_above_the_likelihood_of_the_mean_and_is_what_nats_per_token_gives():
    run = trained()
    assert evaluation.nats_per_token(run, data().test) == evaluation.latent.bound(run, data().test) > 0


def test_the_judge_prefers_real_music():
    run = trained()
    judge = evaluation.latent.judge(run, [tune(i) for i in range(0, 14)])
    assert judge.nats_per_token(data().test) < evaluation.latent.prior_nats(run, judge, 50, temperature=3.0)


def test_the_card_has_a_row_for_it():
    scores = tuple(tune(seed) for seed in range(20))
    parts = Split(*(Corpus(tuple(map(str, r)), tuple(scores[i] for i in r)) for r in (range(14), range(14, 17), range(17, 20))))  # fmt: skip
    card = evaluation.card({"vae": trained()}, parts, progress=False)
    assert [column.name for column in card.columns] == ["real music", "counting", "vae"]
    assert card.columns[-1].nats_per_token == pytest.approx(evaluation.latent.bound(trained(), data().test), rel=1e-3)


def test_presets_exist():
    for name in ("quick", "full"):
        assert config.preset(name, "vae").training.window == Phrases().longest + 1


def test_knobs_report_the_change_of_the_attribute():
    found = evaluation.latent.knobs(trained(), data().test, changes=(0, 2))
    assert set(found) == set(ATTRIBUTES) and set(found["contour"]) == {"+0", "+2"}
    # Not moved at all, the change is the error of the reconstruction.
    ids = rows(list(data().test), 27)
    z = posterior(trained().model, ids)[0]
    decoded = rows(latent.in_metres(trained(), z, ids[:, 1]), 26)
    values = [
        ops.convert_to_numpy(trained().model.phrase_tokens.attributes(part))[:, 3] for part in (decoded, ids[:, 1:])
    ]
    expected = (values[0] - values[1]).mean() / values[1].std()
    assert found["contour"]["+0"] == pytest.approx(expected, abs=1e-6)


def test_attributes_order_the_samples():
    """Equal order costs little, opposite order the most: 2 for each pair of phrases that differ."""
    from musiclib.models.vae import _order_loss

    values = np.arange(5, dtype=np.float32)[:, None]
    assert float(_order_loss(4 * values, values)) == pytest.approx(0, abs=1e-3)
    assert float(_order_loss(-4 * values, values)) == pytest.approx(2 * 20 / 25, abs=1e-3)
