"""Config: presets, JSON both ways, the folders, and what is refused."""

import dataclasses
import json

import pytest

from musiclib import config
from musiclib.config import Config, ModelConfig, TrainingConfig


def test_json_keeps_everything():
    made = Config(
        "mine", ModelConfig("stacked_lstm", {"units": [8, 4]}), TrainingConfig(window=9, targets="last", seed=3)
    )
    assert Config.from_json(made.to_json()) == made
    assert json.loads(made.to_json()) == made.to_dict()
    assert made.to_dict()["training"]["window"] == 9


def test_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().preset = "other"


def test_replace_changes_training_values_alone():
    made = config.preset("quick").replace(epochs=1, seed=9)
    assert (made.training.epochs, made.training.seed) == (1, 9)
    assert made.model == config.preset("quick").model
    assert made.replace(epochs=config.preset("quick").training.epochs, seed=0) == config.preset("quick")


@pytest.mark.parametrize("model", ["stacked_lstm", "gru_attention", "chorale_gru", "chorale_infill", "gru_infill"])
def test_presets(model, monkeypatch):
    quick, full = config.preset("quick", model), config.preset("full", model)
    assert quick.model.name == full.model.name == model
    assert (quick.preset, full.preset) == ("quick", "full")
    assert quick.training.epochs < full.training.epochs
    assert Config.from_json(full.to_json()) == full
    monkeypatch.delenv("MUSICLIB_PRESET", raising=False)
    assert config.preset(model=model) == quick
    monkeypatch.setenv("MUSICLIB_PRESET", "full")
    assert config.preset(model=model) == full
    assert config.preset("quick", model) == quick


@pytest.mark.parametrize("name, model", [("slow", "stacked_lstm"), ("quick", "perceiver")])
def test_an_unknown_preset_or_model_is_named(name, model):
    with pytest.raises(ValueError) as error:
        config.preset(name, model)
    for text in (repr(name), repr(model), "'full'", "'gru_attention'"):
        assert text in str(error.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [(name, value) for name in ("window", "batch_size", "epochs", "learning_rate", "clip_norm", "patience", "minutes")
     for value in (0, -1, float("nan"))] + [("targets", "first"), ("weight_decay", -0.1), ("average", 1.0)],
)  # fmt: skip
def test_what_cannot_be_trained_with_is_named(field, value):
    with pytest.raises(ValueError) as error:
        TrainingConfig(**{field: value})
    assert field in str(error.value) and str(value) in str(error.value)


def test_a_field_of_another_version_is_refused():
    values = Config().to_dict()
    values["training"]["momentum"] = 0.9
    with pytest.raises(ValueError, match="momentum"):
        Config.from_dict(values)
    with pytest.raises(ValueError, match="training"):
        Config.from_dict({"preset": "full", "model": {}})
    with pytest.raises(ValueError):
        Config.from_dict([])
    with pytest.raises(ValueError):
        Config.from_json("{")


def test_folders_follow_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("MUSICLIB_HOME", str(tmp_path / "home"))
    folders = config.folders()
    assert (folders.data, folders.models, folders.outputs) == tuple(
        tmp_path / "home" / name for name in ("data", "models", "outputs")
    )
    assert not (tmp_path / "home").exists()  # asking for a folder does not make it
    monkeypatch.delenv("MUSICLIB_HOME")
    monkeypatch.chdir(tmp_path)
    assert config.folders().data == (tmp_path / "data").resolve()


def test_an_own_run_goes_before_the_shipped_one(tmp_path, monkeypatch):
    monkeypatch.setenv("MUSICLIB_HOME", str(tmp_path))
    with pytest.raises(FileNotFoundError) as error:
        config.find_run("no_such_run", "nor_this_one")
    for text in ("no_such_run", "nor_this_one", str(tmp_path / "models")):
        assert text in str(error.value)
    for name in ("shipped", "own"):
        folder = tmp_path / "models" / name
        folder.mkdir(parents=True)
        (folder / "config.json").write_text("{}")
        assert config.find_run("own", "shipped") == folder
    (tmp_path / "models" / "own" / "config.json").unlink()  # half a run is none
    assert config.find_run("own", "shipped").name == "shipped"
