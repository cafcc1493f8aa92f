"""Likelihood: cross-entropy of a run on held-out pieces, in nats per token.

It is computed from ids, so a network and the n-gram baseline with the same encoding and vocabulary are comparable.
"""

from __future__ import annotations

import numpy as np

from musiclib.dataset import PairedPieces, Pieces
from musiclib.encodings import check_vocabulary
from musiclib.evaluation import latent
from musiclib.models.likelihood import nats
from musiclib.sampling.primers import check_loaded


def nats_per_token(run, pieces: Pieces | PairedPieces, batch_size: int = 8, progress: bool = True) -> float:
    """Returns the mean of -log P over every id but the first of each piece.

    Of a VAE it is an upper bound, the negative evidence lower bound (ELBO). The time is linear in the length of a
    piece, and the memory hardly depends on it.

    Args:
        run: a trained run, with the vocabulary of the ids.
        pieces: held-out pieces, each from ``<start>`` to ``<end>``; for a conditional network pairs, whose targets
            are predicted from the whole sources.
        batch_size: pieces or windows in a batch.
        progress: show a progress bar if it takes more than a few seconds.

    Raises:
        ValueError: where an id lies outside the run's vocabulary, no piece has two ids, or the network has no
            likelihood.
    """
    if not hasattr(run, "model"):
        check_loaded(run)
    pieces, sources = pieces.targets, getattr(pieces, "sources", None)
    _check(run, pieces)
    if run.model.latent_size:
        return latent.bound(run, pieces)
    return float(np.mean(np.concatenate(nats(run.model, pieces, sources, batch_size, progress)), dtype=np.float64))


def nats_of_tokens(run, ids: np.ndarray) -> np.ndarray:
    """Returns -log P of every id of a piece but the first, (ids - 1,) float64; raises as ``nats_per_token`` does.

    Args:
        run: a trained run, without a source or a latent vector.
        ids: one piece, from ``<start>`` to ``<end>``.
    """
    piece = Pieces.from_lists([ids])
    _check(run, piece)
    return nats(run.model, piece, batch_size=64)[0].astype(np.float64)


def _check(run, pieces: Pieces) -> None:
    """Raises ValueError where pieces have no likelihood under a run."""
    if not run.model.has_likelihood:
        raise ValueError(f"a {run.config.model.name} has no likelihood; compare its phrases with evaluation.bars")
    check_vocabulary(run.vocabulary.fingerprint, pieces)
    if not np.any(np.diff(pieces.offsets) > 1):
        raise ValueError(f"nothing to predict in these {len(pieces)} pieces; give one of at least 2 ids")
    if len(pieces.ids) and pieces.ids.max() >= len(run.vocabulary):
        raise ValueError(
            f"these pieces hold the id {pieces.ids.max()} and the run's vocabulary ends at {len(run.vocabulary) - 1};"
            " encode them with the run's own encoding and vocabulary"
        )
