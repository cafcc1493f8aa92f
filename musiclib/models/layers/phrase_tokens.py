"""Phrase tokens: what the ids of a ``Phrases`` encoding mean to a network, and the musical attributes of a phrase."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from keras import ops

from musiclib.encodings.chorale import HOLD
from musiclib.encodings.vocabulary import END, LABEL, RESERVED, UNKNOWN
from musiclib.models.autoregressive import NEVER
from musiclib.score import meter, pitch_number

ATTRIBUTES = ("rhythmic complexity", "pitch range", "note density", "contour")


class PhraseTokens:
    """The tokens of a vocabulary, for phrases of at most ``length`` ids (time signature, steps, ``<end>``).

    Args:
        tokens: the vocabulary's tokens, the reserved ones first.
        length: ids of the longest phrase.

    Raises:
        ValueError: where no token is a time signature.
    """

    def __init__(self, tokens: Sequence[str], length: int) -> None:
        self.tokens = tokens = list(tokens)
        metres = {i: tuple(map(int, token.split("/"))) for i, token in enumerate(tokens) if _is_metre(token)}
        if not metres:
            raise ValueError(
                "this network is trained on phrases, and the vocabulary has no time signature such as '4/4'; prepare"
                " the dataset with encodings.Phrases()"
            )
        self.pitch = np.array([_pitch(token) for token in tokens], "float32")  # -1 where no note begins
        self.hold = tokens.index(HOLD) if HOLD in tokens else -1
        allowed = np.zeros((length, len(tokens)), bool)
        allowed[:, [END, UNKNOWN, *range(len(RESERVED), len(tokens))]] = True
        allowed[:, list(metres)] = False
        allowed[0] = False
        allowed[0, [UNKNOWN, *metres]] = True
        allowed[:, [i for i, token in enumerate(tokens) if token.startswith(LABEL)]] = False
        self.bars = np.where(allowed, 0, NEVER).astype("float32")  # (length, tokens), added to logits
        self._depths = np.zeros((len(tokens), length - 1), "float32")
        for i, (upper, lower) in metres.items():
            self._depths[i] = np.resize(meter.depths(upper, lower), length - 1)

    def attributes(self, ids):
        """Returns the attributes of phrases of one voice, in the order of ``ATTRIBUTES``.

        Rhythmic complexity is the mean depth of the onsets in the metrical hierarchy, per step; pitch range the
        semitones from the lowest to the highest note; note density the share of steps with an onset; contour the
        semitones from the first note to the last.

        Source: Godfried Toussaint, "A mathematical analysis of African, Brazilian and Cuban clave rhythms" (2002), for
        the complexity; Ashis Pati and Alexander Lerch, "Attribute-based regularization of latent spaces for
        variational auto-encoders" (2020).

        Args:
            ids: int32, (batch, time): time signature, steps, then ``<end>`` and padding if any.

        Returns:
            (batch, 4) float32.
        """
        steps = ids[:, 1:]
        pitch = ops.take(ops.convert_to_tensor(self.pitch), steps, axis=0)
        begins = ops.cast(pitch >= 0, "float32")
        count = ops.maximum(ops.sum(ops.cast(steps >= len(RESERVED), "float32"), axis=1), 1.0)
        depths = ops.take(ops.convert_to_tensor(self._depths), ids[:, 0], axis=0)[:, : steps.shape[1]]
        some = ops.max(begins, axis=1)
        highest = ops.max(pitch, axis=1)
        lowest = ops.min(ops.where(pitch >= 0, pitch, 127.0), axis=1)
        place = ops.cast(ops.arange(1, steps.shape[1] + 1), "float32") * begins
        last = _at(pitch, ops.argmax(place, axis=1))
        first = _at(pitch, ops.argmax(begins, axis=1))
        return ops.stack(
            [
                ops.sum(depths * begins, axis=1) / count,
                some * (highest - lowest),
                ops.sum(begins, axis=1) / count,
                some * (last - first),
            ],
            axis=1,
        )


def _is_metre(token: str) -> bool:
    return "/" in token and not token.startswith(LABEL)


def _at(values, places):
    return ops.take_along_axis(values, ops.cast(places, "int32")[:, None], axis=1)[:, 0]


def _pitch(token: str) -> int:
    try:
        return pitch_number(token)
    except ValueError:
        return -1
