"""What every autoregressive network has: ids in, logits out, whole or one step at a time.

``call`` serves training: all positions at once. ``step`` serves generation: one position,
and a state that stands for everything before it. A network whose layers can carry such a
state overrides ``initial_state`` and ``step``; the ones here work for any network, over a
window that rolls along with the music.
"""

from __future__ import annotations

import keras
from keras import ops

from musiclib.vocabulary import PADDING


class AutoregressiveModel(keras.Model):
    """A network that gives the logits of the next token.

    Attributes:
        vocabulary_size: number of token ids.
        targets: ``"all"`` where ``call`` returns logits (batch, time, vocabulary);
            ``"last"`` where it returns them for the last position only, (batch, 1, vocabulary).
        context_length: ids that ``step`` looks back on; None where there is no limit.
        needs_source: whether it answers to a source: ``call`` then takes (source, ids), and
            ``initial_state`` the source.
    """

    targets = "all"
    context_length: int | None = None
    needs_source = False

    def __init__(self, vocabulary_size: int, **kwargs) -> None:
        super().__init__(**kwargs)
        if vocabulary_size < 1:
            raise ValueError(f"vocabulary_size must be at least 1, got {vocabulary_size}")
        self.vocabulary_size = vocabulary_size

    def initial_state(self, batch_size: int):
        """Returns the state before anything was heard, a tuple of tensors of ``batch_size`` rows."""
        return (ops.full((batch_size, self.context_length), PADDING, dtype="int32"),)

    def step(self, ids, state):
        """Takes one id a piece and returns the logits of the next.

        Args:
            ids: int32, (batch,).
            state: what ``initial_state`` or the step before returned.

        Returns:
            logits (batch, vocabulary) in float32, and the new state.
        """
        (window,) = state
        window = ops.concatenate([window[:, 1:], ops.expand_dims(ids, 1)], axis=1)
        return self(window, training=False)[:, -1], (window,)

    def begin_epoch(self, epoch: int) -> None:
        """Is called before each epoch of training, from 0; what follows from the epoch is set here."""

    def get_config(self) -> dict:
        return {**super().get_config(), "vocabulary_size": self.vocabulary_size}


def embedding_layer(vocabulary_size: int, size: int) -> keras.layers.Embedding:
    """Makes the input layer, with vectors of standard deviation 1.

    Keras' own start, within 0.05 of zero, leaves stacked recurrent layers at the frequencies
    of the tokens for hundreds of steps before they find out that order matters.
    """
    start = keras.initializers.RandomNormal(stddev=1.0)
    return keras.layers.Embedding(vocabulary_size, size, embeddings_initializer=start, name="embedding")


def logits_layer(vocabulary_size: int) -> keras.layers.Dense:
    """Makes the output layer; float32 under every precision policy, for a stable loss."""
    return keras.layers.Dense(vocabulary_size, dtype="float32", name="logits")
