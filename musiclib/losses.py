"""What training makes small, and the same figure for people: nats per token, padding left out."""

from __future__ import annotations

import keras
from keras import ops

from musiclib import distribution
from musiclib.vocabulary import PADDING


def _losses(targets, logits):
    """Returns -log P of each target, and 1 where it counts or 0 where it is padding; both (batch, targets).

    Targets may be fewer than the positions that the network gives: then they are the last ones.
    """
    logits = logits[:, -targets.shape[1] :]
    losses = keras.losses.sparse_categorical_crossentropy(targets, logits, from_logits=True)
    return losses, ops.cast(targets != PADDING, losses.dtype)


class NextTokenLoss(keras.losses.Loss):
    """Mean cross-entropy in nats over all targets of a batch but padding."""

    def call(self, y_true, y_pred):
        losses, counted = _losses(y_true, y_pred)
        count = distribution.sum_over_devices(ops.sum(counted))
        return ops.sum(losses * counted) / ops.maximum(count, 1.0)


class NatsPerToken(keras.metrics.Mean):
    """The same over an epoch: each token weighs the same, whatever its batch."""

    def update_state(self, y_true, y_pred, sample_weight=None):
        losses, counted = _losses(y_true, y_pred)
        return super().update_state(losses, sample_weight=counted)
