"""Models: `call` and `step` agree, the future never leaks into the past, and attention is what it says it is."""

import json
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

from musiclib import models
from musiclib.encodings.vocabulary import PADDING, RESERVED
from musiclib.models.layers.additive_attention import KINDS, AdditiveSelfAttention, attention_weights

SIZE = 13  # tokens in the vocabulary
TOKENS = [*RESERVED, "4/4", "_", "R", "C4", "D4", "E4", "F4", "G4", "A4"]
LABELLED = [*RESERVED, "label:one", "label:two", "4/4", "_", "R", "C4", "D4", "E4", "F4"]
SCALE = ["C4", "C#4", "D4", "D#4", "E4", "F4", "F#4", "G4", "G#4"]
LATENT = ("vae", "gan", "style_vae")  # their latent vectors are asked for in test_latent, test_gan and test_style_vae
on_tensorflow = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="keras-self-attention needs it")
ATTENTIONS = [pytest.param("keras-self-attention", marks=on_tensorflow), "additive"]


def make(name, seed=0, **options):
    keras.utils.set_random_seed(seed)
    sizes = {
        "stacked_lstm": {"units": [8, 6], "embedding_size": 4},
        "gru_attention": {"units": 6, "attention_units": 5, "embedding_size": 4},
        "transformer": {"units": 8, "layers": 2, "heads": 2, "context_length": 7},
        "chorale_gru": {"pitches": [None] * 4 + [*range(60, 60 + SIZE - 4)], "units": 8, "head": 6, "heads": 2},
        "chorale_infill": {"tokens": [*RESERVED, *SCALE], "units": 8, "head": 6, "heads": 2, "reading": 5},
        "gru_infill": {"tokens": [*RESERVED, "_", "R", *SCALE[:7]], "units": 6, "reading": 5, "embedding_size": 4},
        "seq2seq": {"units": 8, "embedding_size": 4, "heads": 2},
        "vae": {"tokens": TOKENS, "length": 18, "latent_size": 4, "encoder": [6], "plan": [6, 4], "units": 5},
        "style_vae": {
            "tokens": LABELLED,
            "length": 18,
            "latent_size": 4,
            "style_tokens": 2,
            "encoder": [6],
            "plan": [6, 4],
            "units": 5,
            "attributes": ["contour"],
        },
        "gan": {"tokens": TOKENS, "length": 18, "voices": 2, "latent_size": 4, "units": 4, "critic_units": 4},
    }
    return models.build(name, SIZE, **{**sizes.get(name, {}), **options})


CAUSAL = [
    pytest.param(lambda: make("stacked_lstm"), id="stacked_lstm"),
    pytest.param(lambda: make("stacked_lstm", units=[5]), id="one layer"),
    pytest.param(
        lambda: make("gru_attention", context_length=7, attention="keras-self-attention"),
        id="keras-self-attention",
        marks=on_tensorflow,
    ),
    pytest.param(lambda: make("gru_attention", context_length=7, attention="additive"), id="additive"),
    pytest.param(lambda: make("gru_infill"), id="gru_infill"),
    pytest.param(lambda: make("seq2seq"), id="seq2seq"),
    pytest.param(lambda: make("seq2seq", pace=3), id="seq2seq with a pace"),
    pytest.param(lambda: make("seq2seq", attention=False, layers=1), id="seq2seq without attention"),
]
BIDIRECTIONAL = [
    pytest.param(
        lambda: make("gru_attention", context_length=7, bidirectional=True, attention="keras-self-attention"),
        id="bidirectional keras-self-attention",
        marks=on_tensorflow,
    ),
    pytest.param(
        lambda: make("gru_attention", context_length=7, bidirectional=True, attention="additive"),
        id="bidirectional additive",
    ),
]


def random_ids(batch, time, seed=0):
    return np.random.default_rng(seed).integers(1, SIZE, (batch, time)).astype(np.int32)


SOURCE = np.array([3, 7, 5, 5, 9, 4, 12, 6], np.int32)  # what is answered to, by the networks that do


def inputs(model, ids):
    return (np.tile(SOURCE, (len(ids), 1)), ids) if model.conditional else ids


def call(model, ids):
    return ops.convert_to_numpy(model(inputs(model, ids), training=False))


def stepped(model, ids):
    """Logits of every position, (batch, time, vocabulary), one step at a time."""
    state, logits = model.initial_state(len(ids), *([SOURCE] if model.conditional else [])), []
    for i in range(ids.shape[1]):
        out, state = model.step(ops.convert_to_tensor(ids[:, i]), state)
        logits.append(ops.convert_to_numpy(out))
    return np.stack(logits, axis=1)


@pytest.mark.parametrize("build", CAUSAL)
def test_call_and_step_agree(build):
    """Over three times the attention's reach, so that its cache wraps around."""
    model, ids = build(), random_ids(3, 22)
    logits = call(model, ids)
    assert logits.shape == (3, 22, SIZE) and logits.dtype == np.float32
    assert np.abs(logits).max() > 0.01  # not all the same zero
    np.testing.assert_allclose(stepped(model, ids), logits, atol=1e-4)


@pytest.mark.parametrize("build", BIDIRECTIONAL)
def test_call_and_step_agree_on_a_window_that_rolls(build):
    model, ids = build(), random_ids(3, 11)
    assert model.targets == "last"
    logits = stepped(model, ids)
    padded = np.concatenate([np.full((3, 7), PADDING, np.int32), ids], axis=1)
    for i in range(11):
        expected = call(model, padded[:, i + 1 : i + 8])
        assert expected.shape == (3, 1, SIZE)
        np.testing.assert_allclose(logits[:, i], expected[:, 0], atol=1e-4)


@pytest.mark.parametrize("build", CAUSAL)
def test_a_later_id_never_changes_earlier_logits(build):
    model, ids = build(), random_ids(1, 12)
    assert model.targets == "all"
    before = call(model, ids)
    for i in (0, 5, 11):
        changed = ids.copy()
        changed[0, i] = ids[0, i] % (SIZE - 1) + 1
        after = call(model, changed)
        np.testing.assert_allclose(after[:, :i], before[:, :i], atol=1e-6)
        assert np.abs(after[:, i] - before[:, i]).max() > 1e-4


@pytest.mark.parametrize("build", BIDIRECTIONAL)
def test_the_bidirectional_form_sees_its_whole_window(build):
    model, ids = build(), random_ids(1, 7)
    before = call(model, ids)
    for i in range(7):
        changed = ids.copy()
        changed[0, i] = ids[0, i] % (SIZE - 1) + 1
        assert np.abs(call(model, changed) - before).max() > 1e-6


@pytest.mark.parametrize("build", CAUSAL + BIDIRECTIONAL)
def test_pieces_of_a_batch_do_not_meet(build):
    model, ids = build(), random_ids(4, 7)
    together = call(model, ids)
    for i in range(4):
        np.testing.assert_allclose(call(model, ids[i : i + 1])[0], together[i], atol=1e-5)


@pytest.mark.parametrize("build", CAUSAL + BIDIRECTIONAL)
def test_dropout_is_for_training_alone(build):
    model, ids = build(), random_ids(2, 7)
    np.testing.assert_array_equal(call(model, ids), call(model, ids))
    trained = ops.convert_to_numpy(model(inputs(model, ids), training=True))
    assert np.abs(trained - call(model, ids)).max() > 1e-4


@pytest.mark.parametrize("build", CAUSAL + BIDIRECTIONAL)
def test_a_saved_model_is_the_same_model(build, tmp_path):
    model, ids = build(), random_ids(2, 7)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", compile=False, safe_mode=True)
    assert type(again) is type(model)
    assert (again.targets, again.context_length) == (model.targets, model.context_length)
    assert again.get_config() == model.get_config()
    np.testing.assert_array_equal(call(again, ids), call(model, ids))
    np.testing.assert_array_equal(stepped(again, ids), stepped(model, ids))


def test_a_bidirectional_model_loads_again_and_again(tmp_path):
    """Keras tells the layers that it reads by their address in memory; one that was freed may come back as another."""
    make("gru_attention", attention="additive", bidirectional=True).save(tmp_path / "model.keras")
    for i in range(20):
        held = [object() for _ in range(37 * i)]  # so that memory is laid out differently each time
        keras.saving.load_model(tmp_path / "model.keras", compile=False)
        del held


@on_tensorflow
@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("width", [None, 1, 3, 4, 30])
def test_the_additive_layer_is_that_of_keras_self_attention(causal, width):
    from keras_self_attention import SeqSelfAttention

    theirs = SeqSelfAttention(units=5, attention_width=width, history_only=causal)
    ours = AdditiveSelfAttention(units=5, attention_width=width, history_only=causal)
    inputs = np.random.default_rng(0).normal(size=(2, 11, 6)).astype(np.float32)
    theirs.build((None, None, 6))
    ours.build((None, None, 6))
    rng = np.random.default_rng(1)
    for name in ("Wt", "Wx", "bh", "Wa", "ba"):  # biases too, which begin at zero
        values = rng.normal(size=getattr(ours, name).shape)
        getattr(ours, name).assign(values)
        getattr(theirs, name).assign(values)
    np.testing.assert_allclose(ops.convert_to_numpy(ours(inputs)), ops.convert_to_numpy(theirs(inputs)), atol=1e-5)
    np.testing.assert_allclose(
        ops.convert_to_numpy(attention_weights(theirs, inputs)) @ inputs,
        ops.convert_to_numpy(theirs(inputs)), atol=1e-5,
    )  # fmt: skip


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_attention_maps_are_causal_shares(attention):
    model = make("gru_attention", context_length=4, attention=attention)
    maps = model.attention_maps(random_ids(2, 9))
    assert [weights.shape for weights in maps] == [(2, 9, 9)] * 2
    distance = np.arange(9)[:, None] - np.arange(9)[None, :]
    for weights in maps:
        np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-5)
        assert (weights[:, (distance < 0) | (distance >= 4)] == 0).all()
        assert (weights[:, (distance >= 0) & (distance < 4)] > 0).all()


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_attention_maps_of_the_bidirectional_form_reach_everywhere(attention):
    model = make("gru_attention", context_length=6, bidirectional=True, attention=attention)
    for weights in model.attention_maps(random_ids(2, 6)):
        assert weights.shape == (2, 6, 6) and (weights > 0).all()
        np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-5)


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_attention_maps_are_what_the_network_attends_by(attention):
    """The same maps, put to use by hand, give the network's own logits."""
    model, ids = make("gru_attention", context_length=4, attention=attention), random_ids(1, 9)
    first, second = model.attention_maps(ids)
    x = ops.convert_to_numpy(model.grus[0](model.embedding(ids)))
    x = ops.convert_to_numpy(model.grus[1](x + first @ x))
    x = x + second @ x
    logits = model.head(model.activation(model.dense(model.grus[2](x))))
    np.testing.assert_allclose(ops.convert_to_numpy(logits), call(model, ids), atol=1e-5)


def test_the_default_networks_are_the_tutorials():
    lstm, gru = models.build("stacked_lstm", 20), models.build("gru_attention", 20, attention="additive")
    assert [layer.units for layer in lstm.lstms] == [512, 256]
    assert [layer.rate for layer in lstm.dropouts] == [0.3, 0.3]
    assert len(gru.grus) == 3 and len(gru.attentions) == 2
    assert [layer.rate for layer in gru.dropouts] == [0.3] * 3
    assert gru.dense.units == 64 and isinstance(gru.activation, keras.layers.LeakyReLU)
    assert not gru.bidirectional


@on_tensorflow
def test_keras_self_attention_is_the_default():
    from keras_self_attention import SeqSelfAttention

    assert all(isinstance(layer, SeqSelfAttention) for layer in make("gru_attention").attentions)


@pytest.mark.parametrize(
    ("name", "options", "named"),
    [
        ("perceiver", {}, ["perceiver", "stacked_lstm", "gru_attention"]),
        ("stacked_lstm", {"heads": 4}, ["stacked_lstm", "heads"]),
        ("stacked_lstm", {"units": 256}, ["stacked_lstm", "256"]),
        ("gru_attention", {"attention": "magic"}, ["magic", *KINDS]),
        ("gru_attention", {"heads": 4}, ["gru_attention", "heads"]),
    ],
)
def test_an_unknown_name_or_option_is_named(name, options, named):
    with pytest.raises(ValueError) as error:
        models.build(name, SIZE, **options)
    for text in named:
        assert text in str(error.value)


@pytest.mark.parametrize("name", models.BUILDERS)
def test_a_vocabulary_of_nothing_is_refused(name):
    with pytest.raises(ValueError, match="vocabulary_size"):
        models.build(name, 0)


OF_TOKENS = [name for name in models.BUILDERS if name != "spectral_lstm"]  # frames: tests/test_spectra.py

# Keras itself imports TensorFlow where it finds it, so the JAX process is one where neither is installed.
BLOCK = """
import importlib.abc, sys

class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "music21"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
"""

# What the JAX process is asked; it answers in JSON. TensorFlow's answers to the same stand beside it.
QUESTIONS = """
import json, pathlib, sys
import keras, numpy as np
from keras import ops
from musiclib import encodings, models, sampling, training
from musiclib.config import Config, ModelConfig, TrainingConfig
from musiclib.dataset import Dataset
from musiclib.dataset import Pieces
from musiclib.encodings.vocabulary import RESERVED, Vocabulary
from musiclib.models.compiling import compiled, initial_state

def answers(folder):
    said = {"backend": keras.backend.backend()}
    ids = np.load(folder / "ids.npy")
    for path in sorted(folder.glob("*.keras")):
        model = keras.saving.load_model(path, compile=False)
        source = np.array([5, 7, 4, 9, 6], np.int32) if model.conditional else None
        inputs = ids if source is None else (np.tile(source, (len(ids), 1)), ids)
        condition = [] if source is None else [source]
        if model.latent_size:
            condition = [np.linspace(-1, 1, 8, dtype=np.float32).reshape(2, 4)]
            inputs = condition[0] if path.stem == "gan" else ids
            if path.stem in ("vae", "style_vae"):
                condition = [model.posterior(ids)[0]]
        # Each as one program: JAX would compile operation by operation otherwise.
        step = compiled(model, ("step",), lambda own, *inputs: own().step(*inputs), xla=False)
        call = compiled(model, ("call",), lambda own, inputs: own()(inputs, training=False), xla=False)
        state, steps = initial_state(model, len(ids), condition[0] if condition else None), []
        for i in range(ids.shape[1] if model.targets == "all" else 2):  # JAX compiles each window anew
            logits, state = step(ops.convert_to_tensor(ids[:, i]), state)
            steps.append(ops.convert_to_numpy(logits).tolist())
        called = ops.convert_to_numpy(call(inputs))[:, : ids.shape[1]]
        vocabulary = Vocabulary([*RESERVED, *(f"C{i}:1" for i in range(model.vocabulary_size - 4))])
        run = training.Run(model, vocabulary, encodings.NoteChord(), Config(), {}, {})
        draw = lambda **options: [p.tolist() for p in sampling.generate_ids(run, 3, 40, [5, 7], source=source, **{"seed": 0, **options})]
        said[path.stem] = {
            "call": called.tolist(),
            "steps": steps,
            "greedy": draw(greedy=True),
        }
        if path.stem != "both":
            options = dict(top_k=5, top_p=0.9, temperature=0.8, repetition_penalty=1.5, stop_at_end=True, seed=1)
            said[path.stem]["seeded"], said[path.stem]["again"] = draw(**options), draw(**options)
        # New weights must be heard: nothing of the old ones may be baked into the compiled loop.
        model.set_weights([np.zeros_like(w) for w in model.get_weights()])
        for layer in model.layers:  # chorale_gru has a head for each voice, and counts pitches without the reserved ids
            if layer.name == "logits" or layer.name.startswith("absolute"):
                layer.bias.assign(np.eye(layer.bias.shape[0])[9 if layer.name == "logits" else 5])
        said[path.stem]["after new weights"] = draw(greedy=True)
    return said

def trains(folder):
    pieces = Pieces.from_lists([[1, *[4, 5, 6, 7] * 4, 2]] * 4)
    vocabulary = Vocabulary([*RESERVED, "C4:1", "D4:1", "E4:1", "F4:1"])
    dataset = Dataset(pieces, pieces, pieces, vocabulary, encodings.NoteChord(), {})
    options = {"units": 6, "embedding_size": 4, "context_length": 8, "attention": "additive"}
    settings = TrainingConfig(window=8, batch_size=4, epochs=2, weight_decay=0.01, average=0.5)
    config = Config("quick", ModelConfig("gru_attention", options), settings)
    run = training.train(dataset, config, folder / "run", progress=False)
    loaded = training.load_run(folder / "run")
    same = np.allclose(*(ops.convert_to_numpy(r.model(pieces[0][None], training=False)) for r in (run, loaded)))
    return {"history": run.history, "versions": list(run.about["versions"]), "same": bool(same)}
"""


PORTABLE = {"gru_attention": {"context_length": 7, "attention": "additive"}}  # what runs on every backend


@pytest.fixture(scope="module")
def two_backends(tmp_path_factory):
    """The answers of TensorFlow, here, and of JAX, in one process, about the same saved networks."""
    pytest.importorskip("jax")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("compares JAX with TensorFlow")
    folder = tmp_path_factory.mktemp("backends")
    np.save(folder / "ids.npy", random_ids(2, 16))
    for seed, name in enumerate(OF_TOKENS):
        make(name, seed, **PORTABLE.get(name, {})).save(folder / f"{name}.keras")
    make("gru_attention", 3, bidirectional=True, **PORTABLE["gru_attention"]).save(folder / "both.keras")
    questions = folder / "questions.py"
    questions.write_text(
        BLOCK
        + QUESTIONS
        + """
folder = pathlib.Path(sys.argv[1])
said = answers(folder)
said["training"] = trains(folder)
try:
    models.build("gru_attention", 13)
    said["refusal"] = ""
except ValueError as error:
    said["refusal"] = str(error)
pathlib.Path(sys.argv[2]).write_text(json.dumps(said))
"""
    )
    root = str(pathlib.Path(models.__file__).parents[2])
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    environment["PYTHONPATH"] = os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, str(questions), str(folder), str(folder / "said.json")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    scope: dict = {}
    exec(QUESTIONS, scope)  # the same questions, asked of TensorFlow
    return scope["answers"](folder), json.loads((folder / "said.json").read_text())


@pytest.mark.parametrize("name", [*OF_TOKENS, "both"])
def test_jax_and_tensorflow_give_the_same_logits(name, two_backends):
    tensorflow, jax = (answers[name] for answers in two_backends)
    np.testing.assert_allclose(jax["call"], tensorflow["call"], atol=1e-4)
    np.testing.assert_allclose(jax["steps"], tensorflow["steps"], atol=1e-4)


@pytest.mark.parametrize("name", OF_TOKENS)
def test_call_and_step_agree_on_jax(name, two_backends):
    jax = two_backends[1][name]
    if len(jax["steps"]) != len(jax["call"][0]):
        pytest.skip(f"{name} gives the position after a window alone")
    np.testing.assert_allclose(np.swapaxes(jax["steps"], 0, 1), jax["call"], atol=1e-4)


@pytest.mark.parametrize(
    ("name", "rule"), [*((name, rule) for name in OF_TOKENS for rule in ("greedy", "seeded")), ("both", "greedy")]
)
def test_jax_and_tensorflow_choose_the_same_tokens(name, rule, two_backends):
    tensorflow, jax = (answers[name] for answers in two_backends)
    assert jax[rule] == tensorflow[rule]
    assert len(jax[rule]) == 3 and any(len(piece) for piece in jax[rule])


def test_sampling_on_jax_is_repeatable_and_follows_new_weights(two_backends):
    assert two_backends[1]["backend"] == "jax"
    for answers in two_backends:
        for name in OF_TOKENS:
            assert answers[name]["seeded"] == answers[name]["again"]
        for name in (*(name for name in OF_TOKENS if name not in LATENT), "both"):
            assert answers[name]["after new weights"] == [[9] * 40] * 3


def test_keras_self_attention_on_jax_is_refused_with_the_way_out(two_backends):
    refusal = two_backends[1]["refusal"]
    assert "'additive'" in refusal and "TensorFlow" in refusal and "jax" in refusal


def test_training_on_jax_needs_neither_tensorflow_nor_music21(two_backends):
    """Nor does anything else that the JAX process was asked: it had neither."""
    training = two_backends[1]["training"]
    assert len(training["history"]["val_loss"]) == 2 and np.isfinite(training["history"]["val_loss"]).all()
    assert training["same"] and "jax" in training["versions"]
