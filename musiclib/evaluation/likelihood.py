"""Likelihood: cross-entropy of a run on held-out pieces, in nats per token.

It is computed from ids, so a network and the n-gram baseline with the same encoding and vocabulary are comparable.
"""

from __future__ import annotations

from collections.abc import Iterator

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
    pieces, sources = pieces.targets, getattr(pieces, "sources", None)
    _check(run, pieces)
    if run.model.latent_size:
        return latent.bound(run, pieces)
    return float(np.mean(np.concatenate([*_losses(run, pieces, sources, batch_size)]), dtype=np.float64))


def nats_of_tokens(run, ids: np.ndarray) -> np.ndarray:
    """Returns -log P of every id of a piece but the first, (ids - 1,) float64; raises as ``nats_per_token`` does.

    Args:
        run: a trained run, without a source or a latent vector.
        ids: one piece, from ``<start>`` to ``<end>``.
    """
    piece = Pieces.from_lists([ids])
    _check(run, piece)
    return np.concatenate([*_losses(run, piece, None, 64)]).astype(np.float64)


def _check(run, pieces: Pieces) -> None:
    """Raises ValueError where pieces have no likelihood under a run."""
    if not run.model.has_likelihood:
        raise ValueError(f"a {run.config.model.name} has no likelihood; compare its phrases with evaluation.bars")
    if not np.any(np.diff(pieces.offsets) > 1):
        raise ValueError(f"nothing to predict in these {len(pieces)} pieces; give one of at least 2 ids")
    if len(pieces.ids) and pieces.ids.max() >= len(run.vocabulary):
        raise ValueError(
            f"these pieces hold the id {pieces.ids.max()} and the run's vocabulary ends at {len(run.vocabulary) - 1};"
            " encode them with the run's own encoding and vocabulary"
        )


def _losses(run, pieces: Pieces, sources: Pieces | None, batch_size: int) -> Iterator[np.ndarray]:
    """Yields -log P of the ids of each batch, (ids,); those of one piece are in order."""
    for inputs, targets in _batches(run.model, pieces, sources, batch_size):
        logits = run.model(inputs, training=False)
        losses = keras.losses.sparse_categorical_crossentropy(targets, logits, from_logits=True)
        yield ops.convert_to_numpy(losses)[targets != PADDING]


def _batches(model, pieces: Pieces, sources: Pieces | None, batch_size: int) -> Iterator[tuple]:
    """Yields the inputs and targets of a network's batches."""
    if model.targets == "last":
        windows = Windows(pieces, model.context_length, batch_size, "last", lead_in=True)
        yield from (windows[i] for i in range(len(windows)))
        return
    # Padding goes at the end: at the start it would be context that generation never has.
    lengths = np.diff(pieces.offsets)
    order = np.argsort(lengths, kind="stable")
    order = order[lengths[order] > 1]
    for batch in (order[i : i + batch_size] for i in range(0, len(order), batch_size)):
        ids = _together([pieces[i] for i in batch])
        inputs = ids[:, :-1] if sources is None else (_together([sources[i] for i in batch]), ids[:, :-1])
        yield inputs, ids[:, 1:]


def _together(pieces: list[np.ndarray]) -> np.ndarray:
    """Returns pieces as rows of the longest one's length."""
    return rows(pieces, max(map(len, pieces)))
