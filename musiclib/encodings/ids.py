"""Ids: arrays of token ids that know which vocabulary they were made with.

An id means nothing without its vocabulary, and those of two vocabularies look alike. So ids carry the fingerprint of
theirs, and what takes ids compares it with its own. Slices and copies keep it; what is calculated from ids, or joined
by ``np.concatenate``, is a plain array, which is taken as it is.
"""

from __future__ import annotations

import numpy as np


class Ids(np.ndarray):
    """An array of ids; made by ``Vocabulary.to_ids`` and by pieces.

    Attributes:
        vocabulary: the fingerprint of the vocabulary; None if it is unknown.
    """

    vocabulary: str | None

    def __array_finalize__(self, source) -> None:
        self.vocabulary = getattr(source, "vocabulary", None)

    def __array_wrap__(self, array, context=None, return_scalar=False):
        array = np.asarray(array)
        return array if array.ndim else array[()]

    def __reduce__(self) -> tuple:
        return with_vocabulary, (np.array(self), self.vocabulary)


def with_vocabulary(ids: np.ndarray, fingerprint: str | None) -> np.ndarray:
    """Returns a view of ids that carries a vocabulary's fingerprint; the ids themselves for None."""
    if fingerprint is None:
        return ids
    view = ids.view(Ids)
    view.vocabulary = fingerprint
    return view


def vocabulary_of(music) -> str | None:
    """Returns the fingerprint that ids or pieces carry; None if they carry none."""
    return getattr(music, "vocabulary", None)


def check_vocabulary(fingerprint: str | None, music, what: str = "these ids") -> None:
    """Raises ValueError where ids or pieces carry the fingerprint of another vocabulary.

    Args:
        fingerprint: of the right vocabulary; None if it is unknown.
        music: ids, pieces, or what else has a fingerprint as its ``vocabulary``; without one it is not checked.
        what: names them in the message.
    """
    found = vocabulary_of(music)
    if None not in (found, fingerprint) and found != fingerprint:
        raise ValueError(
            f"{what} were made with another vocabulary (fingerprint {found}, and here it is {fingerprint}); prepare the"
            " music with the run's own, dataset.prepare(split, run.encoding, vocabulary=run.vocabulary)"
        )
