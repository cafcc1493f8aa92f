"""Likelihood: how probable a network finds pieces of ids, in nats."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np
from keras import ops

from musiclib.dataset import Pieces, Windows
from musiclib.dataset.pieces import rows
from musiclib.encodings.vocabulary import PADDING


def nats(model, pieces: Pieces, sources: Pieces | None = None, batch_size: int = 8) -> list[np.ndarray]:
    """Returns -log P of every id of each piece but the first, one float32 array (ids - 1,) per piece.

    A network that predicts all positions gets whole pieces; one that predicts only the token after a window gets one
    window per id.

    Args:
        model: an autoregressive model that has a likelihood.
        pieces: each from ``<start>`` to ``<end>``, or as far as it is to be measured.
        sources: of a conditional model, the source of each piece.
        batch_size: pieces or windows in a batch.
    """
    lengths = np.maximum(np.diff(pieces.offsets) - 1, 0)
    if model.targets == "last":
        windows = Windows(pieces, model.context_length, batch_size, "last", lead_in=True)
        found = [_losses(model, *windows[i]) for i in range(len(windows))]
        return np.split(np.concatenate([np.zeros(0, np.float32), *found]), np.cumsum(lengths)[:-1])
    order = np.argsort(lengths, kind="stable")
    every = [np.zeros(0, np.float32)] * len(pieces)
    for batch, inputs, targets in _batches(pieces, sources, order[lengths[order] > 0], batch_size):
        losses = np.split(_losses(model, inputs, targets), np.cumsum(lengths[batch])[:-1])
        for i, own in zip(batch.tolist(), losses, strict=True):
            every[i] = own
    return every


def _losses(model, inputs, targets: np.ndarray) -> np.ndarray:
    """Returns -log P of the targets of a batch that are not padding, (ids,)."""
    logits = model(inputs, training=False)
    losses = keras.losses.sparse_categorical_crossentropy(targets, logits, from_logits=True)
    return ops.convert_to_numpy(losses)[targets != PADDING]


def _batches(pieces: Pieces, sources: Pieces | None, order: np.ndarray, batch_size: int) -> Iterator[tuple]:
    """Yields the numbers of the pieces of a batch, its inputs and its targets."""
    # Padding goes at the end: at the start it would be context that generation never has.
    for batch in (order[i : i + batch_size] for i in range(0, len(order), batch_size)):
        ids = _together([pieces[i] for i in batch])
        inputs = ids[:, :-1] if sources is None else (_together([sources[i] for i in batch]), ids[:, :-1])
        yield batch, inputs, ids[:, 1:]


def _together(pieces: list[np.ndarray]) -> np.ndarray:
    """Returns pieces as rows of the longest one's length."""
    return rows(pieces, max(map(len, pieces)))
