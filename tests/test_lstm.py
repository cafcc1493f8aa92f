"""The LSTM by hand is the LSTM of Keras: the same outputs and gradients, to rounding."""

import keras
import numpy as np
import pytest

from musiclib import models
from musiclib.models.layers import lstm

tf = pytest.importorskip("tensorflow")


def outputs_and_gradients(network, ids):
    with tf.GradientTape() as tape:
        logits = network(ids, training=True)
        loss = tf.reduce_sum(
            logits * tf.cos(tf.range(tf.size(logits), dtype="float32") + 1).numpy().reshape(logits.shape)
        )
    gradients = tape.gradient(loss, [weight.value for weight in network.trainable_weights])
    return logits.numpy(), [tf.convert_to_tensor(gradient).numpy() for gradient in gradients]


@pytest.mark.parametrize("shape", [(3, 17), (1, 1), (2, 2)])
def test_outputs_and_gradients_are_those_of_keras(shape, monkeypatch):
    keras.utils.set_random_seed(3)
    network = models.build("stacked_lstm", 11, units=[7, 5, 4], embedding_size=6, dropout=0.0)
    ids = np.random.default_rng(0).integers(0, 11, shape)
    assert lstm._on_tensorflows_processor()
    logits, gradients = outputs_and_gradients(network, ids)
    monkeypatch.setattr(lstm, "_on_tensorflows_processor", lambda: False)
    expected_logits, expected_gradients = outputs_and_gradients(network, ids)
    np.testing.assert_allclose(logits, expected_logits, atol=1e-6)
    for gradient, expected in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-6)


def test_dropout_is_on_in_training_alone():
    network = models.build("stacked_lstm", 11, units=[7, 5], embedding_size=6, dropout=0.5)
    ids = np.random.default_rng(0).integers(0, 11, (2, 9))
    assert np.array_equal(network(ids), network(ids))
    assert not np.allclose(network(ids, training=True), network(ids, training=True))
