"""Additive self-attention: the layer of keras-self-attention, and the same formula in ``keras.ops``.

The layer of keras-self-attention needs TensorFlow. The formula here serves the cached step of generation, returns the
attention weights, and is a layer for the other backends.

Source: Zheng et al., "OpenTag" (2018), arXiv:1806.01264, equations 5 to 8.
"""

from __future__ import annotations

import keras
from keras import ops

from musiclib.models.layers import ring_buffer

KINDS = ("keras-self-attention", "additive")
_BLOCKED = -1e9


def self_attention(kind: str, units: int, width: int | None, causal: bool, name: str) -> keras.layers.Layer:
    """Returns a self-attention layer from (batch, time, features) to the same shape.

    Args:
        kind: ``"keras-self-attention"`` for that package's ``SeqSelfAttention``, or
            ``"additive"`` for the same formula on every backend.
        units: size of queries and keys.
        width: positions that each one attends to, itself included; None for all.
        causal: attend only to the position itself and those before it.
        name: name of the layer.

    Raises:
        ValueError: at an unknown kind, or where the package cannot run on this backend.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown attention {kind!r}; there are {', '.join(map(repr, KINDS))}")
    if kind == "additive":
        return AdditiveSelfAttention(units, width, causal, name=name)
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"attention='keras-self-attention' needs TensorFlow, and Keras runs on {keras.backend.backend()};"
            " choose attention='additive', the same formula on every backend"
        )
    from keras_self_attention import SeqSelfAttention

    return SeqSelfAttention(units=units, attention_width=width, history_only=causal, name=name)


@keras.saving.register_keras_serializable("musiclib")
class AdditiveSelfAttention(keras.layers.Layer):
    """The additive form of keras-self-attention's ``SeqSelfAttention``, on every backend."""

    def __init__(self, units: int = 32, attention_width: int | None = None, history_only: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.units, self.attention_width, self.history_only = units, attention_width, history_only

    def build(self, input_shape) -> None:
        features = input_shape[-1]
        self.Wt = self.add_weight(shape=(features, self.units), initializer="glorot_normal", name="Wt")
        self.Wx = self.add_weight(shape=(features, self.units), initializer="glorot_normal", name="Wx")
        self.bh = self.add_weight(shape=(self.units,), initializer="zeros", name="bh")
        self.Wa = self.add_weight(shape=(self.units, 1), initializer="glorot_normal", name="Wa")
        self.ba = self.add_weight(shape=(1,), initializer="zeros", name="ba")

    def call(self, inputs):
        return ops.matmul(attention_weights(self, inputs), inputs)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "units": self.units,
            "attention_width": self.attention_width,
            "history_only": self.history_only,
        }


def _scores(layer, queries, keys):
    """Returns the scores of queries (batch, q, units) and keys (batch, k, units): float32 (batch, q, k)."""
    hidden = ops.tanh(queries[:, :, None, :] + keys[:, None, :, :] + ops.cast(layer.bh, queries.dtype))
    # Not matmul: TensorFlow 2.20 crashes on a batched product of one query with a vector.
    scores = ops.dot(hidden, ops.cast(layer.Wa, hidden.dtype))[..., 0]
    return ops.cast(scores, "float32") + ops.cast(layer.ba, "float32")


def _normalise(scores, dtype):
    """Softmax over the last axis; that of Keras warns where a single position attends to itself."""
    weights = ops.exp(scores - ops.max(scores, axis=-1, keepdims=True))
    return ops.cast(weights / ops.sum(weights, axis=-1, keepdims=True), dtype)


def attention_weights(layer, inputs):
    """Returns the attention weights, (batch, time, time); each row sums to 1.

    Args:
        layer: either kind of self-attention layer.
        inputs: (batch, time, features), the layer's input.
    """
    keys = ops.matmul(inputs, ops.cast(layer.Wx, inputs.dtype))
    queries = ops.matmul(inputs, ops.cast(layer.Wt, inputs.dtype))
    scores = _scores(layer, queries, keys)
    time = ops.shape(inputs)[1]
    distance = ops.arange(time)[:, None] - ops.arange(time)[None, :]  # positions back
    allowed = distance >= 0 if layer.history_only else ops.ones_like(distance, dtype="bool")
    if layer.attention_width is not None:
        behind = layer.attention_width if layer.history_only else layer.attention_width // 2 + 1
        allowed = ops.logical_and(allowed, distance < behind)
        if not layer.history_only:
            allowed = ops.logical_and(allowed, distance > -(layer.attention_width - layer.attention_width // 2))
    return _normalise(ops.where(allowed, scores, _BLOCKED), inputs.dtype)


def empty_cache(batch_size: int, width: int, features: int, dtype: str):
    """Returns the cache of ``attend_to_past``: values (batch, width, features) and a count (batch,)."""
    return ops.zeros((batch_size, width, features), dtype), ops.zeros((batch_size,), "int32")


def attend_to_past(layer, inputs, cache):
    """Attends from one new position to the last ``width`` positions, itself included.

    The cache is a ring buffer: the newest value replaces the oldest. Additive attention has no position encoding, so
    the order in the buffer does not matter.

    Args:
        layer: either kind of causal self-attention layer.
        inputs: (batch, features), the new position.
        cache: from ``empty_cache`` or the previous step.

    Returns:
        (batch, features), and the new cache.
    """
    values, count = cache
    slots = ops.arange(values.shape[1])[None, :]  # (1, width)
    newest = slots == (count % values.shape[1])[:, None]  # (batch, width)
    values = ops.where(newest[..., None], inputs[:, None, :], values)
    keys = ops.matmul(values, ops.cast(layer.Wx, values.dtype))
    queries = ops.matmul(inputs, ops.cast(layer.Wt, inputs.dtype))[:, None, :]
    filled = slots <= count[:, None]
    scores = ops.where(filled, _scores(layer, queries, keys)[:, 0], _BLOCKED)
    weights = _normalise(scores, values.dtype)
    return ops.matmul(weights[:, None, :], values)[:, 0], (values, count + 1)


def attend_from(layer, inputs, cache):
    """Attends from many new positions to the last ``width`` positions before each, itself included.

    Args:
        layer: either kind of causal self-attention layer.
        inputs: (batch, time, features), the new positions.
        cache: from ``empty_cache`` or the previous step.

    Returns:
        (batch, time, features), and the new cache.
    """
    values, count = cache
    width, time = values.shape[1], inputs.shape[1]
    known = ops.concatenate([values, inputs], axis=1)  # (batch, width + time, features)
    keys = ops.matmul(known, ops.cast(layer.Wx, known.dtype))
    queries = ops.matmul(inputs, ops.cast(layer.Wt, inputs.dtype))
    positions = count[:, None] + ops.arange(time)[None]
    places = ops.concatenate([ring_buffer.positions(count, width), positions], axis=1)[:, None]
    distance = positions[:, :, None] - places
    allowed = ops.logical_and(places >= 0, ops.logical_and(distance >= 0, distance < width))
    weights = _normalise(ops.where(allowed, _scores(layer, queries, keys), _BLOCKED), known.dtype)
    return ops.matmul(weights, known), (ring_buffer.written(values, inputs, count), count + time)
