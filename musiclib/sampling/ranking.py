"""Ranking: the best of several versions first, by likelihood and, in voices, by voice leading."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from musiclib.dataset import Pieces
from musiclib.dataset.pieces import from_start_to_end
from musiclib.encodings.vocabulary import UNKNOWN
from musiclib.models.likelihood import nats
from musiclib.sampling.primers import check_run, source_ids
from musiclib.score import Score
from musiclib.score.checking import check_scores
from musiclib.score.voice_leading import parallels

# Nats that a parallel fifth, octave or unison counts for: the likelihood hardly shows them. Of 0 to 20 tried on
# models/bach_harmonizer, this loses a tenth of the gain in likelihood and has a third fewer parallels.
PARALLEL = 10.0


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
    scores = check_scores(scores, "rank")
    if not scores:
        raise ValueError("rank: there are no scores to rank; give a list of some, such as sampling.generate returns")
    if run.model.latent_size or not run.model.has_likelihood:
        raise ValueError(
            f"rank: a {run.config.model.name} gives no likelihood of tokens; take an autoregressive network"
        )
    tokens = [run.vocabulary.to_ids(run.encoding.encode(score), allow_unknown=True) for score in scores]
    if not all(map(len, tokens)):
        empty = next(i for i, ids in enumerate(tokens) if not len(ids))
        raise ValueError(f"rank: the score {empty} has no notes in {run.encoding}; leave it out")
    strange = next((i for i, ids in enumerate(tokens) if UNKNOWN in ids), None)
    if strange is not None:
        token = run.encoding.encode(scores[strange])[tokens[strange].tolist().index(UNKNOWN)]
        raise ValueError(f"rank: the token {token!r} of the score {strange} is unknown to this run; leave it out")
    source = source_ids(run, source)
    pieces = Pieces.from_lists([from_start_to_end(ids) for ids in tokens])
    sources = None if source is None else Pieces.from_lists([source] * len(tokens))
    losses = nats(run.model, pieces, sources)
    return ranked(scores, [float(own.sum()) for own in losses], map(len, losses))


def best(scores: Sequence[Score], losses: Sequence[float], lengths: Sequence[int], candidates: int) -> list[Score]:
    """Returns the best of every ``candidates`` versions, whose -log P and numbers of tokens are known."""
    groups = [slice(i, i + candidates) for i in range(0, len(scores), candidates)]
    return [ranked(scores[group], losses[group], lengths[group])[0].score for group in groups]


def ranked(scores: Sequence[Score], losses: Iterable[float], lengths: Iterable[int]) -> list[Ranked]:
    """Sorts versions whose -log P and numbers of tokens are known; see ``rank``."""
    found = []
    for place, (score, loss, length) in enumerate(zip(scores, losses, lengths, strict=True)):
        crossed = parallels(score)[0] if len(score.part_names) > 1 else 0
        found.append(Ranked(score, (float(loss) + PARALLEL * crossed) / max(length, 1), crossed, place))
    return sorted(found, key=lambda version: version.nats)
