"""The latent space of a variational autoencoder: from phrases to vectors, from vectors to phrases.

A latent vector is one row of an array (phrases, latent). Nearby vectors decode to similar phrases; the vectors of new
phrases come from a standard normal distribution, the prior.

Source: Ken Shoemake, "Animating rotation with quaternion curves" (1985), for spherical interpolation; Tom White,
"Sampling Generative Networks" (2016), for its use in latent spaces.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import numpy as np

from musiclib.dataset.pieces import from_start_to_end, rows
from musiclib.encodings import Phrases
from musiclib.encodings.vocabulary import UNKNOWN
from musiclib.models.latent import latent_vectors, posterior
from musiclib.sampling.generation import generate, generate_ids
from musiclib.sampling.primers import check_latents, check_run, latent_size
from musiclib.sampling.rules import check_whole
from musiclib.score import Score, inheritance, meter
from musiclib.score.checking import check_score, check_scores
from musiclib.score.voices import STEPS_PER_QUARTER


def encode(run, scores: Score | Iterable[Score]) -> np.ndarray:
    """Returns the latent vectors of phrases, the means of the encoder's distributions.

    Args:
        run: a trained run of a VAE.
        scores: phrases; of a longer piece each phrase is a row.

    Returns:
        (phrases, latent) float32.

    Raises:
        ValueError: where the run is not of a VAE, there is no note, or a phrase is too long for it.
    """
    check_vae(run)
    scores = [scores] if isinstance(scores, Score) else check_scores(scores, "latent.encode")
    return means(run, [ids for score in scores for ids in _phrases(run, score)])


def decode(run, z: np.ndarray, temperature: float | None = None, seed: int | None = None) -> list[Score]:
    """Decodes latent vectors.

    Args:
        run: a trained run of a VAE or a GAN.
        z: (phrases, latent).
        temperature: of the sampling of the tokens; None takes the likeliest.
        seed: makes sampled tokens repeatable.

    Raises:
        ValueError: where the vectors have another size, or are not finite.
    """
    z = check_latents(run, z)
    rules = {"greedy": True} if temperature is None else {"temperature": temperature}
    return generate(run, len(z), latents=z, seed=seed, **rules) if len(z) else []


def prior(run, count: int, seed: int | None = None) -> np.ndarray:
    """Draws latent vectors from the standard normal distribution, (count, latent) float32."""
    size = latent_size(run)
    check_whole("count", count, 1)
    return latent_vectors(size, count, seed)


def interpolate(run, a: Score | np.ndarray, b: Score | np.ndarray, steps: int = 7) -> np.ndarray:
    """Returns latent vectors on the great circle from one phrase to another, both included.

    On a straight line the middle would be nearer to the origin than phrases are.

    Args:
        run: a trained run of a VAE, or for vectors of a GAN.
        a: a phrase or its latent vector.
        b: the same.
        steps: number of vectors, at least 2.

    Returns:
        (steps, latent) float32.

    Raises:
        ValueError: where a or b is not one phrase, or the phrases differ in length.
    """
    check_whole("steps", steps, 2)
    if isinstance(a, Score) and isinstance(b, Score):
        lengths = [_length(run, score) for score in (a, b)]
        if lengths[0] != lengths[1]:
            raise ValueError(
                f"the two phrases have different lengths, {lengths[0]} and {lengths[1]} sixteenths; interpolate between"
                " phrases of the same time signature"
            )
    start, end = (_one(run, each) for each in (a, b))
    share = np.linspace(0, 1, steps, dtype=np.float32)[:, None]
    norms = np.linalg.norm(start), np.linalg.norm(end)
    cosine = float(np.clip(start @ end / max(norms[0] * norms[1], 1e-12), -1, 1))
    angle = np.arccos(cosine)
    if np.sin(angle) < 1e-4:  # the same direction, or the opposite one, which has no single great circle
        return ((1 - share) * start + share * end).astype(np.float32)
    weights = np.sin((1 - share) * angle) / np.sin(angle), np.sin(share * angle) / np.sin(angle)
    return (weights[0] * start + weights[1] * end).astype(np.float32)


def attribute(run, name: str) -> int:
    """Returns the latent dimension that follows an attribute, such as ``"pitch range"``.

    Raises:
        ValueError: where the run has no such dimension; the message lists those it has.
    """
    check_vae(run)
    known = run.model.attributes
    if str(name).replace("_", " ") not in known:
        listing = ", ".join(map(repr, known)) or "none"
        raise ValueError(f"this run has no attribute {name!r}; it has {listing}")
    return known.index(name.replace("_", " "))


def morph(run, score: Score, **changes: float) -> list[Score]:
    """Changes the attributes of phrases, which keep their time signatures.

    Args:
        run: a trained run of a VAE with attributes.
        score: one or more phrases.
        **changes: by how much each attribute's dimension moves, such as ``note_density=+1.5``; the prior's standard
            deviation is 1.

    Returns:
        One Score for each phrase.

    Raises:
        ValueError: at an unknown attribute or a change that is not finite.
    """
    check_vae(run)
    check_score(score, "morph")
    phrases = _phrases(run, score)
    z = means(run, phrases)
    for name, change in changes.items():
        z[:, attribute(run, name)] += change
    decoded = in_metres(run, z, [ids[0] for ids in phrases])
    decoded = [run.encoding.decode(run.vocabulary.to_tokens(ids)) for ids in decoded]
    return [inheritance.inherit(phrase, inheritance.ending(score), run.encoding.keeps) for phrase in decoded]


def in_metres(run, z: np.ndarray, metres: Iterable[int]) -> list[np.ndarray]:
    """Decodes latent vectors in given time signatures, the likeliest token at each step.

    Args:
        run: a trained run of a VAE.
        z: (phrases, latent).
        metres: the id of the time signature of each phrase; ``<unknown>`` leaves it to the decoder.

    Returns:
        The ids of each phrase, time signature first.
    """
    z, metres = check_latents(run, z), np.asarray(metres)
    phrases: list[np.ndarray] = [np.zeros(0, np.int32)] * len(z)
    for metre in np.unique(metres).tolist():
        places = np.flatnonzero(metres == metre)
        primer = np.array([] if metre == UNKNOWN else [metre], np.int32)
        found = generate_ids(run, len(places), primer=primer, latents=z[places], greedy=True)
        for place, ids in zip(places.tolist(), found, strict=True):
            phrases[place] = np.concatenate([primer, ids])
    return phrases


def check_vae(run) -> None:
    """Raises ValueError where a run has no encoder."""
    check_run(run)
    if not hasattr(run.model, "posterior"):
        raise ValueError(f"a {run.config.model.name} has no encoder; take a run of a vae")


def _one(run, phrase: Score | np.ndarray) -> np.ndarray:
    if not isinstance(phrase, np.ndarray):
        check_score(phrase, "interpolate")
    z = encode(run, phrase) if isinstance(phrase, Score) else check_latents(run, phrase)
    if len(z) != 1:
        raise ValueError(f"interpolation is between two phrases, got a piece of {len(z)}; cut one with score.slice")
    return z[0]


def _length(run, score: Score) -> int:
    return len(run.encoding.encode(score)) - 1


def means(run, phrases: list[np.ndarray]) -> np.ndarray:
    """Returns the mean latent vectors of phrases of ids, time signature first, (phrases, latent)."""
    return posterior(run.model, rows(map(from_start_to_end, phrases), run.model.length + 1))[0]


def _phrases(run, score: Score) -> list[np.ndarray]:
    """Returns the ids of each phrase of a score; warns of what was filled up, or is new to the run."""
    encoding: Phrases = run.encoding
    if not len(score):
        raise ValueError("a score without notes has no phrase to encode; give one with notes")
    phrases = encoding.split(encoding.encode(score))
    if not phrases:
        raise ValueError("this score has no bar after its upbeat; give at least a bar")
    foreign = next((p[0] for p in phrases if p[0] not in run.vocabulary), None)
    longest = max(phrases, key=len)
    if len(longest) > run.model.length - 1:
        raise ValueError(
            f"a phrase of {encoding.bars} bars of {longest[0]} has {len(longest)} tokens, and this run knows phrases of"
            f" up to {run.model.length - 1}; give music in {', '.join(encoding.metres)}"
        )
    if foreign is not None:
        warnings.warn(
            f"this run was not trained on {foreign}: bars were cut by that time signature, and what it decodes will be"
            " in another",
            stacklevel=4,
        )
    steps = (len(phrases[0]) - 1) // len(encoding.voices)
    filled = (steps - steps // encoding.bars) / STEPS_PER_QUARTER  # up to the last bar
    if len(phrases) == 1 and score.end - meter.upbeat(score.time_signatures) <= filled:
        warnings.warn(
            f"this piece of {score.end:g} quarter lengths is shorter than a phrase of {encoding.bars} bars: it was"
            " filled up with rests",
            stacklevel=4,
        )
    return [run.vocabulary.to_ids(phrase, allow_unknown=True) for phrase in phrases]
