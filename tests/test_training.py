"""Training: a run folder that stands for itself, repeatable histories, and the best weights."""

import dataclasses
import io
import json
import shutil
import types
import zipfile

import h5py
import keras
import numpy as np
import pytest
from keras import ops

from musiclib import evaluation, models, training
from musiclib.config import Config, ModelConfig, TrainingConfig
from musiclib.dataset import Dataset, Pieces, Windows
from musiclib.encodings import Frames, NoteChord
from musiclib.encodings.vocabulary import END, PADDING, RESERVED, START, Vocabulary
from musiclib.training import callbacks, distribution

FILES = ["config.json", "history.json", "model.keras", "vocabulary.json"]
VOCABULARY = Vocabulary([*RESERVED, "C4:1", "D4:1", "E4:1", "F4:1", "G4:1"])


def make_dataset(seed=0, vocabulary=VOCABULARY):
    """Scales up and down; the held-out ones begin elsewhere."""
    rng = np.random.default_rng(seed)

    def pieces(count):
        scale = np.resize([4, 5, 6, 7, 8, 7, 6, 5], 40)
        return Pieces.from_lists([[START, *np.roll(scale, rng.integers(8))[:20], END] for _ in range(count)])

    return Dataset(pieces(8), pieces(3), pieces(2), vocabulary, NoteChord(), {"seed": seed})


LSTM = ModelConfig("stacked_lstm", {"units": [8, 6], "embedding_size": 4})
GRU = ModelConfig(
    "gru_attention",
    {"units": 6, "embedding_size": 4, "attention_units": 4, "context_length": 8, "attention": "additive"},
)
SETTINGS = TrainingConfig(window=8, batch_size=4, epochs=2, learning_rate=0.01)


def logits(model, ids=((1, 4, 5, 6, 7, 8, 7, 6),)):
    return keras.ops.convert_to_numpy(model(np.array(ids, np.int32), training=False))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A trained run and its folder."""
    folder = tmp_path_factory.mktemp("runs") / "new" / "run"
    return training.train(make_dataset(), Config("tiny", LSTM, SETTINGS), folder, progress=False), folder


@pytest.fixture
def copy(saved, tmp_path):
    return shutil.copytree(saved[1], tmp_path / "copy")


def test_a_run_is_four_files(saved):
    assert sorted(path.name for path in saved[1].iterdir()) == FILES


def test_a_run_loads_with_nothing_else(saved):
    run, folder = saved
    loaded = training.load_run(str(folder))
    np.testing.assert_array_equal(logits(loaded.model), logits(run.model))
    assert (loaded.vocabulary, loaded.encoding, loaded.config) == (run.vocabulary, run.encoding, run.config)
    assert (loaded.history, loaded.about) == (run.history, run.about)
    assert "stacked_lstm" in repr(loaded) and f"{min(run.history['val_loss']):.3f}" in repr(loaded)


def test_the_record_says_what_a_run_was_made_with(saved):
    run, folder = saved
    written = json.loads((folder / "config.json").read_text())
    assert written["config"]["training"]["epochs"] == 2 and written["encoding"]["name"] == "NoteChord"
    assert run.about["data"] == make_dataset().fingerprint
    assert run.about["versions"]["keras"] == keras.__version__ and keras.backend.backend() in run.about["versions"]
    history = json.loads((folder / "history.json").read_text())
    assert {"loss", "val_loss", "learning_rate"} <= set(history)
    assert all(len(values) == 2 for values in history.values())


def test_nothing_in_a_run_is_pickled(saved):
    for path in saved[1].glob("*.json"):
        json.loads(path.read_text(encoding="utf-8"))
    with zipfile.ZipFile(saved[1] / "model.keras") as archive:
        for name in archive.namelist():
            assert name.endswith((".json", ".h5"))
            if name.endswith(".json"):
                assert b"__lambda__" not in archive.read(name)


def test_a_run_keeps_weights_and_no_optimizer(saved):
    """Adam's two moments would make the file three times as large, and no one loads them."""
    weights = sum(weight.nbytes for weight in saved[0].model.get_weights())
    with zipfile.ZipFile(saved[1] / "model.keras") as archive:
        stored = archive.read("model.weights.h5")
    with h5py.File(io.BytesIO(stored)) as file:
        sizes = []
        file.visititems(lambda name, item: sizes.append(item.nbytes) if isinstance(item, h5py.Dataset) else None)
    assert sum(sizes) < 1.5 * weights


def test_a_seed_repeats_the_history():
    def history(seed):
        config = Config("tiny", LSTM, SETTINGS).replace(seed=seed)
        return training.train(make_dataset(), config, progress=False).history

    first = history(1)
    assert first == history(1)
    assert first["loss"] != history(2)["loss"]


def test_training_learns():
    config = Config("tiny", LSTM, SETTINGS).replace(epochs=12, learning_rate=0.03, patience=12)
    history = training.train(make_dataset(), config, progress=False).history
    assert history["val_loss"][-1] < 0.7 * history["val_loss"][0]


@pytest.mark.parametrize("targets", ["all", "last"])
def test_the_best_weights_are_kept_and_training_stops_early(targets):
    """The held-out pieces contradict the training pieces: after the first epochs the loss on them only rises."""
    data = make_dataset()
    rng = np.random.default_rng(0)
    noise = Pieces.from_lists([[START, *rng.integers(4, 9, 20), END] for _ in range(3)])
    data = Dataset(data.train, noise, noise, VOCABULARY, data.encoding, {})
    config = Config("tiny", LSTM, SETTINGS).replace(epochs=60, learning_rate=0.1, patience=3, targets=targets)
    run = training.train(data, config, progress=False)
    losses = run.history["val_loss"]
    best = int(np.argmin(losses))
    assert best == len(losses) - 4 and len(losses) < 60
    windows = Windows(noise, 8, 4, targets, lead_in=True)
    batches, weights = [], []
    for inputs, following in (windows[i] for i in range(len(windows))):
        shares = logits(run.model, inputs)[:, -following.shape[1] :]
        shares = shares - np.log(np.exp(shares).sum(-1, keepdims=True))
        kept = np.take_along_axis(shares, following[..., None], -1)[..., 0][following != PADDING]
        batches.append(-kept.mean())
        weights.append(kept.size)
    assert np.isclose(np.average(batches, weights=weights), losses[best], atol=1e-3)


def test_training_ends_after_its_minutes_and_still_validates(tmp_path):
    config = Config("tiny", LSTM, SETTINGS).replace(epochs=1_000_000, patience=1_000_000, minutes=1e-6)
    run = training.train(make_dataset(), config, tmp_path / "run", progress=False)
    assert len(run.history["val_loss"]) == 1 and np.isfinite(run.history["val_loss"][0])
    again = training.train(make_dataset(), config, tmp_path / "run", progress=False)
    assert again.history == run.history  # it is finished: the same call trains no further
    config = Config("tiny", LSTM, SETTINGS).replace(minutes=60)
    assert len(training.train(make_dataset(), config, progress=False).history["val_loss"]) == SETTINGS.epochs


def test_the_validation_loss_is_in_nats_per_token():
    """The mean over tokens, not over batches: a batch with few targets counts for few."""
    data = make_dataset()
    lengths = (21, 3, 2, 2, 2)  # one window full of targets, and several of one or two
    held_out = Pieces.from_lists([np.resize([START, 4, 6, 8, 5, 5, 7], n) for n in lengths])
    data = Dataset(data.train, held_out, held_out, VOCABULARY, data.encoding, {})
    config = Config("tiny", LSTM, SETTINGS).replace(epochs=1, window=24, batch_size=2)
    run = training.train(data, config, progress=False)
    inputs, targets = Windows(held_out, 24, 5)[0]
    shares = logits(run.model, inputs)
    shares = shares - np.log(np.exp(shares).sum(-1, keepdims=True))
    expected = -np.take_along_axis(shares, targets[..., None], -1)[..., 0][targets != PADDING].mean()
    assert np.isclose(run.history["val_loss"][0], expected, rtol=1e-3)


def test_mixed_precision_learns_and_leaves_a_run_for_every_machine(tmp_path):
    config = Config("tiny", LSTM, SETTINGS)
    exact = training.train(make_dataset(), config.replace(precision="float32"), progress=False)
    mixed = training.train(make_dataset(), config.replace(precision="mixed_bfloat16"), tmp_path, progress=False)
    assert mixed.history != exact.history
    np.testing.assert_allclose(mixed.history["val_loss"], exact.history["val_loss"], rtol=0.02)
    loaded = training.load_run(tmp_path)
    assert loaded.config.training.precision == "mixed_bfloat16"
    assert {layer.compute_dtype for layer in loaded.model._flatten_layers()} == {"float32"}
    np.testing.assert_array_equal(logits(loaded.model), logits(mixed.model))


@pytest.mark.parametrize("model", [LSTM, GRU], ids=lambda model: model.name)
def test_steps_agree_with_a_whole_call_in_mixed_precision(model):
    keras.utils.set_random_seed(0)
    with distribution.precision("mixed_bfloat16"):
        network = models.build(model.name, len(VOCABULARY), **model.options)
    ids = np.random.default_rng(0).integers(1, len(VOCABULARY), (3, 20)).astype(np.int32)
    whole, state = network(ids, training=False), network.initial_state(3)
    for i in range(ids.shape[1]):
        step, state = network.step(ids[:, i], state)
        np.testing.assert_allclose(*map(ops.convert_to_numpy, (step, whole[:, i])), atol=0.02)
    assert keras.backend.standardize_dtype(step.dtype) == "float32"


def test_targets_may_be_the_last_alone(tmp_path):
    config = Config("tiny", LSTM, SETTINGS).replace(targets="last")
    run = training.train(make_dataset(), config, tmp_path / "run", progress=False)
    np.testing.assert_array_equal(logits(training.load_run(tmp_path / "run").model), logits(run.model))
    assert run.config.training.targets == "last" and np.isfinite(run.history["val_loss"]).all()


@pytest.mark.parametrize(("attention", "bidirectional"), [("additive", True), ("keras-self-attention", False)])
def test_gru_attention_trains_and_loads(attention, bidirectional, tmp_path):
    if attention != "additive" and keras.backend.backend() != "tensorflow":
        pytest.skip("keras-self-attention needs TensorFlow")
    options = {**GRU.options, "bidirectional": bidirectional, "attention": attention}
    config = Config("tiny", ModelConfig("gru_attention", options), SETTINGS).replace(epochs=1)
    run = training.train(make_dataset(), config, tmp_path / "run", progress=False)
    loaded = training.load_run(tmp_path / "run")
    assert loaded.model.targets == ("last" if bidirectional else "all")
    np.testing.assert_array_equal(logits(loaded.model), logits(run.model))
    assert np.isfinite(run.history["val_loss"]).all()


def test_progress_is_a_line_an_epoch(capsys):
    run = training.train(make_dataset(), Config("tiny", LSTM, SETTINGS))
    printed = capsys.readouterr().out
    for epoch, loss in enumerate(run.history["val_loss"], start=1):
        assert f"epoch {epoch}" in printed and f"{loss:.3f}" in printed


def test_without_progress_nothing_is_printed(capsys):
    training.train(make_dataset(), Config("tiny", LSTM, SETTINGS).replace(epochs=1), progress=False)
    assert capsys.readouterr().out == ""


def test_a_run_replaces_the_one_before_it(copy):
    run = training.load_run(copy)
    run.model.head.bias.assign(np.arange(len(VOCABULARY)))
    run.save(copy)
    assert sorted(path.name for path in copy.iterdir()) == FILES
    np.testing.assert_array_equal(logits(training.load_run(copy).model), logits(run.model))


def test_other_encodings_travel_with_a_run(tmp_path):
    data = make_dataset()
    vocabulary = Vocabulary([*RESERVED, "e", "60", "60,64", "62", "60,64,67"])
    parts = (
        Pieces(part.ids, part.offsets) for part in (data.train, data.validation, data.test)
    )  # as if of these tokens
    data = Dataset(*parts, vocabulary, Frames(fps=7.5), {})
    training.train(data, Config("tiny", LSTM, SETTINGS).replace(epochs=1), tmp_path / "run", progress=False)
    assert training.load_run(tmp_path / "run").encoding == Frames(fps=7.5)


@pytest.mark.parametrize("model, named", [(ModelConfig("perceiver"), "perceiver"),
                                          (ModelConfig("stacked_lstm", {"heads": 3}), "heads")])  # fmt: skip
def test_an_unknown_model_or_option_is_named(model, named):
    with pytest.raises(ValueError, match=named):
        training.train(make_dataset(), Config("tiny", model, SETTINGS), progress=False)


@pytest.mark.parametrize("part", ["train", "validation"])
def test_pieces_too_short_to_train_on_are_refused(part):
    data = make_dataset()
    parts = {"train": data.train, "validation": data.validation, part: Pieces.from_lists([[START]])}
    data = Dataset(parts["train"], parts["validation"], data.test, VOCABULARY, data.encoding, {})
    with pytest.raises(ValueError, match=f"none of the 1 {part} pieces"):
        training.train(data, Config("tiny", LSTM, SETTINGS), progress=False)


def test_no_folder_is_no_run(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing"):
        training.load_run(tmp_path / "nothing")


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(name, copy):
    (copy / name).unlink()
    with pytest.raises(FileNotFoundError) as error:
        training.load_run(copy)
    assert name in str(error.value) and str(copy) in str(error.value)


@pytest.mark.parametrize("written", [2, 99, None, "1"])
def test_a_run_of_another_format_is_refused(written, copy):
    config = json.loads((copy / "config.json").read_text())
    config["format"] = written
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError) as error:
        training.load_run(copy)
    assert str(written) in str(error.value) and str(copy) in str(error.value)


def test_a_vocabulary_of_another_size_is_refused(copy):
    (copy / "vocabulary.json").write_text(Vocabulary([*RESERVED, "C4:1"]).to_json())
    with pytest.raises(ValueError) as error:
        training.load_run(copy)
    for text in (str(copy), "vocabulary.json"):
        assert text in str(error.value)


def test_another_vocabulary_of_the_same_size_is_refused(copy):
    (copy / "vocabulary.json").write_text(Vocabulary([*RESERVED, "C4:1", "D4:1", "E4:1", "F4:1", "A4:2"]).to_json())
    with pytest.raises(ValueError, match="copy"):
        training.load_run(copy)


def test_the_network_of_another_run_is_refused(copy):
    """Though it has as many tokens: the configuration names another network."""
    models.build("gru_attention", len(VOCABULARY), **GRU.options).save(copy / "model.keras")
    with pytest.raises(ValueError, match="copy"):
        training.load_run(copy)


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_a_value_error_that_names_the_folder(name, copy):
    (copy / name).write_bytes((copy / name).read_bytes()[:40])
    with pytest.raises(ValueError) as error:
        training.load_run(copy)
    assert str(copy) in str(error.value)


def test_the_average_of_the_weights_is_what_is_validated_and_kept():
    data = make_dataset()
    settings = TrainingConfig(window=24, align=8, batch_size=4, epochs=3, learning_rate=0.02)
    last, averaged = (
        training.train(data, Config("tiny", LSTM, dataclasses.replace(settings, average=average)), progress=False)
        for average in (0.0, 0.5)
    )
    assert averaged.history["loss"] == pytest.approx(last.history["loss"], rel=1e-4)  # the same steps are taken
    assert averaged.history["val_loss"][0] != pytest.approx(last.history["val_loss"][0], rel=1e-3)
    for run in (last, averaged):
        found = evaluation.nats_per_token(run, data.validation)  # each piece fits into one window
        assert found == pytest.approx(min(run.history["val_loss"]), rel=1e-4)


def test_weight_decay_takes_off_weights_and_spares_biases():
    def trained(decay):
        settings = dataclasses.replace(SETTINGS, weight_decay=decay, learning_rate=0.05)
        return training.train(make_dataset(), Config("tiny", LSTM, settings), progress=False).model

    head = {decay: trained(decay).head.get_weights() for decay in (0.0, 10.0)}
    assert np.abs(head[10.0][0]).mean() < 0.5 * np.abs(head[0.0][0]).mean()
    assert np.abs(head[10.0][1]).max() > 0.01


@pytest.mark.parametrize(
    ("losses", "told"),
    [
        ([3.0, 2.0, 2.5, 2.4], "epoch 2 had the lowest validation loss: its weights are the run's\n"),
        ([3.0, 2.0], ""),
    ],
)
def test_which_weights_are_kept_is_told(losses, told, capsys):
    callbacks.Progress(types.SimpleNamespace(history={"val_loss": losses}), "nats").on_train_end()
    assert capsys.readouterr().out == told
