"""GRU with self-attention and its presets: three GRU layers, with self-attention after the first two.

Source: Haryo Akbarianto Wibowo, "Generate Piano Instrumental Music by Using Deep Learning" (2019), whose layers are
bidirectional and predict only the token after a window. Here the attention's output is added to its input (a residual
connection): without it the average over the past hides the current token, and training is much slower.
"""

from __future__ import annotations

import keras
from keras import ops

from musiclib.config import TrainingConfig
from musiclib.models.autoregressive import AutoregressiveModel, embedding_layer, logits_layer
from musiclib.models.layers.additive_attention import (
    attend_from,
    attend_to_past,
    attention_weights,
    empty_cache,
    self_attention,
)
from musiclib.models.registry import TOKENS, register

_LAYERS = 3


@keras.saving.register_keras_serializable("musiclib")
class GRUAttention(AutoregressiveModel):
    """See ``gru_attention``."""

    def __init__(
        self,
        vocabulary_size: int,
        units: int,
        embedding_size: int,
        attention_units: int,
        context_length: int,
        dropout: float,
        bidirectional: bool,
        attention: str,
        **kwargs,
    ) -> None:
        super().__init__(vocabulary_size, **kwargs)
        self.units, self.embedding_size, self.attention_units = units, embedding_size, attention_units
        self.context_length, self.dropout = context_length, dropout
        self.bidirectional, self.attention_kind = bidirectional, attention
        self.targets = "last" if bidirectional else "all"
        self.embedding = embedding_layer(vocabulary_size, embedding_size)
        self.grus = [self._recurrent(i, "gru") for i in range(_LAYERS)]
        # Not keras.layers.Bidirectional: loading one sometimes swaps its two layers.
        self.backward_grus = [self._recurrent(i, "backward_gru") for i in range(_LAYERS if bidirectional else 0)]
        width = None if bidirectional else context_length
        self.attentions = [
            self_attention(attention, attention_units, width, not bidirectional, f"attention_{i + 1}")
            for i in range(_LAYERS - 1)
        ]
        self.dropouts = [keras.layers.Dropout(dropout) for _ in range(_LAYERS)]
        self.dense = keras.layers.Dense(64, name="dense")
        self.activation = keras.layers.LeakyReLU(negative_slope=0.01)
        self.head = logits_layer(vocabulary_size)

    def _recurrent(self, i: int, name: str) -> keras.layers.GRU:
        # The last layer of the bidirectional form returns one vector per window, not a sequence.
        sequences = not (self.bidirectional and i == _LAYERS - 1)
        return keras.layers.GRU(
            self.units, return_sequences=sequences, go_backwards=name.startswith("backward"), name=f"{name}_{i + 1}"
        )

    def _run_gru(self, i: int, x, training: bool):
        """Runs GRU layer ``i`` over (batch, time, features), in both directions where bidirectional."""
        forward = self.grus[i](x, training=training)
        if not self.bidirectional:
            return forward
        backward = self.backward_grus[i](x, training=training)
        if i < _LAYERS - 1:
            backward = ops.flip(backward, axis=1)  # the outputs are in reading order
        return ops.concatenate([forward, backward], axis=-1)

    def build(self, input_shape) -> None:
        self.embedding.build(input_shape)
        features = self.units * (2 if self.bidirectional else 1)
        for grus in (self.grus, self.backward_grus):
            for i, gru in enumerate(grus):
                gru.build((None, None, self.embedding_size if i == 0 else features))
        for attention in self.attentions:
            attention.build((None, None, features))
        self.dense.build((None, None, features))
        self.head.build((None, None, 64))
        super().build(input_shape)

    def call(self, ids, training=False):
        x = self.embedding(ids)  # (batch, time, embedding)
        for i, attention in enumerate(self.attentions):
            x = self._run_gru(i, x, training)
            x = self.dropouts[i](x + attention(x), training=training)  # (batch, time, features)
        x = self.dropouts[-1](self._run_gru(_LAYERS - 1, x, training), training=training)
        if self.bidirectional:
            x = ops.expand_dims(x, 1)  # (batch, 1, features): only the position after the window
        return self.head(self.activation(self.dense(x)))  # (batch, time or 1, vocabulary)

    def attention_maps(self, ids) -> list:
        """Returns the attention weights, one (batch, time, time) array per layer.

        Args:
            ids: int32, (batch, time).
        """
        x = self.embedding(ids)
        maps = []
        for i, attention in enumerate(self.attentions):
            x = self._run_gru(i, x, training=False)
            maps.append(attention_weights(attention, x))
            x = x + ops.matmul(maps[-1], x)
        return [ops.convert_to_numpy(weights) for weights in maps]

    def initial_state(self, batch_size: int, condition=None):
        if self.bidirectional:
            return super().initial_state(batch_size)
        hidden = tuple(ops.zeros((batch_size, self.units), self.compute_dtype) for _ in self.grus)
        caches = [empty_cache(batch_size, self.context_length, self.units, self.compute_dtype) for _ in self.attentions]
        return hidden + tuple(part for cache in caches for part in cache)

    def step(self, ids, state):
        if self.bidirectional:
            return super().step(ids, state)
        hidden, caches = list(state[:_LAYERS]), list(state[_LAYERS:])
        x = self.embedding(ids)  # (batch, embedding)
        for i, gru in enumerate(self.grus):
            x, (hidden[i],) = gru.cell(x, [hidden[i]])
            if i < len(self.attentions):
                past, caches[2 * i : 2 * i + 2] = attend_to_past(self.attentions[i], x, caches[2 * i : 2 * i + 2])
                x = x + past
        return self.head(self.activation(self.dense(x))), (*hidden, *caches)

    def advance(self, ids, state):
        if self.bidirectional:
            return super().advance(ids, state)
        hidden, caches = list(state[:_LAYERS]), list(state[_LAYERS:])
        x = self.embedding(ids)  # (batch, time, embedding)
        for i, gru in enumerate(self.grus):
            x = gru(x, initial_state=hidden[i])
            hidden[i] = x[:, -1]
            if i < len(self.attentions):
                past, caches[2 * i : 2 * i + 2] = attend_from(self.attentions[i], x, caches[2 * i : 2 * i + 2])
                x = x + past
        return self.head(self.activation(self.dense(x))), (*hidden, *caches)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "units": self.units,
            "embedding_size": self.embedding_size,
            "attention_units": self.attention_units,
            "context_length": self.context_length,
            "dropout": self.dropout,
            "bidirectional": self.bidirectional,
            "attention": self.attention_kind,
        }


def gru_attention(
    vocabulary_size: int,
    units: int = 256,
    embedding_size: int = 128,
    attention_units: int = 32,
    context_length: int = 96,
    dropout: float = 0.3,
    bidirectional: bool = False,
    attention: str = "keras-self-attention",
) -> GRUAttention:
    """Builds an embedding, three GRU layers with self-attention after the first two, and a dense head.

    Args:
        vocabulary_size: number of token ids.
        units: size of each GRU layer (of each direction, where ``bidirectional``).
        embedding_size: size of a token's vector.
        attention_units: size of the attention's queries and keys.
        context_length: positions that are attended to; in the bidirectional form the window's length.
        dropout: dropout rate of each layer's outputs.
        bidirectional: the tutorial's form, which predicts only the token after a whole window.
        attention: ``"keras-self-attention"``, or ``"additive"``, the same formula on every Keras backend.

    Returns:
        A model from ids (batch, time) to logits (batch, time, vocabulary); (batch, 1,
        vocabulary) in the bidirectional form.

    Raises:
        ValueError: where keras-self-attention is asked for on another backend than TensorFlow.
    """
    model = GRUAttention(
        vocabulary_size,
        units,
        embedding_size,
        attention_units,
        context_length,
        dropout,
        bidirectional,
        attention,
        name="gru_attention",
    )
    model.build((None, None))
    return model


register(
    "gru_attention",
    gru_attention,
    TOKENS,
    quick=(
        {"units": 128, "context_length": 64, "dropout": 0.1},
        TrainingConfig(window=64, batch_size=16, epochs=12, learning_rate=3e-3),
    ),
    full=({}, TrainingConfig()),
)
