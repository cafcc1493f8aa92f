"""GRU infilling and its presets: a bidirectional GRU reads what is known of a piece, and a GRU decoder writes the gaps.

The condition holds the ids of the piece, with ``<unknown>`` where tokens are to be composed. Its position i belongs to
target i, so that the decoder needs no attention: at each position it gets the encoder's output of that position, and
the token before.

    P(gap | known) = product over the tokens of the gap of P(token | all earlier tokens, condition)

Source: Gaëtan Hadjeres and Frank Nielsen, "Anticipation-RNN" (2018); there the encoder reads backwards alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from musiclib.config import TrainingConfig
from musiclib.dataset.gap_windows import GapWindows
from musiclib.encodings import Encoding
from musiclib.encodings.vocabulary import PADDING
from musiclib.models.autoregressive import AutoregressiveModel, condition_rows, embedding_layer, logits_layer
from musiclib.models.layers.backwards import reverse
from musiclib.models.layers.intervals import around, span
from musiclib.models.registry import Takes, register
from musiclib.score import pitch_number

_PERIOD = 48  # steps: a bar of every common metre goes into it, so that the position tells the metre
_REACH = 13  # semitones; larger leaps are clipped to this
_FAR = 999  # steps: the distance of a pitch that does not exist
_DISTANCES = np.array([0, 1, 2, 3, 5, 8, 12, 16, 24, 32, 48, 64])  # steps: bin edges
_GRID = 2  # steps: gaps in training begin on an eighth


@keras.saving.register_keras_serializable("musiclib")
class GRUInfill(AutoregressiveModel):
    """See ``gru_infill``; ``call`` takes a condition and ids, and position i of both belongs to target i.

    Positions are counted from the first id, so windows must begin at multiples of 48 steps.
    """

    conditional = True
    infills = True

    def __init__(self, vocabulary_size, pitches, units, reading, embedding_size, dropout, **kwargs) -> None:
        super().__init__(vocabulary_size, **kwargs)
        self.pitches = [None if pitch is None else int(pitch) for pitch in pitches]
        sounding = [pitch for pitch in self.pitches if pitch is not None]
        if len(self.pitches) != vocabulary_size or not sounding:
            raise ValueError(
                f"gru_infill needs tokens for all {vocabulary_size} ids, pitches such as C4 among them, got"
                f" {len(self.pitches)} with {len(sounding)} pitches; give it those of a Chorale(True, 'S') vocabulary"
            )
        low, self.count = min(sounding), max(sounding) - min(sounding) + 1
        self._places = np.array([-1 if pitch is None else pitch - low for pitch in self.pitches], "int32")
        self._columns = (np.arange(self.count)[:, None] == self._places).astype("float32")
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
        self.relative = keras.layers.Dense(2 * span(self.count), dtype="float32", name="relative")

    def call(self, inputs, training=False):
        condition, ids = inputs
        time = ops.shape(ids)[1]
        read, ahead, distance = (part[:, :time] for part in self._read(condition, training))
        rest = ((0, 0), (0, time - ops.shape(read)[1]))  # nothing is known after the condition
        read = ops.pad(read, (*rest, (0, 0)))
        ahead, distance = ops.pad(ahead, rest, constant_values=-1), ops.pad(distance, rest, constant_values=_FAR)
        now, _ = _last(ops.take(ops.convert_to_tensor(self._places), ids, axis=0))
        before = ops.pad(now[:, :-1], ((0, 0), (1, 0)), constant_values=-1)
        seen = self._seen(now, before, ahead, distance, read)
        x = self.dropout(ops.concatenate([self.embedding(ids), seen], axis=-1), training=training)
        hidden = self.dropout(self.decoder(x, training=training), training=training)
        return self._predict(hidden, seen, now, ahead, training)

    def _read(self, condition, training=False):
        """Reads a condition, ids (batch, time), in both directions.

        Returns:
            At each position the outputs of both, (batch, time, 2 * reading); the place of the next known pitch at or
            after it, -1 for none; and how many steps ahead that is.
        """
        condition = ops.cast(condition, "int32")
        length = ops.sum(ops.cast(condition != PADDING, "int32"), axis=1)
        positions = ops.arange(ops.shape(condition)[1])[None]
        known = ops.take(ops.convert_to_tensor(self._places), condition, axis=0)
        before, _ = _last(ops.pad(known[:, :-1], ((0, 0), (1, 0)), constant_values=-1))
        ahead, distance = (ops.flip(part, axis=1) for part in _last(ops.flip(known, axis=1)))
        place = ops.broadcast_to(self.place(positions % _PERIOD), (*ops.shape(condition), self.embedding_size // 2))
        x = ops.concatenate([self.embedding(condition), place, _leap(known, before)], axis=-1)
        x = self.dropout(x, training=training)
        # Padding stays at the end in both directions, where it changes nothing before it.
        back = reverse(self.backward(reverse(x, length), training=training), length)
        x = ops.concatenate([self.forward(x, training=training), back], axis=-1)
        x = x * ops.cast(positions < length[:, None], x.dtype)[..., None]
        return self.dropout(x, training=training), ahead, distance

    def _seen(self, now, before, ahead, distance, read):
        """Returns what is known at each position: what was read, the last interval, that to the next known pitch."""
        bins = ops.sum(ops.cast(distance[..., None] > _DISTANCES, "int32"), -1)
        steps = ops.one_hot(bins, len(_DISTANCES) + 1, dtype="float32")
        return ops.concatenate([read, _leap(now, before), _leap(ahead, now), steps], axis=-1)

    def _predict(self, hidden, seen, now, ahead, training=False):
        z = self.dropout(self.dense(ops.concatenate([hidden, seen], axis=-1)), training=training)
        centres = ops.stack([now, ahead], axis=-1)
        scores = ops.reshape(self.relative(z), (*ops.shape(centres), span(self.count)))
        there = ops.cast(centres >= 0, "float32")[..., None]
        scores = ops.sum(there * around(scores, ops.maximum(centres, 0), self.count), axis=-2)
        return self.head(z) + ops.matmul(scores, self._columns)

    def batches(self, data, settings, seed, epoch):
        self._check_pieces(data)
        return GapWindows(data, settings.window, settings.batch_size, 1, _GRID, seed, epoch, settings.align)

    def initial_state(self, batch_size: int, condition=None):
        condition = condition_rows(condition, batch_size, "a piece with a gap")
        read, ahead, distance = self._read(condition)
        one = ((0, 0), (0, 1))  # nothing is known after the condition
        known = (
            ops.pad(read, (*one, (0, 0))),
            ops.pad(ahead, one, constant_values=-1),
            ops.pad(distance, one, constant_values=_FAR),
        )
        hidden = ops.zeros((batch_size, self.units), self.compute_dtype)
        return ops.zeros((batch_size,), "int32"), ops.full((batch_size,), -1, dtype="int32"), hidden, *known

    def step(self, ids, state):
        count, before, hidden, *known = state
        read, ahead, distance = known
        place = ops.minimum(count, read.shape[1] - 1)[:, None]
        here = ops.take_along_axis(read, place[..., None], axis=1)[:, 0]
        ahead, distance = (ops.take_along_axis(part, place, axis=1)[:, 0] for part in (ahead, distance))
        now = ops.take(ops.convert_to_tensor(self._places), ids, axis=0)
        now = ops.where(now >= 0, now, before)
        seen = self._seen(now, before, ahead, distance, here)
        x, (hidden,) = self.decoder.cell(ops.concatenate([self.embedding(ids), seen], axis=-1), [hidden])
        return self._predict(x, seen, now, ahead), (count + 1, now, hidden, *known)

    def advance(self, ids, state):
        count, before, hidden, *known = state
        time, room = ids.shape[1], known[0].shape[1]
        place = ops.minimum(count[:, None] + ops.arange(time)[None], room - 1)
        read = ops.take_along_axis(known[0], place[..., None], axis=1)
        ahead, distance = (ops.take_along_axis(part, place, axis=1) for part in known[1:])
        now = ops.take(ops.convert_to_tensor(self._places), ids, axis=0)
        now, _ = _last(ops.concatenate([before[:, None], now], axis=1))  # (batch, 1 + time)
        seen = self._seen(now[:, 1:], now[:, :-1], ahead, distance, read)
        x = self.decoder(ops.concatenate([self.embedding(ids), seen], axis=-1), initial_state=hidden)
        return self._predict(x, seen, now[:, 1:], ahead), (count + time, now[:, -1], x[:, -1], *known)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "pitches": self.pitches,
            "units": self.units,
            "reading": self.reading,
            "embedding_size": self.embedding_size,
            "dropout": self.dropout_rate,
        }


def _last(places):
    """Returns the last place at or before each position, -1 for none, and how many steps ago it was; (batch, time)."""
    positions = ops.arange(places.shape[1])[None]
    found = ops.associative_scan(ops.maximum, ops.where(places >= 0, positions, -1), axis=1)
    found = ops.reshape(found, ops.shape(places))  # the scan forgets its shape on TensorFlow
    last = ops.take_along_axis(places, ops.maximum(found, 0), axis=1)
    return ops.where(found >= 0, last, -1), ops.where(found >= 0, positions - found, _FAR)


def _leap(place, other):
    """Returns one-hot intervals from the other place, (..., 2 * _REACH + 1); all zero where one of them is -1."""
    there = ops.logical_and(place >= 0, other >= 0)
    interval = ops.where(there, ops.clip(place - other, -_REACH, _REACH) + _REACH, -1)
    return ops.one_hot(interval, 2 * _REACH + 1, dtype="float32")


def _pitch(token: str) -> int | None:
    try:
        return pitch_number(token)
    except ValueError:
        return None


def gru_infill(
    vocabulary_size: int,
    tokens: Sequence[str] | None = None,
    units: int = 160,
    reading: int = 80,
    embedding_size: int = 32,
    dropout: float = 0.1,
) -> GRUInfill:
    """Builds a bidirectional GRU encoder of what is known, and a GRU decoder of the gaps.

    Args:
        vocabulary_size: number of token ids; of an encoding with one token a step, such as ``Chorale(True, "S")``.
        tokens: the tokens of the vocabulary; ``training.train`` gives them.
        units: size of the decoder.
        reading: size of the encoder in each direction.
        embedding_size: size of a token's vector.
        dropout: dropout rate of each layer's outputs.

    Returns:
        A model from a condition and ids, each (batch, time), to logits (batch, time, vocabulary).

    Raises:
        ValueError: where there is no pitch among the tokens.
    """
    pitches = [_pitch(token) for token in tokens or ()]
    model = GRUInfill(vocabulary_size, pitches, units, reading, embedding_size, dropout, name="gru_infill")
    model.build([(None, None), (None, None)])
    return model


def _of_one_voice(encoding: Encoding) -> bool:
    return encoding.name == "Chorale" and len(encoding.voices) == 1


register(
    "gru_infill",
    gru_infill,
    Takes("Chorale of one voice, such as Chorale(holds=True, voices='S')", _of_one_voice),
    quick=(
        {"units": 64, "reading": 48, "embedding_size": 24},
        TrainingConfig(window=288, batch_size=16, epochs=4, learning_rate=5e-3, average=0.95, align=48),
    ),
    full=({}, TrainingConfig(window=288, batch_size=16, epochs=40, learning_rate=3e-3, average=0.997, align=48)),
)
