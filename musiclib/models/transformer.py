"""Transformer and its presets: decoder-only, with causal self-attention over the last ``context_length`` tokens.

Pre-layer normalisation (Xiong et al., 2020), rotary position embeddings, and tied input and output embeddings (Press
and Wolf, 2017).

Source: Vaswani et al., "Attention Is All You Need" (2017); for music, Huang et al., "Music
Transformer" (2018), which uses relative attention instead.
"""

from __future__ import annotations

import keras
from keras import ops

from musiclib.config import TrainingConfig
from musiclib.encodings.vocabulary import PADDING
from musiclib.models.autoregressive import AutoregressiveModel
from musiclib.models.layers import ring_buffer
from musiclib.models.layers.rotary import rotate
from musiclib.models.registry import TOKENS, register


@keras.saving.register_keras_serializable("musiclib")
class TransformerBlock(keras.layers.Layer):
    """Self-attention and a feed-forward network, each with layer normalisation and a residual connection."""

    def __init__(self, units: int, heads: int, dropout: float, **kwargs) -> None:
        super().__init__(**kwargs)
        self.units, self.heads, self.dropout_rate = units, heads, dropout
        self.attention_norm = keras.layers.LayerNormalization(name="attention_norm")
        self.projection = keras.layers.Dense(3 * units, use_bias=False, name="projection")
        self.output_projection = keras.layers.Dense(units, name="output_projection")
        self.dense_norm = keras.layers.LayerNormalization(name="dense_norm")
        self.inner = keras.layers.Dense(4 * units, activation="gelu", name="inner")
        self.outer = keras.layers.Dense(units, name="outer")
        self.dropout = keras.layers.Dropout(dropout)

    def build(self, input_shape) -> None:
        for layer in (self.attention_norm, self.projection, self.output_projection, self.dense_norm, self.inner):
            layer.build((None, None, self.units))
        self.outer.build((None, None, 4 * self.units))
        super().build(input_shape)

    def _heads(self, x):
        """Projects (batch, time, units) to queries, keys and values, each (batch, time, heads, features)."""
        x = self.projection(self.attention_norm(x))
        x = ops.reshape(x, (-1, ops.shape(x)[1], 3, self.heads, self.units // self.heads))
        return x[:, :, 0], x[:, :, 1], x[:, :, 2]

    def _finish(self, x, attended, training):
        """Adds the attention's output, (batch, time, heads, features), and then that of the feed-forward network."""
        attended = ops.reshape(attended, (-1, ops.shape(attended)[1], self.units))
        x = x + self.dropout(self.output_projection(attended), training=training)
        return x + self.dropout(self.outer(self.inner(self.dense_norm(x))), training=training)

    def call(self, x, positions, allowed, training=False):
        queries, keys, values = self._heads(x)  # (batch, time, heads, features)
        queries, keys = rotate(queries, positions[:, None]), rotate(keys, positions[:, None])
        attended = ops.dot_product_attention(queries, keys, values, mask=allowed)
        return self._finish(x, attended, training)

    def attention_weights(self, x, positions, allowed):
        """Returns the attention weights, (batch, heads, time, time)."""
        queries, keys = (rotate(part, positions[:, None]) for part in self._heads(x)[:2])
        scores = ops.einsum("bqhf,bkhf->bhqk", queries, keys) / (self.units // self.heads) ** 0.5
        return ops.softmax(ops.where(allowed, ops.cast(scores, "float32"), -1e9), axis=-1)

    def step(self, x, position, newest, allowed, cache):
        """Runs one new position; x is (batch, units), the cache two tensors (batch, width, heads, features)."""
        queries, keys, values = self._heads(x[:, None])
        queries, keys = (rotate(part, position[:, None, None]) for part in (queries, keys))
        cache = tuple(
            ops.where(newest[..., None, None], new, old) for new, old in zip((keys, values), cache, strict=True)
        )
        attended = ops.dot_product_attention(queries, *cache, mask=allowed[:, None, None, :])
        return self._finish(x[:, None], attended, training=False)[:, 0], cache

    def advance(self, x, positions, allowed, cache):
        """Runs many new positions, (batch, time); x is (batch, time, units), the cache as in ``step``."""
        queries, keys, values = self._heads(x)
        queries, keys = (rotate(part, positions[..., None]) for part in (queries, keys))
        known = [ops.concatenate(parts, axis=1) for parts in zip(cache, (keys, values), strict=True)]
        attended = ops.dot_product_attention(queries, *known, mask=allowed)
        first = positions[:, 0]
        cache = tuple(ring_buffer.written(old, new, first) for old, new in zip(cache, (keys, values), strict=True))
        return self._finish(x, attended, training=False), cache

    def get_config(self) -> dict:
        return {**super().get_config(), "units": self.units, "heads": self.heads, "dropout": self.dropout_rate}


@keras.saving.register_keras_serializable("musiclib")
class TiedLogits(keras.layers.Layer):
    """Multiplies vectors by the transposed embedding table, in float32 under every precision policy."""

    def build(self, input_shape) -> None:
        self.bias = self.add_weight(shape=(input_shape[1][0],), initializer="zeros", name="bias")
        super().build(input_shape)

    def call(self, inputs):
        vectors, table = inputs  # (..., units) and (vocabulary, units)
        return ops.matmul(vectors, ops.transpose(table)) + self.bias


@keras.saving.register_keras_serializable("musiclib")
class Transformer(AutoregressiveModel):
    """See ``transformer``."""

    def __init__(
        self, vocabulary_size: int, units: int, layers: int, heads: int, context_length: int, dropout: float, **kwargs
    ) -> None:
        super().__init__(vocabulary_size, **kwargs)
        if units % (2 * heads):
            raise ValueError(f"units must be a multiple of twice the heads, got {units} units and {heads} heads")
        if context_length < 1:
            raise ValueError(f"context_length must be at least 1, got {context_length}")
        self.units, self.depth, self.heads = units, layers, heads
        self.context_length, self.dropout_rate = context_length, dropout
        # The input embeddings are scaled by the square root of their size, the tied output is not: both of order 1.
        start = keras.initializers.RandomNormal(stddev=units**-0.5)
        self.embedding = keras.layers.Embedding(vocabulary_size, units, embeddings_initializer=start, name="embedding")
        self.blocks = [TransformerBlock(units, heads, dropout, name=f"block_{i + 1}") for i in range(layers)]
        self.norm = keras.layers.LayerNormalization(name="norm")
        self.dropout = keras.layers.Dropout(dropout)
        self.head = TiedLogits(dtype="float32", name="logits")

    def build(self, input_shape) -> None:
        self.embedding.build(input_shape)
        for layer in (*self.blocks, self.norm):
            layer.build((None, None, self.units))
        self.head.build([(None, None, self.units), (self.vocabulary_size, self.units)])
        super().build(input_shape)

    def _vectors(self, ids):
        return self.embedding(ids) * ops.cast(self.units**0.5, self.compute_dtype)

    def _logits(self, x):
        return self.head([self.norm(x), ops.convert_to_tensor(self.embedding.embeddings)])

    def call(self, ids, training=False):
        positions, allowed = self._reach(ids)
        x = self.dropout(self._vectors(ids), training=training)  # (batch, time, units)
        for block in self.blocks:
            x = block(x, positions, allowed, training=training)
        return self._logits(x)  # (batch, time, vocabulary)

    def _reach(self, ids):
        """Returns the positions (time,) and the attention mask, (batch, 1, time, time)."""
        positions = ops.arange(ops.shape(ids)[1])
        distance = positions[:, None] - positions[None, :]  # positions back
        allowed = ops.logical_and(distance >= 0, distance < self.context_length)
        # Padding is masked, but every position attends to itself, so that no row is empty.
        visible = ops.logical_or((ids != PADDING)[:, None, :], distance[None] == 0)
        return positions, ops.logical_and(allowed[None], visible)[:, None]

    def attention_maps(self, ids) -> list:
        """Returns the attention weights, one (batch, heads, time, time) array per block.

        Args:
            ids: int32, (batch, time).
        """
        positions, allowed = self._reach(ids)
        x, maps = self._vectors(ids), []
        for block in self.blocks:
            maps.append(ops.convert_to_numpy(block.attention_weights(x, positions, allowed)))
            x = block(x, positions, allowed)
        return maps

    def initial_state(self, batch_size: int, condition=None):
        shape = (batch_size, self.context_length, self.heads, self.units // self.heads)
        caches = tuple(ops.zeros(shape, self.compute_dtype) for _ in range(2 * self.depth))
        visible = ops.zeros((batch_size, self.context_length), "bool")
        return (*caches, visible, ops.zeros((batch_size,), "int32"))

    def step(self, ids, state):
        """As in the base class; the cache of keys and values is a ring buffer: the newest replace the oldest."""
        *caches, visible, count = state
        slots = ops.arange(self.context_length)[None, :]
        newest = slots == (count % self.context_length)[:, None]  # (batch, width)
        visible = ops.where(newest, (ids != PADDING)[:, None], visible)
        allowed = ops.logical_or(visible, newest)  # as in ``call``
        x = self._vectors(ids)  # (batch, units)
        for i, block in enumerate(self.blocks):
            x, caches[2 * i : 2 * i + 2] = block.step(x, count, newest, allowed, caches[2 * i : 2 * i + 2])
        return self._logits(x), (*caches, visible, count + 1)

    def advance(self, ids, state):
        """As in the base class; the new positions attend to those in the cache, and to each other."""
        *caches, visible, count = state
        positions = count[:, None] + ops.arange(ids.shape[1])[None]
        known = ops.concatenate([ring_buffer.positions(count, self.context_length), positions], axis=1)
        distance = positions[:, :, None] - known[:, None, :]
        heard = ops.concatenate([visible, ids != PADDING], axis=1)[:, None]
        allowed = ops.logical_and(distance >= 0, distance < self.context_length)
        allowed = ops.logical_and(allowed, ops.logical_or(heard, distance == 0))[:, None]  # as in ``call``
        x = self._vectors(ids)  # (batch, time, units)
        for i, block in enumerate(self.blocks):
            x, caches[2 * i : 2 * i + 2] = block.advance(x, positions, allowed, caches[2 * i : 2 * i + 2])
        visible = ring_buffer.written(visible, ids != PADDING, count)
        return self._logits(x), (*caches, visible, count + ids.shape[1])

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "units": self.units,
            "layers": self.depth,
            "heads": self.heads,
            "context_length": self.context_length,
            "dropout": self.dropout_rate,
        }


def transformer(
    vocabulary_size: int,
    units: int = 512,
    layers: int = 6,
    heads: int = 8,
    context_length: int = 1024,
    dropout: float = 0.2,
) -> Transformer:
    """Builds a decoder-only Transformer.

    Args:
        vocabulary_size: number of token ids.
        units: size of a token's vector and of each block's output.
        layers: number of blocks.
        heads: attention heads of each block; ``units`` is a multiple of twice their number.
        context_length: positions that each block attends to, its own included; pieces may be longer, and the stacked
            blocks together see further back.
        dropout: dropout rate of the embeddings, the attention and the feed-forward networks.

    Returns:
        A model from ids (batch, time) to logits (batch, time, vocabulary).

    Raises:
        ValueError: at sizes that do not fit together.
    """
    model = Transformer(vocabulary_size, units, layers, heads, context_length, dropout, name="transformer")
    model.build((None, None))
    return model


register(
    "transformer",
    transformer,
    TOKENS,
    quick=(
        {"units": 128, "layers": 3, "heads": 4, "context_length": 128, "dropout": 0.1},
        TrainingConfig(window=128, batch_size=8, epochs=8, learning_rate=2e-3),
    ),
    full=({}, TrainingConfig(window=1024, batch_size=16, epochs=60, learning_rate=3e-4)),
)
