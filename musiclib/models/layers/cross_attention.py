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

from musiclib.models.layers.rotary import rotate

_BLOCKED = -1e9


@keras.saving.register_keras_serializable("musiclib")
class CrossAttention(keras.layers.Layer):
    """Attention from a target to a source.

    Args:
        units: size of what is returned, a multiple of twice the heads.
        heads: places that a position can look at in the same moment.
        pace: target positions for each of the source; None compares contents alone.
        reach: how many source positions before and after its own place a position looks at, given a pace; None
            for all. With a reach, pieces longer than those of the training are looked at as these were.
    """

    def __init__(self, units: int, heads: int = 4, pace: int | None = None, reach: int | None = None, **kwargs) -> None:
        super().__init__(**kwargs)
        if heads < 1 or units % (2 * heads):
            raise ValueError(f"units must be a multiple of twice the heads, got {units} units and {heads} heads")
        if reach is not None and (pace is None or reach < 1):
            raise ValueError(f"a reach must be at least 1 and needs a pace, got reach={reach} and pace={pace}")
        self.units, self.heads, self.pace, self.reach = units, heads, pace, reach
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
        scores = ops.where(self._near(positions, heard), ops.cast(scores, "float32"), _BLOCKED)
        weights = ops.exp(scores - ops.max(scores, axis=-1, keepdims=True))
        return ops.cast(weights / ops.sum(weights, axis=-1, keepdims=True), target.dtype)

    def _near(self, positions, heard):
        """Returns which source positions may be looked at, bool, (batch, 1, time or 1, source time)."""
        if self.reach is None:
            return heard[:, None, None, :]
        distance = (positions // self.pace)[..., None] - ops.arange(ops.shape(heard)[1])
        distance = ops.reshape(distance, (-1, 1, *ops.shape(distance)[-2:]))
        return ops.logical_and(heard[:, None, None, :], ops.abs(distance) <= self.reach)

    def gather(self, target, positions, memory, heard):
        """Returns what each target position finds in the source, (batch, time, units)."""
        keys, values = memory
        found = ops.einsum("bhqk,bkhf->bqhf", self.shares(target, positions, keys, heard), values)
        return ops.reshape(found, (-1, ops.shape(target)[1], self.units))

    def get_config(self) -> dict:
        own = {"units": self.units, "heads": self.heads, "pace": self.pace, "reach": self.reach}
        return {**super().get_config(), **own}
