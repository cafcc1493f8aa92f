"""Chorale GRU: one recurrent step for all four voices, whose notes are then predicted one after the other.

A GRU runs over the steps of a ``Chorale(holds=False)`` encoding (four tokens each) and attends to similar past steps.
A small head per voice then sums the scores of each pitch: of the pitch itself, of its intervals to the voice's last
note and to the other voices' new notes, and of its degree in the inferred keys. Transposition does not change
intervals and degrees, so the network learns them once for all keys.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from musiclib.encodings.vocabulary import END, START
from musiclib.models.autoregressive import AutoregressiveModel
from musiclib.models.chorale_gru.features import (
    METRE,
    VOICE_COUNT,
    Alphabet,
    Keys,
    describe,
    empty_history,
    histories,
    leap,
    updated_history,
)
from musiclib.models.layers.intervals import around, span

_NEVER = -1e9
_PAIRS = ((0, 1), (0, 2), (1, 2))  # pairs of the voices that come before the last one


@keras.saving.register_keras_serializable("musiclib")
class ChoraleGRU(AutoregressiveModel):
    """A GRU over steps of four voices; see ``chorale_gru`` for the arguments.

    The first id is ``<start>`` or the last voice of a step, so that the next id is a soprano note.
    The metre is counted from the first id, so windows must begin at multiples of 16 steps.
    """

    def __init__(self, vocabulary_size, pitches, units, head, heads, keys, memory, dropout, **kwargs) -> None:
        super().__init__(vocabulary_size, **kwargs)
        if len(pitches) != vocabulary_size:
            raise ValueError(
                f"pitches must have one entry for each of the {vocabulary_size} ids, got {len(pitches)}; give the"
                " tokens of a Chorale vocabulary instead, as training.train does"
            )
        if units % heads:
            raise ValueError(f"units must be a multiple of heads, got {units} and {heads}")
        self.pitches = [None if pitch is None else int(pitch) for pitch in pitches]
        self.units, self.head_units, self.heads, self.key_count = units, head, heads, keys
        self.memory, self.dropout = memory, dropout
        self.alphabet = Alphabet(self.pitches)
        count = self.alphabet.count
        # The score that is each id's logit: of a pitch, of silence or of the end, which is allowed only before a step.
        self._columns = np.zeros((count + 2, vocabulary_size), "float32")
        for i, pitch in enumerate(self.pitches):
            if pitch is not None:
                self._columns[self.alphabet.index[i] if pitch >= 0 else count, i] = 1
        self._barred = np.where(self._columns.any(axis=0), 0, _NEVER).astype("float32")[None].repeat(VOICE_COUNT, 0)
        self._columns[count + 1, END], self._barred[0, END] = 1, 0
        self._octaves = ((np.arange(count) + self.alphabet.low) % 12 == np.arange(12)[:, None]).astype("float32")
        self._span = span(count)

        def dense(size, name, **options):
            return keras.layers.Dense(size, name=name, **options)

        def drop(rate, name):
            return keras.layers.Dropout(rate, name=name)

        self.keys = Keys(keys, name="keys")
        self.features_dropout = drop(dropout / 2, "features_dropout")
        self.summary = dense(units, "summary", activation="relu")
        self.summary_dropout = drop(dropout / 2, "summary_dropout")
        self.gru = keras.layers.GRU(units, return_sequences=True, name="gru")
        self.gru_dropout = drop(dropout, "gru_dropout")
        self.query, self.key, self.value = (dense(units // 2, name) for name in ("query", "key", "value"))
        self.past_dropout = drop(dropout / 2, "past_dropout")
        self.plan = dense(VOICE_COUNT * head, "plan")
        self.told = [dense(head, f"told_{voice}", use_bias=False) for voice in range(1, VOICE_COUNT)]
        self.head_dropout = drop(dropout, "head_dropout")
        self.absolute = [dense(count + 2, f"absolute_{voice}") for voice in range(VOICE_COUNT)]
        self.relative = [dense((1 + voice) * self._span, f"relative_{voice}") for voice in range(VOICE_COUNT)]
        self.degree = [dense(keys * 12, f"degree_{voice}") for voice in range(VOICE_COUNT)]

    def build(self, input_shape) -> None:
        self.metre_bias = self.add_weight(shape=(METRE, self.heads), initializer="zeros", name="metre_bias")
        self.distance_bias = self.add_weight(shape=(1, self.heads), initializer="zeros", name="distance_bias")
        self._build_layers(2 * VOICE_COUNT)

    def call(self, ids, training=False):
        return self._predict(ids, self._empty_state(ops.shape(ids)[0], memory=0), None, training)[0]

    def advance(self, ids, state):
        """As in the base class; the first id is ``<start>`` or the last voice of a step."""
        return self._predict(ids, state, None)

    def _predict(self, ids, state, ahead, training=False):
        """Returns the logits of each next id, and the new state.

        ``ahead`` is what a subclass knows of each step, None for nothing.
        """
        count, given, *history, state_before, old_keys, old_values, _, _ = state
        shape = ops.shape(ids)
        steps = -(-shape[1] // VOICE_COUNT)
        ids = ops.pad(ops.cast(ids, "int32"), ((0, 0), (0, VOICE_COUNT * steps - shape[1])))
        ids = ops.reshape(ids, (shape[0], steps, VOICE_COUNT))  # last step's tenor, soprano, bass, alto
        first = given[:, None, :-1]
        before = ops.concatenate([ops.concatenate([first, ids[:, :-1, 1:]], axis=1), ids[:, :, :1]], axis=-1)
        history = histories(self.alphabet, before, history)
        number = count[:, None] // VOICE_COUNT + ops.arange(steps)[None]
        degrees, summary = self._summarize(history, number, ahead, training)
        states = self.gru(summary, initial_state=state_before, training=training)
        hidden = self.gru_dropout(states, training=training)
        # The key of a past step is the hidden state before it.
        keys = self.key(ops.concatenate([state_before[:, None], hidden[:, :-1]], axis=1))
        keys, values = (
            ops.concatenate(parts, axis=1) for parts in ((old_keys, keys), (old_values, self.value(summary)))
        )
        gap = ops.arange(steps)[:, None] - ops.arange(-old_keys.shape[1], steps)[None]
        known = ops.logical_and(gap >= 0, gap <= number[:, None, :, None])
        past = self._attend(self.query(hidden), keys, values, gap, known)
        plan = self._plan(hidden, summary, past, (history[1], degrees), ahead, training)
        logits = self._voices(plan, history[1], degrees, ids[..., 1:], ahead, training)
        logits = ops.reshape(logits, (shape[0], VOICE_COUNT * steps, self.vocabulary_size))[:, : shape[1]]
        kept = (*history, states, plan, degrees)
        *history, hidden, plan, degrees = (part[:, -1] for part in kept)
        keys, values = keys[:, steps:], values[:, steps:]
        given = ops.concatenate([ids[:, -1, 1:], ids[:, -1, :1]], axis=-1)
        return logits, (count + shape[1], given, *history, hidden, keys, values, plan, degrees)

    def _summarize(self, history, position, ahead, training=False):
        """Returns the degrees of pitch classes (batch, time, 12, n) and the GRU's input (batch, time, units)."""
        sound = self.alphabet.pitch_classes(history[0])
        degrees = self.keys(history[4], sound[..., 1, :], sound[..., 0, :])
        position = ops.broadcast_to(position, ops.shape(history[0])[:2])
        features = self.features_dropout(describe(self.alphabet, history, position, degrees), training=training)
        return degrees, self.summary_dropout(self.summary(features), training=training)

    def _attend(self, queries, keys, values, gap, known):
        """Attends from (batch, t, n) to (batch, s, n); ``gap`` is t - s in steps, ``known`` masks what may be seen."""
        size = queries.shape[-1] // self.heads

        def split(x):
            return ops.transpose(ops.reshape(x, (ops.shape(x)[0], ops.shape(x)[1], self.heads, size)), (0, 2, 1, 3))

        scores = ops.matmul(split(queries), ops.swapaxes(split(keys), 2, 3)) / size**0.5  # (batch, heads, t, s)
        distance = ops.log1p(ops.cast(ops.maximum(gap, 0), self.compute_dtype))
        bias = ops.matmul(ops.one_hot(gap % METRE, METRE, dtype=self.compute_dtype), self.metre_bias)
        bias = ops.transpose(bias + distance[..., None] * self.distance_bias, (2, 0, 1))
        known = ops.logical_and(known, gap < self.memory)
        scores = ops.where(known, ops.cast(scores + bias, "float32"), _NEVER)
        # One more position, of score and value zero, so that a step can attend to nothing.
        weights = ops.softmax(ops.pad(scores, ((0, 0), (0, 0), (0, 0), (0, 1))))[..., :-1]
        mixed = ops.transpose(ops.matmul(ops.cast(weights, values.dtype), split(values)), (0, 2, 1, 3))
        return ops.reshape(mixed, ops.shape(queries))

    def _plan(self, hidden, summary, past, present, ahead, training=False):
        """Returns the input of the voices' heads, (batch, time, VOICE_COUNT * head).

        ``present``, the places of the last notes and the degrees, is what a subclass sees ``ahead`` from.
        """
        return self.plan(ops.concatenate([hidden, summary, self.past_dropout(past, training=training)], axis=-1))

    def _voices(self, plan, places, degrees, given, ahead, training=False):
        """Returns the logits of each voice, (batch, time, 4, vocabulary), conditioned on those ``given`` before it."""
        alphabet = self.alphabet
        new = alphabet.places(given, places[..., :-1])
        classes = ops.matmul(alphabet.pitch_classes(given), degrees)
        logits = []
        for voice in range(VOICE_COUNT):
            z = plan[..., voice * self.head_units : (voice + 1) * self.head_units]
            before = places[..., voice]
            if voice:
                parts = [classes[..., other, :] for other in range(voice)]
                for other in range(voice):
                    parts += self._interval(new[..., other], places[..., other], before)
                for upper, lower in _PAIRS[: (0, 0, 1, 3)[voice]]:
                    parts.append(ops.one_hot((new[..., upper] - new[..., lower]) % 12, 12, dtype="float32"))
                z = z + self.told[voice - 1](ops.concatenate(parts, axis=-1))
            z = z + self._hear(voice, places, degrees, ahead)
            z = self.head_dropout(ops.relu(z), training=training)
            absolute = self.absolute[voice](z)
            shape = ops.shape(before)
            relative = ops.reshape(self.relative[voice](z), (shape[0], shape[1], 1 + voice, self._span))
            centres = ops.stack([before, *(new[..., other] for other in range(voice))], axis=-1)
            scores = absolute[..., : alphabet.count] + ops.sum(self._around(relative, centres), axis=2)
            scores = scores + self._lean(voice, z, ahead)
            degree = ops.matmul(degrees, ops.cast(self.degree[voice](z), "float32")[..., None])[..., 0]
            scores = ops.concatenate([scores + ops.matmul(degree, self._octaves), absolute[..., alphabet.count :]], -1)
            logits.append(ops.matmul(ops.cast(scores, "float32"), self._columns) + self._barred[voice])
        return ops.stack(logits, axis=2)

    def _interval(self, note, last, before):
        """Returns features of a ``note``: its intervals to its voice's ``last`` one and to another's, ``before``."""
        apart = note - before + self.alphabet.count - 1
        return [leap(note - last), ops.one_hot(apart, 2 * self.alphabet.count - 1, dtype="float32")]

    def _hear(self, voice, places, degrees, ahead):
        """Returns what a subclass adds to the input of a voice's head."""
        return 0.0

    def _lean(self, voice, z, ahead):
        """Returns what a subclass adds to a voice's scores of pitches."""
        return 0.0

    def _around(self, scores, centres):
        return around(scores, centres, self.alphabet.count)

    def initial_state(self, batch_size: int, condition=None):
        return self._empty_state(batch_size, self.memory)

    def _empty_state(self, batch_size, memory: int) -> tuple:
        def zeros(*shape, dtype=self.compute_dtype):
            return ops.zeros((batch_size, *shape), dtype)

        cache = zeros(memory, self.units // 2)
        return (
            zeros(dtype="int32"),  # number of ids so far
            ops.full((batch_size, VOICE_COUNT), START, dtype="int32"),  # this step's ids
            *empty_history(self.alphabet, batch_size),
            zeros(self.units),  # the GRU's hidden state
            cache, cache,  # keys and values of the attention, the newest last
            zeros(VOICE_COUNT * self.head_units),  # the plan
            zeros(12, self.key_count * 12, dtype="float32"),  # the degrees
        )  # fmt: skip

    def step(self, ids, state):
        """As in the base class. A new step begins after ``<start>`` and after every fourth id from there."""
        return self._advance(ids, state, None)

    def _advance(self, ids, state, ahead):
        count, given, *kept = state
        voice = count % VOICE_COUNT  # the next one
        given = ops.where(ops.arange(VOICE_COUNT)[None] == (voice[:, None] - 1) % VOICE_COUNT, ids[:, None], given)
        begins, current = ops.equal(voice, 0), []
        for old, new in zip(kept, self._begin(count // VOICE_COUNT, given, ahead, *kept), strict=True):
            current.append(ops.where(ops.reshape(begins, (-1,) + (1,) * (len(old.shape) - 1)), new, old))
        plan, degrees, places = current[-2], current[-1], current[1]
        logits = self._voices(plan[:, None], places[:, None], degrees[:, None], given[:, None, :-1], ahead)[:, 0]
        chosen = ops.sum(ops.where((ops.arange(VOICE_COUNT)[None] == voice[:, None])[..., None], logits, 0.0), axis=1)
        return chosen, (count + 1, given, *current)

    def _begin(self, number, ids, ahead, *kept):
        """Returns the state with one more whole step, ids (batch, 4); ``call`` does so for all steps at once."""
        *history, hidden, keys, values, _, _ = kept
        history = updated_history(self.alphabet, tuple(history), ids)
        degrees, summary = self._summarize(tuple(part[:, None] for part in history), number[:, None], ahead)
        keys = ops.concatenate([keys[:, 1:], self.key(hidden)[:, None]], axis=1)
        values = ops.concatenate([values[:, 1:], self.value(summary)], axis=1)
        hidden, _ = self.gru.cell(summary[:, 0], [hidden])
        gap = ops.arange(self.memory - 1, -1, -1)[None]
        known = (gap <= number[:, None])[:, None, None]
        past = self._attend(self.query(hidden)[:, None], keys, values, gap, known)
        plan = self._plan(hidden[:, None], summary, past, (history[1][:, None], degrees), ahead)[:, 0]
        return *history, hidden, keys, values, plan, degrees[:, 0]

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "pitches": self.pitches,
            "units": self.units,
            "head": self.head_units,
            "heads": self.heads,
            "keys": self.key_count,
            "memory": self.memory,
            "dropout": self.dropout,
        }
