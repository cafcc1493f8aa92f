"""Compiled functions of a network, on TensorFlow and JAX, kept with the network.

Each size of the arrays has its own: TensorFlow warns where one function is retraced for many sizes.
"""

from __future__ import annotations

import functools
import weakref

import keras

_COMPILED: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()  # compiled functions of each model, by key


def compiled(model, key: tuple, function, *arguments, xla: bool = True):
    """Returns a compiled function, from the model's cache by ``key``.

    Args:
        model: the network.
        key: names the function, and the sizes that it is compiled for.
        function: takes a reference to the model, ``arguments``, and the arrays it is called with.
        *arguments: constants.
        xla: whether TensorFlow compiles it with XLA.
    """
    functions = _COMPILED.setdefault(model, {})
    if key not in functions:
        # A weak reference: otherwise the cached function would keep its model alive forever.
        functions[key] = _compile(functools.partial(function, weakref.ref(model), *arguments), model, xla)
    return functions[key]


def initial_state(model, count: int, condition):
    """Returns the model's state before ``count`` pieces, compiled where a condition is read.

    Args:
        model: an autoregressive model.
        count: number of pieces.
        condition: see the model's ``initial_state``; None without one. Each shape is compiled.
    """
    if condition is None:
        return model.initial_state(count)
    # Without XLA, which cannot use cuDNN's recurrent kernels.
    return compiled(model, ("initial", count, condition.shape), _initial_state, count, xla=False)(condition)


def _initial_state(model_reference, count: int, condition):
    return model_reference().initial_state(count, condition)


def _compile(function, model, xla: bool):
    """Compiles a function of arrays on TensorFlow or JAX."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        # XLA takes a third of the time for one piece: it avoids the overhead between small operations.
        return tf.function(function, autograph=False, jit_compile=xla)
    if backend == "jax":
        import jax

        # Weights are arguments: otherwise jit would compile those of the first call as constants.
        @jax.jit
        def stateless(weights, *arguments):
            with keras.StatelessScope(state_mapping=list(zip(variables, weights, strict=True))):
                return function(*arguments)

        variables = model.variables
        return lambda *arguments: stateless([variable.value for variable in variables], *arguments)
    return function
