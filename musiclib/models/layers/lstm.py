"""LSTM layers that train faster on a CPU than those of Keras on TensorFlow.

Keras multiplies by the kernels position by position, and TensorFlow's gradient adds to both of them at every position.
Here the inputs of all positions are multiplied at once, and the custom gradient collects the gradients of the gates
and computes that of each kernel as one product at the end: the same sums in another order.

Source of the equations: Hochreiter and Schmidhuber, "Long Short-Term Memory" (1997), with the
forget gate of Gers et al. (2000).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import keras
from keras import ops

if TYPE_CHECKING:
    import tensorflow as tf


def stacked(lstms: Sequence[keras.layers.LSTM], dropouts: Sequence[keras.layers.Dropout], x, training: bool = False):
    """Runs stacked LSTM layers, with dropout after each.

    Args:
        lstms: built layers that return sequences, without recurrent dropout.
        dropouts: one layer for each of them.
        x: inputs, (batch, time, features).
        training: whether dropout is on and gradients are needed.

    Returns:
        The last layer's outputs, (batch, time, units).
    """
    custom = training and _on_tensorflows_processor()
    if custom:
        x = ops.transpose(x, (1, 0, 2))  # (time, batch, features), once for all layers
    for lstm, dropout in zip(lstms, dropouts, strict=True):
        x = dropout(_outputs(lstm, x) if custom else lstm(x, training=training), training=training)
    return ops.transpose(x, (1, 0, 2)) if custom else x


def initial_state(lstms: Sequence[keras.layers.LSTM], batch_size: int, dtype: str) -> tuple:
    """Returns the state before a piece: the hidden state and the cell state of each layer, (batch, units)."""
    return tuple(ops.zeros((batch_size, lstm.units), dtype) for lstm in lstms for _ in range(2))


def step(lstms: Sequence[keras.layers.LSTM], x, state: tuple) -> tuple:
    """Runs one position (batch, features) through stacked layers; returns its output and the new state."""
    new_state = []
    for i, lstm in enumerate(lstms):
        x, carried = lstm.cell(x, state[2 * i : 2 * i + 2])
        new_state.extend(carried)
    return x, tuple(new_state)


def advance(lstms: Sequence[keras.layers.LSTM], x, state: tuple) -> tuple:
    """Runs many positions (batch, time, features) through stacked layers; returns their outputs and the new state."""

    def body(state, x):
        _, state = step(lstms, x, state)
        return state, state

    state, states = ops.scan(body, tuple(state), ops.transpose(x, (1, 0, 2)))
    return ops.transpose(states[-2], (1, 0, 2)), state  # the last layer's hidden states


def _on_tensorflows_processor() -> bool:
    """Returns whether Keras' layers are slow here: JAX compiles the loop and its gradient, GPUs use cuDNN."""
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return not tf.config.list_logical_devices("GPU")


def _outputs(lstm: keras.layers.LSTM, x: tf.Tensor) -> tf.Tensor:
    """Returns a layer's outputs (time, batch, units) for inputs (time, batch, features)."""
    import tensorflow as tf

    cell = lstm.cell
    time, batch = tf.shape(x)[0], tf.shape(x)[1]
    gates = tf.nn.bias_add(tf.matmul(tf.reshape(x, (time * batch, x.shape[2])), cell.kernel), cell.bias)
    gates = tf.reshape(gates, (time, batch, 4 * lstm.units))
    return _recurrence(gates, tf.convert_to_tensor(cell.recurrent_kernel))


def _recurrence(gates: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Runs the recurrence from a zero state: gate inputs (time, batch, 4 units) to outputs (time, batch, units)."""
    import tensorflow as tf

    time, batch, units = tf.shape(gates)[0], tf.shape(gates)[1], kernel.shape[0]
    zeros = tf.zeros((batch, units), gates.dtype)

    def array(width: int = units) -> tf.TensorArray:
        return tf.TensorArray(gates.dtype, time, element_shape=(None, width), clear_after_read=False)

    def forward(gates, kernel):
        inputs = tf.TensorArray(gates.dtype, time).unstack(gates)

        def step(i, output, before, *written):
            z = inputs.read(i) + tf.matmul(output, kernel)
            opened = tf.sigmoid(z[:, : 2 * units])
            enter, forget = opened[:, :units], opened[:, units:]
            new, leave = tf.tanh(z[:, 2 * units : 3 * units]), tf.sigmoid(z[:, 3 * units :])
            carry = forget * before + enter * new
            squashed = tf.tanh(carry)
            output = leave * squashed
            values = (output, before, squashed, enter, forget, new, leave)
            return i + 1, output, carry, *(array.write(i, v) for array, v in zip(written, values, strict=True))

        start = (0, zeros, zeros, *(array() for _ in range(7)))
        return tf.while_loop(lambda i, *_: i < time, step, start, maximum_iterations=time)[3:]

    def backward(upstream, kernel, outputs, kept):
        upstream = tf.TensorArray(gates.dtype, time).unstack(upstream)
        transposed = tf.transpose(kernel)

        def step(i, d_output, d_carry, d_gates):
            # The derivative of each gate, x - x^2 of a sigmoid and 1 - x^2 of a tanh, times the incoming gradient.
            before, squashed, enter, forget, new, leave = (array.read(i) for array in kept)
            left = (d_output + upstream.read(i)) * leave
            into_leave = left * squashed
            d_carry += left - into_leave * squashed
            entered = d_carry * enter
            into_enter = entered * new
            d_carry *= forget
            into_forget = d_carry * before
            d_z = tf.concat(
                [
                    into_enter - into_enter * enter,
                    into_forget - into_forget * forget,
                    entered - into_enter * new,
                    into_leave - into_leave * leave,
                ],
                axis=-1,
            )
            return i - 1, tf.matmul(d_z, transposed), d_carry, d_gates.write(i, d_z)

        start = (time - 1, zeros, zeros, array(4 * units))
        d_gates = tf.while_loop(lambda i, *_: i >= 0, step, start, maximum_iterations=time)[3].stack()
        # The state before the first position is zero and adds nothing.
        earlier, later = tf.reshape(outputs[:-1], (-1, units)), tf.reshape(d_gates[1:], (-1, 4 * units))
        d_kernel = tf.matmul(earlier, later, transpose_a=True)
        return d_gates, d_kernel

    @tf.custom_gradient
    def recurrence(gates, kernel):
        outputs, *kept = forward(gates, kernel)
        outputs = outputs.stack()
        return outputs, lambda upstream: backward(upstream, kernel, outputs, kept)

    return recurrence(gates, kernel)
