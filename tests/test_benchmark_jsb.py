"""The benchmark of the chorales: exact, proper likelihoods, from its own training pieces alone."""

import json
import pathlib
import shutil

import keras
import numpy as np
import pytest

from benchmarks import jsb as benchmark
from benchmarks import jsb_grid, likelihood
from musiclib import evaluation, models, readers
from musiclib.config import Config, ModelConfig, TrainingConfig
from musiclib.corpus import jsb, music21_corpus
from musiclib.dataset import Pieces
from musiclib.encodings import Chorale
from musiclib.encodings.vocabulary import RESERVED, START, Vocabulary
from musiclib.score import pitch_number
from musiclib.training import Run, run

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
SHARED = REPOSITORY.parent / "shared" / "data" / "jsb" / "Jsb16thSeparated.json"
TOKENS = ("R", "C4", "C#4", "D4")
VOCABULARY = Vocabulary([*RESERVED, *TOKENS])
ABOUT = {"dataset": {"train_names": ["train/000"]}}


def run_of(name="stacked_lstm", seed=0, vocabulary=VOCABULARY, about=ABOUT, encoding=None, **options):
    keras.utils.set_random_seed(seed)
    options = options or {"units": [6], "embedding_size": 4}
    model = models.build(name, len(vocabulary), **options)
    for weight in model.trainable_variables:  # an untrained network is almost even, and hides mistakes
        weight.assign(keras.ops.convert_to_numpy(weight) * 2)
    return Run(model, vocabulary, encoding or Chorale(), Config(), {}, about)


def steps(*rows):
    return np.array(rows)


def all_pieces():
    """Every piece of one step over the alphabet."""
    return {str(row): steps(row) for row in np.ndindex(4, 4, 4, 4)}


def as_pitches(rolls):
    return {name: np.where(roll == 0, -1, roll + 59) for name, roll in rolls.items()}


def total(runs, rolls, keys=(0,)):
    """The sum of the likelihoods of some pieces."""
    (result,) = benchmark.evaluate(runs, {"test": rolls}, keys)
    return sum(np.exp(-nats.sum()) for nats in result.nats)


def test_probabilities_are_of_tokens_alone_and_each_is_the_networks_own():
    run, rows = run_of(), [np.array([1, 4, 5, 6, 7, 4]), np.array([1, 7]), np.array([1, 5, 5, 5])]
    for batch_size in (1, 2, 8):
        for row, found in zip(rows, likelihood.log_probabilities(run, rows, batch_size), strict=True):
            assert found.shape == (len(row) - 1, len(TOKENS))
            for i in range(1, len(row)):
                logits = keras.ops.convert_to_numpy(run.model(row[None, :i], training=False))[0, -1, len(RESERVED) :]
                expected = np.exp(logits.astype(float)) / np.exp(logits.astype(float)).sum()
                np.testing.assert_allclose(np.exp(found[i - 1]), expected, atol=1e-5)


def test_they_agree_with_the_evaluation_of_any_run_where_reserved_ids_have_no_chance():
    run = run_of()
    kernel, bias = run.model.head.get_weights()
    bias[: len(RESERVED)] = -1e9
    run.model.head.set_weights([kernel, bias])
    rows = [np.concatenate([[START], np.random.default_rng(i).integers(4, 8, 5 + i)]) for i in range(4)]
    losses = [
        -found[np.arange(len(row) - 1), row[1:] - len(RESERVED)]
        for row, found in zip(rows, likelihood.log_probabilities(run, rows), strict=True)
    ]
    mean = np.concatenate(losses).mean()
    assert np.isclose(mean, evaluation.nats_per_token(run, Pieces.from_lists(rows)), atol=1e-5)


@pytest.mark.parametrize("length", [7, 8, 9, 12, 13, 30])
def test_a_network_of_limited_context_slides_over_longer_pieces(length):
    run = run_of("gru_attention", units=6, context_length=8, attention="additive", embedding_size=4)
    row = np.concatenate([[START], np.random.default_rng(0).integers(4, 8, length)])
    (found,) = likelihood.log_probabilities(run, [row])
    assert found.shape == (length, len(TOKENS))
    for i in range(length):
        first = 0 if i < 8 else (i - 4) // 4 * 4  # the window in which i stands in the second half, from 4 to 7
        inputs = row[None, first : i + 1]
        logits = keras.ops.convert_to_numpy(run.model(inputs, training=False))[0, -1, len(RESERVED) :].astype(float)
        np.testing.assert_allclose(np.exp(found[i]), np.exp(logits) / np.exp(logits).sum(), atol=1e-5)


def test_a_network_that_gives_the_last_position_alone_is_asked_at_each():
    run = run_of("gru_attention", units=6, context_length=5, attention="additive", embedding_size=4, bidirectional=True)
    row = np.array([1, 4, 5, 6, 7, 4, 5, 7])
    (found,) = likelihood.log_probabilities(run, [row])
    padded = np.concatenate([[0] * 4, row])
    for i in range(len(row) - 1):
        logits = keras.ops.convert_to_numpy(run.model(padded[None, i : i + 5], training=False))[0, -1, 4:].astype(float)
        np.testing.assert_allclose(np.exp(found[i]), np.exp(logits) / np.exp(logits).sum(), atol=1e-5)


def test_the_likelihoods_of_all_pieces_sum_to_one():
    rolls = as_pitches(all_pieces())
    assert np.isclose(total([run_of()], rolls), 1.0, atol=1e-5)
    assert np.isclose(total([run_of(), run_of(seed=1)], rolls), 1.0, atol=1e-5)


def test_under_an_average_of_keys_they_sum_to_no_more_than_one():
    rolls = as_pitches(all_pieces())
    assert 0.3 < total([run_of()], rolls, keys=(-1, 0, 1)) <= 1.0
    # A key that carries nothing but silence into the alphabet adds silence, and no more.
    assert 0.1 < total([run_of(), run_of(seed=1)], rolls, keys=(0, 12)) <= 1.0


def test_an_average_is_that_of_the_probabilities_of_each_note():
    pieces = {"a": steps((60, 61, 62, -1), (60, 60, -1, 60), (61, 61, 61, 61))}
    first, second = (benchmark.evaluate([run_of(seed=seed)], {"test": pieces})[0].nats[0] for seed in (0, 1))
    (both,) = benchmark.evaluate([run_of(seed=0), run_of(seed=1)], {"test": pieces})
    np.testing.assert_allclose(np.exp(-both.nats[0]), (np.exp(-first) + np.exp(-second)) / 2, rtol=1e-6)


def test_a_key_leaves_only_after_a_voice_has_left_its_range():
    about = {"dataset": {"train_names": ["train/000"], "voice_ranges": [(60, 62)] * 4}}
    run, roll = run_of(about=about), steps((60, 60, 60, 60), (61, 61, 61, 61), (60, 62, 60, 60), (60, 60, 60, 60))
    one = benchmark.evaluate([run], {"test": {"a": roll}})[0].nats[0]
    up = benchmark.evaluate([run], {"test": {"a": roll[:2] + 1}})[0].nats[0]
    (both,) = benchmark.evaluate([run], {"test": {"a": roll}}, keys=(0, 1))
    chance = np.exp(-both.nats[0])
    np.testing.assert_allclose(chance[:8], (np.exp(-one[:8]) + np.exp(-up)) / 2, rtol=1e-6)
    # The alto, third of its step, goes to 63: up to there the key takes part, there it gives nothing, then it is out.
    assert np.all(np.abs(chance[8:10] / np.exp(-one[8:10]) - 0.5) > 1e-3)
    assert np.isclose(chance[10], np.exp(-one[10]) / 2)
    np.testing.assert_allclose(chance[11:], np.exp(-one[11:]), rtol=1e-6)


def test_a_piece_beyond_the_ranges_is_still_measured_in_its_own_key():
    narrow = {"dataset": {"train_names": ["train/000"], "voice_ranges": [(60, 60)] * 4}}
    pieces = {"test": {"a": steps((61, 60, 60, 60), (60, 60, 60, 60))}}
    found, expected = (benchmark.evaluate([run_of(about=about)], pieces)[0].nats[0] for about in (narrow, ABOUT))
    assert np.all(np.isfinite(found)) and np.array_equal(found, expected)


def test_the_mean_is_over_notes_and_the_other_over_pieces():
    result = benchmark.Result("valid", (np.full(8, 1.0), np.full(4, 4.0)))
    assert result.per_note == 2.0
    assert str(result) == "valid  2.0000 nats/note (per-piece mean 2.5000, 2 pieces, 12 notes)"


def test_every_voice_and_step_counts_silence_and_the_end_included():
    run = run_of()
    roll = steps((60, 60, 60, 60), (-1, -1, -1, -1))
    (result,) = benchmark.evaluate([run], {"test": {"a": roll}})
    assert len(result.nats[0]) == 8 and np.all(result.nats[0] > 0)


@pytest.mark.parametrize(
    ("about", "named"),
    [
        ({"dataset": {"train_names": ["train/000", "032 bwv318"]}}, "032 bwv318"),
        ({"dataset": {"train_names": ["valid/003"]}}, "valid/003"),
        ({"dataset": {"train_names": ["test/003-2"]}}, "test/003"),
        ({}, "no list"),
    ],
)
def test_a_run_that_may_know_the_test_pieces_is_refused(about, named):
    with pytest.raises(ValueError, match=named):
        benchmark.evaluate([run_of(about=about)], {"test": {"a": steps((60, 60, 60, 60))}})


def test_another_encoding_and_an_unknown_pitch_are_refused():
    with pytest.raises(ValueError, match="holds=True"):
        benchmark.evaluate([run_of(encoding=Chorale(holds=True))], {})
    with pytest.raises(ValueError, match="E4 of a"):
        benchmark.evaluate([run_of()], {"test": {"a": steps((64, 60, 60, 60))}})


def made(pieces, seed):
    """Chorales of a kind: each voice moves by a step within its own five notes."""
    rng = np.random.default_rng(seed)
    walks = np.cumsum(rng.integers(-1, 2, (pieces, 24, 4)), axis=1) % 5 + [72, 67, 60, 48]
    return [np.repeat(walk, 4, axis=0).tolist() for walk in walks]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "jsb.json"
    path.write_text(json.dumps({"train": made(6, 0), "valid": made(2, 1), "test": made(2, 2)}))
    return path


def test_training_pieces_come_in_the_keys_that_their_voices_reach_and_from_train_alone(file):
    splits = jsb.load(file)
    splits["train"]["train/000"] = splits["train"]["train/000"].clip(max=[74, 69, 62, 50])
    data = benchmark.prepare(splits)
    assert all(name.startswith("train/") for name in data.about["train_names"])
    assert {"train/000", "train/000+1", "train/000+2"} <= set(data.about["train_names"])
    assert "train/000+3" not in data.about["train_names"] and "train/001-1" not in data.about["train_names"]
    assert data.about["validation_names"] == ["valid/000", "valid/001"] and len(data.test) == 0
    assert data.about["voice_ranges"] == [(72, 76), (67, 71), (60, 64), (48, 52)]
    assert list(data.vocabulary.tokens[4:]) == [t for t in Chorale().alphabet if t in data.vocabulary]
    place = data.about["train_names"].index("train/000+2")
    roll = jsb_grid.transposed(splits["train"]["train/000"], 2)
    assert data.vocabulary.to_tokens(data.train[place]) == jsb_grid.tokens(roll)


@pytest.mark.parametrize("missing", ["train", "valid"])
def test_training_needs_both_splits(missing, file):
    splits = jsb.load(file)
    del splits[missing]
    with pytest.raises(ValueError, match=f"'{missing}'"):
        benchmark.prepare(splits)


def test_the_command_trains_and_then_measures_again_what_it_trained(file, tmp_path, monkeypatch, capsys):
    tiny = Config("tiny", ModelConfig("stacked_lstm", {"units": [8], "embedding_size": 4}), TrainingConfig(epochs=2))
    monkeypatch.setattr(benchmark.config, "preset", lambda name, model: tiny)
    command = ["--data", str(file), "--out", str(tmp_path / "run"), "--minutes", "1"]
    trained = benchmark.main(command)
    lines = capsys.readouterr().out.splitlines()
    lines = [line for line in lines if "nats/note" in line]
    assert [line.split()[0] for line in lines] == ["train", "valid", "test"]
    evaluated = benchmark.main(["--data", str(file), "--evaluate", str(tmp_path / "run")])
    assert capsys.readouterr().out.splitlines() == lines
    assert [result.per_note for result in trained] == [result.per_note for result in evaluated]
    assert "2 pieces, 768 notes" in lines[1]
    only = tmp_path / "test.json"
    only.write_text(json.dumps({"test": json.loads(file.read_text())["test"]}))
    shutil.copytree(tmp_path / "run", tmp_path / "copy")
    both = ["--evaluate", str(tmp_path / "run"), "--evaluate", str(tmp_path / "copy")]
    again = ["--data", str(only), *both, "--transpositions", "--ensemble"]
    results = benchmark.main(again)
    printed = capsys.readouterr().out.splitlines()
    assert len(results) == 6 and sum(line.startswith("test ") for line in printed) == 6
    assert results[0].per_note == evaluated[2].per_note  # the single run comes first, untouched
    assert np.isclose(results[4].per_note, results[0].per_note)  # of two equal runs the average is either


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--data", "nothing.json", "--evaluate", "x"], "nothing.json"),
        (["--data", "FILE", "--evaluate", "no/such/run"], "no/such/run"),
        (["--data", "FILE", "--preset", "huge"], "huge"),
        (["--data", "FILE", "--minutes", "-1"], "-1"),
        (["--data", "FILE", "--evaluate", "x", "--ensemble"], "--evaluate"),
    ],
)
def test_the_command_ends_in_a_sentence(arguments, named, file):
    with pytest.raises(SystemExit) as error:
        benchmark.main([str(file) if argument == "FILE" else argument for argument in arguments])
    assert named in str(error.value) and "\n" not in str(error.value)


SHIPPED = sorted((REPOSITORY / "models").glob("jsb*"))


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_a_shipped_run_learned_from_the_training_split_alone(folder):
    benchmark.check(run.load_run(folder))


@pytest.mark.skipif(not SHARED.is_file(), reason=f"the benchmark's file is not at {SHARED}")
def test_no_held_out_piece_is_a_training_piece_in_any_key():
    """No piece as a whole; valid/074 is a passage of train/224, as the official split has it."""
    splits = jsb.load(SHARED)
    for split in splits.keys() - {"train"}:
        assert jsb_grid.copies(splits[split], splits["train"]) == []
    assert jsb_grid.shared(splits["valid"]["valid/074"], {"train/224": splits["train"]["train/224"]}, 64) == 1.0


@pytest.mark.skipif(not SHARED.is_file(), reason=f"the benchmark's file is not at {SHARED}")
def test_the_bundled_chorales_hold_benchmark_pieces_so_they_are_no_training_data():
    valid = jsb.load(SHARED)["valid"]
    path = dict(music21_corpus.chorale_files())["006 bwv281"]
    tokens = Chorale().encode(readers.read_score(path))
    pitches = [-1 if token == "R" else pitch_number(token) for token in tokens]
    roll = np.array(pitches).reshape(-1, 4)[:, [0, 2, 3, 1]]
    assert jsb_grid.shared(valid["valid/070"], {"bwv281": roll}, 16) > 0.8
