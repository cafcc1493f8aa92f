"""Cross-entropy in nats per token, without padding: the training loss, and the metric that is reported."""

from __future__ import annotations

import keras
from keras import ops

from musiclib.encodings.vocabulary import PADDING


def _cross_entropy(targets, logits):
    """Returns -log P of each target, and 0 where it is padding or else 1; both (batch, targets).

    There may be fewer targets than positions of the logits: then they belong to the last ones.
    """
    logits = logits[:, -targets.shape[1] :]
    losses = keras.losses.sparse_categorical_crossentropy(targets, logits, from_logits=True)
    return losses, ops.cast(targets != PADDING, losses.dtype)


class NextTokenLoss(keras.losses.Loss):
    """Mean cross-entropy in nats over all targets of a batch, without padding."""

    def call(self, y_true, y_pred):
        losses, counted = _cross_entropy(y_true, y_pred)
        return ops.sum(losses * counted) / ops.maximum(sum_over_devices(ops.sum(counted)), 1.0)


class NatsPerToken(keras.metrics.Mean):
    """Mean cross-entropy in nats over an epoch; every token has the same weight, whatever its batch."""

    def update_state(self, y_true, y_pred, sample_weight=None):
        losses, counted = _cross_entropy(y_true, y_pred)
        return super().update_state(losses, sample_weight=counted)


def sum_over_devices(value):
    """Sums a number over the devices that each compute the loss of their own rows.

    MirroredStrategy adds the gradients of its devices, so each divides by the number of targets in the whole batch.
    JAX computes one loss of the whole batch.
    """
    if keras.backend.backend() != "tensorflow":
        return value
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return value
    return context.all_reduce(tf.distribute.ReduceOp.SUM, value)
