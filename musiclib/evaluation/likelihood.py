"""Likelihood: cross-entropy of a run on held-out pieces, in nats per token.

It is computed from ids, so a network and the n-gram baseline with the same encoding and vocabulary are comparable.
"""

from __future__ import annotations

from collections.abc import Iterable

import keras
import numpy as np
from keras import ops

from musiclib.dataset import PairedPieces, Pieces, Windows
from musiclib.dataset.pieces import rows
from musiclib.encodings.vocabulary import PADDING
from musiclib.evaluation import latent


def nats_per_token(run, pieces: Pieces | PairedPieces, batch_size: int = 8) -> float:
    """Returns the mean of -log P over every id but the first of each piece.

    A network that predicts all positions gets whole pieces; one that predicts only the token after a window gets one
    window per id. Of a VAE it is an upper bound, the negative evidence lower bound (ELBO).

    Args:
        run: a trained run, with the vocabulary of the ids.
        pieces: held-out pieces, each from ``<start>`` to ``<end>``; for a conditional network pairs, whose targets
            are predicted from the whole sources.
        batch_size: pieces or windows in a batch.

    Raises:
        ValueError: where an id lies outside the run's vocabulary, no piece has two ids, or the network has no
            likelihood.
    """
    if not run.model.has_likelihood:
        raise ValueError(f"a {run.config.model.name} has no likelihood; compare its phrases with evaluation.bars")
    sources, pieces = getattr(pieces, "sources", None), pieces.targets
    lengths = np.diff(pieces.offsets)
    if not np.any(lengths > 1):
        raise ValueError(f"nothing to predict in these {len(pieces)} pieces; give one of at least 2 ids")
    if len(pieces.ids) and pieces.ids.max() >= len(run.vocabulary):
        raise ValueError(
            f"these pieces hold the id {pieces.ids.max()} and the run's vocabulary ends at {len(run.vocabulary) - 1};"
            " encode them with the run's own encoding and vocabulary"
        )
    if run.model.latent_size:
        return latent.bound(run, pieces)
    if run.model.targets == "last":
        windows = Windows(pieces, run.model.context_length, batch_size, "last", lead_in=True)
        return _mean_loss(run.model, (windows[i] for i in range(len(windows))))
    # Padding goes at the end: at the start it would be context that generation never has.
    order = np.argsort(lengths, kind="stable")
    order = order[lengths[order] > 1]
    batches = (order[i : i + batch_size] for i in range(0, len(order), batch_size))
    together = ((batch, _together([pieces[i] for i in batch])) for batch in batches)
    if sources is None:
        return _mean_loss(run.model, ((ids[:, :-1], ids[:, 1:]) for _, ids in together))
    return _mean_loss(
        run.model, (((_together([sources[i] for i in batch]), ids[:, :-1]), ids[:, 1:]) for batch, ids in together)
    )


def _together(pieces: list[np.ndarray]) -> np.ndarray:
    """Returns pieces as rows of the longest one's length."""
    return rows(pieces, max(map(len, pieces)))


def _mean_loss(model, batches: Iterable[tuple]) -> float:
    total, count = 0.0, 0
    for inputs, targets in batches:
        logits = model(inputs, training=False)
        losses = keras.losses.sparse_categorical_crossentropy(targets, logits, from_logits=True)
        counted = targets != PADDING
        total += float(np.sum(ops.convert_to_numpy(losses)[counted], dtype=np.float64))
        count += int(counted.sum())
    return total / count
