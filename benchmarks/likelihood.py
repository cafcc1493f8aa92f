"""Exact likelihoods: what a run gives every token, after all that was before it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from keras import ops

from musiclib.dataset import Pieces, Windows
from musiclib.encodings.vocabulary import PADDING, RESERVED
from musiclib.models import BUILDERS
from musiclib.training import Run

MODELS = tuple(name for name in BUILDERS if name != "seq2seq")  # which answers to a source; these compose by themselves


def log_probabilities(run: Run, rows: Sequence[np.ndarray], batch_size: int = 8) -> Iterator[np.ndarray]:
    """Gives log P of every token of the vocabulary, at every id of some pieces but the first of each.

    The probabilities are of tokens alone: the reserved ids (the end of a piece is one) are left out, and what a
    network gives them is dealt out to the tokens in proportion. A network that looks back without limit sees a piece
    whole. One with a ``context_length`` sees longer pieces through windows of that length, each half a window after
    the one before; a position is predicted in the first window in which at least half a window comes before it.

    Args:
        run: a trained run, whose vocabulary made the ids.
        rows: one array of ids a piece, ``<start>`` first.
        batch_size: pieces or windows predicted at once.

    Yields:
        For each piece (ids - 1, vocabulary - 4) float64, in nats; column i is the token of id i + 4.
    """
    if run.model.targets == "last":
        for row in rows:
            windows = Windows(Pieces.from_lists([row]), run.model.context_length, 256, "last", lead_in=True)
            batches = (windows[i][0] for i in range(len(windows)))
            yield np.concatenate([_normalised(run.model(inputs, training=False)[:, -1]) for inputs in batches])
        return
    for i in range(0, len(rows), batch_size):
        batch = [np.asarray(row[:-1], dtype=np.int32) for row in rows[i : i + batch_size]]
        longest, context = max(map(len, batch)), run.model.context_length
        # Padding stands at the end, where nothing that counts looks back on it.
        inputs = np.stack([np.pad(row, (0, longest - len(row)), constant_values=PADDING) for row in batch])
        windows = [inputs] if context is None or longest <= context else list(_halves(inputs, context))
        parts = [_normalised(run.model(window, training=False)) for window in windows]
        fresh = [part if k == 0 else part[:, context - _stride(context) :] for k, part in enumerate(parts)]
        predicted = np.concatenate(fresh, axis=1)
        yield from (predicted[k, : len(row)] for k, row in enumerate(batch))


def _halves(inputs: np.ndarray, context: int) -> Iterable[np.ndarray]:
    """Cuts rows into windows of ``context`` ids that lie half a window apart; the last may be shorter."""
    stride = _stride(context)
    for start in range(0, inputs.shape[1] - context + stride, stride):
        yield inputs[:, start : start + context]


def _stride(context: int) -> int:
    return max(context // 2, 1)


def _normalised(logits) -> np.ndarray:
    """Returns log-probabilities over the tokens, without the reserved ids."""
    kept = ops.convert_to_numpy(logits).astype(np.float64)[..., len(RESERVED) :]
    kept -= kept.max(axis=-1, keepdims=True)
    return kept - np.log(np.exp(kept).sum(axis=-1, keepdims=True))
