"""The stacked LSTM of the music tutorials and its presets: two recurrent layers and a softmax over tokens.

Source: Sigurður Skúli, "How to Generate Music using a LSTM Neural Network in Keras" (2017), with one-hot inputs; an
embedding computes the same product.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras

from musiclib.config import TrainingConfig
from musiclib.models.autoregressive import AutoregressiveModel, embedding_layer, logits_layer
from musiclib.models.layers import lstm
from musiclib.models.registry import TOKENS, register


@keras.saving.register_keras_serializable("musiclib")
class StackedLSTM(AutoregressiveModel):
    """See ``stacked_lstm``."""

    def __init__(
        self, vocabulary_size: int, units: Sequence[int], embedding_size: int, dropout: float, **kwargs
    ) -> None:
        super().__init__(vocabulary_size, **kwargs)
        self.units, self.embedding_size, self.dropout = list(units), embedding_size, dropout
        self.embedding = embedding_layer(vocabulary_size, embedding_size)
        self.lstms = [
            keras.layers.LSTM(size, return_sequences=True, name=f"lstm_{i + 1}") for i, size in enumerate(self.units)
        ]
        self.dropouts = [keras.layers.Dropout(dropout) for _ in self.units]
        self.head = logits_layer(vocabulary_size)

    def build(self, input_shape) -> None:
        self.embedding.build(input_shape)
        size = self.embedding_size
        for layer in self.lstms:
            layer.build((None, None, size))
            size = layer.units
        self.head.build((None, None, size))
        super().build(input_shape)

    def call(self, ids, training=False):
        x = self.embedding(ids)  # (batch, time, embedding)
        x = lstm.stacked(self.lstms, self.dropouts, x, training)  # (batch, time, units)
        return self.head(x)  # (batch, time, vocabulary)

    def initial_state(self, batch_size: int, condition=None):
        return lstm.initial_state(self.lstms, batch_size, self.compute_dtype)

    def step(self, ids, state):
        x, state = lstm.step(self.lstms, self.embedding(ids), state)
        return self.head(x), state

    def advance(self, ids, state):
        x, state = lstm.advance(self.lstms, self.embedding(ids), state)
        return self.head(x), state

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "units": self.units,
            "embedding_size": self.embedding_size,
            "dropout": self.dropout,
        }


def stacked_lstm(
    vocabulary_size: int,
    units: Sequence[int] = (512, 256),
    embedding_size: int = 128,
    dropout: float = 0.3,
) -> StackedLSTM:
    """Builds stacked LSTM layers with dropout after each, and a dense layer for the logits.

    Args:
        vocabulary_size: number of token ids.
        units: size of each LSTM layer; by default the two of the tutorials.
        embedding_size: size of a token's vector.
        dropout: dropout rate of each layer's outputs.

    Returns:
        A model from ids (batch, time) to logits (batch, time, vocabulary).
    """
    model = StackedLSTM(vocabulary_size, units, embedding_size, dropout, name="stacked_lstm")
    model.build((None, None))
    return model


# Quick beats the n-gram baseline after a minute of training; full is the tutorials' size.
register(
    "stacked_lstm",
    stacked_lstm,
    TOKENS,
    quick=({"units": [128, 128], "embedding_size": 64}, TrainingConfig(window=64, batch_size=16, epochs=14)),
    full=({}, TrainingConfig()),
)
