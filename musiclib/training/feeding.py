"""Feeding: batches in the form that Keras' ``fit`` takes without waiting.

On TensorFlow, Keras turns windows into a dataset from a Python generator. Its tuner was seen to
hold up the end of every other epoch for a second and a half, and since TensorFlow 2.21 its kernel
tells the C library to give memory back after every large array, which costs a tenth of a
processor's time. A dataset that asks for each batch by its number has neither.
"""

from __future__ import annotations

import keras


def feed(windows: keras.utils.PyDataset):
    """Returns windows as the backend takes them best: a ``tf.data.Dataset``, or as they are.

    On TensorFlow the dataset does not tell its batches that an epoch ends: train with ``callbacks.NextEpoch``.
    """
    if keras.backend.backend() != "tensorflow":
        return windows
    import tensorflow as tf

    example = windows[0]
    shapes = [(None, part.shape[1]) for part in tf.nest.flatten(example)]

    @tf.autograph.experimental.do_not_convert
    def batch(index):
        parts = tf.numpy_function(lambda i: tf.nest.flatten(windows[int(i)]), [index], [tf.int32] * len(shapes))
        shaped = [tf.ensure_shape(part, shape) for part, shape in zip(parts, shapes, strict=True)]
        return tf.nest.pack_sequence_as(example, shaped)

    options = tf.data.Options()
    options.autotune.enabled = False
    return tf.data.Dataset.range(len(windows)).map(batch).prefetch(2).with_options(options)
