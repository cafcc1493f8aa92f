"""Building the layers of a network where they are called."""

from __future__ import annotations

from collections.abc import Callable

import keras
from keras import ops


def build_layers(call: Callable, *shapes: tuple[int, ...], dtype: str = "int32") -> None:
    """Builds the layers that a function calls.

    Args:
        call: takes tensors, and calls layers.
        *shapes: the shape of each tensor.
        dtype: that of the tensors.
    """
    if keras.backend.backend() == "jax":
        # By the shapes alone: JAX compiles each operation that is called on numbers, half a minute for a large network.
        _Traced(call).compute_output_spec(*(keras.KerasTensor(shape, dtype) for shape in shapes))
    else:
        call(*(ops.ones(shape, dtype) for shape in shapes))  # faster than a trace


class _Traced(keras.Operation):
    """A function as an operation, whose output Keras derives from the shapes of the inputs."""

    def __init__(self, function: Callable) -> None:
        super().__init__()
        self.function = function

    def call(self, *inputs):
        return self.function(*inputs)
