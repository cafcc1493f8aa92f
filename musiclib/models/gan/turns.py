"""The two halves of adversarial training: models that share the GAN's layers, each with a loss of its own.

Source: Martin Arjovsky et al., "Wasserstein GAN" (2017); Ishaan Gulrajani et al., "Improved Training of Wasserstein
GANs" (2017).
"""

from __future__ import annotations

import keras
from keras import ops


class _Half(keras.Model):
    """A model of the whole GAN that learns one part of it; ``call`` returns the terms of the loss for each phrase."""

    measures: tuple = ()

    def __init__(self, gan, learned: keras.Model, other: keras.Model) -> None:
        super().__init__()
        self.gan, self.learned, self.other = gan, learned, other
        self.built = True

    @property
    def trainable_variables(self):
        return self.learned.trainable_variables

    trainable_weights = trainable_variables

    @property
    def non_trainable_variables(self):
        return [*self.other.variables, self.gan.chance.state]

    @staticmethod
    def loss_of(_, terms):
        """Returns the mean of the summed terms."""
        return ops.mean(ops.sum(terms, axis=1))


def distance(_, terms):
    """Returns the critic's estimate of the Wasserstein distance between real and generated phrases."""
    return -ops.mean(terms[:, 0])


class CriticHalf(_Half):
    """The critic learns to score real phrases higher than generated ones, with gradients of norm 1 between them."""

    measures = (distance,)

    def __init__(self, gan) -> None:
        super().__init__(gan, gan.critic, gan.generator)

    def call(self, ids, training=False):
        real = self.gan.one_hot(ids)
        count = ops.shape(real)[0]
        fake = ops.stop_gradient(self.gan.fakes(count))
        apart = self.gan.critic(fake) - self.gan.critic(real)
        if not self.gan.penalty:
            return apart[:, None]
        share = keras.random.uniform((count, 1, 1, 1), seed=self.gan.chance)
        slopes = input_gradient(self.gan.critic, real + share * (fake - real))
        norm = ops.sqrt(ops.sum(ops.square(slopes), axis=(1, 2, 3)) + 1e-12)
        return ops.stack([apart, self.gan.penalty * ops.square(norm - 1.0)], axis=1)


class GeneratorHalf(_Half):
    """The generator learns to make phrases that the critic scores high."""

    def __init__(self, gan) -> None:
        super().__init__(gan, gan.generator, gan.critic)

    def call(self, ids, training=False):
        return -self.gan.critic(self.gan.fakes(ops.shape(ids)[0]))[:, None]


def input_gradient(function, x):
    """Returns the gradient of a function's summed values with respect to its input, of the shape of ``x``."""
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        return jax.grad(lambda value: ops.sum(function(value)))(x)
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(x)
            total = ops.sum(function(x))
        return tape.gradient(total, x)
    raise ValueError(f"a GAN with gradient penalty trains on TensorFlow or JAX, not on {backend}; set KERAS_BACKEND")
