"""Likelihood: how probable a network finds pieces of ids, in nats.

A piece of more than ``WINDOW`` ids is read window by window. The state goes from window to window, as in sampling, so
that each prediction sees what it would see in the whole piece, and time and memory are linear in the length.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import keras
import numpy as np
from keras import ops
from tqdm.auto import tqdm

from musiclib import config
from musiclib.dataset import Pieces, Windows
from musiclib.dataset.pieces import rows
from musiclib.encodings.vocabulary import PADDING
from musiclib.models.compiling import compiled, initial_state

WINDOW = 256  # ids that a network takes at once; a multiple of 16 steps of four voices
_SHORTEST = 64  # shapes are rounded up to this or a larger power of two, so that few are compiled
_WORTH_COMPILING = 8  # batches of short pieces; compiling takes as long as some of them


def nats(
    model, pieces: Pieces, sources: Pieces | None = None, batch_size: int = 8, progress: bool = False
) -> list[np.ndarray]:
    """Returns -log P of every id of each piece but the first, one float32 array (ids - 1,) per piece.

    A network that predicts only the token after a window gets one window per id.

    Args:
        model: an autoregressive model that has a likelihood.
        pieces: each from ``<start>`` to ``<end>``, or as far as it is to be measured.
        sources: of a conditional model, the source of each piece; it is read as a whole.
        batch_size: pieces or windows in a batch.
        progress: show a progress bar if it takes more than a few seconds.
    """
    lengths = np.maximum(np.diff(pieces.offsets) - 1, 0)
    total = int(lengths.sum())
    with tqdm(
        total=total, desc="likelihood", unit="token", delay=config.BAR_AFTER, leave=None, disable=not progress
    ) as bar:
        if model.targets == "last":
            return np.split(_one_by_one(model, pieces, batch_size, bar), np.cumsum(lengths)[:-1])
        order = np.argsort(lengths, kind="stable")  # pieces of similar length share a batch
        order = order[lengths[order] > 0]
        batches = [order[i : i + batch_size].tolist() for i in range(0, len(order), batch_size)]
        every = [np.zeros(0, np.float32)] * len(pieces)
        for batch in batches:
            ids = _together([pieces[i] for i in batch])
            source = None if sources is None else _together([sources[i] for i in batch])
            if ids.shape[1] > WINDOW + 1 or len(batches) >= _WORTH_COMPILING:
                ids, source = _rounded(ids, source, batch_size)
            if ids.shape[1] > WINDOW + 1:
                found = _by_windows(model, ids, source, bar)
            else:
                inputs = ids[:, :-1] if source is None else (source, ids[:, :-1])
                key = None if len(batches) < _WORTH_COMPILING else (ids.shape, source is not None and source.shape)
                found = ops.convert_to_numpy(_function(model, _nats, key)(inputs, ids[:, 1:]))
                bar.update(int(np.sum(ids[:, 1:] != PADDING)))
            for i, line in zip(batch, found, strict=False):
                every[i] = line[: lengths[i]]
    return every


def _by_windows(model, ids: np.ndarray, source: np.ndarray | None, bar: tqdm) -> np.ndarray:
    """Returns -log P of ids (pieces, time) but the first of each, (pieces, time - 1)."""
    state, found = initial_state(model, len(ids), source), []
    function = _function(model, _window_nats, tuple(tuple(part.shape) for part in state))
    for begin in range(0, ids.shape[1] - 1, WINDOW):
        window = ids[:, begin : begin + WINDOW + 1]
        losses, state = function(window[:, :-1], window[:, 1:], state)
        found.append(ops.convert_to_numpy(losses))
        bar.update(int(np.sum(window[:, 1:] != PADDING)))
    return np.concatenate(found, axis=1)


def _one_by_one(model, pieces: Pieces, batch_size: int, bar: tqdm) -> np.ndarray:
    """Returns -log P of each id that has its own window, (ids,)."""
    if not np.any(np.diff(pieces.offsets) > 1):
        return np.zeros(0, np.float32)
    windows, found = Windows(pieces, model.context_length, batch_size, "last", lead_in=True), [np.zeros(0, np.float32)]
    is_compiled = len(windows) >= _WORTH_COMPILING
    function = _function(model, _nats, (batch_size,) if is_compiled else None)
    for inputs, targets in (windows[i] for i in range(len(windows))):
        count = len(inputs)
        if is_compiled:
            inputs, targets = (_padded(part, batch_size, part.shape[1]) for part in (inputs, targets))
        found.append(ops.convert_to_numpy(function(inputs, targets))[:count, 0])
        bar.update(count)
    return np.concatenate(found)


def _function(model, function: Callable, key: tuple | None) -> Callable:
    """Returns a function of the model, compiled where there is a key."""
    if key is None:
        return functools.partial(function, lambda: model)
    return compiled(model, (function.__name__, *key), function, xla=False)


def _nats(model_reference, inputs, targets):
    """Returns -log P of the targets of a batch, (batch, time)."""
    return _cross_entropy(model_reference()(inputs, training=False), targets)


def _window_nats(model_reference, ids, targets, state):
    """Returns -log P of the targets of a window, (batch, time), and the state after it."""
    logits, state = model_reference().advance(ids, state)
    return _cross_entropy(logits, targets), state


def _cross_entropy(logits, targets):
    return keras.losses.sparse_categorical_crossentropy(targets, logits, from_logits=True)


def _together(pieces: list[np.ndarray]) -> np.ndarray:
    """Returns pieces as rows of the longest one's length; at the start, padding would be context."""
    return rows(pieces, max(map(len, pieces)))


def _rounded(ids: np.ndarray, source: np.ndarray | None, batch_size: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Pads a batch to one of a few shapes: of ids to whole windows and the next id, or to a power of two."""
    count, time = min(_power(len(ids)), batch_size), ids.shape[1] - 1
    time = -(-time // WINDOW) * WINDOW if time > WINDOW else _power(max(time, _SHORTEST))
    ids = _padded(ids, count, time + 1)
    return ids, None if source is None else _padded(source, count, _power(max(source.shape[1], _SHORTEST)))


def _power(number: int) -> int:
    """Returns a number rounded up to a power of two."""
    return 1 << (number - 1).bit_length()


def _padded(ids: np.ndarray, count: int, length: int) -> np.ndarray:
    """Returns rows of ids with padding at their end, and rows of padding after them."""
    return np.pad(ids, ((0, count - len(ids)), (0, length - ids.shape[1])), constant_values=PADDING)
