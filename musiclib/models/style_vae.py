"""A variational autoencoder of phrases whose decoder attends to style tokens, and its presets.

The style tokens are a learned bank of keys and values. At each position of a phrase, the decoder's plan asks a query of
the bank, and adds the attended values. A style shifts all these attentions: it is a vector of scores, one for each
token, which is added to the logits of the attention. So the latent vector has two parts: the content ``z``, as in a
``vae``, and the scores.

    plan' = plan + softmax(queries . keys / sqrt(d) + scores) . values

Training takes a labelled dataset. Every label has scores of its own, so the content need not hold what the label says.
A second head reads the label off a phrase. For a phrase without label it gives the scores, and it tells how typical of
a style a phrase is.

Source: Yuxuan Wang et al., "Style Tokens: Unsupervised Style Modeling, Control and Transfer in End-to-End Speech
Synthesis" (2018), for the bank; there it is attended to once a phrase, and without labels.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import ops

from musiclib.encodings.vocabulary import LABEL, labels
from musiclib.models.layers.phrase_tokens import ATTRIBUTES
from musiclib.models.registry import register
from musiclib.models.vae import PHRASES, PRESETS, VAE

_SHORTEST = 13  # tokens that the layers of ``read_style`` need; shorter phrases are padded
_QUERY = 32  # size of the queries and keys
_PACE = 0.01  # of the moving average of the styles' content
_CERTAIN = -20.0  # log variance of the scores, which have no distribution


@keras.saving.register_keras_serializable("musiclib")
class StyleVAE(VAE):
    """See ``style_vae``.

    Attributes:
        styles: the labels, in the order of the rows below and of the logits of ``read_style``.
        style_scores: (styles, style tokens).
        style_means: (styles, content), the mean content of the training phrases of each style.
    """

    labels_size = 1

    def __init__(self, vocabulary_size, tokens, length, latent_size, *options, style_tokens, **kwargs) -> None:
        if not (isinstance(style_tokens, int) and 2 <= style_tokens < latent_size - 1):
            raise ValueError(f"style_tokens must be from 2 to latent_size - 2, got {style_tokens!r}")
        self.styles = labels(tokens or ())
        if tokens and len(self.styles) < 2:
            raise ValueError(
                f"this network is trained on phrases of at least two styles, and the vocabulary has {len(self.styles)}"
                " labels; prepare the dataset from a labelled corpus, corpus.load({'one': ..., 'other': ...})"
            )
        self.style_tokens = style_tokens
        super().__init__(vocabulary_size, tokens, length, latent_size, *options, **kwargs)
        self.options["style_tokens"] = style_tokens
        places = {LABEL + style: place for place, style in enumerate(self.styles)}
        self.places = [places.get(token, -1) for token in tokens]  # of each id among the styles
        self.query = keras.layers.Dense(_QUERY, name="query")
        self.style_reader = [
            keras.layers.Embedding(vocabulary_size, 24, name="style_embedding"),
            keras.layers.Conv1D(128, 5, strides=2, activation="relu", name="style_passages"),
            keras.layers.Conv1D(128, 5, strides=2, activation="relu", name="style_phrases"),
            keras.layers.GlobalMaxPooling1D(name="style_pooled"),
            keras.layers.Dropout(0.3, name="style_dropout"),
            keras.layers.Dense(len(self.styles), dtype="float32", name="style_logits"),
        ]

    @property
    def content_size(self) -> int:
        return self.latent_size - self.style_tokens

    def build(self, input_shape) -> None:
        self.query.build((None, None, self.width))
        shape = (None, max(self.length - 1, _SHORTEST))
        for layer in self.style_reader:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)
        for name, size in (("keys", _QUERY), ("values", self.width)):
            weight = self.add_weight(shape=(self.style_tokens, size), initializer="glorot_uniform", name=name)
            setattr(self, name, weight)
        shape = (len(self.styles), self.style_tokens)
        self.style_scores = self.add_weight(shape=shape, initializer="random_normal", name="style_scores")
        shape = (len(self.styles), self.content_size)
        self.style_means = self.add_weight(
            shape=shape, initializer="zeros", trainable=False, name="style_means", aggregation="mean"
        )
        super().build(input_shape)

    def read_style(self, ids, training=False):
        """Returns the logits of the styles, (batch, styles), of phrases of ids from ``<start>``.

        The time signature is not read: a transfer keeps it, so it must not decide.
        """
        x = self.without_ends(ids)[:, 1:]
        x = ops.pad(x, ((0, 0), (0, max(_SHORTEST - self.length + 1, 0))))
        for layer in self.style_reader:
            x = layer(x, training=training) if isinstance(layer, keras.layers.Dropout) else layer(x)
        return x

    def attention(self, latents):
        """Returns the weights of the style tokens at each position, (batch, length, style tokens)."""
        return self._attend(super().plan(latents[:, : self.content_size]), latents)

    def _attend(self, plan, latents):
        likeness = ops.matmul(self.query(plan), ops.transpose(self.keys)) / _QUERY**0.5
        return ops.softmax(likeness + latents[:, None, self.content_size :], axis=-1)

    def plan(self, z):
        plan = super().plan(z[:, : self.content_size])
        return plan + ops.matmul(self._attend(plan, z), self.values)

    def posterior(self, ids):
        """Returns the mean and the log variance of the latent vectors of phrases, each (batch, latent) float32.

        Args:
            ids: int32, (batch, time), each from ``<start>``; of ``length`` + 1 ids the second is the label.
        """
        ids, label = self._split(ids)
        mean, log_variance = super().posterior(ids)
        shares = ops.softmax(self.read_style(ids)) if label is None else ops.one_hot(label, len(self.styles))
        scores = ops.matmul(shares, self.style_scores)
        certain = ops.full_like(scores, _CERTAIN)
        return ops.concatenate([mean, scores], axis=1), ops.concatenate([log_variance, certain], axis=1)

    def call(self, ids, training=False):
        mean, log_variance = self.posterior(ids)
        phrases, label = self._split(ids)
        if not training:
            return self.decode(phrases, mean)
        self.batches_seen.assign_add(1.0)
        self._remember(mean[:, : self.content_size], label)
        return self.decode(phrases, self.sample(mean, log_variance), training=True)

    def _remember(self, content, label):
        """Moves the mean content of each style towards that of a batch."""
        members = ops.transpose(ops.one_hot(label, len(self.styles)))
        count = ops.sum(members, axis=1, keepdims=True)
        apart = ops.matmul(members, content) / ops.maximum(count, 1.0) - self.style_means
        self.style_means.assign_add(_PACE * ops.where(count > 0, apart, 0.0))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Returns the loss of a ``vae``, plus in training the cross-entropy of the labels."""
        phrases, label = self._split(x)
        loss = super().compute_loss(x, y[:, 1:], y_pred, training=training)
        if training:
            logits = self.read_style(phrases, training=True)
            unlike = ops.sparse_categorical_crossentropy(label, logits, from_logits=True)
            loss = loss + ops.sum(unlike) / self.count(y[:, 1:])
        return loss

    def _split(self, ids):
        """Returns phrases without labels, and the place of each one's label among the styles, None without labels."""
        if ids.shape[1] <= self.length:
            return ids, None
        label = ops.take(ops.convert_to_tensor(self.places, "int32"), ids[:, 1], axis=0)
        return ops.concatenate([ids[:, :1], ids[:, 2:]], axis=1), label


def style_vae(
    vocabulary_size: int,
    tokens: Sequence[str] | None = None,
    length: int = 34,
    latent_size: int = 64,
    style_tokens: int = 8,
    encoder: Sequence[int] = (384,),
    plan: Sequence[int] = (384, 64),
    context: int = 8,
    units: int = 128,
    word_dropout: float = 0.4,
    beta: float = 0.6,
    free_bits: float = 16.0,
    annealing: int = 1000,
    attributes: Sequence[str] = ATTRIBUTES,
    attribute_weight: float = 3.0,
) -> StyleVAE:
    """Builds a variational autoencoder of phrases with style tokens; see ``vae`` for the other options.

    Args:
        vocabulary_size: number of token ids.
        tokens: the tokens of the vocabulary, labels among them; ``training.train`` gives them.
        length: ids of the longest phrase with its ``<end>``, without its label: ``encoding.longest + 1``.
        latent_size: size of the latent vector, the content and the scores of the style tokens.
        style_tokens: number of style tokens in the bank.
        encoder: sizes of the encoder's dense layers.
        plan: sizes of the decoder's dense layers; the last one for each position.
        context: number of earlier tokens that the decoder sees; 0 for a parallel decoder.
        units: size of the layers that read them.
        word_dropout: probability that an earlier token is hidden from the decoder in training.
        beta: weight of the KL.
        free_bits: KL of a phrase that costs nothing, in bits.
        annealing: batches over which the weight of the KL rises from 0 to ``beta``.
        attributes: what the first latent dimensions follow, of phrases of one voice; ``()`` for nothing.
        attribute_weight: weight of the attributes in the loss of a phrase.

    Returns:
        A model from ids (batch, time), with or without a label after ``<start>``, to logits (batch, time, vocabulary).

    Raises:
        ValueError: at an invalid option, or tokens without labels or time signatures.
    """
    options = (latent_size, encoder, plan, context, units, word_dropout, beta, free_bits, annealing, attributes)
    model = StyleVAE(
        vocabulary_size, tokens, length, *options, attribute_weight, style_tokens=style_tokens, name="style_vae"
    )
    model.build((None, None))
    return model


register("style_vae", style_vae, PHRASES._replace(text="Phrases of a labelled corpus"), **PRESETS)
