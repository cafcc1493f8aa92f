"""The networks, one file each; every builder returns a ``keras.Model`` that outputs logits."""

from __future__ import annotations

from musiclib.models.base import AutoregressiveModel
from musiclib.models.chorale_gru import chorale_gru
from musiclib.models.gru_attention import gru_attention
from musiclib.models.seq2seq import seq2seq
from musiclib.models.stacked_lstm import stacked_lstm
from musiclib.models.transformer import transformer

BUILDERS = {
    "stacked_lstm": stacked_lstm,
    "gru_attention": gru_attention,
    "transformer": transformer,
    "chorale_gru": chorale_gru,
    "seq2seq": seq2seq,
}


def build(name: str, vocabulary_size: int, **options) -> AutoregressiveModel:
    """Builds a network by name.

    Raises:
        ValueError: at an unknown name or option; the message names it and what there is.
    """
    if name not in BUILDERS:
        raise ValueError(f"unknown model {name!r}; there are {', '.join(BUILDERS)}")
    try:
        return BUILDERS[name](vocabulary_size, **options)
    except TypeError as error:
        raise ValueError(f"{name} cannot be built with {options}: {error}") from error
