"""The base class of networks that turn a latent vector into a phrase: the decoder of a VAE, the generator of a GAN."""

from __future__ import annotations

import dataclasses

import numpy as np
from keras import ops

from musiclib.encodings.vocabulary import labels
from musiclib.models.autoregressive import AutoregressiveModel
from musiclib.models.layers.phrase_tokens import PhraseTokens

_BATCH = 1024  # phrases that are encoded at once


class LatentModel(AutoregressiveModel):
    """A network with a latent vector, drawn from a standard normal distribution for a new phrase.

    The latent vector enters by ``initial_state``. Here it gives the logits of all positions at once, which ``step``
    reads one by one; an autoregressive decoder overrides ``initial_state`` and ``step``.

    Attributes:
        latent_size: size of the latent vector.
        length: ids of the longest phrase, ``<end>`` included.
        labels_size: ids of the label before each phrase of the training data.
        options: the subclass's own, by the names of its constructor.
        phrase_tokens: the meaning of the ids.
    """

    labels_size = 0

    def __init__(self, vocabulary_size: int, tokens, length: int, latent_size: int, **kwargs) -> None:
        super().__init__(vocabulary_size, **kwargs)
        for name, value in (("length", length), ("latent_size", latent_size)):
            if not (isinstance(value, int) and value >= 2):
                raise ValueError(f"{name} must be a whole number of at least 2, got {value!r}")
        if tokens is None or len(tokens) != vocabulary_size:
            raise ValueError(f"tokens must be the {vocabulary_size} tokens of the vocabulary, got {tokens!r}")
        if not self.labels_size and labels(tokens):
            raise ValueError(
                f"{self.name} does not read labels, and the vocabulary has those of {', '.join(labels(tokens))}; take a"
                " style_vae, or a corpus without labels"
            )
        self.length, self.latent_size = length, latent_size
        self.phrase_tokens = PhraseTokens(tokens, length)

    def logits(self, z):
        """Returns the logits of all positions, (batch, length, vocabulary), from latent vectors (batch, latent)."""
        raise NotImplementedError

    def initial_state(self, batch_size: int, condition=None):
        """Returns the state before a phrase.

        Args:
            batch_size: number of phrases.
            condition: latent vectors, float32, (batch, latent).

        Raises:
            ValueError: without latent vectors.
        """
        return self.logits(self._latent(condition)), ops.zeros((batch_size,), "int32")

    def step(self, ids, state):
        table, position = state
        return row(table, position), (table, position + 1)

    def objective(self):
        return None, None  # the loss needs more than the logits

    def get_config(self) -> dict:
        sizes = {"tokens": self.phrase_tokens.tokens, "length": self.length, "latent_size": self.latent_size}
        return {**super().get_config(), **sizes, **self.options}

    def _latent(self, condition):
        if condition is None:
            raise ValueError("this network needs latent vectors: give initial_state a condition")
        return ops.convert_to_tensor(condition, "float32")

    def batches(self, data, settings, seed, epoch):
        if settings.window != self.length:
            raise ValueError(
                f"this network is built for phrases of {self.length} ids, and window is {settings.window}; give both"
                " the same value, encoding.longest + 1"
            )
        window = self.length + self.labels_size
        whole = dataclasses.replace(settings, window=window, align=window, targets="all")  # a phrase is a window
        batches = super().batches(data, whole, seed, epoch)
        longest = int(np.diff(data.offsets).max(initial=0)) - 1 - self.labels_size
        if longest > self.length:
            raise ValueError(
                f"a phrase has {longest} ids, and this network is built for {self.length}; set length and window to"
                f" {longest}, or prepare shorter phrases"
            )
        return batches


def posterior(model, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the encoder's means and log variances of many phrases, each (phrases, latent) float32.

    Args:
        model: a VAE.
        ids: from ``dataset.pieces.rows``, (phrases, length + 1), each phrase from ``<start>``.
    """
    empty = np.zeros((0, model.latent_size), np.float32)
    parts = [model.posterior(ids[i : i + _BATCH, :-1]) for i in range(0, len(ids), _BATCH)]
    return tuple(np.concatenate([empty, *(ops.convert_to_numpy(part[side]) for part in parts)]) for side in range(2))


def row(table, position):
    """Returns row ``position`` of each table: (batch, time, n) and (batch,) to (batch, n)."""
    place = ops.minimum(position, table.shape[1] - 1)
    return ops.take_along_axis(table, place[:, None, None], axis=1)[:, 0]


def latent_vectors(size: int, count: int, seed: int | None) -> np.ndarray:
    """Draws latent vectors from the standard normal distribution, (count, size) float32; the same on every backend."""
    rng = np.random.default_rng(None if seed is None else [seed, 1])
    return rng.standard_normal((count, size), dtype=np.float32)
