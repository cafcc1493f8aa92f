"""A variational autoencoder (VAE) of phrases, and its presets.

A small encoder maps a phrase to a normal distribution over latent vectors, a decoder maps a latent vector back to the
phrase. Training minimizes the cross-entropy of the phrase, summed over its tokens, plus ``beta`` times the
Kullback-Leibler divergence (KL) of that distribution from the standard normal one:

    -log p(phrase | z) + beta * max(KL - free bits, 0)

The decoder first makes a plan, one vector for each position, from z. The parallel decoder reads the logits off it. The
autoregressive one also reads the last tokens; word dropout hides some of these, so that it relies on z.

The first latent dimensions can be regularized to follow an attribute of the phrase: within a batch, the order of the
phrases along the dimension is that of the attribute.

Source: Diederik Kingma and Max Welling, "Auto-Encoding Variational Bayes" (2014); Samuel Bowman et al., "Generating
Sentences from a Continuous Space" (2016), for annealing and word dropout; Adam Roberts et al., "A Hierarchical Latent
Vector Model for Learning Long-Term Structure in Music" (2018), for phrases; Ashis Pati and Alexander Lerch,
"Attribute-based Regularization of Latent Spaces for Variational Auto-Encoders" (2020), for the attributes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras
from keras import ops

from musiclib.config import TrainingConfig
from musiclib.encodings.vocabulary import END, PADDING, UNKNOWN
from musiclib.models.autoregressive import embedding_layer, logits_layer
from musiclib.models.latent import LatentModel, row
from musiclib.models.layers.phrase_tokens import ATTRIBUTES
from musiclib.models.losses import NextTokenLoss, sum_over_devices
from musiclib.models.registry import Takes, register

_SHARPNESS = 4.0  # of the order of two phrases along a dimension: it must not need a spread beyond the prior's


@keras.saving.register_keras_serializable("musiclib")
class VAE(LatentModel):
    """See ``vae``."""

    def __init__(
        self, vocabulary_size, tokens, length, latent_size, encoder, plan, context, units, word_dropout, beta,
        free_bits, annealing, attributes, attribute_weight, **kwargs,
    ) -> None:  # fmt: skip
        super().__init__(vocabulary_size, tokens, length, latent_size, **kwargs)
        self.options = {
            "encoder": list(encoder), "plan": list(plan), "context": context, "units": units,
            "word_dropout": word_dropout, "beta": beta, "free_bits": free_bits, "annealing": annealing,
            "attributes": list(attributes), "attribute_weight": attribute_weight,
        }  # fmt: skip
        unknown = [name for name in attributes if name not in ATTRIBUTES]
        if unknown or len(attributes) > latent_size:
            raise ValueError(f"attributes must be among {', '.join(map(repr, ATTRIBUTES))}, got {list(attributes)}")
        if not 0 <= word_dropout < 1:
            raise ValueError(f"word_dropout must be at least 0 and below 1, got {word_dropout}")
        self.attributes, self.attribute_weight = tuple(attributes), attribute_weight
        self.context, self.units, self.word_dropout = context, units, word_dropout
        self.beta, self.free_nats, self.annealing = beta, free_bits * math.log(2), annealing
        self.read = keras.layers.Embedding(vocabulary_size, 24, name="read")
        self.encoder = _dense_stack(encoder, "encoder")
        self.posterior_layer = keras.layers.Dense(2 * self.content_size, dtype="float32", name="posterior")
        *hidden, self.width = plan
        self.planner = _dense_stack([*hidden, length * self.width], "plan")
        if context:
            self.embedding = embedding_layer(vocabulary_size, 32)
            self.window = keras.layers.Conv1D(units, context, activation="relu", name="window")
            self.mixed = keras.layers.Dense(units, activation="relu", name="mixed")
        self.head = logits_layer(vocabulary_size)
        self.chance = keras.random.SeedGenerator()

    @property
    def content_size(self) -> int:
        """Size of the part of the latent vector that has a distribution and a KL: here all of it."""
        return self.latent_size

    def build(self, input_shape) -> None:
        self.read.build((None, self.length))
        size = self.length * 24
        for layer in [*self.encoder, self.posterior_layer]:
            layer.build((None, size))
            size = layer.units
        size = self.content_size
        for layer in self.planner:
            layer.build((None, size))
            size = layer.units
        if self.context:
            self.embedding.build((None, None))
            self.window.build((None, None, 32))
            self.mixed.build((None, None, self.units + self.width))
        self.head.build((None, None, self.width + self.units * bool(self.context)))
        self.batches_seen = self.add_weight(
            shape=(), initializer="zeros", trainable=False, name="batches_seen", aggregation="only_first_replica"
        )
        self.built = True

    def posterior(self, ids):
        """Returns the mean and the log variance of the latent vectors of phrases, each (batch, latent) float32.

        Args:
            ids: int32, (batch, time): ``<start>``, time signature, steps, then ``<end>`` and padding if any.
        """
        x = ops.reshape(self.read(self.without_ends(ids)), (-1, self.length * 24))
        for layer in self.encoder:
            x = layer(x)
        mean, log_variance = ops.split(self.posterior_layer(x), 2, axis=-1)
        return mean, ops.clip(log_variance, -10.0, 4.0)

    def without_ends(self, ids):
        """Returns phrases of ids without ``<start>`` and ``<end>``, padded to (batch, length)."""
        ids = ops.where(ids[:, 1:] == END, PADDING, ids[:, 1:])
        return ops.pad(ids, ((0, 0), (0, self.length - ids.shape[1])))

    def divergence(self, mean, log_variance):
        """Returns the KL divergence of the encoder's distributions from the prior, (batch,) nats."""
        mean, log_variance = mean[:, : self.content_size], log_variance[:, : self.content_size]
        return 0.5 * ops.sum(ops.square(mean) + ops.exp(log_variance) - log_variance - 1.0, axis=-1)

    def sample(self, mean, log_variance):
        """Draws latent vectors from normal distributions, (batch, latent)."""
        noise = keras.random.normal(ops.shape(mean), dtype=mean.dtype, seed=self.chance)
        return mean + ops.exp(log_variance / 2) * noise

    def plan(self, z):
        """Returns the plan of phrases, one vector for each position, (batch, length, width)."""
        for layer in self.planner:
            z = layer(z)
        return ops.reshape(z, (-1, self.length, self.width))

    def logits(self, z):
        return self.head(self.plan(z)) + self.phrase_tokens.bars

    def decode(self, ids, z, training=False):
        """Returns the logits of the token after each id, (batch, time, vocabulary), given latent vectors."""
        time = ids.shape[1]
        if not self.context:
            return self.logits(z)[:, :time]
        if training and self.word_dropout:
            hidden = keras.random.uniform(ops.shape(ids), seed=self.chance) < self.word_dropout
            ids = ops.where(ops.logical_and(hidden, ids != PADDING), UNKNOWN, ids)
        ids = ops.pad(ids, ((0, 0), (self.context - 1, 0)))
        return self._read(ids, self.plan(z)[:, :time]) + self.phrase_tokens.bars[:time]

    def _read(self, ids, plan):
        """Returns logits (batch, time, vocabulary) from a plan and ids, ``context`` - 1 more than the plan is long."""
        x = ops.concatenate([self.window(self.embedding(ids)), plan], axis=-1)
        return self.head(ops.concatenate([self.mixed(x), plan], axis=-1))

    def call(self, ids, training=False):
        mean, log_variance = self.posterior(ids)
        if training:
            self.batches_seen.assign_add(1.0)
            return self.decode(ids, self.sample(mean, log_variance), training=True)
        return self.decode(ids, mean)

    def initial_state(self, batch_size: int, condition=None):
        if not self.context:
            return super().initial_state(batch_size, condition)
        window = ops.full((batch_size, self.context), PADDING, dtype="int32")
        return window, self.plan(self._latent(condition)), ops.zeros((batch_size,), "int32")

    def step(self, ids, state):
        if not self.context:
            return super().step(ids, state)
        window, plan, position = state
        window = ops.concatenate([window[:, 1:], ids[:, None]], axis=1)
        logits = self._read(window, row(plan, position)[:, None])[:, 0]
        bars = ops.convert_to_tensor(self.phrase_tokens.bars[None])
        return logits + row(bars, position), (window, plan, position + 1)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Returns the loss of phrases divided by their number of tokens; in validation beta is full, without free bits.

        The posterior is computed a second time; compilers merge it with the first.
        """
        mean, log_variance = self.posterior(x)
        kl = self.divergence(mean, log_variance)
        tokens = self.count(y)
        loss = NextTokenLoss().call(y, y_pred)
        if not training:
            return loss + self.beta * ops.sum(kl) / tokens
        beta = self.beta * ops.minimum(self.batches_seen / max(self.annealing, 1), 1.0)
        loss = loss + beta * ops.sum(ops.relu(kl - self.free_nats)) / tokens
        if self.attributes:
            values = self.phrase_tokens.attributes(x[:, 1 + self.labels_size :])
            wanted = ops.stack([values[:, ATTRIBUTES.index(name)] for name in self.attributes], axis=1)
            # Of samples: in a dimension of the mean alone the order could stand below the noise, and say nothing.
            z = self.sample(mean, log_variance)[:, : len(self.attributes)]
            unlike = _order_loss(z, wanted)
            loss = loss + self.attribute_weight * unlike * ops.cast(ops.shape(x)[0], "float32") / tokens
        return loss

    def count(self, targets):
        """Returns the number of tokens among targets, on all devices."""
        return ops.maximum(sum_over_devices(ops.sum(ops.cast(targets != PADDING, "float32"))), 1.0)


def _dense_stack(sizes: Sequence[int], name: str) -> list[keras.layers.Layer]:
    """Returns dense layers of these sizes."""
    return [keras.layers.Dense(size, activation="relu", name=f"{name}_{i + 1}") for i, size in enumerate(sizes)]


def _order_loss(dimensions, attributes):
    """Returns how much the order of phrases along each dimension differs from that of its attribute, summed.

    Args:
        dimensions: (batch, n).
        attributes: (batch, n).
    """
    apart = ops.tanh(_SHARPNESS * (dimensions[:, None] - dimensions[None]))
    order = ops.sign(attributes[:, None] - attributes[None])
    return ops.sum(ops.mean(ops.abs(apart - order), axis=(0, 1)))


def vae(
    vocabulary_size: int,
    tokens: Sequence[str] | None = None,
    length: int = 34,
    latent_size: int = 64,
    encoder: Sequence[int] = (384,),
    plan: Sequence[int] = (384, 64),
    context: int = 8,
    units: int = 128,
    word_dropout: float = 0.4,
    beta: float = 0.4,
    free_bits: float = 16.0,
    annealing: int = 1000,
    attributes: Sequence[str] = ATTRIBUTES,
    attribute_weight: float = 3.0,
) -> VAE:
    """Builds a variational autoencoder of phrases.

    Args:
        vocabulary_size: number of token ids.
        tokens: the tokens of the vocabulary, of a ``Phrases`` encoding; ``training.train`` gives them.
        length: ids of the longest phrase with its ``<end>``: ``encoding.longest + 1``.
        latent_size: size of the latent vector.
        encoder: sizes of the encoder's dense layers.
        plan: sizes of the decoder's dense layers; the last one for each position.
        context: number of earlier tokens that the decoder sees; 0 for a parallel decoder, which predicts all positions
            at once.
        units: size of the layers that read them.
        word_dropout: probability that an earlier token is hidden from the decoder in training.
        beta: weight of the KL.
        free_bits: KL of a phrase that costs nothing, in bits.
        annealing: batches over which the weight of the KL rises from 0 to ``beta``.
        attributes: what the first latent dimensions follow, of phrases of one voice; ``()`` for nothing.
        attribute_weight: weight of the attributes in the loss of a phrase.

    Returns:
        A model from ids (batch, time) to logits (batch, time, vocabulary), with the mean latent vector of the ids.

    Raises:
        ValueError: at an invalid option, or tokens that are not of phrases.
    """
    options = (latent_size, encoder, plan, context, units, word_dropout, beta, free_bits, annealing, attributes)
    model = VAE(vocabulary_size, tokens, length, *options, attribute_weight, name="vae")
    model.build((None, None))
    return model


_PHRASES = {"window": 34, "batch_size": 256, "learning_rate": 1.5e-3, "patience": 4}
PRESETS = {
    "quick": (
        {"encoder": [256], "plan": [256, 64], "context": 0, "beta": 0.1, "annealing": 200},
        TrainingConfig(epochs=4, average=0.99, **_PHRASES),
    ),
    "full": ({}, TrainingConfig(epochs=40, average=0.998, **_PHRASES)),
}
PHRASES = Takes("Phrases", lambda encoding: encoding.name == "Phrases")
register("vae", vae, PHRASES, **PRESETS)
