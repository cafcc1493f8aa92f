"""Cross-attention: each position of a target looks over all positions of a source.

Where source and target run side by side, both know their place: a target position p stands at
p / pace in the source, and the vectors that are compared are turned by these places (rotary
positions), so that "here" and "a beat ahead" mean the same in the first bar and in the hundredth.

Source: Bahdanau et al., "Neural Machine Translation by Jointly Learning to Align and Translate"
(2015); compared by products as in Luong et al. (2015), by several heads as in Vaswani et al. (2017).
"""

from __future__ import annotations

import keras
from keras import ops

from musiclib.models.rotary import rotate

_BLOCKED = -1e9


@keras.saving.register_keras_serializable("musiclib")
class CrossAttention(keras.layers.Layer):
    """Attention from a target to a source.

    Args:
        units: size of what is returned, a multiple of twice the heads.
        heads: places that a position can look at in the same moment.
        pace: target positions for each of the source; None compares contents alone.
    """

    def __init__(self, units: int, heads: int = 4, pace: int | None = None, **kwargs) -> None:
        super().__init__(**kwargs)
        if heads < 1 or units % (2 * heads):
            raise ValueError(f"units must be a multiple of twice the heads, got {units} units and {heads} heads")
        self.units, self.heads, self.pace = units, heads, pace
        # The bias of the queries lets a head look at a place, whatever is there.
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
        """Turns a source, (batch, source time, features), into keys and values (batch, source time, heads, size)."""
        keys = self._heads(self.keys(source))
        if self.pace is not None:
            keys = rotate(keys, ops.arange(ops.shape(source)[1])[:, None])
        return keys, self._heads(self.values(source))

    def shares(self, target, positions, keys, heard):
        """Returns what each target position looks at, (batch, heads, time, source time); rows sum to 1.

        Args:
            target: (batch, time, features).
            positions: int32, the target's positions, (time,) or (batch, time).
            keys: what ``remember`` returned.
            heard: bool, (batch, source time), false where the source is padding.
        """
        queries = self._heads(self.queries(target))
        if self.pace is not None:
            queries = rotate(queries, (positions // self.pace)[..., None])
        scores = ops.einsum("bqhf,bkhf->bhqk", queries, keys) * (self.units // self.heads) ** -0.5
        scores = ops.where(heard[:, None, None, :], ops.cast(scores, "float32"), _BLOCKED)
        weights = ops.exp(scores - ops.max(scores, axis=-1, keepdims=True))
        return ops.cast(weights / ops.sum(weights, axis=-1, keepdims=True), target.dtype)

    def gather(self, target, positions, memory, heard):
        """Returns what each target position finds in the source, (batch, time, units)."""
        keys, values = memory
        found = ops.einsum("bhqk,bkhf->bqhf", self.shares(target, positions, keys, heard), values)
        return ops.reshape(found, (-1, ops.shape(target)[1], self.units))

    def get_config(self) -> dict:
        return {**super().get_config(), "units": self.units, "heads": self.heads, "pace": self.pace}
