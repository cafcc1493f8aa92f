"""Ranking: the best of several versions first, by likelihood and, in voices, by voice leading."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from musiclib.dataset import Pieces
from musiclib.dataset.pieces import from_start_to_end
from musiclib.models.likelihood import nats
from musiclib.sampling.primers import check_run, source_ids
from musiclib.score import Score
from musiclib.score.voice_leading import parallels

# Nats that a parallel costs: log of how much more frequent they are in samples of models/jsb_gru, 1.3 % of the moves of
# two voices, than in Bach's chorales, 0.1 %. The likelihood hardly shows them.
PARALLEL = 2.6


class Ranked(NamedTuple):
    """A score with what ranks it; lower is better.

    Attributes:
        score: the piece.
        nats: -log P of its tokens, and ``PARALLEL`` for each parallel fifth, octave or unison; per token.
        parallels: number of parallels; 0 for a piece in one part.
        place: its index in the list that was given.
    """

    score: Score
    nats: float
    parallels: int
    place: int


def rank(run, scores: Sequence[Score], source: Score | None = None) -> list[Ranked]:
    """Sorts versions of a piece, best first.

    A piece of likely notes need not be the most interesting one: ranking is for versions of the same passage, such as
    harmonizations, and against slips. ``harmonize`` uses it.

    Args:
        run: a run with a likelihood of single tokens.
        scores: the versions.
        source: of a conditional run, what they were generated from.

    Raises:
        ValueError: if there are no scores, one has no tokens, or the run has no likelihood of single tokens.
    """
    check_run(run)
    scores = list(scores)
    if not scores:
        raise ValueError("rank: there are no scores to rank; give a list of some")
    if run.model.latent_size or not run.model.has_likelihood:
        raise ValueError(
            f"rank: a {run.config.model.name} gives no likelihood of tokens; take an autoregressive network"
        )
    tokens = [run.vocabulary.to_ids(run.encoding.encode(score), allow_unknown=True) for score in scores]
    if not all(map(len, tokens)):
        empty = next(i for i, ids in enumerate(tokens) if not len(ids))
        raise ValueError(f"rank: the score {empty} has no notes in {run.encoding}; leave it out")
    return rank_ids(run, scores, tokens, source_ids(run, source))


def rank_ids(run, scores: Sequence[Score], ids: Sequence[np.ndarray], source: np.ndarray | None) -> list[Ranked]:
    """Sorts versions whose ids, (n,) each, and source are known; see ``rank``."""
    pieces = Pieces.from_lists([from_start_to_end(piece) for piece in ids])
    sources = None if source is None else Pieces.from_lists([source] * len(ids))
    ranked = []
    for i, (score, losses) in enumerate(zip(scores, nats(run.model, pieces, sources), strict=True)):
        crossed = parallels(score)[0] if len(score.part_names) > 1 else 0
        ranked.append(Ranked(score, (float(losses.sum()) + PARALLEL * crossed) / len(losses), crossed, i))
    return sorted(ranked, key=lambda version: version.nats)
