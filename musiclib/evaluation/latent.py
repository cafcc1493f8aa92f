"""Latent: how well a VAE reconstructs held-out phrases, how much its latent vectors hold, and what copying reaches.

Most steps of a melody hold a note, and always predicting that scores high. So the accuracy on the steps where a note or
a rest begins counts, and the share of phrases without any error.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from keras import ops

from musiclib import sampling
from musiclib.corpus import Corpus
from musiclib.dataset import Pieces
from musiclib.dataset.pieces import from_start_to_end, rows
from musiclib.encodings import check_vocabulary
from musiclib.encodings.vocabulary import END, PADDING, START
from musiclib.evaluation.ngram import NGram
from musiclib.models.latent import posterior
from musiclib.models.layers.phrase_tokens import ATTRIBUTES
from musiclib.score import Score
from musiclib.score.checking import check_scores

_ACTIVE = 0.01  # variance of a unit's mean over phrases, as in Burda et al. (2016)
_BLOCK = 256


@dataclasses.dataclass(frozen=True)
class Accuracy:
    """How much of phrases is predicted correctly, from 0 to 1.

    Args:
        steps: share of all steps.
        notes: share of the steps where a note or a rest begins.
        exact: share of phrases without an error.
    """

    steps: float
    notes: float
    exact: float


@dataclasses.dataclass(frozen=True)
class Reconstruction:
    """A VAE's reconstruction of phrases.

    Args:
        teacher_forced: each token is predicted from the true ones before it and the mean latent vector.
        mean: phrases are decoded from their mean latent vectors, the likeliest token at each step.
        sampled: the same from a sample of the encoder's distribution.
        shuffled: the same from the mean latent vector of another phrase; chance.
        kl_bits: mean Kullback-Leibler divergence from the prior, in bits per phrase.
        active_units: latent dimensions whose mean varies over the phrases.
        nats_per_token: upper bound on the cross-entropy (the negative ELBO), by one sample.
        attributes: coefficient of determination R2 of each attribute with its dimension; nan where it does not vary.
    """

    teacher_forced: Accuracy
    mean: Accuracy
    sampled: Accuracy
    shuffled: Accuracy
    kl_bits: float
    active_units: int
    nats_per_token: float
    attributes: dict[str, float]


def reconstruction(run, phrases: Pieces, seed: int = 0) -> Reconstruction:
    """Measures the reconstruction of phrases.

    Args:
        run: a trained run of a VAE.
        phrases: held-out phrases, each from ``<start>`` to ``<end>``.
        seed: of the samples and the shuffle.

    Raises:
        ValueError: where the run has no encoder, or the phrases were made with another vocabulary.
    """
    model, rng = run.model, np.random.default_rng(seed)
    ids, mean, sample, kl = _encoded(run, phrases, seed)
    targets, hold = ids[:, 1:], model.phrase_tokens.hold

    def decoded(z: np.ndarray) -> Accuracy:
        found = sampling.generate_ids(run, len(z), latents=z, greedy=True)
        return accuracy(rows(found, model.length), targets, hold)

    forced = _blocks(model, ids, mean, lambda logits, _: ops.convert_to_numpy(ops.argmax(logits, axis=-1)))
    attributes = ops.convert_to_numpy(model.phrase_tokens.attributes(targets))
    return Reconstruction(
        teacher_forced=accuracy(np.concatenate(forced), targets, hold),
        mean=decoded(mean),
        sampled=decoded(sample),
        shuffled=decoded(mean[rng.permutation(len(mean))]),
        kl_bits=float(kl.mean() / np.log(2)),
        active_units=int(np.sum(mean.var(axis=0) > _ACTIVE)),
        nats_per_token=_bound(model, ids, sample, kl),
        attributes={
            name: _r2(mean[:, i], attributes[:, ATTRIBUTES.index(name)]) for i, name in enumerate(model.attributes)
        },
    )


def knobs(run, phrases: Pieces, changes: Sequence[float] = (-1.5, 1.5)) -> dict[str, dict[str, float]]:
    """Returns how far an attribute moves when its dimension does: the mean change in its standard deviations.

    A dimension can follow its attribute without any effect, if the decoder reads the attribute elsewhere.

    Args:
        run: a trained run of a VAE with attributes.
        phrases: held-out phrases.
        changes: of the dimension.

    Returns:
        For each attribute the mean change of the decoded phrases by the change of the dimension, such as ``"+1.5"``.
    """
    ids, mean, _, _ = _encoded(run, phrases, 0)

    def attributes(phrases: np.ndarray) -> np.ndarray:
        return ops.convert_to_numpy(run.model.phrase_tokens.attributes(phrases))

    found, before = {name: {} for name in run.model.attributes}, attributes(ids[:, 1:])
    for dimension, name in enumerate(run.model.attributes):
        column = ATTRIBUTES.index(name)
        for change in changes:
            z = mean.copy()
            z[:, dimension] += change
            after = sampling.latent.in_metres(run, z, ids[:, 1])
            moved = (attributes(rows(after, run.model.length)) - before)[:, column].mean()
            found[name][f"{change:+g}"] = float(moved / before[:, column].std())
    return found


def bound(run, phrases: Pieces, seed: int = 0) -> float:
    """Returns an upper bound on the cross-entropy of phrases in nats per token: the negative ELBO, by one sample."""
    ids, _, sample, kl = _encoded(run, phrases, seed)
    return _bound(run.model, ids, sample, kl)


def _bound(model, ids: np.ndarray, sample: np.ndarray, kl: np.ndarray) -> float:
    def nats(logits, targets) -> float:
        chosen = ops.take_along_axis(logits, targets[..., None], axis=-1)[..., 0]
        return float(ops.sum(ops.where(targets == PADDING, 0.0, ops.logsumexp(logits, axis=-1) - chosen)))

    return float((sum(_blocks(model, ids, sample, nats)) + kl.sum()) / np.sum(ids[:, 1:] != PADDING))


def _encoded(run, phrases: Pieces, seed: int) -> tuple[np.ndarray, ...]:
    """Returns the rows of phrases, their mean latent vectors, a sample of them, and each KL in nats."""
    sampling.latent.check_vae(run)
    check_vocabulary(run.vocabulary.fingerprint, phrases)
    model, ids = run.model, rows(phrases, run.model.length + 1)
    mean, log_variance = posterior(model, ids)
    noise = np.random.default_rng(seed).standard_normal(mean.shape, dtype=np.float32)
    kl = ops.convert_to_numpy(model.divergence(mean, log_variance))
    return ids, mean, mean + np.exp(log_variance / 2) * noise, kl


def likeliest(ngram: NGram, targets: np.ndarray) -> np.ndarray:
    """Returns what an n-gram predicts for each position, from the true tokens before it; (phrases, length) ids.

    It is the most frequent token after the longest known context.
    """
    predicted = np.zeros_like(targets)
    for line, ids in zip(predicted, np.pad(targets, ((0, 0), (1, 0)), constant_values=START).tolist(), strict=True):
        for i in range(1, len(ids)):
            contexts = (tuple(ids[i - n : i]) for n in range(min(ngram.order - 1, i), -1, -1))
            n, context = next((len(c), c) for c in contexts if c in ngram.counts[len(c)])
            line[i - 1] = ngram.counts[n][context].most_common(1)[0][0]
    return predicted


def judge(run, scores: Iterable[Score]) -> NGram:
    """Returns an n-gram of held-out music in all keys, to tell how likely new phrases are as music.

    Args:
        run: its encoding and vocabulary are used.
        scores: held-out pieces, other ones than those that are judged.
    """
    scores = tuple(check_scores(scores, "judge"))
    corpus = Corpus(tuple(map(str, range(len(scores)))), scores)
    examples = (tokens for score in corpus.transposed(range(-5, 7)).scores for tokens in run.encoding.examples(score))
    ids = (from_start_to_end(run.vocabulary.to_ids(tokens, allow_unknown=True)) for tokens in examples)
    return NGram(Pieces.from_lists(ids), len(run.vocabulary), order=4)


def prior_nats(run, ngram: NGram, count: int = 1000, scale: float = 1.0, seed: int = 0, **rules) -> float:
    """Returns the nats per token of new phrases under an n-gram; compare them with those of real phrases.

    Args:
        run: a trained run of a VAE or a GAN.
        ngram: from ``judge``.
        count: number of phrases.
        scale: standard deviation of the latent vectors; below 1 they are nearer to the middle of the prior.
        seed: of the latent vectors and the tokens.
        **rules: sampling rules such as ``temperature``.
    """
    z = scale * sampling.latent.prior(run, count, seed)
    phrases = sampling.generate_ids(run, count, latents=z, seed=seed, **rules)
    return ngram.nats_per_token(Pieces.from_lists(map(from_start_to_end, phrases)))


def accuracy(predicted: np.ndarray, targets: np.ndarray, hold: int) -> Accuracy:
    """Compares phrases of ids, time signature first, padded at the end.

    Args:
        predicted: (phrases, length).
        targets: (phrases, length).
        hold: the id of a held note.
    """
    steps = (targets != PADDING) & (targets != END)
    steps[:, 0] = False
    right = predicted == targets
    begins = steps & (targets != hold)
    return Accuracy(float(right[steps].mean()), float(right[begins].mean()), float((right | ~steps).all(axis=1).mean()))


def unseen(phrases: Pieces, training: Pieces) -> np.ndarray:
    """Returns which phrases do not stand in training, (phrases,) bool; in no key, if training has all of them."""
    check_vocabulary(training.vocabulary, phrases)
    seen = {phrase.tobytes() for phrase in training}
    return np.array([phrase.tobytes() not in seen for phrase in phrases])


def nearest(phrases: Pieces, training: Pieces, vocabulary_size: int) -> np.ndarray:
    """Returns for each phrase the training phrase with the most equal tokens, as rows of ids without ``<start>``.

    What copying reaches: a reconstruction must be better.
    """
    check_vocabulary(training.vocabulary, phrases)
    length = max(int(np.diff(part.offsets).max(initial=1)) for part in (phrases, training))
    wanted, known = (np.asarray(rows(part, length)[:, 1:]) for part in (phrases, training))
    best, chosen = np.full(len(wanted), -1.0), np.zeros(len(wanted), np.int64)

    def one_hot(block: np.ndarray) -> np.ndarray:
        vectors = np.zeros((*block.shape, vocabulary_size), np.float32)
        np.put_along_axis(vectors, block[..., None], (block != PADDING)[..., None], axis=-1)
        return vectors.reshape(len(block), -1)

    queries = one_hot(wanted)
    for start in range(0, len(known), 16 * _BLOCK):
        equal = queries @ one_hot(known[start : start + 16 * _BLOCK]).T
        place = equal.argmax(axis=1)
        value = equal[np.arange(len(wanted)), place]
        better = value > best
        best, chosen = np.where(better, value, best), np.where(better, start + place, chosen)
    return known[chosen]


def _blocks(model, ids: np.ndarray, z: np.ndarray, function: Callable) -> list:
    starts = range(0, len(ids), _BLOCK)
    parts = [(ids[i : i + _BLOCK], z[i : i + _BLOCK]) for i in starts]
    return [function(model.decode(part[:, :-1], latent), part[:, 1:]) for part, latent in parts]


def _r2(one: np.ndarray, other: np.ndarray) -> float:
    """Returns R2 of a linear regression, the squared correlation."""
    varies = one.std() > 0 and other.std() > 0
    return float(np.corrcoef(one, other)[0, 1] ** 2) if varies else np.nan
