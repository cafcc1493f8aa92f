"""GRU infilling and its presets: a bidirectional GRU reads what is known of a piece, and a GRU decoder writes the gaps.

The condition holds the ids of the piece, with ``<unknown>`` where tokens are to be composed. Its position i belongs to
target i, so that the decoder needs no attention: at each position it gets the encoder's output of that position, and
the token before.

    P(gap | known) = product over the tokens of the gap of P(token | all earlier tokens, condition)

Source: Gaëtan Hadjeres and Frank Nielsen, "Anticipation-RNN" (2018); there the encoder reads backwards alone.
"""

from __future__ import annotations

import keras
from keras import ops

from musiclib.config import TrainingConfig
from musiclib.dataset.gap_windows import GapWindows
from musiclib.encodings.vocabulary import PADDING
from musiclib.models.autoregressive import AutoregressiveModel, embedding_layer, logits_layer
from musiclib.models.layers.backwards import reverse
from musiclib.models.registry import register

_PERIOD = 48  # steps: a bar of every common metre goes into it, so that the position tells the metre
_GRID = 2  # steps: gaps in training begin on an eighth


@keras.saving.register_keras_serializable("musiclib")
class GRUInfill(AutoregressiveModel):
    """See ``gru_infill``; ``call`` takes a condition and ids, and position i of both belongs to target i.

    Positions are counted from the first id, so windows must begin at multiples of 48 steps.
    """

    conditional = True
    infills = True

    def __init__(self, vocabulary_size, units, reading, embedding_size, dropout, **kwargs) -> None:
        super().__init__(vocabulary_size, **kwargs)
        self.units, self.reading, self.embedding_size, self.dropout_rate = units, reading, embedding_size, dropout
        self.embedding = embedding_layer(vocabulary_size, embedding_size)
        self.place = keras.layers.Embedding(_PERIOD, embedding_size // 2, name="place")
        # Not keras.layers.Bidirectional: loading one sometimes swaps its two layers.
        self.forward, self.backward, self.decoder = (
            keras.layers.GRU(size, return_sequences=True, name=name)
            for name, size in (("forward", reading), ("backward", reading), ("decoder", units))
        )
        self.dense = keras.layers.Dense(units, activation="relu", name="dense")
        self.dropout = keras.layers.Dropout(dropout)
        self.head = logits_layer(vocabulary_size)

    def build(self, input_shape) -> None:
        if not self.weights:
            example = ops.ones((1, 2), "int32")
            self.call((example, example))  # builds the layers
        super().build(input_shape)

    def call(self, inputs, training=False):
        condition, ids = inputs
        time = ops.shape(ids)[1]
        read = self._read(condition, training)[:, :time]
        read = ops.pad(read, ((0, 0), (0, time - ops.shape(read)[1]), (0, 0)))  # nothing is known after the condition
        before = self.dropout(self.embedding(ids), training=training)
        hidden = self.decoder(ops.concatenate([before, read], axis=-1), training=training)
        return self._predict(self.dropout(hidden, training=training), read, training)

    def _read(self, condition, training=False):
        """Reads a condition, ids (batch, time), in both directions; returns (batch, time, 2 * reading)."""
        condition = ops.cast(condition, "int32")
        length = ops.sum(ops.cast(condition != PADDING, "int32"), axis=1)
        positions = ops.arange(ops.shape(condition)[1])[None]
        place = ops.broadcast_to(self.place(positions % _PERIOD), (*ops.shape(condition), self.embedding_size // 2))
        x = self.dropout(ops.concatenate([self.embedding(condition), place], axis=-1), training=training)
        # Padding stays at the end in both directions, where it changes nothing before it.
        back = reverse(self.backward(reverse(x, length), training=training), length)
        x = ops.concatenate([self.forward(x, training=training), back], axis=-1)
        x = x * ops.cast(positions < length[:, None], x.dtype)[..., None]
        return self.dropout(x, training=training)

    def _predict(self, hidden, read, training=False):
        return self.head(self.dropout(self.dense(ops.concatenate([hidden, read], axis=-1)), training=training))

    def batches(self, data, settings, seed, epoch):
        self._check_pieces(data)
        return GapWindows(data, settings.window, settings.batch_size, 1, _GRID, seed, epoch, settings.align)

    def initial_state(self, batch_size: int, condition=None):
        """Reads the condition, and returns the state before the first token.

        Args:
            batch_size: number of pieces to generate.
            condition: int32 ids, (time,) for all pieces or (batch, time).

        Raises:
            ValueError: without a condition.
        """
        if condition is None:
            raise ValueError("this network fills in: give initial_state a condition, the ids of what is known")
        condition = ops.convert_to_tensor(condition, "int32")
        if len(condition.shape) == 1:
            condition = ops.repeat(condition[None], batch_size, axis=0)
        read = ops.pad(self._read(condition), ((0, 0), (0, 1), (0, 0)))  # nothing is known after the condition
        return ops.zeros((batch_size,), "int32"), ops.zeros((batch_size, self.units), self.compute_dtype), read

    def step(self, ids, state):
        count, hidden, read = state
        place = ops.minimum(count, read.shape[1] - 1)[:, None, None]
        here = ops.take_along_axis(read, place, axis=1)[:, 0]
        x, (hidden,) = self.decoder.cell(ops.concatenate([self.embedding(ids), here], axis=-1), [hidden])
        return self._predict(x, here), (count + 1, hidden, read)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "units": self.units,
            "reading": self.reading,
            "embedding_size": self.embedding_size,
            "dropout": self.dropout_rate,
        }


def gru_infill(
    vocabulary_size: int, units: int = 192, reading: int = 112, embedding_size: int = 48, dropout: float = 0.2
) -> GRUInfill:
    """Builds a bidirectional GRU encoder of what is known, and a GRU decoder of the gaps.

    Args:
        vocabulary_size: number of token ids; of an encoding with one token a step, such as ``Chorale(True, "S")``.
        units: size of the decoder.
        reading: size of the encoder in each direction.
        embedding_size: size of a token's vector.
        dropout: dropout rate of each layer's outputs.

    Returns:
        A model from a condition and ids, each (batch, time), to logits (batch, time, vocabulary).
    """
    model = GRUInfill(vocabulary_size, units, reading, embedding_size, dropout, name="gru_infill")
    model.build([(None, None), (None, None)])
    return model


register(
    "gru_infill",
    gru_infill,
    quick=(
        {"units": 64, "reading": 48, "embedding_size": 24, "dropout": 0.1},
        TrainingConfig(window=288, batch_size=16, epochs=4, learning_rate=5e-3, average=0.95, align=48),
    ),
    full=({}, TrainingConfig(window=288, batch_size=32, epochs=40, learning_rate=3e-3, average=0.998, align=48)),
)
