"""The generator and the critic of the GAN, and how they are trained in turn."""

from __future__ import annotations

import types
from collections.abc import Iterator

import keras
import numpy as np
from keras import ops

from musiclib.dataset import Pieces
from musiclib.encodings.vocabulary import END, RESERVED
from musiclib.models.autoregressive import NEVER
from musiclib.models.building import build_layers
from musiclib.models.gan.distance import energy_distance, features
from musiclib.models.gan.turns import CriticHalf, GeneratorHalf
from musiclib.models.latent import LatentModel, latent_vectors


class Generator(keras.Model):
    """From latent vectors (batch, latent) to logits of each step and voice, (batch, steps, voices, symbols).

    A dense layer makes a coarse phrase of an eighth of the steps, three convolutions each double its resolution.
    """

    def __init__(self, steps: int, voices: int, symbols: int, units: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.steps, self.voices, self.symbols, self.units = steps, voices, symbols, units
        self.first = keras.layers.Dense(steps // 8 * units, name="first")
        self.convolutions = [
            keras.layers.Conv1D(units, 5, padding="same", name=f"convolution_{i + 1}") for i in range(3)
        ]
        self.normalizations = [keras.layers.LayerNormalization(name=f"normalization_{i + 1}") for i in range(3)]
        self.last = keras.layers.Dense(voices * symbols, dtype="float32", name="last")

    def call(self, z):
        x = ops.reshape(self.first(z), (-1, self.steps // 8, self.units))
        for normalization, convolution in zip(self.normalizations, self.convolutions, strict=True):
            x = ops.repeat(ops.leaky_relu(normalization(x)), 2, axis=1)
            x = convolution(x)
        return ops.reshape(self.last(ops.leaky_relu(x)), (-1, self.steps, self.voices, self.symbols))


class Critic(keras.Model):
    """From phrases, (batch, steps, voices, symbols) as (soft) one-hot vectors, to a score without bounds, (batch,).

    Without normalization: the gradient penalty is defined for each phrase alone.
    """

    def __init__(self, steps: int, voices: int, symbols: int, units: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.steps, self.inputs_size = steps, voices * symbols
        self.first = keras.layers.Dense(units, name="first")
        self.convolutions = [
            keras.layers.Conv1D(units, 5, strides=2, padding="same", name=f"convolution_{i + 1}") for i in range(3)
        ]
        self.hidden = keras.layers.Dense(units, name="hidden")
        self.score = keras.layers.Dense(1, dtype="float32", name="score")

    def call(self, phrases):
        x = self.first(ops.reshape(phrases, (-1, self.steps, self.inputs_size)))
        for convolution in self.convolutions:
            x = convolution(ops.leaky_relu(x))
        x = ops.reshape(ops.leaky_relu(x), (ops.shape(x)[0], -1))
        return self.score(ops.leaky_relu(self.hidden(x)))[:, 0]


@keras.saving.register_keras_serializable("musiclib")
class GAN(LatentModel):
    """See ``gan``. ``call`` takes latent vectors: an adversarial network has no likelihood of given ids.

    It is trained on one device. Its weights are those of the generator, whose optimizer is the model's, and of the
    critic.
    """

    unit = "of distance"
    has_likelihood = False

    def __init__(
        self, vocabulary_size, tokens, length, latent_size, voices, units, critic_units, penalty, critic_steps,
        gumbel, **kwargs,
    ) -> None:  # fmt: skip
        super().__init__(vocabulary_size, tokens, length, latent_size, **kwargs)
        self.options = {
            "voices": voices, "units": units, "critic_units": critic_units, "penalty": penalty,
            "critic_steps": critic_steps, "gumbel": gumbel,
        }  # fmt: skip
        steps, left = divmod(length - 2, voices)
        metres = [token for token in tokens if "/" in token]
        if left or steps % 8 or len(metres) != 1:
            raise ValueError(
                f"a GAN needs phrases of one time signature and a multiple of 8 steps; this vocabulary has"
                f" {', '.join(metres)}, and length is {length} for {voices} voices: prepare the dataset with"
                " encodings.Phrases(voices='SBAT', metres=['4/4']), and set length to its longest + 1"
            )
        self.voices, self.steps, self.critic_steps = voices, steps, critic_steps
        self.metre = tokens.index(metres[0])
        # The symbols of the grid are the tokens that are neither reserved nor a time signature.
        self.symbols = [i for i in range(len(RESERVED), vocabulary_size) if i != self.metre]
        table = np.full((len(self.symbols), vocabulary_size), 0, "float32")
        table[np.arange(len(self.symbols)), self.symbols] = 1
        self._table = table
        self._barred = np.where(table.any(axis=0), 0, NEVER).astype("float32")
        self.generator = Generator(steps, voices, len(self.symbols), units, name="generator")
        self.critic = Critic(steps, voices, len(self.symbols), critic_units, name="critic")
        self.penalty, self.gumbel = penalty, gumbel
        self.chance = keras.random.SeedGenerator()

    def build(self, input_shape=None) -> None:
        build_layers(self.generator, (1, self.latent_size), dtype="float32")
        build_layers(self.critic, (1, self.steps, self.voices, len(self.symbols)), dtype="float32")
        self.built = True

    @property
    def trainable_variables(self):
        return self.generator.trainable_variables

    @property
    def non_trainable_variables(self):
        return [*self.critic.variables, self.chance.state]

    def logits(self, z):
        grid = ops.reshape(self.generator(z), (-1, self.length - 2, len(self.symbols)))
        grid = ops.matmul(grid, self._table) + self._barred
        edges = np.full((2, self.vocabulary_size), NEVER, "float32")
        edges[0, self.metre] = edges[1, END] = 0
        edges = ops.repeat(ops.convert_to_tensor(edges[None]), ops.shape(grid)[0], axis=0)
        return ops.concatenate([edges[:, :1], grid, edges[:, 1:]], axis=1)

    def call(self, z, training=False):
        return self.logits(z)

    def one_hot(self, ids):
        """Returns the grid of phrases (batch, length), as one-hot vectors (batch, steps, voices, symbols)."""
        grid = ops.reshape(ids[:, 1:-1], (-1, self.steps, self.voices))
        vectors = ops.one_hot(grid, self.vocabulary_size, dtype="float32")
        return ops.matmul(vectors, self._table.T)

    def compile(self, optimizer, loss=None, metrics=()) -> None:
        """Compiles both halves, with Adam's coefficients of the WGAN with gradient penalty."""
        settings = {**optimizer.get_config(), "beta_1": 0.5, "beta_2": 0.9}
        # In a namespace, which Keras does not search for layers: the halves are not part of the model.
        self.halves = types.SimpleNamespace(critic=CriticHalf(self), generator=GeneratorHalf(self))
        for half in vars(self.halves).values():
            half.compile(optimizer=optimizer.from_config(dict(settings)), loss=half.loss_of, metrics=half.measures)
            half.optimizer.build(half.trainable_variables)
        super().compile(optimizer=self.halves.generator.optimizer)

    @property
    def optimizers(self):
        return [half.optimizer for half in vars(self.halves).values()]

    def batches(self, data, settings, seed, epoch):
        batches = super().batches(data, settings, seed, epoch)
        self._check_voices(data)
        return batches

    def _check_voices(self, data: Pieces) -> None:
        """Raises ValueError where phrases differ in length, or a voice has no note in any of them."""
        lengths = set(np.diff(data.offsets).tolist())
        if lengths != {self.length + 1}:
            raise ValueError(
                f"a GAN needs phrases of {self.length + 1} ids each, got {sorted(lengths)}; prepare the dataset with"
                " encodings.Phrases(voices='SBAT', metres=['4/4'])"
            )
        grid = np.reshape(data.ids, (-1, self.length + 1))[:, 2:-1].reshape(-1, self.steps, self.voices)
        silent = [voice + 1 for voice in range(self.voices) if self.phrase_tokens.pitch[grid[..., voice]].max() < 0]
        if silent:
            raise ValueError(
                f"of the {self.voices} voices of these phrases, number {silent[0]} never sounds; train a GAN on pieces"
                " in four voices, such as corpus.load('bach')"
            )

    def samples(self, z, uniforms):
        """Returns phrases as one-hot vectors, (batch, steps, voices, symbols), with the gradient of soft ones.

        Straight-through Gumbel-softmax: the maximum of logits with Gumbel noise is a sample of their softmax.

        Source: Eric Jang et al., "Categorical Reparameterization with Gumbel-Softmax" (2017).

        Args:
            z: (batch, latent).
            uniforms: (batch, steps, voices, symbols), random numbers in [0, 1).
        """
        noise = -ops.log(-ops.log(ops.clip(uniforms, 1e-7, 1 - 1e-7)))
        soft = ops.softmax((self.generator(z) + noise) / self.gumbel)
        hard = ops.one_hot(ops.argmax(soft, axis=-1), len(self.symbols), dtype="float32")
        return soft + ops.stop_gradient(hard - soft)

    def fakes(self, count):
        """Returns generated phrases for training, (count, steps, voices, symbols)."""
        z = keras.random.normal((count, self.latent_size), seed=self.chance)
        shape = (count, self.steps, self.voices, len(self.symbols))
        return self.samples(z, keras.random.uniform(shape, seed=self.chance))

    def distance(self, grids: np.ndarray, count: int = 512) -> float:
        """Returns the energy distance of generated phrases from held-out ones, ids (n, steps, voices)."""
        rng = np.random.default_rng(0)  # the same in every epoch
        uniforms = rng.random((count, self.steps, self.voices, len(self.symbols)), dtype=np.float32)
        vectors = self.samples(latent_vectors(self.latent_size, count, 0), uniforms)
        own = np.array(self.symbols)[np.argmax(ops.convert_to_numpy(vectors), axis=-1)]
        return energy_distance(*(features(grid, self.phrase_tokens) for grid in (grids, own)))

    def fit(self, batches, validation_data, initial_epoch, epochs, callbacks, shuffle=False, verbose=0) -> None:
        """Trains critic and generator in turn; called by ``training.train``.

        The loss of an epoch is the critic's estimate of the Wasserstein distance, that of validation the energy
        distance of generated phrases from held-out ones.
        """
        critic, generator = self.halves.critic, self.halves.generator
        held_out = np.concatenate([ops.convert_to_numpy(targets) for _, targets in _every(validation_data)])
        held_out = held_out[:, 1:-1].reshape(-1, self.steps, self.voices)
        watch = keras.callbacks.CallbackList(callbacks, model=self, epochs=epochs, steps=len(batches))
        self.stop_training = False
        watch.on_train_begin()
        for epoch in range(initial_epoch, epochs):
            watch.on_epoch_begin(epoch)
            critic.reset_metrics()
            for number, (_, ids) in enumerate(_every(batches)):
                watch.on_train_batch_begin(number)
                _, loss = critic.train_on_batch(ids, ids)
                if number % self.critic_steps == self.critic_steps - 1:
                    generator.train_on_batch(ids, ids)
                watch.on_train_batch_end(number, {"loss": loss})
                if self.stop_training:
                    break
            if isinstance(batches, keras.utils.PyDataset):
                batches.on_epoch_end()
            watch.on_test_begin()
            distance = self.distance(held_out)
            watch.on_test_end()
            watch.on_epoch_end(epoch, {"loss": loss, "val_loss": distance})
            if self.stop_training:
                break
        watch.on_train_end()


def _every(batches) -> Iterator:
    """Yields each batch of a ``PyDataset``, or of a ``tf.data.Dataset``."""
    return (batches[i] for i in range(len(batches))) if isinstance(batches, keras.utils.PyDataset) else iter(batches)
