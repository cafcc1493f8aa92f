"""Runs: parts that belong together or are named, formats of today and tomorrow, and folders from a stranger."""

import hashlib
import json
import os
import pathlib
import pickle
import shutil
import zipfile

import keras
import numpy as np
import pytest
from test_training import FILES, LSTM, SETTINGS, VOCABULARY, logits, make_dataset

from musiclib import models, training
from musiclib.config import Config, ModelConfig
from musiclib.encodings.vocabulary import RESERVED, Vocabulary
from musiclib.training.checkpoint import NAME, Checkpoint

ROOT = pathlib.Path(__file__).resolve().parents[1]
FIXTURES = ROOT / "tests" / "fixtures"


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory):
    """Two runs of one network on the same data: their vocabularies are the same to the last byte."""
    folder = tmp_path_factory.mktemp("two")
    for seed in (1, 2):
        config = Config("tiny", LSTM, SETTINGS).replace(seed=seed)
        training.train(make_dataset(), config, folder / str(seed), progress=False)
    return folder


@pytest.fixture
def copy(two_runs, tmp_path):
    return shutil.copytree(two_runs / "1", tmp_path / "copy")


def forge(folder, name, content=None):
    """Puts something in place of a file, as someone would who also writes the sum that belongs to it."""
    if content is not None:
        (folder / name).write_bytes(content)
    about = json.loads((folder / "config.json").read_text())
    about["sha256"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "config.json").write_text(json.dumps(about))


def change(folder, **values):
    about = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**about, **values}))


def refused(folder):
    """Returns the one sentence with which a folder is refused."""
    with pytest.raises(ValueError) as error:
        training.load_run(folder)
    message = str(error.value)
    assert (
        str(folder) in message
        and "\n" not in message
        and message.endswith(("train the run again", "with your own definition"))
    )
    return message


@pytest.mark.parametrize("name", [name for name in FILES if name != "vocabulary.json"])
def test_a_file_of_another_run_is_named(name, copy, two_runs):
    shutil.copy(two_runs / "2" / name, copy / name)
    message = refused(copy)
    assert f"another {name}" in message if name != "config.json" else "config.json is of another run than" in message


def test_the_vocabulary_of_another_run_is_named(copy):
    other = Vocabulary([*RESERVED, *reversed(VOCABULARY.tokens[4:])])
    (copy / "vocabulary.json").write_text(other.to_json())
    assert "another vocabulary.json" in refused(copy)


def test_sums_that_hold_do_not_hide_parts_that_do_not_fit(copy, tmp_path):
    """As after a hand that edits the files, and their sums too."""
    cases = {
        "vocabulary.json was": lambda: forge(
            copy, "vocabulary.json", Vocabulary([*RESERVED, "60,64"]).to_json().encode()
        ),
        "model.keras has no weights for": lambda: forge(
            copy, "vocabulary.json", Vocabulary([*RESERVED, "C4:1"]).to_json().encode()
        ),
        "vocabulary.json was made by another encoding than config.json says: 'C4:1' is not a token of Frames": lambda: (
            change(copy, encoding={"name": "Frames"})
        ),
        "history.json": lambda: forge(copy, "history.json", json.dumps({"val_loss": [1.0] * 9}).encode()),
    }
    for named, spoil in cases.items():
        kept = shutil.copytree(copy, tmp_path / "kept")
        spoil()
        assert named in refused(copy)
        shutil.rmtree(copy)
        kept.rename(copy)


@pytest.mark.parametrize("about", [b"[]", b"{}", b'{"format": 1}', b'{"format": 1, "sha256": 3}', b"\xff\xfe", b""])
def test_a_configuration_that_is_none_is_refused(about, copy):
    (copy / "config.json").write_bytes(about)
    with pytest.raises(ValueError, match="copy"):
        training.load_run(copy)


def test_a_later_format_is_refused_in_a_sentence(copy):
    change(copy, format=2, sha256={"in": "another way"})
    with pytest.raises(ValueError, match="run format 2 and this version of musiclib reads 1; update musiclib, or"):
        training.load_run(copy)


def test_a_run_of_the_first_format_still_loads():
    """Written by version 0.1.0 as it was before history.json had a sum and the network's options stood in full."""
    run = training.load_run(FIXTURES / "run_format_1")
    expected = json.loads((FIXTURES / "run_format_1_logits.json").read_text())
    np.testing.assert_allclose(logits(run.model, [expected["ids"]])[0, -1], expected["last_logits"], atol=1e-4)
    assert run.config.model.name == "gru_attention" and len(run.history["val_loss"]) == 2
    assert sum(path.stat().st_size for path in FIXTURES.rglob("*")) < 300_000


@pytest.mark.parametrize("name", ["bach_lstm", "bach_gru_attention"])
def test_the_runs_that_ship_load_as_they_are(name):
    if name == "bach_gru_attention" and keras.backend.backend() != "tensorflow":
        pytest.skip("keras-self-attention needs TensorFlow")
    folder = ROOT / "models" / name
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    run = training.load_run(folder)
    assert np.isfinite(logits(run.model)).all() and "format" not in run.about
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_other_defaults_of_a_later_version_change_no_run(copy, two_runs, monkeypatch):
    """The configuration names the sizes alone: what else the network was built with stands beside it."""

    def later(vocabulary_size, units=(1,), embedding_size=1, dropout=0.9):
        return models.stacked_lstm(vocabulary_size, units, embedding_size, dropout)

    before = training.load_run(copy)
    monkeypatch.setitem(models.BUILDERS, "stacked_lstm", later)
    assert training.load_run(copy).model.get_config() == before.model.get_config()


def test_the_record_of_a_run(two_runs):
    run = training.load_run(two_runs / "2")
    assert (run.config.preset, run.config.training.seed) == ("tiny", 2)
    assert run.about["data"] == make_dataset().fingerprint and {"keras", "numpy", "python"} <= set(
        run.about["versions"]
    )
    assert {"commit", "code", "dataset"} <= set(run.about)


def test_a_training_that_is_not_finished_is_no_run_and_says_how_to_go_on(tmp_path):
    Checkpoint({}, {"val_loss": []}, [], []).save(tmp_path)
    with pytest.raises(FileNotFoundError, match="an interrupted training is there"):
        training.load_run(tmp_path)


class Trap:
    """Unpickled, it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return pathlib.Path.touch, (self.path,)


@pytest.mark.parametrize("name", [*FILES, NAME])
def test_a_pickle_in_place_of_a_file_is_not_opened(name, copy, tmp_path):
    trap = pickle.dumps(Trap(tmp_path / "sprung"))
    pickle.loads(trap)
    (tmp_path / "sprung").unlink()  # so it works
    if name == "config.json":
        (copy / name).write_bytes(trap)
    elif name == NAME:
        np.savez(copy / "checkpoint", about=np.array([Trap(tmp_path / "sprung")], dtype=object))
        shutil.rmtree(copy / "model.keras", ignore_errors=True)
        (copy / "config.json").unlink()
        with pytest.raises(ValueError, match="checkpoint.npz is damaged.*delete it"):
            training.train(make_dataset(), Config("tiny", LSTM, SETTINGS), copy, progress=False)
    else:
        forge(copy, name, trap)
    if name != NAME:
        assert name in refused(copy)
    assert not (tmp_path / "sprung").exists()


def with_members(path, **members):
    """Writes an archive again with other or more members."""
    with zipfile.ZipFile(path) as archive:
        kept = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**kept, **members}.items():
            archive.writestr(name, content)


def test_the_network_s_own_configuration_is_not_read(copy, tmp_path):
    """Keras' archive may say how to build the network; what it says could be anything, and is left alone."""
    expected = logits(training.load_run(copy).model)
    sprung = tmp_path / "sprung"
    call = {"module": "os", "class_name": "mkdir", "config": {"path": str(sprung)}, "registered_name": None}
    layer = keras.layers.Lambda(eval(f"lambda x: open({str(sprung)!r}, 'w') and x"))
    lambda_layer = keras.saving.serialize_keras_object(layer)
    for evil in (call, lambda_layer, {"module": "musiclib.models", "class_name": "StackedLSTM", "config": {}}, []):
        with_members(copy / "model.keras", **{"config.json": json.dumps(evil)})
        forge(copy, "model.keras")
        np.testing.assert_array_equal(logits(training.load_run(copy).model), expected)
    assert not sprung.exists()


def test_a_network_with_a_lambda_layer_is_refused(copy, tmp_path):
    sprung = tmp_path / "sprung"
    inputs = keras.Input((3,))
    keras.Model(inputs, keras.layers.Lambda(lambda x: x)(inputs)).save(copy / "model.keras")
    forge(copy, "model.keras")
    assert "model.keras" in refused(copy) and not sprung.exists()


def test_an_archive_that_climbs_out_of_its_folder_writes_nothing(copy, tmp_path):
    expected = logits(training.load_run(copy).model)
    climbing = ["../climbed", "../../climbed", str(tmp_path / "climbed"), "assets/../../climbed"]
    with_members(copy / "model.keras", **dict.fromkeys(climbing, b"x"))
    forge(copy, "model.keras")
    np.testing.assert_array_equal(logits(training.load_run(copy).model), expected)
    assert not list(tmp_path.rglob("climbed")) and not (tmp_path.parent / "climbed").exists()
    assert sorted(os.listdir(copy)) == FILES


@pytest.mark.parametrize("model", [
    ModelConfig("os.system", {}), ModelConfig("build", {}), ModelConfig("stacked_lstm", {"units": "boom"}),
    ModelConfig("stacked_lstm", {"units": [8, 6], "embedding_size": -1}), ModelConfig("stacked_lstm", {"name": "x"}),
])  # fmt: skip
def test_a_configuration_that_builds_nothing_of_ours_is_refused(model, copy):
    about = json.loads((copy / "config.json").read_text())
    about["config"]["model"] = {"name": model.name, "options": model.options}
    change(copy, config=about["config"], options={})
    if model.name in models.BUILDERS:
        assert "config.json" in refused(copy)
    else:
        assert f"call models.register({model.name!r}, builder) first" in refused(copy)


@pytest.mark.parametrize("encoding", [{"name": "os.system"}, {"name": "NoteChord", "command": 1}, [], None])
def test_an_encoding_that_is_none_of_ours_is_refused(encoding, copy):
    change(copy, encoding=encoding)
    registered = encoding != {"name": "os.system"}
    assert ("config.json" if registered else "call encodings.register(os.system) first") in refused(copy)
