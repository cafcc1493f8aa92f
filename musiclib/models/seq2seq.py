"""Seq2Seq and its presets: a GRU encoder reads a source, and a GRU decoder with attention writes a target.

The encoder is bidirectional. The output of the decoder's first layer is the query of the attention over the source;
the layers above get both. Without attention the decoder sees the source only as one vector.

Training uses teacher forcing, or scheduled sampling with a ratio below 1: some target tokens are replaced by the
network's own predictions, so that it learns to recover from its mistakes. Two passes, each parallel over the target:
the first predicts, the second is trained.

Source: Cho et al. (2014), arXiv:1406.1078; Sutskever et al. (2014), arXiv:1409.3215; attention
after the first layer as in Wu et al. (2016), arXiv:1609.08144; Bengio et al., "Scheduled
Sampling" (2015), in the parallel form of Duckworth et al. (2019), arXiv:1906.04331.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import ops

from musiclib.config import TrainingConfig
from musiclib.dataset import PairedPieces, PairWindows
from musiclib.encodings.vocabulary import PADDING
from musiclib.models.autoregressive import AutoregressiveModel, condition_rows, embedding_layer, logits_layer
from musiclib.models.layers.backwards import reverse
from musiclib.models.layers.cross_attention import CrossAttention
from musiclib.models.registry import TOKENS, register


@keras.saving.register_keras_serializable("musiclib")
class Seq2Seq(AutoregressiveModel):
    """See ``seq2seq``."""

    conditional = True

    def __init__(
        self,
        vocabulary_size: int,
        units: int,
        embedding_size: int,
        layers: int,
        attention: bool,
        heads: int,
        pace: int | None,
        reach: int | None,
        dropout: float,
        teacher_forcing: Sequence[float],
        annealing: int,
        **kwargs,
    ) -> None:
        super().__init__(vocabulary_size, **kwargs)
        ratios = tuple(float(ratio) for ratio in teacher_forcing)
        if len(ratios) != 2 or not all(0 <= ratio <= 1 for ratio in ratios):
            raise ValueError(
                "teacher_forcing must be two ratios between 0 and 1, of the first epoch and after the annealing, got"
                f" {list(teacher_forcing)}; (1, 1) is full teacher forcing"
            )
        for name, value in (("layers", layers), ("annealing", annealing), ("pace", 1 if pace is None else pace)):
            if not (isinstance(value, int) and value >= 1):
                raise ValueError(f"{name} must be a whole number of at least 1, got {value}")
        self.units, self.embedding_size, self.depth = units, embedding_size, layers
        self.has_attention, self.heads, self.pace, self.reach = attention, heads, pace, reach
        self.dropout_rate = dropout
        self.teacher_forcing, self.annealing = ratios, annealing
        self.embedding = embedding_layer(vocabulary_size, embedding_size)
        # Not keras.layers.Bidirectional: loading one sometimes swaps its two layers.
        self.forwards, self.backwards, self.decoders = (
            [keras.layers.GRU(units, return_sequences=True, name=f"{name}_{i + 1}") for i in range(layers)]
            for name in ("forward", "backward", "decoder")
        )
        self.openings = [keras.layers.Dense(units, activation="tanh", name=f"opening_{i + 1}") for i in range(layers)]
        self.attention = CrossAttention(units, heads, pace, reach, name="attention") if attention else None
        self.dense = keras.layers.Dense(units, activation="tanh", name="dense")
        self.dropout = keras.layers.Dropout(dropout)
        self.head = logits_layer(vocabulary_size)
        self.chance = keras.random.SeedGenerator()

    def build(self, input_shape) -> None:
        self.embedding.build((None, None))
        source = (None, None, 2 * self.units)
        context = self.units if self.has_attention else 2 * self.units
        for i in range(self.depth):
            for encoder in (self.forwards[i], self.backwards[i]):
                encoder.build((None, None, self.embedding_size) if i == 0 else source)
            self.decoders[i].build((None, None, self.embedding_size if i == 0 else self.units + context))
            self.openings[i].build((None, 2 * self.units))
        if self.has_attention:
            self.attention.build([(None, None, self.units), source])
        self.dense.build((None, None, self.units + context))
        self.head.build((None, None, self.units))
        first = keras.initializers.Constant(self.teacher_forcing[0])
        self.ratio = self.add_weight(shape=(), initializer=first, trainable=False, name="ratio")
        super().build(input_shape)

    def begin_epoch(self, epoch: int) -> None:
        """Sets the teacher forcing ratio, which changes linearly from the first to the last."""
        first, last = self.teacher_forcing
        self.ratio.assign(first + (last - first) * min(epoch / self.annealing, 1.0))

    def _encode(self, source, training):
        """Encodes a source.

        Args:
            source: int32, (batch, source time), padding at the end only.
            training: whether dropout is on.

        Returns:
            The memory, a tuple of tensors: keys, values and the padding mask of the attention, or without attention
            one vector (batch, 2 units); and the decoder's ``depth`` initial states, each (batch, units).
        """
        mask = source != PADDING  # (batch, source time)
        length = ops.sum(ops.cast(mask, "int32"), axis=1)
        x = self.dropout(self.embedding(source), training=training)
        for forward, backward in zip(self.forwards, self.backwards, strict=True):
            # Padding stays at the end in both directions, where it changes nothing before it.
            back = reverse(backward(reverse(x, length), training=training), length)
            x = self.dropout(ops.concatenate([forward(x, training=training), back], axis=-1), training=training)
        # The last state of each direction: at the last token forwards, at the first token backwards.
        last = ops.cast(ops.arange(ops.shape(source)[1])[None] == length[:, None] - 1, x.dtype)
        end = ops.sum(x[..., : self.units] * last[..., None], axis=1)
        summary = ops.concatenate([end, x[:, 0, self.units :]], axis=-1)  # (batch, 2 units)
        states = tuple(opening(summary) for opening in self.openings)
        return (*self.attention.remember(x), mask) if self.has_attention else (summary,), states

    def _attend(self, x, positions, memory):
        """Returns the context vectors, (batch, time, features), of decoder outputs (batch, time, units)."""
        if self.has_attention:
            return self.attention.gather(x, positions, memory[:2], memory[2])
        summary = memory[0][:, None]
        return ops.broadcast_to(summary, (ops.shape(x)[0], ops.shape(x)[1], summary.shape[-1]))

    def _decode(self, ids, memory, states, training, first=0):
        """Returns the logits of the token after each target id, (batch, time, vocabulary), and the new states.

        ``first`` is the position of the first id, or (batch, 1) of them.
        """
        x = self.dropout(self.embedding(ids), training=training)
        x = self.decoders[0](x, initial_state=states[0], training=training)
        last, x = [x[:, -1]], self.dropout(x, training=training)
        context = self.dropout(self._attend(x, first + ops.arange(ops.shape(ids)[1]), memory), training=training)
        for decoder, state in zip(self.decoders[1:], states[1:], strict=True):
            x = decoder(ops.concatenate([x, context], axis=-1), initial_state=state, training=training)
            last.append(x[:, -1])
            x = self.dropout(x, training=training)
        x = self.dense(ops.concatenate([x, context], axis=-1))
        return self.head(self.dropout(x, training=training)), tuple(last)

    def call(self, inputs, training=False):
        source, ids = inputs
        memory, states = self._encode(source, training)
        if training and self.teacher_forcing != (1.0, 1.0):
            ids = self._mix_in_own_samples(ids, memory, states)
        return self._decode(ids, memory, states, training)[0]

    def _mix_in_own_samples(self, ids, memory, states):
        """Replaces some of the target's ids, never the first, by samples from the network's own predictions."""
        kept = (tuple(map(ops.stop_gradient, part)) for part in (memory, states))
        logits, _ = self._decode(ids, *kept, training=False)
        flat = ops.reshape(ops.stop_gradient(logits), (-1, self.vocabulary_size))
        own = ops.reshape(keras.random.categorical(flat, 1, dtype="int32", seed=self.chance), ops.shape(ids))
        own = ops.concatenate([ids[:, :1], own[:, :-1]], axis=1)
        forced = keras.random.uniform(ops.shape(ids), seed=self.chance) < ops.cast(self.ratio, "float32")
        return ops.where(ops.logical_or(forced, ids == PADDING), ids, own)

    def batches(self, data, settings, seed, epoch):
        if not isinstance(data, PairedPieces):
            raise ValueError(f"{self.name} is trained on pairs, from dataset.prepare_pairs, got {type(data).__name__}")
        return PairWindows(data, settings.window, settings.batch_size, self.pace, settings.align, seed, epoch)

    def initial_state(self, batch_size: int, condition=None):
        source = condition_rows(condition, batch_size, "a source")
        memory, states = self._encode(source, training=False)
        return (*states, *memory, ops.zeros((batch_size,), "int32"))

    def step(self, ids, state):
        hidden, memory, count = list(state[: self.depth]), state[self.depth : -1], state[-1]
        x, (hidden[0],) = self.decoders[0].cell(self.embedding(ids), [hidden[0]])
        context = self._attend(x[:, None], count[:, None], memory)[:, 0]
        for i in range(1, self.depth):
            x, (hidden[i],) = self.decoders[i].cell(ops.concatenate([x, context], axis=-1), [hidden[i]])
        logits = self.head(self.dense(ops.concatenate([x, context], axis=-1)))
        return logits, (*hidden, *memory, count + 1)

    def advance(self, ids, state):
        hidden, memory, count = state[: self.depth], state[self.depth : -1], state[-1]
        logits, hidden = self._decode(ids, memory, hidden, training=False, first=count[:, None])
        return logits, (*hidden, *memory, count + ids.shape[1])

    def attention_maps(self, source, ids):
        """Returns the attention weights of each target position over the source, the mean of all heads.

        Args:
            source: int32, (batch, source time).
            ids: int32, (batch, time), the decoder's input.

        Returns:
            (batch, time, source time), each row sums to 1.

        Raises:
            ValueError: where the network has no attention.
        """
        if not self.has_attention:
            raise ValueError("this network was built with attention=False: it has no attention weights")
        (keys, _, mask), states = self._encode(ops.convert_to_tensor(source, "int32"), training=False)
        x = self.decoders[0](self.embedding(ids), initial_state=states[0])
        weights = self.attention.shares(x, ops.arange(ids.shape[1]), keys, mask)
        return ops.convert_to_numpy(ops.mean(weights, axis=1))

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "units": self.units,
            "embedding_size": self.embedding_size,
            "layers": self.depth,
            "attention": self.has_attention,
            "heads": self.heads,
            "pace": self.pace,
            "reach": self.reach,
            "dropout": self.dropout_rate,
            "teacher_forcing": list(self.teacher_forcing),
            "annealing": self.annealing,
        }


def seq2seq(
    vocabulary_size: int,
    units: int = 256,
    embedding_size: int = 128,
    layers: int = 2,
    attention: bool = True,
    heads: int = 4,
    pace: int | None = None,
    reach: int | None = None,
    dropout: float = 0.3,
    teacher_forcing: Sequence[float] = (1.0, 1.0),
    annealing: int = 10,
) -> Seq2Seq:
    """Builds a bidirectional GRU encoder and a GRU decoder over one vocabulary.

    Args:
        vocabulary_size: number of token ids.
        units: size of each GRU layer (of each direction in the encoder).
        embedding_size: size of a token's vector.
        layers: number of layers in the encoder, and in the decoder.
        attention: attend to every position of the source; otherwise the decoder gets one vector.
        heads: attention heads; ``units`` is a multiple of twice their number.
        pace: target tokens per source token, where the two are aligned: attention then compares positions too, and
            training may crop long pieces. None for targets of any length.
        reach: with a pace, how many source tokens before and after the aligned one are attended to; None for all,
            which works only for pieces as short as the training crops.
        dropout: dropout rate of each layer's outputs.
        teacher_forcing: probabilities that the decoder gets the true token rather than its own prediction, in the
            first epoch and from epoch ``annealing`` on; linear in between.
        annealing: epochs from the first ratio to the last.

    Returns:
        A model from a source and a target, ids (batch, source time) and (batch, time), to logits (batch, time,
        vocabulary) of the target's next tokens.

    Raises:
        ValueError: at a ratio outside 0 to 1, or sizes that do not fit together.
    """
    options = (units, embedding_size, layers, attention, heads, pace, reach, dropout, teacher_forcing, annealing)
    model = Seq2Seq(vocabulary_size, *options, name="seq2seq")
    model.build([(None, None), (None, None)])
    return model


_ANNEALED = {"teacher_forcing": [1.0, 0.9]}
register(
    "seq2seq",
    seq2seq,
    TOKENS._replace(text="every encoding of tokens, in pairs"),
    quick=(
        {"units": 96, "embedding_size": 32, "layers": 2, "dropout": 0.2, **_ANNEALED, "annealing": 4},
        TrainingConfig(window=64, batch_size=8, epochs=6, learning_rate=5e-3, average=0.95),
    ),
    full=(
        {**_ANNEALED, "annealing": 10},
        TrainingConfig(window=64, batch_size=16, epochs=60, learning_rate=3e-3, patience=10, average=0.998),
    ),
)
