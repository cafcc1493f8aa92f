"""Chorale infilling: a chorale GRU that also sees the known notes of the whole piece, also those still to come.

Its condition holds the ids of the piece, with ``<unknown>`` where notes are to be composed. A second GRU reads what is
known from the end backwards. Each voice's head also gets the next known note of its voice, and the notes of this step
that are known in the voices after it; both are further centres of its scores of intervals. All that is new is added to
what a ``ChoraleGRU`` computes, and begins at zero.

    P(gap | known) = product over the cells of the gap of P(cell | all earlier cells, condition)

Source: Gaëtan Hadjeres and Frank Nielsen, "Anticipation-RNN" (2018), for the constraints read backwards.
"""

from __future__ import annotations

import keras
from keras import ops

from musiclib.dataset.gap_windows import GapWindows
from musiclib.encodings.vocabulary import PADDING, UNKNOWN
from musiclib.models.autoregressive import condition_rows
from musiclib.models.chorale_gru.features import VOICE_COUNT, Keys, describe
from musiclib.models.chorale_gru.future import described, futures, sounding
from musiclib.models.chorale_gru.network import ChoraleGRU
from musiclib.models.layers.backwards import reverse

_GRID = 4  # steps: gaps in training begin on a quarter


@keras.saving.register_keras_serializable("musiclib")
class ChoraleInfill(ChoraleGRU):
    """See ``chorale_infill``; ``call`` takes a condition and ids, and position i of both belongs to target i."""

    conditional = True
    infills = True

    def __init__(self, *options, reading, **kwargs) -> None:
        super().__init__(*options, **kwargs)
        self.reading = reading

        def dense(size, name, **more):
            return keras.layers.Dense(size, name=name, **more)

        def added(size, name):
            return dense(size, name, use_bias=False, kernel_initializer="zeros")

        self.future_keys = Keys(self.key_count, name="future_keys")
        self.future_features = dense(reading, "future_features", activation="relu")
        self.future_gru = keras.layers.GRU(reading, return_sequences=True, name="future_gru")
        self.future_dropout = keras.layers.Dropout(self.dropout / 2, name="future_dropout")
        self.ahead = dense(reading, "ahead", activation="relu")
        self.summary_of_future = added(self.units, "summary_of_future")
        self.plan_of_future = added(VOICE_COUNT * self.head_units, "plan_of_future")
        self.later = [added(self.head_units, f"later_{voice}") for voice in range(VOICE_COUNT - 1)]
        self.further = [added((VOICE_COUNT - voice) * self._span, f"further_{voice}") for voice in range(VOICE_COUNT)]

    def call(self, inputs, training=False):
        condition, ids = inputs
        ahead = self._read(condition, training)
        steps, read = -(-ops.shape(ids)[1] // VOICE_COUNT), ops.shape(ahead[0])[1]
        if steps > read:
            nothing = self._read(ops.full((ops.shape(ids)[0], VOICE_COUNT), PADDING, "int32"), training=False)
            ahead = [ops.concatenate([part, ops.repeat(more, steps - read, axis=1)], axis=1)
                     for part, more in zip(ahead, nothing, strict=True)]  # fmt: skip
        state = self._empty_state(ops.shape(ids)[0], memory=0)
        return self._predict(ids, state, tuple(part[:, :steps] for part in ahead), training)[0]

    def _read(self, condition, training=False):
        """Reads a condition, ids (batch, time), from its end.

        Returns:
            For each step the output of the GRU, (batch, steps, reading), and the three parts of its future.
        """
        shape = ops.shape(condition)
        steps = -(-shape[1] // VOICE_COUNT)
        condition = ops.pad(ops.cast(condition, "int32"), ((0, 0), (0, VOICE_COUNT * steps - shape[1])))
        condition = ops.reshape(condition, (shape[0], steps, VOICE_COUNT))
        length = ops.sum(ops.cast(condition[..., 0] != PADDING, "int32"), axis=1)
        future, history = futures(self.alphabet, condition)
        sound = self.alphabet.pitch_classes(history[0])
        degrees = self.future_keys(history[4], sound[..., 1, :], sound[..., 0, :])
        position = ops.broadcast_to(ops.arange(steps)[None], (shape[0], steps))
        known = ops.cast(ops.logical_and(condition != UNKNOWN, condition != PADDING), "float32")
        features = ops.concatenate([describe(self.alphabet, history, position, degrees), known], axis=-1)
        features = self.future_features(self.features_dropout(features, training=training))
        # Padding stays at the end: it is not read before the piece.
        read = reverse(self.future_gru(reverse(features, length), training=training), length)
        there = ops.cast(ops.arange(steps)[None] < length[:, None], read.dtype)
        return self.future_dropout(read * there[..., None], training=training), *future

    def _summarize(self, history, position, ahead, training=False):
        degrees, summary = super()._summarize(history, position, ahead, training)
        return degrees, summary + self.summary_of_future(ahead[0])

    def _plan(self, hidden, summary, past, present, ahead, training=False):
        seen = self.ahead(ops.concatenate([ahead[0], described(self.alphabet, ahead[1:], *present)], axis=-1))
        return super()._plan(hidden, summary, past, present, ahead, training) + self.plan_of_future(seen)

    def _hear(self, voice, places, degrees, ahead):
        if voice == VOICE_COUNT - 1:
            return 0.0
        ids, notes, distance = ahead[1:]
        known = self._now(ahead)
        classes = ops.matmul(self.alphabet.pitch_classes(ids), degrees)
        parts = []
        for other in range(voice + 1, VOICE_COUNT):
            interval = self._interval(notes[..., other], places[..., other], places[..., voice])
            parts += [known[..., other, None] * part for part in (classes[..., other, :], *interval)]
            parts.append(ops.cast(distance[..., other, None] == 0, "float32"))
        return self.later[voice](ops.concatenate(parts, axis=-1))

    def _lean(self, voice, z, ahead):
        notes = ahead[2]
        weights = ops.concatenate(
            [sounding(self.alphabet, ahead[1:])[..., voice, None], self._now(ahead)[..., voice + 1 :]], axis=-1
        )
        shape = ops.shape(notes)
        scores = ops.reshape(self.further[voice](z), (shape[0], shape[1], VOICE_COUNT - voice, self._span))
        return ops.sum(weights[..., None] * self._around(scores, notes[..., voice:]), axis=2)

    def _now(self, ahead):
        """Tells which notes of this very step are known, float32 (batch, time, 4)."""
        return sounding(self.alphabet, ahead[1:]) * ops.cast(ahead[3] == 0, "float32")

    def batches(self, data, settings, seed, epoch):
        self._check_pieces(data)
        return GapWindows(data, settings.window, settings.batch_size, VOICE_COUNT, _GRID, seed, epoch, settings.align)

    def initial_state(self, batch_size: int, condition=None):
        condition = condition_rows(condition, batch_size, "a piece with a gap")
        # One step more, of nothing, is what is known after the end.
        condition = ops.pad(condition, ((0, 0), (0, VOICE_COUNT + -condition.shape[1] % VOICE_COUNT)))
        return *super().initial_state(batch_size), *self._read(condition)

    def step(self, ids, state):
        read = state[-4:]
        number = ops.minimum(state[0] // VOICE_COUNT, read[0].shape[1] - 1)
        ahead = tuple(ops.take_along_axis(part, number[:, None, None], axis=1) for part in read)
        logits, state = self._advance(ids, state[:-4], ahead)
        return logits, (*state, *read)

    def advance(self, ids, state):
        state, read = state[:-4], state[-4:]
        place = state[0][:, None] // VOICE_COUNT + ops.arange(-(-ids.shape[1] // VOICE_COUNT))[None]
        place = ops.minimum(place, read[0].shape[1] - 1)[..., None]
        ahead = tuple(ops.take_along_axis(part, place, axis=1) for part in read)
        logits, state = self._predict(ids, state, ahead)
        return logits, (*state, *read)

    def get_config(self) -> dict:
        return {**super().get_config(), "reading": self.reading}
