"""Style transfer: a piece in another style, phrase by phrase.

Each phrase is encoded, and proposals are decoded along the style vector, with the style tokens of the target and some
noise. Of the proposals that keep enough of the phrase, the most typical one of the target is taken. How much must be
kept falls with the strength; the phrase itself is always among the proposals. Equal phrases stay equal.

What is not restyled remains: the upbeat, other voices, tempo, key and time signatures, velocity, the last pitch class,
the length.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np
from keras import ops

from musiclib.dataset.pieces import from_start_to_end, rows
from musiclib.encodings.chorale import HOLD, REST
from musiclib.encodings.vocabulary import UNKNOWN
from musiclib.evaluation.content import Grid, similarity
from musiclib.models.latent import posterior
from musiclib.sampling import latent
from musiclib.sampling.rules import check_whole
from musiclib.score import Score, pitch_number
from musiclib.style import rebuilding, tokens

_SHIFTS = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0)  # along the style vector
_NOISE = (0.0, 0.3, 0.5, 0.7)  # standard deviations
_BATCH = 256  # phrases that are decoded at once; one size, so that the loop is compiled once
FLOOR = 0.35  # content that must be kept at full strength


def transfer(
    run, score: Score, to: str | Mapping[str, float], strength: float = 1.0, seed: int = 0, floor: float = FLOOR
) -> Score:
    """Transfers a piece to another style.

    Args:
        run: a trained run of a ``style_vae``.
        score: a piece in any style.
        to: a style, or a mixture of styles as weights by name.
        strength: from 0 (the piece as it is) to 1.
        seed: of the noise of the proposals.
        floor: how much of a phrase, from 0 to 1, must remain at full strength; the mean of contour, rhythm and chroma.

    Returns:
        A piece of the same length.

    Raises:
        ValueError: at an unknown style, a strength outside 0 to 1, a piece without notes or with no phrase that the run
            can encode.
    """
    target = tokens.shares(run, to)
    if not 0 <= strength <= 1:
        raise ValueError(f"strength must lie between 0 and 1, got {strength}")
    check_whole("seed", seed, 0)
    places = _places(run, score)
    if strength == 0:
        return score
    phrases = {phrase.tobytes(): phrase for _, _, phrase in places}
    ids = list(phrases.values())
    chosen = dict(zip(phrases, _restyled(run, ids, target, 1 - strength * (1 - floor), seed), strict=True))
    changed = [(start, stop, chosen[phrase.tobytes()]) for start, stop, phrase in places]
    changed = [
        (start, stop, run.vocabulary.to_tokens(new))
        for (start, stop, new), (_, _, old) in zip(changed, places, strict=True)
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


def _restyled(run, phrases: list[np.ndarray], target: np.ndarray, least: float, seed: int) -> list[np.ndarray]:
    """Returns for each phrase the most typical proposal of those that keep at least so much of it."""
    proposals = _proposals(run, phrases, target, seed)
    typical = typicality(run, [p for each in proposals for p in each], target)
    starts = np.cumsum([0, *map(len, proposals)])
    chosen = []
    for phrase, candidates, start in zip(phrases, proposals, starts, strict=False):
        keep = content(run, phrase, candidates)
        values = np.where(keep >= least - 1e-9, typical[start : start + len(candidates)], -np.inf)
        chosen.append(candidates[int(values.argmax())])
    return chosen


def _proposals(run, phrases: list[np.ndarray], target: np.ndarray, seed: int) -> list[list[np.ndarray]]:
    """Returns for each phrase itself, first, and its decoded proposals."""
    ids = rows(map(from_start_to_end, phrases), run.model.length + 1)
    z = posterior(run.model, ids)[0]
    source = ops.convert_to_numpy(ops.softmax(run.model.read_style(ids[:, :-1]))).mean(axis=0)
    names = run.model.styles
    ends = tokens.vector(run, dict(zip(names, target, strict=True)))
    step = ends - tokens.vector(run, dict(zip(names, source, strict=True)))
    rng, parts = np.random.default_rng(seed), []
    for shift in _SHIFTS:
        for deviation in _NOISE:
            # The same noise for every phrase: a piece stays of one piece.
            moved = z + shift * step + deviation * rng.standard_normal(z.shape[1])
            parts.append(tokens.with_scores(run, moved, ends[run.model.content_size :]))
    metres = np.tile([phrase[0] for phrase in phrases], len(parts))
    decoded = _decode(run, np.concatenate(parts), metres)
    # Steps beyond the end of the phrase are dropped, as by the encoding.
    return [[phrase, *(p[: len(phrase)] for p in decoded[i :: len(phrases)])] for i, phrase in enumerate(phrases)]


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


def typicality(run, phrases: list[np.ndarray], target: np.ndarray) -> np.ndarray:
    """Returns how typical phrases are of a style, (phrases,): log odds that the network reads it."""
    ids = rows(map(from_start_to_end, phrases), run.model.length + 1)
    parts = [ops.convert_to_numpy(run.model.read_style(ids[i : i + 1024, :-1])) for i in range(0, len(ids), 1024)]
    logits = np.concatenate(parts)
    others = np.where(target > 0, -np.inf, logits)
    return logits @ target - np.logaddexp.reduce(others, axis=1, initial=-30.0)


def content(run, phrase: np.ndarray, others: list[np.ndarray]) -> np.ndarray:
    """Returns how much of a phrase others keep, (others,): the mean of contour, rhythm and chroma."""
    values = similarity(_grid(run, [phrase]), _grid(run, others, len(phrase)))
    return np.mean([*values.values()], axis=0)


def _grid(run, phrases: list[np.ndarray], length: int | None = None) -> Grid:
    """Returns phrases of ids, time signature first, as a grid."""
    symbols = run.vocabulary.tokens
    voices = len(run.encoding.voices)
    table = rows(phrases, length or len(phrases[0]))[:, 1:].reshape(len(phrases), -1, voices)
    known = np.array([_pitch(symbol) for symbol in symbols])[table]
    pitch = known.copy()
    for step in range(1, pitch.shape[1]):
        pitch[:, step] = np.where(known[:, step] == _HELD, pitch[:, step - 1], pitch[:, step])
    return Grid(np.where(pitch < 0, -1, pitch), known >= 0)


_HELD = -2


def _pitch(token: str) -> int:
    if token == HOLD:
        return _HELD
    try:
        return pitch_number(token)
    except ValueError:
        return -1
