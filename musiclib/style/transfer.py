"""Style transfer: a piece in another style, phrase by phrase.

Each phrase is encoded, and proposals are decoded along the style vector, with the style tokens of the target and some
noise. Of the proposals that keep enough of the phrase, one is taken that is typical of the target, mostly in the key
and the range of the piece, and otherwise like the phrase. How much must be kept falls with the strength; the phrase
itself is always among the proposals. Equal phrases stay equal.

What is not restyled remains: the upbeat, other voices, tempo, key and time signatures, the median velocity, the last
note, the length.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np

from musiclib.encodings.chorale import HOLD, REST
from musiclib.encodings.vocabulary import UNKNOWN
from musiclib.sampling import latent
from musiclib.sampling.primers import check_latents
from musiclib.sampling.rules import check_whole
from musiclib.score import Score
from musiclib.score.checking import check_score
from musiclib.style import ranking, rebuilding, tokens
from musiclib.style.describing import Description

_SHIFTS = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0)  # along the style vector
_NOISE = (0.0, 0.3, 0.4, 0.5, 0.6, 0.7)  # standard deviations
_BATCH = 256  # phrases that are decoded at once; one size, so that the loop is compiled once
FLOOR = 0.35  # content that must be kept at full strength


def transfer(
    run,
    score: Score,
    to: str | Mapping[str, float] | Description,
    strength: float = 1.0,
    seed: int = 0,
    floor: float = FLOOR,
) -> Score:
    """Transfers a piece to another style.

    Args:
        run: a trained run of a ``style_vae``.
        score: a piece in any style.
        to: a style, a mixture of styles as weights by name, or what ``describe`` makes of a line of text: then also
            attributes and the tempo are changed.
        strength: from 0 (the piece as it is) to 1.
        seed: of the noise of the proposals.
        floor: how much of a phrase, from 0 to 1, must remain at full strength; the mean of contour, rhythm and chroma.

    Returns:
        A piece of the same length.

    Raises:
        ValueError: at an unknown style, a strength outside 0 to 1, a piece without notes or with no phrase that the run
            can encode.
    """
    check_score(score, "transfer")
    asked = to if isinstance(to, Description) else Description("", to)
    target, changes = tokens.shares(run, asked.style), np.zeros(run.model.latent_size)
    for name, change in asked.changes.items():
        changes[latent.attribute(run, name)] = strength * change
    if not 0 <= strength <= 1:
        raise ValueError(f"strength must lie between 0 and 1, got {strength}")
    check_whole("seed", seed, 0)
    places = _places(run, score)
    if strength == 0:
        return score
    phrases = {phrase.tobytes(): phrase for _, _, phrase in places}
    distinct = list(phrases.values())
    proposals = _proposals(run, distinct, target, changes, seed)
    best = ranking.best(run, distinct, proposals, target, 1 - strength * (1 - floor))
    chosen = dict(zip(phrases, best, strict=True))
    factor = asked.tempo**strength
    score = score.replace(tempos=tuple((onset, tempo * factor) for onset, tempo in score.tempos))
    return _rebuilt(run, score, places, [chosen[phrase.tobytes()] for _, _, phrase in places])


def latents(run, score: Score) -> np.ndarray:
    """Returns the latent vectors of the phrases of a piece that a transfer changes, (phrases, latent)."""
    tokens.styles(run)
    return latent.means(run, [phrase for _, _, phrase in _places(run, score)])


def decoded(run, score: Score, z: np.ndarray) -> Score:
    """Returns a piece with its phrases decoded from latent vectors, such as those of ``latents`` with other scores.

    Args:
        run: a trained run of a ``style_vae``.
        score: the piece; what is not a phrase is taken from it.
        z: (phrases, latent), one for each phrase.
    """
    places = _places(run, score)
    z = check_latents(run, z, len(places))
    phrases = _decode(run, z, np.array([phrase[0] for _, _, phrase in places]))
    return _rebuilt(run, score, places, phrases)


def _rebuilt(run, score: Score, places: list[tuple], phrases: list[np.ndarray]) -> Score:
    changed = [
        (start, stop, run.vocabulary.to_tokens(new))
        for (start, stop, old), new in zip(places, phrases, strict=True)
        if new.tobytes() != old.tobytes()
    ]
    return rebuilding.rebuild(score, run.encoding, changed)


def _places(run, score: Score) -> list[tuple[float, float, np.ndarray]]:
    """Returns start, end and ids of each phrase that the run can restyle; warns of others."""
    if not len(score):
        raise ValueError("a score without notes has no style to transfer; give one with notes")
    places, foreign = [], []
    for phrase, start, stop in run.encoding.passages(score):
        ids = run.vocabulary.to_ids(phrase, allow_unknown=True)
        if ids[0] == UNKNOWN or len(phrase) > run.model.length - 1:
            foreign.append(phrase[0])
        elif set(phrase[1:]) - {REST, HOLD}:
            places.append((start, stop, ids))
    if foreign and not places:
        raise ValueError(
            f"this run does not know the time signature {foreign[0]}; give music in {', '.join(run.encoding.metres)}"
        )
    if not places:
        raise ValueError("this score has no bar after its upbeat; give at least a bar")
    if foreign:
        warnings.warn(
            f"{len(foreign)} phrases in {', '.join(sorted(set(foreign)))} stay as they are: this run was not trained on"
            " these time signatures",
            stacklevel=3,
        )
    return places


def _proposals(run, phrases: list[np.ndarray], target, changes, seed: int) -> list[list[np.ndarray]]:
    """Returns for each phrase itself, first, and its decoded proposals."""
    z = latent.means(run, phrases)
    names = run.model.styles
    ends = tokens.vector(run, dict(zip(names, target, strict=True)))
    step = ends - tokens.vector(run, source_style(run, phrases))
    rng, parts = np.random.default_rng(seed), []
    for shift in _SHIFTS:
        for deviation in _NOISE:
            # The same noise for every phrase: a piece stays of one piece.
            moved = z + changes + shift * step + deviation * rng.standard_normal(z.shape[1])
            parts.append(tokens.with_scores(run, moved, ends[run.model.content_size :]))
    metres = np.tile([phrase[0] for phrase in phrases], len(parts))
    decoded = _decode(run, np.concatenate(parts), metres)
    # Steps beyond the end of the phrase are dropped, as by the encoding.
    return [[phrase, *(p[: len(phrase)] for p in decoded[i :: len(phrases)])] for i, phrase in enumerate(phrases)]


def source_style(run, phrases: list[np.ndarray]) -> dict[str, float]:
    """Returns the shares of the styles that the network reads in the phrases of a piece."""
    logits = ranking.style_logits(run, phrases)
    shares = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)).mean(axis=0)
    return dict(zip(run.model.styles, shares.tolist(), strict=True))


def _decode(run, z: np.ndarray, metres: np.ndarray) -> list[np.ndarray]:
    """Decodes latent vectors in batches of one size."""
    decoded: list[np.ndarray] = [np.zeros(0, np.int32)] * len(z)
    for metre in np.unique(metres):
        places = np.flatnonzero(metres == metre)
        for block in np.split(places, range(_BATCH, len(places), _BATCH)):
            padded = np.resize(block, _BATCH)
            found = latent.in_metres(run, z[padded], np.full(_BATCH, metre))
            for place, ids in zip(block.tolist(), found, strict=False):
                decoded[place] = ids
    return decoded
