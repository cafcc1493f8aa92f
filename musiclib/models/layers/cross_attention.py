"""Cross-attention: each position of a target attends to the positions of a source.

Where source and target are aligned, target position p belongs to source position p // pace, and queries and keys get
rotary position embeddings of these positions: the scores then depend on the distance, not on the bar.

Source: Bahdanau et al., "Neural Machine Translation by Jointly Learning to Align and Translate"
(2015); dot-product scores as in Luong et al. (2015), several heads as in Vaswani et al. (2017).
"""

from __future__ import annotations

import keras
from keras import ops

from musiclib.models.layers.rotary import rotate

_BLOCKED = -1e9


@keras.saving.register_keras_serializable("musiclib")
class CrossAttention(keras.layers.Layer):
    """Multi-head attention from a target to a source.

    Args:
        units: size of the output, a multiple of twice the heads.
        heads: number of attention heads.
        pace: target positions per source position; None for attention without positions.
        reach: with a pace, how many source positions before and after the aligned one are attended to; None for all.
            A reach lets the layer work on longer pieces than those of training.
    """

    def __init__(self, units: int, heads: int = 4, pace: int | None = None, reach: int | None = None, **kwargs) -> None:
        super().__init__(**kwargs)
        if heads < 1 or units % (2 * heads):
            raise ValueError(f"units must be a multiple of twice the heads, got {units} units and {heads} heads")
        if reach is not None and (pace is None or reach < 1):
            raise ValueError(f"a reach must be at least 1 and needs a pace, got reach={reach} and pace={pace}")
        self.units, self.heads, self.pace, self.reach = units, heads, pace, reach
        # The bias of the queries lets a head attend to a relative position, whatever the content.
        self.queries = keras.layers.Dense(units, name="queries")
        self.keys = keras.layers.Dense(units, name="keys")
        self.values = keras.layers.Dense(units, use_bias=False, name="values")

    def build(self, input_shape) -> None:
        target, source = input_shape
        self.queries.build(target)
        self.keys.build(source)
        self.values.build(source)
        super().build(input_shape)

    def _heads(self, x):
        return ops.reshape(x, (-1, ops.shape(x)[1], self.heads, self.units // self.heads))

    def remember(self, source):
        """Returns keys and values, (batch, source time, heads, size), of a source (batch, source time, features)."""
        keys = self._heads(self.keys(source))
        if self.pace is not None:
            keys = rotate(keys, ops.arange(ops.shape(source)[1])[:, None])
        return keys, self._heads(self.values(source))

    def shares(self, target, positions, keys, mask):
        """Returns the attention weights, (batch, heads, time, source time); rows sum to 1.

        Args:
            target: (batch, time, features).
            positions: int32, the target's positions, (time,) or (batch, time).
            keys: from ``remember``.
            mask: bool, (batch, source time), false where the source is padding.
        """
        queries = self._heads(self.queries(target))
        if self.pace is not None:
            queries = rotate(queries, (positions // self.pace)[..., None])
        scores = ops.einsum("bqhf,bkhf->bhqk", queries, keys) * (self.units // self.heads) ** -0.5
        scores = ops.where(self._allowed(positions, mask), ops.cast(scores, "float32"), _BLOCKED)
        weights = ops.exp(scores - ops.max(scores, axis=-1, keepdims=True))
        return ops.cast(weights / ops.sum(weights, axis=-1, keepdims=True), target.dtype)

    def _allowed(self, positions, mask):
        """Returns which source positions may be attended to, bool, (batch, 1, time or 1, source time)."""
        if self.reach is None:
            return mask[:, None, None, :]
        distance = (positions // self.pace)[..., None] - ops.arange(ops.shape(mask)[1])
        distance = ops.reshape(distance, (-1, 1, *ops.shape(distance)[-2:]))
        return ops.logical_and(mask[:, None, None, :], ops.abs(distance) <= self.reach)

    def gather(self, target, positions, memory, mask):
        """Returns the attention's output for each target position, (batch, time, units)."""
        keys, values = memory
        output = ops.einsum("bhqk,bkhf->bqhf", self.shares(target, positions, keys, mask), values)
        return ops.reshape(output, (-1, ops.shape(target)[1], self.units))

    def get_config(self) -> dict:
        own = {"units": self.units, "heads": self.heads, "pace": self.pace, "reach": self.reach}
        return {**super().get_config(), **own}
