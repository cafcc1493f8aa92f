"""The interface of every autoregressive network: ids in, logits out, all positions at once or one step at a time.

``call`` is for training: all positions at once. ``step`` is for sampling: one position, with a state for everything
before it. ``advance`` is for long pieces: many positions with the same state, so that a piece is read window by window.
Networks with such a state (hidden states, a cache) override ``initial_state`` and ``step``; the defaults here work for
any network, over a window of the last ``context_length`` ids.

For training, a network defines its batches (``batches``) and its loss (``objective``).
"""

from __future__ import annotations

import keras
from keras import ops

from musiclib.config import TrainingConfig
from musiclib.dataset import Pieces, Windows
from musiclib.dataset.batches import Batches
from musiclib.encodings.vocabulary import PADDING
from musiclib.models.building import build_layers
from musiclib.models.losses import NatsPerToken, NextTokenLoss

NEVER = -1e9  # a logit that is never sampled


class AutoregressiveModel(keras.Model):
    """A network that outputs the logits of the next token.

    Attributes:
        vocabulary_size: number of token ids.
        targets: ``"all"`` where ``call`` returns logits (batch, time, vocabulary); ``"last"`` where it returns them for
            the last position only, (batch, 1, vocabulary).
        context_length: number of past ids that ``step`` uses; None where there is no limit.
        conditional: whether it needs a source: ``call`` then takes (source, ids), and ``initial_state`` the source.
        infills: whether this source is the piece itself, with ``<unknown>`` where it is to be composed.
        unit: of the losses that are reported.
        has_likelihood: whether the logits give the probability of a piece.
        latent_size: size of the latent vector that ``initial_state`` takes; None without one.
    """

    targets = "all"
    context_length: int | None = None
    conditional = False
    infills = False
    unit = "nats per token"
    has_likelihood = True
    latent_size: int | None = None

    @property
    def optimizers(self) -> list[keras.optimizers.Optimizer]:
        """The optimizers of a compiled model."""
        return [self.optimizer]

    def __init__(self, vocabulary_size: int, **kwargs) -> None:
        super().__init__(**kwargs)
        if vocabulary_size < 1:
            raise ValueError(f"vocabulary_size must be at least 1, got {vocabulary_size}")
        self.vocabulary_size = vocabulary_size

    def build(self, input_shape) -> None:
        if not self.weights:  # a network without a build of its own: its layers are built where they are called
            self._build_layers(self.context_length or 1)
        super().build(input_shape)

    def _build_layers(self, time: int) -> None:
        """Builds the layers by a call on a piece of ``time`` tokens, and on a condition as long where there is one."""
        if self.conditional:
            build_layers(lambda *inputs: self.call(inputs), (1, time), (1, time))
        else:
            build_layers(self.call, (1, time))

    def initial_state(self, batch_size: int, condition=None):
        """Returns the state before a piece begins, a tuple of tensors of ``batch_size`` rows.

        Args:
            batch_size: number of pieces to generate.
            condition: only where ``conditional``: the source, int32 ids, (time,) for all pieces or (batch, time).

        Raises:
            ValueError: where a conditional network gets none.
        """
        return (ops.full((batch_size, self.context_length), PADDING, dtype="int32"),)

    def step(self, ids, state):
        """Takes one id of each piece and returns the logits of the next.

        Args:
            ids: int32, (batch,).
            state: from ``initial_state`` or the previous step.

        Returns:
            logits (batch, vocabulary) in float32, and the new state.
        """
        (window,) = state
        window = ops.concatenate([window[:, 1:], ops.expand_dims(ids, 1)], axis=1)
        return self(window, training=False)[:, -1], (window,)

    def advance(self, ids, state):
        """Takes many ids of each piece and returns the logits after each, as that many calls of ``step`` do.

        A network with a state of its own runs ``step`` for each of them, until it overrides this.

        Args:
            ids: int32, (batch, time).
            state: from ``initial_state``, ``step`` or ``advance``.

        Returns:
            logits (batch, time, vocabulary) in float32, and the new state.
        """
        if type(self).step is AutoregressiveModel.step and self.targets == "all":
            window = ops.concatenate([state[0], ids], axis=1)
            logits = self(window[:, 1:], training=False)[:, -ids.shape[1] :]
            return logits, (window[:, -self.context_length :],)

        def body(i, written, state):
            logits, state = self.step(ops.take(ids, i, axis=1), state)
            return i + 1, ops.slice_update(written, (0, i, 0), logits[:, None]), tuple(state)

        batch, time = ids.shape
        logits = ops.zeros((batch, time, self.vocabulary_size), "float32")
        start = (ops.convert_to_tensor(0, "int32"), logits, tuple(state))
        _, logits, state = ops.while_loop(lambda i, *_: i < time, body, start)
        return logits, state

    def batches(self, data: Pieces, settings: TrainingConfig, seed: int | None, epoch: int) -> Batches:
        """Returns the batches that this network is trained or validated on.

        Args:
            data: the training or validation part of a dataset.
            settings: window, batch size and so on.
            seed: shuffles the batches for each epoch; None keeps them in order, for validation.
            epoch: number of epochs already done.

        Raises:
            ValueError: where the data or the settings do not fit this network.
        """
        self._check_pieces(data)
        if self.targets == "last" and self.context_length != settings.window:
            raise ValueError(
                f"this network needs windows of {self.context_length} ids, its context_length, and window is"
                f" {settings.window}; give both the same value"
            )
        targets = "last" if "last" in (self.targets, settings.targets) else "all"
        return Windows(data, settings.window, settings.batch_size, targets, True, seed, epoch, settings.align)

    def _check_pieces(self, data) -> None:
        """Raises ValueError where the data are not pieces of tokens."""
        if not isinstance(data, Pieces) or data.ids.ndim != 1:
            kind = "frames" if isinstance(data, Pieces) else type(data).__name__
            raise ValueError(f"{self.name} is trained on a dataset of tokens, from dataset.prepare, got {kind}")

    def objective(self) -> tuple[keras.losses.Loss | None, keras.metrics.Metric | None]:
        """Returns the training loss, and the metric that is reported and selects the best epoch.

        Both are None for a network with a ``compute_loss`` of its own, whose value is then reported.
        """
        return NextTokenLoss(), NatsPerToken("nats")

    def begin_epoch(self, epoch: int) -> None:
        """Called before each epoch of training, counted from 0, for schedules."""

    def get_config(self) -> dict:
        return {**super().get_config(), "vocabulary_size": self.vocabulary_size}


def condition_rows(condition, batch_size: int, kind: str):
    """Returns the ids that pieces are conditioned on, int32 (batch, time).

    Args:
        condition: int32 ids, (time,) for all pieces or (batch, time).
        batch_size: number of pieces.
        kind: what the condition is, for the message.

    Raises:
        ValueError: without a condition.
    """
    if condition is None:
        raise ValueError(f"this network needs {kind}: give initial_state a condition, its ids")
    condition = ops.convert_to_tensor(condition, "int32")
    return ops.repeat(condition[None], batch_size, axis=0) if len(condition.shape) == 1 else condition


def embedding_layer(vocabulary_size: int, size: int) -> keras.layers.Embedding:
    """Returns the embedding layer, with vectors of standard deviation 1.

    With Keras' default, uniform within 0.05 of zero, stacked recurrent layers predict only token frequencies for
    hundreds of steps.
    """
    start = keras.initializers.RandomNormal(stddev=1.0)
    return keras.layers.Embedding(vocabulary_size, size, embeddings_initializer=start, name="embedding")


def logits_layer(vocabulary_size: int) -> keras.layers.Dense:
    """Returns the output layer; float32 under every precision policy, for a stable loss."""
    return keras.layers.Dense(vocabulary_size, dtype="float32", name="logits")
