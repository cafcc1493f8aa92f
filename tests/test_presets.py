"""Every preset on every encoding: it trains on those that the README says, and one sentence refuses the others."""

import functools
import pathlib

import numpy as np
import pytest

from musiclib import config, corpus, dataset, models, training
from musiclib.config import ModelConfig
from musiclib.encodings import ENCODINGS, Chorale, Phrases, Vocabulary
from musiclib.encodings.vocabulary import RESERVED
from musiclib.score import Score

pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run_functions_eagerly`")
README = (pathlib.Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
CHORALE = [Chorale(holds=True), Chorale(voices="SATB"), Chorale(True, "S"), Chorale(voices="T")]
KINDS = [kind() for kind in ENCODINGS.values()]
EVERY = [*KINDS, *CHORALE, Phrases(voices="SBAT", metres=["4/4"])]
ALL_VOICES, ONE_VOICE = {Chorale()}, {Chorale(True, "S"), Chorale(voices="T")}
PHRASES = {Phrases(), Phrases(voices="SBAT", metres=["4/4"])}
TAKEN = {
    "chorale_gru": ALL_VOICES,
    "chorale_infill": ALL_VOICES,
    "gru_infill": ONE_VOICE,
    "vae": PHRASES,
    "style_vae": PHRASES,
    "gan": {Phrases(voices="SBAT", metres=["4/4"])},
}
SMALL = {
    "stacked_lstm": {"units": [4]},
    "gru_attention": {"units": 4},
    "transformer": {"units": 8, "heads": 2, "layers": 1},
    "seq2seq": {"units": 8, "embedding_size": 4, "layers": 1},
    "chorale_gru": {"units": 4, "head": 4, "heads": 2},
    "chorale_infill": {"units": 4, "head": 4, "heads": 2, "reading": 4},
    "gru_infill": {"units": 4, "reading": 4, "embedding_size": 4},
    "vae": {"encoder": [4], "plan": [4, 4]},
    "style_vae": {"encoder": [4], "plan": [4, 4], "units": 4},
    "gan": {"units": 4, "critic_units": 4},
    "spectral_lstm": {"units": [4], "components": 2},
}


@pytest.fixture(scope="module", autouse=True)
def eagerly():
    """Runs training steps without compiling them, which would take most of the time."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def takes(name, encoding):
    if name == "spectral_lstm" or encoding.bands:
        return name == "spectral_lstm" and bool(encoding.bands)
    return encoding in TAKEN.get(name, {encoding})


def piece(seed):
    """Two bars of 4/4 in four voices that move by steps."""
    rng, rows = np.random.default_rng(seed), []
    for part, lowest in enumerate((67, 60, 55, 48)):
        rows += [(beat, 1.0, lowest + int(rng.integers(5)), 80, part) for beat in range(8)]
    names = ("Soprano", "Alto", "Tenor", "Bass")
    return Score.from_notes(rows, part_names=names, programs=(0,) * 4, time_signatures=((0, 4, 4),))


@functools.cache
def data(encoding, kind="pieces"):
    if encoding.bands:
        frames = np.random.default_rng(0).uniform(-1, 1, (80, encoding.bands)).astype(np.float32)
        part = dataset.Pieces(frames, np.array([0, 40, 80]))
        return dataset.Dataset(part, part, part, Vocabulary(RESERVED), encoding, {})
    labels = ("one", "other") if kind == "labelled" else ()
    parts = (corpus.Corpus(("a", "b"), (piece(2 * i), piece(2 * i + 1)), labels=labels) for i in range(3))
    split = corpus.Split(*parts)
    if kind == "pairs":
        cut = functools.partial(dataset.phrases, quarters=2)
        return dataset.prepare_pairs(split, encoding, encoding, cut, minimum_count=1)
    return dataset.prepare(split, encoding, minimum_count=1)


def settings(size, name, music):
    """A preset with the smallest sizes; the windows of phrases have their length."""
    preset, encoding = config.preset(size, name), music.encoding
    window = {"gru_infill": 48, "chorale_gru": 64, "chorale_infill": 64}.get(name, 16)
    options = {**preset.model.options, **SMALL[name]}
    if name in ("vae", "style_vae", "gan"):
        window = encoding.longest + 1 if isinstance(encoding, Phrases) else preset.training.window
        options |= {"length": window, "attributes": []} if name != "gan" and window > 34 else {}
    if "context_length" in options:
        options["context_length"] = window
    if name == "seq2seq" and isinstance(music, dataset.Pairs):
        parts = [side for part in (music.train, music.validation) for side in (part.sources, part.targets)]
        window = max(int(np.diff(part.offsets).max()) for part in parts)
    chosen = preset.replace(window=window, batch_size=32, epochs=1, precision="float32")
    return config.Config(size, ModelConfig(name, options), chosen.training)


def kind_for(name):
    return {"seq2seq": "pairs", "style_vae": "labelled"}.get(name, "pieces")


# Other options of an encoding are for the networks that do not take all of them.
MATRIX = [(name, each) for name in models.BUILDERS for each in (EVERY if name in TAKEN else KINDS)]


@pytest.mark.parametrize(("name", "encoding"), MATRIX, ids=str)
def test_a_preset_trains_on_what_it_takes_and_says_so_of_all_else(name, encoding):
    music = data(encoding, "pieces" if encoding.bands else kind_for(name))
    if takes(name, encoding):
        # Both presets on the first encoding that a network takes, and in turn on the others.
        first = next(each for each in EVERY if takes(name, each)) == encoding
        for size in ("quick", "full") if first else (("quick", "full")[EVERY.index(encoding) % 2],):
            run = training.train(music, settings(size, name, music), progress=False)
            assert np.isfinite(run.history["val_loss"]).all() and len(run.history["val_loss"]) == 1
        return
    for size in ("quick", "full"):
        with pytest.raises(ValueError) as error:
            training.train(music, config.preset(size, name), progress=False)
        assert str(error.value).startswith(
            f"a {name} takes {models.TAKES[name].text}, and this dataset has {encoding};"
        )


def test_the_readme_says_what_each_takes():
    table = README.partition("## The models")[2].partition("\n## ")[0]
    rows = [[cell.strip().replace("`", "") for cell in line.split("|")[1:-1]] for line in table.splitlines()]
    said = {row[0]: row[2] for row in rows if row and row[0] in models.BUILDERS}
    assert said == {name: models.TAKES[name].text for name in models.BUILDERS}


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("seq2seq", "pieces", "is trained on pairs, from dataset.prepare_pairs"),
        ("stacked_lstm", "pairs", "is trained on a dataset of tokens, from dataset.prepare"),
        ("chorale_gru", "labelled", "the vocabulary has 'label:one'; prepare .* from a corpus without labels"),
        ("vae", "labelled", "does not read labels"),
        ("style_vae", "pieces", "the vocabulary has 0 labels; prepare the dataset from a labelled corpus"),
    ],
)
def test_data_of_another_kind_are_refused(name, kind, said):
    music = data(next(each for each in EVERY if takes(name, each)), kind)
    with pytest.raises(ValueError, match=said):
        training.train(music, settings("quick", name, music), progress=False)


def test_a_network_of_ones_own_takes_what_it_says():
    try:
        models.register("mine", models.stacked_lstm, models.Takes("Frames", lambda encoding: encoding.name == "Frames"))
        with pytest.raises(ValueError, match="a mine takes Frames, and this dataset has Chorale"):
            training.train(data(Chorale()), config.preset("quick", "mine"), progress=False)
        models.register("mine", models.stacked_lstm)
        models.check_encoding("mine", Chorale())
    finally:
        for registry in (models.BUILDERS, models.PRESETS, models.TAKES):
            registry.pop("mine", None)
