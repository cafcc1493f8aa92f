"""What holds of every network; one that is added to ``BUILDERS`` is tried here at once.

With its default options, until ``OPTIONS`` has smaller ones for it.
"""

import functools

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from musiclib import models
from musiclib.encodings.vocabulary import PADDING, RESERVED

SIZE = 13  # tokens in the vocabulary
LABELLED = [*RESERVED, "label:one", "label:two", "4/4", "_", "R", "C4", "D4", "E4", "F4"]
TOKENS = [*RESERVED, "4/4", "_", "R", "C4", "D4", "E4", "F4", "G4", "A4"]
SCALE = ["C4", "C#4", "D4", "D#4", "E4", "F4", "F#4", "G4", "R"]
GRU = {"units": 6, "embedding_size": 4, "attention_units": 5, "context_length": 5, "attention": "additive"}
OPTIONS = {
    "stacked_lstm": [{"units": [8, 6], "embedding_size": 4}, {"units": [5], "embedding_size": 3}],
    "gru_attention": [GRU, {**GRU, "bidirectional": True}],
    "chorale_gru": [
        {"pitches": [None] * 4 + [*range(60, 60 + SIZE - 4)], "units": 8, "head": 6, "heads": 2, "memory": 2}
    ],
    "chorale_infill": [{"tokens": [*RESERVED, *SCALE], "units": 8, "head": 6, "heads": 2, "memory": 2, "reading": 5}],
    "gru_infill": [{"tokens": [*RESERVED, "_", *SCALE[1:]], "units": 6, "reading": 5, "embedding_size": 4}],
    "transformer": [{"units": 8, "layers": 2, "heads": 2, "context_length": 5}],
    "seq2seq": [
        {"units": 8, "embedding_size": 4, "heads": 2},
        {"units": 8, "embedding_size": 4, "heads": 2, "layers": 3, "pace": 2},
        {"units": 8, "embedding_size": 4, "heads": 2, "layers": 1, "attention": False},
    ],
    "vae": [
        {"tokens": TOKENS, "length": 12, "latent_size": 4, "encoder": [6], "plan": [6, 4], "units": 5, "context": 3},
        {"tokens": TOKENS, "length": 12, "latent_size": 4, "encoder": [6], "plan": [6, 4], "context": 0},
    ],
    "style_vae": [
        {
            "tokens": LABELLED,
            "length": 12,
            "latent_size": 4,
            "style_tokens": 2,
            "encoder": [6],
            "plan": [6, 4],
            "units": 5,
            "context": 3,
            "attributes": [],
        },
    ],
    "gan": [{"tokens": TOKENS, "length": 18, "voices": 2, "latent_size": 4, "units": 4, "critic_units": 4}],
}
SOURCE = np.array([7, 4, 4, 9, 5, 12, 3], np.int32)  # what is answered to, by the networks that do
OF_TOKENS = [name for name in models.BUILDERS if name != "spectral_lstm"]  # frames: tests/test_spectra.py
FORMS = [(name, i) for name in OF_TOKENS for i in range(len(OPTIONS.get(name, [{}])))]
EVERY_FORM = pytest.mark.parametrize(("name", "form"), FORMS)
sequences = st.integers(1, 3).flatmap(
    lambda batch: st.lists(st.lists(st.integers(0, SIZE - 1), min_size=batch, max_size=batch), min_size=1, max_size=11)
)  # (time, batch)


@functools.cache
def network(name, form):
    keras.utils.set_random_seed(form)
    return models.build(name, SIZE, **OPTIONS.get(name, [{}])[form])


def called(model, ids):
    """Logits of the network's positions for (batch, time) ids."""
    ids = np.asarray(ids, np.int32)
    if model.latent_size:
        z = latents(len(ids))
        return ops.convert_to_numpy(model.decode(ids, z) if hasattr(model, "decode") else model(z)[:, : ids.shape[1]])
    inputs = (np.tile(SOURCE, (len(ids), 1)), ids) if model.conditional else ids
    return ops.convert_to_numpy(model(inputs, training=False))


def latents(batch):
    """What is decoded, by the networks with a latent vector."""
    return np.linspace(-1, 1, 4 * batch, dtype=np.float32).reshape(batch, 4)


def begin(model, batch):
    if model.latent_size:
        return model.initial_state(batch, latents(batch))
    return model.initial_state(batch, SOURCE) if model.conditional else model.initial_state(batch)


def stepped(model, ids):
    """Logits of every position, (batch, time, vocabulary), one step at a time."""
    state, logits = begin(model, len(ids)), []
    for column in np.asarray(ids, np.int32).T:
        out, state = model.step(ops.convert_to_tensor(column), state)
        logits.append(ops.convert_to_numpy(out))
    return np.stack(logits, axis=1)


@EVERY_FORM
@settings(max_examples=10)  # each is many small computations
@given(sequences)
def test_call_and_step_agree(name, form, columns):
    model, ids = network(name, form), np.array(columns).T
    logits = stepped(model, ids)
    assert logits.shape == (*ids.shape, SIZE) and logits.dtype == np.float32
    if model.targets == "all":
        np.testing.assert_allclose(logits, called(model, ids), atol=1e-4)
        return
    padded = np.pad(ids, ((0, 0), (model.context_length, 0)), constant_values=PADDING)
    for i in range(ids.shape[1]):
        window = called(model, padded[:, i + 1 : i + 1 + model.context_length])
        np.testing.assert_allclose(logits[:, i], window[:, -1], atol=1e-4)


@EVERY_FORM
def test_what_is_carried_from_step_to_step_does_not_grow(name, form):
    """So that a piece of any length is generated in the same memory."""
    model = network(name, form)
    state = beginning = begin(model, 2)
    for _ in range(3):
        _, state = model.step(ops.convert_to_tensor(np.array([4, 5], np.int32)), state)
        assert [(part.shape, part.dtype) for part in state] == [(part.shape, part.dtype) for part in beginning]


@EVERY_FORM
def test_a_saved_network_gives_the_same_logits(name, form, tmp_path):
    model, ids = network(name, form), np.random.default_rng(form).integers(0, SIZE, (3, 9))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", compile=False, safe_mode=True)
    assert again.get_config() == model.get_config() and again.targets == model.targets
    np.testing.assert_array_equal(stepped(again, ids), stepped(model, ids))
    window = ids[:, -model.context_length :] if model.targets == "last" else ids
    np.testing.assert_array_equal(called(again, window), called(model, window))
