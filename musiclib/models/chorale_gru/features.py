"""Input features of the chorale GRU: mostly relations between pitches, which transposition does not change.

These are intervals, the time since each voice's note began, and scale degrees above a tonic that the network infers.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from musiclib.encodings.chorale import REST
from musiclib.encodings.vocabulary import RESERVED, START, Vocabulary
from musiclib.score import pitch_number
from musiclib.score.voices import SILENT, VOICES

VOICE_COUNT = len(VOICES)  # in the order of the tokens of a step: soprano, bass, alto, tenor
CENTRES = (70, 51, 65, 59)  # the middle pitch of each voice, used while it rests
REACH = 13  # semitones; larger leaps are clipped to this
METRE = 16  # steps in a bar of four quarters
_FADING = (1.0, 0.5 ** (1 / 16), 0.5 ** (1 / 4))  # decay of the pitch-class counts per step
_AGES = np.array([1, 2, 3, 4, 6, 8, 12, 16])  # steps: bin edges for the age of a note


def pitches_of(vocabulary: Vocabulary) -> list[int | None]:
    """Returns the pitch of each id of a chorale vocabulary: the network's option ``pitches``.

    Args:
        vocabulary: of a ``Chorale(holds=False)`` encoding.

    Returns:
        One MIDI number per id; -1 for silence and None for a reserved token.

    Raises:
        ValueError: where a token is neither a pitch name nor ``R``.
    """
    sounds: list[int | None] = [None] * len(RESERVED)
    for token in vocabulary.tokens[len(RESERVED) :]:
        try:
            sounds.append(SILENT if token == REST else pitch_number(token))
        except ValueError:
            raise ValueError(
                f"a chorale network reads pitches and rests, and the vocabulary has {token!r}; prepare the dataset with"
                " encodings.Chorale(), from a corpus without labels"
            ) from None
    return sounds


class Alphabet:
    """Lookup tables from ids to pitches.

    Args:
        pitches: one MIDI number per id; -1 for silence and None for a reserved token.

    Raises:
        ValueError: where the reserved tokens are not first, or there is no pitch.
    """

    def __init__(self, pitches) -> None:
        reserved = len(RESERVED)
        numbers = [SILENT if pitch is None else pitch for pitch in pitches]
        sounding = [number for number in numbers if number != SILENT]
        if list(pitches[:reserved]) != [None] * reserved or None in pitches[reserved:] or not sounding:
            raise ValueError(
                f"pitches must be one MIDI number per id, -1 for silence, and None for the first {reserved} ids, which"
                f" are reserved, got {pitches}; use chorale_gru.pitches_of(vocabulary)"
            )
        self.low, self.count = min(sounding), max(sounding) - min(sounding) + 1
        self.index = np.array([n - self.low if n != SILENT else -1 for n in numbers], "int32")  # -1: no pitch
        self.classes = np.array([n % 12 if n != SILENT else -1 for n in numbers], "int32")
        self.silent = np.array([[pitch == SILENT, i == START] for i, pitch in enumerate(pitches)], "float32")
        self.centres = np.clip(np.array(CENTRES) - self.low, 0, self.count - 1).astype("int32")

    def places(self, ids, otherwise):
        """Returns the pitches of ids in semitones above the lowest; ``otherwise`` where an id has no pitch."""
        places = ops.take(ops.convert_to_tensor(self.index), ids, axis=0)
        return ops.where(places >= 0, places, otherwise)

    def pitch_classes(self, ids):
        """Returns the one-hot pitch classes of ids, (..., 12); all zero where an id has no pitch."""
        return ops.one_hot(ops.take(ops.convert_to_tensor(self.classes), ids, axis=0), 12, dtype="float32")


# The history up to a step is a tuple: ids (batch, 4), their places (semitones above the lowest pitch), each voice's
# previous place, the steps since it changed, and decayed pitch-class counts (batch, kinds, 12), the bass's own last.


def empty_history(alphabet: Alphabet, batch_size) -> tuple:
    """Returns the history before the first step."""
    ids = ops.full((batch_size, VOICE_COUNT), START, dtype="int32")
    centres = ops.broadcast_to(ops.convert_to_tensor(alphabet.centres), (batch_size, VOICE_COUNT))
    return ids, centres, centres, ops.zeros_like(ids), ops.zeros((batch_size, len(_FADING) + 1, 12), "float32")


def updated_history(alphabet: Alphabet, history: tuple, ids) -> tuple:
    """Returns the history with one more step, ids (batch, 4)."""
    before, places, left, age, counts = history
    held = ops.equal(ids, before)
    now = alphabet.places(ids, ops.convert_to_tensor(alphabet.centres))
    sound = alphabet.pitch_classes(ids)  # (batch, 4, 12)
    new = ops.concatenate([ops.repeat(ops.sum(sound, axis=1, keepdims=True), len(_FADING), axis=1), sound[:, 1:2]], 1)
    fading = np.array([*_FADING, 1.0], "float32")[:, None]
    return ids, now, ops.where(held, left, places), ops.where(held, age + 1, 1), counts * fading + new


def histories(alphabet: Alphabet, steps, start: tuple) -> tuple:
    """Returns the history up to each step of ids (batch, time, 4), each part (batch, time, ...), from that before."""

    def body(history, ids):
        history = updated_history(alphabet, history, ids)
        return history, history

    _, history = ops.scan(body, tuple(start), ops.transpose(steps, (1, 0, 2)))
    return tuple(ops.moveaxis(part, 0, 1) for part in history)


def leap(interval):
    """Returns one-hot intervals, (..., 2 * REACH + 1), from semitones."""
    return ops.one_hot(ops.clip(interval, -REACH, REACH) + REACH, 2 * REACH + 1, dtype="float32")


def rows(parts):
    """Concatenates features of the voices, each (batch, time, 4, n), to (batch, time, 4 * sum of n)."""
    joined = ops.concatenate(parts, axis=-1)
    shape = ops.shape(joined)
    return ops.reshape(joined, (shape[0], shape[1], VOICE_COUNT * joined.shape[-1]))


def describe(alphabet: Alphabet, history: tuple, position, degrees):
    """Returns the features of the history up to each step, the network's input.

    Args:
        alphabet: the pitch of each id.
        history: from ``histories``.
        position: (batch, time), the number of the next step.
        degrees: (batch, time, 12, n), the scale degree of each pitch class in the inferred keys, from ``Keys``.

    Returns:
        float32 (batch, time, features).
    """
    ids, places, left, age, counts = history
    parts = [
        leap(places - left),
        ops.one_hot(ops.sum(ops.cast(age[..., None] > _AGES, "int32"), -1), len(_AGES) + 1, dtype="float32"),
        ops.expand_dims(ops.cast(places - alphabet.centres, "float32") / 6.0, -1),
        ops.take(ops.convert_to_tensor(alphabet.silent), ids, axis=0),
        ops.one_hot(alphabet.places(ids, -1), alphabet.count, dtype="float32"),
        ops.matmul(alphabet.pitch_classes(ids), degrees),
    ]
    soprano, bass, alto, tenor = (places[..., voice] for voice in range(VOICE_COUNT))
    close = [ops.one_hot(ops.clip(upper - lower + 8, 0, 39), 40, dtype="float32")
             for upper, lower in ((soprano, alto), (alto, tenor), (tenor, bass))]  # fmt: skip
    chord = [ops.one_hot((upper - lower) % 12, 12, dtype="float32")
             for upper, lower in ((soprano, bass), (alto, bass), (soprano, tenor))]  # fmt: skip
    shares = _shares(counts)[..., : len(_FADING), :]
    shape = ops.shape(places)
    profile = ops.reshape(ops.matmul(shares, degrees), (shape[0], shape[1], len(_FADING) * degrees.shape[-1]))
    metre = ops.one_hot(position % METRE, METRE, dtype="float32")
    return ops.concatenate([rows(parts), *close, *chord, profile, metre], axis=-1)


def _shares(counts):
    """Scales pitch-class counts to a sum of about three, similar to the other features."""
    return 3.0 * counts / (ops.sum(counts, axis=-1, keepdims=True) + 1.0)


@keras.saving.register_keras_serializable("musiclib")
class Keys(keras.layers.Layer):
    """Infers the tonic from the history; equivariant to transposition.

    One small network scores the pitch classes relative to each of the twelve tonics, and a softmax over the twelve
    scores gives their probabilities. There are several keys, since a phrase may be in another key than its piece.

    Args:
        count: number of keys.
        units: size of the small network.
    """

    def __init__(self, count: int = 2, units: int = 16, **kwargs) -> None:
        super().__init__(**kwargs)
        self.count, self.units = count, units
        self.hidden = keras.layers.Dense(units, activation="relu", name="hidden")
        self.score = keras.layers.Dense(count, name="score")
        number = np.arange(12)
        # One-hot degree, in semitones above the tonic: (pitch class, tonic, degree).
        self._degree = ((number[:, None, None] - number[None, :, None]) % 12 == number).astype("float32")

    def build(self, input_shape) -> None:
        self.hidden.build((None, (len(_FADING) + 3) * 12))
        self.score.build((None, self.units))

    def call(self, counts, bass, soprano):
        """Infers the keys.

        Args:
            counts: decayed pitch-class counts, (batch, time, kinds, 12).
            bass: its one-hot pitch class, (batch, time, 12).
            soprano: its one-hot pitch class, (batch, time, 12).

        Returns:
            float32 (batch, time, 12, count * 12): for each pitch class and key the probabilities of its
            degrees (semitones above the tonic).
        """
        history = ops.concatenate([_shares(counts), 3.0 * ops.stack([bass, soprano], axis=2)], axis=2)
        batch, time, kinds = *ops.shape(history)[:2], len(_FADING) + 3
        # ops.dot on rows, not matmul: TensorFlow 2.20 crashes on a product of (batch, 1, 12, n) with one matrix.
        seen = ops.reshape(ops.dot(history, self._degree.reshape(12, 144)), (batch, time, kinds, 12, 12))
        seen = ops.reshape(ops.transpose(seen, (0, 1, 3, 2, 4)), (-1, kinds * 12))
        scores = ops.reshape(self.score(self.hidden(seen)), (batch, time, 12, self.count))
        tonics = ops.softmax(ops.cast(scores, "float32"), axis=2)  # (batch, time, 12, count)
        turned = ops.dot(ops.swapaxes(tonics, 2, 3), self._degree.transpose(1, 0, 2).reshape(12, 144))
        turned = ops.transpose(ops.reshape(turned, (batch, time, self.count, 12, 12)), (0, 1, 3, 2, 4))
        return ops.reshape(turned, (batch, time, 12, self.count * 12))

    def get_config(self) -> dict:
        return {**super().get_config(), "count": self.count, "units": self.units}
