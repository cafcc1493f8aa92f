"""Vocabulary: maps tokens to ids and back.

Ids 0 to 3 are reserved: padding, start of a piece, end of a piece, unknown token. The others are sorted by frequency,
most frequent first. In a labelled dataset each piece begins with its label, a token such as ``label:Irish``, on which
what follows is conditioned.

Source: Nitish Keskar et al., "CTRL: A Conditional Transformer Language Model for Controllable Generation" (2019), for
labels as tokens.
"""

from __future__ import annotations

import collections
import functools
import hashlib
import json
import pathlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from musiclib.encodings.ids import Ids, check_vocabulary, with_vocabulary

PADDING, START, END, UNKNOWN = 0, 1, 2, 3
RESERVED = ("<pad>", "<start>", "<end>", "<unknown>")
MOST_UNKNOWN = 0.02  # of the held-out tokens; more of them distorts every figure
LABEL = "label:"  # begins the tokens of labels


class Vocabulary:
    """An immutable list of tokens; a token's index is its id.

    Args:
        tokens: every token once, the four reserved ones first. ``Vocabulary.build`` collects them from pieces.

    Raises:
        ValueError: if the reserved tokens are not first, or a token occurs twice.
    """

    def __init__(self, tokens: Sequence[str]) -> None:
        self.tokens = tuple(tokens)
        if self.tokens[: len(RESERVED)] != RESERVED:
            raise ValueError(f"a vocabulary begins with {', '.join(RESERVED)}; this one begins {self.tokens[:4]}")
        self._ids = {token: i for i, token in enumerate(self.tokens)}
        if len(self._ids) != len(self.tokens):
            twice = next(token for token, count in collections.Counter(self.tokens).items() if count > 1)
            raise ValueError(f"the token {twice!r} occurs twice in the vocabulary; tokens must be unique")

    @classmethod
    def build(cls, token_lists: Iterable[Sequence[str]], minimum_count: int = 1) -> Vocabulary:
        """Collects the tokens of some pieces, most frequent first (ties in alphabetical order).

        Args:
            token_lists: one list of tokens per piece.
            minimum_count: tokens that occur less often are left out. With 2 or more, ``<unknown>`` occurs in the
                training data, so that a network learns a probability for it.

        Raises:
            ValueError: if no token is left.
        """
        return cls.from_counts(collections.Counter(token for tokens in token_lists for token in tokens), minimum_count)

    @classmethod
    def from_counts(cls, counts: Mapping[str, int], minimum_count: int = 1) -> Vocabulary:
        """Builds a vocabulary from token counts.

        Args:
            counts: number of occurrences of each token.
            minimum_count: tokens that occur less often are left out.

        Raises:
            ValueError: if no token is left.
        """
        kept = sorted((t for t, n in counts.items() if n >= minimum_count), key=lambda t: (-counts[t], t))
        if not kept:
            raise ValueError(
                f"no token occurs at least {minimum_count} times in this music; give more of it, lower minimum_count,"
                " or choose another encoding or grid by encodings.advise"
            )
        return cls(RESERVED + tuple(kept))

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, in alphabetical order."""
        return labels(self.tokens)

    @functools.cached_property
    def fingerprint(self) -> str:
        """The first 16 hexadecimal digits of a SHA-256 over the tokens."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:16]

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: str) -> bool:
        return token in self._ids

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self.tokens == other.tokens

    __hash__ = None

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} tokens, {len(RESERVED)} of them reserved)"

    def to_ids(self, tokens: Sequence[str], allow_unknown: bool = False) -> Ids:
        """Converts tokens to ids, (n,) int32, which carry the fingerprint of this vocabulary.

        Args:
            tokens: the tokens of one piece.
            allow_unknown: map tokens outside the vocabulary to ``<unknown>``.

        Raises:
            ValueError: at a token outside the vocabulary, unless ``allow_unknown``.
        """
        if not allow_unknown:
            for token in tokens:
                if token not in self._ids:
                    raise ValueError(
                        f"the token {token!r} is not in this vocabulary of {len(self)}; encode with the options it was"
                        " built with, or pass allow_unknown=True"
                    )
        ids = np.array([self._ids.get(token, UNKNOWN) for token in tokens], dtype=np.int32)
        return with_vocabulary(ids, self.fingerprint)

    def to_tokens(self, ids: Iterable[int]) -> list[str]:
        """Converts ids to tokens, without the reserved ones and labels.

        Raises:
            ValueError: at an id outside the vocabulary, or ids of another one.
        """
        check_vocabulary(self.fingerprint, ids)
        tokens = []
        for i in ids:
            if not 0 <= i < len(self.tokens):
                raise ValueError(f"the id {i} is outside this vocabulary, whose ids run from 0 to {len(self) - 1}")
            if i >= len(RESERVED) and not self.tokens[i].startswith(LABEL):
                tokens.append(self.tokens[i])
        return tokens

    def to_json(self) -> str:
        """Returns the vocabulary as JSON text."""
        return json.dumps({"tokens": self.tokens}, ensure_ascii=False, indent=0)

    @classmethod
    def from_json(cls, text: str) -> Vocabulary:
        """Inverse of ``to_json``; raises ValueError if the text is not a vocabulary."""
        try:
            tokens = json.loads(text)["tokens"]
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise ValueError(f"not a vocabulary in JSON ({error}); write one with Vocabulary.to_json") from error
        if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
            raise ValueError("not a vocabulary in JSON, a list of texts; write one with Vocabulary.to_json")
        return cls(tokens)

    @classmethod
    def load(cls, path: str | pathlib.Path) -> Vocabulary:
        """Loads a vocabulary file, the text of ``to_json``."""
        return cls.from_json(pathlib.Path(path).read_text(encoding="utf-8"))


def labels(tokens: Iterable[str]) -> tuple[str, ...]:
    """Returns the labels among tokens, without ``label:``, in alphabetical order."""
    return tuple(sorted(token.removeprefix(LABEL) for token in tokens if token.startswith(LABEL)))
