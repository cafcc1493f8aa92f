"""Choosing: of several candidates, the piece in the key that was asked for, and that leads back into its beginning."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from musiclib.dataset import Pieces
from musiclib.encodings.vocabulary import RESERVED, START
from musiclib.models.likelihood import nats
from musiclib.sampling.constraints import Constraints
from musiclib.score import Score, estimates, scales

CANDIDATES = 8  # pieces that are generated for each one returned, where one is chosen


def choose(
    run,
    pieces: Sequence[np.ndarray],
    scores: Sequence[Score],
    costs: Sequence[dict[str, float]],
    primer: np.ndarray,
    constraints: Constraints,
) -> tuple[list[int], list[dict[str, float]]]:
    """Returns the index of one of every ``CANDIDATES`` pieces, and its costs.

    Chosen is the first in the key, by ``score.estimates.key``; for a loop, of those in the key the one after which the
    network finds the first bar likeliest. The key then costs -log of the share of candidates in it, too. The loop costs
    the -log P of the first bar after the end of the piece, less that at the beginning of a piece; below 0, the network
    expects it more as a return.

    Args:
        run: the run that generated them.
        pieces: the ids of each, without the primer.
        scores: each as music.
        costs: of the other constraints.
        primer: ids that each piece begins with.
        constraints: with the key, and the time signature of a loop.

    Raises:
        ValueError: if a loop is asked for and the run gives no likelihood of what follows a piece.
    """
    returns = return_costs(run, pieces, primer, constraints) if constraints.loop else [0.0] * len(pieces)
    chosen, found = [], []
    for first in range(0, len(pieces), CANDIDATES):
        group = range(first, first + CANDIDATES)
        fitting = [i for i in group if constraints.key is None or in_key(scores[i], constraints.key)]
        best = min(fitting or group, key=lambda i: returns[i])
        own = dict(costs[best])
        if constraints.key is not None:
            own["key"] = round(own["key"] + math.log(CANDIDATES / max(len(fitting), 1)), 3)
        if constraints.loop:
            own["loop"] = round(returns[best], 3)
        chosen.append(best)
        found.append(own)
    return chosen, found


def in_key(score: Score, name: str) -> bool:
    """Returns whether a score's estimated key has the tonic of a key, and its mode or one with the same third."""
    if not len(score):
        return False
    tonic, _, mode = scales.key(name)
    fifths, estimated = estimates.key(score)
    minor = 3 in scales.SCALES[mode]
    return estimated == ("minor" if minor else "major") and (7 * fifths + 9 * minor) % 12 == tonic


def return_costs(run, pieces: Sequence[np.ndarray], primer: np.ndarray, constraints: Constraints) -> list[float]:
    """Returns the -log P of each piece's first bar after its end, less that at the beginning of a piece."""
    if run.model.latent_size or run.model.conditional or not run.model.has_likelihood:
        raise ValueError(
            f"loop: a {run.config.model.name} gives no likelihood of what follows a piece; take a run of an"
            " unconditional autoregressive network, such as stacked_lstm"
        )
    upper, lower = constraints.metre
    wholes = [np.concatenate([[START], primer, piece]).astype(np.int32) for piece in pieces]
    firsts = [_first_bar(run, whole[1:], Fraction(4 * upper, lower)) for whole in wholes]
    after = [np.concatenate([whole, first]) for whole, first in zip(wholes, firsts, strict=True)]
    before = [np.concatenate([[START], first]) for first in firsts]
    after, before = (nats(run.model, Pieces.from_lists(ids)) for ids in (after, before))
    return [float(a[len(a) - len(b) :].sum() - b.sum()) for a, b in zip(after, before, strict=True)]


def _first_bar(run, ids: np.ndarray, bar: Fraction) -> np.ndarray:
    """Returns the ids of the first bar of a piece."""
    time = Fraction(0)
    for count, i in enumerate(ids.tolist()):
        if time >= bar:
            return ids[:count]
        time += run.encoding.reading(run.vocabulary.tokens[i]).moves if i >= len(RESERVED) else 0
    return ids
