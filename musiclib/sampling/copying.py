"""A guard against copying: it bars every token that would make a copied passage of the training pieces too long.

A hash table holds every passage of ``limit + 1`` ids that occurs in the training pieces, as its first ``limit`` ids and
the id that follows them. During generation, the ids that follow the last ``limit`` ids there are barred. So passages
are copied up to the limit, and never beyond.
"""

from __future__ import annotations

import numpy as np
from keras import ops

from musiclib.dataset import Dataset, PairedPieces, Pieces
from musiclib.encodings import check_vocabulary
from musiclib.encodings.vocabulary import RESERVED, Vocabulary
from musiclib.sampling.rules import NEVER
from musiclib.score import passages

_CODES = 1 << 16  # larger ids share codes, which may bar a token needlessly, but never misses one


class Guard:
    """Limits copied passages to ``limit`` tokens in a row.

    Copies in other keys are found only where the pieces are in every key, as by
    ``dataset.prepare(..., transpositions=range(-5, 7))``. A primer is not changed, but passages that begin within it
    are limited too.

    Takes 20 to 30 bytes for each distinct passage of the pieces; one Guard serves any number of calls. A step looks up
    a handful of rows, which takes a few percent of a small network's time.

    Args:
        music: what not to copy: the training part of a dataset or of pairs (their targets), or pieces of ids. The ids
            must be of the run's vocabulary; for a dataset this is checked.
        limit: the longest passage that may be copied, in tokens; at least 1.

    Raises:
        ValueError: at a limit below 1, or where ``music`` is of another type.

    Example:
        ``sampling.generate(run, avoid_copying=sampling.Guard(data, 16))``
    """

    def __init__(self, music: Dataset | PairedPieces | Pieces, limit: int = 16) -> None:
        pieces = music.train if isinstance(music, Dataset) else music
        if not isinstance(pieces, (Pieces, PairedPieces)):
            raise ValueError(f"Guard needs a dataset, or pieces of ids such as its train, got {type(music).__name__}")
        if not (isinstance(limit, (int, np.integer)) and limit >= 1):
            raise ValueError(f"limit must be a whole number of tokens, at least 1, got {limit}")
        self.limit, self.vocabulary = int(limit), pieces.vocabulary
        rng = np.random.default_rng(0)
        # Two hashes, each a sum of random codes with random odd weights: 32-bit sums are the same on every backend.
        self._codes = rng.integers(-(2**31), 2**31, (_CODES, 2), dtype=np.int32)
        self._weights = rng.integers(-(2**31), 2**31, (self.limit, 2), dtype=np.int32) | np.int32(1)
        pieces = pieces.targets
        ids = np.asarray(pieces.ids)
        self.largest_id = int(ids.max(initial=0))
        starts = _passages(pieces, self.limit + 1)
        first, second = (self._sums(ids, starts, column) for column in range(2))
        following = ids[starts + self.limit].astype(np.int32)
        order = np.lexsort((following, second, first))
        rows = np.stack([first, second, following], axis=1)[order]
        new = np.ones(len(rows), dtype=bool)
        new[1:] = np.any(rows[1:] != rows[:-1], axis=1)
        rows = rows[new]
        # Consecutive rows with equal hashes are the ids that follow one passage.
        runs = np.diff(np.flatnonzero(np.append(np.any(rows[1:, :2] != rows[:-1, :2], axis=1), True)), prepend=-1)
        self.most_following = int(runs.max()) if len(rows) else 0
        # Buckets by the low bits of the first hash, at least two per row, so that each holds only a handful of rows.
        buckets = 1 << max(2 * len(rows), 1).bit_length()
        bucket = rows[:, 0] & np.int32(buckets - 1)
        rows = rows[np.argsort(bucket, kind="stable")]
        sizes = np.bincount(bucket, minlength=buckets)
        self.width = max(int(sizes.max()), 1)
        self._first = (np.cumsum(sizes) - sizes).astype(np.int32)
        self._rows = np.concatenate([rows, np.full((self.width, 3), -1, np.int32)])

    def __repr__(self) -> str:
        return f"Guard(limit={self.limit}, {len(self._rows) - self.width:,} passages)"

    @property
    def rules(self) -> tuple[int, int]:
        """The constants of a compiled loop: the limit, and the size of the largest bucket."""
        return self.limit, self.width

    @property
    def tables(self) -> tuple[np.ndarray, ...]:
        """The arrays that a compiled loop takes as arguments."""
        return self._codes, self._weights, self._first, self._rows

    def _sums(self, ids: np.ndarray, starts: np.ndarray, column: int) -> np.ndarray:
        codes = self._codes[ids & (_CODES - 1), column]
        total = np.zeros(len(starts), np.int32)
        for place in range(self.limit):
            total += self._weights[place, column] * codes[starts + place]  # wraps around
        return total


def checked(guard: Guard | None, vocabulary: Vocabulary, never: int = len(RESERVED)) -> Guard | None:
    """Returns the guard if it fits a vocabulary, of which ``never`` tokens are never generated.

    Raises:
        ValueError: where it is not a guard, its pieces are not of this vocabulary, or it could bar every token.
    """
    if guard is None:
        return None
    if not isinstance(guard, Guard):
        raise ValueError(
            "avoid_copying must be sampling.Guard(data, limit), with the training data, since a run does not contain"
            f" it; got {guard!r}"
        )
    check_vocabulary(vocabulary.fingerprint, guard, "the pieces of avoid_copying")
    if guard.largest_id >= len(vocabulary):
        raise ValueError(
            f"avoid_copying was given pieces with the id {guard.largest_id} and the run's vocabulary ends at"
            f" {len(vocabulary) - 1}; encode them with the run's own encoding and vocabulary"
        )
    if guard.most_following >= len(vocabulary) - never:
        raise ValueError(
            f"avoid_copying with a limit of {guard.limit} bars every token after some passage, since each one follows"
            " it in training; raise the limit"
        )
    return guard


def bar(logits, recent, tables: tuple, width: int):
    """Bars the tokens that follow the last ids in the guarded pieces.

    Args:
        logits: (batch, vocabulary).
        recent: (batch, limit) the last ids, padding before the start of a piece.
        tables: of a Guard.
        width: size of a Guard's largest bucket.

    Returns:
        Logits of the same shape.
    """
    codes, weights, first, rows = (ops.convert_to_tensor(table) for table in tables)
    recent = ops.take(codes, ops.bitwise_and(recent, _CODES - 1), axis=0)  # (batch, limit, 2)
    sums = ops.sum(recent * weights[None], axis=1)  # (batch, 2)
    start = ops.take(first, ops.bitwise_and(sums[:, 0], first.shape[0] - 1), axis=0)
    found = ops.take(rows, start[:, None] + ops.arange(width, dtype="int32")[None, :], axis=0)  # (batch, width, 3)
    same = ops.logical_and(found[:, :, 0] == sums[:, :1], found[:, :, 1] == sums[:, 1:])
    following = ops.where(same, found[:, :, 2], -1)
    tokens = ops.arange(logits.shape[-1], dtype="int32")
    barred = ops.any(following[:, :, None] == tokens[None, None, :], axis=1)
    return ops.where(barred, NEVER, logits)


def _passages(pieces: Pieces, length: int) -> np.ndarray:
    """Returns where passages of ``length`` ids within one piece and without reserved ids begin, (n,)."""
    starts = passages.starts(pieces.offsets, length)
    before = np.concatenate([[0], np.cumsum(np.asarray(pieces.ids) < len(RESERVED))])  # reserved ids before a place
    return starts[before[starts + length] == before[starts]]
