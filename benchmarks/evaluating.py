"""Evaluating: seconds and memory of a piece's likelihood against its length, window by window and as a whole."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks import memory
from benchmarks.generation import as_run
from benchmarks.measure import Comparison, Figure, Row, Setting, Unavailable, forget_peak, peak_memory, seconds

LENGTHS = (1000, 2000, 4000, 8000)  # tokens
_TOKENS = 304  # of the vocabulary
_COPIES = 6  # of the attention scores of one layer, at the most at once


def sides(length: int) -> tuple[Callable[[], float], Callable[[], float]]:
    """Returns two functions to the nats per token of a piece: at once, as an untrained network sees it, and ours.

    Args:
        length: ids of the piece.
    """
    import keras
    import numpy as np

    from musiclib import config, evaluation, models
    from musiclib.dataset import Pieces
    from musiclib.encodings.vocabulary import RESERVED, START, Vocabulary

    keras.utils.set_random_seed(0)
    vocabulary = Vocabulary([*RESERVED, *(f"token:{i}" for i in range(_TOKENS))])
    model = models.build("transformer", len(vocabulary), **config.preset("quick", "transformer").model.options)
    ids = np.random.default_rng(0).integers(len(RESERVED), len(vocabulary), length)
    piece, run = Pieces.from_lists([[START, *ids[1:]]]), as_run(model, vocabulary)

    def whole() -> float:
        logits = model(piece[0][None, :-1], training=False)
        losses = keras.losses.sparse_categorical_crossentropy(piece[0][None, 1:], logits, from_logits=True)
        return float(keras.ops.mean(losses))

    return whole, lambda: evaluation.nats_per_token(run, piece, progress=False)


def _whole(length: int) -> Callable[[Setting], Callable[[], float]]:
    def prepare(setting: Setting) -> Callable[[], float]:
        needed, free = _COPIES * 4 * 4 * length**2, memory.available_memory()  # four heads, float32
        if needed > 0.8 * free:
            raise Unavailable(f"the attention takes {needed / 1e9:.1f} GB and {free / 1e9:.1f} GB are free")
        whole, _ = sides(length)
        return lambda: seconds(whole)

    return prepare


def _windows(length: int) -> Callable[[Setting], Callable[[], Figure]]:
    def prepare(setting: Setting) -> Callable[[], Figure]:
        _, ours = sides(length)
        before = forget_peak()
        first = seconds(ours)
        remark = f"the first call, with compiling, {first:.2f} s and {peak_memory() - before:.0f} MB"
        return lambda: (seconds(ours), remark)

    return prepare


COMPARISONS = tuple(
    Comparison(
        rows=(Row(f"evaluate_{length}", f"Transformer, likelihood of {length:,} tokens", _windows(length), least),),
        unit="s",
        against="the whole piece at once",
        baseline=_whole(length),
    )
    for length, least in zip(LENGTHS, (None, None, None, 10), strict=True)
)
